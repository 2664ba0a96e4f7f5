"""A run that trains while a loop consumes it, and warns if no loop does."""

import sys
import warnings
from collections.abc import Generator
from types import TracebackType
from typing import Any, TypeVar

from chainrule.foundation.errors import NoEffectWarning

__all__ = ["Run"]

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Result = TypeVar("Result")


class Run(Generator[Item, Answer, Result]):
    """A generator that warns when it is dropped before its first item was asked for.

    Parameters
    ----------
    items : generator
        What makes the run; it has not begun.
    call, item : str
        The name of the call and of what a loop over it gets, for the message.

    Examples
    --------
    >>> run = Run((number**2 for number in range(3)), "squares", "square")
    >>> next(run), list(run)
    (0, [1, 4])
    """

    def __init__(self, items: Generator[Item, Answer, Result], call: str, item: str) -> None:
        self._items, self._call, self._item = items, call, item
        self._asked = False

    def __next__(self) -> Item:
        self._asked = True
        return next(self._items)

    def send(self, value: Answer) -> Item:
        """Go on to the next item, and hand in an answer to the last one."""
        self._asked = True
        return self._items.send(value)

    def throw(
        self,
        kind: Any,
        value: BaseException | object = None,
        traceback: TracebackType | None = None,
    ) -> Item:
        """Raise an error where the run stands."""
        self._asked = True
        if value is None and traceback is None:
            return self._items.throw(kind)
        return self._items.throw(kind, value, traceback)

    def close(self) -> None:
        """End the run where it stands."""
        self._asked = True
        self._items.close()

    def __del__(self) -> None:
        if getattr(self, "_asked", True) or sys.is_finalizing():
            return
        warnings.warn(
            f"{self._call} trained nothing: it trains while a loop asks it for one {self._item} "
            f"after the other. Write: for {self._item} in {self._call}(...): ...",
            NoEffectWarning,
            stacklevel=2,
        )
