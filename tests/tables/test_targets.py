"""Targets beyond one label or number: several at once, counts, quantiles, many and rare classes."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import brier_score_loss, log_loss, mean_poisson_deviance

from chainrule import TabularClassifier, TabularRegressor, load, losses
from chainrule.foundation.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(17)
N = 600
X = pl.DataFrame(
    {
        "a": RANDOM.uniform(-2, 2, N),
        "b": RANDOM.uniform(-2, 2, N),
        "kind": RANDOM.choice(["u", "v", "w"], N),
    }
)
A, B = X["a"].to_numpy(), X["b"].to_numpy()
U = (X["kind"] == "u").to_numpy()
TRAIN, TEST = slice(0, 450), slice(450, N)
GIVEN = {"n_folds": 3, "encoding": "scale", "random_state": 0}


def saved(model, tmp_path):
    model.save(tmp_path / "model.chainrule")
    return load(tmp_path / "model.chainrule")


@pytest.mark.slow
def test_several_labels_of_a_row(tmp_path):
    y = np.stack([A + B > 0, U, (A > 0) & (B > 0)], axis=1).astype(int)
    model = TabularClassifier(**GIVEN, options={"max_iter": 40}).fit(X[TRAIN], y[TRAIN])
    p = model.predict_proba(X[TEST])
    assert p.shape == (150, 3)
    for label in range(3):
        assert log_loss(y[TEST, label], p[:, label]) < 0.35
    np.testing.assert_array_equal(model.predict(X[TEST]), (p > 0.5).astype(int))
    assert model.oof_prediction_.shape == (450, 3)
    assert model.oof_score_ == np.mean(((model.oof_prediction_ > 0.5) == y[TRAIN]).all(axis=1))
    assert model.score(X[TEST], y[TEST]) > 0.7
    restored = saved(model, tmp_path)
    np.testing.assert_array_equal(restored.predict_proba(X), model.predict_proba(X))
    with pytest.raises(InputError, match=r"y must be of the shape of the fit \(3 labels"):
        model.explain(X, y[:, :2])


@pytest.mark.slow
def test_the_temperature_of_several_labels_is_the_best_out_of_fold():
    noisy = (
        np.stack([A > 0, B > 0], axis=1) ^ (np.random.default_rng(18).random((N, 2)) < 0.25)
    ).astype(int)
    options = {"max_iter": 60, "dropout": 0.0, "weight_decay": 0.0}
    model = TabularClassifier(**GIVEN, options=options).fit(X, noisy)
    p = np.clip(model.oof_prediction_.ravel(), 1e-7, 1 - 1e-7)
    s = np.log(p / (1 - p))
    least = log_loss(noisy.ravel(), p)
    for factor in (0.95, 1.05):
        assert least <= log_loss(noisy.ravel(), 1 / (1 + np.exp(-factor * s)))


@pytest.mark.slow
def test_several_numbers_of_a_row(tmp_path):
    y = np.stack([A + 3 * U, 3 * np.abs(B)], axis=1) + np.random.default_rng(18).normal(size=(N, 2))
    model = TabularRegressor(**GIVEN, options={"max_iter": 40}).fit(X[TRAIN], y[TRAIN])
    p = model.predict(X[TEST])
    assert p.shape == (150, 2)
    # noise has a variance of 1, and the targets of about 4
    assert np.mean((p - y[TEST]) ** 2, axis=0).max() < 1.6
    assert (p >= y[TRAIN].min(axis=0)).all()
    assert (p <= y[TRAIN].max(axis=0)).all()
    low, high = np.moveaxis(model.predict_interval(X[TEST], 0.8), -1, 0)
    inside = np.mean((low <= y[TEST]) & (y[TEST] <= high), axis=0)
    assert inside == pytest.approx([0.8, 0.8], abs=0.12)
    restored = saved(model, tmp_path)
    np.testing.assert_array_equal(restored.predict_interval(X), model.predict_interval(X))
    with pytest.raises(InputError, match=r"y must be of the shape of the fit \(2 columns\)"):
        model.explain(X, y[:, 0])
    assert model.fit(X, y[:, 0]).predict(X).shape == (N,)


@pytest.mark.slow
def test_counts_have_the_mean_of_counts():
    rate = np.exp(0.5 + 0.8 * A + U)
    y = np.random.default_rng(18).poisson(rate).astype(float)
    model = TabularRegressor(**GIVEN, options={"loss": "poisson", "max_iter": 40})
    p = model.fit(X[TRAIN], y[TRAIN]).predict(X[TEST])
    assert (p > 0).all()
    constant = np.full(150, y[TRAIN].mean())
    assert mean_poisson_deviance(y[TEST], p) < 0.5 * mean_poisson_deviance(y[TEST], constant)
    assert model.oof_prediction_.mean() == pytest.approx(y[TRAIN].mean(), rel=0.1)


@pytest.mark.slow
def test_quantiles_are_as_wide_as_rows_need_and_cover(tmp_path):
    y = A + np.where(U, 2.0, 0.3) * np.random.default_rng(18).normal(size=N)
    loss = losses.get("quantile", q=(0.1, 0.5, 0.9))
    model = TabularRegressor(**GIVEN, options={"loss": loss, "max_iter": 30})
    model.fit(X[TRAIN], y[TRAIN])
    q = model.predict_quantiles(X[TEST])
    some = model.predict_quantiles(X[TEST], model.quantile_levels_[::-1])
    np.testing.assert_array_equal(some, q[:, ::-1])
    with pytest.raises(
        InputError, match=r"levels must be among those of the loss, 0\.1, .*; got 0\.33"
    ):
        model.predict_quantiles(X[TEST], [0.33])
    assert (np.diff(q, axis=1) >= 0).all()
    np.testing.assert_allclose(model.predict(X[TEST]), q[:, 1], rtol=1e-5, atol=1e-5)
    low, high = model.predict_interval(X[TEST], 0.8).T
    assert np.mean((low <= y[TEST]) & (y[TEST] <= high)) == pytest.approx(0.8, abs=0.1)
    wide, narrow = (high - low)[U[TEST]], (high - low)[~U[TEST]]
    assert np.median(wide) > 2.0 * np.median(narrow)
    restored = saved(model, tmp_path)
    np.testing.assert_array_equal(restored.predict_interval(X), model.predict_interval(X))
    with pytest.raises(InputError, match=r"coverage=0.5 needs the levels 0.25 and 0.75"):
        model.predict_interval(X, 0.5)


def test_quantiles_are_of_a_loss_of_several():
    model = TabularRegressor(**GIVEN, options={"max_iter": 2}).fit(X, A)
    with pytest.raises(InputError, match="predict_quantiles must have a loss of several"):
        model.predict_quantiles(X)
    ends = model.predict_quantiles(X, [0.1, 0.9])
    np.testing.assert_array_equal(ends, model.predict_interval(X, 0.8))
    with pytest.raises(InputError, match="levels must be between 0 and 1"):
        model.predict_quantiles(X, [1.5])


@pytest.mark.slow
def test_many_classes():
    y = np.char.add("c", (np.floor((A + 2) * 10)).astype(int).astype(str))  # 40 of them
    model = TabularClassifier(**GIVEN, options={"max_iter": 60}).fit(X, y)
    assert len(model.classes_) == 40
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert model.oof_score_ > 0.25  # ten times chance


def test_few_held_out_rows_of_many_classes_are_not_taken_for_numbers():
    y = np.arange(N) % 60  # a fold holds 90 rows or fewer, of which over half are classes
    model = TabularClassifier("fast", encoding="scale", random_state=0, options={"max_iter": 2})
    model.fit(X, y)  # warnings are errors
    model.refit(X, y)
    model.importance(X[:80], y[:80], n_repeats=1)
    TabularClassifier(**GIVEN, options={"max_iter": 2}).fit(X[:300], y[:300])


@pytest.mark.slow
def test_rare_classes_keep_their_share_in_the_mean_probability():
    y = (A + 0.3 * np.random.default_rng(18).normal(size=N) > 1.7).astype(int)
    assert 0.04 < y.mean() < 0.12
    model = TabularClassifier(**GIVEN, options={"max_iter": 30}).fit(X[TRAIN], y[TRAIN])
    p = model.predict_proba(X[TEST])[:, 1]
    assert p.mean() == pytest.approx(y[TEST].mean(), abs=0.04)
    constant = np.full(150, y[TRAIN].mean())
    assert brier_score_loss(y[TEST], p) < 0.7 * brier_score_loss(y[TEST], constant)


@pytest.mark.grid(5)
@pytest.mark.parametrize("kind", ["labels", "numbers", "quantiles", "counts"])
def test_every_kind_of_target_is_searched(kind, monkeypatch):
    from chainrule.tables import search

    monkeypatch.setattr(search, "SETTINGS", 6)
    given = {"preset": "best", "n_folds": 2, "encoding": "scale", "random_state": 0}
    options = {"max_iter": 4}
    if kind == "labels":
        y = np.stack([A > 0, U], axis=1).astype(int)
        model = TabularClassifier(**given, options=options)
    else:
        y = {
            "numbers": np.stack([A, B], axis=1),
            "quantiles": A,
            "counts": np.random.default_rng(18).poisson(2.0, N),
        }
        more = {"quantiles": losses.get("quantile", q=(0.1, 0.5, 0.9)), "counts": "poisson"}
        loss = more.get(kind, "mse")
        model, y = TabularRegressor(**given, options=options | {"loss": loss}), y[kind]
    model.fit(X, y)
    assert len(model.leaderboard_) == 7
    assert model.predict(X).shape == np.shape(y)


@pytest.mark.slow
def test_intervals_are_of_the_bag_and_not_of_one_network():
    """A target without noise: a bag errs less than its networks, and its intervals are narrower."""
    y = np.sin(3 * A) * np.cos(2 * B) + U
    options = {"max_iter": 120}
    bag = TabularRegressor(**GIVEN, options=options).fit(X[TRAIN], y[TRAIN])
    alone = float(np.mean((y[TRAIN] - bag.oof_prediction_) ** 2))
    together = float(np.mean(bag._errors**2))
    assert 0.25 * alone < together < 0.98 * alone
    one = TabularRegressor(**GIVEN | {"n_folds": 1}, options={"max_iter": 5}).fit(X, y)
    held = one.members_[0].held
    np.testing.assert_array_equal(one._errors, y[held] - one.oof_prediction_[held])


@pytest.mark.grid(3)
@pytest.mark.parametrize("question", ["importance", "effect", "why", "worst", "calibration"])
@pytest.mark.parametrize("make", [TabularClassifier, TabularRegressor])
def test_questions_are_of_one_target(make, question):
    y = np.stack([A > 0, U], axis=1).astype(int)
    model = make(**GIVEN | {"n_folds": 1}, options={"max_iter": 1}).fit(X, y)
    if not hasattr(model, question):
        pytest.skip("of classes alone")
    given = {"effect": "a", "why": 1}.get(question, y)
    with pytest.raises(InputError, match="of a model with one target; this one has 2"):
        getattr(model, question)(X, given)
