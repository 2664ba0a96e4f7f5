"""Contract of engines: the steps of training are those of the formulas, to rounding."""

import numpy as np
import pytest

from chainrule import Dense, Network, Objective, rate_factors
from chainrule.engines.engine import Rows
from chainrule.model.dropout import is_kept, step_keys

LARGEST = float(np.finfo(np.float64).max)


@pytest.mark.grid(3)
@pytest.mark.parametrize("weighted", [False, True])
def test_steps_of_every_rule(problems, comparing, engine_of, rule, weighted, dtype):
    objective, rows = problems.problem(
        [5, 19, 7, 3], "mse", 75, dtype, weighted=weighted, l2=0.02, l1=0.003
    )
    comparing.steps(problems, engine_of, objective, rows, dtype, rule)


RATES = {
    "one for all": [rate_factors.get("constant", weight=0.3, bias=0.3)] * 3,
    "ntk": ["ntk"] * 3,
    "one layer": ["constant", rate_factors.get("constant", weight=0.25), "constant"],
    "biases": [rate_factors.get("constant", bias=0.1)] * 3,
}


@pytest.mark.grid(15)
@pytest.mark.parametrize("rates", RATES)
def test_rate_factors(problems, comparing, engine_of, rule, rates, dtype):
    objective, rows = problems.problem([5, 19, 7, 3], "mse", 75, dtype, l2=0.02, rates=RATES[rates])
    comparing.steps(problems, engine_of, objective, rows, dtype, rule)


@pytest.mark.grid(3)
def test_each_part_moves_as_a_network_with_its_rate_does(problems, comparing, engine_of, rule):
    """The parts of one step are those of steps of the whole network, each at its own rate."""
    rates = [rate_factors.get("constant", weight=w, bias=b) for w, b in ((0.5, 2), (1, 1), (0, 3))]
    ends = []
    for chosen in (rates, None):
        objective, rows = problems.problem([5, 19, 7, 3], "mse", 16, l2=0.02, rates=chosen)
        engine, layout = engine_of(objective, comparing.RULES[rule]), objective.network.layout
        for factor in layout.distinct_rate_factors if chosen else (0.5, 2.0, 1.0, 0.0, 3.0):
            start = problems.position(objective.network, comparing.RULES[rule])
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
    before = problems.position(objective.network, comparing.RULES[rule]).vector
    np.testing.assert_array_equal(end.vector[frozen.at], before[frozen.at])


@pytest.mark.grid(3)
@pytest.mark.parametrize("price", [{}, {"l2": 0.3}, {"l1": 0.05}, {"l2": 0.3, "l1": 0.05}])
def test_penalties(problems, comparing, engine_of, price, dtype):
    objective, rows = problems.problem([5, 9, 2], "huber", 40, dtype, **price)
    comparing.answers(engine_of, objective, rows, dtype)
    comparing.steps(problems, engine_of, objective, rows, dtype)


@pytest.mark.parametrize("dropout", [0.4, (0.0, 0.5)])
def test_masks_of_dropout(problems, comparing, engine_of, dropout, dtype):
    objective, rows = problems.problem(
        [5, 19, 7, 3], "mse", 75, dtype, weighted=True, dropout=dropout
    )
    comparing.answers(engine_of, objective, rows, dtype)
    comparing.steps(problems, engine_of, objective, rows, dtype)


def test_units_left_out_are_those_of_the_masks(problems, comparing, engine_of):
    # with inputs of 1, weights of 1 and one batch per step, the loss counts the units that are kept
    network = Network(Dense(1, 40, "linear"), Dense(40, 1))
    engine = engine_of(Objective(network, "mse", dropout=0.25))
    vector = np.zeros(network.n_parameters)
    vector[:40] = vector[80:120] = 1.0
    rows, totals = Rows(np.ones((6, 1)), np.zeros((6, 1))), []
    for step in range(6):
        start = problems.Position(vector, comparing.RULES["sgd"].start(np, vector), step)
        totals.append(engine.epoch(start, rows, np.arange(6), 6, np.array([1e-300]), np.inf).loss)
    keys = step_keys(start.seed, 0, 6, 1)[:, 0]
    expected = [np.sum((is_kept(key, 6, 40, 0.25).sum(axis=1) / 0.75) ** 2.0) for key in keys]
    assert totals == pytest.approx(expected, rel=1e-12)


def test_the_seed_of_the_position_decides_about_masks(problems, comparing, engine_of):
    objective, rows = problems.problem([5, 19, 7, 3], "mse", 64, dropout=0.5)
    ends = []
    for seed in (1, 1, 2):
        start = problems.position(objective.network, comparing.RULES["momentum"])
        start.seed = seed
        engine = engine_of(objective, comparing.RULES["momentum"])
        ends.append(problems.run(engine, rows, start, np.arange(64), 16)[0].vector)
    np.testing.assert_array_equal(ends[0], ends[1])
    assert not np.allclose(ends[0], ends[2])


@pytest.mark.parametrize("rule", ["momentum", "adam"])
def test_a_batch_of_weight_zero_is_counted_and_changes_nothing(
    problems, comparing, engine_of, rule
):
    objective, rows = problems.problem([4, 9, 2], "mse", 48, l2=0.5)
    weight = np.ones(48)
    weight[16:32] = 0.0
    x = rows.x.copy()
    x[20] = np.nan  # a row of weight 0 is absent, whatever it holds
    rows = Rows(x, rows.y, weight)
    engine, start = (
        engine_of(objective, comparing.RULES[rule]),
        problems.position(objective.network, comparing.RULES[rule]),
    )
    engine.epoch(start, rows, np.arange(16), 16, np.array([0.01]), LARGEST)
    before = start.vector.tobytes()
    totals = engine.epoch(start, rows, np.arange(16, 32), 16, np.array([0.01]), LARGEST)
    assert (totals.steps, totals.weight, totals.loss, start.step) == (1, 0.0, 0.0, 2)
    assert start.vector.tobytes() == before
    totals = engine.epoch(start, rows, np.arange(16, 48), 16, np.array([0.01, 0.01]), LARGEST)
    assert (totals.steps, totals.weight, start.step) == (2, 16.0, 4)
    assert start.vector.tobytes() != before


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan, 1e200])
def test_an_epoch_stops_before_the_update_of_a_bad_batch(problems, comparing, engine_of, bad):
    objective, rows = problems.problem([4, 9, 2], "mse", 48)
    y = rows.y.copy()
    y[20] = bad
    start, good = (problems.position(objective.network, comparing.RULES["adam"]) for _ in range(2))
    engine = engine_of(objective, comparing.RULES["adam"])
    rates = np.array([0.01, 0.005, 0.001])
    totals = engine.epoch(start, Rows(rows.x, y), np.arange(48), 16, rates, LARGEST)
    assert (totals.steps, start.step) == (1, 1)
    assert not totals.last_loss <= LARGEST
    engine.epoch(good, rows, np.arange(16), 16, rates[:1], LARGEST)
    assert start.vector.tobytes() == good.vector.tobytes()


@pytest.mark.parametrize(("limit", "steps"), [(1e-9, 0), (0.0, 0), (np.inf, 2)])
def test_a_loss_above_the_limit_stops(problems, comparing, engine_of, limit, steps):
    objective, rows = problems.problem([4, 9, 2], "mse", 32)
    start = problems.position(objective.network, comparing.RULES["sgd"])
    before = start.vector.tobytes()
    engine = engine_of(objective)
    _, (totals,) = problems.run(engine, rows, start, np.arange(32), 16, limit=limit)
    assert totals.steps == start.step == steps
    assert (start.vector.tobytes() == before) == (steps == 0)
    assert np.isfinite(totals.last_loss)


@pytest.mark.parametrize("calls", [2, 3, 5])
def test_several_calls_are_one(problems, comparing, engine_of, calls):
    objective, rows = problems.problem([4, 9, 2], "mse", 75, dropout=0.3, l2=0.1)
    order = np.random.default_rng(2).permutation(75)
    ends = []
    for many in (1, calls):
        start = problems.position(objective.network, comparing.RULES["adam"])
        engine = engine_of(objective, comparing.RULES["adam"])
        ends.append(problems.run(engine, rows, start, order, 16, calls=many)[0])
    one, two = ends
    assert one.step == two.step == 5
    for array, other in zip((one.vector, *one.slots), (two.vector, *two.slots), strict=True):
        np.testing.assert_array_equal(array, other)
