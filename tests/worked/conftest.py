"""Loss and gradients of a network with given numbers, by the reference engine."""

import numpy as np
import pytest

from chainrule import Objective, Parameters, optimizers
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine


@pytest.fixture
def differentiate():
    """Return a function from network, loss, parameters, x and y to the loss and its gradient."""

    def differentiate(network, loss, parameters, x, y, **strengths):
        objective = Objective.with_strengths(network, loss, **strengths)
        x = np.asarray(x, dtype=np.float64)
        rows = Rows(x, objective.loss.encode(y, network.n_out, parameters.vector))
        engine = ReferenceEngine(objective, optimizers["sgd"])
        value, gradient = engine.gradient(parameters.vector, rows)
        return value, Parameters(parameters.layout, gradient)

    return differentiate


@pytest.fixture
def close():
    """Return the comparison of worked numbers: 1e-12 of the value, or of the array's largest."""

    def close(found, expected):
        found, expected = np.asarray(found), np.asarray(expected)
        assert found.size == expected.size
        largest = np.abs(expected).max()
        np.testing.assert_allclose(
            found.reshape(expected.shape), expected, rtol=1e-12, atol=1e-13 * min(largest, 1.0)
        )

    return close


@pytest.fixture
def compare():
    """Return the comparison within an ulp, in the dtype that is to come."""

    def compare(found, expected, dtype, rtol=None):
        found = np.asarray(found)
        assert found.dtype == dtype
        rtol = rtol or (1e-15 if dtype == np.float64 else 2e-7)
        tiny = 5e-324 if dtype == np.float64 else 1e-44
        # a tenth beyond 1 ulp: decimal constants of the table are rounded themselves
        with np.errstate(over="ignore"):
            expected = np.asarray(expected, dtype=np.float64).astype(dtype)
        np.testing.assert_allclose(found, expected, rtol=1.1 * rtol, atol=tiny)

    return compare
