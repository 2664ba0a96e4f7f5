"""The baseline of an explanation: the typical row, another row of the table, or one of the user."""

from __future__ import annotations

from typing import Any

import polars as pl

from chainrule.estimators.rules import is_count, is_integer
from chainrule.foundation.errors import InputError, must_be
from chainrule.interop.frames import as_frame

__all__ = ["baseline_of", "row_of", "typical_row"]


def typical_row(frame: pl.DataFrame) -> pl.DataFrame:
    """Return one row: the median of numbers and dates, and the most frequent of other cells.

    Examples
    --------
    >>> typical_row(pl.DataFrame({"age": [20, 30, 70], "job": ["b", "a", "a"]})).row(0)
    (30, 'a')
    """
    return frame.select(_typical(column) for column in frame)


def _typical(column: pl.Series) -> pl.Series:
    present = column.drop_nulls()
    if present.dtype.is_float():
        present = present.drop_nans()
    if present.is_empty():
        return column.head(1)
    if present.dtype.is_numeric() or present.dtype.is_temporal():
        ordered = present.sort()
        return ordered[(len(ordered) - 1) // 2 : (len(ordered) + 1) // 2]
    counts = present.value_counts(sort=False, name="rows")
    most = counts.filter(pl.col("rows") == pl.col("rows").max())[present.name]
    return most.gather([most.cast(pl.String).arg_min() or 0])  # of a tie the first by name


def row_of(row: Any, rows: int, name: str) -> int:
    """Return the place of a row that is counted from 1; refuse another by its argument's name."""
    if not is_count(row) or row > rows:
        raise must_be(name, f"a row of X, from 1 to {rows}", row)
    return int(row) - 1


def baseline_of(frame: pl.DataFrame, given: Any) -> tuple[pl.DataFrame, str]:
    """Return the row that is compared with, and its name."""
    if given is None:
        return typical_row(frame), "the typical row"
    if is_integer(given):
        place = row_of(given, frame.height, "baseline")
        return frame[place], f"row {place + 1}"
    if isinstance(given, dict):
        given = pl.DataFrame({name: [cell] for name, cell in given.items()})
    found = as_frame(given, name="baseline")
    if found.height != 1:
        raise must_be("baseline", "a table of one row", found.height)
    missing = [name for name in frame.columns if name not in found.columns]
    if missing:
        raise InputError(
            f"baseline must have all columns in use; it lacks {', '.join(map(repr, missing))}."
        )
    return found.select(frame.columns), "the baseline given"
