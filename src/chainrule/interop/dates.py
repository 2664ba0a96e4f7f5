"""Dates as people write them: the format is found once per column, then every cell is read by it.

Columns of one height are read together: for a few hundred rows, a question to polars takes longer
than its answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.interop.cells import READABLE_SHARE, below, is_missing_word

__all__ = ["AMBIGUOUS", "COMPACT", "ISO", "Dates", "date_formats", "read_dates"]

ISO = ""
"""The format of dates that need none."""
AMBIGUOUS = "?"
"""Dates of which nobody can say whether the day or the month comes first."""
COMPACT = "%Y%m%d"

ISO_DATE = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$"
DAY_FIRST = {"%m/%d/%Y": "%d/%m/%Y", "%m-%d-%Y": "%d-%m-%Y", "%m/%d/%y": "%d/%m/%y"}
DAYS = (
    *("%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y"),
    *("%m/%d/%y", "%d.%m.%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y"),
    *("%d-%b-%y", "%b %d %Y", "%a, %d %b %Y", "%A, %d %B %Y", "%A, %B %d, %Y", "%Y.%m.%d"),
    *("%d/%b/%Y", "%a %b %d %Y", "%d. %B %Y", COMPACT),
)
WEEKS = ("%G-W%V", "%G-W%V-%u")
MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%m-%Y", "%b %Y", "%B %Y", "%b-%Y")
CLOCKS = ("", " %H:%M", ", %H:%M", " %H:%M:%S", " %H:%M:%S%.f", " %I:%M %p", " %I:%M:%S %p")
TIMES = ("%H:%M:%S", "%H:%M", "%H:%M:%S%.f", "%I:%M %p", "%I:%M:%S %p")
# The shape of so many cells tells which formats are worth trying, where half of them have it.
LOOK = 50
# Longer cells are no dates, nor are those without a number of up to four digits beside a mark.
LONGEST = 40
MAY_BE_DATE = r"^\D{0,20}\d{1,4}[/.: ,-]\s*[\d\p{L}]|^(?:19|20|21)\d{6}$|^\p{L}{3,9}[ -]\d{4}$"
# The shape of a cell: words are ~, and numbers are told apart by their digits.
SHAPE = (
    *((r"\p{L}+", "~"), (r"\s+", " "), (r"\b\d{8}\b", "D"), (r"\b\d{4}\b", "Y")),
    *((r"\b\d{1,2}\b", "0"), (r":0\.\d+$", ":0.f")),
)
ISO_SHAPE = "Y-0-0"
DIRECTIVES = {
    **dict.fromkeys(("%d", "%m", "%y", "%H", "%I", "%M", "%S"), "0"),
    **dict.fromkeys(("%a", "%A", "%b", "%B", "%p", "W"), "~"),
    **dict.fromkeys(("%V", "%u"), "0"),
    **dict.fromkeys(("%Y", "%G"), "Y"),
    "%.f": ".f",
}


def _formats() -> Iterator[str]:
    for day in DAYS:
        for clock in CLOCKS:
            yield f"{day}{clock}"
    yield from MONTHS
    yield from WEEKS
    yield from TIMES


def _shape(how: str) -> str:
    return "D" if how == COMPACT else re.sub(r"%\.?\w|W", lambda one: DIRECTIVES[one[0]], how)


def _by_shape() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for how in _formats():
        if COMPACT not in how or how == COMPACT:
            found.setdefault(_shape(how), []).append(how)
    return found


FORMATS = _by_shape()


@dataclass(frozen=True)
class Dates:
    """The dates in the cells of one column.

    Attributes
    ----------
    year, month, weekday, hour : ndarray of float64
        Their parts, nan where there is no date.
    stray : ndarray of bool
        Where a cell holds text that is neither a date nor a word for a missing cell.
    """

    year: NDArray[np.float64]
    month: NDArray[np.float64]
    weekday: NDArray[np.float64]
    hour: NDArray[np.float64]
    stray: NDArray[np.bool_]

    @property
    def missing(self) -> NDArray[np.bool_]:
        """The cells without a date."""
        return np.isnan(self.year)


def date_formats(texts: Sequence[pl.Series]) -> list[str | None]:
    """Return the format of each column of text; `AMBIGUOUS`, or None where it holds no dates.

    A column holds dates where at least 99 % of the cells that are not missing are dates of one
    format; ISO dates are `ISO`.

    Parameters
    ----------
    texts : sequence of Series
        Cells as `texts_of` gives them, all of one height.

    Examples
    --------
    >>> def of(*cells: str) -> str | None:
    ...     return date_formats([pl.Series(cells)])[0]
    >>> of("31/12/2024", "01/02/2024"), of("01/12/2024", "01/02/2024")
    ('%d/%m/%Y', '?')
    >>> of("5 Mar 2024"), of("2024-03-05"), of("a")
    ('%d %b %Y', '', None)
    """
    found: list[str | None] = [None] * len(texts)
    if not texts or not len(texts[0]):
        return found
    column = np.repeat(np.arange(len(texts), dtype=np.uint32), len(texts[0]))
    cells = pl.DataFrame({"column": column, "word": below(texts)})
    able = _able(cells)
    if not able:
        return found
    word = pl.col("word")
    some = pl.col("column").is_in(list({one for columns in able.values() for one in columns}))
    cells = cells.filter(some & word.is_not_null())
    cells = cells.filter(~is_missing_word(cells["word"]))
    sizes = dict(cells.group_by("column").len().iter_rows())
    fits: dict[int, list[str]] = {}
    for shape, columns in able.items():
        own = cells.filter(pl.col("column").is_in(columns))
        for how in (ISO,) if shape == ISO_SHAPE else FORMATS[shape]:
            for fit in _fitting(own, how, sizes):
                fits.setdefault(fit, []).append(how)
    for place, formats in fits.items():
        found[place] = AMBIGUOUS if _is_ambiguous(formats) else formats[0]
    return found


def _able(cells: pl.DataFrame) -> dict[str, list[int]]:
    """Return the columns that may hold dates of each shape, by their first cells with a digit."""
    word, column = pl.col("word"), pl.col("column")
    looked = cells.filter(word.str.contains(r"\d").fill_null(False))
    looked = looked.filter(column.cum_count().over(column) <= LOOK)
    total = dict(looked.group_by(column).len().iter_rows())
    looked = looked.filter((word.str.len_chars() <= LONGEST) & word.str.contains(MAY_BE_DATE))
    for pattern, mark in SHAPE:
        looked = looked.with_columns(word.str.replace_all(pattern, mark))
    found: dict[str, list[int]] = {}
    for place, shape, times in looked.group_by(column, word).len().sort(column).iter_rows():
        iso = shape.startswith(ISO_SHAPE)
        if 2 * times >= total[place] and (iso or shape in FORMATS):
            found.setdefault(ISO_SHAPE if iso else shape, []).append(place)
    return found


def _fitting(cells: pl.DataFrame, how: str, sizes: dict[int, int]) -> list[int]:
    """Return the columns whose cells are dates of a format: first by a look, then by all."""
    column = pl.col("column")
    for part in (cells.filter(column.cum_count().over(column) <= LOOK), cells):
        day, _ = _day_and_hour(part["word"], how)
        counts = part.select(column, day.is_not_null().alias("day")).group_by(column)
        read = counts.agg(pl.col("day").sum(), pl.len())
        fit = [
            place
            for place, days, looked in read.iter_rows()
            if days >= READABLE_SHARE * looked - (looked < sizes[place])
        ]
        if not fit:
            return []
        cells = cells.filter(column.is_in(fit))
    return fit


def _is_ambiguous(formats: Sequence[str]) -> bool:
    return any(
        f"{month}{clock}" in formats and f"{day}{clock}" in formats
        for month, day in DAY_FIRST.items()
        for clock in CLOCKS
    )


def _day_and_hour(text: pl.Series, how: str) -> tuple[pl.Series, pl.Series]:
    """Return the day and the hour of each cell, as the clock says; null where it has no date."""
    none = pl.Series([None], dtype=pl.Date)
    if how == ISO:
        iso = text.set(~text.str.contains(ISO_DATE), None)
        day = iso.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        hour = iso.str.slice(11, 2).cast(pl.Int8, strict=False).fill_null(0)
        return day.set((hour > 23).fill_null(False), None), hour
    if how in TIMES:
        hour = text.str.to_time(how, strict=False).dt.hour()
        epoch = pl.Series(["1970-01-01"]).str.to_date()[0]
        return none.new_from_index(0, len(text)).set(hour.is_not_null(), epoch), hour
    if "%V" in how and "%u" not in how:  # a week stands for its Monday
        text, how = text + "-1", f"{how}-%u"
    elif "%d" not in how and "%u" not in how:  # a month stands for its first day
        text, how = "01 " + text, f"%d {how}"
    if "%M" in how:
        moment = text.str.to_datetime(how, strict=False, time_unit="us")
        return moment.dt.date(), moment.dt.hour()
    return text.str.to_date(how, strict=False), pl.repeat(0, len(text), dtype=pl.Int8, eager=True)


def read_dates(columns: Sequence[pl.Series], formats: Sequence[str]) -> list[Dates]:
    """Return the dates in columns of one height, each by its format.

    Parameters
    ----------
    columns : sequence of Series
        Dates, date-times, or cells as `texts_of` gives them.
    formats : sequence of str
        The format of each column, as strftime writes it; ISO where it is none of text.

    Examples
    --------
    >>> read_dates([pl.Series(["31/12/2024", "NA", "soon"])], ["%d/%m/%Y"])[0].stray.tolist()
    [False, False, True]
    """
    found: list[Dates | None] = [None] * len(columns)
    temporal = [one.dtype in (pl.Date, pl.Datetime) for one in columns]
    keys = [
        (str(one.dtype), None) if own else ("text", how)
        for one, own, how in zip(columns, temporal, formats, strict=True)
    ]
    for kind, how in dict.fromkeys(keys):
        places = [place for place, key in enumerate(keys) if key == (kind, how)]
        own = [columns[place] for place in places]
        for place, dates in zip(places, _dates(own, how), strict=True):
            found[place] = dates
    return [one for one in found if one is not None]


def _dates(columns: Sequence[pl.Series], how: str | None) -> Iterator[Dates]:
    """Yield the dates in columns of one type and format."""
    height = len(columns[0])
    if how is None:
        cells = below(columns)
        day, hour = cells.dt.date(), pl.repeat(0, len(cells), dtype=pl.Int8, eager=True)
        if cells.dtype == pl.Datetime:
            hour = cells.dt.hour()
        stray = pl.repeat(False, len(cells), eager=True)
    else:
        text = below(columns)
        day, hour = _day_and_hour(text, how)
        stray = day.is_null() & text.is_not_null()
        if stray.any():
            stray &= ~is_missing_word(text)
    hour = hour.set(day.is_null(), None)
    parts = [_floats(one) for one in (day.dt.year(), day.dt.month(), day.dt.weekday(), hour)]
    strays = stray.to_numpy()
    for number in range(len(columns)):
        own = slice(number * height, (number + 1) * height)
        year, month, weekday, clock = (part[own] for part in parts)
        yield Dates(year, month, weekday, clock, strays[own])


def _floats(part: pl.Series) -> NDArray[np.float64]:
    return part.cast(pl.Float64).to_numpy()
