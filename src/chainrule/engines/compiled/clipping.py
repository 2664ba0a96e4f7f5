"""A step whose gradient is clipped: collected in panels first, measured, and then applied.

The first of three parts is the second phase itself, with a pass in place of the optimizer's that
only stores the gradient. Every unit then adds up its own squares; all threads add the units' sums
in one order, and so agree on the factor.
"""

from dataclasses import dataclass

from llvmlite import ir

from chainrule.engines.compiled.kinds import NUMBERS, Address, Field, Signature, real, whole
from chainrule.engines.compiled.tables import Job, UnitRow
from chainrule.engines.compiled.values import Value, Variable
from chainrule.engines.compiled.weight_phase import WeightPhase, constants_of, panel_width
from chainrule.engines.compiled.writing import Function, Module, function

__all__ = ["Clipping"]

# Numbers from LARGE on are squared times SCALE, so that no finite one overflows.
# Source: Anderson (2017), ACM TOMS 44(1), algorithm 978.
LARGE, SCALE = 2.0**486, 2.0**-538

_SQUARES = Signature(job=Address(Job), unit=Address(UnitRow), number=whole)
_FACTOR = Signature(real, job=Address(Job))
_APPLY = Signature(job=Address(Job), unit=Address(UnitRow), constants=Address(real), factor=real)


@dataclass(frozen=True)
class Clipping:
    """The functions of a clipped step.

    Attributes
    ----------
    squares : Function
        Sum the squares of a unit's gradient.
    factor : Function
        min(1, c / norm), from the sums of all units.
    apply : Function
        The optimizer's step of a unit.
    """

    squares: Function
    factor: Function
    apply: Function

    @classmethod
    def of(cls, module: Module, weights: WeightPhase) -> "Clipping":
        """Write the functions into a module."""
        return cls(_squares(module), _factor(module), _apply(module, weights.transpose))


def _squares(module: Module) -> Function:
    element, lanes, narrow = module.element, module.lanes, module.vector
    code = function(module, "squares", _SQUARES)
    job, unit, number = code.arguments("job", "unit", "number")
    gradient = job[Job.target_at]
    wide = ir.VectorType(real, lanes)
    lane = Value(code, ir.Constant(ir.VectorType(whole, lanes), list(range(lanes))))
    middle, large = (Variable(code, code.value(0.0, wide), name) for name in ("middle", "large"))

    def add(numbers: Value, columns: Value) -> None:
        """Add the squares of some columns of a strip; what lies beyond them is padding."""
        with code.loop(0, columns, lanes, name="column") as column:
            there = lane < columns - column
            x = code.cast(code.where(there, numbers.load(narrow, column), 0.0), wide)
            if isinstance(element, ir.DoubleType):  # no square of a float32 overflows
                is_large = code.intrinsic("fabs", x) >= LARGE
                scaled = code.where(is_large, x * SCALE, 0.0)
                large.set(code.fused(scaled, scaled, large.get()))
                x = code.where(is_large, 0.0, x)
            middle.set(code.fused(x, x, middle.get()))

    width, columns = panel_width(code, unit), unit[UnitRow.columns]
    offset, bias = unit[UnitRow.offset], unit[UnitRow.bias_offset]
    with code.loop(0, unit[UnitRow.rows], name="row") as row:
        add(gradient.at(offset + row * width, element), columns)
    with code.when(bias >= 0):
        add(gradient.at(bias, element), columns)
    sums = job[Job.squares_at].at(number * 2, real)
    for number_of_sum, total in enumerate((middle.get(), large.get())):
        result = code.extract(total, 0)
        for i in range(1, lanes):
            result = result + code.extract(total, i)
        sums.store(result, number_of_sum)
    code.end()
    return code.function


def _factor(module: Module) -> Function:
    code = function(module, "clipping_factor", _FACTOR)
    (job,) = code.arguments("job")
    units = job[Job.units]
    sums = job[Job.squares_at]
    middle, large = (Variable(code, code.value(0.0, real), name) for name in ("middle", "large"))
    with code.loop(0, units, name="unit") as unit:
        for offset, total in enumerate((middle, large)):
            total.set(total.get() + sums.load(real, unit * 2 + offset))
    limit, square = sums.load(real, units * 2), middle.get()
    any_large = large.get() > 0.0
    limit = code.where(any_large, limit * SCALE, limit)
    square = code.where(any_large, large.get() + square * SCALE * SCALE, square)
    norm = code.intrinsic("sqrt", square)
    # a norm that is NaN is not below the limit
    code.end(code.where(norm <= limit, 1.0, limit / norm))
    return code.function


def _apply(module: Module, transpose: Function) -> Function:
    element, lanes, vector = module.element, module.lanes, module.vector
    code = function(module, "apply", _APPLY)
    job, unit, constants, factor = code.arguments("job", "unit", "constants", "factor")
    gradient = job[Job.target_at]
    tables, numbers = job[Job.panels_at], Address(NUMBERS)
    weights = tables.load(numbers)
    factors = code.spread(code.cast(factor, element), lanes)

    def step(n: Value, offset: Value, which: Field, mask: float) -> None:
        g = gradient.at(offset, element)
        with code.when(factor != 1.0), code.loop(0, n, lanes) as i:
            g.store(factors * g.load(vector, i), i)
        code.call_entry(
            job[Job.clipped_update],
            n=n,
            p=weights,
            g=g,
            slots=tables.at(1, numbers),
            offset=offset,
            constants=constants_of(job, unit, which, constants),
            fields=job[Job.clipped_fields_at],
            mask=mask,
        )

    width, offset = panel_width(code, unit), unit[UnitRow.offset]
    bias = unit[UnitRow.bias_offset]
    step(unit[UnitRow.rows] * width, offset, UnitRow.weight_constants, 1.0)
    with code.when(bias >= 0):
        step(width, bias, UnitRow.bias_constants, 0.0)
    code.call(transpose, unit=unit, strip=weights.at(offset, element))
    code.end()
    return code.function
