"""Rows written once to the disk as plain numbers, in a mixed order, and read fast from there.

Blocks of a file are as large as its row groups, take long to decode, and hold rows that are alike:
those of a day, or of one label. A spool mixes the rows as it writes them: as many as memory holds
come in a drawn order, run after run. Any few of its blocks, taken evenly from all runs, are then as
good as a shuffle of all rows.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import weakref
from array import array
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.blocks.source import Block
from chainrule.foundation.errors import InputError
from chainrule.foundation.seeds import Purpose, stream
from chainrule.foundation.sparse import stacked

__all__ = ["SPOOL_ROWS", "Spool"]

# Rows of a block: enough for the speed of a disk, few enough to mix.
SPOOL_ROWS = 2**11


class Spool:
    """A source in a temporary folder, which is removed with it.

    Rows are added block by block; once they are all there, `close` makes it a source. The order of
    the rows depends on the seed and on ``run_rows``, not on how they come.

    Parameters
    ----------
    run_rows : int
        Rows that are mixed with each other; they are in memory while they are written.
    block_rows : int
        Rows of a block that is read.
    seed : int
        Seed of the order.
    total : int, optional
        The number of rows in all, to refuse a disk without room at once.
    folder : Path, optional
        Where the temporary folder is created; by default where TMPDIR says.
    feature_names : sequence of str, optional
        Names of the inputs.

    Attributes
    ----------
    n_blocks : int
        Number of blocks.
    block_rows : tuple of int
        Rows of each block.
    size : int
        Bytes on the disk.

    Examples
    --------
    >>> spool = Spool(3, seed=0)
    >>> spool.add(Block(np.eye(3), np.array(["a", "b", "a"]), None))
    >>> spool.close()
    >>> spool.load(0)
    (array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]]), array(['a', 'a', 'b'], dtype=object))
    """

    def __init__(
        self,
        run_rows: int,
        *,
        block_rows: int = SPOOL_ROWS,
        seed: int = 0,
        total: int | None = None,
        folder: Path | None = None,
        feature_names: Any = None,
    ) -> None:
        self._most = block_rows
        self._run_rows = max(1, run_rows // block_rows) * block_rows
        self._seed, self._total = seed, total
        self._folder = Path(tempfile.mkdtemp(prefix="chainrule-", dir=folder))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._kinds: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
        self._labels: dict[Any, int] | None = None
        self._width: int | None = None  # of sparse inputs
        self._entries = array("q", [0])  # where those of each block begin
        self._run: dict[str, Any] = {}
        self._held = self._runs = self._rows = self.size = 0
        self.n_blocks, self.block_rows = 0, tuple[int, ...]()
        if feature_names is not None:
            self.feature_names = tuple(feature_names)

    def add(self, block: Block) -> None:
        """Add rows after those that are there."""
        y, start = self._coded(block.y), 0
        while start < len(block):
            end = min(len(block), start + self._run_rows - self._held)
            rows = slice(start, end)
            self._keep("X", block.X[rows])
            self._keep("y", y[rows])
            if block.weight is not None:
                self._keep("weight", block.weight[rows])
            self._held, start = self._held + end - start, end
            if self._held == self._run_rows:
                self._write_run()

    def close(self) -> None:
        """Write what is left; from here on the rows can be read."""
        if self._held:
            self._write_run()
        self._run = {}
        full, rest = divmod(self._rows, self._most)
        self.block_rows = (self._most,) * full + ((rest,) if rest else ())
        self.n_blocks = len(self.block_rows)

    def _keep(self, name: str, values: Any) -> None:
        """Keep rows until their run is written: in one array, or sparse ones as a list."""
        if hasattr(values, "tocsr"):
            self._width = int(values.shape[1])
            self._kinds.setdefault(name, (values.dtype, values.shape[1:]))
            self._run.setdefault(name, []).append(values.tocsr())
            return
        dtype, shape = self._kinds.setdefault(name, (values.dtype, values.shape[1:]))
        if shape != values.shape[1:]:
            raise InputError(
                f"all blocks of a source must have {shape} columns; got one of {values.shape[1:]}."
            )
        if name not in self._run:
            rows = min(self._run_rows, self._total or self._run_rows)
            self._run[name] = np.empty((rows, *shape), dtype)
        self._run[name][self._held : self._held + len(values)] = values

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

    def _write_run(self) -> None:
        """Write the rows that are held, in a drawn order."""
        n = self._held
        order = stream(self._seed, Purpose.SPOOL, self._runs).permutation(n)
        cuts = [order[start : start + self._most] for start in range(0, n, self._most)]
        if self._width is not None:
            self._run["X"] = [stacked(self._run["X"])]
        try:
            for name, rows in self._run.items():
                if isinstance(rows, list):
                    self._write_entries(rows.pop(), cuts)
                else:
                    self._write(name, (rows[cut] for cut in cuts))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise self._no_room(f"{self.size / 1e9:.1f} GB and more") from error
        self._held, self._runs, self._rows = 0, self._runs + 1, self._rows + n
        if self._total and self._runs == 1:
            self._check_room(self._total * self.size // self._rows - self.size)

    def _write(self, name: str, pieces: Any) -> None:
        with self._file(name).open("ab") as file:
            for piece in pieces:
                file.write(piece.reshape(-1).view(np.uint8).data)
                self.size += piece.nbytes

    def _write_entries(self, rows: Any, cuts: Sequence[np.ndarray]) -> None:
        """Write sparse rows: how many entries each has, their places and their values."""
        self._kinds["counts"] = self._kinds["indices"] = np.dtype(np.int32), ()
        self._kinds["data"] = rows.dtype, ()
        for cut in cuts:
            part = rows[cut]
            self._write("counts", [np.diff(part.indptr).astype(np.int32)])
            self._write("indices", [part.indices.astype(np.int32, copy=False)])
            self._write("data", [part.data.astype(self._kinds["X"][0], copy=False)])
            self._entries.append(self._entries[-1] + part.nnz)

    def _file(self, name: str) -> Path:
        return self._folder / name

    def _check_room(self, needed: int) -> None:
        if needed > shutil.disk_usage(self._folder).free:
            raise self._no_room(f"about {needed / 1e9:.1f} GB more")

    def _no_room(self, needed: str) -> InputError:
        place = self._folder.parent
        free = shutil.disk_usage(place).free / 1e9
        return InputError(
            f"the rows must be written to the disk once, which takes {needed}; {place} has "
            f"{free:.1f} GB free. Free some, or set TMPDIR to a folder with more."
        )

    def load(self, i: int) -> tuple[Any, ...]:
        """Return block i as ``(X, y)`` or ``(X, y, weights)``."""
        X, y, weight = self.load_many([i])
        return (X, y) if weight is None else (X, y, weight)

    def load_many(
        self, blocks: Sequence[int], before: Any = None
    ) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """Return the inputs, targets and weights of several blocks, each read to its place.

        The inputs ``before`` come first; their targets and weights do not.
        """
        cuts = [(i * self._most, min(self._rows, (i + 1) * self._most)) for i in blocks]
        y = self._read("y", cuts)
        if self._labels is not None:
            y = np.array(list(self._labels), dtype=object)[y]
        weight = self._read("weight", cuts) if "weight" in self._kinds else None
        if self._width is None:
            return self._read("X", cuts, before), y, weight
        return self._read_entries(blocks, cuts, before), y, weight

    def _read_entries(
        self, blocks: Sequence[int], cuts: Sequence[tuple[int, int]], before: Any
    ) -> Any:
        from scipy import sparse

        own = [(self._entries[i], self._entries[i + 1]) for i in blocks]
        counts = self._read("counts", cuts, None if before is None else np.diff(before.indptr))
        data = self._read("data", own, None if before is None else before.data)
        indices = self._read("indices", own, None if before is None else before.indices)
        starts = np.zeros(len(counts) + 1, np.int32)
        np.cumsum(counts, out=starts[1:])
        return sparse.csr_matrix((data, indices, starts), shape=(len(counts), self._width))

    def _read(
        self, name: str, cuts: Sequence[tuple[int, int]], before: np.ndarray | None = None
    ) -> np.ndarray:
        """Return parts of an array one after the other, below what comes before."""
        dtype, shape = self._kinds[name]
        first = 0 if before is None else len(before)
        rows = first + sum(end - start for start, end in cuts)
        found = np.empty((rows, *shape), dtype)
        if before is not None:
            found[:first] = before
        width = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        left = found.reshape(-1).view(np.uint8).data[first * width :]
        with FileIO(self._file(name)) as file:
            for start, end in cuts:
                file.seek(start * width)
                part, left = left[: (end - start) * width], left[(end - start) * width :]
                while part:
                    read = file.readinto(part)
                    if not read:
                        raise InputError(
                            f"the temporary file {file.name} must hold all rows; it was cut short. "
                            "Leave it alone while the fit lasts."
                        )
                    part = part[read:]
        return found
