"""Products of the first layer over the inputs that are not 0.

A table with a column for each category is mostly zeros. The first phase keeps a row as its numbers
that are not 0 and their columns, and adds up their weights; before the second, they are sorted by
columns. A term 0 w leaves a sum as it is, so sums have the same bits as those over all inputs, as
long as weights are finite. Panels of this layer are as wide as there are sums in registers.
Rows of a CSR matrix are such lists already (`entries`), and are never made dense.
"""

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.tables import LayerRow, UnitRow, field, place
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.values import (
    Code,
    Value,
    Variable,
    float_type,
    function,
    pointer,
    whole,
)
from chainrule.engines.compiled.zeros import ENTRY_STRIP

__all__ = ["WIDE_PANEL", "Nonzeros", "lists", "number", "number_type"]

# Vectors of a panel: as many sums as hide the latency of a multiply-add.
WIDE_PANEL = 8

number_type = ir.IntType(32)


@dataclass(frozen=True)
class Nonzeros:
    """The functions of inputs that are mostly 0.

    Attributes
    ----------
    collect : function
        (layer, row): what is not 0 of a row of the inputs.
    product : function
        (layer, row, rows): z = x W + b.
    sort : function
        (layer, batch rows, strip): the same of each column of a strip, by ascending rows.
    sums : function
        (layer, unit, gradient): dW = x' dz.
    """

    collect: Any
    product: Any
    sort: Any
    sums: Any

    @classmethod
    def of(cls, module: Any, target: Target, itemsize: int) -> "Nonzeros":
        """Write the functions into a module."""
        return cls(
            _collect(module, target, itemsize),
            _product(module, target, itemsize),
            _sort(module, itemsize),
            _sums(module, target, itemsize),
        )


def _collect(module: Any, target: Target, itemsize: int) -> Any:
    """Write the search: which of 64 numbers are not 0 is one integer."""
    element, lanes = float_type(itemsize), target.lanes(itemsize)
    vector = ir.VectorType(element, lanes)
    code = function(module, "collect", [pointer, whole])
    layer, row = code.arguments
    ld = field(code, layer, LayerRow.ld_in)
    inputs = place(code, layer, LayerRow.a_in_at).at(row * ld, element)
    columns, values = lists(code, layer)
    strips = field(code, layer, LayerRow.strips)
    starts = place(code, layer, LayerRow.starts_at).at(row * (strips + 1), whole)
    n = field(code, layer, LayerRow.vectors_in) * lanes
    end = Variable(code, row * field(code, layer, LayerRow.row_length))
    zeros = code.value(0.0, vector)
    with code.loop(0, n, 64) as first:
        with code.when((first & (ENTRY_STRIP - 1)) == 0):
            starts.store(end.get(), first // ENTRY_STRIP)
        bits = Variable(code, code.value(0))
        with code.loop(0, code.least(n - first, 64), lanes) as i:
            other = code.builder.fcmp_unordered("!=", inputs.load(vector, first + i).ir, zeros.ir)
            mask = code.builder.bitcast(other, ir.IntType(lanes))
            wide = Value(code, code.builder.zext(mask, whole))
            bits.set(bits.get() | (wide << i))
        with code.forever() as out:
            left = bits.get()
            code.leave_if(left == 0, out)
            at = first + _lowest(code, left)
            into = end.get()
            columns.store(code.cast(at, number_type), into)
            values.store(inputs.load(element, at), into)
            end.set(into + 1)
            bits.set(left & (left - 1))
    starts.store(end.get(), strips)
    code.end()
    return code.function


def _lowest(code: Code, bits: Value) -> Value:
    """Return the place of the lowest bit that is set."""
    truth = ir.IntType(1)
    known = code.declared("llvm.cttz.i64", [whole, truth], whole)
    return Value(code, code.builder.call(known, [bits.ir, ir.Constant(truth, 1)]))


def lists(code: Code, layer: Value) -> tuple[Value, Value]:
    """Return where columns and values of what is not 0 are, row by row."""
    return place(code, layer, LayerRow.columns_at), place(code, layer, LayerRow.values_at)


def number(code: Code, numbers: Value, entry: Value) -> Value:
    """Return a column or row of a list."""
    return code.cast(numbers.load(number_type, entry), whole)


def _product(module: Any, target: Target, itemsize: int) -> Any:
    """Write the loop over strips of inputs, and panels of columns."""
    lanes = target.lanes(itemsize)
    panels = {v: _panel(module, target, itemsize, v) for v in range(1, WIDE_PANEL + 1)}
    code = function(module, "nonzero_product", [pointer, whole, whole])
    layer, row, rows = code.arguments
    vectors = field(code, layer, LayerRow.vectors_out)
    strips = field(code, layer, LayerRow.strips)
    with code.loop(0, strips) as strip, code.loop(0, vectors, WIDE_PANEL) as first:
        width = code.least(vectors - first, WIDE_PANEL)
        for v in code.cases(width, panels):
            code.call(panels[v], layer, row, rows, strip, first * lanes)
    code.end()
    return code.function


def _panel(module: Any, target: Target, itemsize: int, vectors: int) -> Any:
    """Write (layer, row, rows, strip, first column) for a panel of so many vectors."""
    element, lanes = float_type(itemsize), target.lanes(itemsize)
    vector = ir.VectorType(element, lanes)
    arguments = [pointer, whole, whole, whole, whole]
    code = function(module, f"nonzero_panel_{vectors}", arguments)
    layer, row, rows, strip, column = code.arguments
    columns, values = lists(code, layer)
    ld, stride = field(code, layer, LayerRow.ld), field(code, layer, LayerRow.strips) + 1
    starts = place(code, layer, LayerRow.starts_at).at(strip, whole)
    panel_rows = field(code, layer, LayerRow.panel_rows)
    weights = place(code, layer, LayerRow.weight_at).at(column * panel_rows, element)
    z = place(code, layer, LayerRow.z_at).at(column, element)
    bias = place(code, layer, LayerRow.bias_at).at(column, element)
    with code.loop(row, row + rows) as i:
        into, own = z.at(i * ld, element), starts.at(i * stride, whole)
        before = code.where(strip == 0, bias, into)
        sums = [Variable(code, before.load(vector, j * lanes)) for j in range(vectors)]
        with code.loop(own.load(whole), own.load(whole, 1)) as entry:
            at = weights.at(number(code, columns, entry) * (vectors * lanes), element)
            _add(code, sums, values.load(element, entry), at, vector)
        for j, total in enumerate(sums):
            into.store(total.get(), j * lanes)
    code.end()
    return code.function


def _sort(module: Any, itemsize: int) -> Any:
    """Write (layer, batch rows, strip): what is not 0 of each column, by ascending rows.

    Columns are counted first, so that lists follow each other as rows do.
    """
    element = float_type(itemsize)
    code = function(module, "sort", [pointer, whole, whole])
    layer, batch, strip = code.arguments
    columns, values = lists(code, layer)
    starts = place(code, layer, LayerRow.starts_at)
    stride = field(code, layer, LayerRow.strips) + 1
    begins, ends = (place(code, layer, at) for at in (LayerRow.begins_at, LayerRow.ends_at))
    rows = place(code, layer, LayerRow.sorted_rows_at)
    numbers = place(code, layer, LayerRow.sorted_values_at)
    width = field(code, layer, LayerRow.strip_inputs)
    first = strip * width
    last = code.least(first + width, field(code, layer, LayerRow.n_in))
    zero = code.value(0)
    with code.loop(first, last) as column:
        ends.store(zero, column)
    end = Variable(code, zero)
    with code.loop(0, batch) as row:
        own = starts.at(row * stride, whole)
        begin = own.load(whole, strip)
        end.set(end.get() + (begin - own.load(whole)))  # of the strips before
        with code.loop(begin, own.load(whole, strip + 1)) as entry:
            column = number(code, columns, entry)
            ends.store(ends.load(whole, column) + 1, column)
    with code.loop(first, last) as column:
        begin, count = end.get(), ends.load(whole, column)
        begins.store(begin, column)
        ends.store(begin, column)
        end.set(begin + count)
    with code.loop(0, batch) as row:
        own = starts.at(row * stride + strip, whole)
        with code.loop(own.load(whole), own.load(whole, 1)) as entry:
            column = number(code, columns, entry)
            at = ends.load(whole, column)
            rows.store(code.cast(row, number_type), at)
            numbers.store(values.load(element, entry), at)
            ends.store(at + 1, column)
    code.end()
    return code.function


def _sums(module: Any, target: Target, itemsize: int) -> Any:
    panels = {v: _column_sums(module, target, itemsize, v) for v in range(1, WIDE_PANEL + 1)}
    code = function(module, "nonzero_sums", [pointer, pointer, pointer])
    layer, unit, gradient = code.arguments
    for v in code.cases(field(code, unit, UnitRow.vectors), panels):
        code.call(panels[v], layer, unit, gradient)
    code.end()
    return code.function


def _column_sums(module: Any, target: Target, itemsize: int, vectors: int) -> Any:
    """Write (layer, unit, gradient) for a panel of so many vectors."""
    element, lanes = float_type(itemsize), target.lanes(itemsize)
    vector = ir.VectorType(element, lanes)
    code = function(module, f"nonzero_sums_{vectors}", [pointer, pointer, pointer])
    layer, unit, gradient = code.arguments
    begins, ends = (place(code, layer, at) for at in (LayerRow.begins_at, LayerRow.ends_at))
    rows = place(code, layer, LayerRow.sorted_rows_at)
    values = place(code, layer, LayerRow.sorted_values_at)
    dz, ld = place(code, unit, UnitRow.dz_at), field(code, unit, UnitRow.ld)
    first = field(code, unit, UnitRow.first)
    with code.loop(0, field(code, unit, UnitRow.rows)) as i:
        column = first + i
        sums = [Variable(code, code.value(0.0, vector)) for _ in range(vectors)]
        with code.loop(begins.load(whole, column), ends.load(whole, column)) as entry:
            at = dz.at(number(code, rows, entry) * ld, element)
            _add(code, sums, values.load(element, entry), at, vector)
        into = gradient.at(i * (vectors * lanes), element)
        for j, total in enumerate(sums):
            into.store(total.get(), j * lanes)
    code.end()
    return code.function


def _add(code: Code, sums: list[Variable], factor: Value, at: Value, vector: Any) -> None:
    """Add a multiple of a row of numbers."""
    spread = code.spread(factor, vector.count)
    for j, total in enumerate(sums):
        total.set(code.fused(spread, at.load(vector, j * vector.count), total.get()))
