"""A fit on a source: all rows in memory, or what one pass over its blocks teaches, and a stream.

The rows held out are drawn by a hash of (seed, row number), so they depend neither on the blocks
nor on the memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule.blocks.arrays import BLOCK_ROWS, ArraySource
from chainrule.blocks.dask_collections import is_collection
from chainrule.blocks.drawing import drawn
from chainrule.blocks.opening import comes_in_blocks, names_files, open_source
from chainrule.blocks.source import Block, Source, blocks_of, is_source, load_block, row_counts
from chainrule.blocks.spool import SPOOL_ROWS, Spool
from chainrule.blocks.tables import TableSource
from chainrule.estimators.samples import Given
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.memory_sizes import as_bytes, usable_bytes
from chainrule.foundation.sparse import stacked
from chainrule.training.splits import held_count

__all__ = ["Stream", "in_memory_or_streamed", "learn_width", "whole"]

# The share of the memory that is free, which the rows of a source may take where nobody says more.
USUAL_SHARE = 0.25
# The parts of the memory that a window, the rows held out and a block may take.
WINDOW, HELD, BLOCK = 0.3, 0.125, 0.04
# Rows that fit are in memory twice, while blocks become one.
COPIES = 2
# A window of so many rows, or of this share of all, is enough for a good shuffle.
ENOUGH_ROWS, ENOUGH_SHARE = 2**18, 0.05
FEWEST_BLOCK_ROWS = 2**10
# The share of targets that are kept to learn from, and how many are few.
TARGETS, FEWEST_TARGETS = 0.02, 2**16
# Blocks of a sorted source are too few in a window, below this number, to mix its rows.
MIXING_BLOCKS = 32


@dataclass(frozen=True, eq=False)
class Stream:
    """The rows of a source that memory does not hold, as the inputs of a fit.

    Attributes
    ----------
    source : Source
        The blocks.
    sizes : ndarray of int
        Rows of each block.
    row_bytes : int
        Bytes of a row in memory.
    memory : int
        Bytes that the rows may take.
    seed : int
        Seed of the rows held out.
    only_trained : bool
        Whether the rows held out are gone.
    """

    source: Source
    sizes: np.ndarray
    row_bytes: int
    memory: int
    seed: int
    only_trained: bool = False
    starts: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        starts = np.concatenate([[0], np.cumsum(self.sizes)])
        object.__setattr__(self, "starts", starts)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.starts[-1]), int(load_block(self.source, 0).X.shape[1])

    @property
    def window_rows(self) -> int:
        """Most rows of a window."""
        enough = max(ENOUGH_ROWS, int(self.starts[-1] * ENOUGH_SHARE))
        return max(1, min(enough, int(self.memory * WINDOW) // self.row_bytes))

    def held(self, i: int, estimator: Any) -> np.ndarray:
        """Return which rows of a block are held out."""
        start, end = int(self.starts[i]), int(self.starts[i + 1])
        if self.only_trained or not estimator.early_stopping:
            return np.zeros(end - start, dtype=bool)
        n = int(self.starts[-1])
        held_count(n, estimator.validation_fraction)  # refuses parts that are too small
        most = self.memory * HELD / self.row_bytes / n
        share = min(float(estimator.validation_fraction), most)
        if estimator.validation == "last":
            return np.arange(start, end) >= n - round(n * share)
        return drawn(self.seed, start, end - start, share)

    @property
    def mixes(self) -> bool:
        """True if a window holds enough blocks to mix the rows of a sorted source."""
        return self.window_rows >= MIXING_BLOCKS * int(self.sizes.max())

    @property
    def targets(self) -> int:
        """Most targets that are kept to learn from."""
        return max(FEWEST_TARGETS, int(self.memory * TARGETS) // 8)

    def spool(self) -> Spool:
        """Return an empty spool for the rows to train on."""
        return Spool(
            self.window_rows,
            block_rows=max(1, min(SPOOL_ROWS, self.window_rows // (2 * MIXING_BLOCKS))),
            seed=self.seed,
            total=int(self.starts[-1]),
            feature_names=getattr(self.source, "feature_names", None),
        )

    def from_spool(self, spool: Spool) -> Stream:
        """Return the rows that were written, without those held out."""
        sizes = np.asarray(spool.block_rows)
        return replace(self, source=spool, sizes=sizes, only_trained=True)

    def trained_on(self, estimator: Any) -> np.ndarray:
        """Return the number of rows to train on of each block."""
        out = [np.count_nonzero(~self.held(i, estimator)) for i in range(len(self.sizes))]
        return np.array(out, dtype=np.int64)


def learn_width(estimator: Any, stream: Stream) -> None:
    """Teach an estimator the number and the names of the columns of a stream."""
    vars(estimator).pop("feature_names_in_", None)
    estimator.n_features_in_ = stream.shape[1]
    names = getattr(stream.source, "feature_names", None)
    if names is not None:
        estimator.feature_names_in_ = np.array(names, dtype=object)


def in_memory_or_streamed(
    estimator: Any, given: Given, memory: Any
) -> tuple[Given, tuple[str, ...] | None]:
    """Return the arguments of a fit, and the names of the columns of a source.

    The rows of a source become arrays where they fit into the memory, else a `Stream` as X.
    """
    if not comes_in_blocks(given.X):
        if memory is not None:
            raise must_be("memory", "None for rows that are in memory", memory)
        return given, None
    if given.groups is not None:
        raise InputError("groups must be None for a source; pass X_val and y_val, or arrays.")
    if is_source(given.X) and given.y is not None:
        raise must_be("y", "None for a source, whose blocks hold the targets", type(given.y))
    weight = given.sample_weight
    named = isinstance(weight, str) and names_files(given.X)
    if weight is not None and not named and not is_collection(given.X):
        raise InputError("sample_weight must name a column of the files; a source holds its own.")
    usable = usable_bytes()
    most = int(USUAL_SHARE * usable) if memory is None else as_bytes(memory)
    source = open_source(given.X, given.y, weight)
    first = load_block(source, 0)
    row_bytes = _row_bytes(first, estimator)
    rows = max(FEWEST_BLOCK_ROWS, int(most * BLOCK) // row_bytes)
    if isinstance(source, ArraySource):  # small parts of a map are read as fast, and mix better
        rows = min(SPOOL_ROWS, rows)
    if rows < BLOCK_ROWS:
        if isinstance(source, TableSource):
            source = source.in_blocks_of(rows)
        elif names_files(given.X):
            source = open_source(given.X, given.y, weight, block_rows=rows)
    sizes = row_counts(source)
    seed = estimator.random_state
    seed = int(seed) if isinstance(seed, int | np.integer) else 0
    stream = Stream(source, sizes, row_bytes, most, seed)
    names = getattr(source, "feature_names", None)
    if COPIES * int(sizes.sum()) * row_bytes <= most:
        return _in_memory(estimator, given, stream), names
    if estimator.n_estimators != 1:
        raise must_be(
            "n_estimators",
            "1 for rows that are streamed",
            estimator.n_estimators,
            f"They take {int(sizes.sum()) * row_bytes / 1e9:.1f} GB, and memory is {most / 1e9:.2g}"
            " GB.",
        )
    return given._replace(X=stream, y=None, sample_weight=None), names


def _in_memory(estimator: Any, given: Given, stream: Stream) -> Given:
    """Return all rows as arrays; those held out are rows to measure on."""
    kept: list[Block] = []
    held: list[Block] = []
    for i, block in enumerate(blocks_of(stream.source)):
        out = stream.held(i, estimator) if given.X_val is None else np.zeros(len(block), bool)
        kept.append(_part(block, ~out))
        if out.any():
            held.append(_part(block, out))
    X, y, weight = whole(kept)
    found = given._replace(X=X, y=y, sample_weight=weight)
    if held:
        X_val, y_val, weight_val = whole(held)
        found = found._replace(X_val=X_val, y_val=y_val, sample_weight_val=weight_val)
    return found


def _part(block: Block, rows: np.ndarray) -> Block:
    if rows.all():
        return block
    weight = None if block.weight is None else block.weight[rows]
    return Block(block.X[rows], block.y[rows], weight)


def whole(blocks: list[Block]) -> Block:
    """Return blocks as one."""
    weights = [block.weight for block in blocks if block.weight is not None]
    weight = np.concatenate(weights) if weights else None
    X = stacked([block.X for block in blocks])
    return Block(X, np.concatenate([block.y for block in blocks]), weight)


def _row_bytes(block: Block, estimator: Any) -> int:
    """Return the bytes that a row takes in memory, ready for training."""
    dtype = np.dtype(estimator.dtype or (np.float32 if _single(block.X) else np.float64))
    if hasattr(block.X, "tocsr"):
        entries = block.X.nnz / max(1, block.X.shape[0])
        inputs = int(entries * (dtype.itemsize + 4)) + 8
    else:
        inputs = block.X.shape[1] * dtype.itemsize
    return max(1, inputs + 2 * dtype.itemsize)


def _single(X: Any) -> bool:
    return X.dtype in (np.float32, np.float16)
