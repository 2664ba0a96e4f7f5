"""Reading one row of the inputs, whatever its kind, into a row of a block.

Dense arrays may have any strides; whole rows are contiguous in most of them, and those go a vector
at a time. A sparse row is scattered into zeros: the matrix as a whole is never made dense.
"""

from typing import Any

import numpy as np
from llvmlite import ir

from chainrule.engines.compiled.tables import Source, field, place
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.values import Code, Value, float_type, function, pointer, whole

__all__ = ["DENSE_KINDS", "SPARSE_KINDS", "converted", "stored_type", "write_gathers"]

DENSE_KINDS = ("f4", "f8", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")
SPARSE_KINDS = tuple((index, data) for index in ("i4", "i8") for data in ("f4", "f8"))


# Bytes that come from memory together.
LINE = 64


def write_gathers(module: Any, target: Target, itemsize: int) -> None:
    """Write functions (source, row, into, n_in, later): one per kind of input.

    They ask for a later row before it is needed: rows in random order come from memory, which takes
    as long as some arithmetic.
    """
    element = float_type(itemsize)
    lanes = target.lanes(itemsize)
    for kind in DENSE_KINDS:
        code = function(
            module, f"gather_{kind}", [pointer, whole, pointer, whole, whole], inner=False
        )
        _dense(code, np.dtype(kind), element, lanes)
    for index, data in SPARSE_KINDS:
        name = f"gather_{index}_{data}"
        code = function(module, name, [pointer, whole, pointer, whole, whole], inner=False)
        _sparse(code, np.dtype(index), np.dtype(data), element)


def stored_type(kind: np.dtype[Any]) -> Any:
    """Return the type of numbers as they are stored."""
    return float_type(kind.itemsize) if kind.kind == "f" else ir.IntType(8 * kind.itemsize)


def converted(code: Code, value: Value, kind: np.dtype[Any], type_: Any) -> Value:
    """Return a stored number as one of a floating type."""
    if kind.kind == "u":
        return Value(code, code.builder.uitofp(value.ir, type_))
    return code.cast(value, type_)


def _dense(code: Code, kind: np.dtype[Any], element: Any, lanes: int) -> None:
    source, row, into, n, later = code.arguments
    stored = stored_type(kind)
    byte = ir.IntType(8)
    base, row_stride = place(code, source, Source.base), field(code, source, Source.row_stride)
    with code.loop(0, n * kind.itemsize, LINE) as i:
        code.ask_for(base.at(later * row_stride + i, byte))
    start = base.at(row * row_stride, byte)
    stride = field(code, source, Source.column_stride)
    with code.choice(stride == kind.itemsize) as (contiguous, strided):
        with contiguous:
            whole_vectors = n - (n & (lanes - 1))
            wide = ir.VectorType(element, lanes)
            with code.loop(0, whole_vectors, lanes) as i:
                values = start.load(ir.VectorType(stored, lanes), i)
                into.store(converted(code, values, kind, wide), i)
            # the last vector of a row ends with the row: some numbers are written twice
            with code.when(whole_vectors < n), code.choice(n >= lanes) as (long, short):
                with long:
                    values = start.load(ir.VectorType(stored, lanes), n - lanes)
                    into.store(converted(code, values, kind, wide), n - lanes)
                with short, code.loop(0, n) as i:
                    into.store(converted(code, start.load(stored, i), kind, element), i)
        with strided, code.loop(0, n) as i:
            value = start.at(i * stride, byte).load(stored)
            into.store(converted(code, value, kind, element), i)
    code.end()


def _sparse(code: Code, index: np.dtype[Any], data: np.dtype[Any], element: Any) -> None:
    source, row, into, n, _ = code.arguments
    integer = stored_type(index)
    starts = place(code, source, Source.base)
    indices = place(code, source, Source.row_stride)
    values = place(code, source, Source.column_stride)
    with code.loop(0, n) as i:
        into.store(code.value(0.0, element), i)
    first = code.cast(starts.load(integer, row), whole)
    last = code.cast(starts.load(integer, row + 1), whole)
    with code.loop(first, last) as i:
        column = code.cast(indices.load(integer, i), whole)
        value = converted(code, values.load(stored_type(data), i), data, element)
        # repeated entries of one cell add up
        into.store(into.load(element, column) + value, column)
    code.end()
