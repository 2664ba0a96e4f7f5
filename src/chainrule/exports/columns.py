"""Columns of a raw table in a program: their cells as numbers, and features as formulas of these.

A cell becomes one number: itself, the number of its level, or a part of its date; NaN where it is
missing. Features are formulas of one such number each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from chainrule.foundation.errors import InputError
from chainrule.tracing.formulas import Traced

__all__ = [
    "ABSENT",
    "UNKNOWN",
    "Cell",
    "Code",
    "DatePart",
    "Features",
    "NumberCell",
    "Prepared",
    "Source",
    "merged",
]

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


@dataclass(frozen=True, eq=False)
class Prepared:
    """The columns of one network: raw columns, their cells, and the features of these."""

    sources: tuple[Source, ...]
    cells: tuple[Cell, ...]
    features: tuple[Features, ...]


def merged(parts: Sequence[Prepared], order: Sequence[str]) -> list[Prepared]:
    """Return the columns of several networks with the raw columns and cells of all of them.

    Parameters
    ----------
    parts : sequence of Prepared
        The columns of each network.
    order : sequence of str
        The names of the columns of the table, in their order.

    Raises
    ------
    InputError
        If one network takes a column for numbers, and another for texts.
    """
    sources: dict[str, Source] = {}
    cells: dict[Cell, int] = {}
    for part in parts:
        for source in part.sources:
            known = sources.setdefault(source.name, source)
            if known.kind != source.kind:
                raise InputError(
                    f"column {source.name!r} must be of one kind to be exported; one network takes "
                    f"it for a {known.kind}, and another for a {source.kind}. Fit again, and say "
                    "what it is."
                )
        for cell in part.cells:
            cells.setdefault(cell, len(cells))
    place = {name: number for number, name in enumerate(order)}
    ordered = tuple(sorted(sources.values(), key=lambda one: place.get(one.name, len(place))))
    found = []
    for part in parts:
        features = tuple(
            replace(one, cells=tuple(cells[part.cells[cell]] for cell in one.cells))
            for one in part.features
        )
        found.append(Prepared(ordered, tuple(cells), features))
    return found
