"""Numbers as people write them: the way is found once per column, then every cell is read by it.

How a column is written is part of its record, so that a file to predict is read as the training
table was, whatever it holds alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

__all__ = [
    "PLAIN",
    "Written",
    "written_of",
    "written_of_columns",
]

CURRENCY = (
    r"(?:(?:US|R|A|C|CA|AU|NZ|HK|S)?\$|[€£¥₹₩₽₺₪₴฿₫]|USD|EUR|GBP|CHF|JPY|SEK|NOK|DKK|PLN|CAD|AUD|NZD|"
    r"CNY|INR|BRL|MXN|ZAR|TRY|HUF|CZK|Fr\.|kr|zł|Kč|Rs\.?)"
)
# Units that may follow a number without a space; others need one, as 2A is a code.
UNITS = (
    *("kg", "mg", "lb", "lbs", "oz", "cm", "mm", "km", "ft", "mi", "ms", "min", "hrs", "ml"),
    *("kWh", "kW", "MW", "Hz", "kHz", "MHz", "GHz", "KB", "MB", "GB", "TB", "px", "°C", "°F", "°"),
    *("m²", "m³", "km²", "‰"),
)
SPACES = "[ \u00a0\u2009\u202f'\u2019]"
WITH_SPACES = rf"^[+-]?\d{{1,3}}(?:{SPACES}\d{{3}})+(?:[.,]\d+)?$"
# 1,234,567 and, as India writes it, 12,34,567
WITH_COMMAS = r"^[+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3})(?:\.\d+)?$"
WITH_DOTS = r"^[+-]?\d{1,3}(?:\.\d{3})+(?:,\d+)?$"
COMMA_DECIMAL = r"^[+-]?\d*,\d+(?:[eE][+-]?\d+)?$"
DOT_DECIMAL = r"^[+-]?\d*\.\d+(?:[eE][+-]?\d+)?$"
# 1,690 and 1.690: a thousand, or one and a bit.
EITHER = r"^[+-]?\d{1,3}[.,]\d{3}$"
# Dates, clocks, sentences and words without a digit: most texts are told from numbers by one look.
NO_NUMBER = r"\d\s*[/:]\s*\d|\d-\d|\d\s*\p{L}{2,}\D*\d|^\D*$"
# A decimal point among so many cells tells that commas stand between thousands.
LOOK = 20
UNIT = r"\d(\s*)([^\d\s.,()+\-%$€£¥₹₩₽'][^\d]*)$"


@dataclass(frozen=True)
class Written:
    """The notation of the numbers in a column.

    Attributes
    ----------
    decimal : str
        ``"."`` or ``","``.
    unit : str
        What follows each number, or some.
    """

    decimal: str = "."
    unit: str = ""

    @property
    def words(self) -> str:
        """Say what is not plain."""
        parts = ["decimal commas"] if self.decimal == "," else []
        return " and ".join([*parts, f"the unit {self.unit!r}"] if self.unit else parts)

    def numbers(self, text: pl.Series) -> pl.Series:
        """Return the cells as numbers; null where a cell is none.

        Examples
        --------
        >>> cells = pl.Series(["1,5", "(2.345,5)", "3 €", "a"])
        >>> Written(decimal=",").numbers(cells).to_list()
        [1.5, -2345.5, 3.0, None]
        >>> Written().numbers(pl.Series(["12,34,567.5", "12.50-"])).to_list()
        [1234567.5, -12.5]
        >>> Written(unit="kg").numbers(pl.Series(["1,690.5 kg", "\u22122"])).to_list()
        [1690.5, -2.0]
        """
        plain = text.cast(pl.Float64, strict=False)
        if self.decimal == ",":
            plain = plain.set(text.str.contains(".", literal=True).fill_null(False), None)
        if plain.null_count() == text.null_count():
            return plain
        # each way of writing once: columns repeat their cells
        rest = (plain.is_null() & ~text.str.contains(NO_NUMBER)).arg_true()
        cells = text.gather(rest)
        words = cells.unique(maintain_order=True)
        table = pl.DataFrame({"word": words, "number": self._decorated(words)})
        found = pl.DataFrame({"word": cells}).join(
            table, on="word", how="left", maintain_order="left"
        )
        return plain.scatter(rest, found["number"])

    def _decorated(self, words: pl.Series) -> pl.Series:
        table = _undressed(words.alias("word").to_frame(), self.unit)
        if self.decimal == ",":
            table = table.with_columns(_without(CORE.str.contains(WITH_DOTS), "[.]"))
            # a dot is no decimal mark here: what has one still is no number
            table = table.with_columns(
                word=pl.when(~CORE.str.contains(".", literal=True)).then(
                    pl.when(CORE.str.contains(COMMA_DECIMAL))
                    .then(CORE.str.replace(",", ".", literal=True))
                    .otherwise(CORE)
                )
            )
        else:
            table = table.with_columns(_without(CORE.str.contains(WITH_COMMAS), ","))
        return table.select(CORE.cast(pl.Float64, strict=False)).collect()["word"]


PLAIN = Written()


# Cells of one column, as a query has them.
CORE = pl.col("word")


def _without(condition: pl.Expr, marks: str) -> pl.Expr:
    return pl.when(condition).then(CORE.str.replace_all(marks, "")).otherwise(CORE).alias("word")


def _undressed(table: pl.DataFrame, unit: str) -> pl.LazyFrame:
    """Return numbers without currency, percent, unit, brackets and spaces between thousands."""
    bare = table.lazy().with_columns(_bare(unit))
    return bare.with_columns(_without(CORE.str.contains(WITH_SPACES), SPACES))


@cache
def _bare(unit: str) -> pl.Expr:
    core = CORE.str.replace_all("[\u2212\u2013\u2012]", "-")
    core = core.str.replace(r"^\((.*)\)$", "-$1")
    core = core.str.replace(rf"^([+-]?)\s*{CURRENCY}\s*", "$1")
    core = core.str.replace(rf"\s*(?:%|{CURRENCY})$", "")
    core = core.str.replace(r"^(\d.*)-$", "-$1")  # as ledgers write it: 12.50-
    if unit:
        core = core.str.replace(rf"\s*{re.escape(unit)}$", "")
    return core


def written_of(text: pl.Series) -> Written:
    """Return how the numbers of a column are written.

    Examples
    --------
    >>> written_of(pl.Series(["1,5", "2,25"])), written_of(pl.Series(["1,690", "2,345"]))
    (Written(decimal=',', unit=''), Written(decimal='.', unit=''))
    >>> written_of(pl.Series(["1.7 kg", "2 kg"])), written_of(pl.Series(["2A", "3A"]))
    (Written(decimal='.', unit='kg'), Written(decimal='.', unit=''))
    """
    return written_of_columns(text, len(text))[0]


def written_of_columns(text: pl.Series, height: int) -> list[Written]:
    """Return how the numbers of columns are written, which stand one below the other in ``text``.

    Examples
    --------
    >>> [one.decimal for one in written_of_columns(pl.Series(["1,5", "2", "1.5", "x"]), 2)]
    [',', '.']
    """
    columns = max(1, len(text) // max(1, height))
    found = [PLAIN] * columns
    if text.cast(pl.Float64, strict=False).null_count() == text.null_count():
        return found
    place = np.repeat(np.arange(columns), height)
    first = np.tile(np.arange(height) < LOOK, columns)
    every = pl.DataFrame({"column": place, "first": first, "word": text}).lazy().drop_nulls()
    cells = every.filter(~CORE.str.contains(NO_NUMBER)).collect()
    odd = cells.filter(CORE.cast(pl.Float64, strict=False).is_null())
    units = _units(odd)
    for column, unit in units.items():
        found[column] = Written(unit=unit)
    for column in _commas(cells, odd["column"].unique(), units):
        found[column] = Written(",", units.get(column, ""))
    return found


def _units(odd: pl.DataFrame) -> dict[int, str]:
    """Return the unit of each column that has one, from the words that are no plain numbers."""
    parts = CORE.str.extract_groups(UNIT).struct.unnest()
    pairs = odd.select("column", parts).drop_nulls().unique()
    found: dict[int, set[tuple[str, str]]] = {}
    for column, gap, unit in pairs.iter_rows():
        found.setdefault(column, set()).add((gap, unit))
    units = {}
    for column, own in found.items():
        gaps, named = zip(*own, strict=True)
        if len(set(named)) == 1 and (named[0] in UNITS or "" not in gaps):
            units[column] = named[0]
    return units


def _commas(cells: pl.DataFrame, odd: pl.Series, units: Mapping[int, str]) -> list[int]:
    """Return the columns where some number has a decimal comma, and none a decimal point.

    Cells without either mark have no say. Most columns tell by a point in their first cells.
    """
    column = pl.col("column")
    with_commas = cells.filter(CORE.str.contains(",", literal=True))["column"]
    able = sorted(set(odd.unique()).intersection(with_commas.unique()))
    marked = cells.filter(column.is_in(able) & CORE.str.contains("[.,]"))
    for part in (marked.filter("first"), marked):
        marks = _marks(part.filter(column.is_in(able)), units)
        able = [one for one in able if not marks.get(one, (False, False))[1]]
    return [one for one in able if marks[one][0]]


def _marks(cells: pl.DataFrame, units: Mapping[int, str]) -> dict[int, tuple[bool, bool]]:
    """Return whether some number of each column has a decimal comma, and some a decimal point."""
    columns = cells["column"].unique().to_list()
    found = {}
    for unit in {units.get(one, "") for one in columns}:
        own = [one for one in columns if units.get(one, "") == unit]
        table = _undressed(cells.filter(pl.col("column").is_in(own)), unit)
        either = CORE.str.contains(EITHER)
        comma = CORE.str.contains(WITH_DOTS) & CORE.str.contains(",", literal=True)
        comma |= CORE.str.contains(COMMA_DECIMAL) & ~either
        point = CORE.str.contains(WITH_COMMAS) & CORE.str.contains(".", literal=True)
        point |= CORE.str.contains(DOT_DECIMAL) & ~either
        told = table.group_by("column").agg(comma.any().alias("comma"), point.any().alias("point"))
        for column, commas, points in told.collect().iter_rows():
            found[column] = (commas, points)
    return found
