"""The curvature of the loss along the gradient, which limits the learning rate."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.foundation.short_numbers import short
from chainrule.foundation.showing import Shown
from chainrule.model.objective import Objective
from chainrule.training.gradient_moments import GradientSums
from chainrule.training.row_blocks import row_blocks

__all__ = ["Curvature", "curvature_at"]

# Step of the differences, over the norm of the parameters.
STEP = 1e-7


@dataclass(frozen=True, repr=False)
class Curvature(Shown):
    """The second derivative of the objective along two directions.

    Attributes
    ----------
    along_gradient : float
        Along the gradient: the one that a step of plain descent meets.
    sharpest : float
        Along the direction of the largest curvature, by power iteration from the gradient.
    """

    along_gradient: float
    sharpest: float

    @property
    def limit(self) -> float:
        """The rate 2 / curvature along the gradient above which plain descent overshoots."""
        return 2.0 / self.along_gradient if self.along_gradient > 0.0 else math.inf

    @property
    def stable_limit(self) -> float:
        """The rate 2 / sharpest curvature above which steps along that direction grow."""
        return 2.0 / self.sharpest if self.sharpest > 0.0 else math.inf

    @property
    def summary(self) -> str:
        """The limits in words."""
        return (
            f"curvature along the gradient {short(self.along_gradient)}, so plain descent "
            f"overshoots above {short(self.limit)}; at its sharpest {short(self.sharpest)}, so it "
            f"is stable below {short(self.stable_limit)} (at the start; adaptive rules and later "
            "steps have limits of their own)"
        )

    def __str__(self) -> str:
        return self.summary


def curvature_at(
    objective: Objective, vector: np.ndarray, rows: Rows, iterations: int = 10
) -> Curvature:
    r"""Measure the curvature of the objective from differences of gradients, in float64.

    .. math:: \frac{u \cdot (\nabla L(p + h u) - \nabla L(p - h u))}{2 h}, \quad
              u = \frac{g}{\|g\|}

    Parameters
    ----------
    objective : Objective
        Network, loss and penalties.
    vector : ndarray
        The parameters.
    rows : Rows
        The rows.
    iterations : int
        Steps of the power iteration, of two gradients each.

    Examples
    --------
    The chapter's line has the Hessian [[15, 5], [5, 2]], whose largest eigenvalue is 16.7:

    >>> from chainrule import Network, Objective
    >>> x, y = np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([[3.0], [6.0], [9.0], [12.0]])
    >>> found = curvature_at(Objective(Network.of_widths([1, 1]), "mse"), np.zeros(2), Rows(x, y))
    >>> round(found.sharpest, 4), round(found.stable_limit, 6)
    (16.7006, 0.119756)
    """
    at = np.asarray(vector, dtype=np.float64)
    rows = _doubled(rows)

    def gradient(p: np.ndarray) -> np.ndarray:
        sums = GradientSums(objective)
        for block in row_blocks(objective, p, rows):
            sums.add(block, norms=False)
        return sums.gradient(p)

    # small, because every rectifier that a step carries across its kink counts as curvature
    h = STEP * max(1.0, float(np.linalg.norm(at)))

    def bend(u: np.ndarray) -> np.ndarray:
        difference: np.ndarray = (gradient(at + h * u) - gradient(at - h * u)) / (2.0 * h)
        return difference

    with np.errstate(all="ignore"):
        g = gradient(at)
        norm = float(np.linalg.norm(g))
        if not 0.0 < norm < math.inf:
            value = 0.0 if norm == 0.0 else math.nan
            return Curvature(value, value)
        u = g / norm
        along = float(u @ bend(u))
        # every quotient seen is a lower bound of the largest
        quotients = [along, *_quotients(bend, u, 0.0, iterations)]
        if quotients[-1] < 0.0:
            # the largest in size bends down; shifted by it, the largest bends up
            quotients += _quotients(bend, u, -quotients[-1], iterations)
    return Curvature(along, max(quotients))


def _quotients(
    bend: Callable[[np.ndarray], np.ndarray], u: np.ndarray, shift: float, iterations: int
) -> list[float]:
    """Return the curvatures met on the way to the direction that H + shift stretches most."""
    found = []
    for _ in range(iterations):
        bent = bend(u)
        found.append(float(u @ bent))
        stretched = bent + shift * u
        size = float(np.linalg.norm(stretched))
        if not 0.0 < size < math.inf:
            break
        u = stretched / size
    return found


def _doubled(rows: Rows) -> Rows:
    """Return rows whose precision is float64; x is converted block by block."""
    weight = None if rows.weight is None else np.asarray(rows.weight, dtype=np.float64)
    return Rows(rows.x, np.asarray(rows.y, dtype=np.float64), weight)
