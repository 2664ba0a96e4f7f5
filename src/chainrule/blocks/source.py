"""The protocol of sources: rows that are read in blocks, because memory does not hold all of them.

A source is any object with a number of blocks, ``n_blocks``, and a method ``load(i)`` that returns
block i, from 0, as ``(X, y)`` or ``(X, y, weights)``. A block is the same whenever it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from chainrule.foundation.errors import InputError
from chainrule.foundation.real_numbers import check_count

__all__ = ["Block", "Source", "blocks_of", "check_source", "is_source", "load_block", "row_counts"]


@runtime_checkable
class Source(Protocol):
    """Rows in blocks.

    A source may also have ``block_rows``, the number of rows of each block, which saves a pass
    where it is known, and ``feature_names``.
    """

    n_blocks: int

    def load(self, i: int, /) -> Sequence[Any]:
        """Return ``(X, y)`` or ``(X, y, weights)`` of block i, counted from 0."""
        ...


class Block(NamedTuple):
    """The rows of one block: inputs (n, n_features), targets, and weights where there are any."""

    X: Any
    y: np.ndarray
    weight: np.ndarray | None

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.y.shape[0])


def is_source(value: Any) -> bool:
    """Say whether a value is a source.

    Examples
    --------
    >>> is_source(np.zeros((3, 1)))
    False
    """
    return hasattr(value, "n_blocks") and callable(getattr(value, "load", None))


def check_source(source: Any) -> None:
    """Refuse a source without blocks."""
    check_count("n_blocks of the source", source.n_blocks)


def load_block(source: Source, i: int) -> Block:
    """Return a block of a source, whose parts are of one length.

    Raises
    ------
    InputError
        The block is not (X, y) or (X, y, weights), or its parts differ in length.

    Examples
    --------
    >>> class Halves:
    ...     n_blocks = 2
    ...     def load(self, i):
    ...         return [[1.0 + i], [2.0 + i]], [0, 1]
    >>> load_block(Halves(), 1).X.tolist()
    [[2.0], [3.0]]
    """
    loaded = source.load(i)
    if not isinstance(loaded, Sequence) or len(loaded) not in (2, 3):
        what = f"{len(loaded)} parts" if isinstance(loaded, Sequence) else type(loaded).__name__
        raise InputError(
            f"load({i}) of the source must return (X, y) or (X, y, weights); got {what}."
        )
    X, y, weight = (*loaded, None)[:3]
    X = X if hasattr(X, "tocsr") else np.asarray(X)
    y = np.asarray(y)
    weight = None if weight is None else np.asarray(weight)
    lengths = [len(part) for part in (y, weight) if part is not None and part.ndim]
    if X.ndim != 2 or y.ndim == 0 or any(n != X.shape[0] for n in lengths):
        shapes = [part.shape for part in (X, y, weight) if part is not None]
        raise InputError(
            f"load({i}) of the source must return a table and one target for each of its rows; got "
            f"the shapes {', '.join(map(str, shapes))}."
        )
    return Block(X, y, weight)


def blocks_of(source: Source) -> Iterator[Block]:
    """Yield the blocks of a source in their order."""
    for i in range(source.n_blocks):
        yield load_block(source, i)


def row_counts(source: Source) -> np.ndarray:
    """Return the number of rows of each block; they are loaded where the source does not say it."""
    known = getattr(source, "block_rows", None)
    if known is not None:
        return np.asarray(known, dtype=np.int64)
    return np.array([len(block) for block in blocks_of(source)], dtype=np.int64)
