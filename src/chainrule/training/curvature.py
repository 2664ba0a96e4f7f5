"""L-BFGS: descent along the gradient, corrected by the curvature of the last steps."""

import math
from collections.abc import Callable, Generator
from typing import NamedTuple

import numpy as np

__all__ = ["MEMORY", "Iterate", "Pairs", "descend"]

# Steps s and the changes y of the gradient along them, the oldest first.
Pairs = tuple[tuple[np.ndarray, np.ndarray], ...]
# From a point to its value and gradient.
Question = Callable[[np.ndarray], tuple[float, np.ndarray]]

# Pairs kept, and the most points one search looks at, as in SciPy.
MEMORY = 10
MOST_POINTS = 20
# The strong Wolfe conditions: the share of the promised fall that a step must bring, and the share
# of the slope that may be left, c1 and c2 of Nocedal & Wright (3.7).
FALL_SHARE, SLOPE_SHARE = 1e-4, 0.9
EPSILON = float(np.finfo(np.float64).eps)
# A fall of the value below this share of it is rounding. SciPy ends at 1e7 times EPSILON, and so a
# long run at other parameters than many short ones.
ROUNDING = 64.0 * EPSILON


class Iterate(NamedTuple):
    """A point on the way down, what was learnt up to it, and the fall since the last one.

    ``evaluations`` are those since the last one.
    """

    vector: np.ndarray
    value: float
    pairs: Pairs
    evaluations: int
    fall: float


class _Point(NamedTuple):
    """A point of a line, at a size of the step along it."""

    size: float
    vector: np.ndarray
    value: float
    gradient: np.ndarray
    slope: float


def descend(
    question: Question,
    start: np.ndarray,
    pairs: Pairs = (),
    *,
    gradient_tolerance: float,
    max_iterations: int,
    max_evaluations: int,
    asked: int = 0,
    fall: float = math.nan,
) -> Generator[Iterate, None, str]:
    """Yield lower and lower points, and return why there is no further one.

    Points have the dtype of the start; all else is computed in float64. A point and its pairs are
    all that a later call needs to go on as this one would have; to end as it would have, too, it
    takes the evaluations so far, of which the one at the start is not counted again, and the fall
    that led there.

    Returns
    -------
    str
        ``"converged"``, ``"max_iter"``, ``"max_fun"``, or ``"no_improvement"`` where not even the
        gradient leads to a lower point.

    Notes
    -----
    Source: Nocedal & Wright (2006), Numerical Optimization, algorithm 7.5. A pair whose s'y is not
    clearly positive is left out, as in SciPy: with it the curvature might not be.
    """
    told, made, first = asked, 0, asked > 0
    rises = tuple(_dot(step, change) for step, change in pairs)

    def answer(point: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal asked, first
        asked, first = asked if first else asked + 1, False
        return question(point)

    vector = start.astype(np.float64)
    value, gradient = answer(vector)
    while True:
        if fall <= ROUNDING * max(abs(value), abs(value + fall), 1.0):
            return "converged"
        if float(np.abs(gradient).max()) <= gradient_tolerance:
            return "converged"
        if made >= max_iterations:
            return "max_iter"
        if asked > max_evaluations:
            return "max_fun"
        here = _Point(0.0, vector, value, gradient, math.nan)
        found = _lower_point(answer, here, _direction(gradient, pairs, rises), start.dtype)
        if found is None and pairs:  # what the memory says no longer holds here
            pairs, rises = (), ()
            found = _lower_point(answer, here, _direction(gradient, pairs, rises), start.dtype)
        if found is None:
            return "no_improvement"
        step, change = found.vector - vector, found.gradient - gradient
        rise, square = _dot(step, change), _dot(change, change)
        if rise > EPSILON * abs(_dot(step, gradient)) and 0.0 < square < math.inf:
            pairs, rises = (*pairs, (step, change))[-MEMORY:], (*rises, rise)[-MEMORY:]
        fall = value - found.value
        vector, value, gradient = found.vector, found.value, found.gradient
        yield Iterate(vector, value, pairs, asked - told, fall)
        told, made = asked, made + 1


def _direction(gradient: np.ndarray, pairs: Pairs, rises: tuple[float, ...]) -> np.ndarray:
    """Return minus the gradient, times the inverse curvature that the pairs show.

    The rise of a pair is s'y. Without pairs the direction has length 1, for nothing is known of the
    scale.

    Notes
    -----
    Source: Nocedal & Wright (2006), algorithm 7.4, the two-loop recursion.
    """
    if not pairs:
        direction: np.ndarray = gradient / -np.abs(gradient).max()
        direction /= math.sqrt(_dot(direction, direction))
        return direction
    direction, shares = -gradient, []
    for (step, change), rise in zip(reversed(pairs), reversed(rises), strict=True):
        share = _dot(step, direction) / rise
        shares.append(share)
        direction = direction - share * change
    _, change = pairs[-1]
    direction = direction * (rises[-1] / _dot(change, change))
    for (step, change), rise, share in zip(pairs, rises, reversed(shares), strict=True):
        direction = direction + (share - _dot(change, direction) / rise) * step
    return direction


def _lower_point(
    question: Question, origin: _Point, direction: np.ndarray, dtype: np.dtype
) -> _Point | None:
    """Return a point along the direction that meets the strong Wolfe conditions.

    Where the search ends without one, as the kinks of a rectifier can make it, the best point that
    has brought a sufficient fall will do; None, if there is none.

    Notes
    -----
    Source: Nocedal & Wright (2006), algorithms 3.5 and 3.6 in one loop: ``low`` is the lowest point
    so far, and between it and ``high``, once there is one, lie points that meet the conditions.
    """
    slope = _dot(direction, origin.gradient)
    if not slope < 0.0:
        return None
    low, high, size = origin._replace(slope=slope), None, 1.0
    for _ in range(MOST_POINTS):
        vector = (origin.vector + size * direction).astype(dtype).astype(np.float64)
        value, gradient = question(vector)
        point = _Point(size, vector, value, gradient, _dot(direction, gradient))
        enough = value <= origin.value + FALL_SHARE * size * slope
        lower = enough and (low.size == 0.0 or value < low.value) and math.isfinite(point.slope)
        if not lower:
            high = point
        elif abs(point.slope) <= -SLOPE_SHARE * slope:
            return point
        else:
            ahead = 1.0 if high is None else high.size - low.size
            if point.slope * ahead >= 0.0:
                high = low
            low = point
        size = _next_size(low, high)
    return low if low.value < origin.value else None


def _next_size(low: _Point, high: _Point | None) -> float:
    """Return where to look next: ahead, or at the minimum of the cubic between two points.

    Notes
    -----
    Source: Nocedal & Wright (2006), equation 3.59. The cubic is not trusted near the ends.
    """
    if high is None:
        return 2.0 * low.size
    span = high.size - low.size
    if span == 0.0 or not (math.isfinite(high.value) and math.isfinite(high.slope)):
        return low.size + 0.1 * span
    d1 = low.slope + high.slope - 3.0 * (high.value - low.value) / span
    root = d1 * d1 - low.slope * high.slope
    share = math.nan
    if 0.0 <= root < math.inf:
        d2 = math.copysign(math.sqrt(root), span)
        below = high.slope - low.slope + 2.0 * d2
        share = 1.0 - (high.slope + d2 - d1) / below if below else math.nan
    return low.size + (share if 0.1 <= share <= 0.9 else 0.5) * span


def _dot(one: np.ndarray, other: np.ndarray) -> float:
    """Return the inner product, with the same bits for any number of threads (BLAS's has not)."""
    # half the time of np.sum, and two thirds of a direction in few dimensions are sums
    return float(np.add.reduce(one * other))
