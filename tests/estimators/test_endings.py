"""How a fit ends: the loss at the end, the reason, and divergence, which is never silent."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from chainrule import MLPClassifier, MLPRegressor
from chainrule.foundation.errors import DivergenceError, DivergenceWarning

GENERATOR = np.random.default_rng(35)
X = GENERATOR.normal(size=(60, 3))
LABELS = np.arange(60) % 3
T = 1000.0 * (2 * X[:, 0] - X[:, 1] + 1)
WEIGHT = GENERATOR.uniform(0.5, 2.0, size=60)
SMALL = {"hidden_layer_sizes": (5,), "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_running_mean_and_the_loss_at_the_end_are_two_numbers(solver):
    options = SMALL | {"solver": solver, "max_iter": 3}
    if solver == "adam":
        options |= {"learning_rate_init": 0.05, "batch_size": 10}
    model = MLPRegressor(**options).fit(X, T, WEIGHT)
    end = np.average((model.predict(X) - T) ** 2, weights=WEIGHT)
    assert model.train_loss_ == pytest.approx(end, rel=1e-9)
    assert model.loss_ == model.loss_curve_[-1]
    if solver == "adam":
        assert model.train_loss_ < 0.99 * model.loss_
    model = MLPClassifier(**options).fit(X, LABELS, WEIGHT)
    end = log_loss(LABELS, model.predict_proba(X), sample_weight=WEIGHT)
    assert model.train_loss_ == pytest.approx(end, rel=1e-9)


def test_with_held_out_rows_it_is_that_of_the_best_on_the_rows_trained_on():
    noise = GENERATOR.permutation(LABELS)
    options = SMALL | {"hidden_layer_sizes": (40,), "learning_rate_init": 0.03, "monitor": "loss"}
    model = MLPClassifier(max_iter=60, **options)
    model.fit(X[:40], noise[:40], X_val=X[40:], y_val=noise[40:])
    end = log_loss(noise[:40], model.predict_proba(X[:40]))
    assert model.train_loss_ == pytest.approx(end, rel=1e-9)
    assert np.argmin(model.validation_loss_curve_) < model.n_iter_ - 1


def test_partial_fit_has_it_too_and_a_loop_that_is_left_has_none():
    model = MLPClassifier(**SMALL).partial_fit(X[:20], LABELS[:20], classes=[0, 1, 2])
    end = log_loss(LABELS[:20], model.predict_proba(X[:20]))
    assert model.train_loss_ == pytest.approx(end, rel=1e-9)
    for _ in model.fit_epochs(X, LABELS):
        break
    assert np.isnan(model.train_loss_)
    assert model.stopped_because_ == "interrupted"


def test_reasons():
    fit = MLPClassifier(max_iter=2, **SMALL).fit
    assert fit(X, LABELS).stopped_because_ == "max_iter"
    lazy = MLPClassifier(tol=10.0, n_iter_no_change=3, **SMALL).fit(X, LABELS)
    assert (lazy.stopped_because_, lazy.n_iter_) == ("no_improvement", 4)
    quick = MLPClassifier(time_limit=1e-9, **SMALL).fit(X, LABELS)
    assert (quick.stopped_because_, quick.n_iter_) == ("time_limit", 1)
    exact = MLPRegressor((), "identity", solver="lbfgs", random_state=0)
    exact.set_params(loss="squared_error", hidden_layer_sizes=()).fit(X, T)
    assert exact.stopped_because_ == "converged"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("limit", [{"time_limit": 1e-9}, {"callbacks": lambda epoch: True}])
def test_an_end_that_was_asked_for_is_no_warning(limit):
    MLPClassifier(**SMALL, **limit).fit(X, LABELS)


def test_a_batch_has_no_more_rows_than_there_are():
    options = SMALL | {"batch_size": 10**6, "max_iter": 2}
    model = MLPClassifier(**options).fit(X, LABELS)
    assert model.batch_size_ == len(X)
    assert model.partial_fit(X[:7], LABELS[:7]).batch_size_ == 7


def test_too_few_epochs_are_one():
    with pytest.warns(ConvergenceWarning, match="max_iter=1"):
        MLPClassifier(max_iter=1, **SMALL).fit(X, LABELS)


@pytest.mark.grid(3)
@pytest.mark.parametrize("rate", [1e4, 1e9, 1e200])
@pytest.mark.parametrize("epochs", [1, 50])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_divergence_is_never_silent(rate, epochs, early_stopping, kind):
    """Also where the last step is the one that diverged, and no batch came after it."""
    y = LABELS if kind is MLPClassifier else T
    options = SMALL | {"solver": "sgd", "learning_rate_init": rate, "max_iter": epochs}
    options |= {"early_stopping": early_stopping, "batch_size": 60, "tol": 0.0}
    model = kind(**options)
    start = kind(**options | {"learning_rate_init": 1e-300, "max_iter": 1}).fit(X, y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    diverged = [w for w in caught if issubclass(w.category, DivergenceWarning)]
    assert np.isfinite(model.parameters_.vector).all()
    assert np.isfinite(model.predict(X)).all()
    first = start.train_loss_
    if diverged:
        assert model.stopped_because_ == "divergence"
        assert "epoch" in str(diverged[0].message)
        assert "step" in str(diverged[0].message)
        assert "learning rate" in str(diverged[0].message)
        assert diverged[0].filename == __file__
    else:
        assert model.train_loss_ <= 1e6 * first


@pytest.mark.parametrize("rate", [1e6, 1e200])
def test_partial_fit_tells_of_its_own_last_step(rate):
    model = MLPRegressor(solver="sgd", learning_rate_init=rate, **SMALL)
    with pytest.warns(DivergenceWarning, match="epoch 1, step 1: the loss is") as caught:
        model.partial_fit(X, T)
    assert caught[0].filename == __file__
    assert np.isfinite(model.predict(X)).all()
    model.set_params(learning_rate_init=1e-3).partial_fit(X, T)
    same = MLPRegressor(solver="sgd", learning_rate_init=1e-3, **SMALL).partial_fit(X, T)
    np.testing.assert_array_equal(model.parameters_.vector, same.parameters_.vector)


def test_lbfgs_from_a_start_that_is_not_finite_says_so_without_a_learning_rate():
    model = MLPRegressor(solver="lbfgs", warm_start=True, max_iter=2, **SMALL).fit(X, T)
    model.coefs_[0][:] = 1e200
    model.coefs_[1][:] = 1e200
    with pytest.raises(DivergenceError, match=r"kept\. Bring inputs and targets"):
        list(model.fit_epochs(X, T))


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_a_start_that_no_rate_could_save_is_said_to_be_one(solver):
    """Squares of such targets are infinite before the first step."""
    model = MLPRegressor(scale_target=False, solver=solver, max_iter=3)
    words = "the loss is inf, the first was inf.*Bring inputs and targets near 1: no rate can"
    with pytest.warns(DivergenceWarning, match=words):
        model.fit(X, 1e200 * T)
