"""The type of a column of text: truth values, whole numbers, numbers with either decimal mark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from chainrule.app.reading import Reading
from chainrule.foundation.wording import counted, listed
from chainrule.interop.cells import MISSING_WORDS, Tell

__all__ = ["typed"]

DECIMAL_COMMA = r"^[+-]?\d*,\d+(?:[eE][+-]?\d+)?$"
COMMA_OR_WHOLE = r"^[+-]?(?:\d+|\d*,\d+)(?:[eE][+-]?\d+)?$"
TRUTH = frozenset(("true", "false"))
# At the end of a column of at least so many cells, so many are looked at for text among numbers.
FEWEST, LAST = 10, 3
# 1,690 is one and a bit with decimal commas, and a thousand with separators of thousands.
THOUSANDS = r"^[+-]?\d{1,3}(?:,\d{3})+$"


def typed(
    path: Path, frame: pl.DataFrame, reading: Reading, tell: Tell, texts: Sequence[str] = ()
) -> pl.DataFrame:
    """Return columns of text as truth values, whole numbers and numbers where all cells are.

    Columns named in ``texts`` stay text: a code of 01 is not the number 1. Decimal commas are read
    where no cell of a column says otherwise and one of them cannot be a thousand.
    """
    columns, commas, odd = [], [], []
    for series in frame:
        if series.dtype != pl.String:
            continue
        column = series if series.name in texts else _typed(series)
        if column.dtype == pl.String and series.name not in texts and reading.decimal != ".":
            number = _of_decimal_commas(series, certain=reading.decimal == ",")
            if number is not None:
                commas.append(series.name)
                column = number
        if column.dtype == pl.String and series.name not in texts:
            odd += _odd_ends(series)
        columns.append(column)
    if odd:
        more = f", and {counted(len(odd) - 1, 'such column')} more" if len(odd) > 1 else ""
        tell(
            f"{path.name}: {odd[0]}{more}; if no row of the table stands there, --skip-footer N "
            "leaves the last N lines out"
        )
    if commas and reading.decimal is None:
        tell(
            f"{path.name}: decimal commas in {'column' if len(commas) == 1 else 'columns'} "
            f"{listed(commas)} (--decimal)"
        )
    return frame.with_columns(columns)


def _odd_ends(text: pl.Series) -> list[str]:
    """Say what is no number in the last cells of a column whose others are numbers."""
    if len(text) < FEWEST:
        return []
    above, below = text.head(len(text) - LAST), text.tail(LAST)
    numbers = _numbers(above)
    if numbers is None or numbers.count() < FEWEST - LAST:
        return []
    for number, cell in enumerate(below, start=len(above) + 1):
        if (
            not cell
            or cell.strip().lower() in MISSING_WORDS
            or re.fullmatch(COMMA_OR_WHOLE, cell, re.ASCII)
        ):
            continue
        if _numbers(pl.Series([cell])) is None:
            return [f"column {text.name!r} holds numbers, but {cell[:40]!r} in row {number}"]
    return []


def _numbers(text: pl.Series) -> pl.Series | None:
    number = _typed(text)
    return number if number.dtype.is_numeric() else _of_decimal_commas(text, certain=True)


def _typed(text: pl.Series) -> pl.Series:
    if text.null_count() == len(text):
        return text
    first = _first(text)
    if not all(map(_may_be_number, first)) and not TRUTH.issuperset(first):
        return text
    if text.is_in(list(TRUTH)).all():
        return text == "true"
    for kind in (pl.Int64, pl.Float64):
        number = text.cast(kind, strict=False)
        if number.null_count() == text.null_count():
            return number
    return text


def _first(text: pl.Series) -> list[str]:
    """Return the first cells that are there: they decide most columns at once."""
    return [cell for cell in text.head(FEWEST).to_list() if cell is not None]


def _may_be_number(cell: str) -> bool:
    """Say whether a cell is a number to Python, which takes more for one than polars does."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _of_decimal_commas(text: pl.Series, certain: bool) -> pl.Series | None:
    """Return a column of decimal commas as numbers; None where it is none, or may be thousands."""
    if not all(re.match(COMMA_OR_WHOLE, cell) for cell in _first(text)):
        return None
    with_comma = text.str.contains(DECIMAL_COMMA)
    if not with_comma.any() or not text.str.contains(COMMA_OR_WHOLE).all():
        return None
    if not certain and text.filter(with_comma.fill_null(False)).str.contains(THOUSANDS).all():
        return None
    return text.str.replace(",", ".", literal=True).cast(pl.Float64)
