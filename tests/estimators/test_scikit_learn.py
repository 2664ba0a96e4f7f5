"""scikit-learn's own checks of estimators, on both of ours."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule import MLPClassifier, MLPRegressor


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# some of their data lie a hundred spreads from 0, of which we warn
@pytest.mark.filterwarnings("ignore::chainrule.foundation.errors.DataWarning")
@parametrize_with_checks(
    [
        MLPClassifier(random_state=0),
        MLPRegressor(random_state=0),
    ]
)
def test_check(estimator, check):
    check(estimator)
