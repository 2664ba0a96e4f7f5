"""Rows drawn by a hash of (seed, row number): the same ones, however the rows are cut into blocks.

A row is drawn where its hash, a number in [0, 1), is below a share. The hash is the finalizer of
SplitMix64 (Steele, Lea, Flood, 2014), as good as random numbers here, and any row has it at once.
"""

from __future__ import annotations

import numpy as np

__all__ = ["drawn", "hashes"]

GAMMA = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def hashes(seed: int, start: int, count: int, purpose: int = 0) -> np.ndarray:
    """Return a number in [0, 1) for each of ``count`` rows from the row ``start`` on.

    Examples
    --------
    >>> together = hashes(3, 0, 10)
    >>> bool((together == np.concatenate([hashes(3, 0, 4), hashes(3, 4, 6)])).all())
    True
    """
    salt = np.uint64((seed * 2 + 1) * 0x2545F4914F6CDD1D + purpose * 0x9E37 & (2**64 - 1))
    with np.errstate(over="ignore"):
        value = _mixed(np.arange(start, start + count, dtype=np.uint64) * GAMMA + salt)
        value = _mixed(value ^ salt)
    found: np.ndarray = (value >> np.uint64(11)) * 2.0**-53
    return found


def _mixed(value: np.ndarray) -> np.ndarray:
    value = (value ^ (value >> np.uint64(30))) * FIRST
    value = (value ^ (value >> np.uint64(27))) * SECOND
    found: np.ndarray = value ^ (value >> np.uint64(31))
    return found


def drawn(seed: int, start: int, count: int, share: float, purpose: int = 0) -> np.ndarray:
    """Return which of ``count`` rows from the row ``start`` on are drawn, a ``share`` of all.

    Examples
    --------
    >>> int(drawn(0, 0, 100_000, 0.1).sum())
    10034
    """
    found: np.ndarray = hashes(seed, start, count, purpose) < share
    return found
