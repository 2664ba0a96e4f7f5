"""What `MLPRegressor` promises beyond scikit-learn's own checks."""

import math

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error

from chainrule import MLPRegressor, losses
from chainrule.formulas.target_scale import Standardised
from chainrule.foundation.errors import DivergenceWarning

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::chainrule.foundation.errors.NoEffectWarning",
)

generator = np.random.default_rng(20)
X = generator.normal(size=(60, 3))
T = 2 * X[:, 0] - X[:, 1] + 1
NOISE = generator.normal(size=60)
COUNTS = generator.poisson(np.exp(X[:, 0]))
TWO = np.c_[T, -T]


def small(**options):
    return MLPRegressor(
        **{
            "hidden_layer_sizes": (8,),
            "max_iter": 100,
            "random_state": 0,
            "learning_rate_init": 0.02,
        }
        | options
    )


@pytest.mark.parametrize("unit", [1e-3, 1e3, 1e6])
def test_the_fit_does_not_depend_on_the_unit(unit):
    one = small().fit(X, T)
    other = small().fit(X, T * unit)
    assert one.score(X, T) > 0.95
    assert other.score(X, T * unit) == pytest.approx(one.score(X, T), abs=1e-6)
    assert other.n_iter_ == one.n_iter_
    np.testing.assert_allclose(other.loss_curve_, np.asarray(one.loss_curve_) * unit**2, rtol=1e-6)


def test_curve_and_weights_are_in_the_users_unit():
    model = small(learning_rate_init=1e-300, max_iter=1, batch_size=4).fit(X[:5], T[:5] * 1000)
    assert model.loss_ == pytest.approx(
        mean_squared_error(T[:5] * 1000, model.predict(X[:5])), rel=1e-12
    )
    hidden = np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0.0)
    by_hand = (hidden @ model.coefs_[1] + model.intercepts_[1])[:, 0]
    np.testing.assert_allclose(model.predict(X), by_hand, rtol=1e-12)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "quantile"])
def test_losses_in_the_users_unit(loss):
    model = small(loss=loss, learning_rate_init=1e-300, max_iter=1).fit(X, T * 50)
    expected = losses[loss](model.predict(X), T * 50)
    assert model.loss_ == pytest.approx(float(expected), rel=1e-9)
    fitted = small(loss=loss).fit(X, T * 50)
    assert fitted.score(X, T * 50) > 0.9


def test_quantiles_bound_their_share():
    noisy = T + NOISE
    high = small(loss=losses.get("quantile", q=0.9), max_iter=300).fit(X, noisy)
    share = np.mean(noisy <= high.predict(X))
    assert 0.8 < share < 0.98


def test_poisson_predicts_means_and_refuses_negative_counts():
    model = small(loss="poisson").fit(X, COUNTS)
    assert model.predict(X).min() > 0.0
    assert model.predict(X).mean() == pytest.approx(COUNTS.mean(), rel=0.2)
    assert model.out_activation_ == "exp"
    with pytest.raises(ValueError, match=r"y must be finite and >= 0 for poisson; got -"):
        small(loss="poisson").fit(X, T)


@pytest.mark.parametrize("scaled", [True, False])
def test_no_hidden_layer_is_ridge_regression(scaled):
    data, y = load_diabetes(return_X_y=True)
    data = data * 20
    ours = MLPRegressor(
        "mse",
        (),
        solver="lbfgs",
        alpha=0.02,
        tol=1e-9,
        max_iter=2000,
        max_fun=50_000,
        scale_target=scaled,
    ).fit(data, y)
    theirs = Ridge(alpha=0.01 * len(y)).fit(data, y)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, rtol=1e-4, atol=1e-3)
    assert ours.intercepts_[0][0] == pytest.approx(theirs.intercept_, rel=1e-5)


def test_shapes():
    assert small().fit(X, T).predict(X).shape == (60,)
    assert small().fit(X, TWO).predict(X).shape == (60, 2)
    with pytest.warns(DataConversionWarning):
        assert small().fit(X, T[:, None]).predict(X).shape == (60,)
    assert small().fit(X, TWO).score(X, TWO) > 0.95
    model = small(warm_start=True).fit(X, T)
    with pytest.raises(ValueError, match=r"1 target\(s\), as in the first fit; got 2"):
        model.fit(X, TWO)


CONSTANTS = [np.zeros(60), np.full(60, 7.0), np.full(60, 1e300), np.full(60, 1e-30)]


@pytest.mark.filterwarnings("ignore:y has a spread of .*e.284")
@pytest.mark.parametrize("target", CONSTANTS)
def test_a_constant_target_is_learnt(target):
    model = small(max_iter=500, solver="lbfgs", alpha=0.0, tol=1e-8).fit(X, target)
    np.testing.assert_allclose(model.predict(X), target, rtol=1e-3, atol=1e-3 * (target[0] == 0))


@pytest.mark.slow
@pytest.mark.grid(2)
@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_rows_that_come_one_at_a_time_may_have_any_unit(unit):
    y = 1.0 + X[:, 0] / 10.0
    scores = []
    for factor in (1.0, unit):
        model = small(learning_rate_init=0.01)
        for _ in range(10):
            for row in range(60):
                model.partial_fit(X[row : row + 1], factor * y[row : row + 1])
        scores.append(model.score(X, factor * y))
    assert scores[0] > 0.5
    assert scores[1] == pytest.approx(scores[0], abs=1e-3)


def test_constant_inputs_give_the_mean():
    model = small(max_iter=300, n_iter_no_change=math.inf).fit(np.zeros((60, 3)), T)
    assert model.predict(np.zeros((1, 3)))[0] == pytest.approx(T.mean(), rel=0.02)


def test_warm_start_goes_on_exactly():
    long = small(max_iter=12, batch_size=16).fit(X, T * 1e4)
    short = small(max_iter=3, batch_size=16, warm_start=True)
    for _ in range(4):
        short.fit(X, T * 1e4)
    np.testing.assert_array_equal(short.parameters_.vector, long.parameters_.vector)
    steps = small(batch_size=16)
    for _ in range(12):
        steps.partial_fit(X, T * 1e4)
    np.testing.assert_array_equal(steps.parameters_.vector, long.parameters_.vector)


def test_edited_weights_are_taken_over():
    model = small().fit(X, T * 100)
    model.coefs_[-1][:] = 0.0
    model.intercepts_[-1][:] = 42.0
    np.testing.assert_allclose(model.predict(X), 42.0)
    model.set_params(learning_rate_init=1e-300).partial_fit(X, T * 100)
    np.testing.assert_allclose(model.predict(X), 42.0, rtol=1e-12)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_divergence(early_stopping):
    model = small(solver="sgd", learning_rate_init=1e4, early_stopping=early_stopping)
    with pytest.warns(DivergenceWarning, match="Try a learning rate of 1000"):
        model.fit(X, T)
    assert np.all(np.isfinite(model.predict(X)))


def test_early_stopping_has_both_curves():
    model = small(early_stopping=True, max_iter=500).fit(X, T * 10)
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == model.n_iter_
    assert model.best_validation_score_ == max(model.validation_scores_)
    with pytest.raises(ValueError, match="at least 2 rows"):
        small(early_stopping=True).fit(X[:2], T[:2])


def test_weighted_scale():
    scale = Standardised.of(np.array([[0.0], [4.0], [100.0]]), np.array([1.0, 1.0, 0.0]))
    np.testing.assert_allclose(scale.center, [2.0])
    assert scale.spread == pytest.approx(2.0)
    huge = Standardised.of(np.array([[-1e308], [1e308]]))
    assert np.isfinite(huge.spread)
    assert np.all(np.abs(huge.apply(np.array([[-1e308], [1e308]]))) <= 1.0 + 1e-12)


def test_other_targets_are_refused():
    with pytest.raises(ValueError, match=r"y must hold numbers; got .a. in row 0"):
        small().fit(X, np.array(["a"] * 60, dtype=object))
    with pytest.raises(ValueError, match="y contains NaN"):
        small().fit(X, np.where(np.arange(60) == 3, np.nan, T))
    with pytest.raises(ValueError, match="loss must be one of numbers"):
        small(loss="categorical_cross_entropy").fit(X, T)


def test_inside_bagging():
    assert (
        BaggingRegressor(small(max_iter=20), n_estimators=2, random_state=0).fit(X, T).score(X, T)
        > 0.3
    )
