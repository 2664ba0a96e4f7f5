"""Reading one row of the inputs, whatever its kind, into a row of a block.

Dense arrays may have any strides; whole rows are contiguous in most of them, and those go a vector
at a time. A sparse row is scattered into zeros: the matrix as a whole is never made dense.
"""

from typing import Any

import numpy as np
from llvmlite import ir

from chainrule.engines.compiled.kinds import whole
from chainrule.engines.compiled.tables import GATHER, DenseSource, SparseSource
from chainrule.engines.compiled.values import Value, float_type
from chainrule.engines.compiled.writing import Code, Module, function

__all__ = ["DENSE_KINDS", "SPARSE_KINDS", "converted", "stored_type", "write_gathers"]

DENSE_KINDS = ("f4", "f8", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")
SPARSE_KINDS = tuple((index, data) for index in ("i4", "i8") for data in ("f4", "f8"))


# Bytes that come from memory together.
LINE = 64


def write_gathers(module: Module) -> None:
    """Write a `GATHER` function for each kind of input.

    They ask for a later row before it is needed: rows in random order come from memory, which takes
    as long as some arithmetic.
    """
    for kind in DENSE_KINDS:
        _dense(function(module, f"gather_{kind}", GATHER, inner=False), np.dtype(kind))
    for index, data in SPARSE_KINDS:
        code = function(module, f"gather_{index}_{data}", GATHER, inner=False)
        _sparse(code, np.dtype(index), np.dtype(data))


def stored_type(kind: np.dtype[Any]) -> Any:
    """Return the type of numbers as they are stored."""
    return float_type(kind.itemsize) if kind.kind == "f" else ir.IntType(8 * kind.itemsize)


def converted(code: Code, value: Value, kind: np.dtype[Any], type_: Any) -> Value:
    """Return a stored number as one of a floating type."""
    if kind.kind == "u":
        return Value(code, code.builder.uitofp(value.ir, type_))
    return code.cast(value, type_)


def _dense(code: Code, kind: np.dtype[Any]) -> None:
    source, row, into, n, later = code.arguments("source", "row", "into", "n_in", "later")
    source = source.seen_as(DenseSource)
    stored, element, lanes = stored_type(kind), code.element, code.module.lanes
    byte = ir.IntType(8)
    base, row_stride = source[DenseSource.base_at], source[DenseSource.row_stride]
    with code.loop(0, n * kind.itemsize, LINE, name="byte") as i:
        code.ask_for(base.at(later * row_stride + i, byte))
    start = base.at(row * row_stride, byte).named("row_at")
    stride = source[DenseSource.column_stride]
    with code.choice(stride == kind.itemsize) as (contiguous, strided):
        with contiguous:
            numbers = start.seen_as(stored)
            whole_vectors = n - (n & (lanes - 1))
            wide = ir.VectorType(stored, lanes)
            with code.loop(0, whole_vectors, lanes, name="column") as i:
                values = numbers.load(wide, i)
                into.store(converted(code, values, kind, code.module.vector), i)
            # the last vector of a row ends with the row: some numbers are written twice
            with code.when(whole_vectors < n), code.choice(n >= lanes) as (long, short):
                with long:
                    values = numbers.load(wide, n - lanes)
                    into.store(converted(code, values, kind, code.module.vector), n - lanes)
                with short, code.loop(0, n, name="column") as i:
                    into.store(converted(code, numbers.load(stored, i), kind, element), i)
        with strided, code.loop(0, n, name="column") as i:
            value = start.at(i * stride, byte).seen_as(stored).load(stored)
            into.store(converted(code, value, kind, element), i)
    code.end()


def _sparse(code: Code, index: np.dtype[Any], data: np.dtype[Any]) -> None:
    source, row, into, n, _ = code.arguments("source", "row", "into", "n_in", "later")
    source = source.seen_as(SparseSource)
    integer, stored, element = stored_type(index), stored_type(data), code.element
    starts = source[SparseSource.row_starts_at].seen_as(integer)
    indices = source[SparseSource.columns_at].seen_as(integer)
    values = source[SparseSource.values_at].seen_as(stored)
    with code.loop(0, n, name="column") as i:
        into.store(code.value(0.0, element), i)
    first = code.cast(starts.load(integer, row), whole)
    last = code.cast(starts.load(integer, row + 1), whole)
    with code.loop(first, last, name="entry") as i:
        column = code.cast(indices.load(integer, i), whole)
        value = converted(code, values.load(stored, i), data, element)
        # repeated entries of one cell add up
        into.store(into.load(element, column) + value, column)
    code.end()
