"""The drift of targets from block to block: rows in the order of time, or sorted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["Drift"]

# Blocks differ where so large a share of the spread of targets lies between them, which is more
# than chance would do by so many of its standard deviations.
SHARE, SURELY = 0.005, 6.0


class Drift:
    """The targets of blocks, as far as they tell whether the order of the rows is of use.

    Examples
    --------
    >>> same, rising = Drift(), Drift()
    >>> for day in range(10):
    ...     y = np.random.default_rng(day).normal(size=500)
    ...     same.add(y)
    ...     rising.add(y + 0.1 * day)
    >>> same.is_there, rising.is_there
    (False, True)
    """

    def __init__(self) -> None:
        self._rows = self._blocks = 0
        self._of_labels: dict[Any, np.ndarray] = {}  # rows, and the sum of squares / block rows
        self._first: Any = 0.0
        self._sum: Any = 0.0
        self._squares: Any = 0.0
        self._between: Any = 0.0

    def add(self, y: np.ndarray, labels: bool = False) -> None:
        """Add the targets of a block: numbers, or labels."""
        n = len(y)
        if not n:
            return
        self._blocks, self._rows = self._blocks + 1, self._rows + n
        if labels:
            found, counts = np.unique(y, return_counts=True)
            for label, size in zip(found.tolist(), counts.tolist(), strict=True):
                known = self._of_labels.setdefault(label, np.zeros(2))
                known += size, size * size / n
            return
        numbers = y.astype(np.float64)
        if self._blocks == 1:
            self._first = numbers.mean(axis=0)  # of large numbers, squares would cancel
        numbers = numbers - self._first
        total = numbers.sum(axis=0)
        self._sum, self._between = self._sum + total, self._between + total * total / n
        self._squares = self._squares + (numbers * numbers).sum(axis=0)

    @property
    def share(self) -> float:
        """The share of the spread of the targets that lies between blocks, without chance."""
        n = max(1, self._rows)
        if self._of_labels:
            sizes, squares = np.array(list(self._of_labels.values())).T / n
            whole, between = 1.0 - (sizes**2).sum(), squares.sum() - (sizes**2).sum()
        else:
            mean = self._sum / n
            whole, between = self._squares / n - mean**2, self._between / n - mean**2
        with np.errstate(all="ignore"):
            shares = np.nan_to_num(np.atleast_1d(between / whole), nan=0.0, posinf=0.0)
        return float(shares.max()) - (self._blocks - 1) / n

    @property
    def is_there(self) -> bool:
        """True if blocks differ by more than chance, and by so much that training notices."""
        chance = math.sqrt(2.0 * max(0, self._blocks - 1)) / max(1, self._rows)
        return self.share > SHARE + SURELY * chance
