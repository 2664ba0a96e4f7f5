"""The product x W + b for a few rows, with the weight as it lies in the flat vector.

To bring weights into panels takes longer than to use them for a few rows. Every number is summed in
the order of a tile's, so it has the same bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

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

__all__ = ["write_direct"]

# Vectors side by side: as many sums as hide the latency of a multiply-add.
SIDE_BY_SIDE = 8


def write_direct(module: Any, target: Target, itemsize: int) -> Any:
    """Write (m, n_out, k, a, a_row, w, bias, c, c_row); a null bias is none."""
    element = float_type(itemsize)
    lanes = target.lanes(itemsize)
    arguments = [whole, whole, whole, pointer, whole, pointer, pointer, pointer, whole]
    code = function(module, "direct", arguments)
    m, n_out, k, a, a_row, w, bias, c, c_row = code.arguments
    width = SIDE_BY_SIDE * lanes
    with code.loop(0, m) as row:
        inputs, into = a.at(row * a_row, element), c.at(row * c_row, element)
        block = _Block(code, element, lanes, n_out, k, inputs, w, bias, into)
        column = Variable(code, code.value(0))
        with code.forever() as out:
            at = column.get()
            code.leave_if(n_out - at < width, out)
            block.write(SIDE_BY_SIDE, at)
            column.set(at + width)
        at = column.get()
        left = (n_out - at + (lanes - 1)) // lanes
        for vectors in code.cases(left, range(1, SIDE_BY_SIDE + 1)):
            block.write(vectors, at, ends_inside=True)
    code.end()
    return code.function


@dataclass(frozen=True)
class _Block:
    """Some vectors of one row of the result, side by side."""

    code: Code
    element: Any
    lanes: int
    n_out: Value
    k: Value
    inputs: Value
    w: Value
    bias: Value
    into: Value

    def write(self, vectors: int, at: Value, ends_inside: bool = False) -> None:
        """Write a number of vectors from a column on; the last may end beyond the row."""
        code, element, lanes = self.code, self.element, self.lanes
        vector = ir.VectorType(element, lanes)
        last = at + (vectors - 1) * lanes
        inside = _inside(code, lanes, self.n_out - last) if ends_inside else None
        sums = [Variable(code, code.value(0.0, vector)) for _ in range(vectors)]
        masks = [*[None] * (vectors - 1), inside]
        with code.when(self.bias != code.address(code.value(0))):
            for j, total in enumerate(sums):
                total.set(_load(code, self.bias.at(at + j * lanes, element), vector, masks[j]))
        place, offset = Variable(code, self.inputs), Variable(code, code.value(0))

        def add_until(stop: Value, masks: Sequence[Value | None]) -> None:
            with code.forever() as out:
                row = offset.get()
                code.leave_if(row >= stop, out)
                factor = code.spread(place.get().load(element), lanes)
                numbers = self.w.at(row + at, element)
                for j, (total, mask) in enumerate(zip(sums, masks, strict=True)):
                    loaded = _load(code, numbers.at(j * lanes, element), vector, mask)
                    total.set(code.fused(factor, loaded, total.get()))
                place.set(place.get().at(1, element))
                offset.set(row + self.n_out)

        # To mask is slow. A vector may go on into the next row of w, but not beyond the last one.
        end = self.k * self.n_out
        add_until(end - last - (lanes - 1), [None] * vectors)
        if inside is not None:
            add_until(end, masks)
        for j, total in enumerate(sums):
            self.into.store(total.get(), at + j * lanes)


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
    small = ir.IntType(32)
    arguments = [pointer, small, ir.VectorType(ir.IntType(1), vector.count), vector]
    known = code.declared(name, arguments, vector)
    align = ir.Constant(small, 4 if single else 8)
    zeros = ir.Constant(vector, None)
    return Value(code, code.builder.call(known, [place.ir, align, inside.ir, zeros]))
