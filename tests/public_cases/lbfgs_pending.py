"""C78 waits for an L-BFGS that keeps its curvature between calls."""

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("kind", ["numbers", "two", "three"])
def test_c78_lbfgs_one_iteration_at_a_time(X, y2, y3, t, kind):
    estimator = MLPRegressor if kind == "numbers" else MLPClassifier
    y = {"numbers": t, "two": y2, "three": y3}[kind]
    options = {"hidden_layer_sizes": (5,), "solver": "lbfgs", "random_state": 0}
    long = estimator(max_iter=200, **options).fit(X, y)
    short = estimator(max_iter=1, warm_start=True, **options)
    for _ in range(200):
        short.fit(X, y)
    totals = [model.loss_ + model.penalty_curve_[-1] for model in (short, long)]
    assert totals[0] == pytest.approx(totals[1], rel=0.05)
    assert np.all(np.isfinite(short.predict(X)))
