"""What keeps a fit small: penalties, smoothed labels, averaged parameters, clipping, dropout."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso

from chainrule import MLPClassifier, MLPRegressor
from chainrule.foundation.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(41)
X = RANDOM.normal(size=(120, 6))
T = 2.0 * X[:, 0] - X[:, 1] + 0.3 * RANDOM.normal(size=120)
BINARY = (T > 0.0).astype(int)
THREE = np.digitize(T, [-1.0, 1.0])


def classifier(**options):
    return MLPClassifier((8,), **{"max_iter": 10, "random_state": 0, "batch_size": 32} | options)


class TestL1:
    def test_it_is_the_lasso(self):
        model = MLPRegressor(
            hidden_layer_sizes=(),
            alpha=0.0,
            l1=0.2,
            scale_target=False,
            learning_rate="cosine",
            learning_rate_init=0.05,
            max_iter=400,
            n_iter_no_change=np.inf,
            random_state=0,
        ).fit(X, T)
        # theirs is half of ours: sum of squares over 2 n, plus alpha |w|
        theirs = Lasso(alpha=0.1).fit(X, T)
        np.testing.assert_allclose(model.coefs_[0][:, 0], theirs.coef_, atol=2e-3)
        assert (theirs.coef_[2:] == 0.0).any()
        assert model.penalty_curve_[-1] == pytest.approx(0.2 * np.abs(model.coefs_[0]).sum())

    def test_strength_is_a_number_of_at_least_0(self):
        with pytest.raises(InputError, match=r"l1 must be a number of at least 0; got -0\.1"):
            classifier(l1=-0.1).fit(X, BINARY)
