"""The rows that estimators are measured on: a share held out, or people's own."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, r2_score

from chainrule import MLPClassifier, MLPRegressor
from chainrule.estimators.run import Run
from chainrule.foundation.errors import InputError, NoEffectWarning

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

GENERATOR = np.random.default_rng(30)
X = GENERATOR.normal(size=(60, 3))
BINARY = (X[:, 0] > 0).astype(int)
THREE = np.arange(60) % 3
T = 2 * X[:, 0] - X[:, 1] + 1
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}


def watched(monkeypatch):
    """Return the list that the rows of the next fit go into: trained on, held out."""
    seen = []
    original = Run.rows
    monkeypatch.setattr(
        Run,
        "rows",
        lambda run, samples, *rest: seen.append(samples) or original(run, samples, *rest),
    )
    return seen


def test_the_last_rows_are_held_out_for_rows_in_order_of_time(monkeypatch):
    model = MLPRegressor(early_stopping=True, validation="last", validation_fraction=0.2, **SMALL)
    seen = watched(monkeypatch)
    model.fit(X, T)
    np.testing.assert_array_equal(seen[0].X, X[:48])
    np.testing.assert_array_equal(seen[1].X, X[48:])
    assert model.target_scale_.center == pytest.approx(T[:48].mean(), rel=1e-12)


def test_groups_are_never_on_both_sides(monkeypatch):
    groups = GENERATOR.integers(0, 12, size=60)
    model = MLPClassifier(early_stopping=True, validation_fraction=0.3, **SMALL)
    seen = watched(monkeypatch)
    inputs = np.c_[X, groups]
    model.fit(inputs, THREE, groups=groups)
    kept, held = (set(samples.X[:, 3]) for samples in seen)
    assert held
    assert not kept & held
    same = MLPClassifier(early_stopping=True, validation_fraction=0.3, **SMALL)
    same.fit(inputs, THREE, groups=[f"g{group:02d}" for group in groups])
    np.testing.assert_array_equal(same.parameters_.vector, model.parameters_.vector)


def test_invalid_groups_are_refused():
    model = MLPClassifier(early_stopping=True, **SMALL)
    with pytest.raises(InputError, match=r"groups must be of shape \(60,\)"):
        model.fit(X, THREE, groups=np.zeros(59))
    with pytest.raises(InputError, match="groups must be None with validation='last'"):
        model.set_params(validation="last").fit(X, THREE, groups=np.arange(60))
    with pytest.raises(InputError, match="validation must be 'random' or 'last'; got 'first'"):
        model.set_params(validation="first").fit(X, THREE)
    assert not hasattr(model, "n_features_in_")


def test_a_class_that_is_never_trained_on_is_named():
    order = np.argsort(THREE)
    model = MLPClassifier(early_stopping=True, validation="last", **SMALL)
    labels = np.array(["a", "b", "c"])[np.minimum(THREE[order], 1)]
    labels[-3:] = "c"
    with pytest.raises(InputError, match=r"the part of y held out must .* got 'c' in row 3"):
        model.fit(X, labels)
    with pytest.raises(InputError, match=r"y_val must hold classes .*\[0, 1\]; got 9 in row 1"):
        MLPClassifier(**SMALL).fit(X, BINARY, X_val=X[:2], y_val=[1, 9])


def test_own_rows_have_weights_too():
    weight = GENERATOR.uniform(size=20)
    rows = {"X_val": X[40:], "y_val": BINARY[40:], "sample_weight_val": weight}
    model = MLPClassifier(monitor="loss", **SMALL).fit(X[:40], BINARY[:40], **rows)
    expected = log_loss(BINARY[40:], model.predict_proba(X[40:]), sample_weight=weight)
    assert min(model.validation_loss_curve_) == pytest.approx(expected, rel=1e-12)
    model = MLPClassifier(**SMALL).fit(X[:40], BINARY[:40], **rows)
    expected = accuracy_score(BINARY[40:], model.predict(X[40:]), sample_weight=weight)
    assert model.best_validation_score_ == pytest.approx(expected, rel=1e-12)
    rows["y_val"] = T[40:]
    model = MLPRegressor(**SMALL).fit(X[:40], T[:40], **rows)
    expected = r2_score(T[40:], model.predict(X[40:]), sample_weight=weight)
    assert model.best_validation_score_ == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"X_val": X[:5]}, "given together"),
        ({"sample_weight_val": np.ones(5)}, "given together"),
        ({"sample_weight_val": np.ones(4)}, r"sample_weight_val must be of shape \(5,\)"),
        ({"sample_weight_val": -np.ones(5)}, "sample_weight_val must be finite and not negative"),
        ({"sample_weight_val": np.zeros(5)}, "sample_weight_val must be positive for some row"),
        ({"X_val": X[:1], "y_val": T[:1]}, "X_val must be at least 2 rows, for R2; got 1"),
        ({"X_val": np.full((5, 3), np.nan)}, "X_val must be finite"),
        ({"X_val": X[:5, :2]}, "X_val must be of 3 features, as X; got 2"),
        ({"y_val": np.c_[T, T][:5]}, "1 target"),
    ],
)
def test_invalid_own_rows_are_refused_and_nothing_changes(rows, message, contents):
    if "given together" not in message:
        rows = {"X_val": X[:5], "y_val": T[:5]} | rows
    model = MLPRegressor(**SMALL)
    with pytest.raises(ValueError, match=message):
        model.fit(X, T, **rows)
    assert not hasattr(model, "parameters_")
    assert not hasattr(model, "n_features_in_")
    model.fit(X[:, :2], T)
    before = contents(model)
    with pytest.raises(ValueError, match=message):
        model.fit(X, T, **rows)
    assert contents(model) == before


def test_held_out_rows_without_weight_are_refused():
    weight = np.ones(60)
    weight[54:] = 0.0
    model = MLPRegressor(early_stopping=True, validation="last", **SMALL)
    with pytest.raises(InputError, match="above 0 for some row of the part of y held out"):
        model.fit(X, T, weight)


def test_a_refused_call_leaves_a_fitted_model_as_it_was(contents):
    """Whatever a warm start or partial_fit brings that does not fit: classes, targets, columns."""
    for model, calls in (
        (
            MLPClassifier(warm_start=True, **SMALL).fit(X, THREE),
            [(X, THREE + 1), (X[:, :2], THREE), (X, np.c_[BINARY, BINARY])],
        ),
        (
            MLPRegressor(warm_start=True, **SMALL).fit(X, T),
            [(X, np.c_[T, T]), (X[:, :2], T), (X, np.where(THREE == 1, np.nan, T))],
        ),
    ):
        before = contents(model)
        for arguments in calls:
            for method in (model.fit, model.partial_fit):
                with pytest.raises(ValueError):
                    method(*arguments)
                assert contents(model) == before


@pytest.mark.parametrize("weighted", [False, True])
def test_where_r2_says_nothing_the_loss_decides(weighted):
    """R2 of equal targets is 0 for every answer; that must not end training at the first epoch."""
    y = np.maximum(T, 0.1)
    dry = np.flatnonzero(y == 0.1)[:10]
    held, weight = y[dry], None
    if weighted:
        held, weight = np.r_[held[:-1], 7.0], np.r_[np.ones(9), 0.0]
    model = MLPRegressor(max_iter=60, learning_rate_init=0.01, random_state=0)
    model.fit(X, y, X_val=X[dry], y_val=held, sample_weight_val=weight)
    losses = model.validation_loss_curve_
    found = np.average((model.predict(X[dry]) - held) ** 2, weights=weight)
    assert found == pytest.approx(min(losses), rel=1e-9)
    assert np.argmin(losses) > 2


def test_a_row_without_weight_is_none_for_r2():
    weight = np.r_[1.0, np.zeros(9)]
    with pytest.raises(
        InputError, match="X_val must be at least 2 rows, for R2, of weight above 0"
    ):
        MLPRegressor().fit(X[:40], T[:40], X_val=X[40:50], y_val=T[40:50], sample_weight_val=weight)
    weight = np.r_[np.ones(54), weight[:6]]
    with pytest.raises(InputError, match="the part of X held out must be at least 2 rows"):
        MLPRegressor(early_stopping=True, validation="last").fit(X[:60], T[:60], weight)


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
def test_all_weight_may_not_lie_on_one_side(make):
    options = {"early_stopping": True, "validation": "last", "monitor": "loss"}
    for weight, words in (
        (np.r_[np.zeros(54), np.ones(6)], "positive for some row that is trained on"),
        (np.r_[np.ones(54), np.zeros(6)], "above 0 for some row of the part of y held out"),
    ):
        with pytest.raises(InputError, match=words):
            make(**options).fit(X[:60], X[:60, 0] > 0, weight)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (np.nan, "groups contains NaN in row 3"),
        (None, "groups must hold labels of one type that sorts; got NoneType and int"),
        ("a", "groups must hold labels of one type that sorts; got int and str"),
    ],
)
def test_every_row_belongs_to_a_group(group, words):
    groups = [group if row == 3 else row // 5 for row in range(60)]
    with pytest.raises(InputError, match=words):
        MLPRegressor(early_stopping=True, **SMALL).fit(X, T, groups=groups)


def test_unused_groups_are_reported():
    groups = np.arange(60) // 5
    for make in (MLPRegressor(**SMALL), MLPRegressor(n_estimators=2, **SMALL)):
        with pytest.warns(NoEffectWarning, match="groups has no effect: it acts only with early"):
            make.fit(X, T, groups=groups)
