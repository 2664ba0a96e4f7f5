"""Truths in arithmetic are 1 and 0, as in NumPy, whichever engine computes."""

import numpy as np
import pytest

from chainrule import Dense, Network
from chainrule.engines.prediction import Predictor
from chainrule.formulas.records import Activation
from chainrule.tracing.formulas import UntraceableError, activation_graph
from chainrule.tracing.interpreter import interpreted

Z = np.array([[-2.0, -0.5, 0.0, 0.5, 2.0]])


def product(xp, z):
    return z * (z > 0.0)


def difference(xp, z):
    return (z > 1.0) - 0.5 * z


def count(xp, z):
    return z + xp.sum(z > 0.0, axis=-1, keepdims=True)


def choice(xp, z):
    return xp.where(z > 0.0, z < 1.0, z)


class OfTruths(Activation):
    name = "of_truths"
    formula = staticmethod(product)

    def value(self, xp, z):
        return self.formula(xp, z)

    def slope(self, xp, z, a):
        return xp.ones_like(z)


@pytest.mark.parametrize("formula", [product, difference, count, choice])
def test_engines_and_interpreter_agree(formula):
    record = type(formula.__name__, (OfTruths,), {"formula": staticmethod(formula)})()
    wanted = record(Z)
    assert np.array_equal(interpreted(activation_graph(record), {"z": Z})[0], wanted)
    network = Network(Dense(5, 5, record, bias=False))
    vector = np.eye(5).ravel()
    for engine in ("reference", "compiled"):
        found = Predictor(network, "mse", engine).scores(vector, Z)
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_a_sum_of_truths_is_refused_because_libraries_differ():
    def both(xp, z):
        return (z > 0.0) + (z < 1.0)

    record = type("Both", (OfTruths,), {"formula": staticmethod(both)})()
    with pytest.raises(UntraceableError, match="adds truths"):
        activation_graph(record)
