"""Rows on their way to the device: inputs in their own dtype, and shapes that are few."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from chainrule.engines.jax_engine.batches import power_of_two
from chainrule.engines.jax_engine.sparse_rows import SparseRows

__all__ = ["inputs", "padded", "stacked"]


def stacked(arrays: list[Any]) -> Any:
    """Return arrays as one with an axis in front; shorter ones are filled up with zeros.

    Examples
    --------
    >>> stacked([np.ones(2), np.ones(3)])
    array([[1., 1., 0.],
           [1., 1., 1.]])
    """
    longest = max(map(len, arrays))
    xp = np if all(isinstance(array, np.ndarray) for array in arrays) else jnp
    missing = [[(0, longest - len(array)), *[(0, 0)] * (array.ndim - 1)] for array in arrays]
    return xp.stack([xp.pad(array, pad) for array, pad in zip(arrays, missing, strict=True)])


def inputs(x: Any, dtype: np.dtype[Any]) -> Any:
    """Return inputs on the device, in their own dtype where it fits one."""
    if hasattr(x, "tocsr"):
        return jax.device_put(SparseRows.of(x.tocsr(), dtype))
    # without 64-bit numbers JAX would cut large integers
    wide = isinstance(x, np.ndarray) and x.dtype.itemsize > 4
    return jnp.asarray(x, dtype) if wide else jnp.asarray(x)


def padded(rows: Any) -> Any:
    """Return rows with zeros below them, so that a few shapes stand for all."""
    missing = power_of_two(rows.shape[0]) - rows.shape[0]

    def longer(array: Any) -> Any:
        return jnp.pad(array, ((0, missing), *[(0, 0)] * (array.ndim - 1)))

    return jax.tree.map(longer, rows) if missing else rows
