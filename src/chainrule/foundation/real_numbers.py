"""What counts as a real number among the values that people pass."""

import numbers
from typing import Any

import numpy as np

__all__ = ["is_real"]


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
