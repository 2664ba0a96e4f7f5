"""Real numbers and counts among the values that a user passes."""

import numbers
from typing import Any

import numpy as np

from chainrule.foundation.errors import must_be

__all__ = ["check_count", "is_real"]


def is_real(value: Any) -> bool:
    """Return whether a value is a real number that a float can hold.

    Examples
    --------
    >>> is_real(1), is_real(0.5), is_real(True), is_real("1"), is_real(10**400)
    (True, True, False, False, False)
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def check_count(name: str, value: Any) -> None:
    """Refuse an argument that is not a positive integer.

    Examples
    --------
    >>> check_count("epochs", 0)
    Traceback (most recent call last):
    ...
    chainrule.foundation.errors.InputError: epochs must be a positive integer; got 0.
    """
    integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not integer or value < 1:
        raise must_be(name, "a positive integer", value)
