"""Rows on their way into an estimator: as given to `fit`, and as checked arrays."""

from typing import Any, NamedTuple

import numpy as np

from chainrule.formulas.loss import relative_weight
from chainrule.foundation.errors import InputError

__all__ = ["Given", "Samples", "training_weight"]


class Given(NamedTuple):
    """The arguments of `fit`."""

    X: Any
    y: Any
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None
    groups: Any = None


class Samples(NamedTuple):
    """Checked inputs, prepared targets, and sample weights."""

    X: Any
    y: np.ndarray
    weight: np.ndarray | None

    def take(self, index: np.ndarray) -> "Samples":
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[index]
        return Samples(self.X[index], self.y[index], weight)


def training_weight(weight: np.ndarray | None) -> np.ndarray | None:
    """Return weights as shares of the largest; refuse weights that are all 0."""
    if weight is None:
        return None
    if not np.any(weight > 0.0):
        raise InputError(
            "sample_weight must be positive for some row that is trained on; got zero for all of "
            "them, and the others are held out. Pass X_val and y_val."
        )
    relative: np.ndarray = relative_weight(weight, weight)
    return relative
