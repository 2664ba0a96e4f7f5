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
        self.parts = parts
        self.groups = groups
        self.dtype = np.dtype(parts[0].dtype)

    @cached_property
    def home(self) -> np.ndarray:
        """The vector of NumPy."""
        found: np.ndarray = self.groups.closed([np.asarray(part) for part in self.parts])
        return found

    @property
    def there(self) -> Any:
        """The arrays on the device, or the vector of NumPy once somebody has it."""
        return self.__dict__.get("home", self.parts)

    def again(self) -> "LeftParts":
        """Return another one of the same arrays."""
        return LeftParts(self.parts, self.groups)


class LeftRow(Left):
    """A vector that lies on the device as a row of many, those of networks trained together."""

    def __init__(self, stack: Any, place: int) -> None:
        self.stack = stack
        self.place = place
        self.dtype = np.dtype(stack.dtype)

    @cached_property
    def home(self) -> np.ndarray:
        """The vector of NumPy; JAX moves the rows of all at once."""
        return np.array(np.asarray(self.stack)[self.place])

    @property
    def there(self) -> Any:
        """The rows of all on the device, or the vector of NumPy once somebody has it."""
        return self.__dict__.get("home", self.stack)

    def again(self) -> "LeftRow":
        """Return another one of the same row."""
        return LeftRow(self.stack, self.place)


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
        if not isinstance(vector, LeftRow) or vector.there is not first.stack:
            return None
        if vector.place != place:
            return None
    return first.stack if len(first.stack) == width else None
