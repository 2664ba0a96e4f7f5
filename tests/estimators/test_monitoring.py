"""What is watched on held-out rows: scores, losses, and scikit-learn's scorers."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, get_scorer, make_scorer, max_error

from chainrule import MLPClassifier, MLPRegressor, load, optimizers, save_model
from chainrule.estimators.base import best_epoch_of
from chainrule.foundation.errors import DivergenceWarning, InputError

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::chainrule.foundation.errors.NoEffectWarning",
)

GENERATOR = np.random.default_rng(31)
X = GENERATOR.normal(size=(80, 3))
BINARY = (X[:, 0] + GENERATOR.normal(size=80) > 0).astype(int)
NAMES = np.array(["oak", "fir"])[BINARY]
T = 2 * X[:, 0] - X[:, 1] + 1 + GENERATOR.normal(size=80)
WEIGHT = GENERATOR.uniform(0.1, 2.0, size=30)
OPTIONS = {"hidden_layer_sizes": (16,), "max_iter": 25, "random_state": 0}
OPTIONS |= {"learning_rate_init": 0.02, "n_iter_no_change": 1000}


def rows(y):
    return {"X_val": X[50:], "y_val": y[50:], "sample_weight_val": WEIGHT}


def history(monitor, kind=MLPClassifier, y=NAMES, **options):
    """Fit, and return the model and what the scorer says of each epoch's parameters."""
    model = kind(monitor=monitor, **OPTIONS | options)
    vectors = [
        model._run.parameters(epoch.parameters.vector).vector
        for epoch in model.fit_epochs(X[:50], y[:50], **rows(y))
    ]
    best = model.parameters_
    scorer = get_scorer(monitor) if isinstance(monitor, str) else monitor
    values = []
    for vector in vectors:
        model.parameters_ = model.network_.parameters(vector)
        weighs = "max_error" not in str(monitor)
        weight = {"sample_weight": WEIGHT} if weighs else {}
        values.append(scorer(model, X[50:], y[50:], **weight))
    model.parameters_ = best
    return model, np.array(values), vectors


@pytest.mark.grid(13)
@pytest.mark.parametrize("monitor", ["roc_auc", "neg_log_loss", "balanced_accuracy"])
@pytest.mark.parametrize("solver", ["adam", optimizers.get("adam", averaging=0.9), "lbfgs"])
def test_a_scorer_by_name_is_what_scikit_learn_says_of_the_model(monitor, solver):
    model, values, vectors = history(monitor, solver=solver)
    np.testing.assert_allclose(model.validation_scores_, values, rtol=1e-12)
    assert len(model.validation_loss_curve_) == model.n_iter_ == len(values)
    assert model.best_validation_score_ == max(model.validation_scores_)
    np.testing.assert_array_equal(model.parameters_.vector, vectors[int(np.argmax(values))])


@pytest.mark.parametrize("monitor", ["r2", "neg_mean_absolute_error", make_scorer(max_error)])
def test_scorers_of_numbers_are_in_the_unit_of_the_targets(monitor):
    model, values, vectors = history(monitor, MLPRegressor, T * 1000.0)
    np.testing.assert_allclose(model.validation_scores_, values, rtol=1e-9)
    np.testing.assert_array_equal(model.parameters_.vector, vectors[int(np.argmax(values))])


@pytest.mark.grid(2)
@pytest.mark.parametrize("monitor", ["f1", "average_precision", "neg_brier_score", "recall"])
def test_of_two_words_the_last_is_positive(monitor):
    scores = {}
    for name, y in (("words", NAMES), ("numbers", (NAMES == "oak").astype(int))):
        model = MLPClassifier(monitor=monitor, **OPTIONS)
        scores[name] = model.fit(X[:50], y[:50], **rows(y)).validation_scores_
    assert scores["words"] == scores["numbers"]
    assert len(set(scores["words"])) > 3


def test_a_label_that_a_scorer_names_is_its_positive_one():
    scorer = make_scorer(f1_score, pos_label="fir")
    model = MLPClassifier(monitor=scorer, **OPTIONS).fit(X[:50], NAMES[:50], **rows(NAMES))
    found = f1_score(NAMES[50:], model.predict(X[50:]), pos_label="fir", sample_weight=WEIGHT)
    assert found == pytest.approx(model.best_validation_score_)


def test_any_function_of_estimator_and_rows_is_a_scorer():
    seen = []

    def scorer(estimator, X_val, y_val):
        seen.append((estimator, X_val, y_val))
        return f1_score(y_val, estimator.predict(X_val), pos_label="oak")

    frame = pd.DataFrame(X, columns=list("abc"))
    model = MLPClassifier(monitor=scorer, early_stopping=True, **OPTIONS).fit(frame, NAMES)
    assert len(seen) == model.n_iter_ == len(model.validation_scores_)
    estimator, X_val, y_val = seen[0]
    assert estimator is not model
    assert isinstance(estimator, MLPClassifier)
    assert all(later is X_val for _, later, _ in seen)
    assert set(y_val) == {"oak", "fir"}


def test_patience_counts_the_scorer_exactly():
    values = iter([0.5, 0.9, 0.89, 0.7, 0.9, 0.9, 1.0])
    model = MLPRegressor(
        monitor=lambda estimator, X, y: next(values), **OPTIONS | {"n_iter_no_change": 4}
    )
    vectors = [
        model._run.parameters(epoch.parameters.vector).vector
        for epoch in model.fit_epochs(X[:50], T[:50], X_val=X[50:], y_val=T[50:])
    ]
    assert model.n_iter_ == 6
    assert model.stopped_because_ == "no_improvement"
    np.testing.assert_array_equal(model.parameters_.vector, vectors[1])


@pytest.mark.parametrize(
    ("monitor", "message"),
    [
        ("roc_auk", "monitor must be 'score', 'loss', .*; got 'roc_auk'. Did you mean 'roc_auc'"),
        ("los", "Did you mean 'loss'"),
        (3, "monitor must be .* got 3"),
        (None, "monitor must be .* got None"),
    ],
)
def test_an_unknown_monitor_is_refused_before_anything(monitor, message):
    model = MLPClassifier(monitor=monitor, **OPTIONS)
    with pytest.raises(InputError, match=message):
        model.fit(X, NAMES)
    assert not hasattr(model, "n_features_in_")


@pytest.mark.parametrize("fault", [math.nan, KeyError("why"), "text"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_scorer_that_fails_is_named_and_the_model_is_that_of_the_epoch_before(fault, solver):
    def late(estimator, X, y):
        values.append(0)
        if len(values) < 4:
            return float(len(values))
        if isinstance(fault, Exception):
            raise fault
        return fault

    values = []
    model = MLPClassifier(monitor=late, solver=solver, **OPTIONS)
    with pytest.raises(InputError, match=r"monitor=late must give a number .* in epoch 4 it"):
        model.fit(X, NAMES, X_val=X, y_val=NAMES)
    assert len(model.loss_curve_) == len(model.validation_scores_) == model.n_iter_ == 3
    assert model._run.state.epoch == 3
    assert model.stopped_because_ == "interrupted"
    values = []
    whole = MLPClassifier(monitor=late, solver=solver, **OPTIONS | {"max_iter": 3})
    whole.fit(X, NAMES, X_val=X, y_val=NAMES)
    np.testing.assert_array_equal(whole.parameters_.vector, model.parameters_.vector)


def test_a_scorer_that_does_not_suit_the_classes_says_so():
    labels = np.arange(80) % 3
    model = MLPClassifier(monitor="roc_auc", early_stopping=True, **OPTIONS)
    with pytest.raises(InputError, match="monitor='roc_auc' must give a number"):
        model.fit(X, labels)
    model.set_params(monitor="roc_auc_ovr").fit(X, labels)
    assert model.best_validation_score_ > 0.3


@pytest.mark.parametrize("monitor", ["score", "loss", "neg_mean_squared_error"])
def test_divergence_is_told_as_such_and_not_by_the_scorer(monitor):
    model = MLPRegressor(solver="sgd", early_stopping=True, monitor=monitor, **OPTIONS)
    with pytest.warns(DivergenceWarning, match="diverged in epoch"):
        model.set_params(learning_rate_init=1e4).fit(X, T)
    assert model.stopped_because_ == "divergence"
    assert np.isfinite(model.predict(X)).all()


def test_what_is_watched_may_change_between_fits_and_patience_starts_anew():
    model = MLPClassifier(monitor="roc_auc", warm_start=True, **OPTIONS | {"max_iter": 5})
    model.fit(X[:50], NAMES[:50], **rows(NAMES))
    model.set_params(monitor="loss").fit(X[:50], NAMES[:50], **rows(NAMES))
    assert model._run.state.patience.best == min(model.validation_loss_curve_[5:])


def test_a_file_keeps_the_name_of_a_scorer_and_no_code(tmp_path):
    for monitor, kept in (("roc_auc", "roc_auc"), (get_scorer("roc_auc"), "score")):
        model = MLPClassifier(monitor=monitor, **OPTIONS | {"max_iter": 2}).fit(X, NAMES)
        save_model(tmp_path / "m", model)
        assert load(tmp_path / "m").monitor == kept


def test_the_epoch_that_is_kept_is_that_of_what_decided():
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 3))
    # R2 is 0 for every answer to equal targets, and the loss decides
    held_out = {"X_val": X[:20], "y_val": np.full(20, 0.3)}
    model = MLPRegressor(max_iter=30, random_state=0).fit(X, X[:, 0], **held_out)
    lowest = 1 + int(np.argmin(model.validation_loss_curve_))
    assert lowest > 1
    assert best_epoch_of(model) == lowest
