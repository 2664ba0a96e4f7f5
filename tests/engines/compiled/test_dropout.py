"""Dropout in both engines: the same masks, in steps of training only."""

import numpy as np
import pytest

from chainrule import optimizers
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.formulas.records import activations
from chainrule.model.objective import Objective

TOLERANCE = {"float32": 3e-4, "float64": 1e-10}
RULE = optimizers.get("sgd", momentum=0.9)


def compare_steps(problems, objective, rows, dtype, batch=16, first=0, rate=0.01):
    order = np.random.default_rng(3).permutation(len(rows))
    ends = []
    for kind in (CompiledEngine, ReferenceEngine):
        start = problems.position(objective.network, RULE, dtype)
        start.step = first
        engine = kind(objective, RULE)
        end, totals = problems.run(engine, rows, start, order, batch, calls=2, rate=rate)
        ends.append((end.vector, *end.slots, [total.loss for total in totals]))
    for one, two in zip(*ends, strict=True):
        two = np.asarray(two, np.float64)
        np.testing.assert_allclose(one, two, rtol=0, atol=TOLERANCE[dtype] * np.abs(two).max())


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("activation", list(activations))
def test_every_activation(problems, activation, dtype):
    objective, rows = problems.problem(
        [5, 19, 7, 3], "mse", 75, dtype, activation, weighted=True, l2=0.02, dropout=[0.2, 0.5]
    )
    # small inputs, for the exponential of an exponential
    rows = Rows(0.1 * rows.x, rows.y, rows.weight)
    compare_steps(problems, objective, rows, dtype, rate=1e-4)


@pytest.mark.parametrize("dropout", [0.3, (0.5, 0.0), (0.0, 0.01)])
@pytest.mark.parametrize("widths", [[3, 1, 2], [33, 100, 17], [70, 200, 130]])
def test_shapes_around_vectors_and_rates(problems, widths, dropout):
    widths = [*widths, 4]
    objective, rows = problems.problem(widths, "mse", 100, "float32", "relu", dropout=dropout)
    compare_steps(problems, objective, rows, "float32", batch=37)


def test_late_steps_have_their_own_masks(problems):
    objective, rows = problems.problem([5, 19, 7, 3], "mse", 64, dropout=0.5)
    compare_steps(problems, objective, rows, "float64", first=2**33 + 5)


@pytest.mark.parametrize("engine", [CompiledEngine, ReferenceEngine])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_scores_losses_and_gradients_are_of_the_whole_network(problems, engine, dtype):
    whole, rows = problems.problem([5, 19, 7, 3], "mse", 75, dtype, weighted=True)
    thinned = Objective(whole.network, whole.loss, dropout=0.5)
    vector = whole.network.start(1, dtype).vector
    one, two = (engine(objective, RULE) for objective in (whole, thinned))
    np.testing.assert_array_equal(one.scores(vector, rows.x), two.scores(vector, rows.x))
    assert one.loss(vector, rows) == two.loss(vector, rows)
    np.testing.assert_array_equal(one.gradient(vector, rows)[1], two.gradient(vector, rows)[1])
    # also after steps with masks, in the same workspaces
    start = problems.position(whole.network, RULE, dtype)
    problems.run(two, rows, start, np.arange(75), 75)
    np.testing.assert_array_equal(one.gradient(vector, rows)[1], two.gradient(vector, rows)[1])
    np.testing.assert_array_equal(one.scores(vector, rows.x), two.scores(vector, rows.x))
