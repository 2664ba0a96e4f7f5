"""Contract of engines: scores, losses and gradients are the numbers of the formulas, to rounding.

The truth is the reference engine in float64, whose own mathematics `tests/engines/test_reference`
proves by finite differences. The steps of training are in `test_engine_steps`.
"""

import numpy as np
import pytest
import scipy.sparse

from chainrule.engines.choice import registry
from chainrule.engines.engine import Engine, Rows
from chainrule.formulas.loss import losses


def test_answers_the_protocol(problems, comparing, engine_of):
    objective, _ = problems.problem([4, 3, 2], "mse", 8)
    engine = engine_of(objective, comparing.RULES["adam"])
    assert isinstance(engine, Engine)
    assert engine.name in {*registry, "toy"}
    assert (engine.objective, engine.optimizer) == (objective, comparing.RULES["adam"])


@pytest.mark.grid(3)
@pytest.mark.parametrize("loss", losses)
def test_scores_losses_and_gradients(problems, comparing, engine_of, hidden_layers, loss, dtype):
    for names in hidden_layers:
        widths = [5, 19, 7, 11, 6, 9, 8, 12][: len(names) + 1]
        objective, rows = problems.problem(
            [*widths, 3], loss, 37, dtype, names, weighted=True, l2=0.01, l1=0.001
        )
        comparing.answers(engine_of, objective, rows, dtype)


@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csr_array])
def test_sparse_rows(problems, comparing, engine_of, kind, dtype):
    objective, rows = problems.problem([30, 9, 2], "mse", 40, dtype, weighted=True)
    x = np.where(np.abs(rows.x) > 1.0, rows.x, 0.0).astype(dtype)
    thin = Rows(kind(x), rows.y, rows.weight)
    comparing.answers(engine_of, objective, thin, dtype)
    comparing.steps(problems, engine_of, objective, thin, dtype)


def test_a_row_of_weight_zero_is_absent(problems, comparing, engine_of):
    objective, rows = problems.problem([4, 9, 2], "mse", 6, l2=0.1)
    weight = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0])
    # targets so far off that any trace of them would show
    y = np.where(weight[:, None] == 0.0, 1e30, rows.y)
    vector = objective.network.start(0).vector
    engine, kept = engine_of(objective), Rows(rows.x[::2], rows.y[::2])
    loss, gradient = engine.gradient(vector, Rows(rows.x, y, 2.0 * weight))
    true_loss, true_gradient = engine.gradient(vector, kept)
    comparing.close(loss, true_loss, "loss", "float64")
    comparing.close(gradient, true_gradient, "gradient", "float64")
    comparing.close(
        engine.loss(vector, Rows(rows.x, y, 2.0 * weight)),
        engine.loss(vector, kept),
        "loss",
        "float64",
    )


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, np.bool_])
def test_inputs_are_converted(problems, engine_of, kind):
    objective, rows = problems.problem([4, 9, 2], "mse", 20)
    x = (np.abs(rows.x) * 3.0).astype(kind)
    vector = objective.network.start(0).vector
    engine, wide = engine_of(objective), x.astype(np.float64)
    np.testing.assert_array_equal(engine.scores(vector, x), engine.scores(vector, wide))
    loss, gradient = engine.gradient(vector, Rows(x, rows.y))
    true_loss, true_gradient = engine.gradient(vector, Rows(wide, rows.y))
    assert loss == true_loss
    np.testing.assert_array_equal(gradient, true_gradient)


def test_no_rows_have_no_scores(problems, engine_of):
    objective, rows = problems.problem([4, 9, 2], "mse", 5)
    vector = objective.network.start(0).vector
    assert engine_of(objective).scores(vector, rows.x[:0]).shape == (0, 2)


def test_rows_alone_are_as_among_others(problems, comparing, engine_of):
    objective, rows = problems.problem([5, 19, 7, 3], "mse", 30)
    vector, engine = objective.network.start(0).vector, engine_of(objective)
    together = engine.scores(vector, rows.x)
    for number in (0, 7, 29):
        alone = engine.scores(vector, rows.x[number : number + 1])
        comparing.close(alone, together[number : number + 1], "scores", "float64")


@pytest.mark.grid(3)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_matrix])
def test_sums_of_parts_of_a_batch_are_those_of_the_whole(
    problems, comparing, engine_of, kind, weighted, dtype
):
    objective, rows = problems.problem(
        [5, 19, 7, 3], "huber", 37, dtype, weighted=weighted, l2=0.1, dropout=0.2
    )
    rows = Rows(kind(rows.x), rows.y, rows.weight)
    engine, vector = engine_of(objective), objective.network.start(1, dtype).vector
    whole = engine.gradient_sum(vector, rows)
    assert whole.vector.dtype == dtype
    parts = [
        engine.gradient_sum(vector, Rows(*rows.take(slice(start, stop))))
        for start, stop in ((0, 16), (16, 17), (17, 37))
    ]
    summed = sum(part.vector.astype(np.float64) for part in parts)
    comparing.close(summed, whole.vector, "gradient", dtype)
    comparing.close(sum(part.loss for part in parts), whole.loss, "loss", dtype)
    comparing.close(sum(part.weight for part in parts), whole.weight, "loss", dtype)
    # the gradient of the whole batch: the mean, and penalties once
    loss, gradient = engine.gradient(vector, rows)
    parameters = objective.network.parameters(vector)
    mean = objective.with_penalties(parameters, (summed / len(rows)).astype(dtype))
    comparing.close(gradient, mean, "gradient", dtype)
    price = float(objective.penalty(np, parameters))
    comparing.close(loss, whole.loss / len(rows) + price, "loss", dtype)


def test_sums_of_absent_rows_are_nothing(problems, engine_of):
    objective, rows = problems.problem([4, 9, 2], "mse", 6)
    engine, vector = engine_of(objective), objective.network.start(0).vector
    # targets so far off that any trace of them would show
    found = engine.gradient_sum(vector, Rows(rows.x, np.full_like(rows.y, 1e30), np.zeros(6)))
    assert (found.loss, found.weight, np.abs(found.vector).max()) == (0.0, 0.0, 0.0)


@pytest.mark.grid(2)
def test_gradients_of_many_rows(problems, comparing, engine_of):
    objective, rows = problems.problem([3, 8, 2], "huber", 5000, "float64", weighted=True)
    comparing.answers(engine_of, objective, rows, "float64")
