"""Roots and quotients beside the divider: errors in units of the last place, special numbers."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule.engines.compiled import reciprocals
from chainrule.engines.compiled.kinds import NUMBERS, Address, Signature, whole
from chainrule.engines.compiled.machine_code import ModuleSource, load
from chainrule.engines.compiled.reciprocals import has_slow_divider
from chainrule.engines.compiled.target import Target, host_target
from chainrule.engines.compiled.writing import Module, function

INTEL = Target("sapphirerapids", "+avx512f,+avx512vl", 64, 32, "x86_64-unknown-linux-gnu")
able = pytest.mark.skipif(
    "+avx512vl" not in host_target().features.split(","), reason="This processor has no AVX-512."
)
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-30, 3e38], np.float32)
COUNT = 1 << 20


def compiled(name, vector_bytes):
    """Return a function of one or two arrays of float32, of whole vectors."""
    target = host_target(vector_bytes)
    numbers = Address(NUMBERS)
    signature = Signature(n=whole, x=numbers, y=numbers, out=numbers)

    def build():
        module = Module("reciprocals", target, 4)
        code = function(module, "run", signature, inner=False)
        n, x, y, out = code.arguments("n", "x", "y", "out")
        with code.loop(0, n, module.lanes) as i:
            operands = [of.load(module.vector, i) for of in (x, y)]
            written = getattr(reciprocals, name)
            out.store(written(code, *(operands if name == "quotient" else operands[:1])), i)
        code.end()
        return module

    text = str(build())
    code = load(ModuleSource(target, name, text, lambda: text))
    run = code.entry("run", signature).function()

    def evaluate(x, y):
        out = np.empty_like(x)
        run(len(x), *(array.ctypes.data for array in (x, y, out)))
        return out

    return evaluate


def units(one, two):
    """Return how many numbers lie between the two, at most."""
    return np.abs(one.view(np.int32).astype(np.int64) - two.view(np.int32)).max()


def numbers(seed, least=-90, most=60):
    """Return numbers of both signs and of all sizes between two powers of two."""
    random = np.random.default_rng(seed)
    sizes = np.exp2(random.uniform(least, most, COUNT))
    return (sizes * random.choice([-1.0, 1.0], COUNT)).astype(np.float32)


@able
@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
def test_roots_and_quotients_are_off_by_a_unit_or_two(vector_bytes):
    x, y = numbers(0), numbers(1, -40, 30)
    found = compiled("root", vector_bytes)(np.abs(x), y)
    assert units(found, np.sqrt(np.abs(x))) == 1
    # all digits that a number between 1 and 4 can have, in steps of eight
    digits = (np.arange(0, 1 << 24, 8) + (127 << 23)).astype(np.int32).view(np.float32)
    assert units(compiled("root", vector_bytes)(digits, digits), np.sqrt(digits)) == 1
    found = compiled("quotient", vector_bytes)(x, y)
    assert 1 <= units(found, x / y) <= 2


@able
def test_vectors_of_any_width_have_the_same_bits():
    x, y = numbers(2), numbers(3, -40, 30)
    for name in ("root", "quotient"):
        found = {compiled(name, width)(np.abs(x), y).tobytes() for width in (16, 32, 64)}
        assert len(found) == 1


@able
def test_nan_infinities_and_zeros_keep_their_meaning():
    one, two = (each.ravel() for each in np.meshgrid(SPECIAL[:-1], SPECIAL[:-1]))
    with np.errstate(all="ignore"):
        roots, quotients = np.sqrt(one), one / two
    found = compiled("root", 64)(one, two)
    np.testing.assert_allclose(found, roots, rtol=1e-6)
    assert (np.signbit(found) == np.signbit(roots))[one == 0.0].all()
    np.testing.assert_allclose(compiled("quotient", 64)(one, two), quotients, rtol=1e-6)
    largest = np.full(16, 3e38, np.float32)
    np.testing.assert_array_equal(compiled("quotient", 64)(largest, largest * 0 + 1e-5), np.inf)


def test_processors_with_a_slow_divider():
    assert has_slow_divider(INTEL)
    assert not has_slow_divider(replace(INTEL, cpu="znver5"))
    assert not has_slow_divider(replace(INTEL, features="+avx2,+fma"))
    assert not has_slow_divider(replace(INTEL, triple="aarch64-unknown-linux-gnu"))
