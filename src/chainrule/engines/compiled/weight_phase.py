"""The second phase of a step: strips of x' dz in registers, and the optimizer on each at once.

The gradient of a strip stays in the first-level cache. The same units carry parameters from flat
vectors into panels, and back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.narrow import is_narrow, turned
from chainrule.engines.compiled.nonzeros import Nonzeros
from chainrule.engines.compiled.parts import Part, mark
from chainrule.engines.compiled.row_phase import STRIP_ROWS, copy
from chainrule.engines.compiled.tables import Job, UnitRow, field, place
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.tiles import Products
from chainrule.engines.compiled.values import (
    Code,
    Value,
    Variable,
    float_type,
    function,
    pointer,
    whole,
)

__all__ = ["WeightPhase", "constants_of", "panel_width"]

# Rows of a batch that are summed before the next: a strip of their inputs, and one panel of their
# dz, fit the first-level cache.
BATCH_ROWS = 128


@dataclass(frozen=True)
class WeightPhase:
    """The functions of the second phase, on one unit each.

    Attributes
    ----------
    update : function
        (job, unit, batch rows, constants, scratch)
    pack, unpack : function
        (job, unit)
    transpose : function
        (unit, strip): the rows of a strip into the panels of the transposed weight.
    """

    update: Any
    pack: Any
    unpack: Any
    transpose: Any

    @classmethod
    def of(
        cls, module: Any, target: Target, itemsize: int, products: Products, nonzeros: Nonzeros
    ) -> "WeightPhase":
        """Write the functions into a module."""
        element = float_type(itemsize)
        lanes = target.lanes(itemsize)
        transpose = _transpose(module, target, element, lanes)
        sums = _column_sums(module, element, lanes)
        return cls(
            _update(module, target, element, products, nonzeros, sums, transpose),
            _pack(module, target, element, transpose),
            _unpack(module, target, element),
            transpose,
        )


def constants_of(code: Code, job: Value, unit: Value, part: UnitRow, constants: Value) -> Value:
    """Return where the constants of a step for the rate factor of a weight or a bias begin."""
    offset = field(code, unit, part) * field(code, job, Job.constants)
    return constants.at(offset, ir.DoubleType())


def panel_width(code: Code, unit: Value, lanes: int) -> Value:
    """Return how many columns the panel of a unit has, padding included."""
    return field(code, unit, UnitRow.vectors) * lanes


def _update(
    module: Any,
    target: Target,
    element: Any,
    products: Products,
    nonzeros: Nonzeros,
    sums: Any,
    transpose: Any,
) -> Any:
    lanes = target.lanes(4 if isinstance(element, ir.FloatType) else 8)
    narrow = _narrow(module, target, element, products)
    code = function(module, "update", [pointer, pointer, whole, pointer, pointer])
    job, unit, batch, constants, gradient = code.arguments
    vectors, rows = field(code, unit, UnitRow.vectors), field(code, unit, UnitRow.rows)
    width, offset = panel_width(code, unit, lanes), field(code, unit, UnitRow.offset)
    dz, ld = place(code, unit, UnitRow.dz_at), field(code, unit, UnitRow.ld)
    zeros = place(code, job, Job.zeros_at)
    # dW = x' dz
    with code.choice(field(code, unit, UnitRow.nonzeros) != 0) as (few, all_of_them):
        with few:
            code.call(nonzeros.sums, place(code, job, Job.layers_at), unit, gradient)
        with all_of_them:
            _dense_sums(code, element, lanes, products, narrow, unit, batch, zeros, gradient)
    mark(code, Part.weight_gradient)
    step = constants_of(code, job, unit, UnitRow.weight_constants, constants)
    _step(code, job, rows * width, gradient, offset, step, 1.0)
    mark(code, Part.update)
    # db = sum of dz
    bias = field(code, unit, UnitRow.bias_offset)
    with code.when(bias >= 0):
        code.call(sums, batch, vectors, dz, ld, gradient)
        mark(code, Part.bias_gradient)
        step = constants_of(code, job, unit, UnitRow.bias_constants, constants)
        _step(code, job, width, gradient, bias, step, 0.0)
        mark(code, Part.update)
    # sums of gradients are collected elsewhere than in the weights, and need no transpose
    weights = place(code, job, Job.target_at)
    with code.when(weights == place(code, job, Job.panels_at).load(pointer)):
        code.call(transpose, unit, weights.at(offset, element))
    mark(code, Part.transpose)
    code.end()
    return code.function


@contextmanager
def _parts_of_batch(
    code: Code, unit: Value, batch: Value, element: Any
) -> Iterator[tuple[Value, Value, tuple[Value, Value], tuple[Value, Value]]]:
    """Give, for a part of the batch, whether it is the first, its rows, and x and dz there."""
    x, ld_in = place(code, unit, UnitRow.a_at), field(code, unit, UnitRow.ld_in)
    dz, ld = place(code, unit, UnitRow.dz_at), field(code, unit, UnitRow.ld)
    with code.loop(0, batch, BATCH_ROWS) as done:
        depth = code.least(batch - done, BATCH_ROWS)
        inputs, errors = x.at(done * ld_in, element), dz.at(done * ld, element)
        yield done == 0, depth, (inputs, ld_in), (errors, ld)


def _narrow(module: Any, target: Target, element: Any, products: Products) -> Any:
    """Write (unit, batch rows, zeros, gradient): a strip of x' dz for few outputs.

    Vectors of outputs would hold padding for the most part; so they are the rows of the tiles here,
    and vectors are inputs. A number is the same sum in the same order.
    """
    lanes = target.lanes(4 if isinstance(element, ir.FloatType) else 8)
    code = function(module, "narrow", [pointer, whole, pointer, pointer])
    unit, batch, zeros, gradient = code.arguments
    rows, columns = field(code, unit, UnitRow.rows), field(code, unit, UnitRow.columns)
    across = gradient.at(STRIP_ROWS * lanes, element)
    with (
        _parts_of_batch(code, unit, batch, element) as (first, depth, (x, ld_in), errors),
        code.loop(0, rows, lanes * target.panel_vectors) as row,
    ):
        into = across.at(row, element)
        code.call(
            products.down,
            code.least((rows - row + (lanes - 1)) // lanes, target.panel_vectors),
            columns,
            depth,
            *errors,
            x.at(row, element),
            ld_in,
            code.where(first, zeros, into),
            code.where(first, code.value(0), STRIP_ROWS),
            into,
            STRIP_ROWS,
        )
    with code.loop(0, rows, lanes) as row:
        places = [
            code.where(columns > j, across.at(row + j * STRIP_ROWS, element), zeros)
            for j in range(lanes)
        ]
        for i, vector in enumerate(turned(code, places, element)):
            gradient.store(vector, (row + i) * lanes)
    code.end()
    return code.function


def _dense_sums(
    code: Code,
    element: Any,
    lanes: int,
    products: Products,
    narrow: Any,
    unit: Value,
    batch: Value,
    zeros: Value,
    gradient: Value,
) -> None:
    width = panel_width(code, unit, lanes)
    with code.choice(is_narrow(field(code, unit, UnitRow.columns), lanes)) as (few, many):
        with few:
            code.call(narrow, unit, batch, zeros, gradient)
        with many, _parts_of_batch(code, unit, batch, element) as (first, depth, x, errors):
            code.call(
                products.down,
                field(code, unit, UnitRow.vectors),
                field(code, unit, UnitRow.rows),
                depth,
                *x,
                *errors,
                code.where(first, zeros, gradient),
                code.where(first, 0, width),
                gradient,
                width,
            )


def _step(
    code: Code, job: Value, n: Value, g: Value, offset: Value, constants: Value, mask: float
) -> None:
    code.call_address(
        field(code, job, Job.update),
        n,
        place(code, job, Job.target_at),
        g,
        place(code, job, Job.slots_at),
        offset,
        constants,
        place(code, job, Job.update_fields_at),
        code.value(mask, ir.DoubleType()),
    )


def _column_sums(module: Any, element: Any, lanes: int) -> Any:
    """Write (rows, vectors, x, ld, into): sums down the columns, four accumulators each."""
    code = function(module, "column_sums", [whole, whole, pointer, whole, pointer])
    rows, vectors, x, ld, into = code.arguments
    vector = ir.VectorType(element, lanes)
    fours = rows - (rows & 3)

    def down(first: Value, count: int) -> None:
        sums = [[Variable(code, code.value(0.0, vector)) for _ in range(4)] for _ in range(count)]
        with code.loop(0, fours, 4) as row:
            for i in range(4):
                start = x.at((row + i) * ld + first * lanes, element)
                for j in range(count):
                    sums[j][i].set(sums[j][i].get() + start.load(vector, j * lanes))
        with code.loop(fours, rows) as row:
            start = x.at(row * ld + first * lanes, element)
            for j in range(count):
                sums[j][0].set(sums[j][0].get() + start.load(vector, j * lanes))
        for j in range(count):
            one, two, three, four = (total.get() for total in sums[j])
            into.store((one + two) + (three + four), (first + j) * lanes)

    # two vectors side by side: as many sums as hide the latency of an addition
    pairs = vectors - (vectors & 1)
    with code.loop(0, pairs, 2) as first:
        down(first, 2)
    with code.loop(pairs, vectors) as first:
        down(first, 1)
    code.end()
    return code.function


def _transpose(module: Any, target: Target, element: Any, lanes: int) -> Any:
    """Write (unit, strip): the strip into the panels of the transposed weight."""
    code = function(module, "transpose", [pointer, pointer])
    unit, numbers = code.arguments
    wanted = field(code, unit, UnitRow.transposed_at) != 0
    with code.when(wanted):
        vectors = field(code, unit, UnitRow.vectors)
        into = place(code, unit, UnitRow.transposed_at)
        panel_rows = field(code, unit, UnitRow.transposed_rows)
        vectors_in = field(code, unit, UnitRow.vectors_in)
        first_vector = field(code, unit, UnitRow.first) // lanes
        first_column = field(code, unit, UnitRow.first_column)
        blocks = (field(code, unit, UnitRow.rows) + (lanes - 1)) // lanes
        with code.loop(0, blocks) as block:
            at = first_vector + block
            across = at // target.panel_vectors * target.panel_vectors
            width = code.least(vectors_in - across, target.panel_vectors)
            start = into.at((across * panel_rows + (at - across)) * lanes, element)
            with code.loop(0, vectors) as column:
                rows = [
                    numbers.at(((block * lanes + i) * vectors + column) * lanes, element)
                    for i in range(lanes)
                ]
                first = first_column + column * lanes
                for i, row in enumerate(turned(code, rows, element)):
                    start.store(row, (first + i) * width * lanes)
    code.end()
    return code.function


def _pack(module: Any, target: Target, element: Any, transpose: Any) -> Any:
    """Write (job, unit): flat arrays to panels, zeros in the padding, and the transpose."""
    code = function(module, "pack", [pointer, pointer])
    job, unit = code.arguments
    lanes = target.lanes(4 if isinstance(element, ir.FloatType) else 8)
    rows, n_out = field(code, unit, UnitRow.rows), field(code, unit, UnitRow.n_out)
    width, columns = panel_width(code, unit, lanes), field(code, unit, UnitRow.columns)
    flat_at, offset = field(code, unit, UnitRow.flat), field(code, unit, UnitRow.offset)
    bias, bias_flat = field(code, unit, UnitRow.bias_offset), field(code, unit, UnitRow.bias_flat)
    zero = code.value(0.0, element)
    with code.loop(0, field(code, job, Job.arrays)) as number:
        flat = place(code, job, Job.flat_at).load(pointer, number, pointer)
        panels = place(code, job, Job.panels_at).load(pointer, number, pointer)
        with code.loop(0, rows) as row:
            into = panels.at(offset + row * width, element)
            source = flat.at(flat_at + row * n_out, element)
            copy(code, element, lanes, columns, source, into)
            with code.loop(columns, width) as i:
                into.store(zero, i)
        with code.when(bias >= 0):
            into = panels.at(bias, element)
            with code.loop(0, width) as i:
                into.store(zero, i)
            with code.when(bias_flat >= 0):
                copy(code, element, lanes, columns, flat.at(bias_flat, element), into)
    weights = place(code, job, Job.panels_at).load(pointer)
    code.call(transpose, unit, weights.at(offset, element))
    code.end()
    return code.function


def _unpack(module: Any, target: Target, element: Any) -> Any:
    """Write (job, unit): panels to flat arrays."""
    code = function(module, "unpack", [pointer, pointer])
    job, unit = code.arguments
    lanes = target.lanes(4 if isinstance(element, ir.FloatType) else 8)
    rows, n_out = field(code, unit, UnitRow.rows), field(code, unit, UnitRow.n_out)
    width, columns = panel_width(code, unit, lanes), field(code, unit, UnitRow.columns)
    flat_at, bias_flat = field(code, unit, UnitRow.flat), field(code, unit, UnitRow.bias_flat)
    with code.loop(0, field(code, job, Job.arrays_out)) as number:
        flat = place(code, job, Job.flat_out_at).load(pointer, number, pointer)
        panels = place(code, job, Job.panels_out_at).load(pointer, number, pointer)
        with code.loop(0, rows) as row:
            source = panels.at(field(code, unit, UnitRow.offset) + row * width, element)
            into = flat.at(flat_at + row * n_out, element)
            copy(code, element, lanes, columns, source, into)
        with code.when(bias_flat >= 0):
            bias = panels.at(field(code, unit, UnitRow.bias_offset), element)
            copy(code, element, lanes, columns, bias, flat.at(bias_flat, element))
    code.end()
    return code.function
