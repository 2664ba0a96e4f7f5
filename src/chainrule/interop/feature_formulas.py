"""The formulas that make inputs of a network from the cells of a table, of any array library.

A cell is a number, the number of its level, or a part of its date, and NaN where it is missing.
"""

import math
from typing import Any

from chainrule.foundation.arrays import Array, Namespace

__all__ = [
    "cosine_feature",
    "level_feature",
    "missing_feature",
    "sine_feature",
    "step",
    "step_feature",
    "yes_feature",
]


def step(xp: Namespace, x: Array, start: Any, length: Any, low: Any, high: Any) -> Array:
    """Return the share of a step that lies below x, within bounds."""
    return xp.minimum(xp.maximum((x - start) / length, low), high)


def step_feature(
    xp: Namespace, z: Array, center: Any, start: Any, length: Any, low: Any, high: Any
) -> Array:
    """Return the step of a number; a missing one lies at the center."""
    return step(xp, xp.where(xp.isnan(z), center, z), start, length, low, high)


def missing_feature(xp: Namespace, z: Array) -> Array:
    """Return 1 where a number is missing, and 0 elsewhere."""
    return xp.where(xp.isnan(z), 1.0, xp.zeros_like(z))


def yes_feature(xp: Namespace, z: Array, share: Any) -> Array:
    """Return 1 for yes and 0 for no; a missing cell takes the share of yes."""
    return xp.where(xp.isnan(z), share, xp.where(z != 0.0, 1.0, xp.zeros_like(z)))


def level_feature(xp: Namespace, z: Array, level: Any, unknown: Any, absent: Any) -> Array:
    """Return 1 where a category is of this level; of others what stands for unknown or absent."""
    other = xp.where(z == -1.0, unknown, xp.where(z == -2.0, absent, xp.zeros_like(z)))
    return xp.where(z == level, 1.0, other)


def sine_feature(xp: Namespace, z: Array, first: Any, period: Any) -> Array:
    """Return the sine of the place on a circle; 0, its center, for a missing part of a date."""
    angle = 2.0 * math.pi * (z - first) / period
    return xp.where(xp.isnan(z), 0.0, xp.sin(angle))


def cosine_feature(xp: Namespace, z: Array, first: Any, period: Any) -> Array:
    """Return the cosine of the place on a circle; 0, its center, for a missing part of a date."""
    angle = 2.0 * math.pi * (z - first) / period
    return xp.where(xp.isnan(z), 0.0, xp.cos(angle))
