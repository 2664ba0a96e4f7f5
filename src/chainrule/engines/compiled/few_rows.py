"""The product x W + b for a few rows, with the weight read in the flat vector.

Packing the weights takes longer than using them for a few rows. Every number is summed in
the order of a tile, and so has the same bits.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from llvmlite import ir

from chainrule.engines.compiled.kinds import (
    NUMBERS,
    Address,
    Signature,
    pointer,
    small,
    truth,
    whole,
)
from chainrule.engines.compiled.nonzeros import number
from chainrule.engines.compiled.tables import PRODUCT, LayerRow
from chainrule.engines.compiled.values import Value, Variable
from chainrule.engines.compiled.writing import Code, Function, Module, function

__all__ = ["write_direct", "write_direct_entries"]

# Vectors side by side: as many sums as hide the latency of a multiply-add.
SIDE_BY_SIDE = 8

_numbers = Address(NUMBERS)
_DIRECT_ENTRIES = Signature(layer=Address(LayerRow), row=whole, m=whole, w=_numbers, bias=_numbers)


def write_direct(module: Module) -> Function:
    """Write the product of dense rows."""
    element = module.element
    code = function(module, "direct", PRODUCT)
    rows, n_out, k, a, a_row, w, bias, c, c_row = code.arguments(
        "rows", "n_out", "k", "a", "a_row", "w", "bias", "c", "c_row"
    )
    with code.loop(0, rows, name="row") as row:
        inputs, into = a.at(row * a_row, element), c.at(row * c_row, element)

        def every_one(inputs: Value = inputs) -> _Terms:
            return _DenseTerms(code, element, inputs, n_out)

        _write_row(code, every_one, _Weights(element, n_out, k, w, bias), into)
    code.end()
    return code.function


def write_direct_entries(module: Module) -> Function:
    """Write the product of rows that are lists of nonzeros."""
    element = module.element
    code = function(module, "direct_entries", _DIRECT_ENTRIES)
    layer, first, m, w, bias = code.arguments("layer", "row", "m", "w", "bias")
    columns, values = layer[LayerRow.columns_at], layer[LayerRow.values_at]
    n_in, n_out = layer[LayerRow.n_in], layer[LayerRow.n_out]
    stride, ld = layer[LayerRow.strips] + 1, layer[LayerRow.ld]
    starts = layer[LayerRow.starts_at]
    z = layer[LayerRow.z_at]
    weights = _Weights(element, n_out, n_in, w, bias)
    with code.loop(first, first + m, name="row") as row:
        begin, end = (starts.load(whole, at) for at in (row * stride, (row + 1) * stride - 1))

        def some(begin: Value = begin, end: Value = end) -> _Terms:
            return _ListedTerms(code, element, columns, values, begin, end, n_out)

        _write_row(code, some, weights, z.at(row * ld, element))
    code.end()
    return code.function


def _write_row(code: Code, terms: "Callable[[], _Terms]", weights: "_Weights", into: Value) -> None:
    n_out, lanes = weights.n_out, code.module.lanes
    width = SIDE_BY_SIDE * lanes
    group = _Group(code, lanes, terms, weights, into)
    column = Variable(code, code.value(0), "column")
    with code.forever() as out:
        at = column.get()
        code.leave_if(n_out - at < width, out)
        group.write(SIDE_BY_SIDE, at)
        column.set(at + width)
    at = column.get()
    left = (n_out - at + (lanes - 1)) // lanes
    for vectors in code.cases(left, range(1, SIDE_BY_SIDE + 1)):
        group.write(vectors, at, ends_inside=True)


class _Terms(Protocol):
    """The terms of a sum, one after the other."""

    def until(self, stop: Value) -> AbstractContextManager[tuple[Value, Value]]:
        """Give factors and where their rows of w begin, while that is before ``stop``."""
        ...


class _DenseTerms:
    """All inputs of a row."""

    def __init__(self, code: Code, element: Any, inputs: Value, n_out: Value) -> None:
        self._code, self._element, self._n_out = code, element, n_out
        self._at_input = Variable(code, inputs, "at_input")
        self._offset = Variable(code, code.value(0), "offset")

    @contextmanager
    def until(self, stop: Value) -> Iterator[tuple[Value, Value]]:
        code = self._code
        with code.forever() as out:
            offset, at_input = self._offset.get(), self._at_input.get()
            code.leave_if(offset >= stop, out)
            yield at_input.load(self._element), offset
            self._at_input.set(at_input.at(1, self._element))
            self._offset.set(offset + self._n_out)


class _ListedTerms:
    """The nonzeros of a row with their columns, which ascend."""

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
        self._entry, self._end = Variable(code, begin, "entry"), end

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
class _Group:
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
        sums = [Variable(code, code.value(0.0, vector), f"sum_{j}") for j in range(vectors)]
        masks = [*[None] * (vectors - 1), inside]
        with code.when(weights.bias.present):
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

        # Masks are slow. A vector may go on into the next row of w, but not beyond the last one.
        end = weights.k * n_out
        add_until(end - last - (lanes - 1), [None] * vectors)
        if inside is not None:
            add_until(end, masks)
        for j, total in enumerate(sums):
            self.into.store(total.get(), at + j * lanes)


def _inside(code: Code, lanes: int, remaining: Value) -> Value:
    """Return a mask of the lanes that stand for columns."""
    integers = ir.VectorType(whole, lanes)
    lane = Value(code, ir.Constant(integers, list(range(lanes))))
    return lane < remaining


def _load(code: Code, at: Value, vector: Any, inside: Value | None) -> Value:
    """Load a vector, of which only the lanes inside are touched."""
    if inside is None:
        return at.load(vector)
    single = isinstance(vector.element, ir.FloatType)
    name = f"llvm.masked.load.v{vector.count}{'f32' if single else 'f64'}.p0"
    arguments = [pointer, small, ir.VectorType(truth, vector.count), vector]
    known = code.declared(name, arguments, vector)
    align = ir.Constant(small, 4 if single else 8)
    zeros = ir.Constant(vector, None)
    return Value(code, code.builder.call(known, [at.ir, align, inside.ir, zeros]))
