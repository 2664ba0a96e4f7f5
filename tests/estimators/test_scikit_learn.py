"""scikit-learn's own checks of estimators, on both of ours: as they come, and for each engine and
precision."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule import MLPClassifier, MLPRegressor

SMALL = {
    "hidden_layer_sizes": (16,), "learning_rate_init": 0.01, "max_iter": 60, "random_state": 0,
}  # fmt: skip
# each engine and each precision once; contracts of engines have all pairs
KINDS = [
    MLPClassifier(**SMALL, engine="reference", dtype="float64"),
    MLPRegressor(**SMALL, engine="compiled", dtype="float32"),
]
# What these checks ask for is double precision itself.
ONLY_DOUBLE = {
    "check_sample_weight_equivalence_on_dense_data": "asks for 1e-7, finer than single precision; "
    "C61 in tests/public_cases asks for 1e-3",
    "check_sample_weight_equivalence_on_sparse_data": "asks for 1e-7, finer than single precision",
    "check_regressor_multioutput": "asks for predictions in float64",
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# some of their data lie a hundred spreads from 0, of which we warn
@pytest.mark.filterwarnings("ignore::chainrule.foundation.errors.DataWarning")
@parametrize_with_checks([MLPClassifier(random_state=0), MLPRegressor(random_state=0), *KINDS])
def test_check(estimator, check):
    reason = ONLY_DOUBLE.get(check.func.__name__)
    if estimator.dtype == "float32" and reason:
        pytest.skip(reason)
    check(estimator)
