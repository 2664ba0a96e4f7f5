"""The scale of a column of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.foundation.arrays import Array, Namespace, namespace

__all__ = ["Scale", "number_feature", "scaled"]

# Quartiles of the standard normal distribution lie 1.349 standard deviations apart.
NORMAL_QUARTILE_RANGE = 1.3489795003921634
# No scaled value leaves [-3, 3].
BOUND = 3.0


@dataclass(frozen=True)
class Scale:
    """A robust scale with a soft bound: ``t / sqrt(1 + (t/3)^2)`` of ``t = (x - center) / spread``.

    Near the center it is the identity; no value, however far out, leaves [-3, 3].

    Sources: D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs
    and boosted trees on tabular data", NeurIPS 2024, section 3 (robust scaling, smooth clipping).
    """

    center: float
    spread: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Scale | None:
        """Learn the scale of finite values; None where they are all one value."""
        if values.size == 0 or values.min() == values.max():
            return None
        low, center, high = (float(q) for q in np.quantile(values, (0.25, 0.5, 0.75)))
        reach = max(values.max() / 2 - center / 2, center / 2 - values.min() / 2)
        candidates = (
            high / NORMAL_QUARTILE_RANGE - low / NORMAL_QUARTILE_RANGE,
            float(np.std(values / reach)) * reach if reach > 0 else 0.0,
            reach,
        )
        usable = (spread for spread in candidates if 0 < spread < math.inf)
        return cls(center, float(next(usable, 1.0)))

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scaled values; nan stays nan."""
        with np.errstate(over="ignore"):
            bounded: NDArray[np.float64] = scaled(
                namespace(values), values, self.center, self.spread
            )
        return bounded

    def filled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scaled values; nan lies at the center."""
        with np.errstate(over="ignore"):
            found: NDArray[np.float64] = number_feature(
                namespace(values), values, self.center, self.spread
            )
        return found


def scaled(xp: Namespace, x: Array, center: Any, spread: Any) -> Array:
    """Return the formula of `Scale`, for arrays of any library."""
    # Beyond 1e6 spreads the result is the bound already; the square of more overflows.
    far = xp.minimum(xp.maximum((x - center) / spread, -1e6), 1e6)
    share = far / BOUND
    return far / xp.sqrt(1.0 + share * share)


def number_feature(xp: Namespace, z: Array, center: Any, spread: Any) -> Array:
    """Return scaled numbers; a missing one lies at the center."""
    return xp.where(xp.isnan(z), 0.0, scaled(xp, z, center, spread))
