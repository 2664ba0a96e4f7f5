"""Kinds of bounds, and the call of a kernel that they are compared with.

A rule is a number, or a function of the `Row` that is looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chainrule.engines.compiled.kinds import Field
from chainrule.engines.compiled.memory import round_up
from chainrule.engines.compiled.structs import Table
from chainrule.engines.compiled.tables import Job, LayerRow
from chainrule.engines.compiled.target import Target

__all__ = [
    "MOST_ROWS",
    "MOST_THREADS",
    "TRAINING",
    "Call",
    "Given",
    "Number",
    "Room",
    "Row",
    "Rule",
    "value_of",
]

# Sizes that no call comes near: what lies beyond is an address, or was never set.
MOST, MOST_ROWS, MOST_THREADS = 2**31, 2**48, 2**12
TRAINING = ("train", "gradient")


@dataclass(frozen=True)
class Call:
    """A call of a kernel: its kind, the tables, and the sizes that they do not hold."""

    kind: str
    job: Table
    layers: Table
    units: Table
    target: Target
    parameters: int

    @property
    def training(self) -> bool:
        """True of a call with a backward pass, whose buffers hold a batch."""
        return self.kind in TRAINING

    @property
    def lanes(self) -> int:
        """Numbers of a vector."""
        return self.target.lanes(self.job.numbers.itemsize)

    @property
    def n_in(self) -> int:
        """Inputs of the network."""
        return int(self.layers[LayerRow.n_in][0, 0])

    @property
    def data_rows(self) -> int:
        """Rows of the data up to the last one that is read."""
        order = self.job.array_of(Job.order_at)
        rows = self.job[Job.rows]
        return rows if order is None else int(order[:rows].max(initial=-1)) + 1

    @property
    def panels(self) -> int:
        """Numbers of a buffer of panels."""
        widths = (round_up(int(n), self.lanes) for n in self.layers[LayerRow.n_out][0])
        heights = (int(n) for n in self.layers[LayerRow.panel_rows][0])
        return sum(width * (height + 1) for width, height in zip(widths, heights, strict=True))


@dataclass(frozen=True)
class Row:
    """A row of one of the tables, in its call."""

    call: Call
    table: Table

    def __getitem__(self, field: Field) -> int:
        """Return a number of the row, or of the job."""
        return int((self.call.job if field.record is Job else self.table)[field])

    def vectors(self, numbers: int) -> int:
        """Return a number of numbers rounded up to whole vectors."""
        return round_up(numbers, self.call.lanes)


Rule = int | Callable[[Row], int]


def value_of(rule: Rule, row: Row) -> int:
    """Return the number that a rule gives for a row."""
    return rule if isinstance(rule, int) else int(rule(row))


@dataclass(frozen=True)
class Number:
    """A whole number from ``least`` to ``most``."""

    least: Rule
    most: Rule = MOST


@dataclass(frozen=True)
class Room:
    """The address of at least so many elements; of none, where it is not needed."""

    elements: Rule
    needed: Callable[[Row], Any] = lambda row: True


@dataclass(frozen=True)
class Given:
    """A function; none, where it is not needed."""

    needed: Callable[[Row], Any] = lambda row: True
