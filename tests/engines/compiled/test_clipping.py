"""Clipping by the norm in machine code: where it acts, where not, and at the edges of numbers."""

import numpy as np
import pytest

from chainrule import Network, optimizers
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.model.objective import Objective

LARGEST = float(np.finfo(np.float64).max)


def steps(problems, objective, rows, rule, dtype="float64", engine=CompiledEngine, batch=16):
    start = problems.position(objective.network, rule, dtype)
    end, (totals,) = problems.run(
        engine(objective, rule), rows, start, np.arange(len(rows)), batch, limit=LARGEST
    )
    return end, totals


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", optimizers)
def test_a_norm_that_is_never_reached_changes_no_bit(problems, name, dtype):
    objective, rows = problems.problem([5, 19, 7, 3], "mse", 75, dtype, l2=0.02, l1=0.003)
    free, _ = steps(problems, objective, rows, optimizers.get(name, weight_decay=0.1), dtype)
    rule = optimizers.get(name, weight_decay=0.1, clip_norm=1e6)
    clipped, _ = steps(problems, objective, rows, rule, dtype)
    np.testing.assert_array_equal(clipped.vector, free.vector)
    for one, other in zip(clipped.slots, free.slots, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", [[3, 1], [3, 1, 1], [50, 17, 100, 3], [200, 130, 70, 2]])
def test_the_step_of_plain_descent_has_the_norm_asked_for(problems, widths, dtype):
    objective, rows = problems.problem(widths, "mse", 16, dtype, l2=0.1)
    rule = optimizers.get("sgd", clip_norm=1e-3)
    before = objective.network.start(0, dtype).vector.astype(np.float64)
    end, _ = steps(problems, objective, rows, rule, dtype)
    norm = np.linalg.norm(end.vector.astype(np.float64) - before)
    # rounding of the parameters, of which the step is a small part
    assert norm == pytest.approx(1e-5, rel=1e-2 if dtype == "float32" else 1e-10)


@pytest.mark.parametrize(("size", "dtype"), [(1e30, "float32"), (1e200, "float64")])
def test_gradients_whose_squares_overflow(problems, size, dtype):
    network = Network.of_widths([3, 40, 1], "relu")
    objective = Objective(network, "mae")
    random = np.random.default_rng(1)
    x = (size * random.normal(size=(32, 3))).astype(dtype)
    rows = Rows(x, np.zeros((32, 1), dtype))
    rule = optimizers.get("sgd", clip_norm=0.5)
    ends = [
        steps(problems, objective, rows, rule, dtype, engine)[0]
        for engine in (CompiledEngine, ReferenceEngine)
    ]
    assert np.isfinite(ends[0].vector).all()
    assert not np.array_equal(ends[0].vector, network.start(0, dtype).vector)
    np.testing.assert_allclose(
        ends[0].vector, ends[1].vector, rtol=1e-4 if dtype == "float32" else 1e-12
    )


@pytest.mark.parametrize("engine", [CompiledEngine, ReferenceEngine])
def test_a_gradient_that_is_not_finite_is_not_hidden(problems, engine):
    # the score is finite, its derivative by the first weight is not
    objective = Objective(Network.of_widths([2, 3, 1], "linear"), "mae")
    x = np.full((16, 2), 1e308)
    start = problems.position(objective.network, optimizers["sgd"])
    start.vector[:] = 0.0
    start.vector[-4:-1] = 1e3
    rule = optimizers.get("sgd", clip_norm=1.0)
    rates = np.array([0.1, 0.1])
    rows, order = Rows(x, np.ones((16, 1))), np.arange(32) % 16
    totals = engine(objective, rule).epoch(start, rows, order, 16, rates, LARGEST)
    assert totals.steps == 1
    assert not np.isfinite(totals.last_loss)
    assert not np.isfinite(start.vector).all()
