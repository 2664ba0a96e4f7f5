"""Rows as an estimator takes them in: checked inputs, prepared targets, and weights."""

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Samples"]


class Samples(NamedTuple):
    """Checked inputs, prepared targets, and sample weights."""

    X: Any
    y: np.ndarray
    weight: np.ndarray | None

    def take(self, index: np.ndarray) -> "Samples":
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[index]
        return Samples(self.X[index], self.y[index], weight)
