"""A clock for the parts of a step, read after each of them.

The kernels that train have none of it. A module made for a measurement holds a table; after each
part, what the time stamp counter has gone on since the part before is added to the part's row.
"""

import ctypes
from enum import IntEnum
from typing import Any

import numpy as np
from llvmlite import ir

from chainrule.engines.compiled.kinds import Address, whole
from chainrule.engines.compiled.values import Value
from chainrule.engines.compiled.writing import Code

__all__ = ["TABLE", "Part", "TimedPart", "mark", "parts_at", "write_clock"]

TABLE = "parts"


class Part(IntEnum):
    """The parts of a training step, and the time around steps."""

    gather = 0
    forward = 1
    activation = 2
    dropout = 3
    targets = 4
    loss = 5
    input_gradient = 6
    pullback = 7
    copies = 8
    weight_gradient = 9
    bias_gradient = 10
    update = 11
    transpose = 12
    rest = 13
    packing = 14
    outside = 15


class TimedPart(IntEnum):
    """A row of the table: ticks of a part, and readings of the clock."""

    ticks = 0
    readings = 1


def write_clock(module: Any) -> None:
    """Give a module the table."""
    # behind the rows of the parts, the last reading of the clock
    kind = ir.ArrayType(whole, len(Part) * len(TimedPart) + 1)
    table = ir.GlobalVariable(module, kind, TABLE)
    table.initializer = ir.Constant(kind, None)


def mark(code: Code, part: Part) -> None:
    """Count the time since the last mark for a part, where the module has a clock."""
    table = code.module.globals.get(TABLE)
    if table is None:
        return
    zero = ir.Constant(whole, 0)
    counters = Value(code, table.gep([zero, zero]), Address(whole))
    now = Value(code, code.builder.call(code.declared("llvm.readcyclecounter", [], whole), []))
    last = len(Part) * len(TimedPart)
    row = counters.at(int(part) * len(TimedPart), whole)
    spent = row.load(whole, int(TimedPart.ticks)) + (now - counters.load(whole, last))
    row.store(spent, int(TimedPart.ticks))
    row.store(row.load(whole, int(TimedPart.readings)) + 1, int(TimedPart.readings))
    counters.store(now, last)


def parts_at(address: int) -> np.ndarray:
    """Return a view of the table, a row for each part; kernels go on writing to it."""
    place = ctypes.cast(address, ctypes.POINTER(ctypes.c_int64))
    return np.ctypeslib.as_array(place, (len(Part), len(TimedPart)))
