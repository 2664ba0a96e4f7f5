"""exp, log, tanh, erf and their kin on whole vectors, without a branch.

Range reduction and one polynomial each; the coefficients are Chebyshev interpolants computed with
60 digits. Errors, in units of the last place, are bounded in the tests over the whole range. NaN
and infinities keep their meaning: every clamp is a comparison that NaN fails.
"""

import math
from dataclasses import dataclass

from llvmlite import ir

from chainrule.engines.compiled.values import Value
from chainrule.engines.compiled.writing import Code
from chainrule.tracing.error_function import (
    ERF_DOUBLE,
    ERF_SINGLE,
    ERFC_DOUBLE,
    ERFC_IS_ZERO,
    ERFC_SINGLE,
)

__all__ = ["erf", "erfc", "exp", "expm1", "log", "log1p", "tanh"]


@dataclass(frozen=True)
class _Constants:
    """Constants of one precision."""

    digits: int  # bits behind the point
    exponent: int  # bias of the exponent
    log2_high: float  # log 2, its last bits zero, so that n * log2_high is exact
    log2_low: float
    overflow: float  # exp is infinite from here on
    underflow: float  # exp is 0 from here on
    one_less: float  # expm1 is -1 from here on
    tanh_is_one: float
    erfc_is_zero: float
    exp: tuple[float, ...]  # (e^r - 1 - r) / r^2 for |r| <= log(2) / 2
    log: tuple[float, ...]  # (2 atanh(s) / s - 2) / s^2, in s^2, for |s| <= 3 - sqrt(8)
    erf: tuple[float, ...]  # erf(x) / x, in x^2, for |x| <= 1
    erfc: tuple[float, ...]  # (1 + 2 x) exp(x^2) erfc(x), in (x - 3.75) / (x + 3.75), for x >= 0


_SINGLE = _Constants(
    digits=23,
    exponent=127,
    log2_high=0.693359375,
    log2_low=-2.1219444005469057e-4,
    overflow=89.0,
    underflow=-104.0,
    one_less=-18.0,
    tanh_is_one=10.0,
    erfc_is_zero=10.1,
    exp=(
        0.500000001353873,
        0.16666666681704215,
        0.04166646419740569,
        0.008333310844647862,
        0.0013933730715792083,
        0.00019891080463998843,
    ),
    log=(
        0.6666666655404201,
        0.4000012221181065,
        0.28550778633191964,
        0.23331614471843498,
    ),
    erf=ERF_SINGLE,
    erfc=ERFC_SINGLE,
)

_DOUBLE = _Constants(
    digits=52,
    exponent=1023,
    log2_high=0.6931471803691238,
    log2_low=1.9082149292705877e-10,
    overflow=710.0,
    underflow=-746.0,
    one_less=-38.0,
    tanh_is_one=20.0,
    erfc_is_zero=ERFC_IS_ZERO,
    exp=(
        0.5,
        0.1666666666666667,
        0.04166666666666667,
        0.008333333333326084,
        0.0013888888888883711,
        0.0001984126987500228,
        2.480158732567746e-05,
        2.755725517000089e-06,
        2.755727347871858e-07,
        2.5105312729622103e-08,
        2.09147553258932e-09,
    ),
    log=(
        0.666666666666667,
        0.3999999999989889,
        0.28571428626253836,
        0.22222211089379496,
        0.1818289243253687,
        0.15331611722055008,
        0.14617807153417325,
    ),
    erf=ERF_DOUBLE,
    erfc=ERFC_DOUBLE,
)


def _constants(x: Value) -> _Constants:
    element = x.type.element if isinstance(x.type, ir.VectorType) else x.type
    return _SINGLE if isinstance(element, ir.FloatType) else _DOUBLE


def _polynomial(code: Code, x: Value, coefficients: tuple[float, ...]) -> Value:
    value = code.value(coefficients[-1], x.type)
    for coefficient in reversed(coefficients[:-1]):
        value = code.fused(value, x, coefficient)
    return value


def _clamped(code: Code, x: Value, low: float, high: float) -> Value:
    x = code.where(x > high, high, x)
    return code.where(x < low, low, x)


def _reduced(code: Code, x: Value) -> tuple[Value, Value]:
    """Return n, an integer, and m = e^r - 1, so that e^x = 2^n (1 + m)."""
    c = _constants(x)
    # adding this number leaves the nearest integer in the last bits
    shift = 1.5 * 2.0**c.digits
    shifted = code.fused(x, 1.0 / math.log(2.0), shift)
    n = shifted - shift
    r = code.fused(n, -c.log2_high, x)
    r = code.fused(n, -c.log2_low, r)
    m = code.fused(r * r, _polynomial(code, r, c.exp), r)
    return shifted.bits() - code.value(shift, x.type).bits(), m


def _power_of_two(code: Code, n: Value, type_: ir.Type) -> Value:
    c = _constants(Value(code, ir.Constant(type_, None)))
    return ((n + c.exponent) << c.digits).float_of_bits(type_)


def _half(code: Code, n: Value) -> Value:
    # a logical shift of a number made positive: vectors of int64 have no arithmetic one
    return Value(code, code.builder.lshr((n + 4096).ir, code.value(1, n.type).ir)) - 2048


def exp(code: Code, x: Value) -> Value:
    """e^x; subnormal results included."""
    c = _constants(x)
    n, m = _reduced(code, _clamped(code, x, c.underflow, c.overflow))
    half = _half(code, n)
    scale = _power_of_two(code, half, x.type)
    rest = _power_of_two(code, n - half, x.type)
    return (m + 1.0) * scale * rest


def expm1(code: Code, x: Value) -> Value:
    """e^x - 1 without cancellation at 0."""
    c = _constants(x)
    n, m = _reduced(code, _clamped(code, x, c.one_less, c.overflow))
    scale = _power_of_two(code, n - 1, x.type)
    value = code.fused(scale, m, scale - 0.5) * 2.0
    # -0 and subnormals stay themselves
    return code.where(_magnitude(code, x) < 2.0 ** -(c.digits + 2), x, value)


def _magnitude(code: Code, x: Value) -> Value:
    return code.intrinsic("fabs", x)


def _log_of(code: Code, x: Value, correction: Value | None, is_one: Value | None) -> Value:
    """Return log(x (1 + correction)) for positive, normal, finite x."""
    c = _constants(x)
    bits = x.bits()
    # the exponent that leaves a mantissa between sqrt(1/2) and sqrt(2)
    root = code.value(math.sqrt(0.5), x.type).bits()
    n = Value(
        code,
        code.builder.lshr(
            (bits - root + (c.exponent << c.digits)).ir, code.value(c.digits, bits.type).ir
        ),
    )
    n = n - c.exponent
    f = (bits - (n << c.digits)).float_of_bits(x.type) - 1.0
    if is_one is not None:
        f = code.where(n == 0, is_one, f)
    s = f / (f + 2.0)
    z = s * s
    tail = _polynomial(code, z, c.log) * z
    half_square = f * f * 0.5
    n_float = code.cast(code.cast(n, _narrow(n.type)), x.type)
    low = n_float * c.log2_low
    if correction is not None:
        low = low + code.where(n == 0, 0.0, correction)
    # log(1 + f) = f - f^2/2 + s (f^2/2 + tail), from atanh; the largest term is added last
    value = code.fused(s, half_square + tail, low) - half_square + f
    return code.fused(n_float, c.log2_high, value)


def _narrow(type_: ir.Type) -> ir.Type:
    # 32-bit integers convert to floats in one instruction everywhere
    return ir.VectorType(ir.IntType(32), type_.count)


def log(code: Code, x: Value) -> Value:
    """The natural logarithm; -inf at 0, NaN below."""
    c = _constants(x)
    tiny = x < 2.0 ** (2 - c.exponent)
    lift = 2.0 ** (c.digits + 2)
    normal = code.where(tiny, x * lift, x)
    value = _log_of(code, normal, None, None)
    c_lift = code.where(tiny, math.log(lift), code.value(0.0, x.type))
    return _log_edges(code, x, value - c_lift)


def _log_edges(code: Code, x: Value, value: Value) -> Value:
    value = code.where(x == math.inf, math.inf, value)
    value = code.where(x == 0.0, -math.inf, value)
    return code.where((x < 0.0) | (x != x), math.nan, value)


def log1p(code: Code, x: Value) -> Value:
    """log(1 + x) without cancellation at 0."""
    c = _constants(x)
    u = x + 1.0
    # what the rounding of u lost, relative to u; for large x it is x that is kept exactly
    lost = code.where(x > 1.0, 1.0 - (u - x), x - (u - 1.0))
    value = _log_of(code, u, lost / u, x)
    value = code.where(_magnitude(code, x) < 2.0 ** -(c.digits + 2), x, value)
    return _log_edges_shifted(code, x, u, value)


def _log_edges_shifted(code: Code, x: Value, u: Value, value: Value) -> Value:
    value = code.where(x == math.inf, math.inf, value)
    value = code.where(u == 0.0, -math.inf, value)
    return code.where((u < 0.0) | (x != x), math.nan, value)


def tanh(code: Code, x: Value) -> Value:
    """The hyperbolic tangent, from e^(2 |x|) - 1."""
    c = _constants(x)
    magnitude = _magnitude(code, x)
    t = expm1(code, code.where(magnitude > c.tanh_is_one, c.tanh_is_one, magnitude) * 2.0)
    return code.intrinsic("copysign", t / (t + 2.0), x)


def erfc(code: Code, x: Value) -> Value:
    """1 - erf(x), without cancellation for large x (Shepherd & Laframboise 1981)."""
    tail = _erfc_of_magnitude(code, x)
    far = code.where(x < 0.0, 2.0 - tail, tail)
    return code.where(_magnitude(code, x) < 0.5, 1.0 - _erf_near_zero(code, x, 0.5), far)


def _erf_near_zero(code: Code, x: Value, end: float) -> Value:
    z = code.where(_magnitude(code, x) < end, x, 0.0)
    return x * _polynomial(code, z * z, _constants(x).erf)


def _erfc_of_magnitude(code: Code, x: Value) -> Value:
    c = _constants(x)
    magnitude = _magnitude(code, x)
    t = code.where(magnitude > c.erfc_is_zero, c.erfc_is_zero, magnitude)
    u = (t - 3.75) / (t + 3.75)
    square = t * t
    lost = code.fused(t, t, -square)
    decay = exp(code, -square)
    decay = code.fused(decay, -lost, decay)
    value = _polynomial(code, u, c.erfc) * decay / code.fused(t, 2.0, 1.0)
    return code.where(magnitude >= c.erfc_is_zero, 0.0, value)


def erf(code: Code, x: Value) -> Value:
    """The error function."""
    far = code.intrinsic("copysign", 1.0 - _erfc_of_magnitude(code, x), x)
    return code.where(_magnitude(code, x) < 1.0, _erf_near_zero(code, x, 1.0), far)
