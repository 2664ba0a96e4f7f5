"""NaN, infinity, constants and scale: the cases C01 to C13."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule import MLPClassifier, MLPRegressor, losses
from chainrule.foundation.errors import DivergenceError, DivergenceWarning

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ESTIMATORS = [MLPClassifier, MLPRegressor]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_c01_a_cell_that_is_not_finite_at_fit(X, y2, estimator, dtype, value):
    X = X.astype(dtype)
    X[5, 1] = value
    named = r"X must be finite.*row 5, column 1"
    for given in (X, scipy.sparse.csr_array(X), X.tolist(), np.asfortranarray(X)):
        with pytest.raises(ValueError, match=named):
            estimator().fit(given, y2)
    with pytest.raises(ValueError, match=rf"{named} \('weight'\)"):
        estimator().fit(pd.DataFrame(X, columns=["height", "weight", "age"]), y2)
    with pytest.raises(ValueError, match=r"X_val must be finite|X must be finite"):
        estimator().fit(X[6:], y2[6:], X_val=X[:6], y_val=y2[:6])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rows", [1, 2, 5000])
def test_c02_a_cell_that_is_not_finite_at_predict(X, y2, t, rows, value):
    wrong = np.zeros((rows, 3))
    wrong[-1, 1] = value
    classifier, regressor = MLPClassifier(max_iter=2).fit(X, y2), MLPRegressor(max_iter=2).fit(X, t)
    for ask in (classifier.predict, classifier.predict_proba, regressor.predict):
        with pytest.raises(ValueError, match=rf"X must be finite.*row {rows - 1}, column 1"):
            ask(wrong)


def test_c03_nan_in_the_target(X, t, T2):
    for y in (t, T2, t.astype(object), t.astype(np.float32)):
        y = y.copy()
        y[3] = np.nan
        with pytest.raises(ValueError, match="contains NaN"):
            MLPRegressor().fit(X, y)
    with pytest.raises(ValueError, match="y contains infinity"):
        MLPRegressor().fit(X, np.where(np.arange(60) == 3, np.inf, t))
    with pytest.raises(ValueError, match=r"y.* contains NaN|y must be finite"):
        MLPRegressor().fit(X, t, X_val=X, y_val=np.where(np.arange(60) == 3, np.nan, t))


@pytest.mark.grid(7)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("constant", [0.0, 7.0, -3.5])
def test_c05_inputs_that_are_all_equal(t, y3, constant, dtype):
    X = np.full((60, 3), constant, dtype=dtype)
    # patience would end the swing of the first steps at large inputs
    options = {"max_iter": 300, "n_iter_no_change": np.inf, "random_state": 0}
    regressor = MLPRegressor(**options).fit(X, t)
    assert regressor.predict(X[:1])[0] == pytest.approx(t.mean(), rel=0.05)
    labels = np.minimum(y3, 1)  # two thirds are 1
    classifier = MLPClassifier(learning_rate_init=0.01, **options).fit(X, labels)
    np.testing.assert_allclose(classifier.predict_proba(X[:1]), [[1 / 3, 2 / 3]], atol=0.05)


@pytest.mark.parametrize("early_stopping", [False, True], ids=["c07", "c08"])
@pytest.mark.parametrize("activation", ["relu", "identity", "softplus"])
def test_c07_c08_c09_divergence_is_said_and_leaves_a_finite_model(X, t, activation, early_stopping):
    options = {
        "solver": "sgd", "learning_rate_init": 1e4, "max_iter": 50, "activation": activation,
        "early_stopping": early_stopping,
    }  # fmt: skip
    model = MLPRegressor(**options)
    with pytest.warns(DivergenceWarning, match=r"diverged in epoch \d+.*learning rate 10000"):
        model.fit(X, t)
    assert model.stopped_because_ == "divergence"
    assert np.all(np.isfinite(model.parameters_.vector))
    assert np.all(np.isfinite(model.predict(X)))
    with pytest.raises(DivergenceError):
        list(MLPRegressor(**options).fit_epochs(X, t))


def test_c10_cross_entropy_is_not_negative(X, y2):
    assert losses.bce([0.0], [0.0]) == 0.0
    assert np.all(losses.bce([0.0, 1.0, 0.3], [0.0, 1.0, 0.9], reduction="none") >= 0.0)
    for outside in ([0.0, 2.0], [-1.0, 1.0]):
        with pytest.raises(ValueError, match=r"y must be in \[0, 1\]"):
            losses.bce([0.5, 0.5], outside)
    assert min(MLPClassifier(max_iter=300).fit(X, y2 * 2).loss_curve_) >= 0.0


def test_c11_scaled_features_are_learnt(X, y2):
    unscaled = X * [1.0, 1e5, 1e-5]
    model = make_pipeline(StandardScaler(), MLPClassifier(max_iter=200, random_state=0))
    assert model.fit(unscaled, y2).score(unscaled, y2) >= 0.95


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_c13_a_saturated_output_with_one_wrong_label(X, y2, dtype):
    X = X.astype(dtype)
    model = MLPClassifier((), max_iter=1, learning_rate_init=1e-30, warm_start=True, alpha=0.0)
    model.fit(X, y2)
    model.coefs_[0][:] = np.array([[1e3], [0.0], [0.0]], dtype=dtype)
    model.intercepts_[0][:] = 0.0
    row = int(np.argmax(np.abs(X[:, 0])))
    y2[row] = 1 - y2[row]
    model.fit(X, y2)
    assert model.loss_ * 60 == pytest.approx(1e3 * abs(float(X[row, 0])), rel=1e-2)
