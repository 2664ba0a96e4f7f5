"""A refusal changes nothing: an estimator is as it was, fitted or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["unchanged_if_refused"]


@contextmanager
def unchanged_if_refused(estimator: Any) -> Iterator[None]:
    """Give an estimator its attributes back where what is done inside is refused, or interrupted.

    The attributes are to be replaced inside, not changed in place.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
