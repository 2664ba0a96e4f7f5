"""Rows of a CSR matrix as lists of what is not 0: as they are, and never made dense."""

from typing import Any

import numpy as np

from chainrule.engines.compiled.gathers import SPARSE_KINDS, converted, stored_type
from chainrule.engines.compiled.nonzeros import lists, number_type
from chainrule.engines.compiled.tables import LayerRow, Source, field, place
from chainrule.engines.compiled.values import (
    Code,
    Variable,
    float_type,
    function,
    pointer,
    whole,
)

__all__ = ["write_entries"]


def write_entries(module: Any, itemsize: int) -> None:
    """Write functions (source, row, layer, row of the batch): one per kind of CSR matrix.

    Columns have to ascend within a row: the order in which a number is summed.
    """
    for index, data in SPARSE_KINDS:
        arguments = [pointer, whole, pointer, whole]
        code = function(module, f"list_{index}_{data}", arguments, inner=False)
        _entries(code, np.dtype(index), np.dtype(data), float_type(itemsize))


def _entries(code: Code, index: np.dtype[Any], data: np.dtype[Any], element: Any) -> None:
    source, row, layer, into = code.arguments
    integer, stored = stored_type(index), stored_type(data)
    row_starts = place(code, source, Source.base)
    given_columns = place(code, source, Source.row_stride)
    given_values = place(code, source, Source.column_stride)
    columns, values = lists(code, layer)
    strips, width = field(code, layer, LayerRow.strips), field(code, layer, LayerRow.strip_inputs)
    starts = place(code, layer, LayerRow.starts_at).at(into * (strips + 1), whole)
    begin, end = (code.cast(row_starts.load(integer, row + i), whole) for i in (0, 1))
    to = Variable(code, into * field(code, layer, LayerRow.row_length))
    strip, next_strip = Variable(code, code.value(0)), Variable(code, code.value(0))

    def begin_strip() -> None:
        number = strip.get()
        starts.store(to.get(), number)
        strip.set(number + 1)
        next_strip.set(next_strip.get() + width)

    with code.loop(begin, end) as entry:
        column = code.cast(given_columns.load(integer, entry), whole)
        with code.forever() as out:
            code.leave_if(next_strip.get() > column, out)
            begin_strip()
        at = to.get()
        columns.store(code.cast(column, number_type), at)
        value = converted(code, given_values.load(stored, entry), data, element)
        values.store(value, at)
        to.set(at + 1)
    with code.forever() as out:
        code.leave_if(strip.get() > strips, out)
        begin_strip()
    code.end()
