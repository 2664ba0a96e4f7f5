"""Arrays that an engine leaves on its device after a call, until somebody reads them.

A state whose arrays are of NumPy may so stay on the device from epoch to epoch: the next call of
the engine, snapshots and measurements take what lies there, and nothing is moved that nobody reads.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from chainrule.foundation.arrays import Array, namespace, to_numpy

__all__ = ["Left", "copied", "leaving", "lying", "may_leave"]

Kind = TypeVar("Kind")


class Left:
    """An array on a device that stands for one of NumPy.

    Parameters
    ----------
    array : array
        One of the engine's library, or what its own kinds hold instead; it is never written to.

    Examples
    --------
    >>> left = Left(np.arange(2.0))
    >>> left.dtype, left.home
    (dtype('float64'), array([0., 1.]))
    """

    def __init__(self, array: Array) -> None:
        self.array = array
        self.dtype = np.dtype(array.dtype)

    @cached_property
    def home(self) -> np.ndarray:
        """The array of NumPy, moved when it is first asked for; its owner may write to it."""
        return np.array(to_numpy(self.array))

    @property
    def there(self) -> Any:
        """The array on the device, or that of NumPy once somebody has it, who may change it."""
        return self.__dict__.get("home", self.array)

    def again(self) -> "Left":
        """Return another one of the same array, with a home of its own."""
        return Left(self.array)


class _Field:
    """A field that gives arrays of NumPy to who reads it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, kind: type) -> Any:
        return self if owner is None else _home(vars(owner)[self._name])

    def __set__(self, owner: Any, value: Any) -> None:
        vars(owner)[self._name] = value


def leaving(*names: str) -> Callable[[type[Kind]], type[Kind]]:
    """Return a decorator: an engine may leave these fields of a dataclass on its device.

    Who reads one gets arrays of NumPy; `lying` gives what is there.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @leaving("vector")
    ... @dataclass
    ... class Place:
    ...     vector: Array
    >>> place = Place(Left(np.ones(1)))
    >>> type(lying(place, "vector")).__name__, place.vector
    ('Left', array([1.]))
    """

    def decorated(kind: type[Kind]) -> type[Kind]:
        for name in names:
            setattr(kind, name, _Field(name))
        return kind

    return decorated


def _home(value: Any) -> Any:
    if type(value) is tuple:
        return tuple(map(_home, value))
    return value.home if isinstance(value, Left) else value


def may_leave(owner: Any, name: str) -> bool:
    """Return whether an engine may leave this field of a position on its device."""
    return isinstance(vars(type(owner)).get(name), _Field)


def lying(owner: Any, name: str) -> Any:
    """Return a field as it lies: arrays, or what an engine has left."""
    return vars(owner)[name] if may_leave(owner, name) else getattr(owner, name)


def copied(value: Any) -> Any:
    """Return a copy of an array, or of a tuple of them; what lies on a device is shared.

    Examples
    --------
    >>> copied((np.ones(1), Left(np.zeros(1))))[1]
    array([0.])
    """
    if type(value) is tuple:
        return tuple(map(copied, value))
    if isinstance(value, Left):
        home = value.there
        return home.copy() if isinstance(home, np.ndarray) else value.again()
    return namespace(value).asarray(value, copy=True)
