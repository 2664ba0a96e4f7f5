"""Layers of few outputs, where a lane is a row of the batch, or an input."""

import numpy as np
import pytest

from chainrule import optimizers
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.compiled.target import WIDTHS, host_target
from chainrule.engines.reference import ReferenceEngine

# more rows than are summed at once
ROWS = 150


@pytest.mark.parametrize("vector_bytes", WIDTHS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_out", [1, 2, 3, 4, 5, 8])
def test_gradient_of_few_outputs(problems, n_out, dtype, vector_bytes):
    rule, target = optimizers.get("sgd"), host_target(vector_bytes)
    for n_in in (1, 9, 50, 330):
        objective, rows = problems.problem([n_in, n_out], "mse", ROWS, dtype, weighted=True)
        vector = objective.network.start(1, dtype).vector
        loss, gradient = CompiledEngine(objective, rule, 1, target=target).gradient(vector, rows)
        true_loss, true = ReferenceEngine(objective, rule).gradient(vector, rows)
        digits = float(np.finfo(dtype).eps)
        assert loss == pytest.approx(true_loss, rel=20 * digits)
        np.testing.assert_allclose(gradient, true, rtol=0, atol=50 * digits * np.abs(true).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_out", [1, 2, 3, 4])
def test_a_row_alone_has_the_bits_of_a_row_among_many(problems, n_out, dtype):
    objective, rows = problems.problem([5, 21, n_out], "mse", ROWS, dtype, "softplus")
    rows.x[3] = np.inf
    engine = CompiledEngine(objective, optimizers.get("sgd"), 1)
    vector = objective.network.start(1, dtype).vector
    together = engine.scores(vector, rows.x)
    alone = np.concatenate([engine.scores(vector, rows.x[i : i + 1]) for i in range(ROWS)])
    assert np.isfinite(np.delete(together, 3, axis=0)).all()
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_begin_with_zeros_of_a_whole_panel(problems, dtype):
    # inputs of one vector, outputs of several
    objective, _ = problems.problem([2, 40], "mse", 8, dtype)
    engine = CompiledEngine(objective, optimizers.get("sgd"), 1)
    work = engine._new_workspace("train", np.dtype(dtype), 8, 0, 1)
    target = host_target()
    panel = target.panel_vectors * target.lanes(np.dtype(dtype).itemsize)
    assert len(work._zeros_row) >= panel
