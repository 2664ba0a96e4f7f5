"""The charts of a report as records, with their numbers as tables and as plain text.

Their drawings are made in `charts` and `plane`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from chainrule.foundation.short_numbers import short
from chainrule.foundation.showing import Shown
from chainrule.insight.report.items import Table
from chainrule.insight.text_table import paragraph

__all__ = ["Bars", "Chart", "Curve", "Lines", "Plane", "chart_text", "thinned"]

TABLE_ROWS = 40
# The plain text of a chart shows at most so many rows of its table.
TEXT_ROWS = 16


def thinned(count: int, most: int) -> list[int]:
    """Return so many numbers below a count, evenly spaced, first and last included."""
    if count <= most:
        return list(range(count))
    return sorted({round(k * (count - 1) / (most - 1)) for k in range(most)})


@dataclass(frozen=True, repr=False)
class Curve(Shown):
    """A line of a chart: points, with the range of each where there is one."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    dashed: bool = False
    dots: bool = False

    def __str__(self) -> str:
        return f"curve {self.name!r}: {len(self.x):,} points"


@dataclass(frozen=True, repr=False)
class Lines(Shown):
    """Curves over a common axis.

    Attributes
    ----------
    title, description : str
        The subject, and a description for readers who do not see the chart.
    x_name, y_name : str
        The axes.
    curves : tuple of Curve
        At most four.
    log_x, log_y : bool
        True for a logarithmic axis.
    diagonal : bool
        True to draw the line y = x.
    mark : (float, float, str) or None
        A point with its words.
    """

    title: str
    description: str
    x_name: str
    y_name: str
    curves: tuple[Curve, ...]
    log_x: bool = False
    log_y: bool = False
    diagonal: bool = False
    mark: tuple[float, float, str] | None = None

    def table(self) -> Table:
        """Return the numbers that are drawn."""
        longest = max(self.curves, key=lambda curve: len(curve.x))
        ranged = bool(longest.low)
        head = [self.x_name]
        for curve in self.curves:
            head += [curve.name, "from", "to"] if ranged else [curve.name]
        rows: list[tuple[str, ...]] = []
        for k in thinned(len(longest.x), TABLE_ROWS):
            cells = [short(float(longest.x[k]), 4)]
            for curve in self.curves:
                cells.append(short(float(curve.y[k]), 4) if k < len(curve.y) else "-")
                if ranged:
                    cells += [short(float(curve.low[k]), 4), short(float(curve.high[k]), 4)]
            rows.append(tuple(cells))
        caption = self.title
        if len(rows) < len(longest.x):
            caption += f" ({len(rows)} of {len(longest.x):,} points)"
        return Table(caption, head, rows)

    def __str__(self) -> str:
        return chart_text(self)


@dataclass(frozen=True, repr=False)
class Bars(Shown):
    """One bar per name, to the right of 0, or to the left where negative."""

    title: str
    description: str
    name: str
    value_name: str
    labels: Sequence[str]
    values: Sequence[float]
    words: Sequence[str]

    def table(self) -> Table:
        """Return the numbers that are drawn."""
        pairs = list(zip(self.labels, self.words, strict=True))
        return Table(self.title, (self.name, self.value_name), pairs)

    def __str__(self) -> str:
        return chart_text(self)


@dataclass(frozen=True, repr=False)
class Plane(Shown):
    """The prediction over two inputs as a map of few levels, with rows drawn on it.

    Attributes
    ----------
    x, y : sequence of float
        The grid.
    levels : sequence of sequence of int
        Per row of the grid (from below) and column, the number of the level.
    names : sequence of str
        The name of each level.
    points : sequence of (float, float, int)
        Rows: place and group.
    groups : sequence of str
        The name of each group of rows.
    graded : bool
        True if the levels are ordered from low to high, False for classes.
    """

    title: str
    description: str
    x_name: str
    y_name: str
    x: Sequence[float]
    y: Sequence[float]
    levels: Sequence[Sequence[int]]
    names: Sequence[str]
    points: Sequence[tuple[float, float, int]]
    groups: Sequence[str]
    graded: bool

    def table(self) -> Table:
        """Return the share of the map at each level."""
        flat = [level for row in self.levels for level in row]
        shares = [
            (name, f"{100.0 * flat.count(level) / len(flat):.0f} %")
            for level, name in enumerate(self.names)
        ]
        return Table(self.title, ("level", "share of the map"), shares)

    def __str__(self) -> str:
        return chart_text(self)


Chart: TypeAlias = Lines | Bars | Plane


def chart_text(chart: Chart, described: bool = False) -> str:
    """Return the description, unless it was said before, and the numbers."""
    numbers = chart.table()
    if len(numbers.rows) > TEXT_ROWS:
        numbers = replace(numbers, rows=numbers.rows[:: -(-len(numbers.rows) // TEXT_ROWS)])
    drawn = [] if described else [paragraph(chart.description), ""]
    return "\n".join([*drawn, str(numbers)])
