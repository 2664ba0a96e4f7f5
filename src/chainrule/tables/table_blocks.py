"""A table in files as blocks: rows to train, to validate and to test on, prepared as they come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from chainrule.blocks.drawing import hashes
from chainrule.blocks.tables import TableBlocks
from chainrule.foundation.errors import InputError
from chainrule.foundation.sparse import stacked
from chainrule.interop.cells import MISSING_WORDS, TEXT, text_of
from chainrule.interop.choosing import Choices
from chainrule.interop.preparation import Preparation
from chainrule.interop.streamed_columns import ColumnCounts, counts_of

__all__ = ["LearntTable", "Parts", "PreparedBlocks", "learn_table"]

# Of a sample, quantiles are within some thousandths of those of all rows.
SAMPLE_ROWS, SAMPLING = 100_000, 3
# Rows that are held out to measure on: more would say little more.
MOST_HELD = 100_000
# Frames of some rows each that are kept before they become one.
MOST_FRAMES = 32
# Inputs of which fewer are not 0 are kept as lists.
SPARSE = 0.3
# A block is prepared in pieces of so many numbers.
PIECE = 2**21


@dataclass(frozen=True)
class Parts:
    """The rows to test and to validate on, by a hash of (seed, row number), or the last ones.

    Attributes
    ----------
    rows : int
        Rows of the table.
    seed : int
        Seed of the choice.
    test, validate : float
        Their shares.
    last : bool
        Whether they are the last rows: those to test on after those to validate on.
    """

    rows: int
    seed: int
    test: float
    validate: float
    last: bool = False

    @classmethod
    def of(
        cls, rows: int, seed: int, test: float, validate: float, most: int, last: bool = False
    ) -> Parts:
        """Return parts of at most ``most`` rows each; ``validate`` is a share of the rest."""
        most = min(most, MOST_HELD)
        test = min(test, most / rows)
        return cls(rows, seed, test, min(validate * (1.0 - test), most / rows), last)

    def of_rows(self, start: int, count: int) -> np.ndarray:
        """Return 0 for rows to train on, 1 for those to validate on, 2 for those to test on."""
        if self.last:
            place = 1.0 - np.arange(start + 1, start + count + 1) / self.rows
        else:
            place = hashes(self.seed, start, count)
        found = np.zeros(count, dtype=np.int8)
        found[place < self.test + self.validate] = 1
        found[place < self.test] = 2
        return found


@dataclass(eq=False)
class LearntTable:
    """The knowledge from one pass over a table.

    Attributes
    ----------
    sample, held, tested : polars.DataFrame
        Some rows to train on, those to validate on, and those to test on, with their targets.
    counts : dict
        What was counted of the columns of the rows to train on.
    trained : list of int
        Rows to train on of each block.
    without_target : int
        Rows left out because their target is missing.
    """

    sample: pl.DataFrame
    held: pl.DataFrame
    tested: pl.DataFrame
    counts: dict[str, ColumnCounts]
    trained: list[int] = field(default_factory=list)
    without_target: int = 0

    @property
    def rows(self) -> int:
        """The number of rows to train on."""
        return sum(self.trained)


def known_target(frame: pl.DataFrame, target: str) -> np.ndarray:
    """Return which rows have a target."""
    series = frame[target]
    if series.dtype in TEXT:
        text = text_of(series)
        absent = text.is_null() | text.str.to_lowercase().is_in(MISSING_WORDS).fill_null(False)
    else:
        absent = series.is_null()
        if series.dtype.is_float():
            absent = absent | series.is_nan().fill_null(True)
    known: np.ndarray = ~absent.to_numpy()
    return known


def learn_table(
    table: TableBlocks,
    target: str,
    parts: Parts,
    each: Callable[[pl.DataFrame], object],
    *,
    sample_rows: int = SAMPLE_ROWS,
    choices: Choices,
) -> LearntTable:
    """Return what one pass over a table teaches; ``each`` is given the rows to train on."""
    counts = counts_of({n: k for n, k in table.schema.items() if n != target}, choices)
    kept: tuple[list[pl.DataFrame], ...] = ([], [], [])
    share = min(SAMPLE_ROWS, sample_rows) / parts.rows
    empty = pl.DataFrame(schema=table.schema)
    found = LearntTable(empty, empty, empty, counts)
    start = 0
    for i in range(table.n_blocks):
        frame = table.frame(i)
        part = parts.of_rows(start, frame.height)
        sampled = hashes(parts.seed, start, frame.height, SAMPLING) < share
        start += frame.height
        known = known_target(frame, target)
        found.without_target += int((~known).sum())
        rows = frame.filter((part == 0) & known)
        found.trained.append(rows.height)
        each(rows)
        for name, own in counts.items():
            own.add(rows[name])
        masks = (sampled & (part == 0), part == 1, part == 2)
        for frames, mask in zip(kept, masks, strict=True):
            if (mask & known).any():
                frames.append(frame.filter(mask & known))
                _merge(frames)
    found.sample, found.held, found.tested = (
        pl.concat(frames, rechunk=True) if frames else empty for frames in kept
    )
    if not found.sample.height:
        raise InputError(
            f"the table must have rows to learn from; got {parts.rows:,}, of which "
            f"{found.without_target:,} lack the target {target!r}."
        )
    return found


def _merge(frames: list[pl.DataFrame]) -> None:
    """Make one frame of many small ones: each column of each takes some memory of its own."""
    if len(frames) > MOST_FRAMES:
        frames[:] = [pl.concat(frames, rechunk=True)]


class PreparedBlocks:
    """The rows of a table to train on as a source: inputs prepared, targets encoded.

    A block takes long to make, so it is ``slow``: it is written to the disk once.
    """

    slow = True

    def __init__(
        self,
        table: TableBlocks,
        learnt: LearntTable,
        parts: Parts,
        preparation: Preparation,
        target: str,
        encode: Callable[[pl.Series], np.ndarray],
        weight: str | None = None,
    ) -> None:
        self._table, self._parts, self._preparation = table, parts, preparation
        self._target, self._encode, self._weight = target, encode, weight
        blocks = [i for i, rows in enumerate(learnt.trained) if rows]
        starts = np.concatenate([[0], np.cumsum(table.block_rows)])
        self._blocks = [(i, int(starts[i])) for i in blocks]
        self.n_blocks = len(blocks)
        self.block_rows = tuple(learnt.trained[i] for i in blocks)
        self._sparse: bool | None = None

    def load(self, i: int) -> tuple[Any, ...]:
        """Return block i as ``(X, y)`` or ``(X, y, weights)``."""
        number, start = self._blocks[i]
        frame = self._table.frame(number)
        part = self._parts.of_rows(start, frame.height)
        frame = frame.filter((part == 0) & known_target(frame, self._target))
        X, y = self.inputs(frame), self._encode(frame[self._target])
        if self._weight is None:
            return X, y
        return X, y, frame[self._weight].to_numpy().astype(np.float64)

    def inputs(self, frame: pl.DataFrame) -> Any:
        """Return the inputs of rows, as lists of what is not 0 where that is little."""
        from scipy import sparse

        rows = max(1, PIECE // max(1, len(self._preparation.feature_names)))
        pieces: list[Any] = []
        for start in range(0, frame.height, rows):
            piece = self._preparation.transform(frame[start : start + rows])
            if self._sparse is None:
                self._sparse = bool(np.count_nonzero(piece) < SPARSE * piece.size)
            pieces.append(sparse.csr_matrix(piece) if self._sparse else piece)
        return stacked(pieces)
