"""Formats of dates as tokens that other languages can read, and the formulas of their parts."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TypeAlias

from chainrule.foundation.arrays import Array, Namespace
from chainrule.foundation.errors import InputError

__all__ = [
    "HALVES",
    "MONTHS",
    "WEEKDAYS",
    "Digits",
    "Mark",
    "Token",
    "Words",
    "days_in_month",
    "full_year",
    "hour_of_day",
    "known_day",
    "tokens_of",
    "weekday_of",
]

MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HALVES = ("am", "pm")


@dataclass(frozen=True)
class Digits:
    """A whole number of a few digits, within bounds; its field is a part of the date, or unused."""

    field: str
    least: int
    most: int
    low: int
    high: int
    pattern: str


@dataclass(frozen=True)
class Words:
    """One of some words, by its first letters or, where ``whole``, by all of them too."""

    field: str
    words: tuple[str, ...]
    letters: int
    whole: bool


@dataclass(frozen=True)
class Mark:
    """The letters between two fields; a fraction of a second is a mark of any digits."""

    text: str
    is_fraction: bool = False


Token: TypeAlias = Digits | Words | Mark

_TO_12, _TO_31 = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_DIRECTIVES: dict[str, Token] = {
    "%Y": Digits("year", 1, 4, 0, 9999, r"\d{1,4}"),
    "%y": Digits("short_year", 1, 2, 0, 99, r"\d{1,2}"),
    "%m": Digits("month", 1, 2, 1, 12, _TO_12),
    "%d": Digits("day", 1, 2, 1, 31, _TO_31),
    "%H": Digits("hour", 1, 2, 0, 23, r"(?:[01]?\d|2[0-3])"),
    "%I": Digits("half_hour", 1, 2, 1, 12, _TO_12),
    "%M": Digits("unused", 1, 2, 0, 59, r"[0-5]?\d"),
    "%S": Digits("unused", 1, 2, 0, 60, r"(?:[0-5]?\d|60)"),
    "%b": Words("month", MONTHS, 3, False),
    "%B": Words("month", MONTHS, 3, True),
    "%a": Words("weekday", WEEKDAYS, 3, False),
    "%A": Words("weekday", WEEKDAYS, 3, True),
    "%p": Words("half", HALVES, 2, False),
    "%.f": Mark("", is_fraction=True),
}


def tokens_of(column: str, written: str) -> list[Token]:
    """Return the tokens of a format of dates, as strftime writes it.

    Raises
    ------
    InputError
        If it holds something else than numbers and names of days, months and clocks.

    Examples
    --------
    >>> [getattr(one, "field", one) for one in tokens_of("day", "%d/%m")]
    ['day', Mark(text='/', is_fraction=False), 'month']
    """
    found: list[Token] = []
    for part in re.findall(r"%\.?\w|[^%]+|%", written):
        if not part.startswith("%"):
            found.append(Mark(part))
        elif part in _DIRECTIVES:
            found.append(_DIRECTIVES[part])
        else:
            raise InputError(
                f"column {column!r} holds dates of the format {written!r}, of which {part} cannot "
                "be exported. Write the dates like 2024-05-31, and fit again."
            )
    return found


def _remainder(xp: Namespace, x: Array, by: float) -> Array:
    return x - by * xp.floor(x / by)


def full_year(xp: Namespace, short_year: Array) -> Array:
    """Return the year of its last two digits: 1970 to 2069."""
    return xp.where(short_year < 70.0, 2000.0 + short_year, 1900.0 + short_year)


def hour_of_day(xp: Namespace, half_hour: Array, half: Array) -> Array:
    """Return the hour from 0 to 23 of one from 1 to 12, before noon (1) or after it (2)."""
    return _remainder(xp, half_hour, 12.0) + 12.0 * (half - 1.0)


def days_in_month(xp: Namespace, year: Array, month: Array) -> Array:
    """Return the number of days of a month, in the Gregorian calendar."""
    by_four = _remainder(xp, year, 4.0) == 0.0
    century = _remainder(xp, year, 100.0) == 0.0
    leaps = by_four & (~century | (_remainder(xp, year, 400.0) == 0.0))
    february = xp.where(leaps, 29.0, 28.0 + 0.0 * month)
    return xp.where(
        month == 2.0, february, 30.0 + _remainder(xp, month + xp.floor(month / 8.0), 2.0)
    )


def weekday_of(xp: Namespace, year: Array, month: Array, day: Array) -> Array:
    """Return the weekday, from 1 for Monday, of a day of the Gregorian calendar.

    Source: H. Hinnant, "chrono-compatible low-level date algorithms", days_from_civil.
    """
    year = year - xp.where(month <= 2.0, 1.0, 0.0 * month)
    era = xp.floor(year / 400.0)
    of_era = year - 400.0 * era
    of_year = xp.floor((153.0 * _remainder(xp, month + 9.0, 12.0) + 2.0) / 5.0) + day - 1.0
    days = 365.0 * of_era + xp.floor(of_era / 4.0) - xp.floor(of_era / 100.0) + of_year
    # an era is a whole number of weeks
    return _remainder(xp, days + 2.0, 7.0) + 1.0


def known_day(xp: Namespace, day: Array, last: Array, weekday: Array, named: Array) -> Array:
    """Return 1 for a day that its month has, and whose weekday is the one that is named, if any.

    A name of 0 is none.
    """
    right = (day <= last) & ((named == 0.0) | (named == weekday))
    return xp.where(right, 1.0, math.nan + 0.0 * day)
