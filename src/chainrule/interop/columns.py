"""One record per kind of column: what it learns from the training rows, and what it writes.

A record writes each row from that row alone, with operations that IEEE 754 rounds exactly, so
the same row gives the same bits alone, in any table and on any machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.foundation.wording import counted
from chainrule.interop.bins import Encoding, edge_words, steps
from chainrule.interop.cells import (
    TEXT,
    Numbers,
    Tell,
    as_floats,
    first_row,
    numbers_in,
    numbers_of,
    text_of,
)
from chainrule.interop.dates import ISO, Dates
from chainrule.interop.flag_column import Flag
from chainrule.interop.scales import Scale
from chainrule.interop.written import PLAIN, Written

__all__ = ["CYCLES", "Category", "Column", "Date", "Flag", "Number", "Scale"]

Values = NDArray[np.float32]

# Levels of a category, and how many rows keep one: a thousandth of all, but 2 to 10.
MOST_LEVELS = 100
# Categories that share a slot are told where they are so many times as frequent as at training.
NEW_FACTOR = 3.0
FEWEST_ROWS, ENOUGH_ROWS, ROW_SHARE = 2, 10, 1000


@dataclass(frozen=True)
class Number:
    """Numbers: missing cells take the median and are flagged, the rest goes through ``Scale``.

    Where there are ``edges``, the steps between them stand beside the scaled number.
    """

    kind: ClassVar[str] = "number"
    name: str
    scale: Scale | None
    missing: int
    strays: int
    written: Written = PLAIN
    low: float | None = None
    high: float | None = None
    edges: tuple[float, ...] = ()

    @classmethod
    def learn(cls, series: pl.Series, tell: Tell, found: Numbers | None = None) -> Number:
        """Learn center, spread and the number of missing cells; of text, the numbers ``found``."""
        if found is None and series.dtype in TEXT:
            found = numbers_in(text_of(series))
        written = PLAIN if found is None else found.written
        strays = 0 if found is None else found.strays
        values = numbers_of(series) if found is None else as_floats(found.parsed)
        if written.words:
            override = f"; --category {series.name} keeps the text" if written.marks else ""
            tell(f"column {series.name!r} is read as numbers with {written.words}{override}")
        finite = np.isfinite(values)
        if infinite := int(np.isinf(values).sum()):
            tell(f"column {series.name!r}: {counted(infinite, 'infinite cell')} bounded")
        missing = int(np.isnan(values).sum())
        if strays:
            tell(
                f"column {series.name!r} is read as numbers; {counted(strays, 'cell')} with other "
                "text taken as missing"
            )
        return cls(
            series.name, Scale.of(values[finite]), missing, strays, written, *_range(values[finite])
        )

    @cached_property  # asked for in every call that predicts
    def outputs(self) -> tuple[str, ...]:
        scaled = (self.name,) if self.scale else ()
        between = tuple(
            f"{self.name} between {low} and {high}"
            for low, high in pairwise(edge_words(self.edges))
        )
        flags = (f"{self.name} missing",) if self.missing else ()
        return (*scaled, *between, *flags)

    @property
    def done(self) -> str:
        flagged = f"{counted(self.missing, 'missing cell')} flagged" if self.missing else ""
        if not self.scale:
            return f"{flagged}; all other cells are one value"
        scaled = f"center {self.scale.center:g}, spread {self.scale.spread:g}"
        if self.edges:
            low, *_, high = edge_words(self.edges)
            scaled = f"{scaled}; {len(self.edges) - 1} steps from {low} to {high}"
        return f"{scaled}; {flagged}, filled with the center" if flagged else scaled

    def with_steps(
        self,
        values: NDArray[np.float64],
        encoding: Encoding,
        y: NDArray[Any],
        classes: bool,
        significant: float,
    ) -> Number:
        """Return the record with the steps that an encoding learns from the targets ``y``."""
        if self.scale is None:
            return self
        known = np.isfinite(values)
        return replace(self, edges=encoding.edges(values[known], y[known], classes, significant))

    def write(self, values: NDArray[np.float64], out: Values) -> None:
        absent = np.isnan(values)
        if self.scale:
            out[:, 0] = self.scale.filled(values)
            if self.edges:
                known = np.where(absent, self.scale.center, values)
                out[:, 1 : len(self.edges)] = steps(known, self.edges)
        if self.missing:
            out[:, -1] = absent

    def tell_of(self, values: NDArray[np.float64], tell: Tell) -> None:
        """Tell of cells unlike those of training."""
        self._tell_far(values, tell)
        absent = np.isnan(values)
        if absent.any() and not self.missing:
            tell(
                f"column {self.name!r}: {counted(int(absent.sum()), 'missing cell')}, none at "
                "training; filled with the median"
            )

    def _tell_far(self, values: NDArray[np.float64], tell: Tell) -> None:
        """Tell of numbers further outside the range at training than that range is wide."""
        if self.low is None or self.high is None:
            return
        width = self.high / 2 - self.low / 2  # half of it: the whole may overflow
        far = (values / 2 - self.high / 2 > width) | (self.low / 2 - values / 2 > width)
        if far.any():
            row = first_row(far)
            tell(
                f"column {self.name!r}: {counted(int(far.sum()), 'cell')} far outside what was "
                f"trained on, {self.low:g} to {self.high:g}; the first is {values[row - 1]:g} in "
                f"row {row}"
            )


def _range(values: NDArray[np.float64]) -> tuple[float, float] | tuple[None, None]:
    return (float(values.min()), float(values.max())) if values.size else (None, None)


UNKNOWN, ABSENT = -1, -2


@dataclass(frozen=True)
class Coded:
    """The cells of a category: as text, and as numbers of its levels, `UNKNOWN` or `ABSENT`."""

    text: pl.Series
    codes: NDArray[np.intp]


@dataclass(frozen=True)
class Category:
    """Categories, one-hot: one output per level, one for all others, one for missing cells.

    The slots for others and for missing cells exist where training rows fell into them. Without
    such rows the weights behind a slot would stay at their random start, so an unknown or missing
    cell is then written as the shares of the levels at training: the average row.
    """

    kind: ClassVar[str] = "category"
    name: str
    levels: tuple[str, ...]
    counts: tuple[int, ...]
    others: int
    missing: int
    other_levels: int

    @classmethod
    def learn(cls, text: pl.Series, tell: Tell) -> Category:
        """Learn the frequent levels, at most 100, in the order of their names."""
        found = text.value_counts().iter_rows()
        sizes = {word: size for word, size in found if word is not None}
        return cls.of_counts(text.name, sizes, len(text), text.null_count(), tell)

    @classmethod
    def of_counts(
        cls,
        name: str,
        sizes: Mapping[str, int],
        rows: int,
        missing: int,
        tell: Tell,
        distinct: int | None = None,
    ) -> Category:
        """Learn the same from the rows of each level; ``distinct`` levels where some lack here."""
        ranked = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
        least = min(ENOUGH_ROWS, max(FEWEST_ROWS, rows // ROW_SHARE))
        kept = sorted(item for item in ranked[:MOST_LEVELS] if item[1] >= least)
        many = len(ranked) if distinct is None else distinct
        others = rows - missing - sum(size for _, size in kept)
        if many > MOST_LEVELS:
            tell(
                f"column {name!r} has {many:,} categories: the {len(kept)} most "
                f"frequent are kept, the others ({counted(others, 'row')}) share one slot"
            )
        alike = len(sizes) - len({word.lower() for word in sizes})
        if alike:
            tell(
                f"column {name!r} has {alike:,} categories that differ from another only "
                "in capital letters"
            )
        levels = tuple(word for word, _ in kept)
        counts = tuple(size for _, size in kept)
        return cls(name, levels, counts, others, missing, many - len(kept))

    @property
    def outputs(self) -> tuple[str, ...]:
        slots = (("other",) if self.others else ()) + (("missing",) if self.missing else ())
        return (
            *(f"{self.name}={level}" for level in self.levels),
            *(f"{self.name} {slot}" for slot in slots),
        )

    @property
    def done(self) -> str:
        parts = [counted(len(self.levels), "level")]
        if self.others:
            rare = counted(self.other_levels, "rare level")
            parts.append(f"{rare} ({counted(self.others, 'row')}) in one slot")
        if self.missing:
            parts.append(f"{counted(self.missing, 'missing cell')} in one slot")
        return "one-hot: " + ", ".join(parts)

    def write(self, cells: Coded, out: Values) -> None:
        codes = cells.codes
        absent, unknown = codes == ABSENT, codes == UNKNOWN
        out[:] = 0
        rows = np.flatnonzero(codes >= 0)
        out[rows, codes[rows]] = 1
        size = np.array(self.counts, dtype=np.float64)
        average = size / size.sum()
        for without, slot, trained in (
            (unknown, len(self.levels), self.others),
            (absent, out.shape[1] - 1, self.missing),
        ):
            if trained:
                out[without, slot] = 1
            elif without.any():
                out[without, : len(self.levels)] = average

    def tell_of(self, cells: Coded, tell: Tell) -> None:
        """Tell of cells unlike those of training."""
        text, codes = cells.text, cells.codes
        absent, unknown = codes == ABSENT, codes == UNKNOWN
        # of categories that share a slot, about as many as at training are no surprise
        present = max(1, len(codes) - int(absent.sum()))
        usual = self.others / max(1, self.others + sum(self.counts))
        if unknown.sum() > present * min(1.0, NEW_FACTOR * usual):
            row = first_row(unknown)
            tell(
                f"column {self.name!r}: {counted(int(unknown.sum()), 'cell')} of categories not "
                f"{'kept' if self.others else 'seen'} at training, the first {text[row - 1]!r} in "
                f"row {row}"
            )
        if absent.any() and not self.missing:
            tell(
                f"column {self.name!r}: {counted(int(absent.sum()), 'missing cell')}, none at "
                "training; taken as the average row"
            )


# (first value, period) of the parts that go round: December lies beside January.
CYCLES = {"month": (1, 12), "weekday": (1, 7), "hour": (0, 24)}


@dataclass(frozen=True)
class Date:
    """Dates: the year as a number, month, weekday and hour as points on a circle.

    Only the parts that vary at training are written. A missing date lies in the middle year and
    at the center of the circles, and is flagged.
    """

    kind: ClassVar[str] = "date"
    name: str
    year: Scale | None
    cycles: tuple[str, ...]
    missing: int
    strays: int
    written: str = ISO

    @classmethod
    def learn(cls, name: str, dates: Dates, tell: Tell, how: str = ISO) -> Date:
        """Learn which parts vary, and the scale of the year."""
        if how != ISO:
            tell(f"column {name!r} is read as dates of the format {how}")
        present = ~dates.missing
        vary = [part for part in CYCLES if _varies(getattr(dates, part)[present])]
        missing = int(dates.missing.sum())
        strays = int(dates.stray.sum())
        if strays:
            tell(
                f"column {name!r} is read as dates; {counted(strays, 'cell')} with other "
                "text taken as missing"
            )
        return cls(name, Scale.of(dates.year[present]), tuple(vary), missing, strays, how)

    @property
    def outputs(self) -> tuple[str, ...]:
        names = [f"{self.name} year"] if self.year else []
        for part in self.cycles:
            names += [f"{self.name} {part} sine", f"{self.name} {part} cosine"]
        return (*names, f"{self.name} missing") if self.missing else tuple(names)

    @property
    def done(self) -> str:
        parts = (["year"] if self.year else []) + [f"{part} on a circle" for part in self.cycles]
        flagged = [f"{counted(self.missing, 'missing cell')} flagged"] if self.missing else []
        return ", ".join(parts + flagged)

    def write(self, dates: Dates, out: Values) -> None:
        place = 0
        if self.year:
            out[:, 0] = self.year.filled(dates.year)
            place = 1
        for part in self.cycles:
            out[:, place : place + 2] = _circle(dates, part)
            place += 2
        if self.missing:
            out[:, -1] = dates.missing

    def tell_of(self, dates: Dates, tell: Tell) -> None:
        """Tell of cells unlike those of training."""
        absent = dates.missing
        if absent.any() and not self.missing:
            tell(
                f"column {self.name!r}: {counted(int(absent.sum()), 'missing date')}, none at "
                "training; placed in the middle"
            )


def _varies(values: NDArray[np.float64]) -> bool:
    return bool(values.size and values.min() < values.max())


def _circle(dates: Dates, part: str) -> NDArray[np.float64]:
    """Return sine and cosine of each row's place on the circle of ``part``; zero if missing."""
    first, period = CYCLES[part]
    angles = [2 * math.pi * step / period for step in range(period)]
    points = np.array([(math.sin(angle), math.cos(angle)) for angle in angles] + [(0.0, 0.0)])
    place = np.nan_to_num(getattr(dates, part) - first, nan=period).astype(np.intp)
    circle: NDArray[np.float64] = points[place]
    return circle


Column: TypeAlias = Number | Flag | Category | Date
