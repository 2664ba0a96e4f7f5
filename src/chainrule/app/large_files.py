"""Files that memory does not hold: which are streamed, and text and arrays as Parquet for that."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from chainrule.app.array_files import ARRAY, parts_of_array
from chainrule.app.asked import Asked
from chainrule.app.limited_memory import tells_of_memory
from chainrule.app.reading import AS_FOUND, Reading
from chainrule.app.report import Report
from chainrule.app.spooling import is_stream, is_zstd
from chainrule.app.tables import TEXT_SUFFIXES, is_built_in, suffix_of
from chainrule.blocks import text_files
from chainrule.blocks.arrays import map_npy
from chainrule.blocks.tables import STREAMED, TableFiles
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.memory_sizes import as_bytes, usable_bytes
from chainrule.interop.cells import TEXT
from chainrule.tables.recipes import presets

__all__ = ["LargeFile", "as_parquet", "large_file", "large_table", "looked_at"]

# The share of the memory that is free, above which a file is streamed where no limit is given.
SHARE = 0.5
# Inputs of a column in memory, about: the levels of a text, the steps of a number.
INPUTS_OF_TEXT, INPUTS = 50, 10
# Bytes of a cell as it is read, and of an input, in two copies.
CELL, INPUT = 16, 8
# A cell to predict is read, converted and written.
COPIES = 3
# The share of the memory for the rows of an array that are written at a time.
PART = 0.1
# Bytes that a text takes to convert, whatever is given: DuckDB's own least is about 100 MB.
TEXT_MEMORY = 128 * 10**6
# A table is about so many times as large as its text, when it is prepared in memory.
TIMES_TEXT = 8


class LargeFile:
    """A file whose fit is streamed.

    Attributes
    ----------
    needed : int
        Bytes that a fit in memory would take, about.
    memory : int
        Bytes that the fit may take.
    given : bool
        Whether a person has said so.
    """

    def __init__(self, path: Path, needed: int, memory: int, given: bool) -> None:
        self.path, self.needed, self.memory, self.given = path, needed, memory, given


def large_table(data: str, memory: str | None) -> LargeFile | None:
    """Return the file of rows to predict where it is to be read in blocks; else None."""
    given = None if memory is None else as_bytes(memory, "--memory")
    if is_stream(data) or is_built_in(data) or not Path(data).exists() or is_zstd(Path(data)):
        return None
    path = Path(data)
    most = int(SHARE * usable_bytes()) if given is None else given
    needed = _needed(path, fit=False)
    if needed is None or needed <= most:
        return None
    return LargeFile(path, needed, most, given is not None)


def large_file(asked: Asked, cv: int | None, fit_all: bool) -> LargeFile | None:
    """Return the file of a fit that is to be streamed; None for one that memory holds.

    Raises
    ------
    InputError
        A limit on memory is given with a flag that needs the whole table.
    """
    settings = asked.settings
    given = None if settings.memory is None else as_bytes(settings.memory, "--memory")
    if is_built_in(asked.data) or is_stream(asked.data) or is_zstd(Path(asked.data)):
        return None
    path = Path(asked.data)
    memory = int(SHARE * usable_bytes()) if given is None else given
    needed = _needed(path) if path.exists() else None
    if needed is None or needed <= memory:
        return None
    whole = {
        "--cv": cv is not None,
        "--fit-all": fit_all,
        "--groups": settings.groups is not None,
        "--rows": settings.rows is not None,
        "--preset": presets.get(settings.preset).searches,
        "--skip-footer": asked.reading.skip_footer is not None,
        "--encoding": asked.reading.encoding is not None,
    }
    used = [flag for flag, there in whole.items() if there]
    if not used:
        return LargeFile(path, needed, memory, given is not None)
    if given is None:  # in memory, as far as that goes
        return None
    advice = f"In memory this fit takes about {needed / 1e9:.2g} GB: give that, or leave it out."
    raise must_be("--memory", f"enough for all rows with {used[0]}", settings.memory, advice)


def _needed(path: Path, fit: bool = True) -> int | None:
    """Return the bytes that a fit in memory takes, about; None for files that cannot be streamed.

    A prediction prepares its rows in pieces, and takes what the cells do.

    A file that cannot be read is left to the reader of tables, which says more about it.
    """
    suffix = suffix_of(path)
    if suffix in TEXT_SUFFIXES:
        return path.stat().st_size * TIMES_TEXT * (4 if path.suffix == ".gz" else 1)
    if not path.is_dir() and suffix not in (*STREAMED, ARRAY):
        return None
    try:
        rows, texts = _cells(path, suffix)
    except InputError:
        return None
    if not fit:
        return rows * len(texts) * CELL * COPIES
    inputs = sum(INPUTS_OF_TEXT if text else INPUTS for text in texts)
    return rows * (inputs * INPUT + len(texts) * CELL)


def _cells(path: Path, suffix: str) -> tuple[int, list[bool]]:
    """Return the number of rows, and of each column whether it holds texts."""
    if suffix == ARRAY:
        X = map_npy(path)
        if X.ndim != 2:
            raise InputError(f"{path.name} must have two dimensions; got {X.ndim}.")
        return len(X), [X.dtype.kind in "US"] * X[:1].size
    table = TableFiles(path)
    return sum(table.block_rows), [kind in TEXT for kind in table.schema.values()]


@contextmanager
def as_parquet(
    file: Path,
    reading: Reading = AS_FOUND,
    *,
    targets: Path | None = None,
    memory: int,
    report: Report,
) -> Iterator[Path]:
    """Yield what can be read in blocks: a file, or Parquet in a temporary folder instead.

    Text is written there, and an array with the file of its targets.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    suffix = suffix_of(file)
    if suffix not in (*TEXT_SUFFIXES, ARRAY):
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="chainrule-") as name:
        folder = Path(name)
        if suffix == ARRAY:
            parts_of_array(file, targets, folder, most=int(memory * PART))
        else:
            _convert(file, folder / "table.parquet", reading, memory)
        size = sum(one.stat().st_size for one in folder.glob("*.parquet"))
        more = suffix != ARRAY and memory < TEXT_MEMORY
        report.note(
            f"{file.name} is written to a temporary Parquet file first, of {size / 1e6:,.0f} MB"
            + f"; that may take {TEXT_MEMORY // 10**6} MB of memory, more than the fit" * more
        )
        yield folder


def _convert(file: Path, place: Path, reading: Reading, memory: int) -> None:
    import duckdb

    given: dict[str, Any] = {
        "delim": reading.separator,
        "decimal_separator": reading.decimal,
        "header": reading.header,
        "skip": reading.skip_rows,
        "nullstr": None if reading.null is None else ["", reading.null],
    }
    options = {name: value for name, value in given.items() if value is not None}
    limit = max(memory // 2, TEXT_MEMORY)
    try:
        text_files.write_parquet(file, place, options, memory=limit)
    except (duckdb.Error, InputError) as error:
        if tells_of_memory(error):
            raise MemoryError(
                f"converting {file.name} takes more than {limit / 1e6:,.0f} MB, of --memory "
                f"{memory / 1e6:,.0f} MB. Give more, or save the table as Parquet."
            ) from error
        raise


def looked_at(table: TableFiles, target: str, blocks: int = 8) -> pl.Series:
    """Return the targets of some blocks from everywhere in a table."""
    step = max(1, table.n_blocks // blocks)
    parts = [table.frame(i, [target])[target] for i in range(0, table.n_blocks, step)]
    return pl.concat(parts)
