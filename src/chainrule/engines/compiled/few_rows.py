"""The product x W + b for a few rows, with the weight as it lies in the flat vector.

To bring weights into panels takes longer than to use them for a few rows. Every number is summed in
the order of a tile's, so it has the same bits.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from llvmlite import ir

from chainrule.engines.compiled.nonzeros import lists, number
from chainrule.engines.compiled.tables import LayerRow, field, place
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

__all__ = ["write_direct", "write_direct_entries"]

# Vectors side by side: as many sums as hide the latency of a multiply-add.
SIDE_BY_SIDE = 8


def write_direct(module: Any, target: Target, itemsize: int) -> Any:
    """Write (m, n_out, k, a, a_row, w, bias, c, c_row); a null bias is none."""
    element = float_type(itemsize)
    arguments = [whole, whole, whole, pointer, whole, pointer, pointer, pointer, whole]
    code = function(module, "direct", arguments)
    m, n_out, k, a, a_row, w, bias, c, c_row = code.arguments
    with code.loop(0, m) as row:
        inputs, into = a.at(row * a_row, element), c.at(row * c_row, element)

        def every_one(inputs: Value = inputs) -> _Terms:
            return _DenseTerms(code, element, inputs, n_out)

        _write_row(
            code, target.lanes(itemsize), every_one, _Weights(element, n_out, k, w, bias), into
        )
    code.end()
    return code.function


def write_direct_entries(module: Any, target: Target, itemsize: int) -> Any:
    """Write (layer, row, m, w, bias): the same for rows that are lists of what is not 0."""
    element = float_type(itemsize)
    code = function(module, "direct_entries", [pointer, whole, whole, pointer, pointer])
    layer, first, m, w, bias = code.arguments
    columns, values = lists(code, layer)
    n_in, n_out = field(code, layer, LayerRow.n_in), field(code, layer, LayerRow.n_out)
    stride, ld = field(code, layer, LayerRow.strips) + 1, field(code, layer, LayerRow.ld)
    starts = place(code, layer, LayerRow.starts_at)
    z = place(code, layer, LayerRow.z_at)
    weights = _Weights(element, n_out, n_in, w, bias)
    with code.loop(first, first + m) as row:
        begin, end = (starts.load(whole, at) for at in (row * stride, (row + 1) * stride - 1))

        def some(begin: Value = begin, end: Value = end) -> _Terms:
            return _ListedTerms(code, element, columns, values, begin, end, n_out)

        _write_row(code, target.lanes(itemsize), some, weights, z.at(row * ld, element))
    code.end()
    return code.function


def _write_row(
    code: Code, lanes: int, terms: "Callable[[], _Terms]", weights: "_Weights", into: Value
) -> None:
    n_out, width = weights.n_out, SIDE_BY_SIDE * lanes
    block = _Block(code, lanes, terms, weights, into)
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


class _Terms(Protocol):
    """The terms of a sum, one after the other."""

    def until(self, stop: Value) -> AbstractContextManager[tuple[Value, Value]]:
        """Give factors and where their rows of w begin, while that is before a place."""
        ...


class _DenseTerms:
    """All numbers of a row."""

    def __init__(self, code: Code, element: Any, inputs: Value, n_out: Value) -> None:
        self._code, self._element, self._n_out = code, element, n_out
        self._place, self._offset = Variable(code, inputs), Variable(code, code.value(0))

    @contextmanager
    def until(self, stop: Value) -> Iterator[tuple[Value, Value]]:
        code = self._code
        with code.forever() as out:
            offset, place = self._offset.get(), self._place.get()
            code.leave_if(offset >= stop, out)
            yield place.load(self._element), offset
            self._place.set(place.at(1, self._element))
            self._offset.set(offset + self._n_out)


class _ListedTerms:
    """Numbers of a row with their columns, which ascend."""

    def __init__(
        self,
        code: Code,
        element: Any,
        columns: Value,
        values: Value,
        begin: Value,
        end: Value,
        n_out: Value,
    ) -> None:
        self._code, self._element, self._n_out = code, element, n_out
        self._columns, self._values = columns, values
        self._entry, self._end = Variable(code, begin), end

    @contextmanager
    def until(self, stop: Value) -> Iterator[tuple[Value, Value]]:
        code = self._code
        with code.forever() as out:
            entry = self._entry.get()
            code.leave_if(entry >= self._end, out)
            offset = number(code, self._columns, entry) * self._n_out
            code.leave_if(offset >= stop, out)
            yield self._values.load(self._element, entry), offset
            self._entry.set(entry + 1)


@dataclass(frozen=True)
class _Weights:
    """A weight (k, n_out) by rows, and a bias, which may be null."""

    element: Any
    n_out: Value
    k: Value
    w: Value
    bias: Value


@dataclass(frozen=True)
class _Block:
    """Some vectors of one row of the result, side by side."""

    code: Code
    lanes: int
    terms: "Callable[[], _Terms]"
    weights: _Weights
    into: Value

    def write(self, vectors: int, at: Value, ends_inside: bool = False) -> None:
        """Write a number of vectors from a column on; the last may end beyond the row."""
        code, lanes, weights = self.code, self.lanes, self.weights
        element, n_out = weights.element, weights.n_out
        vector = ir.VectorType(element, lanes)
        last = at + (vectors - 1) * lanes
        inside = _inside(code, lanes, n_out - last) if ends_inside else None
        sums = [Variable(code, code.value(0.0, vector)) for _ in range(vectors)]
        masks = [*[None] * (vectors - 1), inside]
        with code.when(weights.bias != code.address(code.value(0))):
            for j, total in enumerate(sums):
                bias = weights.bias.at(at + j * lanes, element)
                total.set(_load(code, bias, vector, masks[j]))
        terms = self.terms()

        def add_until(stop: Value, masks: Sequence[Value | None]) -> None:
            with terms.until(stop) as (one, offset):
                factor = code.spread(one, lanes)
                numbers = weights.w.at(offset + at, element)
                for j, (total, mask) in enumerate(zip(sums, masks, strict=True)):
                    loaded = _load(code, numbers.at(j * lanes, element), vector, mask)
                    total.set(code.fused(factor, loaded, total.get()))

        # To mask is slow. A vector may go on into the next row of w, but not beyond the last one.
        end = weights.k * n_out
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
