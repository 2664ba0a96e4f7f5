"""Shards: the rows of a fit, cut into parts that are each trained on in one place.

Which rows are in which shard is drawn from the seed, so that rows that lie together, as those of
one class in a sorted table, do not make a shard of their own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.seeds import Purpose, stream
from chainrule.training.windows import AnyRows, StreamedRows, joined

__all__ = ["Loading", "Shard", "ShardFolder", "cut", "joined", "parts_of", "shard_seed", "sizes_of"]

# Rows that are copied at a time.
PIECE = 2**16


@dataclass(frozen=True, eq=False)
class Shard:
    """One shard, as a task finds it.

    Attributes
    ----------
    number : int
        Its place among the shards, from 0.
    rows : Rows
        Its rows, checked and encoded; weights have mean 1 over the rows of all shards.
    """

    number: int
    rows: Rows

    @property
    def weight(self) -> float:
        """The sum of the weights of the rows, or their number where they have none."""
        weight = self.rows.weight
        return float(len(self.rows)) if weight is None else float(np.sum(weight, dtype=np.float64))

    def __setstate__(self, state: dict[str, Any]) -> None:
        # arrays in a message lie anywhere in it, and engines would copy them in each round
        rows = state["rows"]
        parts = (_aligned(one) for one in (rows.x, rows.y, rows.weight))
        self.__dict__.update(state, rows=Rows(*parts))


@dataclass(frozen=True, eq=False)
class Loading:
    """A shard that a worker is to load itself, block by block.

    Attributes
    ----------
    number : int
        Its place among the shards.
    load : callable
        Returns the rows of a block.
    blocks : ndarray of int
        The blocks of the shard.
    """

    number: int
    load: Callable[[int], Rows]
    blocks: np.ndarray

    def shard(self) -> Shard:
        """Return the shard."""
        return Shard(self.number, joined([self.load(block) for block in self.blocks.tolist()]))


def _aligned(array: Any) -> Any:
    """Return an array, or one in CSR form, whose numbers lie where a processor reads them."""
    if array is None or not hasattr(array, "tocsr"):
        return array if array is None else np.require(array, requirements="A")
    for name in ("data", "indices", "indptr"):
        setattr(array, name, np.require(getattr(array, name), requirements="A"))
    return array


def cut(n_rows: int, n_shards: int, seed: int) -> list[np.ndarray]:
    """Return the rows of each shard, in ascending order; each row is in one.

    Examples
    --------
    >>> [rows.tolist() for rows in cut(5, 2, seed=0)]
    [[0, 1, 2], [3, 4]]
    """
    if n_shards == 1:
        return [np.arange(n_rows)]
    order = stream(seed, Purpose.SHARD, 0).permutation(n_rows)
    return [np.sort(order[number::n_shards]) for number in range(n_shards)]


def parts_of(rows: AnyRows, n_shards: int, seed: int) -> list[np.ndarray]:
    """Return the rows of each shard or, of rows that are streamed, its blocks.

    Blocks are dealt in a drawn order, each to the shard that has fewest rows by then.

    Raises
    ------
    InputError
        There are fewer blocks than shards.
    """
    if not isinstance(rows, StreamedRows):
        return cut(len(rows), n_shards, seed)
    blocks = np.flatnonzero(rows.sizes)
    if len(blocks) < n_shards:
        advice = "Pass fewer shards, by n_shards, or smaller blocks."
        raise must_be("n_shards", f"at most the {len(blocks)} blocks", n_shards, advice)
    filled = [0] * n_shards
    parts: list[list[int]] = [[] for _ in range(n_shards)]
    for block in stream(seed, Purpose.SHARD, 0).permutation(blocks).tolist():
        fewest = filled.index(min(filled))
        filled[fewest] += int(rows.sizes[block])
        parts[fewest].append(block)
    return [np.sort(part) for part in parts]


def sizes_of(rows: AnyRows, parts: list[np.ndarray]) -> list[int]:
    """Return the number of rows of each shard."""
    if isinstance(rows, StreamedRows):
        return [int(rows.sizes[part].sum()) for part in parts]
    return [len(part) for part in parts]


def shard_seed(seed: int, number: int) -> int:
    """Return the seed of the orders and masks of a shard; the first has that of the fit."""
    if number == 0:
        return seed
    return int(stream(seed, Purpose.SHARD, number).integers(2**31 - 1))


class ShardFolder:
    """Shards as files of a folder, which processes of one machine read as memory maps.

    Parameters
    ----------
    folder : path
        An empty folder.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def write(self, number: int, rows: AnyRows, part: np.ndarray) -> None:
        """Write some rows, or some blocks of rows that are streamed, as a shard.

        Raises
        ------
        InputError
            The folder is full, or cannot be written to.
        """
        try:
            if isinstance(rows, StreamedRows):
                blocks = (rows.load(block) for block in part.tolist())
                self._write(number, blocks, int(rows.sizes[part].sum()))
            else:
                cuts = range(0, len(part), PIECE)
                pieces = (Rows(*rows.take(part[start : start + PIECE])) for start in cuts)
                self._write(number, pieces, len(part))
        except OSError as error:
            raise InputError(
                f"the folder of temporary files must hold a copy of the rows; {self.folder} does "
                f"not: {error.strerror or error}. Free some space, or name another by the "
                "environment variable TMPDIR."
            ) from error

    def read(self, number: int) -> Shard:
        """Return a shard as maps of its files."""
        if self._file(number, "data").exists():
            from scipy import sparse

            parts = [self._map(number, name) for name in ("data", "indices", "indptr")]
            shape = tuple(self._map(number, "shape").tolist())
            x: Any = sparse.csr_matrix(tuple(parts), shape=shape, copy=False)
        else:
            x = self._map(number, "x")
        weight = self._map(number, "weight") if self._file(number, "weight").exists() else None
        return Shard(number, Rows(x, self._map(number, "y"), weight))

    def _file(self, number: int, name: str) -> Path:
        return self.folder / f"{number}.{name}.npy"

    def _write(self, number: int, pieces: Iterator[Rows], n: int) -> None:
        """Write rows piece by piece; sparse ones are joined in memory."""
        first = next(pieces)
        if hasattr(first.x, "tocsr"):
            whole = joined([first, *pieces])
            for name in ("data", "indices", "indptr"):
                np.save(self._file(number, name), getattr(whole.x, name))
            np.save(self._file(number, "shape"), np.array(whole.x.shape))
            first, pieces = Rows(np.empty((n, 0)), whole.y, whole.weight), iter(())
        outputs = {}
        for name in ("x", "y", "weight"):
            array = getattr(first, name)
            if array is None:
                continue
            out = np.lib.format.open_memmap(
                self._file(number, name), "w+", array.dtype, (n, *array.shape[1:])
            )
            self._reserve(number, name)
            outputs[name] = out
        start = 0
        for piece in chain([first], pieces):
            for name, out in outputs.items():
                out[start : start + len(piece)] = getattr(piece, name)
            start += len(piece)

    def _reserve(self, number: int, name: str) -> None:
        # a full disk is told of here; where a map is written to, it would end the process
        if hasattr(os, "posix_fallocate"):
            with self._file(number, name).open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)

    def _map(self, number: int, name: str) -> np.ndarray:
        found = np.load(self._file(number, name), mmap_mode="r", allow_pickle=False)
        return np.asarray(found)
