"""Checks before each call of a kernel, for whoever changes the compiler: CHAINRULE_CHECK=1.

Machine code looks at no bounds. With the variable set, every field of every table is compared with
its bounds (`bounds`) before a call, and buffers hold NaN until something is written to them, so
that a number that was read too early shows.
"""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.engines.compiled.bounds import BOUNDS
from chainrule.engines.compiled.kinds import Field
from chainrule.engines.compiled.memory import address_of
from chainrule.engines.compiled.rules import Call, Number, Room, Row, value_of
from chainrule.engines.compiled.structs import Place, Table
from chainrule.engines.compiled.tables import Job

__all__ = ["CheckError", "check", "wanted"]

VARIABLE = "CHAINRULE_CHECK"


class CheckError(RuntimeError):
    """A field of a table that machine code would take beyond its bounds.

    Remedy: report it. It is a fault of the engine, found by ``CHAINRULE_CHECK=1``;
    ``engine="reference"`` computes without it meanwhile.
    """


def wanted() -> bool:
    """Return whether the environment asks for checks."""
    return os.environ.get(VARIABLE, "0") not in ("", "0")


def check(call: Call) -> None:
    """Compare every field of a call with its bounds.

    Raises
    ------
    CheckError
        If one is beyond them; the message names field, row, bounds and value.
    """
    for name, table in _rows(call):
        row = Row(call, table)
        for field in table.record.every:
            _check_field(name, field, row)


def _rows(call: Call) -> Iterator[tuple[str, Table]]:
    yield "the job", call.job
    copies, layers = call.layers.values.shape[:2]
    for copy in range(copies):
        for number in range(layers):
            yield f"layer {number} of thread {copy}", call.layers.row(copy, number)
    for number in range(len(call.units)):
        yield f"unit {number}", call.units.row(number)
    yield "the inputs", call.job.array_of(Job.source_at)


def _check_field(name: str, field: Field, row: Row) -> None:
    bound, value = BOUNDS[field], int(row.table[field])
    if isinstance(bound, Number):
        least, most = value_of(bound.least, row), value_of(bound.most, row)
        if not least <= value <= most:
            raise _beyond(name, field, f"from {least} to {most}", value)
        return
    known = row.table.array_of(field)
    if value == 0 and known is None:
        if bound.needed(row):
            raise _beyond(name, field, "there", "null")
        return
    expected, available = _known(known)
    if value != expected:
        raise _beyond(name, field, f"the address {expected} that it was set to", value)
    if isinstance(bound, Room):
        elements = value_of(bound.elements, row)
        if not 0 <= elements <= available:
            raise _beyond(name, field, f"an address with room for {elements} elements", available)


def _known(known: Any) -> tuple[int, int]:
    """Return the address of what a field was set to, and how many elements follow it."""
    if known is None:
        return 0, 0
    if isinstance(known, Place):
        offset = int(known.offset)
        inside = 0 <= offset <= known.array.size
        return int(known.address), known.array.size - offset if inside else -1
    if isinstance(known, Table):
        return known.address, known.values.size // len(known.record.fields)
    if isinstance(known, np.ndarray):
        return address_of(known), known.size
    return known.address, 0


def _beyond(name: str, field: Field, rule: str, value: Any) -> CheckError:
    return CheckError(
        f"{field} of {name} must be {rule}; got {value}. A kernel would have used it unseen: look "
        "for what writes this field."
    )
