"""Rows written once to the disk as plain numbers, from where small blocks are read fast.

Blocks of a file are as large as its row groups, take long to decode, and may be sorted. From a
spool, any few rows are read as they lie, so a buffer of many small blocks from everywhere is as
good as a shuffle of all rows.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from chainrule.blocks.source import Block
from chainrule.foundation.errors import InputError

__all__ = ["SPOOL_ROWS", "Spool", "spooled"]

# Rows of a block that is read at once: enough for the speed of a disk, few enough to mix.
SPOOL_ROWS = 2**11


class Spool:
    """A source in a temporary folder, which is removed with it.

    Attributes
    ----------
    n_blocks : int
        Number of blocks.
    block_rows : tuple of int
        Rows of each block.
    size : int
        Bytes on the disk.
    """

    def __init__(
        self, folder: Path | None, feature_names: Any = None, most_rows: int = SPOOL_ROWS
    ) -> None:
        self._most_rows = most_rows
        self._folder = Path(tempfile.mkdtemp(prefix="chainrule-", dir=folder))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._kinds: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
        self._labels: dict[Any, int] | None = None
        self._entries = 0
        self._rows = self.size = 0
        self._width: int | None = None  # of sparse inputs
        self.n_blocks, self.block_rows = 0, tuple[int, ...]()
        if feature_names is not None:
            self.feature_names = tuple(feature_names)

    def _file(self, name: str) -> Path:
        return self._folder / name

    def fill(self, blocks: Iterable[Block], total: int | None) -> None:
        """Write blocks; ``total`` rows in all, where that is known."""
        files: dict[str, IO[bytes]] = {}
        try:
            for block in blocks:
                for name, array in self._arrays(block).items():
                    if name not in files:
                        files[name] = self._file(name).open("wb")
                    self._put(name, np.ascontiguousarray(array), files[name])
                self._rows += len(block)
                if total and self._rows == len(block):
                    self._check_room(total * self.size // self._rows)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise self._no_room(f"{self.size / 1e9:.1f} GB and more") from error
        finally:
            for file in files.values():
                file.close()
        edges = [*range(0, self._rows, self._most_rows), self._rows]
        self._edges = edges
        self.n_blocks = len(edges) - 1
        self.block_rows = tuple(np.diff(edges).tolist())

    def _arrays(self, block: Block) -> dict[str, np.ndarray]:
        """Return the parts of a block as arrays of numbers."""
        found = {"y": self._coded(block.y)}
        if block.weight is not None:
            found["weight"] = block.weight
        if hasattr(block.X, "tocsr"):
            X = block.X.tocsr()
            self._width = int(X.shape[1])
            ends = X.indptr[1:].astype(np.int64) + self._entries
            self._entries += int(X.indptr[-1])
            return found | {"ends": ends, "indices": X.indices.astype(np.int32), "data": X.data}
        return found | {"X": block.X}

    def _coded(self, y: np.ndarray) -> np.ndarray:
        """Return targets as numbers; of labels of another kind, their place in a list."""
        if y.dtype.kind in "biuf" and self._labels is None:
            return y
        if self._labels is None:
            self._labels = {}
        labels, places = np.unique(y, return_inverse=True)
        codes = [self._labels.setdefault(one, len(self._labels)) for one in labels.tolist()]
        coded: np.ndarray = np.array(codes, dtype=np.int32)[places.reshape(y.shape)]
        return coded

    def _put(self, name: str, array: np.ndarray, file: IO[bytes]) -> None:
        kind = array.dtype, array.shape[1:]
        known = self._kinds.setdefault(name, kind)
        if known[1] != kind[1]:
            raise InputError(
                f"all blocks of a source must have {known[1]} columns; got one of {kind[1]}."
            )
        array = array.astype(known[0], copy=False)
        file.write(array.reshape(-1).view(np.uint8).data)
        self.size += array.nbytes

    def _check_room(self, needed: int) -> None:
        if needed > shutil.disk_usage(self._folder).free:
            raise self._no_room(f"about {needed / 1e9:.1f} GB")

    def _no_room(self, needed: str) -> InputError:
        place = self._folder.parent
        free = shutil.disk_usage(place).free / 1e9
        return InputError(
            f"the rows must be written to the disk once, which takes {needed}; {place} has "
            f"{free:.1f} GB free. Free some, or set TMPDIR to a folder with more."
        )

    def load(self, i: int) -> tuple[Any, ...]:
        """Return block i as ``(X, y)`` or ``(X, y, weights)``."""
        start, end = self._edges[i], self._edges[i + 1]
        y = self._read("y", start, end)
        if self._labels is not None:
            y = np.array(list(self._labels), dtype=object)[y]
        found = (self._inputs(start, end), y)
        return found if "weight" not in self._kinds else (*found, self._read("weight", start, end))

    def _inputs(self, start: int, end: int) -> Any:
        if self._width is None:
            return self._read("X", start, end)
        from scipy import sparse

        ends = self._read("ends", max(start - 1, 0), end)
        ends = ends if start else np.concatenate([[0], ends])
        first, last = int(ends[0]), int(ends[-1])
        parts = self._read("data", first, last), self._read("indices", first, last)
        return sparse.csr_matrix(
            (*parts, (ends - first).astype(np.int32)), shape=(end - start, self._width)
        )

    def _read(self, name: str, start: int, end: int) -> np.ndarray:
        dtype, shape = self._kinds[name]
        width = int(np.prod(shape, dtype=np.int64))
        offset = start * width * dtype.itemsize
        path = self._file(name)
        found = np.fromfile(path, dtype, count=(end - start) * width, offset=offset)
        return found.reshape(end - start, *shape)


def spooled(
    blocks: Iterable[Block],
    *,
    total: int | None = None,
    folder: Path | None = None,
    feature_names: Any = None,
    block_rows: int = SPOOL_ROWS,
) -> Spool:
    """Return blocks as a source on the disk, in the same order of rows.

    Parameters
    ----------
    blocks : iterable of Block
        All blocks, each of which is looked at once.
    total : int, optional
        The number of rows in all, to refuse a disk without room at once.
    folder : Path, optional
        Where the temporary folder is created; by default where TMPDIR says.
    feature_names : sequence of str, optional
        Names of the inputs.
    block_rows : int
        Rows of a block that is read.

    Examples
    --------
    >>> spool = spooled([Block(np.eye(3), np.array(["a", "b", "a"]), None)])
    >>> spool.load(0)
    (array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]]), array(['a', 'b', 'a'], dtype=object))
    """
    spool = Spool(folder, feature_names, block_rows)
    spool.fill(blocks, total)
    return spool
