"""The two ways to call a formula: engines pass the namespace first, users pass arrays only.

Formula text is written against a namespace ``xp``, so that every array library, and the tracer of
the compiled engine, can compute it. ``with_or_without_namespace`` makes a method of that text which
users call without one.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import unwrap
from typing import Any, TypeAlias

import numpy as np

from chainrule.foundation.arrays import Array, as_floating, namespace

__all__ = ["Calls", "of_one_array", "positional", "with_or_without_namespace"]

Method: TypeAlias = Callable[..., Any]
# The methods that users call without a namespace, and the function that each call runs.
Calls: TypeAlias = Mapping[str, Method]


def with_or_without_namespace(formula: Method, of_arrays: Method, check: Method | None) -> Method:
    """Return a method that takes all arguments of ``formula``, or arrays without the namespace.

    Parameters
    ----------
    formula : function
        The text of a record: ``formula(record, xp, ...)``.
    of_arrays : function
        What a call with fewer arguments does: ``of_arrays(record, formula, ...)``.
    check : function, optional
        Refuses arrays that do not fit each other, ``check(...)``; called with what comes after
        the namespace.
    """
    complete = len(positional(formula)) - 1  # without the record

    @wraps(formula)
    def method(record: Any, *given: Any, **named: Any) -> Any:
        if len(given) + len(named) < complete:
            return of_arrays(record, formula, *given, **named)
        if check is not None and not named:
            check(*given[1:])
        return formula(record, *given, **named)

    return method


def of_one_array(record: Any, formula: Method, z: Array) -> Array:
    """Compute a formula of one array; numbers and lists become NumPy arrays."""
    z = as_floating(z)
    with np.errstate(all="ignore"):
        return formula(record, namespace(z), z)


def positional(method: Any) -> tuple[str, ...]:
    """Return the names of the positional arguments of a method, ``self`` included."""
    code = getattr(unwrap(method), "__code__", None)
    return () if code is None else tuple(code.co_varnames[: code.co_argcount])
