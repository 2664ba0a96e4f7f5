"""`score`: targets and weights are checked as in `fit`, and nothing is broadcast."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import accuracy_score, r2_score

from chainrule import MLPClassifier, MLPRegressor
from chainrule.foundation.errors import InputError

generator = np.random.default_rng(11)
X = generator.normal(size=(60, 3))
SIDE = (X[:, 0] > 0).astype(int)
LABELS = np.c_[SIDE, X[:, 1] > 0].astype(int)
T = 2.0 * X[:, 0] - X[:, 1] + 1.0
WEIGHT = generator.uniform(0.5, 2.0, size=60)
# a planned end, so that a short training is a whole one
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 4, "learning_rate": "cosine", "random_state": 0}


@pytest.mark.parametrize(
    ("make", "y", "others"),
    [
        (MLPClassifier, SIDE, [SIDE[:1], SIDE[:59], LABELS, LABELS[:1]]),
        (MLPClassifier, LABELS, [LABELS[:1], SIDE, LABELS[:59], np.c_[LABELS, SIDE]]),
        (MLPRegressor, T, [T[:1], T[:59], np.c_[T, T]]),
        (MLPRegressor, np.c_[T, -T], [T, np.c_[T, -T][:1], np.c_[T, T, T]]),
    ],
)
def test_targets_of_another_shape_are_refused(make, y, others):
    model = make(**SMALL).fit(X, y)
    for other in others:
        with pytest.raises(InputError, match=r"y must be of the shape of the predictions, \(60"):
            model.score(X, other)
    with pytest.raises(InputError, match="y must be of shape"):
        model.score(X, y.ravel()[0])
    # as many rows as columns, so that a row would stand for a column
    if y.ndim == 2:
        with pytest.raises(InputError, match="y must be of the shape"):
            model.score(X[:2], y[:2, 0])


@pytest.mark.parametrize(
    ("y", "other"),
    [
        (SIDE, SIDE.astype(str)),
        (SIDE.astype(str), SIDE),
        (SIDE.astype(str), SIDE.astype(bytes)),
        (SIDE.astype(bytes), SIDE.astype(str).astype(object)),
    ],
    ids=["text for numbers", "numbers for text", "bytes for text", "text for bytes"],
)
def test_labels_of_another_kind_are_no_errors_of_the_model(y, other):
    model = MLPClassifier(**SMALL).fit(X, y)
    with pytest.raises(InputError, match="y must hold labels of the kind trained on"):
        model.score(X, other)
    assert model.score(X, y.astype(object)) == model.score(X, y)


def test_a_class_never_seen_counts_as_wrong():
    model = MLPClassifier(**SMALL).fit(X, SIDE)
    assert model.score(X, SIDE + 7) == 0.0


@pytest.mark.parametrize(
    "kind",
    [
        list,
        pd.Series,
        pl.Series,
        lambda y: pd.Series(y, dtype="Float64"),
        lambda y: y.astype(object),
        lambda y: y.astype(">f8"),
    ],
    ids=["list", "pandas", "polars", "nullable", "object", "big endian"],
)
def test_targets_of_every_kind_give_the_same(kind):
    model = MLPRegressor(**SMALL).fit(X, T)
    expected = r2_score(T, model.predict(X), sample_weight=WEIGHT)
    assert model.score(X, kind(T), kind(WEIGHT)) == pytest.approx(expected, rel=1e-12)


def test_accuracy_is_that_of_scikit_learn():
    for y in (SIDE, LABELS):
        model = MLPClassifier(**SMALL).fit(X, y)
        expected = accuracy_score(y, model.predict(X), sample_weight=WEIGHT)
        assert model.score(X, y, WEIGHT) == pytest.approx(expected, rel=1e-12)


@pytest.mark.grid(3)
@pytest.mark.filterwarnings("ignore:y has a spread of:chainrule.foundation.errors.DataWarning")
@pytest.mark.parametrize("unit", [1e-300, 1e-160, 1e160, 1e300])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_r2_has_no_unit(unit, early_stopping):
    options = SMALL | {"max_iter": 30, "solver": "lbfgs", "learning_rate": "constant"}
    options |= {"early_stopping": early_stopping, "tol": 0.0}
    with pytest.warns(match="training stopped after max_iter"):
        one = MLPRegressor(**options).fit(X, T)
    with pytest.warns(match="training stopped after max_iter"):
        other = MLPRegressor(**options).fit(X, unit * T)
    assert other.score(X, unit * T) == pytest.approx(one.score(X, T), abs=1e-3)
    if early_stopping:
        assert other.validation_scores_ == pytest.approx(one.validation_scores_, abs=1e-3)
