"""The records of columns as formulas of cells, for programs in other languages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from chainrule.exports.columns import (
    ABSENT,
    UNKNOWN,
    Cell,
    Code,
    DatePart,
    Features,
    NumberCell,
    Prepared,
    Source,
)
from chainrule.interop.bins import step_bounds
from chainrule.interop.columns import CYCLES, Category, Column, Date, Flag, Number
from chainrule.interop.feature_formulas import (
    cosine_feature,
    level_feature,
    missing_feature,
    sine_feature,
    step_feature,
    yes_feature,
)
from chainrule.interop.scales import number_feature
from chainrule.tracing.formulas import Traced, formula_graph

__all__ = ["prepared_by"]


@dataclass(frozen=True)
class _Kind:
    """A formula that makes features of a cell: the names of its numbers, and words."""

    name: str
    formula: Callable[..., Any]
    vectors: tuple[str, ...]
    words: str


NUMBERS = _Kind(
    "scaled",
    number_feature,
    ("center", "spread"),
    "t / sqrt(1 + (t / 3)^2), t = (x - center) / spread; 0 where x is missing",
)
STEPS = _Kind(
    "step",
    step_feature,
    ("center", "start", "length", "low", "high"),
    "(x - start) / length between low and high, of the center where x is missing",
)
MISSING = _Kind("missing", missing_feature, (), "1 where x is missing, else 0")
YES = _Kind("yes", yes_feature, ("share",), "1 for yes, 0 for no, the share of yes where missing")
LEVELS = _Kind(
    "level",
    level_feature,
    ("level", "unknown", "absent"),
    f"1 where the category is of the level; others ({UNKNOWN}) and missing ones ({ABSENT}) take "
    "the numbers beside it",
)
SINE = _Kind("sine", sine_feature, ("first", "period"), "sin(2 pi (x - first) / period)")
COSINE = _Kind("cosine", cosine_feature, ("first", "period"), "cos(2 pi (x - first) / period)")


@cache
def _graph(kind: _Kind) -> Traced:
    return formula_graph(kind.formula, "z", *kind.vectors)


@dataclass
class _Collected:
    """Features by their formula, as the columns give them one after the other."""

    cells: dict[Cell, int] = field(default_factory=dict)
    rows: dict[_Kind, list[tuple[int, int, tuple[float, ...]]]] = field(default_factory=dict)
    place: int = 0

    def add(self, kind: _Kind, cell: Cell, *numbers: float) -> None:
        """Add the next feature: a formula of a cell, with numbers of its own."""
        at = self.cells.setdefault(cell, len(self.cells))
        self.rows.setdefault(kind, []).append((at, self.place, numbers))
        self.place += 1

    def features(self) -> Iterator[Features]:
        for kind, rows in self.rows.items():
            cells, places, numbers = zip(*rows, strict=True)
            columns = np.array(numbers, np.float64).reshape(len(rows), len(kind.vectors)).T
            vectors = dict(zip(kind.vectors, columns, strict=True))
            yield Features(kind.name, _graph(kind), cells, places, vectors, kind.words)


def prepared_by(columns: Sequence[Column]) -> Prepared:
    """Return what records of columns do to a row, as formulas of its cells."""
    collected, sources = _Collected(), []
    for column in columns:
        before = collected.place
        if isinstance(column, Number):
            sources.append(Source(column.name, "number", "a number"))
            _add_number(collected, column)
        elif isinstance(column, Flag):
            sources.append(Source(column.name, "number", "1 for yes, 0 for no"))
            _add_flag(collected, column)
        elif isinstance(column, Category):
            sources.append(Source(column.name, "text", _levels(column)))
            _add_category(collected, column)
        else:
            sources.append(Source(column.name, "date", f"a date like {column.written or 'ISO'}"))
            _add_date(collected, column)
        assert collected.place - before == len(column.outputs), column.name
    return Prepared(tuple(sources), tuple(collected.cells), tuple(collected.features()))


def _levels(column: Category) -> str:
    shown = ", ".join(column.levels[:8])
    return f"a category: {shown}" + (" and others" if len(column.levels) > 8 else "")


def _add_number(collected: _Collected, column: Number) -> None:
    cell = NumberCell(column.name)
    if column.scale:
        center, spread = column.scale.center, column.scale.spread
        collected.add(NUMBERS, cell, center, spread)
        if column.edges:
            ends = np.array(column.edges)
            low, high = step_bounds(len(ends) - 1)
            parts = zip(ends[:-1], ends[1:] - ends[:-1], low, high, strict=True)
            for start, length, least, most in parts:
                collected.add(STEPS, cell, center, start, length, least, most)
    if column.missing:
        collected.add(MISSING, cell)


def _add_flag(collected: _Collected, column: Flag) -> None:
    cell = NumberCell(column.name)
    if 0 < column.share < 1:
        collected.add(YES, cell, column.share)
    if column.missing:
        collected.add(MISSING, cell)


def _add_category(collected: _Collected, column: Category) -> None:
    cell = Code(column.name, column.levels)
    sizes = np.array(column.counts, np.float64)
    average = sizes / sizes.sum()
    # slots exist where training rows fell into them; else a cell is the average row
    for level, share in enumerate(average):
        unknown = 0.0 if column.others else share
        absent = 0.0 if column.missing else share
        collected.add(LEVELS, cell, level, unknown, absent)
    if column.others:
        collected.add(LEVELS, cell, UNKNOWN, 0.0, 0.0)
    if column.missing:
        collected.add(LEVELS, cell, ABSENT, 0.0, 0.0)


def _add_date(collected: _Collected, column: Date) -> None:
    year = DatePart(column.name, column.written, "year")
    if column.year:
        collected.add(NUMBERS, year, column.year.center, column.year.spread)
    for part in column.cycles:
        first, period = CYCLES[part]
        cell = DatePart(column.name, column.written, part)  # type: ignore[arg-type]
        collected.add(SINE, cell, first, period)
        collected.add(COSINE, cell, first, period)
    if column.missing:
        collected.add(MISSING, year)
