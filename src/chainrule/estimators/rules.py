"""Rules of option values: each a test, and the words for it."""

import math
import numbers
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from chainrule.foundation.real_numbers import is_real

__all__ = [
    "BATCH",
    "COUNT",
    "DROPOUT",
    "FLAG",
    "NOT_NEGATIVE",
    "OPEN_SHARE",
    "PATIENCE",
    "POSITIVE",
    "SHARE",
    "VERBOSITY",
    "PassRule",
    "Rule",
    "is_count",
    "is_integer",
    "listed",
    "one_of",
    "or_none",
]


class Rule(NamedTuple):
    """The values that an option may have: a test, and the words for it."""

    holds: Callable[[Any], bool]
    words: str


class PassRule(NamedTuple):
    """The values that ``partial_fit`` accepts: a test, the words for it, and the advice."""

    holds: Callable[[Any], bool]
    words: str
    advice: str


def is_integer(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool | np.bool_)


def is_count(value: Any) -> bool:
    return is_integer(value) and is_real(value) and value >= 1


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _between(low: float, high: float, words: str) -> Rule:
    """Return the rule of numbers from ``low``, included, to below ``high``."""
    return Rule(lambda value: is_real(value) and low <= float(value) < high, words)


def or_none(rule: Rule) -> Rule:
    return Rule(lambda value: value is None or rule.holds(value), f"None or {rule.words}")


def one_of(*names: str) -> Rule:
    words = " or ".join(repr(name) for name in names)
    return Rule(lambda value: isinstance(value, str) and value in names, words)


def listed(value: Any) -> Any:
    """Return several values as they are, and one as a list."""
    return value if isinstance(value, list | tuple) else [value]


TINY = math.ulp(0.0)
FLAG = Rule(_is_flag, "True or False")
COUNT = Rule(is_count, "a positive integer")
POSITIVE = _between(TINY, math.inf, "a positive number")
NOT_NEGATIVE = _between(0.0, math.inf, "a number of at least 0")
SHARE = _between(0.0, 1.0, "at least 0 and below 1")
OPEN_SHARE = _between(TINY, 1.0, "between 0 and 1, both excluded")
BATCH = Rule(
    lambda value: is_count(value) or (isinstance(value, str) and value in ("auto", "noise")),
    "'auto', 'noise' or a positive integer",
)
PATIENCE = Rule(
    lambda value: is_count(value) or (is_real(value) and value == math.inf),
    "a positive integer, or infinity",
)
DROPOUT = Rule(
    lambda value: all(map(SHARE.holds, listed(value))),
    "at least 0 and below 1, or a list with one such number per hidden layer",
)
VERBOSITY = Rule(
    lambda value: _is_flag(value) or (is_integer(value) and value >= 0),
    "True, False or an integer of at least 0",
)
