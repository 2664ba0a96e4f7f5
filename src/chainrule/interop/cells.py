"""The cells of a column, read as text and as numbers.

Every reader returns one plain value per row, so a row reads the same alone and in its table.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.foundation.errors import InputError
from chainrule.interop.written import Written, written_of_columns

__all__ = [
    "MISSING_WORDS",
    "READABLE_SHARE",
    "TEXT",
    "Numbers",
    "Tell",
    "as_floats",
    "below",
    "first_row",
    "in_parts",
    "is_missing_word",
    "looks_like_numbers",
    "nothing",
    "numbers_in",
    "numbers_in_columns",
    "numbers_of",
    "refuse_strays",
    "text_of",
    "texts_of",
]

Tell = Callable[[str], None]
"""A receiver of sentences about guesses and repairs, one call each."""

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
LEADING_ZERO = r"^0\d"
# Columns are read together up to so many cells.
BATCH_CELLS = 2**20


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


def texts_of(columns: Sequence[pl.Series]) -> list[pl.Series]:
    """Return the cells of each column as `text_of` does; all columns are of one height.

    Columns of one type are read together: for a few hundred rows, a question to polars takes
    longer than its answer.
    """
    columns = [one.cast(pl.String) if one.dtype in TEXT else one for one in columns]
    types = [str(one.dtype) for one in columns]
    found: dict[int, pl.Series] = {}
    for kind in dict.fromkeys(types):
        places = [place for place, own in enumerate(types) if own == kind]
        text = text_of(below([columns[place] for place in places]))
        for number, place in enumerate(places):
            height = len(columns[place])
            part = text.slice(number * height, height)
            found[place] = part.alias(columns[place].name)
    return [found[place] for place in range(len(columns))]


@dataclass(frozen=True)
class Numbers:
    """The numbers in a column of text, read once.

    Attributes
    ----------
    written : Written
        How they are written.
    parsed : Series
        The numbers, null where a cell is none.
    stray : ndarray of bool
        Where a cell holds text that is neither a number nor a word for a missing cell.
    strays : int
        How many cells that are.
    codes : bool
        Whether there are strays, and some number is written with leading zeros.
    """

    written: Written
    parsed: pl.Series
    stray: NDArray[np.bool_]
    strays: int
    codes: bool


def numbers_in(text: pl.Series, written: Written | None = None) -> Numbers:
    """Return the numbers in text as `text_of` gives it; how they are written is found out.

    Examples
    --------
    >>> numbers_in(pl.Series(["1,5", "NA", "few"])).stray.tolist()
    [False, False, True]
    """
    return numbers_in_columns([text], None if written is None else [written])[0]


def numbers_in_columns(
    texts: Sequence[pl.Series], written: Sequence[Written] | None = None
) -> list[Numbers]:
    """Return the numbers in each column of text; all columns are of one height."""
    if not texts:
        return []
    height = len(texts[0])
    if written is None:
        written = written_of_columns(below(texts), height)
    found: list[Numbers | None] = [None] * len(texts)
    for how in dict.fromkeys(written):
        places = [place for place, one in enumerate(written) if one == how]
        text = below([texts[place] for place in places])
        parsed = how.numbers(text)
        if parsed.is_nan().any():
            parsed = parsed.fill_nan(None)
        odd = parsed.is_null() & text.is_not_null()
        if odd.any():
            odd &= ~is_missing_word(text)
        code = text.str.contains(LEADING_ZERO).fill_null(False) if odd.any() else odd
        stray = odd.to_numpy().reshape(len(places), height)
        strays: NDArray[np.intp] = stray.sum(axis=1)
        codes: NDArray[np.bool_] = np.any(code.to_numpy().reshape(stray.shape), axis=1)
        for number, place in enumerate(places):
            values = parsed.slice(number * height, height)
            many = int(strays[number])
            coded = many > 0 and bool(codes[number])
            found[place] = Numbers(how, values, stray[number], many, coded)
    return [one for one in found if one is not None]


def below(columns: Sequence[pl.Series]) -> pl.Series:
    """Return columns of one type one below the other."""
    if len(columns) == 1:
        return columns[0]
    return pl.concat([one.alias("cells") for one in columns], rechunk=True)


def in_parts(columns: Sequence[Any], height: int) -> Iterator[Sequence[Any]]:
    """Yield columns, or their records, in groups that are read together."""
    many = max(1, BATCH_CELLS // max(1, height))
    for start in range(0, len(columns), many):
        yield columns[start : start + many]


def is_missing_word(text: pl.Series) -> pl.Series:
    """Say of each cell whether it is a word for a missing one."""
    return text.str.to_lowercase().is_in(MISSING_WORDS).fill_null(False)


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
    if read == 0 or found.codes:
        return False
    if read >= READABLE_SHARE * (read + found.strays):
        return True
    many = found.parsed.n_unique() - found.parsed.has_nulls() >= DIFFERENT_NUMBERS
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
        if not lenient:
            refuse_strays(series.name, text, found)
        series = found.parsed
    else:
        raise InputError(
            f"column {series.name!r} must hold numbers, as at training; got {dtype}. "
            "Write it as numbers."
        )
    return as_floats(series)


def refuse_strays(name: str, text: pl.Series, found: Numbers) -> None:
    """Refuse text among the numbers of a column, by row and cell."""
    if found.strays:
        row = first_row(found.stray)
        many = f"{found.strays} such cell{'s' if found.strays > 1 else ''}"
        raise InputError(
            f"column {name!r} must hold numbers, as at training; got {text[row - 1]!r} in row "
            f"{row} ({many}). Correct the cell, or "
            "empty it: missing cells are filled."
        )


def as_floats(numbers: pl.Series) -> NDArray[np.float64]:
    """Return numbers as an array, nan where missing."""
    values: NDArray[np.float64] = numbers.to_numpy().astype(np.float64)
    return values
