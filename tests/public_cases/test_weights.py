"""Weights of rows and classes: the cases C60 to C65."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.metrics import mean_absolute_error

from chainrule import MLPClassifier, MLPRegressor, losses

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::chainrule.foundation.errors.NoEffectWarning",
)


def test_c60_one_rule_for_loss_and_metric():
    y, p, weight = [5.0, 9.0], [4.0, 7.0], [0.0, 3.0]
    assert losses.mae(p, y, sample_weight=weight) == 2.0
    assert mean_absolute_error(y, p, sample_weight=weight) == 2.0
    x = np.array([[4.0], [7.0]])
    options = {"hidden_layer_sizes": (), "max_iter": 1, "learning_rate_init": 1e-300}
    model = MLPRegressor("mae", **options, scale_target=False, warm_start=True).fit(x, y)
    model.coefs_[0][:], model.intercepts_[0][:] = 1.0, 0.0
    assert model.fit(x, y, weight).loss_ == pytest.approx(2.0, rel=1e-12)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(("dtype", "atol"), [("float64", 1e-8), ("float32", 1e-3)])
def test_c61_rows_of_weight_zero_are_absent(X, y2, t, solver, engine, dtype, atol):
    weight = (np.arange(60) % 2).astype(float)
    options = {
        "solver": solver, "alpha": 0.1, "batch_size": 60, "shuffle": False, "max_iter": 10,
        "random_state": 0, "engine": engine, "dtype": dtype,
    }  # fmt: skip
    for estimator, y in ((MLPRegressor, t), (MLPClassifier, y2)):
        weighted = estimator(**options).fit(X, y, weight)
        kept = estimator(**options).fit(X[1::2], y[1::2])
        np.testing.assert_allclose(
            weighted.parameters_.vector, kept.parameters_.vector, rtol=0.0, atol=atol
        )
        assert weighted.loss_ == pytest.approx(kept.loss_, rel=atol)


@pytest.mark.grid(9)
@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
@pytest.mark.parametrize(("dtype", "vast"), [("float64", 1.7e308), ("float32", 3e38)])
def test_an_absent_row_may_hold_any_number(X, y2, t, kind, solver, dtype, vast):
    """Its products are infinite after some steps, and 0 times infinity is NaN."""
    as_given = scipy.sparse.csr_array if kind == "sparse" else np.asarray
    weight = np.ones(len(X))
    weight[3] = 0.0
    spoilt = X.copy()
    spoilt[3] = vast
    options = {"solver": solver, "max_iter": 100, "random_state": 0, "dtype": dtype}
    for estimator, y in ((MLPClassifier, y2), (MLPRegressor, t)):
        one, other = (
            estimator(**options).fit(as_given(rows.astype(dtype)), y, weight)
            for rows in (spoilt, X)
        )
        assert one.loss_curve_ == pytest.approx(other.loss_curve_, rel=1e-6)
        assert one.stopped_because_ == other.stopped_because_
        np.testing.assert_allclose(
            one.parameters_.vector, other.parameters_.vector, rtol=1e-5, atol=1e-6
        )
    assert spoilt[3, 0] == vast  # the user's array is left alone
