"""Tables and targets as arrays of numbers, or a refusal that names column, row and value.

Frames of pandas, polars and pyarrow, arrays of any library in main memory, SciPy's sparse kinds and
lists are accepted. Text, dates, categories and complex numbers are refused, in fit and in predict
with the same words.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from sklearn.utils.validation import check_consistent_length, validate_data

from chainrule.estimators.dispatching import dispatches
from chainrule.estimators.samples import Samples
from chainrule.formulas.loss import checked_weight
from chainrule.foundation.arrays import to_numpy
from chainrule.foundation.errors import InputError, InputTypeError, must_be

__all__ = [
    "Prepared",
    "as_inputs",
    "as_numbers",
    "as_targets",
    "as_weights",
    "checked_samples",
    "numbers_of",
    "weight_of_rows",
]

ENCODE = (
    "Encode text as numbers, for example with scikit-learn's OneHotEncoder or OrdinalEncoder, or "
    "leave the column out."
)
DATES = "Turn dates into numbers, for example into days since a fixed day."
# The kinds of dtypes that are real numbers: bool, signed, unsigned, floating.
REAL = "biuf"
MISSING = "Remove such rows, or fill the cells."
# Makes an array of targets of the kind that a codec takes; the text is their name.
Prepared: TypeAlias = Callable[[np.ndarray, str], np.ndarray]


def checked_samples(
    estimator: Any,
    prepared: Prepared,
    given: Sequence[Any],
    reset: bool,
    names: Sequence[str] = ("X", "y", "sample_weight"),
) -> Samples:
    """Return (X, y) or (X, y, sample_weight) as arrays of one length; infinities stay in X."""
    X, y, weight = (*given, None)[:3]
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None.")
    with np.errstate(all="ignore"):  # checks overflow on numbers that they then refuse
        X = numbers_of(estimator, X, reset, names[0])
        y = prepared(as_targets(y, names[1]), names[1])
    check_consistent_length(X, y)
    return Samples(X, y, weight_of_rows(weight, X.shape[0], names[2]))


def numbers_of(estimator: Any, X: Any, reset: bool, name: str = "X") -> Any:
    """Return inputs of any kind as an array or CSR matrix; infinities stay in it.

    With ``reset`` the estimator learns their number and names; else they must be those learnt.
    """
    if not reset:
        X = _prepared_table(estimator, X)
    X = as_inputs(X, None if reset else getattr(estimator, "feature_names_in_", None), name)
    plain = isinstance(X, np.ndarray) or hasattr(X, "tocsr")
    # for rows other than X; for X itself, and for frames, scikit-learn's words are known
    if name != "X" and plain and X.ndim == 2 and X.shape[1] != estimator.n_features_in_:
        raise must_be(name, f"of {estimator.n_features_in_} features, as X", X.shape[1])
    return validate_data(estimator, X, reset=reset, accept_sparse="csr", ensure_all_finite=False)


def _prepared_table(estimator: Any, X: Any) -> Any:
    """Return the inputs of a raw table, where the model has learnt to prepare one."""
    preparation = getattr(estimator, "preparation_", None)
    if preparation is None:
        return X
    names = getattr(X, "column_names", getattr(X, "columns", None))
    if names is None or list(names) == list(preparation.feature_names):
        return X
    return preparation.transform(X)


def weight_of_rows(weight: Any, n: int, name: str) -> np.ndarray | None:
    """Return the sample weights of n rows, checked, where there are any."""
    if weight is None:
        return None
    weights: np.ndarray = checked_weight(as_weights(weight, name), n, name)
    return weights


def as_inputs(X: Any, names: Sequence[Any] | None = None, name: str = "X") -> Any:
    """Return inputs as an array, frame or sparse matrix of numbers only.

    Parameters
    ----------
    X : frame, array, sparse matrix or list
        Inputs; a frame stays one, so that the names of its columns can be compared.
    names : sequence, optional
        Names of the columns of an array.
    name : str
        The name of X in messages.

    Raises
    ------
    InputError
        A cell is not a number. For dates and objects it is an `InputTypeError`, a TypeError too.
    """
    if hasattr(X, "tocsr"):
        _check_kind(X.dtype, name)
        return _native(X)
    columns = _columns_of(X, name)
    if columns is not None:
        for number, own, column in columns:
            _check_column(column, number, own, name)
        return X
    values = _array(X, name)
    if values.ndim == 0 and values.dtype.kind == "O":
        advice = "Pass a list of rows; of a dict of columns, make a frame."
        raise must_be(name, "a table of numbers, (n_samples, n_features)", type(X).__name__, advice)
    if values.ndim != 2:  # scikit-learn refuses it, in words that users know
        return values
    if values.dtype.kind in "OUST":
        text = values.dtype.kind != "O"
        # NumPy turns a list of texts and numbers into texts; the message names the given cell
        cells = np.array(X, dtype=object) if text and isinstance(X, list | tuple) else values
        return as_numbers(cells.astype(object), name, names)
    _check_kind(values.dtype, name)
    return _native(values)


def _native(values: Any) -> Any:
    """Return numbers in native byte order: ``>f4`` is float32 too."""
    dtype = values.dtype
    return values if dtype.isnative else values.astype(dtype.newbyteorder("="))


def as_numbers(cells: np.ndarray, name: str, columns: Sequence[Any] | None = None) -> np.ndarray:
    """Return objects as float64; name the first cell that is not a number in the error.

    Examples
    --------
    >>> as_numbers(np.array([[1, Decimal("0.5")]], dtype=object), "X")
    array([[1. , 0.5]])
    """
    kinds = {kind for kind in set(map(type, cells.ravel().tolist())) if not _is_number(kind)}
    if not kinds:
        try:
            numbers: np.ndarray = cells.astype(np.float64)
        except OverflowError:
            kinds = {int}
        else:
            return numbers
    for place, value in np.ndenumerate(cells):
        if type(value) not in kinds:
            continue
        if type(value) is int:
            try:
                float(value)
            except OverflowError:
                short = f"{str(value)[:10]}... of {len(str(value))} digits"
                where = _where(place, columns)
                raise InputError(
                    f"{name} must hold numbers within 1.8e308; got {short} in {where}."
                ) from None
            continue
        raise _no_number(name, value, _where(place, columns))
    raise AssertionError("some cell is not a number")


def as_targets(y: Any, name: str = "y") -> np.ndarray:
    """Return targets or labels as an array (n,) or (n, k) without missing values.

    Labels keep their kind; a nullable column of pandas becomes its NumPy kind.
    """
    if hasattr(y, "toarray"):
        y = y.toarray()
    plain = getattr(getattr(y, "dtype", None), "numpy_dtype", None)
    if plain is not None and np.dtype(plain).kind in REAL:  # a nullable column of pandas
        missing = np.asarray(y.isna())
        if np.any(missing):
            raise _missing(name, int(np.argmax(missing)), "a missing value")
        y = y.to_numpy(dtype=plain)
    values = _array(y, name)
    if values.dtype.kind in "US" and isinstance(y, list | tuple):
        cells = np.array(y, dtype=object)
        if not any(all(isinstance(one, kind) for one in cells.flat) for kind in (str, bytes)):
            values = cells  # NumPy turned numbers, and NaN, into texts
    if values.ndim not in (1, 2):
        raise InputError(
            f"{name} must be of shape (n,) or (n, n_outputs); got {values.shape}. Found array with "
            f"dim {values.ndim}."
        )
    kind = values.dtype.kind
    if kind == "T":
        return values.astype(object)
    if kind == "c":
        raise must_be(name, "real numbers or labels", values.dtype, "Complex data not supported.")
    if kind in "fmM":
        finite = np.isfinite(values)
        if not np.all(finite):
            row = int(np.argwhere(~finite)[0, 0])
            infinite = kind == "f" and not np.any(np.isnan(values[row]))
            raise _missing(name, row, "infinity" if infinite else "NaN" if kind == "f" else "NaT")
    known = str | bytes | int
    if kind == "O" and not all(issubclass(one, known) for one in set(map(type, values.flat))):
        for place, value in np.ndenumerate(values):
            if type(value).__name__ in ("NAType", "NaTType") or value != value:
                what = "NaN" if isinstance(value, Real) else "a missing value"
                raise _missing(name, place[0], what)
    return values


def as_weights(weight: Any, name: str) -> np.ndarray:
    """Return weights as an array of numbers; the loss decides which are allowed."""
    values = _array(weight, name)
    return as_numbers(values.astype(object), name) if values.dtype.kind in "OUST" else values


def _missing(name: str, row: int, what: str) -> InputError:
    return InputError(
        f"{name} must be known for every row; {name} contains {what} in row {row}, counted from 0. "
        "Remove such rows, or fill them in."
    )


def _columns_of(X: Any, name: str) -> Iterator[tuple[int, Any, Any]] | None:
    """Return number, name and values of the columns of a frame; None if it is not a frame.

    Columns of pandas with a numeric dtype are left out.
    """
    library = type(X).__module__.partition(".")[0]
    if library == "pandas" and hasattr(X, "columns"):
        others = [i for i, dtype in enumerate(X.dtypes) if getattr(dtype, "kind", "O") not in REAL]
        return ((i, X.columns[i], X.iloc[:, i]) for i in others)
    if library == "polars" and hasattr(X, "collect"):
        raise must_be(name, "a frame in memory", type(X).__name__, "Call collect() first.")
    if library == "polars" and hasattr(X, "get_columns"):
        return ((i, column.name, column) for i, column in enumerate(X.get_columns()))
    if library == "pyarrow" and hasattr(X, "column_names"):
        return ((i, X.column_names[i], column) for i, column in enumerate(X.columns))
    return None


def _check_column(column: Any, number: int, own: Any, name: str) -> None:
    """Refuse a column of a frame that does not hold numbers."""
    kind = str(column.dtype if hasattr(column, "dtype") else column.type)
    where = f"column {number} ({own!r})"
    if kind.startswith(("category", "Categorical", "Enum", "dictionary")):
        raise InputError(f"{name} must hold numbers; {where} is categorical. {ENCODE}")
    values = np.asarray(column)
    _check_kind(values.dtype, name, where)
    if values.dtype.kind not in REAL:
        for row, value in enumerate(values.astype(object)):
            if not _is_number(type(value)):
                raise _no_number(name, value, _where((row, number), {number: own}))


def _is_number(kind: type) -> bool:
    return issubclass(kind, Real | np.bool_ | Decimal)


def _check_kind(dtype: np.dtype[Any], name: str, where: str = "it") -> None:
    if dtype.kind == "c":
        advice = "Complex data not supported: pass real and imaginary parts as two columns."
        raise InputError(f"{name} must hold real numbers; {where} is of {dtype}. {advice}")
    if dtype.kind in "mM":
        raise InputTypeError(f"{name} must hold numbers; {where} is of {dtype}. {DATES}")
    if dtype.kind == "V":
        raise InputTypeError(f"{name} must hold numbers; {where} is of {dtype}. Pass its fields.")


def _where(place: tuple[int, ...], columns: Any) -> str:
    if len(place) == 1:
        return f"row {place[0]}, counted from 0"
    row, column = place
    named = "" if columns is None else f" ({columns[column]!r})"
    return f"row {row}, column {column}{named}, counted from 0"


def _no_number(name: str, value: Any, where: str) -> InputError:
    """Return the error about a cell that is not a number."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return InputError(
            f"{name} must be finite, without NaN and inf; got {value} in {where}. {MISSING}"
        )
    sentence = f"{name} must hold numbers; got {value!r} in {where}."
    if isinstance(value, str | bytes):
        return InputError(f"{sentence} {ENCODE if name.startswith('X') else 'Convert it.'}")
    if isinstance(value, complex | np.complexfloating):
        return InputError(f"{sentence} Complex data not supported.")
    if type(value).__module__ == "datetime" or isinstance(value, np.datetime64 | np.timedelta64):
        return InputTypeError(f"{sentence} {DATES}")
    try:
        float(value)
    except (TypeError, ValueError) as error:
        return InputTypeError(f"{sentence} Python says: {error}.")
    return InputTypeError(f"{sentence} Convert it.")


def _array(values: Any, name: str) -> np.ndarray:
    if isinstance(values, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(values)
        if np.any(mask):
            where = _where(tuple(map(int, np.argwhere(mask)[0])), None)
            raise InputError(f"{name} must be known everywhere; it is masked in {where}. {MISSING}")
        return np.asarray(values.data)
    try:
        return to_numpy(values) if dispatches() else np.asarray(values)
    except Exception as error:
        # each library raises its own kind of error for arrays that NumPy cannot read
        raise InputError(
            f"{name} must be an array, frame or list that NumPy can read; got "
            f"{type(values).__name__}, and: {error}. Copy it to the processor, without gradients, "
            "with all rows of one length."
        ) from error
