"""The checks of scikit-learn, run on the estimators of tables."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule import TabularClassifier, TabularRegressor

# Folds are of rows, so that a repeated row and a weight of 2 are not the same.
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "folds are of rows: weights are no repeats",
}
CHECKED = {"n_folds": 2, "encoding": "scale", "random_state": 0}


@pytest.mark.slow
@parametrize_with_checks(
    [
        TabularClassifier(**CHECKED, options={"max_iter": 5}),
        TabularRegressor(**CHECKED, options={"max_iter": 30}),
    ],
    expected_failed_checks=lambda estimator: EXPECTED,
)
@pytest.mark.filterwarnings("ignore")
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)
