"""Tables of every kind, and the words for those that cannot be used."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import array_api_strict
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from chainrule import MLPClassifier, MLPRegressor
from chainrule.foundation.errors import InputError

generator = np.random.default_rng(22)
# tenths, so that every kind below holds the same numbers
X = generator.integers(-20, 20, size=(30, 3)) / 8.0
THREE = np.arange(30) % 3
T = X @ [1.0, -1.0, 0.5]
NAMES = list("abc")
# a planned end, so that a short training is a whole one
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0, "dtype": "float64"}
SMALL |= {"learning_rate": "cosine"}


def classifier(**options):
    return MLPClassifier(**SMALL | options)


def regressor():
    return MLPRegressor(**SMALL)


PLAIN = classifier().fit(X, THREE)
NAMED = classifier().fit(pd.DataFrame(X, columns=NAMES), THREE)
PLAIN_REGRESSION = regressor().fit(X, T)


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def memory_mapped(X):
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file.name, X)
        return np.load(file.name, mmap_mode="r")


def repeated_entries(X):
    """Return a CSR matrix whose entries are sums of two."""
    csr = scipy.sparse.csr_array(X)
    halves = (np.repeat(csr.data / 2, 2), np.repeat(csr.indices, 2), csr.indptr * 2)
    return scipy.sparse.csr_array(halves, shape=X.shape)


def long_indices(X):
    csr = scipy.sparse.csr_array(X)
    csr.indices, csr.indptr = csr.indices.astype(np.int64), csr.indptr.astype(np.int64)
    return csr


KINDS = {
    "float16": lambda X: X.astype(np.float16),
    "longdouble": lambda X: X.astype(np.longdouble),
    "big endian": lambda X: X.astype(">f4"),
    "fortran": np.asfortranarray,
    "negative strides": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": read_only,
    "memory map": memory_mapped,
    "objects": lambda X: X.astype(object),
    "decimals": lambda X: np.array([[Decimal(value) for value in row] for row in X]),
    "fractions": lambda X: [[Fraction(value) for value in row] for row in X.tolist()],
    "tuples": lambda X: tuple(map(tuple, X)),
    "list of arrays": list,
    "masked nowhere": lambda X: np.ma.array(X, mask=False),
    "pandas": lambda X: pd.DataFrame(X, columns=NAMES),
    "pandas Float64": lambda X: pd.DataFrame(X, columns=NAMES).astype("Float64"),
    "pandas arrow": lambda X: pd.DataFrame(X, columns=NAMES).astype("float64[pyarrow]"),
    "pandas objects": lambda X: pd.DataFrame(X, columns=NAMES).astype(object),
    "pandas sparse": lambda X: pd.DataFrame.sparse.from_spmatrix(scipy.sparse.csr_matrix(X)),
    "polars": lambda X: pl.DataFrame(X, schema=NAMES),
    "pyarrow": lambda X: pa.table({name: X[:, i] for i, name in enumerate(NAMES)}),
    "array API": array_api_strict.asarray,
    "repeated entries": repeated_entries,
    "long indices": long_indices,
} | {
    kind: getattr(scipy.sparse, kind)
    for kind in ("csr_matrix", "csc_array", "coo_matrix", "lil_array", "dok_array", "bsr_array")
}


@pytest.mark.grid(3)
@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_the_same_numbers_give_the_same(make):
    model = classifier().fit(make(X), THREE)
    np.testing.assert_array_equal(model.predict_proba(make(X)), PLAIN.predict_proba(X))


@pytest.mark.parametrize("name", ["pandas", "polars", "pyarrow"])
def test_names_are_kept_and_compared(name):
    model = classifier().fit(KINDS[name](X), THREE)
    assert model.feature_names_in_.tolist() == NAMES
    other = KINDS[name](X)
    other = other[NAMES[::-1]] if name != "pyarrow" else other.select(NAMES[::-1])
    with pytest.raises(ValueError, match="feature names"):
        model.predict(other)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u8", "?"])
def test_whole_numbers_and_bools(dtype):
    whole = np.abs(X).astype(dtype)
    expected = classifier().fit(whole.astype(float), THREE).predict_proba(whole.astype(float))
    for make in (np.asarray, pd.DataFrame, scipy.sparse.csr_array):
        model = classifier().fit(make(whole), THREE)
        np.testing.assert_array_equal(model.predict_proba(make(whole)), expected)
    nullable = {"i1": "Int8", "u1": "UInt8", "i2": "Int16", "u8": "UInt64", "?": "boolean"}[dtype]
    frame = pd.DataFrame(whole).astype(nullable)
    np.testing.assert_array_equal(classifier().fit(frame, THREE).predict_proba(frame), expected)


def cell(value, kind=object):
    def make(X):
        cells = X.astype(object)
        cells[2, 1] = value
        return cells.tolist() if kind is list else cells

    return make


def column(values, library=pd):
    def make(X):
        data = {name: X[:, i] for i, name in enumerate(NAMES)} | {"b": values}
        return pa.table(data) if library is pa else library.DataFrame(data)

    return make


DAY = dt.date(2020, 1, 1)
SPECIES = pl.Series(["u"] * 30)
REFUSED = {
    "text": (cell("oak"), ValueError, "got 'oak' in row 2, column 1, counted from 0. Encode text"),
    "text in a list": (cell("oak", list), ValueError, "got 'oak' in row 2, column 1"),
    "numbers as text": (cell("1.5"), ValueError, "got '1.5' in row 2, column 1"),
    "array of texts": (lambda X: X.astype(str), ValueError, "in row 0, column 0"),
    "None": (cell(None), ValueError, "must be finite, without NaN and inf; got None in row 2"),
    "NA": (cell(pd.NA), ValueError, "got <NA> in row 2, column 1"),
    "nan object": (cell(np.nan), ValueError, "got nan in row 2, column 1"),
    "dict": (
        cell({}),
        TypeError,
        r"got {} in row 2, column 1.*argument must be a string or a real",
    ),
    "day": (
        cell(DAY),
        TypeError,
        r"got datetime.date\(2020, 1, 1\) in row 2, column 1.*days since",
    ),
    "days": (lambda X: X.astype("M8[D]"), TypeError, r"it is of datetime64\[D\]. Turn dates"),
    "spans": (lambda X: X.astype("m8[s]"), TypeError, r"it is of timedelta64\[s\]. Turn dates"),
    "complex": (lambda X: X + 1j, ValueError, "real numbers; it is of complex128"),
    "complex cell": (
        cell(1j),
        ValueError,
        r"got 1j in row 2, column 1.*Complex data not supported",
    ),
    "complex sparse": (lambda X: scipy.sparse.csr_array(X + 1j), ValueError, "it is of complex128"),
    "huge": (cell(10**400), ValueError, "within 1.8e308; got 1000000000... of 401 digits in row 2"),
    "masked": (
        lambda X: np.ma.array(X, mask=np.arange(90).reshape(30, 3) == 10),
        ValueError,
        "masked in row 3, column 1",
    ),
    "ragged": (lambda X: [[1.0, 2.0], [1.0]] * 15, ValueError, "rows of one length"),
    "lazy": (lambda X: pl.DataFrame(X).lazy(), ValueError, r"Call collect\(\) first"),
    "pandas text": (column(["u"] * 30), ValueError, r"got 'u' in row 0, column 1 \('b'\)"),
    "pandas mixed": (column([1.0] * 29 + ["u"]), ValueError, r"'u' in row 29, column 1 \('b'\)"),
    "pandas categorical": (
        column(pd.Categorical([1, 2, 3] * 10)),
        ValueError,
        r"column 1 \('b'\) is categorical.*OneHotEncoder",
    ),
    "pandas NA": (
        column(pd.array([1, None] + [2] * 28, dtype="Int64")),
        ValueError,
        r"nan in row 1, column 1 \('b'\)",
    ),
    "pandas NA object": (
        column([1.0, pd.NA] + [2.0] * 28),
        ValueError,
        r"<NA> in row 1, column 1 \('b'\)",
    ),
    "pandas days": (
        column(pd.date_range("2020", periods=30)),
        TypeError,
        r"column 1 \('b'\) is of",
    ),
    "pandas zones": (
        column(pd.date_range("2020", periods=30, tz="UTC")),
        TypeError,
        r"\('b'\)",
    ),
    "polars text": (column(SPECIES, pl), ValueError, r"got 'u' in row 0, column 1 \('b'\)"),
    "polars categorical": (
        column(SPECIES.cast(pl.Categorical), pl),
        ValueError,
        r"column 1 \('b'\) is categorical",
    ),
    "polars null": (column([None] + [2] * 29, pl), ValueError, r"nan in row 0, column 1 \('b'\)"),
    "polars days": (column([DAY] * 30, pl), TypeError, r"column 1 \('b'\) is of datetime64"),
    "pyarrow text": (column(["u"] * 30, pa), ValueError, r"got 'u' in row 0, column 1 \('b'\)"),
    "pyarrow dictionary": (
        column(pa.array(["u"] * 30).dictionary_encode(), pa),
        ValueError,
        r"column 1 \('b'\) is categorical",
    ),
    "pyarrow null": (
        column([None] + [2.0] * 29, pa),
        ValueError,
        r"nan in row 0, column 1 \('b'\)",
    ),
}


@pytest.mark.parametrize(("make", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_what_holds_no_numbers_is_refused_by_column_and_value(make, error, words):
    fresh = classifier()
    with pytest.raises(error, match=words) as at_fit:
        fresh.fit(make(X), THREE)
    assert not hasattr(fresh, "parameters_")
    fitted = NAMED if isinstance(make(X), pd.DataFrame | pl.DataFrame | pa.Table) else PLAIN
    with pytest.raises(error, match=words) as at_predict:
        fitted.predict(make(X))
    assert str(at_fit.value) == str(at_predict.value)


def test_arrays_of_torch():
    torch = pytest.importorskip("torch")
    model = classifier().fit(torch.tensor(X), torch.tensor(THREE))
    np.testing.assert_array_equal(model.predict_proba(torch.tensor(X)), PLAIN.predict_proba(X))
    with pytest.raises(InputError, match="without gradients"):
        classifier().fit(torch.tensor(X, requires_grad=True), THREE)


@pytest.mark.parametrize("make", [dict, set, lambda rows: (row for row in rows)])
def test_inputs_that_are_not_tables_are_named(make):
    rows = make([(1, 2), (3, 4)])
    with pytest.raises(InputError, match=f"X must be a table of numbers.*{type(rows).__name__}"):
        classifier().fit(rows, [0, 1])


REFUSALS = {
    "nan": ({}, lambda X, y: (np.where(X > 2.0, np.nan, X), y)),
    "shape": ({}, lambda X, y: (X[:, :2], y[:-1])),
    "split": ({"early_stopping": True}, lambda X, y: (X[:4], y[:4])),
    "loss": ({"loss": "poisson"}, lambda X, y: (X[:, :2], y)),
    "weights": ({"class_weight": {7: 1}}, lambda X, y: (X[:, :2], y)),
}


@pytest.mark.parametrize(("options", "spoil"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_leaves_the_estimator_as_it_was(options, spoil, contents):
    names = pd.DataFrame(X, columns=NAMES)
    model = classifier().fit(names, THREE).set_params(**options)
    before = contents(model)
    with pytest.raises(ValueError):
        model.fit(*spoil(X, THREE))
    assert contents(model) == before
    np.testing.assert_array_equal(model.predict_proba(names), PLAIN.predict_proba(X))


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array, pd.DataFrame])
def test_numbers_that_float32_cannot_hold_are_named_at_fit_and_at_predict(kind):
    large = X.copy()
    large[4, 2] = -1e39
    words = r"X must be within 3.4e\+38 for float32; got -1e\+39 in row 4, column 2"
    with pytest.raises(InputError, match=words):
        classifier(dtype="float32").fit(kind(large), THREE)
    model = classifier(dtype="float32").fit(kind(X), THREE)
    with pytest.raises(InputError, match=words):
        model.predict(kind(large))
