"""Contract of engines: the numbers of the formulas, to rounding.

The truth is the reference engine in float64, whose own mathematics `tests/engines/test_reference`
proves by finite differences.
"""

import numpy as np
import pytest
import scipy.sparse

from chainrule import Dense, Network, Objective, optimizers, rate_factors
from chainrule.engines.choice import choose_engine, registry
from chainrule.engines.engine import Engine, Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.formulas.loss import losses
from chainrule.formulas.records import activations
from chainrule.model.dropout import is_kept, step_keys

# JAX compiles a program for each shape and formula, for a tenth of a second and more.
ENGINES = [
    pytest.param(name, marks=[pytest.mark.slow] if name == "jax" else [])
    for name in (*registry, "toy")
]
# How far an answer may be off, relative to the largest number of its array: some four times what
# was measured.
TOLERANCE = {
    "float32": {
        "scores": 1.5e-6,
        "predictions": 6e-7,
        "loss": 1.5e-6,
        "gradient": 6e-6,
        "steps": 3e-6,
    },
    "float64": {
        "scores": 3e-15,
        "predictions": 1e-15,
        "loss": 3e-15,
        "gradient": 4e-15,
        "steps": 5e-15,
    },
}
RULES = {
    "sgd": optimizers.get("sgd"),
    "momentum": optimizers.get("sgd", momentum=0.9),
    "nesterov": optimizers.get("sgd", momentum=0.9, nesterov=True),
    "adam": optimizers.get("adam"),
    "adamw": optimizers.get("adamw", weight_decay=0.1),
    "rmsprop": optimizers.get("rmsprop"),
    "averaged": optimizers.get("adamw", averaging=0.9),
    "clipped": optimizers.get("sgd", momentum=0.9, clip_norm=0.1),
    "clipped sometimes": optimizers.get("adamw", clip_norm=0.4, averaging=0.5),
    "never clipped": optimizers.get("rmsprop", clip_norm=1e6),
}
LARGEST = float(np.finfo(np.float64).max)


@pytest.fixture(params=ENGINES)
def engine_of(request):
    """Return the maker of the engine of a name; of the compiled one only where it can be."""
    if request.param == "toy":
        request.getfixturevalue("toy")
    needs = {"compiled": "llvmlite", "jax": "jax"}
    if request.param in needs:
        pytest.importorskip(needs[request.param])

    def make(objective, rule=RULES["sgd"]):
        return choose_engine(request.param, objective, rule)

    return make


def close(got, true, question, dtype):
    got, true = np.asarray(got, np.float64), np.asarray(true, np.float64)
    scale = np.abs(true).max() if true.size else 1.0
    tolerance = TOLERANCE[dtype][question] * max(scale, 1e-12)
    np.testing.assert_allclose(got, true, rtol=0, atol=tolerance, err_msg=question)


def exact(rows):
    """Return the same numbers in float64, written out."""
    x = (rows.x.toarray() if hasattr(rows.x, "toarray") else rows.x).astype(np.float64)
    weight = None if rows.weight is None else rows.weight.astype(np.float64)
    return Rows(x, rows.y.astype(np.float64), weight)


def compare_answers(engine_of, objective, rows, dtype):
    whole = Objective(objective.network, objective.loss, objective.penalties)
    engine, truth = engine_of(objective), ReferenceEngine(whole, RULES["sgd"])
    vector = objective.network.start(1, dtype).vector
    before, wide, true_rows = vector.tobytes(), vector.astype(np.float64), exact(rows)
    scores = engine.scores(vector, rows.x)
    assert scores.dtype == dtype
    close(scores, truth.scores(wide, true_rows.x), "scores", dtype)
    predictions = engine.predictions(scores)
    assert predictions.dtype == dtype
    close(predictions, truth.predictions(scores.astype(np.float64)), "predictions", dtype)
    close(engine.loss(vector, rows), truth.loss(wide, true_rows), "loss", dtype)
    loss, gradient = engine.gradient(vector, rows)
    true_loss, true_gradient = truth.gradient(wide, true_rows)
    close(loss, true_loss, "loss", dtype)
    assert gradient.dtype == dtype
    close(gradient, true_gradient, "gradient", dtype)
    assert vector.tobytes() == before


def compare_steps(problems, engine_of, objective, rows, dtype, rule="momentum", **options):
    """Compare a run of two calls; the last batch is short."""
    order = np.random.default_rng(3).permutation(len(rows))
    ends = []
    for make, some, kind in ((engine_of, rows, dtype), (ReferenceEngine, exact(rows), "float64")):
        start = problems.position(objective.network, RULES[rule], dtype)
        start.vector = start.vector.astype(kind)
        start.slots = tuple(slot.astype(kind) for slot in start.slots)
        handed_in = [start.vector, *start.slots]
        before = [array.tobytes() for array in handed_in]
        engine = make(objective, RULES[rule])
        ends.append(problems.run(engine, some, start, order, 16, calls=2, **options))
        assert [array.tobytes() for array in handed_in] == before
    (end, totals), (true_end, true_totals) = ends
    assert end.step == true_end.step == -(-len(rows) // 16)
    assert end.vector.dtype == dtype
    close(end.vector, true_end.vector, "steps", dtype)
    for slot, true_slot in zip(end.slots, true_end.slots, strict=True):
        assert slot.dtype == dtype
        close(slot, true_slot, "steps", dtype)
    for one, true in zip(totals, true_totals, strict=True):
        assert one.steps == true.steps
        for name in ("loss", "weight", "last_loss"):
            close(getattr(one, name), getattr(true, name), "steps", dtype)


def test_answers_the_protocol(problems, engine_of):
    objective, _ = problems.problem([4, 3, 2], "mse", 8)
    engine = engine_of(objective, RULES["adam"])
    assert isinstance(engine, Engine)
    assert engine.name in {*registry, "toy"}
    assert (engine.objective, engine.optimizer) == (objective, RULES["adam"])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("loss", losses)
def test_scores_losses_and_gradients(problems, engine_of, loss, dtype):
    for activation in activations:
        objective, rows = problems.problem(
            [5, 19, 7, 3], loss, 37, dtype, activation, weighted=True, l2=0.01, l1=0.001
        )
        compare_answers(engine_of, objective, rows, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_steps_of_every_rule(problems, engine_of, rule, weighted, dtype):
    objective, rows = problems.problem(
        [5, 19, 7, 3], "mse", 75, dtype, weighted=weighted, l2=0.02, l1=0.003
    )
    compare_steps(problems, engine_of, objective, rows, dtype, rule)


RATES = {
    "one for all": [rate_factors.get("constant", weight=0.3, bias=0.3)] * 3,
    "ntk": ["ntk"] * 3,
    "one layer": ["constant", rate_factors.get("constant", weight=0.25), "constant"],
    "biases": [rate_factors.get("constant", bias=0.1)] * 3,
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("rule", RULES)
def test_rate_factors(problems, engine_of, rule, rates, dtype):
    objective, rows = problems.problem([5, 19, 7, 3], "mse", 75, dtype, l2=0.02, rates=RATES[rates])
    compare_steps(problems, engine_of, objective, rows, dtype, rule)


@pytest.mark.parametrize("rule", RULES)
def test_each_part_moves_as_a_network_with_its_rate_does(problems, engine_of, rule):
    """The parts of one step are those of steps of the whole network, each at its own rate."""
    rates = [rate_factors.get("constant", weight=w, bias=b) for w, b in ((0.5, 2), (1, 1), (0, 3))]
    ends = []
    for chosen in (rates, None):
        objective, rows = problems.problem([5, 19, 7, 3], "mse", 16, l2=0.02, rates=chosen)
        engine, layout = engine_of(objective, RULES[rule]), objective.network.layout
        for factor in layout.distinct_rate_factors if chosen else (0.5, 2.0, 1.0, 0.0, 3.0):
            start = problems.position(objective.network, RULES[rule])
            rate = np.array([0.125 if chosen else 0.125 * factor])
            engine.epoch(start, rows, np.arange(16), 16, rate, LARGEST)
            ends.append((factor, start))
            if chosen:
                spans = layout.spans
                break
    (_, end), *others = ends
    by_factor = dict(others)
    for span in spans:
        alone = by_factor[span.rate_factor]
        np.testing.assert_array_equal(end.vector[span.at], alone.vector[span.at])
        for slot, other in zip(end.slots, alone.slots, strict=True):
            np.testing.assert_array_equal(slot[span.at], other[span.at])
    frozen = spans[-2]
    assert frozen.rate_factor == 0.0
    before = problems.position(objective.network, RULES[rule]).vector
    np.testing.assert_array_equal(end.vector[frozen.at], before[frozen.at])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("price", [{}, {"l2": 0.3}, {"l1": 0.05}, {"l2": 0.3, "l1": 0.05}])
def test_penalties(problems, engine_of, price, dtype):
    objective, rows = problems.problem([5, 9, 2], "huber", 40, dtype, **price)
    compare_answers(engine_of, objective, rows, dtype)
    compare_steps(problems, engine_of, objective, rows, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csr_array])
def test_sparse_rows(problems, engine_of, kind, dtype):
    objective, rows = problems.problem([30, 9, 2], "mse", 40, dtype, weighted=True)
    x = np.where(np.abs(rows.x) > 1.0, rows.x, 0.0).astype(dtype)
    thin = Rows(kind(x), rows.y, rows.weight)
    compare_answers(engine_of, objective, thin, dtype)
    compare_steps(problems, engine_of, objective, thin, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("dropout", [0.4, (0.0, 0.5)])
def test_masks_of_dropout(problems, engine_of, dropout, dtype):
    objective, rows = problems.problem(
        [5, 19, 7, 3], "mse", 75, dtype, weighted=True, dropout=dropout
    )
    compare_answers(engine_of, objective, rows, dtype)
    compare_steps(problems, engine_of, objective, rows, dtype)


def test_units_left_out_are_those_of_the_masks(problems, engine_of):
    # with inputs of 1, weights of 1 and one batch per step, the loss counts the units that are kept
    network = Network(Dense(1, 40, "linear"), Dense(40, 1))
    engine = engine_of(Objective(network, "mse", dropout=0.25))
    vector = np.zeros(network.n_parameters)
    vector[:40] = vector[80:120] = 1.0
    rows, totals = Rows(np.ones((6, 1)), np.zeros((6, 1))), []
    for step in range(6):
        start = problems.Position(vector, RULES["sgd"].start(np, vector), step)
        totals.append(engine.epoch(start, rows, np.arange(6), 6, np.array([1e-300]), np.inf).loss)
    keys = step_keys(start.seed, 0, 6, 1)[:, 0]
    expected = [np.sum((is_kept(key, 6, 40, 0.25).sum(axis=1) / 0.75) ** 2.0) for key in keys]
    assert totals == pytest.approx(expected, rel=1e-12)


def test_the_seed_of_the_position_decides_about_masks(problems, engine_of):
    objective, rows = problems.problem([5, 19, 7, 3], "mse", 64, dropout=0.5)
    ends = []
    for seed in (1, 1, 2):
        start = problems.position(objective.network, RULES["momentum"])
        start.seed = seed
        engine = engine_of(objective, RULES["momentum"])
        ends.append(problems.run(engine, rows, start, np.arange(64), 16)[0].vector)
    np.testing.assert_array_equal(ends[0], ends[1])
    assert not np.allclose(ends[0], ends[2])


@pytest.mark.parametrize("rule", ["momentum", "adam"])
def test_a_batch_of_weight_zero_is_counted_and_changes_nothing(problems, engine_of, rule):
    objective, rows = problems.problem([4, 9, 2], "mse", 48, l2=0.5)
    weight = np.ones(48)
    weight[16:32] = 0.0
    x = rows.x.copy()
    x[20] = np.nan  # a row of weight 0 is absent, whatever it holds
    rows = Rows(x, rows.y, weight)
    engine, start = (
        engine_of(objective, RULES[rule]),
        problems.position(objective.network, RULES[rule]),
    )
    engine.epoch(start, rows, np.arange(16), 16, np.array([0.01]), LARGEST)
    before = start.vector.tobytes()
    totals = engine.epoch(start, rows, np.arange(16, 32), 16, np.array([0.01]), LARGEST)
    assert (totals.steps, totals.weight, totals.loss, start.step) == (1, 0.0, 0.0, 2)
    assert start.vector.tobytes() == before
    totals = engine.epoch(start, rows, np.arange(16, 48), 16, np.array([0.01, 0.01]), LARGEST)
    assert (totals.steps, totals.weight, start.step) == (2, 16.0, 4)
    assert start.vector.tobytes() != before


def test_a_row_of_weight_zero_is_absent(problems, engine_of):
    objective, rows = problems.problem([4, 9, 2], "mse", 6, l2=0.1)
    weight = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0])
    # targets so far off that any trace of them would show
    y = np.where(weight[:, None] == 0.0, 1e30, rows.y)
    vector = objective.network.start(0).vector
    engine, kept = engine_of(objective), Rows(rows.x[::2], rows.y[::2])
    loss, gradient = engine.gradient(vector, Rows(rows.x, y, 2.0 * weight))
    true_loss, true_gradient = engine.gradient(vector, kept)
    close(loss, true_loss, "loss", "float64")
    close(gradient, true_gradient, "gradient", "float64")
    close(
        engine.loss(vector, Rows(rows.x, y, 2.0 * weight)),
        engine.loss(vector, kept),
        "loss",
        "float64",
    )


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan, 1e200])
def test_an_epoch_stops_before_the_update_of_a_bad_batch(problems, engine_of, bad):
    objective, rows = problems.problem([4, 9, 2], "mse", 48)
    y = rows.y.copy()
    y[20] = bad
    start, good = (problems.position(objective.network, RULES["adam"]) for _ in range(2))
    engine = engine_of(objective, RULES["adam"])
    rates = np.array([0.01, 0.005, 0.001])
    totals = engine.epoch(start, Rows(rows.x, y), np.arange(48), 16, rates, LARGEST)
    assert (totals.steps, start.step) == (1, 1)
    assert not totals.last_loss <= LARGEST
    engine.epoch(good, rows, np.arange(16), 16, rates[:1], LARGEST)
    assert start.vector.tobytes() == good.vector.tobytes()


@pytest.mark.parametrize(("limit", "steps"), [(1e-9, 0), (0.0, 0), (np.inf, 2)])
def test_a_loss_above_the_limit_stops(problems, engine_of, limit, steps):
    objective, rows = problems.problem([4, 9, 2], "mse", 32)
    start = problems.position(objective.network, RULES["sgd"])
    before = start.vector.tobytes()
    engine = engine_of(objective)
    _, (totals,) = problems.run(engine, rows, start, np.arange(32), 16, limit=limit)
    assert totals.steps == start.step == steps
    assert (start.vector.tobytes() == before) == (steps == 0)
    assert np.isfinite(totals.last_loss)


@pytest.mark.parametrize("calls", [2, 3, 5])
def test_several_calls_are_one(problems, engine_of, calls):
    objective, rows = problems.problem([4, 9, 2], "mse", 75, dropout=0.3, l2=0.1)
    order = np.random.default_rng(2).permutation(75)
    ends = []
    for many in (1, calls):
        start = problems.position(objective.network, RULES["adam"])
        engine = engine_of(objective, RULES["adam"])
        ends.append(problems.run(engine, rows, start, order, 16, calls=many)[0])
    one, two = ends
    assert one.step == two.step == 5
    for array, other in zip((one.vector, *one.slots), (two.vector, *two.slots), strict=True):
        np.testing.assert_array_equal(array, other)


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


def test_rows_alone_are_as_among_others(problems, engine_of):
    objective, rows = problems.problem([5, 19, 7, 3], "mse", 30)
    vector, engine = objective.network.start(0).vector, engine_of(objective)
    together = engine.scores(vector, rows.x)
    for number in (0, 7, 29):
        alone = engine.scores(vector, rows.x[number : number + 1])
        close(alone, together[number : number + 1], "scores", "float64")


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_matrix])
def test_sums_of_parts_of_a_batch_are_those_of_the_whole(
    problems, engine_of, kind, weighted, dtype
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
    close(summed, whole.vector, "gradient", dtype)
    close(sum(part.loss for part in parts), whole.loss, "loss", dtype)
    close(sum(part.weight for part in parts), whole.weight, "loss", dtype)
    # the gradient of the whole batch: the mean, and penalties once
    loss, gradient = engine.gradient(vector, rows)
    parameters = objective.network.parameters(vector)
    mean = objective.with_penalties(parameters, (summed / len(rows)).astype(dtype))
    close(gradient, mean, "gradient", dtype)
    price = float(objective.penalty(np, parameters))
    close(loss, whole.loss / len(rows) + price, "loss", dtype)


def test_sums_of_absent_rows_are_nothing(problems, engine_of):
    objective, rows = problems.problem([4, 9, 2], "mse", 6)
    engine, vector = engine_of(objective), objective.network.start(0).vector
    # targets so far off that any trace of them would show
    found = engine.gradient_sum(vector, Rows(rows.x, np.full_like(rows.y, 1e30), np.zeros(6)))
    assert (found.loss, found.weight, np.abs(found.vector).max()) == (0.0, 0.0, 0.0)


def test_gradients_of_many_rows(problems, engine_of):
    objective, rows = problems.problem([3, 8, 2], "huber", 5000, "float64", weighted=True)
    compare_answers(engine_of, objective, rows, "float64")
