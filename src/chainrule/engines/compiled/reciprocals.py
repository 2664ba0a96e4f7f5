"""Square roots and quotients of float32 beside the divider, for processors where that is slower.

An estimate of 14 bits (`vrsqrt14ps`, `vrcp14ps`) and one Newton step: roots are off by at most one
unit of the last place, and quotients by two. NaN, infinities and zeros keep their meaning.
"""

from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.kinds import small
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.values import Value
from chainrule.engines.compiled.writing import Code

__all__ = ["has_slow_divider", "quotient", "root"]

# What `vfixupimmps` puts in the place of a root, by the kind of the number: NaN of both kinds and
# zeros stand for themselves (1), 1 and other positive numbers have their root (0), infinity is its
# own (5), and what is below 0 has none (3: NaN). Four bits each, from the lowest on.
_ROOTS_OF = (1, 1, 1, 0, 3, 5, 3, 0)


def has_slow_divider(target: Target) -> bool:
    """Return whether an estimate and a Newton step take less time than the divider.

    On Intel's with AVX-512 (Emerald Rapids) a step of 20-64-64-2 at 32 rows under Adam takes 0.94
    of the time, and one of 784-128-64-10 0.92; on AMD's (Zen 5) they take 1.03 to 1.04.
    """
    features = target.features.split(",")
    return target.family == "x86" and "+avx512vl" in features and not target.cpu.startswith("znver")


def _call(code: Code, name: str, x: Value, *values: Any) -> Value:
    lanes = x.type.count
    types = [value.type for value in values]
    known = code.declared(f"llvm.x86.avx512.{name}.ps.{32 * lanes}", types, x.type)
    return Value(code, code.builder.call(known, values))


def _estimate(code: Code, name: str, x: Value) -> Value:
    """Return 14 bits of a function of each number."""
    return _call(code, name, x, x.ir, ir.Constant(x.type, None), _every_lane(x))


def _every_lane(x: Value) -> Any:
    return ir.Constant(ir.IntType(max(x.type.count, 8)), -1)


def root(code: Code, x: Value) -> Value:
    """Return the square root of each number."""
    estimate = _estimate(code, "rsqrt14", x)
    near = x * estimate
    error = code.fused(-near, estimate * 0.5, 0.5)
    near = code.fused(near, error, near)
    kinds = sum(answer << (4 * kind) for kind, answer in enumerate(_ROOTS_OF))
    table = ir.Constant(ir.VectorType(small, x.type.count), [kinds] * x.type.count)
    # vectors of 512 bits name a way of rounding, too: that in force
    rounding = [ir.Constant(small, 4)] if x.type.count == 16 else []
    values = near.ir, x.ir, table, ir.Constant(small, 0), _every_lane(x), *rounding
    return _call(code, "mask.fixupimm", x, *values)


def quotient(code: Code, one: Value, two: Value) -> Value:
    """Return one / two, for divisors below 2^126: the estimate of their inverse is normal."""
    inverse = _estimate(code, "rcp14", two)
    near = one * inverse
    better = code.fused(code.fused(-two, inverse, 1.0), near, near)
    # the step is NaN from infinities and zeros, where the estimate says what the divider would
    return code.where(better == better, better, near)
