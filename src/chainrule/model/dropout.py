"""Dropout: in every step of training, hidden units are left out at random.

Which units a row loses is a hash of seed, step, layer, the row's place in its batch, and the unit.
So every engine draws the same masks, whatever the threads and the order of its work, and a resumed
run draws those of a long one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from chainrule.foundation.arrays import Array, Namespace, namespace
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.real_numbers import is_real
from chainrule.foundation.seeds import Purpose, words

__all__ = ["MIX", "Mask", "is_kept", "layer_rates", "scale", "step_keys", "step_masks", "threshold"]

# Shift, factor, shift, factor, shift of a mixer of 32-bit integers: every bit of the input decides
# about every bit of the output. Source: Wellons (2018), "Prospecting for hash functions",
# nullprogram.com/blog/2018/07/31, lowbias32.
MIX = (16, 0x7FEB352D, 15, 0x846CA68B, 16)


@dataclass(frozen=True, eq=False)
class Mask:
    r"""The units that a batch keeps of one layer: :math:`a \leftarrow a k / (1 - r)`, k 0 or 1.

    The factor keeps the mean of a; the pullback is the same product. A unit left out is 0, whatever
    its value. Source: Srivastava et al. (2014), JMLR 15, in the inverted form of its section 10.
    """

    kept: Array
    scale: float

    def __call__(self, xp: Namespace, a: Array) -> Array:
        """Return the outputs, or the derivatives by them, of the units that are kept."""
        return xp.where(self.kept, self.scale * a, 0.0)


def layer_rates(dropout: Any, hidden: int) -> tuple[float, ...]:
    """Return the share that each hidden layer loses; an empty tuple where none loses any.

    Examples
    --------
    >>> layer_rates(0.2, 2), layer_rates([0.0, 0.5], 2), layer_rates(0.0, 2)
    ((0.2, 0.2), (0.0, 0.5), ())
    """
    rates = [dropout] * hidden if isinstance(dropout, Real) else list(dropout)
    for rate in [dropout] if isinstance(dropout, Real) else rates:
        if not is_real(rate) or not 0.0 <= float(rate) < 1.0:
            raise must_be("dropout", "at least 0 and below 1", rate)
    if not isinstance(dropout, Real) and len(rates) not in (0, hidden):
        raise InputError(
            f"dropout must be one number, or one per hidden layer ({hidden}); got {len(rates)}: "
            f"{rates!r}."
        )
    if not hidden and isinstance(dropout, Real) and dropout:
        raise must_be("dropout", "0 for a network without hidden layers", dropout)
    return tuple(map(float, rates)) if any(rates) else ()


def threshold(rate: float) -> int:
    """Return the smallest 31-bit number that keeps a unit."""
    return round(rate * 2**31)


def scale(rate: float) -> float:
    """Return the factor that keeps the mean of a layer that loses a share."""
    return 1.0 / (1.0 - rate)


def step_keys(seed: int, first: int, steps: int, layers: int) -> np.ndarray:
    """Return two 32-bit keys for each step from ``first`` (from 0) on and each layer.

    The array is uint32, of shape (steps, layers, 2).
    """
    bases = np.array([words(seed, Purpose.DROPOUT, layer) for layer in range(layers)], np.uint32)
    numbers = np.arange(first, first + steps, dtype=np.uint64)[:, None, None]
    low, high = (numbers & 0xFFFFFFFF).astype(np.uint32), (numbers >> 32).astype(np.uint32)
    keys: np.ndarray = _mixed(_mixed(bases.reshape(1, layers, 2) ^ low) ^ high)
    return keys


def is_kept(keys: Array, rows: int, units: int, rate: float) -> Array:
    """Return which units (rows, units) the rows of one batch keep in one layer.

    Parameters
    ----------
    keys : array (2,) of uint32
        Those of `step_keys` for the step and the layer; of any library with unsigned integers.
    rows, units : int
        Sizes; element (i, j) has the number ``i * units + j``, modulo 2**32.
    rate : float
        Share of units to leave out.

    Examples
    --------
    >>> keys = step_keys(seed=0, first=0, steps=1, layers=1)[0, 0]
    >>> round(float(is_kept(keys, 1000, 100, 0.25).mean()), 2)
    0.75
    """
    xp = namespace(keys)
    row, unit = xp.arange(rows, dtype=xp.uint32)[:, None], xp.arange(units, dtype=xp.uint32)
    number = row * np.uint32(units) + unit
    drawn = _mixed(_mixed(number ^ keys[0]) ^ keys[1])
    return (drawn >> np.uint32(1)) >= np.uint32(threshold(rate))


def step_masks(
    xp: Namespace, keys: Array, rows: int, rates: Sequence[float], units: Sequence[int]
) -> tuple[Mask | None, ...]:
    """Return the masks of one step, one per layer that has a rate; None where that is 0."""
    return tuple(
        Mask(xp.asarray(is_kept(key, rows, width, rate)), scale(rate)) if rate else None
        for key, rate, width in zip(keys, rates, units, strict=True)
    )


def _mixed(x: Array) -> Array:
    first, one, second, two, third = MIX
    x = (x ^ (x >> np.uint32(first))) * np.uint32(one)
    x = (x ^ (x >> np.uint32(second))) * np.uint32(two)
    return x ^ (x >> np.uint32(third))
