"""Targets at the scale of 1 while training, and the way back into the last layer's weights."""

from dataclasses import dataclass

import numpy as np

from chainrule.model.network import Network
from chainrule.model.parameters import Parameters

__all__ = ["TargetScale"]


@dataclass(frozen=True, eq=False)
class TargetScale:
    """Center per column and one spread for all: y = center + spread * (what is trained on).

    One spread keeps the loss of several columns the user's own, up to a factor.

    Attributes
    ----------
    center : ndarray (n_outputs,)
        Weighted mean of each column.
    spread : float
        Root of the weighted mean squared distance from the centers; where all targets are equal,
        their size, and for several at most 1; 1 for zeros.

    Examples
    --------
    >>> scale = TargetScale.of(np.array([[10.0], [30.0]]))
    >>> scale.center, scale.spread
    (array([20.]), 10.0)
    >>> scale.apply(np.array([[30.0]]))
    array([[1.]])
    """

    center: np.ndarray
    spread: float

    @property
    def sentence(self) -> str:
        """What was done to the targets, in words."""
        centers = ", ".join(f"{center:.6g}" for center in self.center)
        return f"targets are standardised: y here is (y - {centers}) / {self.spread:.6g}"

    @classmethod
    def of(cls, y: np.ndarray, weight: np.ndarray | None = None) -> "TargetScale":
        """Learn the scale of targets (n, n_outputs), weighted."""
        y = np.asarray(y, dtype=np.float64)
        if weight is not None:  # absent rows have no part in it, whatever their targets
            y, weight = y[weight > 0.0], weight[weight > 0.0]
        with np.errstate(over="ignore"):
            center = np.average(y, axis=0, weights=weight)
        if not np.all(np.isfinite(center)):  # the sum is too large, the mean is not
            size = np.abs(y).max()
            center = np.average(y / size, axis=0, weights=weight) * size
        # halved twice, so that the distance of two finite numbers cannot overflow
        distance = 4.0 * np.abs(y / 4.0 - center / 4.0)
        largest = float(distance.max())
        # The mean of equal numbers is off by its rounding: that is no spread.
        rounding = 64.0 * np.finfo(np.float64).eps * float(np.abs(y).max())
        if largest <= rounding or not np.isfinite(largest):
            # one target alone is no constant: the others are likely of its size
            size = float(np.abs(center).max())
            unit = (size if len(y) == 1 else min(1.0, size)) or 1.0
            return cls(center, max(unit, min(largest, rounding)))
        share = np.average(np.mean((distance / largest) ** 2, axis=1), weights=weight)
        return cls(center, largest * float(np.sqrt(share)) or 1.0)

    def apply(self, y: np.ndarray) -> np.ndarray:
        """Return the targets as they are trained on."""
        scaled: np.ndarray = (np.asarray(y, dtype=np.float64) - self.center) / self.spread
        return scaled

    def fold(self, network: Network, vector: np.ndarray) -> np.ndarray:
        """Return parameters whose scores are in the targets' units."""
        folded = np.array(vector)
        parameters = Parameters(network.layout, folded)
        bias = parameters.biases[-1]
        assert bias is not None
        with np.errstate(all="ignore"):  # targets out of range are refused where they are encoded
            parameters.weights[-1][...] *= self.spread
            bias[...] = bias * self.spread + self.center
        return folded

    def unfold(self, network: Network, vector: np.ndarray) -> np.ndarray:
        """Return the parameters that `fold` would turn into these."""
        unfolded = np.array(vector)
        parameters = Parameters(network.layout, unfolded)
        parameters.weights[-1][...] /= self.spread
        bias = parameters.biases[-1]
        assert bias is not None
        bias[...] = (bias - self.center) / self.spread
        return unfolded
