"""Labels and targets: the cases C24 to C40."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import get_scorer, mean_squared_error
from sklearn.model_selection import cross_val_score

from chainrule import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_c24_a_later_batch_brings_a_declared_class(X):
    model = MLPClassifier().partial_fit(X[:6], ["oak", "fir"] * 3, classes=["fir", "oak", "yew"])
    model.partial_fit(X[6:8], ["yew", "yew"])
    assert model.predict_proba(X).shape == (60, 3)
    assert model.classes_.tolist() == ["fir", "oak", "yew"]


def test_c25_an_undeclared_class_is_named_and_changes_nothing(X, contents):
    model = MLPClassifier().partial_fit(X[:4], [0, 1, 0, 1], classes=[0, 1])
    before = contents(model)
    with pytest.raises(ValueError, match=r"classes of the first fit, \[0, 1\]; got 7 in row 1"):
        model.partial_fit(X[:2], [0, 7])
    assert contents(model) == before


def test_c26_a_first_batch_of_one_class(X):
    model = MLPClassifier().partial_fit(X[:4], [1, 1, 1, 1], classes=[0, 1, 2])
    assert model.predict_proba(X[:1]).shape == (1, 3)
    two = MLPClassifier().partial_fit(X[:4], [1, 1, 1, 1], classes=[0, 1])
    assert two.predict_proba(X[:1]).shape == (1, 2)


@pytest.mark.grid(2)
@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_c28_labels_that_are_not_counted_from_0(X, y3, engine):
    options = {"max_iter": 300, "random_state": 0, "engine": engine}
    numbers = MLPClassifier(**options).fit(X, y3).predict(X)
    for back in (np.array([5, 15, 25]), np.array([-7, 0, 10**15]), np.array(["a", "b", "ç"]),
                 np.array([-1.0, 1.0, 2.0])):  # fmt: skip
        found = MLPClassifier(**options).fit(X, back[y3]).predict(X)
        np.testing.assert_array_equal(found, back[numbers])


def test_c29_text_labels_with_early_stopping(X, y2):
    model = MLPClassifier(early_stopping=True, max_iter=20)
    for labels in (np.where(y2, "yes", "no"), np.where(y2, "yes", "no").astype(object)):
        assert set(model.fit(X, labels).predict(X)) <= {"yes", "no"}
        assert np.all(np.isfinite(model.validation_scores_))


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, bool]
)
def test_c30_small_and_unsigned_labels_keep_their_dtype(X, y2, y3, dtype):
    assert MLPClassifier(max_iter=2).fit(X, y2.astype(dtype)).predict(X).dtype == dtype
    if dtype is not bool:
        assert MLPClassifier(max_iter=2).fit(X, y3.astype(dtype)).predict(X).dtype == dtype


def test_c32_a_class_that_only_the_validation_rows_have(X, y2):
    model = MLPClassifier()
    labels = np.where(np.arange(20) == 0, 9, y2[40:])
    with pytest.raises(ValueError, match=r"must hold .*classes .*\[0, 1\]; got 9 in row 0"):
        model.fit(X[:40], y2[:40], X_val=X[40:], y_val=labels)
    assert not getattr(model, "loss_curve_", [])


def test_c33_a_column_of_labels(X, y3):
    with pytest.warns(DataConversionWarning):
        assert MLPClassifier(max_iter=2).fit(X, y3[:, None]).predict(X).shape == (60,)


def test_c34_flat_targets_and_columns(X, t, T2):
    assert MLPRegressor(max_iter=2).fit(X, t).predict(X).shape == (60,)
    with pytest.warns(DataConversionWarning):
        assert MLPRegressor(max_iter=2).fit(X, t[:, None]).predict(X).shape == (60,)
    assert MLPRegressor(max_iter=2).fit(X, T2).predict(X).shape == (60, 2)
    bag = BaggingRegressor(MLPRegressor(max_iter=20), n_estimators=2, random_state=0)
    assert bag.fit(X, t).predict(X).shape == (60,)
    assert cross_val_score(MLPRegressor(max_iter=20), X, t, cv=2).shape == (2,)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_c35_a_column_of_targets_is_not_broadcast(X, t):
    options = {"max_iter": 1, "learning_rate_init": 1e-300, "random_state": 0}
    flat, column = MLPRegressor(**options).fit(X, t), MLPRegressor(**options).fit(X, t[:, None])
    assert flat.loss_ == column.loss_
    assert flat.loss_ == pytest.approx(mean_squared_error(t, flat.predict(X)), rel=1e-12)


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "categorical_cross_entropy"])
def test_c37_probabilities_of_two_classes(X, y2, loss):
    labels = np.where(y2, "a", "b")  # the first class is the positive one
    model = MLPClassifier(max_iter=50, loss=loss).fit(X, labels)
    p = model.predict_proba(X)
    assert p.shape == (60, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(model.classes_[p.argmax(axis=1)], model.predict(X))
    assert get_scorer("roc_auc")(model, X, labels) > 0.9


def test_c38_calibration_and_scorers_find_what_they_need(X, y2, y3):
    model = MLPClassifier(max_iter=50)
    assert CalibratedClassifierCV(model, cv=2).fit(X, y2).predict_proba(X).shape == (60, 2)
    for name in ("roc_auc", "neg_log_loss", "neg_brier_score", "average_precision"):
        assert np.isfinite(get_scorer(name)(model.fit(X, y2), X, y2))
    assert np.isfinite(get_scorer("roc_auc_ovr")(model.fit(X, y3), X, y3))


def test_c39_labels_are_independent(X, ML):
    model = MLPClassifier(max_iter=300, random_state=0).fit(X, ML)
    p = model.predict_proba(X)
    assert not np.allclose(p.sum(axis=1), 1.0)
    np.testing.assert_array_equal(model.predict(X), p > 0.5)
    assert (model.predict(X).sum(axis=1) == 0).any()  # a row may have no label
    assert (model.predict(X).sum(axis=1) == 2).any()


def test_c40_a_regression_target_for_a_classifier(X, t):
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        MLPClassifier().fit(X, t)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        MLPClassifier().partial_fit(X, t, classes=[0, 1])
