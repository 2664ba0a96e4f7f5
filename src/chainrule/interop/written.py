"""Numbers as people write them: the way is found once per column, then every cell is read by it.

How a column is written is part of its record, so that a file to predict is read as the training
table was, whatever it holds alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import polars as pl

__all__ = [
    "APPROXIMATE",
    "MARKED",
    "MARKS",
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
WITH_COMMAS = r"^[+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3})(?:\.\d+)?(?:e\d)?$"
WITH_DOTS = r"^[+-]?\d{1,3}(?:\.\d{3})+(?:,\d+)?(?:e\d)?$"
COMMA_DECIMAL = r"^[+-]?\d*,\d+(?:[eE][+-]?\d+)?$"
DOT_DECIMAL = r"^[+-]?\d*\.\d+(?:[eE][+-]?\d+)?$"
# 1,690 and 1.690: a thousand, or one and a bit.
EITHER = r"^[+-]?\d{1,3}[.,]\d{3}(?:e\d)?$"
# What multiplies the number before it, by the exponent of ten. One letter alone may be part of a
# code: it counts where some number has a decimal mark or a currency.
MULTIPLES = {
    **dict.fromkeys(("k", "K", "thousand", "Tsd", "tsd"), 3),
    **dict.fromkeys(("M", "mn", "Mn", "mln", "mio", "Mio", "million", "millions", "Million"), 6),
    **dict.fromkeys(("Millionen", "MM"), 6),
    **dict.fromkeys(("B", "bn", "Bn", "bln", "billion", "billions", "Billion", "Mrd", "mrd"), 9),
}
NO_CODE = rf"\d[.,]\d+(?:\s*k|[KMB])\.?\)?$|\d\s+k\.?\)?$|{CURRENCY}"
# 5 said more or less, and 5 as a bound.
ABOUT = (
    r"^(?:[~≈]\s*|(?i:ca|approx)\.\s*|"
    r"(?i:ca|circa|about|around|approx|approximately|roughly|etwa|environ)\s+)"
)
BOUNDS = r"^(?:[<>]=?|[≤≥])\s*"
BOUND_BEHIND = r"^(\d.*)\+$"
MARKED = rf"{ABOUT}|{BOUNDS}|{BOUND_BEHIND}|\d\s*[kKMB]\.?$"
# The marks that a column may have around its numbers; a person can ask for all of them.
MULTIPLE, APPROXIMATE, BOUNDED = "multiples", "about", "bounds"
MARKS = {
    MULTIPLE: "k, M or B as factors",
    APPROXIMATE: "~5 as 5",
    BOUNDED: "the bounds of >5 and <5",
}
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
    marks : tuple of str
        The keys of `MARKS` that are read.
    """

    decimal: str = "."
    unit: str = ""
    marks: tuple[str, ...] = ()

    def with_marks(self, *marks: str) -> Written:
        """Return the notation with more marks.

        Examples
        --------
        >>> Written().with_marks("about", "bounds").numbers(pl.Series(["~5", ">7", "x"])).to_list()
        [5.0, 7.0, None]
        """
        return replace(self, marks=tuple(one for one in MARKS if one in (*self.marks, *marks)))

    @property
    def words(self) -> str:
        """Say what is not plain."""
        parts = ["decimal commas"] if self.decimal == "," else []
        parts += [f"the unit {self.unit!r}"] if self.unit else []
        return " and ".join([*parts, *(MARKS[one] for one in self.marks)])

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
        >>> Written(marks=("multiples",)).numbers(pl.Series(["$1.7k", "2 Mio", "35"])).to_list()
        [1700.0, 2000000.0, 35.0]
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
        table = _undressed(words.alias("word").to_frame(), self.unit, self.marks)
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


def _undressed(table: pl.DataFrame, unit: str, marks: tuple[str, ...] = ()) -> pl.LazyFrame:
    """Return numbers without currency, percent, unit, brackets and spaces between thousands."""
    bare = table.lazy().with_columns(_bare(unit, marks))
    return bare.with_columns(_without(CORE.str.contains(WITH_SPACES), SPACES))


@cache
def _bare(unit: str, marks: tuple[str, ...]) -> pl.Expr:
    core = CORE
    if APPROXIMATE in marks:
        core = core.str.replace(ABOUT, "")
    if BOUNDED in marks:
        core = core.str.replace(BOUNDS, "").str.replace(BOUND_BEHIND, "$1")
    core = core.str.replace_all("[\u2212\u2013\u2012]", "-")
    core = core.str.replace(r"^\((.*)\)$", "-$1")
    core = core.str.replace(rf"^([+-]?)\s*{CURRENCY}\s*", "$1")
    core = core.str.replace(rf"\s*(?:%|{CURRENCY})$", "")
    core = core.str.replace(r"^(\d.*)-$", "-$1")  # as ledgers write it: 12.50-
    if unit:
        core = core.str.replace(rf"\s*{re.escape(unit)}$", "")
    if MULTIPLE in marks:
        for power in sorted(set(MULTIPLES.values())):
            names = "|".join(one for one, own in MULTIPLES.items() if own == power)
            core = core.str.replace(rf"^([^eE]*\d)\s*(?:{names})\.?$", f"${{1}}e{power}")
    return core


def written_of(text: pl.Series) -> Written:
    """Return how the numbers of a column are written.

    Examples
    --------
    >>> written_of(pl.Series(["1,5", "2,25"])), written_of(pl.Series(["1,690", "2,345"]))
    (Written(decimal=',', unit='', marks=()), Written(decimal='.', unit='', marks=()))
    >>> written_of(pl.Series(["1.7 kg", "2 kg"])), written_of(pl.Series(["2A", "3A"]))
    (Written(decimal='.', unit='kg', marks=()), Written(decimal='.', unit='', marks=()))
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
    known = _units(odd)
    for column in _commas(cells, odd["column"].unique(), known):
        known[column] = replace(known.get(column, PLAIN), decimal=",")
    for column, how in known.items():
        found[column] = how
    return found


def _units(odd: pl.DataFrame) -> dict[int, Written]:
    """Return the unit of each column that has one, from the words that are no plain numbers.

    Units that multiply, such as k and M, may be several.
    """
    parts = CORE.str.extract_groups(UNIT).struct.unnest()
    pairs = odd.select("column", parts).drop_nulls().unique()
    found: dict[int, set[tuple[str, str]]] = {}
    for column, gap, unit in pairs.iter_rows():
        found.setdefault(column, set()).add((gap, unit))
    units: dict[int, Written] = {}
    multiply: list[int] = []
    for column, own in found.items():
        gaps, named = zip(*own, strict=True)
        letters = {_multiple(one) for one in named}
        if letters <= MULTIPLES.keys():
            multiply.append(column)
        if letters <= MULTIPLES.keys() and any(len(one) > 1 for one in letters):
            units[column] = Written(marks=(MULTIPLE,))
        elif len(set(named)) == 1 and (named[0] in UNITS or "" not in gaps):
            units[column] = Written(unit=named[0])
    some = odd.filter(pl.col("column").is_in(multiply) & CORE.str.contains(NO_CODE))
    return units | dict.fromkeys(some["column"].unique().to_list(), Written(marks=(MULTIPLE,)))


def _multiple(unit: str) -> str:
    """Return what stands before a full stop, a bracket or a currency: Mio of ``Mio. €``."""
    return re.sub(rf"\s*(?:[.)]|{CURRENCY})+$", "", unit)


def _commas(cells: pl.DataFrame, odd: pl.Series, known: Mapping[int, Written]) -> list[int]:
    """Return the columns where some number has a decimal comma, and none a decimal point.

    Cells without either mark have no say. Most columns tell by a point in their first cells.
    """
    column = pl.col("column")
    with_commas = cells.filter(CORE.str.contains(",", literal=True))["column"]
    able = sorted(set(odd.unique()).intersection(with_commas.unique()))
    marked = cells.filter(column.is_in(able) & CORE.str.contains("[.,]"))
    for part in (marked.filter("first"), marked):
        marks = _points(part.filter(column.is_in(able)), known)
        able = [one for one in able if not marks.get(one, (False, False))[1]]
    return [one for one in able if marks[one][0]]


def _points(cells: pl.DataFrame, known: Mapping[int, Written]) -> dict[int, tuple[bool, bool]]:
    """Return whether some number of each column has a decimal comma, and some a decimal point."""
    columns = cells["column"].unique().to_list()
    found = {}
    for how in {known.get(one, PLAIN) for one in columns}:
        own = [one for one in columns if known.get(one, PLAIN) == how]
        table = _undressed(cells.filter(pl.col("column").is_in(own)), how.unit, how.marks)
        either = CORE.str.contains(EITHER)
        comma = CORE.str.contains(WITH_DOTS) & CORE.str.contains(",", literal=True)
        comma |= CORE.str.contains(COMMA_DECIMAL) & ~either
        point = CORE.str.contains(WITH_COMMAS) & CORE.str.contains(".", literal=True)
        point |= CORE.str.contains(DOT_DECIMAL) & ~either
        told = table.group_by("column").agg(comma.any().alias("comma"), point.any().alias("point"))
        for column, commas, points in told.collect().iter_rows():
            found[column] = (commas, points)
    return found
