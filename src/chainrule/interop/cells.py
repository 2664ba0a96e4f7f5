"""How the cells of one column are read: as text, as numbers, as parts of a date.

Every reader returns one plain value per row, so a row reads the same alone and in its table.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.foundation.errors import InputError
from chainrule.interop.written import ISO, PLAIN, Written, date_format_of, parsed_days, written_of

__all__ = [
    "MISSING_WORDS",
    "Dates",
    "Tell",
    "dates_of",
    "first_row",
    "how_dated",
    "how_written",
    "looks_like_numbers",
    "nothing",
    "numbers_of",
    "stray_dates",
    "stray_numbers",
    "text_of",
]

Tell = Callable[[str], None]
"""What receives the sentences about guesses and repairs, one call each."""

MISSING_WORDS = (
    *("na", "n/a", "#n/a", "nan", "null", "none", "?", "-", ".", "--", "n.a.", "nil", "missing"),
    *("#div/0!", "#value!", "#ref!", "#num!", "#name?", "#null!", "<na>", "(null)"),
)
"""Words that stand for a missing cell among numbers and dates, in any case."""

TEXT = (pl.String, pl.Categorical, pl.Enum)

# Text is numbers, or dates, where this share of the cells that are not missing can be read so.
READABLE_SHARE = 0.99
# Odd cells, such as <0.5 or a last row of totals, do not make categories of a column whose other
# cells are so many different numbers; up to this share of them.
DIFFERENT_NUMBERS = 20
ODD_SHARE = 0.2
ISO_DATE = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$"


def nothing(sentence: str) -> None:
    """Receive a sentence and drop it."""


def first_row(mask: pl.Series | NDArray[np.bool_]) -> int:
    """Return the number of the first row where ``mask`` holds, counted from 1."""
    return int(np.argmax(np.asarray(mask))) + 1


def text_of(series: pl.Series) -> pl.Series:
    """Return the cells as text without surrounding blanks; a blank cell is missing."""
    if series.dtype.is_float():
        # 3.0 and 3 are one category: a missing cell turns a column of integers into floats.
        text = series.fill_nan(None).cast(pl.String).str.replace(r"\.0$", "")
    else:
        text = series.cast(pl.String).str.strip_chars()
    return text.set(text.str.len_bytes() == 0, None)


def _parsed(text: pl.Series, written: Written) -> tuple[pl.Series, pl.Series]:
    """Return the numbers in ``text``, and where a cell holds text that is none."""
    parsed = written.numbers(text).fill_nan(None)
    stray = parsed.is_null() & text.is_not_null()
    if stray.any():
        stray &= ~text.str.to_lowercase().is_in(MISSING_WORDS).fill_null(False)
    return parsed, stray


def _mostly(read: pl.Series, stray: pl.Series) -> bool:
    """Say whether at least 99 % of the cells that are not missing could be read."""
    found = read.count()
    return found > 0 and found >= READABLE_SHARE * (found + int(stray.sum()))


def looks_like_numbers(text: pl.Series) -> bool:
    """Say whether the cells that are not missing are numbers, but for a few odd ones.

    At least 99 % of them are, or all but a fifth where they are many different numbers. Codes of
    leading zeros are numbers only where all cells are.
    """
    parsed, stray = _parsed(text, written_of(text))
    if not stray.any():
        return parsed.count() > 0
    if text.str.contains(r"^0\d").any():
        return False
    if _mostly(parsed, stray):
        return True
    many = parsed.drop_nulls().n_unique() >= DIFFERENT_NUMBERS
    return many and int(stray.sum()) <= ODD_SHARE * (parsed.count() + int(stray.sum()))


def how_written(series: pl.Series) -> Written:
    """Return how the numbers of a column are written; columns of numbers are plain."""
    return written_of(text_of(series)) if series.dtype in TEXT else PLAIN


def stray_numbers(series: pl.Series, written: Written = PLAIN) -> int:
    """Return how many cells hold text that is neither a number nor a word for a missing cell."""
    return int(_parsed(text_of(series), written)[1].sum()) if series.dtype in TEXT else 0


def numbers_of(
    series: pl.Series, *, lenient: bool = False, written: Written | None = None
) -> NDArray[np.float64]:
    """Return the cells as float64, nan where missing; durations and times of day in seconds.

    How text is written is found out where nobody says it. Text that is no number is an error naming
    column, row and cell, or missing if ``lenient``.
    """
    dtype = series.dtype
    if dtype == pl.Duration:
        series = series.cast(pl.Duration("us")).to_physical().cast(pl.Float64) / 1e6
    elif dtype == pl.Time:
        series = series.to_physical().cast(pl.Float64) / 1e9
    elif dtype.is_numeric() or dtype in (pl.Boolean, pl.Null):
        series = series.cast(pl.Float64)
    elif dtype in TEXT:
        text = text_of(series)
        series, stray = _parsed(text, written_of(text) if written is None else written)
        if not lenient and stray.any():
            row = first_row(stray)
            raise InputError(
                f"column {series.name!r} must hold numbers, as at training; got "
                f"{text[row - 1]!r} in row {row} ({int(stray.sum())} such cells). Correct the "
                "cell, or empty it: missing cells are filled."
            )
    else:
        raise InputError(
            f"column {series.name!r} must hold numbers, as at training; got {dtype}. "
            "Write it as numbers."
        )
    values: NDArray[np.float64] = series.fill_null(np.nan).to_numpy().astype(np.float64)
    return values


@dataclass(frozen=True)
class Dates:
    """The parts of the dates of one column, each float64 with nan where missing."""

    year: NDArray[np.float64]
    month: NDArray[np.float64]
    weekday: NDArray[np.float64]
    hour: NDArray[np.float64]

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Where there is no date."""
        return np.isnan(self.year)


def _day_and_hour(text: pl.Series, how: str = ISO) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Return day, hour, and where a cell holds text that is no such date; the clock as written."""
    if how != ISO:
        day, hour = parsed_days(text, how)
        stray = day.is_null() & text.is_not_null()
        return day, hour, stray & ~text.str.to_lowercase().is_in(MISSING_WORDS).fill_null(False)
    iso = text.set(~text.str.contains(ISO_DATE), None)
    day = iso.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    hour = iso.str.slice(11, 2).cast(pl.Int8, strict=False).fill_null(0)
    day = day.set((hour > 23).fill_null(False), None)
    stray = day.is_null() & text.is_not_null()
    return day, hour, stray & ~text.str.to_lowercase().is_in(MISSING_WORDS).fill_null(False)


def how_dated(text: pl.Series) -> str | None:
    """Return the format of a column where at least 99 % of its cells are dates, else None.

    ISO dates are `ISO`; `AMBIGUOUS` says that day and month cannot be told apart.
    """
    day, _, stray = _day_and_hour(text)
    if _mostly(day, stray):
        return ISO
    words = text.drop_nulls()
    return date_format_of(
        words.filter(~words.str.to_lowercase().is_in(MISSING_WORDS)), READABLE_SHARE
    )


def stray_dates(series: pl.Series, how: str = ISO) -> int:
    """Return how many cells hold text that is neither a date nor a word for a missing cell."""
    return int(_day_and_hour(text_of(series), how)[2].sum()) if series.dtype in TEXT else 0


def dates_of(series: pl.Series, *, lenient: bool = False, how: str = ISO) -> Dates:
    """Return the parts of the dates; text that is none is an error, or missing if ``lenient``."""
    if series.dtype.is_integer() and how != ISO:
        series = series.cast(pl.String)
    dtype = series.dtype
    if dtype == pl.Datetime:
        day, hour = series.dt.date(), series.dt.hour()
    elif dtype == pl.Date:
        day, hour = series, pl.repeat(0, len(series), dtype=pl.Int8, eager=True)
    elif dtype in (*TEXT, pl.Null):
        text = text_of(series)
        day, hour, stray = _day_and_hour(text, how)
        if not lenient and stray.any():
            row = first_row(stray)
            like = f"of the format {how}" if how else "like 2024-05-31 or 2024-05-31T17:45"
            raise InputError(
                f"column {series.name!r} must hold dates {like}, as at training; got "
                f"{text[row - 1]!r} in row {row} ({int(stray.sum())} such cells). "
                "Correct the cell, or empty it: missing cells are filled."
            )
    else:
        raise InputError(
            f"column {series.name!r} must hold dates, as at training; got {dtype}. "
            "Write it as dates like 2024-05-31."
        )
    hour = hour.set(day.is_null(), None)
    parts = (day.dt.year(), day.dt.month(), day.dt.weekday(), hour)
    return Dates(*(part.cast(pl.Float64).fill_null(np.nan).to_numpy() for part in parts))
