"""The columns of a table, read many at once, each as it would be alone.

For a few hundred rows, a question to polars takes longer than its answer: a table of thousands of
columns is asked about all columns of a kind together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.foundation.errors import InputError
from chainrule.foundation.wording import counted
from chainrule.interop.cells import (
    TEXT,
    Numbers,
    as_floats,
    below,
    first_row,
    in_parts,
    looks_like_numbers,
    numbers_in_columns,
    numbers_of,
    refuse_strays,
    texts_of,
)
from chainrule.interop.columns import ABSENT, UNKNOWN, Category, Coded, Column, Date, Number
from chainrule.interop.dates import AMBIGUOUS, COMPACT, ISO, Dates, date_formats, read_dates
from chainrule.interop.written import APPROXIMATE, MARKED, MARKS

__all__ = ["Read", "like_numbers", "numbers_of_columns", "read_cells", "read_columns"]

# Whole numbers that may be days, such as 20240305.
FIRST_DAY, LAST_DAY = 19_000_101, 21_001_231


@dataclass(frozen=True)
class Read:
    """The cells of a column to learn from, read once.

    Attributes
    ----------
    text : Series, optional
        The cells of a column of text.
    numbers : Numbers, optional
        The numbers in it.
    is_number : bool
        Whether its cells are numbers, but for a few odd ones.
    how : str, optional
        The format of its dates, or `AMBIGUOUS`; None where it holds none.
    dates : Dates, optional
        Its dates, where their format is known.
    asked : Numbers, optional
        The numbers of a column of text that is none of numbers, if a person says that it is:
        with bounds, and codes that may be multiples.
    """

    text: pl.Series | None = None
    numbers: Numbers | None = None
    is_number: bool = False
    how: str | None = None
    dates: Dates | None = None
    asked: Numbers | None = None


def read_columns(columns: Sequence[pl.Series]) -> Iterator[Read]:
    """Yield the cells of each column; all columns are of one height."""
    for part in in_parts(columns, len(columns[0]) if columns else 0):
        yield from _read(part)


def like_numbers(columns: Sequence[pl.Series], look: int) -> list[pl.Series]:
    """Return the columns of numbers, and those of text whose first ``look`` cells are like some."""
    texts = [one.head(look) for one in columns if one.dtype in TEXT]
    heads = [head for part in in_parts(texts, look) for head in _numbers_within(texts_of(part))]
    found = iter(heads)
    return [
        one
        for one in columns
        if (one.dtype in TEXT and next(found) is not None) or one.dtype.is_numeric()
    ]


def numbers_of_columns(
    columns: Sequence[pl.Series],
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield the name and the cells of each column of numbers, nan where a cell is none."""
    for part in in_parts(columns, len(columns[0]) if columns else 0):
        texts = [one for one in part if one.dtype in TEXT]
        found = _numbers_within(texts_of(texts))
        for series, numbers in zip(texts, found, strict=True):
            if numbers is not None:
                yield series.name, as_floats(numbers.parsed)
        for series in part:
            if series.dtype.is_numeric():
                yield series.name, numbers_of(series)


def _numbers_within(texts: Sequence[pl.Series]) -> list[Numbers | None]:
    found = numbers_in_columns(texts)
    alike = [looks_like_numbers(text, one) for text, one in zip(texts, found, strict=True)]
    return [one if number else None for one, number in zip(found, alike, strict=True)]


def _read(columns: Sequence[pl.Series]) -> Iterator[Read]:
    texts = _at(columns, [place for place, one in enumerate(columns) if one.dtype in TEXT])
    numbers = dict(zip(texts, numbers_in_columns(list(texts.values())), strict=True))
    are_numbers = {place for place in texts if looks_like_numbers(texts[place], numbers[place])}
    others = [place for place in texts if place not in are_numbers]
    found = date_formats([texts[place] for place in others])
    formats = {place: how for place, how in zip(others, found, strict=True) if how is not None}
    left = {place: texts[place] for place in others if place not in formats}
    about, asked = _with_marks(left, numbers)
    numbers |= about
    are_numbers |= about.keys()
    whole = [place for place, one in enumerate(columns) if one.dtype.is_integer()]
    days = [place for place in whole if _may_be_days(columns[place])]
    days += [place for place in are_numbers if _may_be_days(numbers[place].parsed)]
    formats |= dict.fromkeys(days, COMPACT)
    temporal = [place for place, one in enumerate(columns) if one.dtype in (pl.Date, pl.Datetime)]
    formats |= dict.fromkeys(temporal, ISO)
    cells = {place: columns[place] for place in temporal} | texts
    cells |= _at(columns, [place for place in days if place not in texts])
    plain = [place for place, how in formats.items() if how != AMBIGUOUS]
    read = read_dates([cells[place] for place in plain], [formats[place] for place in plain])
    dates = dict(zip(plain, read, strict=True))
    for place in days:
        if int(dates[place].missing.sum()) > cells[place].null_count():
            del formats[place], dates[place]
    for place in range(len(columns)):
        yield Read(
            texts.get(place),
            numbers.get(place),
            place in are_numbers,
            formats.get(place),
            dates.get(place),
            asked.get(place),
        )


def _with_marks(
    texts: Mapping[int, pl.Series], plain: Mapping[int, Numbers]
) -> tuple[dict[int, Numbers], dict[int, Numbers]]:
    """Return the columns that are numbers with marks such as ~5, and those that may be, as >5."""
    if not texts:
        return {}, {}
    shape = (len(texts), -1)
    marked = below(list(texts.values())).str.contains(MARKED).fill_null(False)
    some = np.any(marked.to_numpy().reshape(shape), axis=1)
    left = [place for place, one in zip(texts, some, strict=True) if one]
    found: list[dict[int, Numbers]] = []
    for marks in ((APPROXIMATE,), tuple(MARKS)):
        written = [plain[place].written.with_marks(*marks) for place in left]
        read = numbers_in_columns([texts[place] for place in left], written)
        own = {
            place: one
            for place, one in zip(left, read, strict=True)
            if looks_like_numbers(texts[place], one)
        }
        found.append(own)
        left = [place for place in left if place not in own]
    return found[0], found[1]


def _at(columns: Sequence[pl.Series], places: Sequence[int]) -> dict[int, pl.Series]:
    """Return the columns at some places, as text."""
    return dict(zip(places, texts_of([columns[place] for place in places]), strict=True))


def _may_be_days(numbers: pl.Series) -> bool:
    low, high = numbers.min(), numbers.max()
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return False
    return FIRST_DAY <= low < high <= LAST_DAY


def read_cells(records: Sequence[Column], frame: pl.DataFrame) -> Iterator[Any]:
    """Yield the cells of each column as its record writes them.

    Numbers come as float64, categories as numbers of levels, dates in parts, yes or no as they are.

    Raises
    ------
    InputError
        A column holds text where the training rows held numbers or dates.
    """
    for part in in_parts(records, frame.height):
        columns = [frame[one.name] for one in part]
        texts = _at(
            columns, [place for place, one in enumerate(part) if _by_text(one, columns[place])]
        )
        written = {
            place: one.written
            for place, one in enumerate(part)
            if isinstance(one, Number) and place in texts
        }
        found = numbers_in_columns([texts[place] for place in written], list(written.values()))
        numbers = dict(zip(written, found, strict=True))
        dated = [place for place, one in enumerate(part) if isinstance(one, Date)]
        read = read_dates(
            [texts.get(place, columns[place]) for place in dated],
            [part[place].written for place in dated],
        )
        dates = dict(zip(dated, read, strict=True))
        coded = [place for place, one in enumerate(part) if isinstance(one, Category)]
        levels = [part[place].levels for place in coded]
        codes = dict(zip(coded, _coded(levels, [texts[place] for place in coded]), strict=True))
        for place, record in enumerate(part):
            if place in codes:
                yield codes[place]
            elif place in numbers:
                if not record.strays:
                    refuse_strays(record.name, texts[place], numbers[place])
                yield as_floats(numbers[place].parsed)
            elif isinstance(record, Number):
                yield numbers_of(columns[place])
            elif place in dates:
                if not record.strays:
                    _refuse_stray_dates(record, texts.get(place), dates[place])
                yield dates[place]
            else:
                yield columns[place]


def _coded(levels: Sequence[Sequence[str]], texts: Sequence[pl.Series]) -> Iterator[Coded]:
    """Yield the number of each cell's level."""
    if not texts:
        return
    names = sorted(set().union(*levels))
    text = below(texts)
    found = text.cast(pl.Enum(names), strict=False).to_physical().cast(pl.Int64)
    numbers = found.fill_null(UNKNOWN).to_numpy().reshape(len(texts), -1)
    absent = text.is_null().to_numpy().reshape(numbers.shape)
    place = {name: number for number, name in enumerate(names)}
    for own, series, cells, missing in zip(levels, texts, numbers, absent, strict=True):
        known = np.array([place[level] for level in own])
        order = np.argsort(known)
        at = order[np.minimum(np.searchsorted(known, cells, sorter=order), len(own) - 1)]
        codes = np.where(known[at] == cells, at, UNKNOWN)
        yield Coded(series, np.where(missing, ABSENT, codes))


def _by_text(record: Column, series: pl.Series) -> bool:
    """Say whether a column is read as text; refuse what cannot be dates."""
    dtype = series.dtype
    if not isinstance(record, Date):
        return isinstance(record, Category) or (isinstance(record, Number) and dtype in TEXT)
    if dtype in (pl.Date, pl.Datetime):
        return False
    if dtype in (*TEXT, pl.Null) or (dtype.is_integer() and record.written != ISO):
        return True
    raise InputError(
        f"column {series.name!r} must hold dates, as at training; got {dtype}. "
        "Write it as dates like 2024-05-31."
    )


def _refuse_stray_dates(record: Date, text: pl.Series | None, dates: Dates) -> None:
    if text is None or not dates.stray.any():
        return
    row = first_row(dates.stray)
    how = record.written
    like = f"of the format {how}" if how else "like 2024-05-31 or 2024-05-31T17:45"
    many = counted(int(dates.stray.sum()), "such cell")
    raise InputError(
        f"column {record.name!r} must hold dates {like}, as at training; got {text[row - 1]!r} in "
        f"row {row} ({many}). Correct the cell, or empty it: "
        "missing cells are filled."
    )
