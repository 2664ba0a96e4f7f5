"""Files of columns, read in blocks of rows: Parquet, by its row groups, and Arrow IPC.

A table larger than memory is never read as a whole: each block decodes the rows it holds.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from chainrule.blocks.arrays import BLOCK_ROWS
from chainrule.blocks.text_files import TEXTS, TextFolder
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.wording import listed, unknown_column

if TYPE_CHECKING:
    import polars as pl

__all__ = ["TableBlocks", "TableFiles", "TableSource", "files_of"]

ARROW = (".arrow", ".feather", ".ipc")
STREAMED = (".parquet", *ARROW)
# Bytes of a cell that is no number, about.
TEXT_BYTES = 32


class TableBlocks(Protocol):
    """A table in blocks, each a frame of polars.

    Attributes
    ----------
    n_blocks : int
        Number of blocks.
    block_rows : tuple of int
        Rows of each block.
    schema : polars.Schema
        Names and types of the columns.
    """

    n_blocks: int
    block_rows: tuple[int, ...]
    schema: pl.Schema

    def frame(self, i: int, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return block i, counted from 0, or some of its columns."""
        ...


@dataclass(frozen=True)
class _Part:
    """Some rows of one file, and the row group that they are of."""

    file: int
    start: int
    rows: int
    group_start: int
    group_rows: int


class TableFiles:
    """One table in one or several files, as blocks that are frames of polars.

    Parameters
    ----------
    paths : path or sequence of paths
        Parquet or Arrow IPC files, or a folder of Parquet files; all of the same columns. Text of
        separated values is written as Parquet first, in a temporary folder.
    block_rows : int
        Most rows of a block. A block is a row group of a Parquet file, or a part of one.
    group_bytes : int
        A row group that takes at most so much memory is decoded once, and kept while its parts are
        read one after the other; of larger ones, each part is decoded on its own.

    Attributes
    ----------
    n_blocks : int
        Number of blocks.
    block_rows : tuple of int
        Rows of each block.
    schema : polars.Schema
        Names and types of the columns.

    Examples
    --------
    >>> import polars as pl, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "table.parquet"
    >>> pl.DataFrame({"a": range(5), "b": list("vwxyz")}).write_parquet(path, row_group_size=3)
    >>> table = TableFiles(path)
    >>> table.block_rows, table.frame(1).rows()
    ((3, 2), [(3, 'y'), (4, 'z')])
    """

    def __init__(self, paths: Any, *, block_rows: int = BLOCK_ROWS, group_bytes: int = 0) -> None:
        pl = _polars()
        self.paths = files_of(paths)
        self._folder: TextFolder | None = TextFolder()
        files = [self._folder.readable(path) for path in self.paths]
        self._groups: list[list[int]] = []  # rows of the row groups of each file
        self._scan: tuple[int, Any] | None = None  # of one file: what a footer says takes memory
        with _group_reader() as row_groups:
            for number, path in enumerate(files):
                with _said(path):
                    scan = _scan(path)
                    schema = scan.collect_schema()
                    sizes = row_groups(path) if path.suffix.lower() == ".parquet" else None
                    if sizes is None:
                        sizes = [int(scan.select(pl.len()).collect().item())]
                if not number:
                    self.schema = schema
                elif schema != self.schema:
                    raise InputError(
                        "the files must have the same columns, of the same types; "
                        f"{self.paths[number]} has "
                        f"{_difference(self.schema, schema)}, unlike {self.paths[0]}."
                    )
                self._groups.append(sizes)
        if not any(map(sum, self._groups)):
            raise InputError(f"{self.paths[0]} must hold at least one row; it has none.")
        self._files = files
        self._cut(block_rows, group_bytes)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to read the files."""
        return vars(self) | {"_folder": None, "_kept": None, "_scan": None}

    def in_blocks_of(self, block_rows: int, group_bytes: int = 0) -> TableFiles:
        """Return the same table, whose files are not looked at again, in other blocks."""
        found = copy.copy(self)
        found._folder = self._folder
        found._cut(block_rows, group_bytes)
        return found

    def _cut(self, block_rows: int, group_bytes: int) -> None:
        self._kept: tuple[_Part, Any] | None = None  # a row group, and its rows
        self._parts = [
            part
            for number, sizes in enumerate(self._groups)
            for part in _parts(number, sizes, block_rows)
        ]
        self.n_blocks = len(self._parts)
        self.block_rows = tuple(part.rows for part in self._parts)
        self._most_rows = group_bytes // sum(map(_width, self.schema.values()))

    def frame(self, i: int, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return block i, counted from 0, or some of its columns."""
        part = self._parts[i]
        if columns is None and part.rows < part.group_rows <= self._most_rows:
            return self._from_group(part)
        return self._read(part, columns)

    def _from_group(self, part: _Part) -> pl.DataFrame:
        group = replace(part, start=part.group_start, rows=part.group_rows)
        kept = self._kept
        if kept is None or kept[0] != group:
            kept = group, self._read(group)
        start = part.start - part.group_start
        self._kept = kept if start + part.rows < part.group_rows else None
        found: pl.DataFrame = kept[1][start : start + part.rows]
        return found

    def _read(self, part: _Part, columns: Sequence[str] | None = None) -> pl.DataFrame:
        with _said(self.paths[part.file]):
            known = self._scan
            if known is None or known[0] != part.file:
                known = self._scan = part.file, _scan(self._files[part.file])
                known[1].collect_schema()  # the footer is read once
            scan = known[1]
            if columns is not None:
                scan = scan.select(columns)
            found: pl.DataFrame = scan.slice(part.start, part.rows).collect()
        return found


class TableSource:
    """The numbers of a table in files as a source: one column is the target.

    Parameters
    ----------
    paths : path or sequence of paths
        As for `TableFiles`.
    target : str
        The column to predict; it may hold labels.
    weight : str, optional
        The column of the weights of the rows.
    block_rows : int
        Most rows of a block.

    Raises
    ------
    InputError
        A column is not there, or another one than the target holds no numbers.

    Examples
    --------
    >>> import polars as pl, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "table.parquet"
    >>> pl.DataFrame({"a": [1.0, 2.0], "b": [3, 4], "c": ["x", "y"]}).write_parquet(path)
    >>> source = TableSource(path, target="c")
    >>> source.load(0)[0].tolist(), source.feature_names
    ([[1.0, 3.0], [2.0, 4.0]], ('a', 'b'))
    """

    def __init__(
        self, paths: Any, target: str, weight: str | None = None, *, block_rows: int = BLOCK_ROWS
    ) -> None:
        pl = _polars()
        self.table = TableFiles(paths, block_rows=block_rows)
        schema = self.table.schema
        for argument, name in (("target", target), ("weight", weight)):
            if name is not None and name not in schema:
                raise unknown_column(argument, name, schema)
        self.target, self.weight = target, weight
        self.feature_names = tuple(name for name in schema if name not in (target, weight))
        for name in self.feature_names:
            if not schema[name].is_numeric() and schema[name] != pl.Boolean:
                raise InputError(
                    f"X must hold numbers; column {name!r} is of {schema[name]}. Leave it out, or "
                    "take TabularClassifier or TabularRegressor, which prepare such columns."
                )
        kinds = [schema[name] for name in self.feature_names]
        narrow = all(kind == pl.Float32 for kind in kinds)
        self._dtype = np.dtype(np.float32 if narrow else np.float64)
        self.n_blocks, self.block_rows = self.table.n_blocks, self.table.block_rows

    def in_blocks_of(self, block_rows: int) -> TableSource:
        """Return the same rows, whose files are not looked at again, in other blocks."""
        found = copy.copy(self)
        found.table = self.table.in_blocks_of(block_rows)
        found.n_blocks, found.block_rows = found.table.n_blocks, found.table.block_rows
        return found

    def load(self, i: int) -> tuple[Any, ...]:
        """Return block i as ``(X, y)`` or ``(X, y, weights)``."""
        frame = self.table.frame(i)
        X = frame.select(self.feature_names).to_numpy(order="c").astype(self._dtype, copy=False)
        y = frame[self.target].to_numpy()
        return (X, y) if self.weight is None else (X, y, frame[self.weight].to_numpy())


def files_of(paths: Any) -> list[Path]:
    """Return the files that a path, a folder of Parquet files, or a list of paths names.

    Raises
    ------
    InputError
        A file is not there, or of a suffix that cannot be read in blocks.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found: list[Path] = []
    for one in map(Path, given):
        if one.is_dir():
            inside = sorted(one.glob("*.parquet"))
            if not inside:
                raise InputError(f"the data must be Parquet files; the folder {one} holds none.")
            found += inside
        elif not one.exists():
            raise InputError(f"the data must be files; there is no {one}. Check the path.")
        elif not one.name.lower().endswith((*STREAMED, *TEXTS)):
            raise InputError(
                "a file that is read in blocks must end in "
                f"{', '.join((*STREAMED, *TEXTS))}; got {one.name}. Convert it first."
            )
        else:
            found.append(one)
    if not found:
        raise must_be("the data", "at least one file", given)
    return found


def _polars() -> Any:
    try:
        import polars as pl
    except ImportError as error:
        raise InputError(
            "tables in files need polars. Install it: pip install 'chainrule[app]'."
        ) from error
    return pl


def _scan(path: Path) -> Any:
    pl = _polars()
    if path.suffix.lower() in ARROW:
        return pl.scan_ipc(path)
    return pl.scan_parquet(path, glob=False)


@contextmanager
def _group_reader() -> Iterator[Callable[[Path], list[int] | None]]:
    """Yield what returns the rows of each row group; None without DuckDB, which knows them."""
    try:
        import duckdb
    except ImportError:
        yield lambda path: None
        return
    with duckdb.connect() as database:

        def rows_of(path: Path) -> list[int]:
            found = database.execute(
                "select any_value(row_group_num_rows) from parquet_metadata(?) "
                "group by row_group_id order by row_group_id",
                [os.fspath(path)],
            ).fetchall()
            return [int(rows) for (rows,) in found]

        yield rows_of


def _parts(file: int, sizes: Sequence[int], most: int) -> list[_Part]:
    """Return row groups as parts of one file; large ones are cut evenly."""
    parts: list[_Part] = []
    start = 0
    for size in sizes:
        pieces = max(1, -(-size // most))
        edges = [start + size * piece // pieces for piece in range(pieces + 1)]
        parts += [
            _Part(file, low, high - low, start, size) for low, high in pairwise(edges) if high > low
        ]
        start += size
    return parts


def _width(kind: Any) -> int:
    """Return the bytes of a cell, about."""
    bits = re.search(r"\d+$", str(kind))
    return int(bits[0]) // 8 if bits and kind.is_numeric() else TEXT_BYTES


def _difference(first: Any, other: Any) -> str:
    absent = [name for name in first if name not in other]
    spare = [name for name in other if name not in first]
    if absent:
        return f"no {listed(list(map(repr, absent)))}"
    if spare:
        return f"{listed(list(map(repr, spare)))} too"
    kinds = [name for name in first if first[name] != other[name]]
    if kinds:
        return f"{kinds[0]!r} as {other[kinds[0]]}, not {first[kinds[0]]}"
    return "them in another order"


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Turn the errors of libraries about a file into one sentence."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        words = str(error).strip().splitlines()
        reason = words[0][:200] if words else type(error).__name__
        raise InputError(
            f"{path} must be a {path.suffix.lower()[1:]} file that can be read; it cannot be: "
            f"{reason}. Write it again, or check its suffix."
        ) from error
