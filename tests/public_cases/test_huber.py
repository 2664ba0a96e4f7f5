"""A brother of O1 and O2: a distance of the loss far below the spread of the target."""

import numpy as np
import pytest

from chainrule import MLPRegressor, losses

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_o01_o02_a_distance_far_below_the_spread_of_the_target(X, t, solver):
    """The default delta of 1 and prices of a hundred thousand: as good as the absolute error."""
    options = {"solver": solver, "max_iter": 500, "random_state": 0, "learning_rate_init": 0.01}
    for unit in (1e3, 1e5, 1e6):
        huber, absolute = (
            MLPRegressor(loss, **options).fit(X, t * unit).score(X, t * unit)
            for loss in ("huber", "mae")
        )
        assert huber > absolute - 0.01
    assert np.isfinite(MLPRegressor("huber", **options).fit(X, t).loss_)


@pytest.mark.grid(9)
@pytest.mark.filterwarnings("ignore:y has a spread of:chainrule.foundation.errors.DataWarning")
@pytest.mark.parametrize("loss", ["smooth_l1", "huber"])
@pytest.mark.parametrize("unit", [1e-300, 1e-6, 1e-3, 1e6])
def test_o01_o02_a_distance_far_above_or_below_the_spread_of_the_target(X, t, loss, unit):
    """As good as the squared or the absolute error, whichever it is there."""
    options = {"max_iter": 500, "random_state": 0}
    other = "squared_error" if unit < 1 else "mae"
    found, expected = (
        MLPRegressor(name, **options).fit(X, t * unit).score(X, t * unit) for name in (loss, other)
    )
    assert found > expected - 0.01


@pytest.mark.parametrize("loss", [losses.huber, losses.smooth_l1])
@pytest.mark.parametrize("scale", [1e-320, 1e-12, 0.3, 2.0, 1e12, 1e300])
@pytest.mark.parametrize("delta", [1e-3, 1.0, 40.0])
def test_the_rescaled_loss_is_the_same_loss_in_another_unit(loss, scale, delta):
    loss = losses.get(loss.name, delta=delta)
    other, factor = loss.rescaled(scale)
    errors = np.array([[-2.0], [0.0], [0.4], [3.0]])
    slopes = np.abs(other.gradient(np, errors, np.zeros_like(errors)))
    assert 1.0 <= slopes.max() <= 3.0
    if 1e-20 < scale < 1e20:
        np.testing.assert_allclose(
            factor * other.value(np, errors, np.zeros_like(errors)),
            loss.value(np, errors * scale, np.zeros_like(errors)),
            rtol=1e-9,
        )
