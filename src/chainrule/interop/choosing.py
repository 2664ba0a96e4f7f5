"""The kind of each column of a table: by its cells, or as the user says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.wording import unknown_column
from chainrule.interop.batches import Read, read_columns
from chainrule.interop.cells import Tell, first_row, text_of
from chainrule.interop.columns import Category, Column, Date, Flag, Number
from chainrule.interop.dates import AMBIGUOUS, COMPACT, ISO, date_formats, read_dates

__all__ = [
    "DENSE",
    "FEWEST_COUNTED",
    "NO_CHOICES",
    "ROW_NUMBERS",
    "Choices",
    "choose",
    "counts_by_name",
]

# pandas writes its index under no name, R its row names
ROW_NUMBER_NAMES = (
    *("", "id", "index", "row", "rowid", "rownames", "unnamed: 0", "unnamed: 0.1", "...1"),
    *("__index_level_0__", "nr", "no", "no.", "key", "uuid"),
)
# Whole numbers in fewer rows differ by chance.
FEWEST_ROW_NUMBERS = 3
# A column whose frequent levels hold less than this share of its cells is an identifier.
REPEATED_SHARE = 0.1
ROW_NUMBERS = "an identifier: a different whole number in each row"
# customerID, order_id, Passenger Id; not grid or paid.
IDENTIFIER = re.compile(
    r"(?:^|[ _.\-])(?:id|Id|ID)$|[a-z]I[dD]$|(?i:order|ticket|invoice|account|customer|serial|"
    r"reference|ref|case|record|row|line|policy|student|employee|member|transaction)"
    r"[ _.\-]?(?i:no|nr|num|number|key)\.?$"
)
# Different whole numbers that fill their range at least half number the rows, whatever their name.
FEWEST_COUNTED = 20
DENSE = 0.5
# Whole numbers up to here are exact in float64.
LARGEST_EXACT = 2**53


@dataclass(frozen=True)
class Choices:
    """The user's choices for columns, each by its name.

    Attributes
    ----------
    drop, keep_only : sequence of str
        Columns to leave out; or the only ones to learn from.
    category, number, date : sequence of str
        Columns to read so.
    date_formats : sequence of (str, str)
        Columns of dates, and their formats, as strftime writes them.
    """

    drop: tuple[str, ...] = ()
    keep_only: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    number: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    date_formats: tuple[tuple[str, str], ...] = ()

    def check(self, columns: Sequence[str], target: str | None) -> None:
        """Refuse names that the table lacks, and the target."""
        named = {
            "--drop": self.drop,
            "--keep-only": self.keep_only,
            "--category": self.category,
            "--number": self.number,
            "--date": self.date,
            "--date-format": tuple(name for name, _ in self.date_formats),
        }
        for flag, names in named.items():
            for name in names:
                if name not in columns:
                    raise unknown_column(flag, name, columns)
                if name == target:
                    raise must_be(flag, "another column than the target", name)


NO_CHOICES = Choices()


def choose(
    series: pl.Series, choices: Choices, tell: Tell, read: Read | None = None
) -> Column | str:
    """Return the record of a column, or the reason to leave it out.

    Parameters
    ----------
    series : Series
        A column of the training rows.
    choices : Choices
        What a person says of columns.
    tell : callable
        Receives one sentence per guess.
    read : Read, optional
        Its cells, where they have been read.
    """
    dtype = series.dtype
    name = series.name
    if name in choices.drop:
        return "as --drop says"
    if choices.keep_only and name not in choices.keep_only:
        return "not among --keep-only"
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise InputError(
            f"column {series.name!r} must hold numbers, text, dates or yes/no; got {dtype}. "
            "Remove the column, or write each part as a column of its own."
        )
    if series.null_count() == len(series):
        return "all cells are missing"
    if name in choices.category:
        return _category(series, text_of(series), tell, asked=True)
    read = next(read_columns([series])) if read is None else read
    if name in choices.number:
        return _useful(Number.learn(series, tell, read.asked or read.numbers))
    if name in choices.date or name in dict(choices.date_formats):
        return _date(series, dict(choices.date_formats).get(name), tell)
    if dtype == pl.Boolean:
        return _useful(Flag.learn(series))
    if dtype.is_numeric() or dtype in (pl.Duration, pl.Time):
        return _number(series, tell, read)
    text = read.text
    if text is not None and text.null_count() == len(text):
        return "all cells are missing"
    if read.how == AMBIGUOUS:
        return "dates that may begin with the day or with the month; --date-format says which"
    if read.dates is not None:
        return _useful(Date.learn(name, read.dates, tell, read.how or ISO))
    if read.is_number:
        return _number(series, tell, read)
    if text is not None and read.asked is not None and read.numbers is not None:
        row = first_row(read.numbers.stray)
        tell(
            f"column {name!r} is read as text: {text[row - 1]!r} is no plain number; "
            f"--number {name} reads it as {read.asked.parsed[row - 1]:g}"
        )
    return _category(series, text_of(series) if text is None else text, tell)


def _useful(column: Column) -> Column | str:
    return column if column.outputs else "all cells are one value"


def _date(series: pl.Series, how: str | None, tell: Tell) -> Column | str:
    if series.dtype.is_temporal():
        how = how or ISO
    else:
        text = text_of(series)
        found = date_formats([text])[0] if how is None else how
        if found is None or found == AMBIGUOUS:
            raise must_be(
                "--date",
                "a column of dates whose order is plain",
                series.name,
                f"Give its format: --date-format '{series.name}=%d/%m/%Y'.",
            )
        series, how = text, found
    return _useful(Date.learn(series.name, read_dates([series], [how])[0], tell, how))


def _number(series: pl.Series, tell: Tell, read: Read) -> Column | str:
    if series.dtype.is_integer():
        if _counts_rows(series):
            return ROW_NUMBERS
        if read.dates is not None:
            return _useful(Date.learn(series.name, read.dates, tell, COMPACT))
        ends = series.min(), series.max()
        if any(isinstance(end, int) and abs(end) > LARGEST_EXACT for end in ends):
            tell(
                f"column {series.name!r} holds whole numbers beyond 2^53, which a network cannot "
                "tell apart: it is read as categories; --drop leaves it out"
            )
            return _category(series, text_of(series), tell)
    column = Number.learn(series, tell, read.numbers)
    if column.missing == len(series):
        return "all cells are missing"
    return _useful(column)


def _counts_rows(series: pl.Series) -> bool:
    """Say whether whole numbers number the rows, by their name or by their values."""
    if len(series) < FEWEST_ROW_NUMBERS or series.null_count():
        return False
    low, high = int(series.min()), int(series.max())  # type: ignore[arg-type]
    dense = len(series) >= FEWEST_COUNTED and high - low < len(series) / DENSE
    if not (dense or high > LARGEST_EXACT or counts_by_name(series.name)):
        return False
    return bool(np.unique(series.to_numpy()).size == len(series))


def counts_by_name(name: str) -> bool:
    """Say whether a name is one of those that row numbers and keys have."""
    name = name.strip()
    return name.lower() in ROW_NUMBER_NAMES or IDENTIFIER.search(name) is not None


def _category(series: pl.Series, text: pl.Series, tell: Tell, asked: bool = False) -> Column | str:
    levels = text.n_unique() - (text.null_count() > 0)
    present = len(text) - text.null_count()
    if levels == 1 and present == len(text):
        return "all cells are one value"
    if levels == present and not asked:
        return f"an identifier or free text: a different text in each of {present:,} rows"
    notes: list[str] = []
    column = Category.learn(text, notes.append)
    few = sum(column.counts) < REPEATED_SHARE * present
    if not column.levels or (few and not asked):
        return f"an identifier or free text: {levels:,} different texts in {present:,} rows"
    for note in notes:
        tell(note)
    return column
