"""Early stopping, validation and stopping rules: the cases C67 to C74."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from chainrule import Dense, MLPClassifier, MLPRegressor, Network, train

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::chainrule.foundation.errors.NoEffectWarning",
)


def test_c67_best_weights_are_restored_also_at_the_last_epoch(X, t):
    values = iter([0.9, 0.8, 0.3, 0.6, 0.7])
    vectors = []
    for epoch in train(
        Network(Dense(3, 1)), X, t, validation=(X, t), metric=lambda scores, y: -next(values),
        epochs=5, patience=10,
    ):  # fmt: skip
        vectors.append(epoch.parameters.vector.copy())
    np.testing.assert_array_equal(epoch.best_parameters.vector, vectors[2])
    labels = np.random.default_rng(3).permutation(np.arange(60) % 2)
    model = MLPClassifier((64,), learning_rate_init=0.02, n_iter_no_change=1000, monitor="loss")
    model.fit(X[:40], labels[:40], X_val=X[40:], y_val=labels[40:])
    found = log_loss(labels[40:], model.predict_proba(X[40:]))
    assert found == pytest.approx(min(model.validation_loss_curve_), rel=1e-12)
    assert found < model.validation_loss_curve_[-1]


@pytest.mark.grid(5)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("given", [False, True])
def test_c67_best_weights_come_back_where_no_patience_ends_training(X, t, solver, given):
    noise = t + 5.0 * np.random.default_rng(5).normal(size=60)
    rows = {"X_val": X[40:], "y_val": noise[40:]} if given else {}
    model = MLPRegressor(
        hidden_layer_sizes=(64,), n_iter_no_change=np.inf, monitor="loss", solver=solver,
        early_stopping=not given, learning_rate_init=0.02, random_state=0,
    )  # fmt: skip
    last = [
        model._run.state.vector
        for _ in model.fit_epochs(X[:40] if given else X, noise[:40] if given else noise, **rows)
    ]
    assert model.n_iter_ == 200
    losses = model.validation_loss_curve_
    assert min(losses) < 0.9 * losses[-1]
    assert not np.array_equal(model._run.parameters(last[-1]).vector, model.parameters_.vector)
    if given:
        found = np.mean((model.predict(X[40:]) - noise[40:]) ** 2)
        assert found == pytest.approx(min(losses), rel=1e-9)


def test_c68_held_out_rows_are_drawn_from_all_and_by_class(X, y3):
    order = np.argsort(y3)
    held = []

    def spy(estimator, X_val, y_val):
        held.append(y_val)
        return estimator.score(X_val, y_val)

    options = {"early_stopping": True, "validation_fraction": 0.2, "max_iter": 2, "monitor": spy}
    MLPClassifier(**options).fit(X[order], y3[order])
    np.testing.assert_array_equal(np.bincount(held[0]), [4, 4, 4])
    MLPClassifier(validation="last", **options).fit(X, y3)
    np.testing.assert_array_equal(held[-1], y3[-12:])


@pytest.mark.parametrize("monitor", ["score", "loss"])
@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_c69_the_watched_value_is_a_choice_and_both_curves_are_kept(X, y2, estimator, monitor):
    model = estimator(early_stopping=True, monitor=monitor, max_iter=40, random_state=0).fit(X, y2)
    curves = (model.loss_curve_, model.validation_loss_curve_, model.validation_scores_)
    assert [len(curve) for curve in curves] == [model.n_iter_] * 3
    assert np.all(np.isfinite(curves))


@pytest.mark.parametrize("monitor", ["score", "loss"])
def test_c71_validation_rows_decide_and_not_the_training_loss(X, y2, monitor):
    noise = np.random.default_rng(4).permutation(y2)
    model = MLPClassifier(
        (64,), max_iter=500, n_iter_no_change=5, monitor=monitor, random_state=0,
        learning_rate_init=0.01,
    )  # fmt: skip
    model.fit(X[:40], noise[:40], X_val=X[40:], y_val=noise[40:])
    assert model.stopped_because_ == "no_improvement"
    assert model.n_iter_ < 500
    assert model.loss_curve_[-1] < model.loss_curve_[0]


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_c73_partial_fit_with_early_stopping_is_refused_in_a_sentence(X, y2, estimator):
    model = estimator(early_stopping=True, max_iter=5).fit(X, y2)
    before = (model.parameters_.vector.tobytes(), model.n_iter_, list(model.loss_curve_))
    with pytest.raises(ValueError, match="early_stopping"):
        model.partial_fit(X, y2)
    assert (model.parameters_.vector.tobytes(), model.n_iter_, model.loss_curve_) == before


@pytest.mark.parametrize("value", [None, 0, 0.0, 1.0])
def test_c74_no_validation_and_no_metric(X, y2, t, value):
    """validation_fraction matters only where rows are held out."""
    options = {"validation_fraction": value, "max_iter": 2}
    assert MLPClassifier(**options).fit(X, y2).predict(X).shape == (60,)
    assert MLPRegressor(**options).fit(X, t).predict(X).shape == (60,)
    with pytest.raises(ValueError, match="validation_fraction must be between 0 and 1"):
        MLPClassifier(**options, early_stopping=True).fit(X, y2)
