"""The second phase of a step: strips of x' dz in registers, and the optimizer on each at once.

The gradient of a strip stays in the first-level cache. The same units carry parameters from flat
vectors into panels, and back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chainrule.engines.compiled.kinds import NUMBERS, Address, Field, Signature, real, whole
from chainrule.engines.compiled.narrow import is_narrow, turned
from chainrule.engines.compiled.nonzeros import Nonzeros
from chainrule.engines.compiled.parts import Part, mark
from chainrule.engines.compiled.rounding import Pairing, Rounding
from chainrule.engines.compiled.row_phase import STRIP_ROWS, copy
from chainrule.engines.compiled.tables import Job, UnitRow
from chainrule.engines.compiled.tiles import Products
from chainrule.engines.compiled.values import Value, Variable
from chainrule.engines.compiled.writing import Code, Function, Module, function

__all__ = ["WeightPhase", "constants_of", "panel_width"]

# Rows of a section: a strip of their inputs, and one panel of their dz, fit the first-level cache.
BATCH_ROWS = 128

_job, _unit, _numbers = Address(Job), Address(UnitRow), Address(NUMBERS)
_UPDATE_UNIT = Signature(
    job=_job, unit=_unit, batch=whole, constants=Address(real), gradient=_numbers
)
_CARRY = Signature(job=_job, unit=_unit)
_TRANSPOSE = Signature(unit=_unit, strip=_numbers)
_NARROW = Signature(unit=_unit, batch=whole, zeros=_numbers, gradient=_numbers)
_COLUMN_SUMS = Signature(rows=whole, vectors=whole, x=_numbers, ld=whole, into=_numbers)


@dataclass(frozen=True)
class WeightPhase:
    """The functions of the second phase, on one unit each.

    Attributes
    ----------
    update : Function
        Sum the gradient, and apply the optimizer; ``gradient`` is scratch.
    pack, unpack : Function
        Bring parameters from flat vectors into panels, and back.
    transpose : Function
        Bring the rows of a strip into the panels of the transposed weight.
    """

    update: Function
    pack: Function
    unpack: Function
    transpose: Function

    @classmethod
    def of(
        cls, module: Module, products: Products, nonzeros: Nonzeros, pairing: Pairing | None
    ) -> "WeightPhase":
        """Write the functions into a module."""
        transpose = _transpose(module, pairing.weights if pairing else None)
        sums = _column_sums(module)
        return cls(
            _update(module, products, nonzeros, sums, transpose),
            _pack(module, transpose),
            _unpack(module),
            transpose,
        )


def constants_of(job: Value, unit: Value, which: Field, constants: Value) -> Value:
    """Return where the constants of a step for the rate factor of a weight or a bias begin."""
    return constants.at(unit[which] * job[Job.constants], real)


def panel_width(code: Code, unit: Value) -> Value:
    """Return how many columns the panel of a unit has, padding included."""
    lanes: int = code.module.lanes
    return unit[UnitRow.vectors] * lanes


def _update(
    module: Module, products: Products, nonzeros: Nonzeros, sums: Function, transpose: Function
) -> Function:
    element = module.element
    narrow = _narrow(module, products)
    code = function(module, "update", _UPDATE_UNIT)
    job, unit, batch, constants, gradient = code.arguments(
        "job", "unit", "batch", "constants", "gradient"
    )
    vectors, rows = unit[UnitRow.vectors], unit[UnitRow.rows]
    width, offset = panel_width(code, unit), unit[UnitRow.offset]
    dz, ld = unit[UnitRow.dz_at], unit[UnitRow.ld]
    zeros = job[Job.zeros_at]
    # dW = x' dz
    with code.choice(unit[UnitRow.nonzeros] != 0) as (few, all_of_them):
        with few:
            code.call(nonzeros.sums, layer=job[Job.layers_at], unit=unit, gradient=gradient)
        with all_of_them:
            _dense_sums(code, products, narrow, unit, batch, zeros, gradient)
    mark(code, Part.weight_gradient)
    step = constants_of(job, unit, UnitRow.weight_constants, constants)
    _step(code, job, rows * width, gradient, offset, step, 1.0)
    mark(code, Part.update)
    # db = sum of dz
    bias = unit[UnitRow.bias_offset]
    with code.when(bias >= 0):
        code.call(sums, rows=batch, vectors=vectors, x=dz, ld=ld, into=gradient)
        mark(code, Part.bias_gradient)
        step = constants_of(job, unit, UnitRow.bias_constants, constants)
        _step(code, job, width, gradient, bias, step, 0.0)
        mark(code, Part.update)
    # collected gradients are no weights, and need no transpose
    weights = job[Job.target_at]
    with code.when(weights == job[Job.panels_at].load(_numbers)):
        code.call(transpose, unit=unit, strip=weights.at(offset, element))
    mark(code, Part.transpose)
    code.end()
    return code.function


@contextmanager
def _sections(
    code: Code, x: Value, x_step: Value, dz: Value, ld: Value, batch: Value
) -> Iterator[tuple[Value, Value, Value, Value]]:
    """Give, for a section of the batch, whether it is the first, its rows, and x and dz there."""
    with code.loop(0, batch, BATCH_ROWS, name="done") as done:
        depth = code.least(batch - done, BATCH_ROWS)
        yield done == 0, depth, x.at(done * x_step, code.element), dz.at(done * ld, code.element)


def _narrow(module: Module, products: Products) -> Function:
    """Write a strip of x' dz for few outputs.

    Vectors of outputs would hold padding for the most part; so they are the rows of the tiles here,
    and vectors are inputs. A number is the same sum in the same order.
    """
    element, lanes, widest = module.element, module.lanes, module.target.panel_vectors
    code = function(module, "narrow", _NARROW)
    unit, batch, zeros, gradient = code.arguments("unit", "batch", "zeros", "gradient")
    rows, columns = unit[UnitRow.rows], unit[UnitRow.columns]
    across = gradient.at(STRIP_ROWS * lanes, element).named("across")
    ld_in, ld = unit[UnitRow.ld_in], unit[UnitRow.ld]
    with (
        _sections(code, unit[UnitRow.a_at], ld_in, unit[UnitRow.dz_at], ld, batch) as (
            first,
            depth,
            x,
            dz,
        ),
        code.loop(0, rows, lanes * widest, name="row") as row,
    ):
        into = across.at(row, element)
        code.call(
            products.down,
            vectors=code.least((rows - row + (lanes - 1)) // lanes, widest),
            m=columns,
            k=depth,
            a=dz,
            a_step=ld,
            b=x.at(row, element),
            b_step=ld_in,
            init=code.where(first, zeros, into),
            init_row=code.where(first, code.value(0), STRIP_ROWS),
            c=into,
            c_row=STRIP_ROWS,
        )
    with code.loop(0, rows, lanes, name="row") as row:
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
    products: Products,
    narrow: Function,
    unit: Value,
    batch: Value,
    zeros: Value,
    gradient: Value,
) -> None:
    if products.pairs is None:
        _exact_sums(code, products, narrow, unit, batch, zeros, gradient)
        return
    x, dz = unit[UnitRow.a_row_pairs_at], unit[UnitRow.dz_row_pairs_at]
    distance = unit[UnitRow.a_row_pairs_ld]
    with code.choice(x.present) as (rounded, exact):
        with rounded:
            pairs = (batch + 1) >> 1
            _panel_sums(code, products.pairs, unit, x, distance, dz, pairs, zeros, gradient)
        with exact:
            _exact_sums(code, products, narrow, unit, batch, zeros, gradient)


def _exact_sums(
    code: Code,
    products: Products,
    narrow: Function,
    unit: Value,
    batch: Value,
    zeros: Value,
    gradient: Value,
) -> None:
    x, dz = unit[UnitRow.a_at], unit[UnitRow.dz_at]
    with code.choice(is_narrow(unit[UnitRow.columns], code.module.lanes)) as (few, many):
        with few:
            code.call(narrow, unit=unit, batch=batch, zeros=zeros, gradient=gradient)
        with many:
            distance = unit[UnitRow.ld_in]
            _panel_sums(code, products, unit, x, distance, dz, batch, zeros, gradient)


def _panel_sums(
    code: Code,
    products: Products,
    unit: Value,
    x: Value,
    distance: Value,
    dz: Value,
    batch: Value,
    zeros: Value,
    gradient: Value,
) -> None:
    """Write x' dz of a unit, of numbers or of pairs."""
    width, ld = panel_width(code, unit), unit[UnitRow.ld]
    # in matrix registers the rows of x' lie side by side, and the batch goes along them
    step = code.value(1) if products.rounding is Rounding.matrices else distance
    with _sections(code, x, step, dz, ld, batch) as (first, depth, inputs, errors):
        code.call(
            products.down,
            vectors=unit[UnitRow.vectors],
            m=unit[UnitRow.rows],
            k=depth,
            a=inputs,
            a_step=distance,
            b=errors,
            b_step=ld,
            init=code.where(first, zeros, gradient),
            init_row=code.where(first, 0, width),
            c=gradient,
            c_row=width,
        )


def _step(
    code: Code, job: Value, n: Value, g: Value, offset: Value, constants: Value, mask: float
) -> None:
    code.call_entry(
        job[Job.update],
        n=n,
        p=job[Job.target_at],
        g=g,
        slots=job[Job.slots_at],
        offset=offset,
        constants=constants,
        fields=job[Job.update_fields_at],
        mask=mask,
    )


def _column_sums(module: Module) -> Function:
    """Write sums down the columns, four accumulators each."""
    lanes, element, vector = module.lanes, module.element, module.vector
    code = function(module, "column_sums", _COLUMN_SUMS)
    rows, vectors, x, ld, into = code.arguments("rows", "vectors", "x", "ld", "into")
    fours = rows - (rows & 3)

    def down(first: Value, count: int) -> None:
        sums = [
            [Variable(code, code.value(0.0, vector), f"sum_{j}_{i}") for i in range(4)]
            for j in range(count)
        ]
        with code.loop(0, fours, 4, name="row") as row:
            for i in range(4):
                start = x.at((row + i) * ld + first * lanes, element)
                for j in range(count):
                    sums[j][i].set(sums[j][i].get() + start.load(vector, j * lanes))
        with code.loop(fours, rows, name="row") as row:
            start = x.at(row * ld + first * lanes, element)
            for j in range(count):
                sums[j][0].set(sums[j][0].get() + start.load(vector, j * lanes))
        for j in range(count):
            one, two, three, four = (total.get() for total in sums[j])
            into.store((one + two) + (three + four), (first + j) * lanes)

    # two vectors side by side: as many sums as hide the latency of an addition
    pairs = vectors - (vectors & 1)
    with code.loop(0, pairs, 2, name="pair") as first:
        down(first, 2)
    with code.loop(pairs, vectors, name="vector") as first:
        down(first, 1)
    code.end()
    return code.function


def _transpose(module: Module, pairs: Function | None) -> Function:
    """Write the strip into the panels of the transposed weight, or into those of pairs."""
    element, lanes, widest = module.element, module.lanes, module.target.panel_vectors
    code = function(module, "transpose", _TRANSPOSE)
    unit, numbers = code.arguments("unit", "strip")
    exact = unit[UnitRow.transposed_at].present
    if pairs is not None:
        rounded = unit[UnitRow.weight_pairs_at].present
        exact = exact & ~rounded
        with code.when(rounded):
            code.call(pairs, unit=unit, strip=numbers)
    with code.when(exact):
        vectors = unit[UnitRow.vectors]
        into = unit[UnitRow.transposed_at]
        panel_rows = unit[UnitRow.transposed_rows]
        vectors_in = unit[UnitRow.vectors_in]
        first_vector = unit[UnitRow.first] // lanes
        first_column = unit[UnitRow.first_column]
        squares = (unit[UnitRow.rows] + (lanes - 1)) // lanes
        with code.loop(0, squares, name="square") as square:
            at = first_vector + square
            across = at // widest * widest
            width = code.least(vectors_in - across, widest)
            start = into.at((across * panel_rows + (at - across)) * lanes, element)
            with code.loop(0, vectors, name="column") as column:
                rows = [
                    numbers.at(((square * lanes + i) * vectors + column) * lanes, element)
                    for i in range(lanes)
                ]
                first = first_column + column * lanes
                for i, row in enumerate(turned(code, rows, element)):
                    start.store(row, (first + i) * width * lanes)
    code.end()
    return code.function


def _pack(module: Module, transpose: Function) -> Function:
    """Write flat arrays to panels, zeros in the padding, and the transpose."""
    element = module.element
    code = function(module, "pack", _CARRY)
    job, unit = code.arguments("job", "unit")
    rows, n_out = unit[UnitRow.rows], unit[UnitRow.n_out]
    width, columns = panel_width(code, unit), unit[UnitRow.columns]
    flat_at, offset = unit[UnitRow.flat], unit[UnitRow.offset]
    bias, bias_flat = unit[UnitRow.bias_offset], unit[UnitRow.bias_flat]
    zero = code.value(0.0, element)
    with code.loop(0, job[Job.arrays], name="array") as number:
        flat = job[Job.flat_at].load(_numbers, number)
        panels = job[Job.panels_at].load(_numbers, number)
        with code.loop(0, rows, name="row") as row:
            into = panels.at(offset + row * width, element)
            source = flat.at(flat_at + row * n_out, element)
            copy(code, columns, source, into)
            with code.loop(columns, width) as i:
                into.store(zero, i)
        with code.when(bias >= 0):
            into = panels.at(bias, element)
            with code.loop(0, width) as i:
                into.store(zero, i)
            with code.when(bias_flat >= 0):
                copy(code, columns, flat.at(bias_flat, element), into)
    weights = job[Job.panels_at].load(_numbers)
    code.call(transpose, unit=unit, strip=weights.at(offset, element))
    code.end()
    return code.function


def _unpack(module: Module) -> Function:
    """Write panels to flat arrays."""
    element = module.element
    code = function(module, "unpack", _CARRY)
    job, unit = code.arguments("job", "unit")
    rows, n_out = unit[UnitRow.rows], unit[UnitRow.n_out]
    width, columns = panel_width(code, unit), unit[UnitRow.columns]
    flat_at, bias_flat = unit[UnitRow.flat], unit[UnitRow.bias_flat]
    with code.loop(0, job[Job.arrays_out], name="array") as number:
        flat = job[Job.flat_out_at].load(_numbers, number)
        panels = job[Job.panels_out_at].load(_numbers, number)
        with code.loop(0, rows, name="row") as row:
            source = panels.at(unit[UnitRow.offset] + row * width, element)
            into = flat.at(flat_at + row * n_out, element)
            copy(code, columns, source, into)
        with code.when(bias_flat >= 0):
            bias = panels.at(unit[UnitRow.bias_offset], element)
            copy(code, columns, bias, flat.at(bias_flat, element))
    code.end()
    return code.function
