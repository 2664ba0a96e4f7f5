"""The probabilities of two classes from one score: each has its own digits, and they sum to 1."""

from dataclasses import dataclass

import numpy as np
import pytest

from chainrule import MLPClassifier, losses
from chainrule.formulas.records import Activation

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(20).normal(size=(60, 3))
BINARY = (X[:, 0] > 0).astype(int)


def small(**options):
    return MLPClassifier(
        **{"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0} | options
    )


def test_a_small_rest_keeps_its_digits_in_single_precision():
    model = small().fit(X.astype(np.float32), BINARY)
    model.coefs_[-1][:] = 0.0
    model.intercepts_[-1][:] = 40.0
    assert model.predict_proba(X[:1].astype(np.float32))[0, 0] == pytest.approx(np.exp(-40.0))


def test_rest_of_a_link_that_is_not_symmetric():
    """Two classes by a loss of one's own: the first class has what the second leaves."""

    @dataclass(frozen=True)
    class Gompit(Activation):
        """The complementary log-log link."""

        name = "gompit"
        latex = "1 - e^{-e^z}"
        slope_latex = "e^{z - e^z}"
        range = (0.0, 1.0)
        source = "Agresti (2015)"

        def value(self, xp, z):
            return -xp.expm1(-xp.exp(z))

        def slope(self, xp, z, a):
            return xp.exp(z - xp.exp(z))

    @dataclass(frozen=True)
    class GompitError(type(losses.mse)):
        """Half the squared distance to a probability."""

        name = "gompit_error"
        link = Gompit()
        domain = (0.0, 1.0)

        def value(self, xp, s, y):
            return (self.link.value(xp, s) - y) ** 2

        def gradient(self, xp, s, y):
            p = self.link.value(xp, s)
            return 2.0 * (p - y) * self.link.slope(xp, s, p)

        def rescaled(self, scale):
            return None

    model = small(loss=GompitError(), engine="reference").fit(X, BINARY)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-15)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), p, rtol=1e-9)
