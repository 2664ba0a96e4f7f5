"""Columns of a raw table in a program: their cells as numbers, and features as formulas of these.

A cell becomes one number: itself, the number of its level, or a part of its date; NaN where it is
missing. Features are formulas of one such number each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from chainrule.tracing.formulas import Traced

__all__ = ["ABSENT", "UNKNOWN", "Cell", "Code", "DatePart", "Features", "NumberCell", "Source"]

# The codes of a text that is none of the levels, and of a missing one.
UNKNOWN, ABSENT = -1, -2


@dataclass(frozen=True)
class Source:
    """A column of the raw table.

    Attributes
    ----------
    name : str
        Its name.
    kind : {"number", "text", "date"}
        Its values: a number, where NaN is missing, or a text, where an empty one is missing.
    words : str
        Its values in words, for those who fill it in.
    """

    name: str
    kind: Literal["number", "text", "date"]
    words: str


@dataclass(frozen=True)
class NumberCell:
    """The number in a column; NaN where it is missing."""

    column: str


@dataclass(frozen=True)
class Code:
    """The number of a text among levels; `UNKNOWN` for another text, `ABSENT` for none."""

    column: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class DatePart:
    """A part of a date; NaN where there is no date.

    Attributes
    ----------
    column : str
        The column.
    written : str
        The format of the dates, as strftime writes it; empty for ISO dates.
    part : {"year", "month", "weekday", "hour"}
        The part; weekdays count from 1, Monday.
    """

    column: str
    written: str
    part: Literal["year", "month", "weekday", "hour"]


Cell: TypeAlias = NumberCell | Code | DatePart


@dataclass(frozen=True, eq=False)
class Features:
    """Inputs of a network that one formula gives.

    Attributes
    ----------
    name : str
        The name of the formula.
    traced : Traced
        Its graph, from "z", the number of a cell, and the vectors.
    cells : tuple of int
        The cell that each feature is formed of.
    places : tuple of int
        The input of the network that each feature is.
    vectors : mapping of str to ndarray (n_features,)
        Further inputs of the graph, one number per feature.
    words : str
        The formula in plain text.
    """

    name: str
    traced: Traced
    cells: tuple[int, ...]
    places: tuple[int, ...]
    vectors: Mapping[str, np.ndarray]
    words: str
