"""Arrays in ``.npy`` files as tables: columns x0, x1 and so on, and the targets of another file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from chainrule.blocks.arrays import map_npy
from chainrule.foundation.errors import InputError
from chainrule.interop.frames import as_frame

__all__ = ["ARRAY", "array_table", "parts_of_array", "with_target_file"]

ARRAY = ".npy"


def array_table(file: Path) -> pl.DataFrame:
    """Return the rows of an array.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "X.npy"
    >>> np.save(place, [[1.0, 2.0], [3.0, 4.0]])
    >>> array_table(place).columns
    ['x0', 'x1']
    """
    return as_frame(map_npy(file), name=file.name)


def with_target_file(frame: pl.DataFrame, file: Path | None) -> pl.DataFrame:
    """Return a table with the targets of a file as a column of its name, where there is one.

    Raises
    ------
    InputError
        The file is not there, holds other rows, or is called as a column is.
    """
    return frame if file is None else _joined(frame, _targets(file, frame.height), file)


def parts_of_array(file: Path, targets: Path | None, folder: Path, *, most: int) -> None:
    """Write an array, with targets where there are any, as Parquet files into a folder.

    ``most`` are the bytes that a part may take in memory.
    """
    X = map_npy(file)
    y = None if targets is None else _targets(targets, len(X))
    rows = max(1, most // max(1, X.itemsize * X[:1].size))
    for number, start in enumerate(range(0, len(X), rows)):
        part = slice(start, start + rows)
        frame = as_frame(X[part], name=file.name)
        if targets is not None and y is not None:
            frame = _joined(frame, y[part], targets)
        frame.write_parquet(folder / f"{number:07}.parquet")


def _targets(file: Path, rows: int) -> np.ndarray:
    found = map_npy(file)
    if found.shape not in ((rows,), (rows, 1)):
        raise InputError(
            f"--target {file.name} must hold one target for each of the {rows:,} rows; got the "
            f"shape {found.shape}."
        )
    return found.reshape(rows, 1)


def _joined(frame: pl.DataFrame, y: np.ndarray, file: Path) -> pl.DataFrame:
    if file.stem in frame.columns:
        raise InputError(
            f"--target must be a file of another name than a column; got {file.name}, and there is "
            f"a column {file.stem!r}. Rename the file."
        )
    return frame.with_columns(as_frame(y, [file.stem], file.name))
