"""A refused call changes nothing: the estimator keeps its former attributes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["unchanged_if_refused"]


@contextmanager
def unchanged_if_refused(estimator: Any) -> Iterator[None]:
    """Restore the attributes of an estimator if the block raises, or is interrupted.

    The block must replace attributes, not change them in place.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
