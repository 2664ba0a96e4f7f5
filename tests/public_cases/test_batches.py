"""Batches and tiny data: the cases C52 to C59."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_squared_error

from chainrule import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize(("rows", "batch"), [(65, 64), (2, 1), (1, 1), (1, 200), (60, 59), (7, 3)])
def test_c52_a_last_batch_of_one_row(t, rows, batch, engine):
    """No layer looks across the rows of a batch, so one row is a batch like any other."""
    x = np.random.default_rng(1).normal(size=(rows, 3))
    options = {"batch_size": batch, "max_iter": 2, "engine": engine}
    model = MLPRegressor(**options).fit(x, x[:, 0])
    assert model.t_ == 2 * rows
    assert np.all(np.isfinite(model.predict(x)))
    assert np.all(np.isfinite(MLPClassifier(**options).fit(x, x[:, 0] > 0).predict_proba(x)))


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("batch", [1, 2, 3, 4, 5])
def test_c54_the_loss_of_an_epoch_is_a_mean_over_rows(X, y2, t, batch, engine):
    options = {"batch_size": batch, "learning_rate_init": 1e-300, "max_iter": 1, "engine": engine}
    regressor = MLPRegressor(**options).fit(X[:5], t[:5])
    found = mean_squared_error(t[:5], regressor.predict(X[:5]))
    assert regressor.loss_ == pytest.approx(found, rel=1e-12)
    classifier = MLPClassifier(**options).fit(X[:5], y2[:5])
    found = log_loss(y2[:5], classifier.predict_proba(X[:5]), labels=classifier.classes_)
    assert classifier.loss_ == pytest.approx(found, rel=1e-12)


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_c55_two_rows_with_early_stopping(X, estimator):
    for rows in (1, 2, 3):
        with pytest.raises(ValueError, match=rf"validation.*{rows} rows"):
            estimator(early_stopping=True).fit(X[:rows], np.arange(rows))


def test_c56_a_class_with_one_row_cannot_be_split(X):
    for name in (2, "yew"):
        labels = np.array(["0"] * 6 + ["1"] * 5 + [name]) if name == "yew" else [0] * 11 + [2]
        with pytest.raises(ValueError, match=rf"(?s)class .*{name}.*(Remove|merge|X_val)"):
            MLPClassifier(early_stopping=True).fit(X[:12], labels)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_c57_a_row_alone_is_predicted_as_among_others(X, y3, T2, engine, dtype):
    X = X.astype(dtype)
    rtol = 1e-12 if dtype == np.float64 else 1e-5
    classifier = MLPClassifier(max_iter=20, engine=engine).fit(X, y3)
    alone = np.vstack([classifier.predict_proba(X[i : i + 1]) for i in range(60)])
    np.testing.assert_allclose(alone, classifier.predict_proba(X), rtol=rtol)
    regressor = MLPRegressor(max_iter=20, engine=engine).fit(X, T2)
    alone = np.vstack([regressor.predict(X[i : i + 1]) for i in range(60)])
    np.testing.assert_allclose(alone, regressor.predict(X), rtol=rtol, atol=1e-6)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_c59_weights_count_with_one_row_per_batch(X, y2, engine):
    """A batch divides by its rows, not by its weights: a heavy row is a longer step."""
    options = {"batch_size": 1, "max_iter": 2, "random_state": 0, "engine": engine}
    plain = MLPClassifier(**options).fit(X, y2)
    weighted = MLPClassifier(**options).fit(X, y2, np.where(y2, 5.0, 1.0))
    assert weighted.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean() + 0.05
