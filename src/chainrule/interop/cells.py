"""How the cells of one column are read: as text, as numbers, as parts of a date.

Every reader returns one plain value per row, so a row reads the same alone and in its table.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.foundation.errors import InputError
from chainrule.interop.written import (
    ISO,
    Written,
    date_format_of,
    parsed_days,
    written_of_columns,
)

__all__ = [
    "MISSING_WORDS",
    "TEXT",
    "Dates",
    "Numbers",
    "Tell",
    "as_floats",
    "dates_of",
    "first_row",
    "how_dated",
    "in_batches",
    "looks_like_numbers",
    "nothing",
    "numbers_in",
    "numbers_of",
    "stray_dates",
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
# Columns of text are read together up to so many cells.
BATCH_CELLS = 2**20
ISO_DATE = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$"


def nothing(sentence: str) -> None:
    """Receive a sentence and drop it."""


def first_row(mask: pl.Series | NDArray[np.bool_]) -> int:
    """Return the number of the first row where ``mask`` holds, counted from 1."""
    return int(np.argmax(np.asarray(mask))) + 1


def text_of(series: pl.Series) -> pl.Series:
    """Return the cells as text without surrounding blanks; a blank cell is missing."""
    cells = pl.col("cells")
    if series.dtype.is_float():
        # 3.0 and 3 are one category: a missing cell turns a column of integers into floats.
        text = cells.fill_nan(None).cast(pl.String).str.replace(r"\.0$", "")
    else:
        text = cells.cast(pl.String).str.strip_chars()
    table = series.alias("cells").to_frame().lazy().select(text)
    return table.select(pl.when(cells != "").then(cells)).collect()["cells"].alias(series.name)


@dataclass(frozen=True)
class Numbers:
    """The numbers in a column of text, read once.

    Attributes
    ----------
    written : Written
        How they are written.
    parsed : Series
        The numbers, null where a cell is none.
    stray : Series
        Where a cell holds text that is neither a number nor a word for a missing cell.
    strays : int
        How many cells that are.
    """

    written: Written
    parsed: pl.Series
    stray: pl.Series
    strays: int


def numbers_in(text: pl.Series, written: Written | None = None) -> Numbers:
    """Return the numbers in text as `text_of` gives it; how they are written is found out.

    Examples
    --------
    >>> numbers_in(pl.Series(["1,5", "NA", "few"])).stray.to_list()
    [False, False, True]
    """
    return _numbers_in_columns([text], None if written is None else [written])[0]


def in_batches(
    columns: Sequence[pl.Series], written: Sequence[Written] | None = None
) -> Iterator[tuple[pl.Series, Numbers]]:
    """Yield each column of text as `text_of` gives it, and the numbers in it.

    Columns of a wide table are read many at once: for a few hundred rows, each question to polars
    takes longer than its answer.
    """
    height = len(columns[0]) if columns else 0
    many = max(1, BATCH_CELLS // max(1, height))
    for start in range(0, len(columns), many):
        part = columns[start : start + many]
        how = None if written is None else written[start : start + many]
        below = text_of(_below([one.cast(pl.String) for one in part]))
        texts = [
            below.slice(number * height, height).alias(one.name) for number, one in enumerate(part)
        ]
        yield from zip(texts, _numbers_in_columns(texts, how), strict=True)


def _numbers_in_columns(
    texts: Sequence[pl.Series], written: Sequence[Written] | None
) -> list[Numbers]:
    height = len(texts[0])
    if written is None:
        written = written_of_columns(_below(texts), height)
    found: list[Numbers | None] = [None] * len(texts)
    for how in set(written):
        places = [place for place, one in enumerate(written) if one == how]
        text = _below([texts[place] for place in places])
        parsed = how.numbers(text)
        if parsed.is_nan().any():
            parsed = parsed.fill_nan(None)
        stray = parsed.is_null() & text.is_not_null()
        if stray.any():
            stray &= ~_is_missing_word(text)
        for number, place in enumerate(places):
            own = stray.slice(number * height, height)
            values = parsed.slice(number * height, height)
            found[place] = Numbers(how, values, own, int(own.sum()))
    return [one for one in found if one is not None]


def _below(texts: Sequence[pl.Series]) -> pl.Series:
    """Return columns one below the other."""
    if len(texts) == 1:
        return texts[0]
    return pl.concat([one.alias("cells") for one in texts], rechunk=True)


def _is_missing_word(text: pl.Series) -> pl.Series:
    return text.str.to_lowercase().is_in(MISSING_WORDS).fill_null(False)


def _mostly(read: int, strays: int) -> bool:
    """Say whether at least 99 % of the cells that are not missing could be read."""
    return read > 0 and read >= READABLE_SHARE * (read + strays)


def looks_like_numbers(text: pl.Series, found: Numbers | None = None) -> bool:
    """Say whether the cells that are not missing are numbers, but for a few odd ones.

    At least 99 % of them are, or all but a fifth where they are many different numbers. Codes of
    leading zeros are numbers only where all cells are.

    Parameters
    ----------
    text : Series
        Cells as `text_of` gives them.
    found : Numbers, optional
        The numbers in it, where they have been read.
    """
    found = numbers_in(text) if found is None else found
    read = found.parsed.count()
    if not found.strays:
        return read > 0
    if read == 0 or text.str.contains(r"^0\d").any():
        return False
    if _mostly(read, found.strays):
        return True
    many = found.parsed.drop_nulls().n_unique() >= DIFFERENT_NUMBERS
    return many and found.strays <= ODD_SHARE * (read + found.strays)


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
        found = numbers_in(text, written)
        if not lenient and found.strays:
            row = first_row(found.stray)
            raise InputError(
                f"column {series.name!r} must hold numbers, as at training; got "
                f"{text[row - 1]!r} in row {row} ({found.strays} such cells). Correct the "
                "cell, or empty it: missing cells are filled."
            )
        series = found.parsed
    else:
        raise InputError(
            f"column {series.name!r} must hold numbers, as at training; got {dtype}. "
            "Write it as numbers."
        )
    return as_floats(series)


def as_floats(numbers: pl.Series) -> NDArray[np.float64]:
    """Return numbers as an array, nan where missing."""
    if numbers.null_count():
        numbers = numbers.fill_null(np.nan)
    values: NDArray[np.float64] = numbers.to_numpy().astype(np.float64)
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
        return day, hour, stray & ~_is_missing_word(text)
    iso = text.set(~text.str.contains(ISO_DATE), None)
    day = iso.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    hour = iso.str.slice(11, 2).cast(pl.Int8, strict=False).fill_null(0)
    day = day.set((hour > 23).fill_null(False), None)
    stray = day.is_null() & text.is_not_null()
    return day, hour, stray & ~_is_missing_word(text)


def how_dated(text: pl.Series) -> str | None:
    """Return the format of a column where at least 99 % of its cells are dates, else None.

    ISO dates are `ISO`; `AMBIGUOUS` says that day and month cannot be told apart.
    """
    if not text.str.contains(r"\d").any():  # as every date has one
        return None
    day, _, stray = _day_and_hour(text)
    if _mostly(day.count(), int(stray.sum())):
        return ISO
    words = text.drop_nulls()
    return date_format_of(words.filter(~_is_missing_word(words)), READABLE_SHARE)


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
