"""Several quantiles by one network, and the intervals between them."""

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import cross_val_score

from chainrule import Dense, MLPRegressor, Network, load, losses, save_model, train
from chainrule.foundation.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

generator = np.random.default_rng(24)
X = generator.uniform(-1.0, 1.0, size=(3000, 1))
# normal noise whose spread grows with x: the true quantiles are known
Y = 20.0 + 5.0 * X[:, 0] + (1.0 + X[:, 0] / 2.0) * generator.normal(size=3000)
LEVELS = (0.1, 0.5, 0.9)
SEVERAL = losses.get("quantile", q=LEVELS)


def regressor(loss=SEVERAL, **options):
    chosen = {
        "hidden_layer_sizes": (16,),
        "learning_rate": "cosine",
        "learning_rate_init": 0.01,
        "max_iter": 40,
        "batch_size": 50,
        "random_state": 0,
    }
    return MLPRegressor(loss, **chosen | options)


FITTED = regressor().fit(X[:2000], Y[:2000])


def test_intervals_cover_their_share_of_rows_held_out():
    low, high = FITTED.predict_interval(X[2000:], coverage=0.8).T
    held = Y[2000:]
    # the standard error of the share is 0.013
    assert np.mean((low <= held) & (held <= high)) == pytest.approx(0.8, abs=0.04)
    for level, answers in zip(LEVELS, FITTED.predict_quantiles(X[2000:]).T, strict=True):
        assert np.mean(held <= answers) == pytest.approx(level, abs=0.04)


def test_quantiles_are_near_the_true_ones():
    grid = np.linspace(-0.9, 0.9, 19)[:, None]
    spread = 1.0 + grid[:, 0] / 2.0
    middle = 20.0 + 5.0 * grid[:, 0]
    true = np.c_[middle - 1.2816 * spread, middle, middle + 1.2816 * spread]
    assert np.abs(FITTED.predict_quantiles(grid) - true).max() < 0.4
    np.testing.assert_array_equal(FITTED.predict(grid), FITTED.predict_quantiles(grid)[:, 1])
    np.testing.assert_array_equal(
        FITTED.predict_interval(grid), FITTED.predict_quantiles(grid)[:, [0, 2]]
    )
    assert FITTED.predict(grid).shape == (19,)


def test_quantiles_never_cross():
    model = regressor(losses.get("quantile", q=(0.48, 0.5, 0.52)), max_iter=2)
    model.fit(X[:200], Y[:200])
    raw = model._answers(X)
    assert np.any(np.diff(raw, axis=1) < 0.0), "nothing crosses here before sorting"
    assert np.all(np.diff(model.predict_quantiles(X), axis=1) >= 0.0)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_loss_is_the_mean_of_the_pinball_losses(engine, dtype):
    model = regressor(engine=engine, dtype=dtype, learning_rate_init=1e-30, max_iter=1)
    model.fit(X[:100], Y[:100])
    answers = model._answers(X[:100])
    by_hand = np.mean(
        [
            mean_pinball_loss(Y[:100], column, alpha=q)
            for q, column in zip(LEVELS, answers.T, strict=True)
        ]
    )
    assert model.loss_ == pytest.approx(by_hand, rel=1e-5 if dtype == "float32" else 1e-12)
    assert SEVERAL(answers, Y[:100]) == pytest.approx(by_hand, rel=1e-5)
    assert SEVERAL(answers, Y[:100, None]) == pytest.approx(by_hand, rel=1e-5)


def test_both_engines_train_alike():
    one, other = (
        regressor(engine=engine, max_iter=5, scale_target=False).fit(X[:300], Y[:300])
        for engine in ("reference", "compiled")
    )
    np.testing.assert_allclose(one.parameters_.vector, other.parameters_.vector, rtol=1e-8)


def test_one_level_of_several_is_the_loss_of_that_level():
    model = regressor(losses.get("quantile", q=(0.3,)), max_iter=5).fit(X[:200], Y[:200])
    alone = regressor(losses.get("quantile", q=0.3), max_iter=5).fit(X[:200], Y[:200])
    np.testing.assert_allclose(model.predict(X), alone.predict(X), rtol=1e-9)
    np.testing.assert_array_equal(alone.predict_quantiles(X)[:, 0], alone.predict(X))


def test_the_loop_takes_it_too():
    network = Network(Dense(1, 3))
    *_, last = train(
        network, X[:500], Y[:500] - 20.0, loss=SEVERAL, optimizer="adam", learning_rate=0.05
    )
    bias = last.parameters.biases[0]
    assert bias[0] < bias[1] < bias[2]
    with pytest.raises(InputError, match="must have one output for each; it has 2"):
        next(iter(train(Network(Dense(1, 2)), X, Y, loss=SEVERAL)))


def test_saved_continued_explained_and_scored(tmp_path):
    save_model(tmp_path / "m", FITTED)
    loaded = load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.predict_quantiles(X), FITTED.predict_quantiles(X))
    assert loaded.loss == SEVERAL
    warm = regressor(max_iter=3, warm_start=True, early_stopping=True).fit(X[:300], Y[:300])
    assert warm.fit(X[:300], Y[:300]).n_iter_ == 3
    assert len(warm.validation_scores_) == 6
    chain = FITTED.explain(X[:5], Y[:5]).weight(layer=2, unit=1, to=3).of_row(1)
    assert "-0.9 & s < y" in chain.tree.parts[0].formula
    scores = cross_val_score(regressor(max_iter=10), X[:600], Y[:600], cv=2)
    assert scores.min() > 0.5


def test_what_cannot_be_is_refused():
    for q, rule in (((0.5, 0.1), "increasing"), ((0.1, 0.1), "once"), ((), "between 0 and 1")):
        with pytest.raises(InputError, match=rule):
            losses.get("quantile", q=q)
    with pytest.raises(InputError, match="between 0 and 1"):
        losses.get("quantile", q=(0.1, 1.0))
    with pytest.raises(InputError, match="one target for several quantiles; got 2"):
        regressor().fit(X, np.c_[Y, Y])
    with pytest.raises(InputError, match=r"needs the levels 0.05 and 0.95; the loss has \(0.1, "):
        FITTED.predict_interval(X, coverage=0.9)
    with pytest.raises(InputError, match="coverage must be between 0 and 1"):
        FITTED.predict_interval(X, coverage=80)
    with pytest.raises(InputError, match="two levels"):
        regressor("quantile", max_iter=1).fit(X[:50], Y[:50]).predict_interval(X)
    with pytest.raises(AttributeError, match="predict_quantiles"):
        regressor("mse").predict_quantiles(X)


@pytest.mark.slow
def test_the_report_names_each_level(tmp_path):
    FITTED.explain(X[:200], Y[:200], held_out=(X[2000:], Y[2000:])).save(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "the loss aims at 10 %, 50 %, 90 %" in text
    assert "quantile 0.9" in text


def test_one_level_of_several_targets_keeps_their_order():
    y = np.c_[Y[:200], -Y[:200]]
    model = regressor("quantile", max_iter=5).fit(X[:200], y)
    assert (model.predict(X)[:, 0] > model.predict(X)[:, 1]).all()
    np.testing.assert_array_equal(model.predict_quantiles(X), model.predict(X))
    quantiles = model.predictor("predict_quantiles")
    np.testing.assert_array_equal(quantiles(X[0]), model.predict(X[:1])[0])
