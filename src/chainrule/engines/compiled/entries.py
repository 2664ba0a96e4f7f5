"""Rows of a CSR matrix as lists of nonzeros: as they are, and never made dense."""

from typing import Any

import numpy as np

from chainrule.engines.compiled.gathers import SPARSE_KINDS, converted, stored_type
from chainrule.engines.compiled.kinds import small, whole
from chainrule.engines.compiled.tables import LIST, LayerRow, SparseSource
from chainrule.engines.compiled.values import Variable
from chainrule.engines.compiled.writing import Code, Module, function

__all__ = ["write_entries"]


def write_entries(module: Module) -> None:
    """Write a `LIST` function for each kind of CSR matrix.

    Columns have to ascend within a row: the order in which a number is summed.
    """
    for index, data in SPARSE_KINDS:
        code = function(module, f"list_{index}_{data}", LIST, inner=False)
        _entries(code, np.dtype(index), np.dtype(data))


def _entries(code: Code, index: np.dtype[Any], data: np.dtype[Any]) -> None:
    source, row, layer, into = code.arguments("source", "row", "layer", "into")
    source = source.seen_as(SparseSource)
    integer, stored, element = stored_type(index), stored_type(data), code.element
    row_starts = source[SparseSource.row_starts_at].seen_as(integer)
    given_columns = source[SparseSource.columns_at].seen_as(integer)
    given_values = source[SparseSource.values_at].seen_as(stored)
    columns, values = layer[LayerRow.columns_at], layer[LayerRow.values_at]
    strips, width = layer[LayerRow.strips], layer[LayerRow.strip_inputs]
    starts = layer[LayerRow.starts_at].at(into * (strips + 1), whole)
    begin, end = (code.cast(row_starts.load(integer, row + i), whole) for i in (0, 1))
    to = Variable(code, into * layer[LayerRow.row_length], "to")
    strip = Variable(code, code.value(0), "strip")
    next_strip = Variable(code, code.value(0), "next_strip")

    def begin_strip() -> None:
        number = strip.get()
        starts.store(to.get(), number)
        strip.set(number + 1)
        next_strip.set(next_strip.get() + width)

    with code.loop(begin, end, name="entry") as entry:
        column = code.cast(given_columns.load(integer, entry), whole)
        with code.forever() as out:
            code.leave_if(next_strip.get() > column, out)
            begin_strip()
        at = to.get()
        columns.store(code.cast(column, small), at)
        value = converted(code, given_values.load(stored, entry), data, element)
        values.store(value, at)
        to.set(at + 1)
    with code.forever() as out:
        code.leave_if(strip.get() > strips, out)
        begin_strip()
    code.end()
