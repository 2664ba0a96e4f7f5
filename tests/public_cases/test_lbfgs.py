"""L-BFGS in many short fits, the case C78."""

import pickle

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
OPTIONS = {"hidden_layer_sizes": (5,), "solver": "lbfgs", "random_state": 0}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["numbers", "two", "three"])
def test_c78_lbfgs_one_iteration_at_a_time(X, y2, y3, t, kind):
    estimator = MLPRegressor if kind == "numbers" else MLPClassifier
    y = {"numbers": t, "two": y2, "three": y3}[kind]
    long = estimator(max_iter=200, **OPTIONS).fit(X, y)
    short = estimator(max_iter=1, warm_start=True, **OPTIONS)
    for _ in range(200):
        short.fit(X, y)
    totals = [model.loss_ + model.penalty_curve_[-1] for model in (short, long)]
    assert totals[0] == pytest.approx(totals[1], rel=0.05)
    assert np.all(np.isfinite(short.predict(X)))


@pytest.mark.grid(2)
@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_c78_short_fits_equal_a_long_one_bit_for_bit(X, t, dtype, engine):
    options = OPTIONS | {"dtype": dtype, "engine": engine, "tol": 0.0}
    long = MLPRegressor(max_iter=40, **options).fit(X, t)
    short = MLPRegressor(max_iter=1, warm_start=True, **options)
    for _ in range(40):
        short = pickle.loads(pickle.dumps(short.fit(X, t)))
    assert short.parameters_.vector.tobytes() == long.parameters_.vector.tobytes()
    assert short.loss_curve_ == long.loss_curve_
    assert short.train_loss_ == long.train_loss_


@pytest.mark.parametrize("change", ["alpha", "parameters", "nothing"])
def test_c78_curvature_of_another_objective_is_forgotten(X, t, change):
    model = MLPRegressor(max_iter=20, warm_start=True, **OPTIONS).fit(X, t)
    if change == "alpha":
        model.set_params(alpha=0.1)
    if change == "parameters":
        model.coefs_[0][:] *= 2.0
    model.set_params(max_iter=1).fit(X, t)
    kept = len(model._run.state.curvature)
    assert kept > 1 if change == "nothing" else kept <= 1


@pytest.mark.parametrize("unit", [1e-4, 1e-2, 1.0])
def test_o01_small_rates_are_no_reason_to_stop_early(X, unit):
    """A loss of small counts per exposure has small slopes from the first step on."""
    y = unit * np.exp(X[:, 0])
    model = MLPRegressor("poisson", solver="lbfgs", alpha=0.0, max_iter=1000, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.999


@pytest.mark.grid(2)
@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_o01_targets_trained_on_as_they_are(X, t, unit):
    model = MLPRegressor(solver="lbfgs", scale_target=False, max_iter=1000, random_state=0)
    assert model.set_params(alpha=0.0).fit(X, unit * t).score(X, unit * t) > 0.999
