"""Rows that stay on the device: whole, to gather batches from, and in blocks, to measure them."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import jax
import jax.numpy as jnp
import numpy as np

from chainrule.engines.engine import Rows
from chainrule.engines.jax_engine.batches import filled, power_of_two
from chainrule.engines.jax_engine.moving import inputs
from chainrule.engines.jax_engine.programs import Data
from chainrule.engines.jax_engine.sparse_rows import SparseRows
from chainrule.foundation.arrays import to_numpy

__all__ = ["BLOCK", "Residents"]

# Rows of a block of scores, losses or gradients; bounds the memory of hidden layers.
BLOCK = 4096


class Residents:
    """The rows that were moved to the device, each of them once; they leave it with their `Rows`.

    Parameters
    ----------
    place : callable
        Puts arrays on the device.

    Attributes
    ----------
    trained : set
        Rows that are trained on; they are not kept twice, nor where networks share them.
    """

    def __init__(self, place: Callable[[Any], Any]) -> None:
        self.trained: WeakSet[Rows] = WeakSet()
        self._place = place
        self._whole: WeakKeyDictionary[Rows, tuple[Any, Data]] = WeakKeyDictionary()
        self._blocks: WeakKeyDictionary[Rows, tuple[Any, list[Data]]] = WeakKeyDictionary()
        self._weights: WeakKeyDictionary[Rows, float] = WeakKeyDictionary()

    def whole(self, rows: Rows, dtype: np.dtype[Any]) -> Data:
        """Return all rows, moved when they are first seen."""
        if rows not in self._whole or self._whole[rows][0] != dtype:
            weight = None if rows.weight is None else jnp.asarray(rows.weight, dtype)
            x, y = inputs(rows.x, dtype), jnp.asarray(rows.y, dtype)
            self._whole[rows] = (dtype, self._place(Data(x, y, weight)))
        return self._whole[rows][1]

    def blocks(self, rows: Rows, dtype: np.dtype[Any]) -> Iterator[Data]:
        """Yield the rows, block by block, with weights, and copies of weight 0 below the last."""
        is_there = not isinstance(rows.x, np.ndarray) and not hasattr(rows.x, "tocsr")
        if is_there or (rows in self._whole and self._whole[rows][0] == dtype):
            yield from _parts(self.whole(rows, dtype), len(rows), dtype)
            return
        if rows in self._blocks and self._blocks[rows][0] == dtype:
            yield from self._blocks[rows][1]
        elif rows in self.trained:
            yield from map(self._place, _moved(rows, dtype))
        else:
            self._blocks[rows] = (dtype, [self._place(one) for one in _moved(rows, dtype)])
            yield from self._blocks[rows][1]

    def weight(self, rows: Rows) -> float:
        """Return the sum of the weights of all rows."""
        if rows.weight is None:
            return float(len(rows))
        if rows not in self._weights:
            self._weights[rows] = float(np.sum(to_numpy(rows.weight), dtype=np.float64))
        return self._weights[rows]


def _parts(whole: Data, n: int, dtype: np.dtype[Any]) -> Iterator[Data]:
    """Yield blocks of rows that are on the device."""
    size = min(power_of_two(n), BLOCK)
    for start in range(0, n, BLOCK):
        # as an array: a number would be part of the program
        yield _part(whole, np.int32(start), size, n, dtype)


@partial(jax.jit, static_argnames=("size", "n", "dtype"))
def _part(whole: Data, start: Any, size: int, n: int, dtype: Any) -> Data:
    numbers = start + jnp.arange(size, dtype=jnp.int32)
    index = jnp.minimum(numbers, n - 1)
    weight = jnp.ones(size, dtype) if whole.weight is None else whole.weight[index]
    x = whole.x.take(index) if isinstance(whole.x, SparseRows) else whole.x[index]
    return Data(x, whole.y[index], jnp.where(numbers < n, weight, 0.0))


def _moved(rows: Rows, dtype: np.dtype[Any]) -> Iterator[Data]:
    """Yield blocks of rows of NumPy, or sparse ones, of a few sizes."""
    y = np.asarray(rows.y, dtype)
    weight = np.ones(len(y), dtype) if rows.weight is None else np.asarray(rows.weight, dtype)
    for start in range(0, len(y), BLOCK):
        span = slice(start, start + BLOCK)
        size = power_of_two(len(y[span]))
        x = rows.x[span]
        if hasattr(x, "tocsr"):
            x = x.tocsr()
            x.resize((size, x.shape[1]))
        else:
            x = filled(x, size)
        yield Data(inputs(x, dtype), filled(y[span], size), filled(weight[span], size))
