"""Inputs, warnings and weights of classes."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from chainrule import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::chainrule.foundation.errors.NoEffectWarning",
)


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_c11_features_of_very_different_size_are_reported(X, y2, estimator):
    with pytest.warns(UserWarning, match=r"(?i)feature|column"):
        estimator(max_iter=2).fit(X * [1.0, 1e5, 1e-5], y2)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_c59_class_weights_count_with_one_row_per_batch(X, y2, engine):
    options = {"batch_size": 1, "max_iter": 2, "random_state": 0, "engine": engine}
    plain = MLPClassifier(**options).fit(X, y2)
    weighted = MLPClassifier(class_weight={0: 1, 1: 5}, **options).fit(X, y2)
    assert weighted.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean() + 0.05


def test_c63_class_weights_of_several_labels(X, ML):
    options = {"max_iter": 5, "random_state": 0}
    plain = MLPClassifier(**options).fit(X, ML)
    weights = [{0: 1, 1: 3}, {0: 1, 1: 1}]
    weighted = MLPClassifier(class_weight=weights, **options).fit(X, ML)
    assert weighted.predict_proba(X)[:, 0].mean() > plain.predict_proba(X)[:, 0].mean()
    for wrong in ({0: 1, 1: 3}, weights[:1]):
        with pytest.raises(ValueError, match="class_weight must"):
            MLPClassifier(class_weight=wrong).fit(X, ML)


def test_c64_keys_are_labels(X, y3):
    labels = np.array(["oak", "fir", "yew"])[y3]
    weights = {"oak": 1.0, "fir": 2.0, "yew": 3.0}
    options = {"max_iter": 5, "random_state": 0}
    model = MLPClassifier(class_weight=weights, **options).fit(X, labels)
    by_row = np.array([weights[label] for label in labels])
    same = MLPClassifier(**options).fit(X, labels, by_row)
    np.testing.assert_allclose(model.parameters_.vector, same.parameters_.vector, rtol=1e-9)
    with pytest.raises(ValueError, match=r"class_weight.*'elm'"):
        MLPClassifier(class_weight={"oak": 1, "fir": 2, "elm": 3}).fit(X, labels)
    part = MLPClassifier(class_weight={"fir": 2, "yew": 3}, **options).fit(X, labels)
    assert part.class_weight_ == weights  # as in scikit-learn, a label without a weight counts 1
    rare = y3 == 0
    model = MLPClassifier(class_weight="balanced", **options).fit(X, rare)
    by_row = np.where(rare, 60 / (2 * rare.sum()), 60 / (2 * (~rare).sum()))
    same = MLPClassifier(**options).fit(X, rare, by_row)
    np.testing.assert_allclose(model.parameters_.vector, same.parameters_.vector, rtol=1e-9)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_c65_a_class_of_weight_zero(X, y3, solver):
    options = {"solver": solver, "max_iter": 200, "learning_rate_init": 0.02, "random_state": 0}
    by_option = MLPClassifier(class_weight={0: 1, 1: 0, 2: 1}, **options).fit(X, y3)
    by_rows = MLPClassifier(**options).fit(X, y3, (y3 != 1).astype(float))
    for model in (by_option, by_rows):
        assert np.all(np.isfinite(model.parameters_.vector))
        assert 1 not in model.predict(X)
    balanced = MLPClassifier(class_weight="balanced", max_iter=5)
    balanced.fit(X, y3, (y3 != 1).astype(float))
    assert np.all(np.isfinite(balanced.parameters_.vector))


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_o19_dates_are_no_numbers(X, y2, estimator):
    days = np.arange(60).astype("datetime64[D]").reshape(-1, 1)
    model = estimator(max_iter=2).fit(X[:, :1], y2)
    for dates in (
        days, days - days[0], days.astype(object), pd.DataFrame({"day": days[:, 0]}),
        [[dt.date(2020, 1, 1)]] * 60,
    ):  # fmt: skip
        with pytest.raises(TypeError, match=r"(?i)date|time"):
            estimator().fit(dates, y2)
        with pytest.raises(TypeError, match=r"(?i)date|time"), np.errstate(all="ignore"):
            model.predict(dates)


def test_o21_labels_of_mixed_type(X, y2):
    for mixed in ([1, "a"], [None, "a"], [1.5, "a"], [True, "a"], [b"a", "a"]):
        with pytest.raises(ValueError, match=r"y must hold labels of one type|y.*label"):
            MLPClassifier().fit(X[:2], np.array(mixed, dtype=object))
        with pytest.raises(ValueError, match=r"y must hold labels of one type|y.*label"):
            MLPClassifier().fit(X[:2], pd.Series(mixed, dtype=object))
    model = MLPClassifier(max_iter=2).fit(X, y2)
    with pytest.raises(ValueError, match="y must hold"):
        model.partial_fit(X[:2], ["a", "b"])
