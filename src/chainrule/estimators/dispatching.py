"""Answers in the library of the inputs, where scikit-learn's ``array_api_dispatch`` asks for it.

As in scikit-learn: without that setting every answer is an array of NumPy.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import array_api_compat
import numpy as np
from sklearn import get_config

from chainrule.foundation.arrays import as_like

__all__ = ["as_inputs_are", "dispatches"]

Own = TypeVar("Own")
More = ParamSpec("More")
Answer = TypeVar("Answer", bound=np.ndarray)
Predict = Callable[Concatenate[Own, Any, More], Answer]


def dispatches() -> bool:
    """Return whether arrays of other libraries are asked for by ``array_api_dispatch``."""
    return bool(get_config()["array_api_dispatch"])


def as_inputs_are(method: Predict[Own, More, Answer]) -> Predict[Own, More, Answer]:
    """Give the answers of a method in the library of its inputs, and on their device.

    Names of classes, which are no numbers, stay an array of NumPy.
    """

    @wraps(method)
    def answering(self: Own, X: Any, *args: More.args, **kwargs: More.kwargs) -> Any:
        found = method(self, X, *args, **kwargs)
        if type(X) is np.ndarray or not dispatches():
            return found
        other = array_api_compat.is_array_api_obj(X) and not isinstance(X, np.ndarray)
        return as_like(found, X) if other and found.dtype.kind in "biuf" else found

    return answering  # type: ignore[return-value] # the names of self and X
