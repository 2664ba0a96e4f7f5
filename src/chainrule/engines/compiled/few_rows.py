"""The product x W + b for a few rows, with the weight as it lies in the flat vector.

To bring weights into panels takes longer than to use them for a few rows. Every number is summed in
the order of a tile's, so it has the same bits.
"""

from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.passes import float_type
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.values import Code, Value, Variable, function, pointer, whole

__all__ = ["write_direct"]

# Vectors side by side: as many sums as hide the latency of a multiply-add.
SIDE_BY_SIDE = 8


def write_direct(module: Any, target: Target, itemsize: int) -> Any:
    """Write (m, n_out, k, a, a_row, w, bias, c, c_row); a null bias is none."""
    element = float_type(itemsize)
    lanes = target.lanes(itemsize)
    vector = ir.VectorType(element, lanes)
    arguments = [whole, whole, whole, pointer, whole, pointer, pointer, pointer, whole]
    code = function(module, "direct", arguments)
    m, n_out, k, a, a_row, w, bias, c, c_row = code.arguments
    has_bias = bias != code.address(code.value(0))
    with code.loop(0, m) as row:
        inputs, into = a.at(row * a_row, element), c.at(row * c_row, element)
        column = Variable(code, code.value(0))
        for side_by_side in (SIDE_BY_SIDE, 1):
            width = side_by_side * lanes
            # the last vectors, the one that ends in the middle included, go one by one
            stop = n_out - (width - 1) if side_by_side > 1 else n_out
            with code.forever() as out:
                at = column.get()
                code.leave_if(at >= stop, out)
                inside = None if side_by_side > 1 else _inside(code, lanes, n_out - at)
                sums = []
                for j in range(side_by_side):
                    total = Variable(code, code.value(0.0, vector))
                    with code.when(has_bias):
                        total.set(_load(code, bias.at(at + j * lanes, element), vector, inside))
                    sums.append(total)
                with code.loop(0, k) as i:
                    factor = code.spread(inputs.load(element, i), lanes)
                    start = w.at(i * n_out + at, element)
                    for j, total in enumerate(sums):
                        numbers = _load(code, start.at(j * lanes, element), vector, inside)
                        total.set(code.fused(factor, numbers, total.get()))
                for j, total in enumerate(sums):
                    into.store(total.get(), at + j * lanes)
                column.set(at + width)
    code.end()
    return code.function


def _inside(code: Code, lanes: int, remaining: Value) -> Value:
    """Return which lanes stand for columns that exist."""
    integers = ir.VectorType(whole, lanes)
    lane = Value(code, ir.Constant(integers, list(range(lanes))))
    return lane < remaining


def _load(code: Code, place: Value, vector: Any, inside: Value | None) -> Value:
    """Load a vector, of which only the lanes inside are touched."""
    if inside is None:
        return place.load(vector)
    single = isinstance(vector.element, ir.FloatType)
    name = f"llvm.masked.load.v{vector.count}{'f32' if single else 'f64'}.p0"
    known = code.module.globals.get(name)
    if known is None:
        small = ir.IntType(32)
        arguments = [pointer, small, ir.VectorType(ir.IntType(1), vector.count), vector]
        known = ir.Function(code.module, ir.FunctionType(vector, arguments), name)
    align = ir.Constant(ir.IntType(32), 4 if single else 8)
    zeros = ir.Constant(vector, None)
    return Value(code, code.builder.call(known, [place.ir, align, inside.ir, zeros]))
