"""Arrays as a source: in memory, or as memory maps of ``.npy`` files."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from chainrule.foundation.errors import InputError
from chainrule.foundation.real_numbers import check_count

__all__ = ["BLOCK_ROWS", "ArraySource", "map_npy", "open_npy"]

# Rows of a block, where nothing else decides: a few MB of numbers.
BLOCK_ROWS = 2**16


class ArraySource:
    """Arrays that are read in blocks of rows; a memory map stays on the disk.

    Parameters
    ----------
    X : array (n, n_features)
        Inputs.
    y : array (n,) or (n, n_targets)
        Targets.
    weights : array (n,), optional
        Weights of the rows.
    block_rows : int
        Rows of a block; the last one may have fewer.

    Examples
    --------
    >>> source = ArraySource(np.arange(10.0).reshape(5, 2), np.arange(5), block_rows=2)
    >>> source.n_blocks, source.block_rows
    (3, (2, 2, 1))
    >>> source.load(2)
    (array([[8., 9.]]), array([4]))
    """

    def __init__(
        self, X: Any, y: Any, weights: Any = None, *, block_rows: int = BLOCK_ROWS
    ) -> None:
        check_count("block_rows", block_rows)
        self.X = X if hasattr(X, "tocsr") or isinstance(X, np.ndarray) else np.asarray(X)
        self.y = y if isinstance(y, np.ndarray) else np.asarray(y)
        self.weights = weights if weights is None else np.asarray(weights)
        n = self.X.shape[0]
        parts = [self.y] if self.weights is None else [self.y, self.weights]
        if any(len(part) != n for part in parts):
            lengths = ", ".join(f"{len(part):,}" for part in parts)
            raise InputError(f"X, y and weights must be of one length; got {n:,}, {lengths}.")
        if n == 0:
            raise InputError("X must have at least one row; got none.")
        self._starts = [*range(0, n, block_rows), n]
        self.n_blocks = len(self._starts) - 1
        self.block_rows = tuple(np.diff(self._starts).tolist())

    def load(self, i: int) -> tuple[Any, ...]:
        """Return block i as ``(X, y)`` or ``(X, y, weights)``."""
        rows = slice(self._starts[i], self._starts[i + 1])
        found = (self.X[rows], self.y[rows])
        return found if self.weights is None else (*found, self.weights[rows])


def map_npy(path: str | os.PathLike[str]) -> np.ndarray:
    """Return a ``.npy`` file as a memory map.

    Raises
    ------
    InputError
        It cannot be read, or holds objects.
    """
    try:
        found: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError(
            f"{os.fspath(path)} must be a .npy file of numbers or labels; it cannot be read: "
            f"{reason}. Write it with numpy.save(path, array, allow_pickle=False)."
        ) from error
    return found


def open_npy(
    X: str | os.PathLike[str], y: str | os.PathLike[str], *, block_rows: int = BLOCK_ROWS
) -> ArraySource:
    """Return a pair of ``.npy`` files as a source, as memory maps without a copy.

    Raises
    ------
    InputError
        A file cannot be read, or holds objects.
    """
    return ArraySource(map_npy(X), map_npy(y), block_rows=block_rows)
