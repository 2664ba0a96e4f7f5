"""Scale targets to 1 for training, and scores back to the user's unit.

Which of the two a loss takes follows from its link: a unit is a factor of the scores where the
link is linear, and a summand where it is the exponential.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from chainrule.foundation.errors import must_be
from chainrule.foundation.showing import Shown, first_lines

__all__ = ["Relative", "Standardised", "TargetScale"]

# The mean of equal numbers is off by its rounding: distances below this share are no spread.
ROUNDING = 64.0 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False, repr=False)
class TargetScale(Shown):
    """Center per column and one spread for all: y = center + spread * (what is trained on).

    Predictions go back the same way, and scores as the link of the loss says. One spread keeps the
    loss of several columns the user's own, up to a factor.

    Attributes
    ----------
    center : ndarray (n_outputs,)
        What is taken off each column.
    spread : float
        What all columns are divided by: positive and finite.
    loss_unit : float or None
        About the loss of the best constant answer for targets of this scale; None where it depends
        on the targets.
    """

    loss_unit: ClassVar[float | None] = None

    center: np.ndarray
    spread: float

    def __post_init__(self) -> None:
        if not 0.0 < self.spread < math.inf:
            raise must_be("spread", "positive and finite", self.spread)

    def __str__(self) -> str:
        return first_lines(self.sentence, letters=200)

    @property
    def sentence(self) -> str:
        """The scaling of the targets, in words."""
        raise NotImplementedError

    @classmethod
    def of(cls, y: np.ndarray, weight: np.ndarray | None = None) -> Self:
        """Learn the scale of targets (n, n_outputs), weighted."""
        raise NotImplementedError

    def apply(self, y: np.ndarray) -> np.ndarray:
        """Return the targets as they are trained on."""
        scaled: np.ndarray = (np.asarray(y, dtype=np.float64) - self.center) / self.spread
        return scaled

    def fold(self, weight: np.ndarray, bias: np.ndarray) -> None:
        """Change the last layer, in place, so that its scores are in the user's unit."""
        raise NotImplementedError

    def unfold(self, weight: np.ndarray, bias: np.ndarray) -> None:
        """Undo `fold`, in place."""
        raise NotImplementedError

    def fold_gradient(self, weight: np.ndarray, bias: np.ndarray) -> None:
        """Turn derivatives by the last layer, in place, into those by the layer `fold` makes."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False)
class Standardised(TargetScale):
    """Targets of mean 0 and spread 1, for losses whose prediction is the score itself.

    The center is the weighted mean of each column; the spread is the root of the weighted mean
    squared distance from the centers. Where all targets are equal it is their size, and for several
    at most 1; for zeros it is 1.

    Examples
    --------
    >>> scale = Standardised.of(np.array([[10.0], [30.0]]))
    >>> scale.center, scale.spread
    (array([20.]), 10.0)
    >>> scale.apply(np.array([[30.0]]))
    array([[1.]])
    """

    loss_unit = 1.0

    @property
    def sentence(self) -> str:
        centers = ", ".join(f"{center:.6g}" for center in self.center)
        return f"targets are standardised: y here is (y - {centers}) / {self.spread:.6g}"

    @classmethod
    def of(cls, y: np.ndarray, weight: np.ndarray | None = None) -> Self:
        y, weight = _present(y, weight)
        center = column_means(y, weight)
        # halved twice, so that the distance of two finite numbers cannot overflow
        distance = 4.0 * np.abs(y / 4.0 - center / 4.0)
        largest = float(distance.max())
        rounding = ROUNDING * float(np.abs(y).max())
        if largest <= rounding or not np.isfinite(largest):
            # one target alone is no constant: the others are likely of its size
            size = float(np.abs(center).max())
            unit = (size if len(y) == 1 else min(1.0, size)) or 1.0
            return cls(center, max(unit, min(largest, rounding)))
        share = np.average(np.mean((distance / largest) ** 2, axis=1), weights=weight)
        return cls(center, largest * float(np.sqrt(share)) or 1.0)

    def fold(self, weight: np.ndarray, bias: np.ndarray) -> None:
        weight *= self.spread
        bias[...] = bias * self.spread + self.center

    def unfold(self, weight: np.ndarray, bias: np.ndarray) -> None:
        weight /= self.spread
        bias[...] = (bias - self.center) / self.spread

    def fold_gradient(self, weight: np.ndarray, bias: np.ndarray) -> None:
        weight /= self.spread
        bias /= self.spread


@dataclass(frozen=True, eq=False, repr=False)
class Relative(TargetScale):
    r"""Targets of mean 1, for losses whose prediction is the exponential of the score.

    Zero stays zero, so the center is 0; the spread is the weighted mean of all targets, which must
    not be negative, and 1 where all are zero. Then

    .. math:: e^{s + \log m} = m e^s

    Examples
    --------
    >>> scale = Relative.of(np.array([[1.0], [3.0]]))
    >>> scale.center, scale.spread
    (array([0.]), 2.0)
    >>> weight, bias = np.ones((1, 1)), np.zeros(1)
    >>> scale.fold(weight, bias)
    >>> weight, bias.round(3)
    (array([[1.]]), array([0.693]))
    """

    @property
    def sentence(self) -> str:
        return f"targets are divided by their mean: y here is y / {self.spread:.6g}"

    @classmethod
    def of(cls, y: np.ndarray, weight: np.ndarray | None = None) -> Self:
        y, weight = _present(y, weight)
        mean = float(column_means(column_means(y, weight)[:, None])[0])
        mean = mean or float(y.max())  # that of the smallest numbers is rounded to nothing
        return cls(np.zeros(y.shape[1]), mean if mean > 0.0 else 1.0)

    def fold(self, weight: np.ndarray, bias: np.ndarray) -> None:
        bias += math.log(self.spread)

    def unfold(self, weight: np.ndarray, bias: np.ndarray) -> None:
        bias -= math.log(self.spread)

    def fold_gradient(self, weight: np.ndarray, bias: np.ndarray) -> None:
        """Leave them as they are: a summand has no part in a derivative."""


def column_means(y: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Return the weighted mean of each column of (n, k), also where the sum would overflow.

    Examples
    --------
    >>> column_means(np.array([[1.5e308], [0.5e308]])).tolist()
    [1e+308]
    """
    y, weight = _present(y, weight)
    with np.errstate(over="ignore"):
        means: np.ndarray = np.average(y, axis=0, weights=weight)
    if not np.all(np.isfinite(means)):  # the sum is too large, the mean is not
        size = np.abs(y).max()
        means = np.average(y / size, axis=0, weights=weight) * size
    return means


def _present(y: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return targets without those of weight 0, which have no part in anything."""
    y = np.asarray(y, dtype=np.float64)
    if weight is None:
        return y, None
    return y[weight > 0.0], weight[weight > 0.0]
