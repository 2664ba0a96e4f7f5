"""A step whose gradient is clipped: collected in panels first, measured, and then applied.

The first of three parts is the second phase itself, with a pass in place of the optimizer's that
only stores the gradient. Every unit then adds up its own squares; all threads add the units' sums
in one order, and so agree on the factor.
"""

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.tables import Job, UnitRow, field, place
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.values import Value, Variable, float_type, function, pointer, whole
from chainrule.engines.compiled.weight_phase import WeightPhase, constants_of, panel_width

__all__ = ["Clipping"]

_double = ir.DoubleType()
# Numbers from LARGE on are squared times SCALE, so that no finite one overflows.
# Source: Anderson (2017), ACM TOMS 44(1), algorithm 978.
LARGE, SCALE = 2.0**486, 2.0**-538


@dataclass(frozen=True)
class Clipping:
    """The functions of a clipped step.

    Attributes
    ----------
    squares : function
        (job, unit, unit number): the sums of squares of the unit's gradient.
    factor : function
        (job): min(1, c / norm), from the sums of all units.
    apply : function
        (job, unit, constants, factor): the optimizer's step of the unit.
    """

    squares: Any
    factor: Any
    apply: Any

    @classmethod
    def of(cls, module: Any, target: Target, itemsize: int, weights: WeightPhase) -> "Clipping":
        """Write the functions into a module."""
        element, lanes = float_type(itemsize), target.lanes(itemsize)
        return cls(
            _squares(module, element, lanes),
            _factor(module),
            _apply(module, element, lanes, weights.transpose),
        )


def _squares(module: Any, element: Any, lanes: int) -> Any:
    code = function(module, "squares", [pointer, pointer, whole])
    job, unit, number = code.arguments
    gradient = place(code, job, Job.target_at)
    narrow, wide = ir.VectorType(element, lanes), ir.VectorType(_double, lanes)
    lane = Value(code, ir.Constant(ir.VectorType(whole, lanes), list(range(lanes))))
    middle, large = (Variable(code, code.value(0.0, wide)) for _ in range(2))

    def add(numbers: Value, columns: Value) -> None:
        """Add the squares of some columns of a strip; what lies beyond them is padding."""
        with code.loop(0, columns, lanes) as column:
            there = lane < columns - column
            x = code.cast(code.where(there, numbers.load(narrow, column), 0.0), wide)
            if isinstance(element, ir.DoubleType):  # no square of a float32 overflows
                is_large = code.intrinsic("fabs", x) >= LARGE
                scaled = code.where(is_large, x * SCALE, 0.0)
                large.set(code.fused(scaled, scaled, large.get()))
                x = code.where(is_large, 0.0, x)
            middle.set(code.fused(x, x, middle.get()))

    width, columns = panel_width(code, unit, lanes), field(code, unit, UnitRow.columns)
    offset, bias = field(code, unit, UnitRow.offset), field(code, unit, UnitRow.bias_offset)
    with code.loop(0, field(code, unit, UnitRow.rows)) as row:
        add(gradient.at(offset + row * width, element), columns)
    with code.when(bias >= 0):
        add(gradient.at(bias, element), columns)
    sums = place(code, job, Job.squares_at).at(number * 2, _double)
    for number_of_sum, total in enumerate((middle.get(), large.get())):
        result = code.extract(total, 0)
        for i in range(1, lanes):
            result = result + code.extract(total, i)
        sums.store(result, number_of_sum)
    code.end()
    return code.function


def _factor(module: Any) -> Any:
    code = function(module, "clipping_factor", [pointer], _double)
    (job,) = code.arguments
    units = field(code, job, Job.units)
    sums = place(code, job, Job.squares_at)
    middle, large = (Variable(code, code.value(0.0, _double)) for _ in range(2))
    with code.loop(0, units) as unit:
        for offset, total in enumerate((middle, large)):
            total.set(total.get() + sums.load(_double, unit * 2 + offset))
    limit, square = sums.load(_double, units * 2), middle.get()
    any_large = large.get() > 0.0
    limit = code.where(any_large, limit * SCALE, limit)
    square = code.where(any_large, large.get() + square * SCALE * SCALE, square)
    norm = code.intrinsic("sqrt", square)
    # a norm that is no number is not below the limit
    code.end(code.where(norm <= limit, 1.0, limit / norm))
    return code.function


def _apply(module: Any, element: Any, lanes: int, transpose: Any) -> Any:
    code = function(module, "apply", [pointer, pointer, pointer, _double])
    job, unit, constants, factor = code.arguments
    gradient = place(code, job, Job.target_at)
    tables = place(code, job, Job.panels_at)
    weights = tables.load(pointer)
    vector = ir.VectorType(element, lanes)
    factors = code.spread(code.cast(factor, element), lanes)

    def step(n: Value, offset: Value, part: UnitRow, mask: float) -> None:
        g = gradient.at(offset, element)
        with code.when(factor != 1.0), code.loop(0, n, lanes) as i:
            g.store(factors * g.load(vector, i), i)
        code.call_address(
            field(code, job, Job.clipped_update),
            n,
            weights,
            g,
            tables.at(1, pointer),
            offset,
            constants_of(code, job, unit, part, constants),
            place(code, job, Job.clipped_fields_at),
            code.value(mask, _double),
        )

    width, offset = panel_width(code, unit, lanes), field(code, unit, UnitRow.offset)
    bias = field(code, unit, UnitRow.bias_offset)
    step(field(code, unit, UnitRow.rows) * width, offset, UnitRow.weight_constants, 1.0)
    with code.when(bias >= 0):
        step(width, bias, UnitRow.bias_constants, 0.0)
    code.call(transpose, unit, weights.at(offset, element))
    code.end()
    return code.function
