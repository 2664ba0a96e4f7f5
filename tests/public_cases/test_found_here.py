"""Defects found by running scikit-learn 1.9.1: the cases O1 to O24."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_squared_error

from chainrule import MLPClassifier, MLPRegressor
from chainrule.foundation.errors import DivergenceWarning

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::chainrule.foundation.errors.NoEffectWarning",
)


@pytest.mark.grid(7)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("loss", ["squared_error", "mae", "quantile"])
def test_o01_o02_the_fit_does_not_depend_on_the_unit_of_the_target(X, t, loss, early_stopping):
    scores = []
    epochs = 100 if early_stopping else 500
    for unit in (1.0, 1e-3, 1e3, 1e6, 1e30):
        options = {"max_iter": epochs, "random_state": 0, "early_stopping": early_stopping}
        model = MLPRegressor(loss, **options).fit(X, t * unit)
        scores.append(model.score(X, t * unit))
    np.testing.assert_allclose(scores, scores[0], atol=0.01)
    assert early_stopping or scores[0] > 0.9


def test_o03_the_split_keeps_the_shares_of_classes(X, monkeypatch):
    import sklearn.model_selection as selection

    labels = np.array([0] * 40 + [1] * 15 + [2] * 5)
    seen = []
    original = selection.train_test_split

    def spy(*arrays, **options):
        parts = original(*arrays, **options)
        seen.append((options["stratify"], *parts))
        return parts

    monkeypatch.setattr(selection, "train_test_split", spy)
    MLPClassifier(early_stopping=True, validation_fraction=0.2, max_iter=2).fit(X, labels)
    ((stratify, kept, held),) = seen
    np.testing.assert_array_equal(stratify, labels)
    np.testing.assert_allclose(np.bincount(labels[held]), [8, 3, 1], atol=1)
    np.testing.assert_allclose(np.bincount(labels[kept]), [32, 12, 4], atol=1)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_o04_a_finite_loss_a_million_times_the_first_is_divergence(X, y2, engine, early_stopping):
    options = {"solver": "sgd", "learning_rate_init": 1e6, "max_iter": 50, "engine": engine}
    model = MLPClassifier(**options, early_stopping=early_stopping)
    with pytest.warns(DivergenceWarning, match=r"learning rate 1e\+06"):
        model.fit(X, y2)
    assert np.abs(model.parameters_.vector).max() < 1e3


def test_o06_targets_outside_the_domain_of_the_loss(X, t):
    with pytest.raises(ValueError, match=r"y must be finite and >= 0 for poisson; got -"):
        MLPRegressor("poisson").fit(X, t)
    with pytest.raises(ValueError, match=r"^y_val must be finite and >= 0 for poisson; got -"):
        MLPRegressor("poisson", max_iter=2).fit(X, t**2, X_val=X, y_val=t)
    model = MLPRegressor("poisson", max_iter=2).fit(X, t**2)
    with pytest.raises(ValueError, match=r"y must be finite and >= 0 for poisson; got -"):
        model.partial_fit(X, t)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("zeros", [slice(0, 30), slice(30, 60), slice(1, None)])
def test_o07_a_batch_without_weight_is_skipped(X, y2, zeros, engine):
    weight = np.ones(60)
    weight[zeros] = 0.0
    model = MLPClassifier(batch_size=10, shuffle=False, max_iter=20, engine=engine)
    model.fit(X, y2, weight)
    assert np.all(np.isfinite(model.parameters_.vector))
    assert np.all(np.isfinite(model.loss_curve_))


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_o08_the_loss_of_an_epoch_weighs_rows(X, y2, t, engine):
    weight = np.r_[[100.0] * 30, [1.0] * 30]
    options = {"batch_size": 30, "learning_rate_init": 1e-300, "max_iter": 1, "engine": engine}
    regressor = MLPRegressor(**options).fit(X, t, weight)
    found = mean_squared_error(t, regressor.predict(X), sample_weight=weight)
    assert regressor.loss_ == pytest.approx(found, rel=1e-12)
    classifier = MLPClassifier(**options).fit(X, y2, weight)
    found = log_loss(y2, classifier.predict_proba(X), sample_weight=weight)
    assert classifier.loss_ == pytest.approx(found, rel=1e-12)


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_o13_a_changed_rate_is_used(X, y2, estimator):
    ends = []
    for rate in (0.001, 0.5):
        model = estimator(random_state=0)
        options = {"classes": [0, 1]} if estimator is MLPClassifier else {}
        start = model.partial_fit(X, y2, **options).parameters_.vector.copy()
        model.set_params(learning_rate_init=rate).partial_fit(X, y2)
        ends.append(np.abs(model.parameters_.vector - start).max())
    assert ends[1] > 100 * ends[0]


@pytest.mark.parametrize("solver", ["sgd", "rmsprop", "adamw"])
@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_o14_another_solver_is_refused(X, y2, estimator, solver, contents):
    model = estimator(max_iter=3).fit(X, y2).set_params(solver=solver)
    before = contents(model)
    with pytest.raises(ValueError, match=r"optimizer|solver"):
        model.partial_fit(X, y2)
    assert contents(model) == before


def test_o16_another_number_of_targets(X, t, T2):
    for first, second in ((t, T2), (T2, t)):
        model = MLPRegressor(warm_start=True, max_iter=3).fit(X, first)
        for go_on in (model.fit, model.partial_fit):
            with pytest.raises(ValueError, match=r"y must have \d target\(s\), as in the first"):
                go_on(X, second)
        with pytest.raises(ValueError, match=r"X has 2 features, but .* is expecting 3 features"):
            model.fit(X[:, :2], first)


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_o18_impossible_weights(X, y2, estimator):
    for weight, message in (
        (-np.ones(60), "not negative; got -1"),
        (np.r_[np.ones(59), np.nan], "finite and not negative; got nan"),
        (np.r_[np.ones(59), np.inf], "finite and not negative; got inf"),
        (np.zeros(60), "positive for some row"),
        (np.ones(59), r"shape \(60,\)"),
        (np.ones((60, 1)), r"shape \(60,\)"),
    ):
        with pytest.raises(ValueError, match=f"sample_weight.*{message}"):
            estimator().fit(X, y2, weight)


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_o23_single_precision_with_every_solver(X, y2, t, solver):
    X = X.astype(np.float32)
    model = MLPClassifier(solver=solver, max_iter=3).fit(X, y2)
    assert model.coefs_[0].dtype == model.predict_proba(X).dtype == np.float32
    assert MLPRegressor(solver=solver, max_iter=3).fit(X, t).predict(X).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["two", "three", "labels"])
def test_o24_log_probabilities_far_out(X, y2, y3, ML, kind, dtype):
    X = X.astype(dtype)
    y = {"two": y2, "three": y3, "labels": ML}[kind]
    model = MLPClassifier(max_iter=20, learning_rate_init=0.05).fit(X, y)
    log_p = model.predict_log_proba(X * dtype(1e6))
    assert log_p.dtype == dtype
    assert np.all(np.isfinite(log_p))
    assert log_p.min() < -1e5
    np.testing.assert_allclose(
        np.exp(model.predict_log_proba(X)), model.predict_proba(X), rtol=1e-5
    )
