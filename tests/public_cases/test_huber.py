"""A brother of O1 and O2: a distance of the loss far below the spread of the target."""

import numpy as np
import pytest

from chainrule import MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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
