"""Products of the first layer over nonzero inputs.

A table with a column for each category is mostly zeros. The first phase keeps a row as its nonzeros
and their columns, and adds up their weights; before the second, they are sorted by columns. A term
0 w leaves a sum as it is, so sums have the same bits as those over all inputs, as long as weights
are finite. Panels of this layer are as wide as there are sums in registers. Rows of a CSR matrix
are such lists already (`entries`), and are never made dense.
"""

from dataclasses import dataclass

from llvmlite import ir

from chainrule.engines.compiled.kinds import NUMBERS, Address, Signature, small, truth, whole
from chainrule.engines.compiled.tables import LayerRow, UnitRow
from chainrule.engines.compiled.values import Value, Variable
from chainrule.engines.compiled.writing import Code, Function, Module, function
from chainrule.engines.compiled.zeros import ENTRY_STRIP

__all__ = ["WIDE_PANEL", "Nonzeros", "number"]

# Vectors of a panel: as many sums as hide the latency of a multiply-add.
WIDE_PANEL = 8

_COLLECT = Signature(layer=Address(LayerRow), row=whole)
_PRODUCT = Signature(layer=Address(LayerRow), row=whole, rows=whole)
_PANEL = Signature(**_PRODUCT.parameters, strip=whole, column=whole)
_SORT = Signature(layer=Address(LayerRow), batch=whole, strip=whole)
_SUMS = Signature(layer=Address(LayerRow), unit=Address(UnitRow), gradient=Address(NUMBERS))


@dataclass(frozen=True)
class Nonzeros:
    """The functions of a layer whose inputs are mostly 0.

    Attributes
    ----------
    collect : Function
        List the nonzeros of a row of the inputs.
    product : Function
        z = x W + b.
    sort : Function
        List the nonzeros of each column of a strip, by ascending rows.
    sums : Function
        dW = x' dz, of one unit.
    """

    collect: Function
    product: Function
    sort: Function
    sums: Function

    @classmethod
    def of(cls, module: Module) -> "Nonzeros":
        """Write the functions into a module."""
        return cls(_collect(module), _product(module), _sort(module), _sums(module))


def _collect(module: Module) -> Function:
    """Write the search: one integer holds which of 64 numbers are nonzero."""
    element, lanes, vector = module.element, module.lanes, module.vector
    code = function(module, "collect", _COLLECT)
    layer, row = code.arguments("layer", "row")
    ld = layer[LayerRow.ld_in]
    inputs = layer[LayerRow.a_in_at].at(row * ld, element)
    columns, values = layer[LayerRow.columns_at], layer[LayerRow.values_at]
    strips = layer[LayerRow.strips]
    starts = layer[LayerRow.starts_at].at(row * (strips + 1), whole)
    n = layer[LayerRow.vectors_in] * lanes
    end = Variable(code, row * layer[LayerRow.row_length], "end")
    zeros = code.value(0.0, vector)
    with code.loop(0, n, 64, name="first") as first:
        with code.when((first & (ENTRY_STRIP - 1)) == 0):
            starts.store(end.get(), first // ENTRY_STRIP)
        bits = Variable(code, code.value(0), "bits")
        with code.loop(0, code.least(n - first, 64), lanes, name="lane") as i:
            other = code.builder.fcmp_unordered("!=", inputs.load(vector, first + i).ir, zeros.ir)
            mask = code.builder.bitcast(other, ir.IntType(lanes))
            wide = Value(code, code.builder.zext(mask, whole))
            bits.set(bits.get() | (wide << i))
        with code.forever() as out:
            left = bits.get()
            code.leave_if(left == 0, out)
            at = first + _lowest(code, left)
            into = end.get()
            columns.store(code.cast(at, small), into)
            values.store(inputs.load(element, at), into)
            end.set(into + 1)
            bits.set(left & (left - 1))
    starts.store(end.get(), strips)
    code.end()
    return code.function


def _lowest(code: Code, bits: Value) -> Value:
    """Return the position of the lowest bit that is set."""
    known = code.declared("llvm.cttz.i64", [whole, truth], whole)
    return Value(code, code.builder.call(known, [bits.ir, ir.Constant(truth, 1)]))


def number(code: Code, numbers: Value, entry: Value) -> Value:
    """Return a column or row of a list."""
    return code.cast(numbers.load(small, entry), whole)


def _product(module: Module) -> Function:
    """Write the loop over strips of inputs, and panels of columns."""
    panels = {v: _panel(module, v) for v in range(1, WIDE_PANEL + 1)}
    code = function(module, "nonzero_product", _PRODUCT)
    layer, row, rows = code.arguments("layer", "row", "rows")
    vectors = layer[LayerRow.vectors_out]
    strips = layer[LayerRow.strips]
    with (
        code.loop(0, strips, name="strip") as strip,
        code.loop(0, vectors, WIDE_PANEL, name="panel") as first,
    ):
        width = code.least(vectors - first, WIDE_PANEL)
        for v in code.cases(width, panels):
            column = first * module.lanes
            code.call(panels[v], layer=layer, row=row, rows=rows, strip=strip, column=column)
    code.end()
    return code.function


def _panel(module: Module, vectors: int) -> Function:
    """Write the product of one strip and one panel of so many vectors."""
    element, lanes, vector = module.element, module.lanes, module.vector
    code = function(module, f"nonzero_panel_{vectors}", _PANEL)
    layer, row, rows, strip, column = code.arguments("layer", "row", "rows", "strip", "column")
    columns, values = layer[LayerRow.columns_at], layer[LayerRow.values_at]
    ld, stride = layer[LayerRow.ld], layer[LayerRow.strips] + 1
    starts = layer[LayerRow.starts_at].at(strip, whole)
    panel_rows = layer[LayerRow.panel_rows]
    weights = layer[LayerRow.weight_at].at(column * panel_rows, element).named("panel")
    z = layer[LayerRow.z_at].at(column, element)
    bias = layer[LayerRow.bias_at].at(column, element)
    with code.loop(row, row + rows, name="row") as i:
        into, own = z.at(i * ld, element).named("z_of_row"), starts.at(i * stride, whole)
        before = code.where(strip == 0, bias, into)
        sums = [Variable(code, before.load(vector, j * lanes), f"sum_{j}") for j in range(vectors)]
        with code.loop(own.load(whole), own.load(whole, 1), name="entry") as entry:
            at = weights.at(number(code, columns, entry) * (vectors * lanes), element)
            _add(code, sums, values.load(element, entry), at)
        for j, total in enumerate(sums):
            into.store(total.get(), j * lanes)
    code.end()
    return code.function


def _sort(module: Module) -> Function:
    """Write the lists of a strip's columns.

    Columns are counted first, so that lists follow each other as rows do.
    """
    element = module.element
    code = function(module, "sort", _SORT)
    layer, batch, strip = code.arguments("layer", "batch", "strip")
    columns, values = layer[LayerRow.columns_at], layer[LayerRow.values_at]
    starts = layer[LayerRow.starts_at]
    stride = layer[LayerRow.strips] + 1
    begins, ends = layer[LayerRow.begins_at], layer[LayerRow.ends_at]
    rows, numbers = layer[LayerRow.sorted_rows_at], layer[LayerRow.sorted_values_at]
    width = layer[LayerRow.strip_inputs]
    first = strip * width
    last = code.least(first + width, layer[LayerRow.n_in])
    zero = code.value(0)
    with code.loop(first, last, name="column") as column:
        ends.store(zero, column)
    end = Variable(code, zero, "end")
    with code.loop(0, batch, name="row") as row:
        own = starts.at(row * stride, whole)
        begin = own.load(whole, strip)
        end.set(end.get() + (begin - own.load(whole)))  # of the strips before
        with code.loop(begin, own.load(whole, strip + 1), name="entry") as entry:
            column = number(code, columns, entry)
            ends.store(ends.load(whole, column) + 1, column)
    with code.loop(first, last, name="column") as column:
        begin, count = end.get(), ends.load(whole, column)
        begins.store(begin, column)
        ends.store(begin, column)
        end.set(begin + count)
    with code.loop(0, batch, name="row") as row:
        own = starts.at(row * stride + strip, whole)
        with code.loop(own.load(whole), own.load(whole, 1), name="entry") as entry:
            column = number(code, columns, entry)
            at = ends.load(whole, column)
            rows.store(code.cast(row, small), at)
            numbers.store(values.load(element, entry), at)
            ends.store(at + 1, column)
    code.end()
    return code.function


def _sums(module: Module) -> Function:
    panels = {v: _column_sums(module, v) for v in range(1, WIDE_PANEL + 1)}
    code = function(module, "nonzero_sums", _SUMS)
    layer, unit, gradient = code.arguments("layer", "unit", "gradient")
    for v in code.cases(unit[UnitRow.vectors], panels):
        code.call(panels[v], layer=layer, unit=unit, gradient=gradient)
    code.end()
    return code.function


def _column_sums(module: Module, vectors: int) -> Function:
    """Write the gradient of a strip of a panel of so many vectors."""
    element, lanes, vector = module.element, module.lanes, module.vector
    code = function(module, f"nonzero_sums_{vectors}", _SUMS)
    layer, unit, gradient = code.arguments("layer", "unit", "gradient")
    begins, ends = layer[LayerRow.begins_at], layer[LayerRow.ends_at]
    rows, values = layer[LayerRow.sorted_rows_at], layer[LayerRow.sorted_values_at]
    dz, ld = unit[UnitRow.dz_at], unit[UnitRow.ld]
    first = unit[UnitRow.first]
    with code.loop(0, unit[UnitRow.rows], name="input") as i:
        column = first + i
        sums = [Variable(code, code.value(0.0, vector), f"sum_{j}") for j in range(vectors)]
        begin, end = begins.load(whole, column), ends.load(whole, column)
        with code.loop(begin, end, name="entry") as entry:
            at = dz.at(number(code, rows, entry) * ld, element).named("dz_of_row")
            _add(code, sums, values.load(element, entry), at)
        into = gradient.at(i * (vectors * lanes), element)
        for j, total in enumerate(sums):
            into.store(total.get(), j * lanes)
    code.end()
    return code.function


def _add(code: Code, sums: list[Variable], factor: Value, at: Value) -> None:
    """Add a multiple of a row of numbers."""
    vector = code.module.vector
    spread = code.spread(factor, vector.count)
    for j, total in enumerate(sums):
        total.set(code.fused(spread, at.load(vector, j * vector.count), total.get()))
