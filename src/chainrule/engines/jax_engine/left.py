"""Vectors of parameters, or of memory, that lie on the device in another form."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.engines.jax_engine.groups import Groups
from chainrule.engines.leaving import Left
from chainrule.foundation.arrays import Array

__all__ = ["LeftParts", "LeftRow", "flat", "stack_of"]


class LeftParts(Left):
    """A vector that lies on the device as the arrays of its groups."""

    def __init__(self, parts: tuple[Any, ...], groups: Groups) -> None:
        self.array = parts
        self.groups = groups
        self.dtype = np.dtype(parts[0].dtype)

    @cached_property
    def home(self) -> np.ndarray:
        """The vector of NumPy."""
        found: np.ndarray = self.groups.closed([np.asarray(part) for part in self.array])
        return found

    def again(self) -> "LeftParts":
        """Return another one of the same arrays."""
        return LeftParts(self.array, self.groups)


class LeftRow(Left):
    """A vector that lies on the device as a row of many, those of networks trained together."""

    def __init__(self, stack: Any, place: int) -> None:
        super().__init__(stack)
        self.place = place

    @cached_property
    def home(self) -> np.ndarray:
        """The vector of NumPy; JAX moves the rows of all at once."""
        return np.array(np.asarray(self.array)[self.place])

    def again(self) -> "LeftRow":
        """Return another one of the same row."""
        return LeftRow(self.array, self.place)


def flat(left: Left) -> Array:
    """Return the vector of what was left: on the device, but where somebody has it at home."""
    there = left.there
    if isinstance(there, np.ndarray):
        return there
    if isinstance(left, LeftParts):
        return left.groups.closed(there)
    return there[left.place] if isinstance(left, LeftRow) else there


def stack_of(vectors: Sequence[Any], width: int) -> Any:
    """Return what vectors are the first rows of, in their order, of so many; None if nothing is."""
    first = vectors[0]
    for place, vector in enumerate(vectors):
        if not isinstance(vector, LeftRow) or vector.there is not first.array:
            return None
        if vector.place != place:
            return None
    return first.array if len(first.array) == width else None
