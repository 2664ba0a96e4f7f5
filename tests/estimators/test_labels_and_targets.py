"""Labels and targets of every kind, and the words for those that cannot be used."""

import re
from decimal import Decimal

import array_api_strict
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from chainrule import MLPClassifier, MLPRegressor

# eighths, so that every kind below holds the same numbers
X = np.random.default_rng(22).integers(-20, 20, size=(30, 3)) / 8.0
THREE = np.arange(30) % 3
T = X @ [1.0, -1.0, 0.5]
# a planned end, so that a short training is a whole one
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0, "dtype": "float64"}
SMALL |= {"learning_rate": "cosine"}


def classifier(**options):
    return MLPClassifier(**SMALL | options)


def regressor():
    return MLPRegressor(**SMALL)


PLAIN = classifier().fit(X, THREE)
PLAIN_REGRESSION = regressor().fit(X, T)

TEXT = np.array(["ash", "oak", "yew"])
DAYS = np.array(["2020-01-01", "2021-01-01", "2022-01-01"], dtype="M8[D]")
LABELS = {
    "text": TEXT[THREE],
    "text objects": TEXT.astype(object)[THREE],
    "text dtype": TEXT.astype(np.dtypes.StringDType())[THREE],
    "bytes": TEXT.astype("S")[THREE],
    "int8": THREE.astype(np.int8),
    "uint64": THREE.astype(np.uint64) + np.uint64(2**63),
    "large": np.array([10**30, 10**31, 10**32], dtype=object)[THREE],
    "decimals": np.array([Decimal(1), Decimal(2), Decimal(3)])[THREE],
    "days": DAYS[THREE],
    "nanoseconds": DAYS.astype("M8[ns]")[THREE],
    "day objects": DAYS.astype(object)[THREE],
    "spans": THREE.astype("m8[h]"),
    "pandas": pd.Series(TEXT[THREE], index=np.arange(30)[::-1]),
    "pandas string": pd.Series(TEXT[THREE], dtype="string"),
    "pandas categorical": pd.Series(pd.Categorical(TEXT[THREE])),
    "pandas Int64": pd.Series(THREE, dtype="Int64"),
    "pandas arrow": pd.Series(THREE, dtype="int32[pyarrow]"),
    "polars": pl.Series(TEXT[THREE]),
    "polars categorical": pl.Series(TEXT[THREE]).cast(pl.Categorical),
    "pyarrow": pa.array(TEXT[THREE]),
    "array API": array_api_strict.asarray(THREE),
    "list": TEXT[THREE].tolist(),
}


@pytest.mark.grid(3)
@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
def test_labels_of_every_kind_that_sorts(y):
    model = classifier().fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), PLAIN.predict_proba(X))
    predicted = model.predict(X)
    labels = np.asarray(y)
    # NumPy's own strings of any length sort as objects
    assert predicted.dtype == (object if labels.dtype.kind == "T" else labels.dtype)
    assert set(predicted.tolist()) <= set(labels.tolist())
    assert model.score(X, y) == PLAIN.score(X, THREE)
    warm = classifier(warm_start=True).fit(X, y).fit(X, y)
    assert warm.t_ == 120


def test_labels_keep_their_dtype():
    for name in ("int8", "uint64", "days", "nanoseconds", "spans"):
        assert classifier().fit(X, LABELS[name]).predict(X).dtype == LABELS[name].dtype
    nullable = classifier().fit(X, LABELS["pandas Int64"])
    assert nullable.predict(X).dtype == np.int64
    assert classifier().fit(X, LABELS["pandas arrow"]).predict(X).dtype == np.int32


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([None] + [1] * 29, "labels of one type that sorts; got NoneType and int"),
        (pd.Series([None] + [1] * 29, dtype="Int64"), "a missing value in row 0, counted from 0"),
        (pd.Series(["a"] * 3 + [None] + ["b"] * 26, dtype="string"), "a missing value in row 3"),
        (np.array(["2020-01-01"] * 29 + ["NaT"], "M8[D]"), "NaT in row 29"),
        (np.where(np.arange(30) == 7, np.nan, THREE), "NaN in row 7"),
        (np.where(np.arange(30) == 7, np.inf, THREE), "infinity in row 7"),
        (np.ma.array(THREE, mask=np.arange(30) == 4), "must be known everywhere.*in row 4"),
        (THREE + 1j, "Complex data not supported"),
        ([1, "a"] * 15, "labels of one type that sorts; got int and str"),
        ([b"a", "b"] * 15, "labels of one type that sorts; got bytes and str"),
        (["a", "b", float("nan")] * 10, "contains NaN in row 2, counted from 0"),
        (["a", "b", pd.NA] * 10, "contains a missing value in row 2"),
        ({1, 2}, r"must be of shape \(n,\)"),
        (pd.array([1, None] * 15, dtype="Int64"), "a missing value in row 1"),
        (THREE[:-1], re.escape("inconsistent numbers of samples: [30, 29]")),
        ([1j, 2j] * 15, "Complex data not supported"),
    ],
)
def test_invalid_labels_are_refused(y, words):
    with pytest.raises(ValueError, match=words):
        classifier().fit(X, y)
    with pytest.raises(ValueError, match=words):
        classifier().fit(X[:5], [0, 1, 0, 1, 0], X_val=X, y_val=y)


TARGETS = {
    "objects": T.astype(object),
    "decimals": np.array([Decimal(value) for value in T]),
    "pandas": pd.Series(T),
    "pandas Float64": pd.Series(T, dtype="Float64"),
    "polars": pl.Series(T),
    "pyarrow": pa.array(T),
    "array API": array_api_strict.asarray(T),
    "float16": T.astype(np.float16),
    "longdouble": T.astype(np.longdouble),
    "big endian": T.astype(">f8"),
    "list": T.tolist(),
}


@pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
def test_targets_of_every_kind(y):
    found = regressor().fit(X, y).predict(X)
    np.testing.assert_allclose(found, PLAIN_REGRESSION.predict(X), rtol=1e-12)


def test_yes_and_no_are_1_and_0():
    np.testing.assert_array_equal(
        regressor().fit(X, T > 0).predict(X), regressor().fit(X, (T > 0) * 1.0).predict(X)
    )


@pytest.mark.parametrize(
    ("y", "error", "words"),
    [
        (T.astype(str), ValueError, "y must hold numbers; got .* in row 0"),
        (T.astype(str).astype(object), ValueError, "y must hold numbers"),
        (T.astype("M8[D]"), TypeError, "y must hold numbers.*in row 0.*Turn dates"),
        (np.where(np.arange(30) == 3, np.nan, T), ValueError, "y contains NaN in row 3"),
        (np.where(np.arange(30) == 3, -np.inf, T), ValueError, "y contains infinity in row 3"),
        (np.array([None, *T[1:]]), ValueError, "got None in row 0"),
        (pd.Series([None, *T[1:]], dtype="Float64"), ValueError, "missing value in row 0"),
        (T + 1j, ValueError, "Complex data not supported"),
        (T[:-1], ValueError, re.escape("inconsistent numbers of samples: [30, 29]")),
        (X[..., None], ValueError, re.escape("y must be of shape (n,) or (n, n_outputs)")),
    ],
)
def test_invalid_targets_are_refused(y, error, words):
    with pytest.raises(error, match=words):
        regressor().fit(X, y)
