"""What is watched, and what is held out."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_squared_error

from chainrule import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_c67_c71_a_monitor_of_ones_own(X, y2):
    values = iter([0.1, 0.2, 0.9, 0.6, 0.7])
    model = MLPClassifier(
        max_iter=5, n_iter_no_change=10, early_stopping=True,
        monitor=lambda estimator, X, y: next(values),
    )  # fmt: skip
    vectors = [epoch.parameters.vector.copy() for epoch in model.fit_epochs(X, y2)]
    np.testing.assert_array_equal(model.parameters_.vector, vectors[2])
    assert model.best_validation_score_ == 0.9


def test_c68_the_last_rows(X, y3):
    order = np.argsort(y3)
    labels = y3[order]
    model = MLPRegressor(early_stopping=True, validation="last", max_iter=1)
    model.fit(X[order], labels)
    found = mean_squared_error(labels[-6:], model.predict(X[order][-6:]))
    assert model.validation_loss_curve_[0] == pytest.approx(found, rel=1e-9)


@pytest.mark.parametrize("monitor", ["r2", "neg_mean_absolute_error", "loss"])
def test_c69_monitors_by_name(X, t, monitor):
    model = MLPRegressor(early_stopping=True, monitor=monitor, max_iter=30).fit(X, t)
    curves = (model.loss_curve_, model.validation_loss_curve_, model.validation_scores_)
    assert [len(curve) for curve in curves] == [model.n_iter_] * 3


@pytest.mark.parametrize("early_stopping", [False, True])
def test_o10_the_mean_of_an_epoch_and_the_loss_at_its_end(X, y2, t, early_stopping):
    options = {"learning_rate_init": 0.05, "batch_size": 10, "max_iter": 1}
    classifier, regressor = MLPClassifier(**options), MLPRegressor(**options)
    classifier.fit(X, y2)
    found = log_loss(y2, classifier.predict_proba(X))
    assert classifier.train_loss_ == pytest.approx(found, rel=1e-9)
    assert classifier.loss_ > classifier.train_loss_
    regressor.fit(X, t * 100)
    found = mean_squared_error(t * 100, regressor.predict(X))
    assert regressor.train_loss_ == pytest.approx(found, rel=1e-9)
