"""A random order of rows: NumPy's, number by number, in less time.

NumPy swaps each place i, from the last on, with one drawn from 0 to i: the low bits of a draw of 32
bits, as many as i has, and where they make a number above i, those of the next draw. A quarter of
the draws is passed over, at random, and a processor cannot guess which; here nothing waits for it.
"""

import sys
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from llvmlite import ir

from chainrule.engines.compiled.kernel_code import Kernels
from chainrule.engines.compiled.kinds import Address, Signature, small, truth, whole
from chainrule.engines.compiled.memory import address_of
from chainrule.engines.compiled.values import Value, Variable
from chainrule.engines.compiled.writing import Code, Module, function

__all__ = ["SHUFFLE", "permutation", "write_shuffle"]

# Numbers from which on NumPy's own call takes longer, and from which on it draws 64 bits.
FEW, MANY = 512, 1 << 31
# Pairs of draws beyond the mean.
SPARE = 16

# Swap the places of an order from ``last`` down, with so many draws; return the last one left.
SHUFFLE = Signature(whole, order=Address(whole), last=whole, draws=Address(small), count=whole)


def write_shuffle(module: Module) -> None:
    """Write the function ``shuffle`` into a module."""
    code = function(module, "shuffle", SHUFFLE, inner=False)
    order, last, draws, count = code.arguments("order", "last", "draws", "count")
    place, used = Variable(code, last, "place"), Variable(code, code.value(0), "used")
    with code.forever() as out:
        code.leave_if((place.get() <= 0) | (used.get() >= count), out)
        mask = _ones(code, place.get()).named("mask")
        with code.forever() as fewer:
            i, number = place.get(), used.get()
            code.leave_if((i <= mask >> 1) | (number >= count), fewer)
            draw = Value(code, code.builder.zext(draws.load(small, number).ir, whole)) & mask
            # one that is passed over swaps a place with itself
            good = draw <= i
            other = code.where(good, draw, i)
            one, two = order.load(whole, i), order.load(whole, other)
            order.store(two, i)
            order.store(one, other)
            place.set(i - code.where(good, code.value(1), 0))
            used.set(number + 1)
    code.end(place.get())


def _ones(code: Code, number: Value) -> Value:
    """Return the number of as many bits as a positive one, all of them set."""
    zeros = code.declared("llvm.ctlz.i64", [whole, truth], whole)
    count = code.builder.call(zeros, [number.ir, ir.Constant(truth, 1)])
    return Value(code, code.builder.lshr(ir.Constant(whole, -1), count))


def permutation(kernels: Kernels, generator: np.random.Generator, n: int) -> np.ndarray:
    """Return the order that ``generator.permutation(n)`` would be, of a generator that is new.

    The generator may have drawn more than NumPy would.
    """
    usual = type(generator.bit_generator) is np.random.PCG64 and FEW <= n < MANY
    if not usual or not _is_numpys(kernels):
        return generator.permutation(n)
    return _shuffled(kernels, generator, n)


def _shuffled(kernels: Kernels, generator: np.random.Generator, n: int) -> np.ndarray:
    shuffle = _function(kernels)
    order, last, pairs = np.arange(n), n - 1, _pairs(n)
    while last > 0:
        # the low half of 64 bits is drawn first
        draws = generator.bit_generator.random_raw(pairs)
        last = shuffle(address_of(order), last, address_of(draws), 2 * pairs)
        pairs = _pairs(last)
    return order


def _pairs(n: int) -> int:
    """Return a few more pairs of draws than so many places take on average, 2 ln 2 each."""
    return int(0.7 * n) + SPARE


@lru_cache(maxsize=8)
def _function(kernels: Kernels) -> Callable[[int, int, int, int], int]:
    found: Callable[[int, int, int, int], int] = kernels.entry("shuffle", SHUFFLE).function()
    return found


@lru_cache(maxsize=8)
def _is_numpys(kernels: Kernels) -> bool:
    """Return whether this NumPy still draws in that way; a later one may not."""
    orders = (
        np.random.default_rng(5).permutation(FEW),
        _shuffled(kernels, np.random.default_rng(5), FEW),
    )
    return sys.byteorder == "little" and bool(np.array_equal(*orders))
