"""Tables of every library as one polars frame, cell by cell as they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from chainrule.foundation.errors import InputError, must_be

__all__ = ["as_frame", "names_of"]


def names_of(X: Any) -> list[str] | None:
    """Return the names of a frame's columns; None for arrays and lists, which have none."""
    names = getattr(X, "column_names", getattr(X, "columns", None))
    if names is None or not hasattr(X, "shape"):
        return None
    names = list(names)
    if not all(isinstance(name, str) for name in names):
        return None
    return names


def as_frame(X: Any, names: Sequence[str] | None = None, name: str = "X") -> pl.DataFrame:
    """Return a table as a polars frame.

    Parameters
    ----------
    X : frame of pandas, polars or pyarrow, array or list of rows
        Numbers, texts, categories, dates, booleans, missing cells.
    names : sequence of str, optional
        What the columns of an array are called; by default x0, x1 and so on.
    name : str
        What messages call X.

    Raises
    ------
    InputError
        X is no table, has no row or column, or two columns of one name.

    Examples
    --------
    >>> as_frame([[1.0, 2.0], [3.0, 4.0]]).columns
    ['x0', 'x1']
    """
    columns = _columns(X, names, name)
    counts = Counter(column.name for column in columns)
    double = next((own for own, times in counts.items() if times > 1), None)
    if double is not None:
        raise InputError(
            f"{name} must have columns of different names; got {double!r} twice. Rename one."
        )
    frame = pl.DataFrame({column.name: column for column in columns})  # a name may be empty
    if 0 in (frame.height, frame.width):
        shape = f"{frame.height} sample(s) and {frame.width} feature(s)"
        raise InputError(
            f"{name} must have a row and a column; got {shape}. Found array with {shape} "
            f"(shape=({frame.height}, {frame.width})) while a minimum of 1 is required."
        )
    return frame


def _columns(X: Any, names: Sequence[str] | None, name: str) -> list[pl.Series]:
    if isinstance(X, pl.DataFrame):
        return X.get_columns()
    if isinstance(X, pl.LazyFrame):
        raise must_be(name, "a frame in memory", "LazyFrame", "Call collect() first.")
    if hasattr(X, "tocsr"):
        raise TypeError(
            f"Sparse data was passed for {name}, but a dense table is required. Use '.toarray()', "
            "or MLPClassifier and MLPRegressor, which take it."
        )
    library = type(X).__module__.partition(".")[0]
    if library == "pandas" and hasattr(X, "columns"):
        return [_of_pandas(str(own), X.iloc[:, i]) for i, own in enumerate(X.columns)]
    if library == "pyarrow" and hasattr(X, "column_names"):
        pairs = zip(X.column_names, X.columns, strict=True)
        return [pl.Series(own, pl.from_arrow(column)) for own, column in pairs]
    cells = np.asarray(X)
    if cells.dtype.kind in "US" and isinstance(X, list | tuple):
        cells = np.array(X, dtype=object)  # NumPy has made texts of numbers
    if cells.ndim != 2:
        raise InputError(
            f"{name} must be a table of rows and columns. Expected 2D array, got {cells.ndim}D "
            "array instead. Reshape your data with .reshape(-1, 1) if it is a single feature, or "
            ".reshape(1, -1) if it is a single sample."
        )
    if cells.dtype.kind == "c":
        raise must_be(name, "real numbers", cells.dtype, "Complex data not supported.")
    named = names or [f"x{number}" for number in range(cells.shape[1])]
    return [_of_cells(own, cells[:, number]) for number, own in enumerate(named)]


def _of_pandas(name: str, column: Any) -> pl.Series:
    kind = getattr(column.dtype, "kind", "O")
    if isinstance(column.dtype, np.dtype) and kind in "biufM":
        return _of_cells(name, column.to_numpy())
    cells = np.array(column.astype(object))
    cells[np.asarray(column.isna())] = None
    return _of_cells(name, cells)


def _of_cells(name: str, cells: np.ndarray) -> pl.Series:
    """Return one column; objects of several kinds become texts."""
    if cells.dtype.kind == "f":
        if cells.dtype.itemsize not in (4, 8):
            cells = cells.astype(np.float64)
        return pl.Series(name, np.ascontiguousarray(cells)).fill_nan(None)
    if cells.dtype.kind in "biu":
        return pl.Series(name, np.ascontiguousarray(cells))
    if cells.dtype.kind == "M":
        return pl.Series(name, cells.astype("datetime64[us]"))
    values = [None if _is_missing(one) else one for one in cells.tolist()]
    kinds = {type(one) for one in values if one is not None}
    if kinds <= {int, float, bool, str} and len(kinds) <= 1:
        return pl.Series(name, values, strict=False)
    if kinds <= {int, float}:
        return pl.Series(name, values, dtype=pl.Float64, strict=False)
    for one in values:
        if isinstance(one, dict | list | tuple | set | complex):
            where = "Complex data not supported." if isinstance(one, complex) else "Flatten it."
            raise InputError(
                f"column {name!r} must hold numbers, texts or dates; got a {type(one).__name__}. "
                f"argument must be a string or a number. {where}"
            )
    try:
        return pl.Series(name, values)
    except (TypeError, ValueError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if one is None else str(one) for one in values])


def _is_missing(cell: Any) -> bool:
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or cell != cell
