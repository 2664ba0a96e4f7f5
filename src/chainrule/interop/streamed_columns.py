"""A preparation from one pass over a table that memory does not hold.

Counts are exact: rows, missing cells, ends of the range, shares of yes and the frequency of levels,
of texts with more levels than `MOST_COUNTED` the most frequent ones. What needs all cells at once,
as quantiles and the kind of a column, is learnt from a sample of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from chainrule.interop.cells import TEXT, Tell, numbers_in, text_of
from chainrule.interop.choosing import DENSE, FEWEST_COUNTED, NO_CHOICES, ROW_NUMBERS, Choices
from chainrule.interop.columns import Category, Column, Date, Flag, Number
from chainrule.interop.preparation import Preparation

__all__ = ["ColumnCounts", "Levels", "counts_of", "prepared_from_sample"]

# Levels of a text that are counted; beyond them the rarest share an error.
MOST_COUNTED = 20_000


class Levels:
    """The rows of each text, counted in bounded memory.

    Up to ``most`` levels are counted exactly. With more, the count of each is at most ``error``
    below the true one, by the summary of Misra and Gries (1982): where too many are kept, all lose
    the count of the first that is too many.

    Examples
    --------
    >>> levels = Levels(most=2)
    >>> levels.add(pl.Series(["a", "a", "a", "b", "b", None, "c"]))
    >>> sorted(levels.sizes.items()), levels.error, levels.missing, levels.exact
    ([('a', 2), ('b', 1)], 1, 1, False)
    """

    def __init__(self, most: int = MOST_COUNTED) -> None:
        self.most, self.sizes, self.error, self.missing = most, dict[str, int](), 0, 0

    @property
    def exact(self) -> bool:
        """True while no level was left out."""
        return self.error == 0

    def add(self, text: pl.Series) -> None:
        """Count more rows, as `text_of` gives them."""
        self.missing += text.null_count()
        for word, size in text.drop_nulls().value_counts().iter_rows():
            self.sizes[word] = self.sizes.get(word, 0) + size
        if len(self.sizes) > self.most:
            loss = sorted(self.sizes.values(), reverse=True)[self.most]
            self.error += loss
            self.sizes = {word: n - loss for word, n in self.sizes.items() if n > loss}


class ColumnCounts:
    """The counts of one column, block after block.

    Attributes
    ----------
    rows, missing : int
        All rows, and those without a cell; nan among numbers is none.
    low, high : float or None
        The ends of the finite numbers.
    yes : int
        Cells that are true.
    levels : Levels or None
        The texts.
    """

    def __init__(self, dtype: Any, as_text: bool = False) -> None:
        self.rows = self.missing = self.yes = 0
        self.low: float | None = None
        self.high: float | None = None
        self.is_text = as_text or dtype in TEXT
        self.levels = Levels() if self.is_text else None

    def add(self, series: pl.Series) -> None:
        """Count the cells of more rows."""
        self.rows += len(series)
        if self.levels is not None:
            self.levels.add(text_of(series))
            self.missing = self.levels.missing
            return
        self.missing += series.null_count()
        if series.dtype == pl.Boolean:
            self.yes += int(series.sum() or 0)
        elif series.dtype.is_numeric():
            cells = series.drop_nulls()
            if series.dtype.is_float():
                self.missing += int(cells.is_nan().sum())
                cells = cells.filter(cells.is_finite())
            if len(cells):
                low, high = float(cells.min()), float(cells.max())  # type: ignore[arg-type]
                self.low = low if self.low is None else min(self.low, low)
                self.high = high if self.high is None else max(self.high, high)


def counts_of(schema: Mapping[str, Any], choices: Choices = NO_CHOICES) -> dict[str, ColumnCounts]:
    """Return counts to be filled for each column that can be counted."""
    return {
        name: ColumnCounts(dtype, as_text=name in choices.category)
        for name, dtype in schema.items()
        if not dtype.is_nested()
    }


def prepared_from_sample(
    sample: pl.DataFrame, counts: Mapping[str, ColumnCounts], tell: Tell, **options: Any
) -> Preparation:
    """Return the preparation of all rows that were counted, by a sample of them.

    Parameters
    ----------
    sample : polars.DataFrame
        Some of the rows; where it holds all of them, the preparation is that of `Preparation.fit`.
    counts : mapping
        What was counted of all rows, by column.
    tell : callable
        Receives one sentence per guess or repair.
    **options
        As `Preparation.fit` takes them.
    """
    n = max((one.rows for one in counts.values()), default=sample.height)
    if n == sample.height:
        return Preparation.fit(sample, tell=tell, **options)
    said: list[str] = []
    found = Preparation.fit(sample, tell=said.append, **options)
    columns: list[Column] = []
    dropped = dict(found.dropped)
    for column in found.columns:
        own = counts.get(column.name)
        if own is None:
            columns.append(column)
        elif isinstance(column, Number) and _numbers_rows(sample[column.name], own):
            dropped[column.name] = ROW_NUMBERS
            tell(f"left out column {column.name!r}: {ROW_NUMBERS}")
        else:
            columns.append(_amended(column, own, said, tell))
    for sentence in said:
        tell(sentence)
    return Preparation(tuple(columns), dropped, found.target, n)


def _numbers_rows(sample: pl.Series, counts: ColumnCounts) -> bool:
    """Say whether whole numbers are those of the rows: all different, and densely so."""
    if not sample.dtype.is_integer() or counts.missing or counts.low is None:
        return False
    assert counts.high is not None
    dense = counts.rows >= FEWEST_COUNTED and counts.high - counts.low < counts.rows / DENSE
    return dense and sample.n_unique() == len(sample)


def _amended(column: Column, counts: ColumnCounts, said: list[str], tell: Tell) -> Column:
    """Return the record of a column with what was counted of all rows."""
    if isinstance(column, Flag):
        return replace(
            column,
            share=counts.yes / max(1, counts.rows - counts.missing),
            missing=counts.missing,
        )
    if isinstance(column, Category):
        return _category(column, counts, said, tell)
    if counts.levels is not None:
        return _read_from_text(column, counts.levels)
    if isinstance(column, Date):
        return replace(column, missing=max(column.missing, counts.missing))
    low = column.low if counts.low is None else counts.low
    high = column.high if counts.high is None else counts.high
    return replace(column, missing=counts.missing, low=low, high=high)


def _category(column: Category, counts: ColumnCounts, said: list[str], tell: Tell) -> Category:
    levels = counts.levels
    if levels is None:  # whole numbers too large for a network
        return replace(column, missing=max(column.missing, counts.missing))
    about = f"column {column.name!r} has "  # what the sample said of its number of categories
    said[:] = [sentence for sentence in said if not sentence.startswith(about)]
    found = Category.of_counts(column.name, levels.sizes, counts.rows, counts.missing, tell)
    return found if found.levels else column


def _read_from_text(column: Number | Date, levels: Levels) -> Column:
    """Return the record of numbers or dates in a column of text.

    Cells that none of the sample is like may still come: such a column takes them as missing.
    """
    if isinstance(column, Date) or not levels.exact:
        strays, missing = max(column.strays, 1), max(column.missing, levels.missing, 1)
        return replace(column, strays=strays, missing=missing)
    words = list(levels.sizes)
    sizes = pl.Series([levels.sizes[word] for word in words])
    found = numbers_in(pl.Series(words, dtype=pl.String), column.written)
    absent = found.parsed.is_null()
    known = found.parsed.drop_nulls()
    missing = levels.missing + int(sizes.filter(absent).sum() or 0)
    strays = int(sizes.filter(pl.Series(found.stray)).sum() or 0)
    low, high = known.min(), known.max()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    return replace(column, missing=missing, strays=strays, low=float(low), high=float(high))
