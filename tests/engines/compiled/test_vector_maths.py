"""Errors of the vector maths in units of the last place, over the whole range of each precision."""

import math

import numpy as np
import pytest
import scipy.special

from chainrule.engines.compiled import vector_maths
from chainrule.engines.compiled.kinds import NUMBERS, Address, Signature, whole
from chainrule.engines.compiled.machine_code import ModuleSource, load
from chainrule.engines.compiled.target import host_target
from chainrule.engines.compiled.writing import Module, function

# Units of the last place. erfc is a product of three rounded factors and a quotient; without a
# fused multiply-add it loses more digits in its tail.
LIMITS = {"exp": 2, "log": 2, "log1p": 2, "expm1": 2, "tanh": 4, "erf": 4, "erfc": 5}
ORACLES = {
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "tanh": np.tanh,
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
}
DTYPES = (np.float32, np.float64)
TINY = {np.float32: 1e-45, np.float64: 5e-324}


def compiled(name, dtype, target=None):
    """Return a vector function as a function of arrays."""
    target = target or host_target()
    itemsize = np.dtype(dtype).itemsize
    lanes = target.lanes(itemsize)
    signature = Signature(n=whole, x=Address(NUMBERS), out=Address(NUMBERS))

    def build():
        module = Module("maths", target, itemsize)
        code = function(module, "run", signature, inner=False)
        n, x, out = code.arguments("n", "x", "out")
        with code.loop(0, n, lanes) as i:
            out.store(getattr(vector_maths, name)(code, x.load(module.vector, i)), i)
        code.end()
        return module

    text = str(build())
    code = load(ModuleSource(target, name, text, lambda: text))
    run = code.entry("run", signature).function()

    def evaluate(x):
        x = np.asarray(x, dtype)
        padded = np.zeros(-(-len(x) // lanes) * lanes, dtype)
        padded[: len(x)] = x
        out = np.empty_like(padded)
        run(len(padded), padded.ctypes.data, out.ctypes.data)
        return out[: len(x)]

    return evaluate


def inputs(name, dtype):
    """Return numbers of every size, both signs, and many where the function bends."""
    random = np.random.default_rng(0)
    info = np.finfo(dtype)
    exponents = random.uniform(math.log2(TINY[dtype]), info.maxexp, 40_000)
    with np.errstate(over="ignore"):
        every_size = np.exp2(exponents)
    every_size = np.where(np.isfinite(every_size), every_size, float(info.max))
    usual = np.concatenate([random.uniform(-9, 9, 40_000), random.uniform(-1.5, 1.5, 40_000)])
    wide = random.uniform(-110 if dtype == np.float32 else -750, 90, 20_000)
    x = np.concatenate([every_size, -every_size, usual, wide])
    if name == "log":
        x = np.abs(x)
    if name == "log1p":
        x = np.where(x > -1.0, x, -x)
    with np.errstate(over="ignore"):
        x = x.astype(dtype)
    return x[np.isfinite(x)]


def true_values(name, x):
    """Return values with more digits than the precision under test."""
    with np.errstate(all="ignore"):
        if x.dtype == np.float32:
            return ORACLES[name](x.astype(np.float64))
        if name in ("erf", "erfc"):  # no long double form; scipy's errs by hundreds of units
            return np.array(list(map(getattr(math, name), x.tolist())))
        return ORACLES[name](x.astype(np.longdouble))


@pytest.mark.grid(2)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LIMITS)
def test_errors_in_units_of_the_last_place(name, dtype):
    x = inputs(name, dtype)
    true, got = true_values(name, x), compiled(name, dtype)(x)
    with np.errstate(over="ignore"):
        rounded = true.astype(dtype)
    finite = np.isfinite(rounded)
    assert np.array_equal(rounded[~finite], got[~finite])
    unit = np.spacing(np.abs(rounded[finite]))
    wide = np.longdouble if dtype == np.float64 else np.float64
    error = np.abs(got[finite].astype(wide) - true[finite].astype(wide)) / unit
    # the last bits of the oracle for erf in float64 are not certain
    limit = LIMITS[name] + (1 if name in ("erf", "erfc") and dtype == np.float64 else 0)
    assert error.max() <= limit, (x[finite][error.argmax()], float(error.max()))


@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_erf_against_sixty_digits(name):
    mpmath = pytest.importorskip("mpmath")
    x = np.concatenate([inputs(name, np.float64)[::400], np.linspace(9.0, 26.0, 100)])
    x = x[(np.abs(x) < 26.0) & (np.abs(x) > 1e-300)]
    got = compiled(name, np.float64)(x)
    with mpmath.workdps(60):
        for number, value in zip(x.tolist(), got.tolist(), strict=True):
            true = getattr(mpmath, name)(mpmath.mpf(number))
            unit = math.ulp(float(true))
            assert abs((mpmath.mpf(value) - true) / unit) <= LIMITS[name], number


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("exp", [np.inf, 0.0, np.nan, 1.0]),
        ("log", [np.inf, np.nan, np.nan, -np.inf]),
        ("log1p", [np.inf, np.nan, np.nan, 0.0]),
        ("expm1", [np.inf, -1.0, np.nan, 0.0]),
        ("tanh", [1.0, -1.0, np.nan, 0.0]),
        ("erf", [1.0, -1.0, np.nan, 0.0]),
        ("erfc", [0.0, 2.0, np.nan, 1.0]),
    ],
)
def test_infinities_nan_and_zero(name, values, dtype):
    got = compiled(name, dtype)([np.inf, -np.inf, np.nan, 0.0])
    np.testing.assert_array_equal(got, np.array(values, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_logarithms_at_the_ends_of_their_domain(dtype):
    below = np.nextafter(dtype(-1), dtype(-2))
    got = compiled("log1p", dtype)([-1.0, below, -0.0])
    np.testing.assert_array_equal(got, np.array([-np.inf, np.nan, -0.0], dtype))
    assert np.isnan(compiled("log", dtype)([-1e-30])[0])


@pytest.mark.parametrize("width", [16, 32, 64])
def test_other_vector_widths_give_the_same_bits(width):
    x = inputs("tanh", np.float32)
    wide = compiled("tanh", np.float32, host_target(width))(x)
    np.testing.assert_array_equal(wide, compiled("tanh", np.float32)(x))
