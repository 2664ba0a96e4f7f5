"""Windows on rows that memory does not hold: what a pass over them consists of.

Streamed rows are shuffled on two levels: blocks from all over the source, drawn by lot, fill a
window, and the rows inside it are shuffled. Every row comes once per pass. A batch never ends with
its window: the rows that are left go first in the next one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, TypeAlias, TypeVar

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


Item = TypeVar("Item")


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
    load_many : callable, optional
        Returns the rows of several blocks at once, after other rows if there are any; for blocks
        that are quicker to read together.
    """

    load: Callable[[int], Rows]
    sizes: np.ndarray
    window_rows: int
    sample: Rows
    load_many: Callable[[list[int], Rows | None], Rows] | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.sizes.sum())

    def groups(self, seed: int, epoch: int, shuffle: bool = True) -> list[np.ndarray]:
        """Return the blocks of each window of a pass; the epoch counts from 0.

        Neighbours are alike in many files, as those of one day. Each window therefore takes one of
        every few blocks that lie together, so that the windows are as alike as may be.
        """
        order = np.flatnonzero(self.sizes)
        if shuffle:
            windows = min(len(order), -(-len(self) // self.window_rows))
            ranks = np.tile(np.arange(windows), (-(-len(order) // windows), 1))
            ranks = stream(seed, Purpose.BLOCKS, epoch).permuted(ranks, axis=1)
            order = order[np.argsort(ranks.ravel()[: len(order)], kind="stable")]
        rows = np.cumsum(self.sizes[order])
        groups: list[np.ndarray] = []
        start = before = 0
        while start < len(order):
            last = int(np.searchsorted(rows, before + self.window_rows, side="right"))
            end = max(last, start + 1)
            groups.append(np.sort(order[start:end]))
            start, before = end, int(rows[end - 1])
        return groups

    def windows(
        self, seed: int, epoch: int, batch_size: int, shuffle: bool, engine: Engine | None = None
    ) -> Iterator[Window]:
        """Yield the windows of a pass; the epoch counts from 0."""
        groups = self.groups(seed, epoch, shuffle)

        def made(left: threading.Event) -> Iterator[Window]:
            kept: list[Rows] = []  # the rows that the windows before left

            def window(number: int, group: np.ndarray) -> Window:
                rows = self._read(group, kept[-1] if kept else None, left)
                n = int(self.sizes[group].sum())
                order = np.arange(n)
                if shuffle:
                    order = pass_order(seed, epoch, n, engine, window=number)
                if kept:
                    before = len(kept.pop())
                    order = np.concatenate([np.arange(before), order + before])
                rest = len(order) % batch_size if number + 1 < len(groups) else 0
                if rest and not left.is_set():
                    kept.append(Rows(*rows.take(order[len(order) - rest :])))
                return Window(rows, order[: len(order) - rest])

            yield from (window(*one) for one in enumerate(groups))

        with _ahead(made) as windows:
            yield from windows

    def in_order(self) -> Iterator[Rows]:
        """Yield all rows, window by window, in the order of the source."""
        groups = self.groups(0, 0, shuffle=False)

        def read(left: threading.Event) -> Iterator[Rows]:
            yield from (self._read(group, None, left) for group in groups)

        with _ahead(read) as windows:
            yield from windows

    def _read(self, group: np.ndarray, kept: Rows | None, left: threading.Event) -> Rows:
        """Return the rows of some blocks after those that were kept."""
        blocks = group.tolist()
        if self.load_many is not None:
            return self.load_many(blocks, kept)
        before = [] if kept is None else [kept]
        loaded = (self.load(block) for block in blocks if not left.is_set())
        return _filled(chain(before, loaded), sum(map(len, before)) + int(self.sizes[group].sum()))


@contextmanager
def _ahead(make: Callable[[threading.Event], Iterator[Item]]) -> Iterator[Iterator[Item]]:
    """Make items in a thread of its own, each while the one before is used.

    The event is set when no more are wanted.
    """
    left = threading.Event()
    items = make(left)

    def made(reader: ThreadPoolExecutor) -> Iterator[Item]:
        ahead = reader.submit(next, items, None)
        while (item := ahead.result()) is not None:
            ahead = reader.submit(next, items, None)
            yield item
            del item

    with ThreadPoolExecutor(1, thread_name_prefix="chainrule-reader") as reader:
        try:
            yield made(reader)
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


def _filled(parts: Iterator[Rows], n: int) -> Rows:
    """Return parts of n rows in all as one, with one of them beside it in memory at a time.

    There are fewer parts where nobody wants them any more.
    """
    first = next(parts, Rows(np.empty((0, 1)), np.empty((0, 1))))
    if len(first) in (0, n):
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
