"""The type of a column of text: truth values, whole numbers, numbers with either decimal mark."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.app.reading import Reading
from chainrule.foundation.wording import counted, listed
from chainrule.interop.cells import MISSING_WORDS, Tell, below, in_parts

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
    free = [one for one in frame if one.dtype == pl.String and one.name not in texts]
    head = frame.select(one.name for one in free).head(FEWEST).to_dict(as_series=False)
    columns = {one.name: _typed(one, _present(head[one.name])) for one in free}
    left = [one for one in columns.values() if one.dtype == pl.String]
    commas = {}
    if reading.decimal != ".":
        commas = _of_decimal_commas(left, head, certain=reading.decimal == ",")
    odd = [
        told for one in left if one.name not in commas for told in _odd_ends(one, head[one.name])
    ]
    if odd:
        more = f", and {counted(len(odd) - 1, 'such column')} more" if len(odd) > 1 else ""
        tell(
            f"{path.name}: {odd[0]}{more}; if no row of the table stands there, --skip-footer N "
            "leaves the last N lines out"
        )
    if commas and reading.decimal is None:
        tell(
            f"{path.name}: decimal commas in {'column' if len(commas) == 1 else 'columns'} "
            f"{listed(list(commas))} (--decimal)"
        )
    return frame.with_columns((columns | commas).values())


def _present(cells: Sequence[str | None]) -> list[str]:
    return [cell for cell in cells if cell is not None]


def _odd_ends(text: pl.Series, head: Sequence[str | None]) -> list[str]:
    """Say what is no number in the last cells of a column whose others are numbers."""
    if len(text) < FEWEST:
        return []
    first = _present(head[: len(text) - LAST])
    if not all(map(_may_be_number, first)) and not _may_be_commas(first):
        return []
    above, ends = text.head(len(text) - LAST), text.tail(LAST)
    numbers = _numbers(above, first)
    if numbers is None or numbers.count() < FEWEST - LAST:
        return []
    for number, cell in enumerate(ends, start=len(above) + 1):
        if (
            not cell
            or cell.strip().lower() in MISSING_WORDS
            or re.fullmatch(COMMA_OR_WHOLE, cell, re.ASCII)
        ):
            continue
        if _numbers(pl.Series([cell]), [cell]) is None:
            return [f"column {text.name!r} holds numbers, but {cell[:40]!r} in row {number}"]
    return []


def _numbers(text: pl.Series, first: Sequence[str]) -> pl.Series | None:
    number = _typed(text, first)
    if number.dtype.is_numeric():
        return number
    return _of_decimal_commas([text], {text.name: first}, certain=True).get(text.name)


def _typed(text: pl.Series, first: Sequence[str]) -> pl.Series:
    """Return text as what all its cells are; the ``first`` of them decide most columns at once."""
    if text.null_count() == len(text):
        return text
    if TRUTH.issuperset(first) and text.is_in(list(TRUTH)).all():
        return text == "true"
    if not all(map(_may_be_number, first)):
        return text
    for kind in (pl.Int64, pl.Float64):
        number = text.cast(kind, strict=False)
        if number.null_count() == text.null_count():
            return number
    return text


def _may_be_number(cell: str) -> bool:
    """Say whether a cell is a number to Python, which takes more for one than polars does."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _may_be_commas(first: Sequence[str]) -> bool:
    return all(re.match(COMMA_OR_WHOLE, cell) for cell in first)


def _of_decimal_commas(
    texts: Sequence[pl.Series], head: Mapping[str, Sequence[str | None]], certain: bool
) -> dict[str, pl.Series]:
    """Return columns of decimal commas as numbers; not those that are none, or may be thousands."""
    able = [one for one in texts if _may_be_commas(_present(head[one.name]))]
    found: dict[str, pl.Series] = {}
    for part in in_parts(able, len(able[0]) if able else 0):
        text = below(part)
        comma = text.str.contains(DECIMAL_COMMA).fill_null(False)
        fits: NDArray[np.bool_] = np.any(_by_column(comma, part), axis=1)
        fits &= _by_column(text.str.contains(COMMA_OR_WHOLE).fill_null(True), part).all(axis=1)
        if not certain:  # a comma that cannot be one of thousands
            single = comma & ~text.str.contains(THOUSANDS).fill_null(True)
            fits &= _by_column(single, part).any(axis=1)
        own = [one for one, fit in zip(part, fits, strict=True) if fit]
        if own:
            numbers = below(own).str.replace(",", ".", literal=True).cast(pl.Float64)
            for place, one in enumerate(own):
                found[one.name] = numbers.slice(place * len(one), len(one)).alias(one.name)
    return found


def _by_column(cells: pl.Series, columns: Sequence[pl.Series]) -> NDArray[np.bool_]:
    return cells.to_numpy().reshape(len(columns), -1)
