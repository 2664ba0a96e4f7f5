"""Windows on rows that memory does not hold: what a pass over them consists of.

Streamed rows are shuffled on two levels: their blocks come in a drawn order, several of
them fill a window, and the rows inside it are shuffled. Every row comes once per pass. A batch
never ends with its window: the rows that are left go first in the next one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from chainrule.engines.engine import Engine, Rows
from chainrule.foundation.seeds import Purpose, stream
from chainrule.foundation.sparse import stacked

__all__ = [
    "AnyRows",
    "StreamedRows",
    "Window",
    "joined",
    "mean_loss",
    "pass_order",
    "sample_of",
]


class Window(NamedTuple):
    """Rows in memory, and the order in which a pass takes them.

    But for the last window of a pass, the order is of whole batches.
    """

    rows: Rows
    order: np.ndarray


@dataclass(frozen=True, eq=False)
class StreamedRows:
    """Rows that are read in blocks, pass after pass, because memory does not hold all of them.

    Attributes
    ----------
    load : callable
        Returns the rows of a block, counted from 0, checked and encoded.
    sizes : ndarray of int
        Rows of each block.
    window_rows : int
        Most rows of a window, but for a block that has more. Two windows are in memory: the one
        that is trained on, and the next one, which a thread reads meanwhile.
    sample : Rows
        Some of the rows, to look at.
    """

    load: Callable[[int], Rows]
    sizes: np.ndarray
    window_rows: int
    sample: Rows

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.sizes.sum())

    def groups(self, seed: int, epoch: int, shuffle: bool = True) -> list[np.ndarray]:
        """Return the blocks of each window of a pass; the epoch counts from 0."""
        order = np.flatnonzero(self.sizes)
        if shuffle:
            order = stream(seed, Purpose.BLOCKS, epoch).permutation(order)
        groups: list[list[int]] = []
        rows = 0
        for block in order.tolist():
            size = int(self.sizes[block])
            if not groups or rows + size > self.window_rows:
                groups.append([])
                rows = 0
            groups[-1].append(block)
            rows += size
        return [np.sort(group) for group in groups]

    def windows(
        self, seed: int, epoch: int, batch_size: int, shuffle: bool, engine: Engine | None = None
    ) -> Iterator[Window]:
        """Yield the windows of a pass; the epoch counts from 0."""
        kept: Rows | None = None
        groups = self.groups(seed, epoch, shuffle)
        with self._read(groups) as loaded:
            for number, rows in enumerate(loaded):
                n = len(rows)
                order = np.arange(n)
                if shuffle:
                    order = pass_order(seed, epoch, n, engine, window=number)
                if kept is not None:
                    rows = joined([kept, rows])
                    order = np.concatenate([np.arange(len(kept)), order + len(kept)])
                rest = len(order) % batch_size if number + 1 < len(groups) else 0
                kept = Rows(*rows.take(order[len(order) - rest :])) if rest else None
                yield Window(rows, order[: len(order) - rest])

    def in_order(self) -> Iterator[Rows]:
        """Yield all rows, window by window, in the order of the source."""
        with self._read(self.groups(0, 0, shuffle=False)) as loaded:
            yield from loaded

    @contextmanager
    def _read(self, groups: list[np.ndarray]) -> Iterator[Iterator[Rows]]:
        """Read the blocks of each window in a thread of its own, one window ahead."""
        left = threading.Event()

        def read(group: np.ndarray) -> Rows | None:
            parts = (self.load(block) for block in group.tolist() if not left.is_set())
            rows = _filled(parts, int(self.sizes[group].sum()))
            return None if left.is_set() else rows

        def loaded(reader: ThreadPoolExecutor) -> Iterator[Rows]:
            ahead = reader.submit(read, groups[0])
            for following in [*groups[1:], None]:
                rows = ahead.result()
                assert rows is not None
                if following is not None:
                    ahead = reader.submit(read, following)
                else:
                    del ahead  # it would keep the last rows
                yield rows
                del rows

        with ThreadPoolExecutor(1, thread_name_prefix="chainrule-reader") as reader:
            try:
                yield loaded(reader)
            finally:
                left.set()


AnyRows: TypeAlias = Rows | StreamedRows


def pass_order(
    seed: int, epoch: int, rows: int, engine: Engine | None = None, *, window: int = 0
) -> np.ndarray:
    """Return the order of the rows in a window of a pass; both count from 0.

    An engine that has a ``permutation`` draws the same order sooner.
    """
    generator = stream(seed, Purpose.SHUFFLE, epoch, *([window] if window else []))
    draw = getattr(engine, "permutation", None)
    return generator.permutation(rows) if draw is None else draw(generator, rows)


def mean_loss(engine: Engine, vector: Any, rows: AnyRows) -> float:
    """Return the mean loss over all rows, without penalties."""
    if not isinstance(rows, StreamedRows):
        return engine.loss(vector, rows)
    loss = total = 0.0
    for part in rows.in_order():
        weight = float(len(part)) if part.weight is None else float(np.sum(part.weight))
        if weight > 0.0:
            loss, total = loss + weight * engine.loss(vector, part), total + weight
    return loss / total


def sample_of(rows: AnyRows) -> Rows:
    """Return rows to look at: all of those in memory, or some of streamed ones."""
    return rows.sample if isinstance(rows, StreamedRows) else rows


def _filled(parts: Iterator[Rows], n: int) -> Rows | None:
    """Return parts of n rows in all as one, with one of them beside it in memory at a time."""
    first = next(parts, None)
    if first is None or len(first) == n:
        return first
    if hasattr(first.x, "tocsr"):
        return joined([first, *parts])
    arrays = (first.x, first.y, first.weight)
    whole = [None if one is None else np.empty((n, *one.shape[1:]), one.dtype) for one in arrays]
    start = 0
    for part in chain([first], parts):
        end = start + len(part)
        for array, piece in zip(whole, (part.x, part.y, part.weight), strict=True):
            if array is not None:
                array[start:end] = piece
        start = end
    x, y, weight = whole
    assert x is not None
    assert y is not None
    return Rows(x, y, weight)


def joined(parts: list[Rows]) -> Rows:
    """Return parts of rows as one."""
    weights = [part.weight for part in parts if part.weight is not None]
    weight = np.concatenate(weights) if weights else None
    x = stacked([part.x for part in parts])
    return Rows(x, np.concatenate([part.y for part in parts]), weight)
