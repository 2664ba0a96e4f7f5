"""Random orders of rows, drawn by machine code where it knows NumPy's way."""

import sys
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from chainrule.engines.compiled.kernel_code import Kernels
from chainrule.engines.compiled.memory import address_of
from chainrule.engines.compiled.shuffling import SHUFFLE

__all__ = ["permutation"]

# Numbers from which on NumPy's own call takes longer, and from which on it draws 64 bits.
FEW, MANY = 512, 1 << 31
# Pairs of draws beyond the mean.
SPARE = 16


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
    order, last, pairs = np.arange(n, dtype=np.int64), n - 1, _pairs(n)
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
