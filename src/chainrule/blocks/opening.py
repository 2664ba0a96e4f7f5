"""Sources by the names of their files."""

from __future__ import annotations

import os
from typing import Any

from chainrule.blocks.arrays import BLOCK_ROWS, open_npy
from chainrule.blocks.dask_collections import DaskSource, is_collection
from chainrule.blocks.source import Source, check_source, is_source
from chainrule.blocks.tables import TableSource
from chainrule.foundation.errors import InputError

__all__ = ["comes_in_blocks", "names_files", "open_source"]


def names_files(value: Any) -> bool:
    """Say whether a value is a path, or a list of paths."""
    if isinstance(value, str | os.PathLike):
        return True
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(one, str | os.PathLike) for one in value)


def comes_in_blocks(value: Any) -> bool:
    """Say whether a value stands for rows in blocks: files, a collection of Dask, or a source."""
    return is_source(value) or names_files(value) or is_collection(value)


def open_source(
    data: Any, target: Any = None, weight: Any = None, *, block_rows: int = BLOCK_ROWS
) -> Source:
    """Return what ``data`` stands for as a source of blocks.

    Parameters
    ----------
    data : path, list of paths, source, or collection of Dask
        Files of Parquet, Arrow IPC or CSV, a folder of Parquet files, the ``.npy`` file of the
        inputs, or a source, which is returned as it is.
    target : str, path or collection
        The column to predict; with a ``.npy`` file, the one of the targets; with a collection of
        Dask, another one, or a column.
    weight : str or collection, optional
        The column of the weights of the rows; with a collection of Dask, or another one.
    block_rows : int
        Most rows of a block.

    Examples
    --------
    >>> import numpy as np, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> np.save(folder / "X.npy", np.ones((4, 2)))
    >>> np.save(folder / "y.npy", np.arange(4))
    >>> open_source(folder / "X.npy", folder / "y.npy").load(0)[1]
    memmap([0, 1, 2, 3])
    """
    if is_source(data):
        check_source(data)
        found: Source = data
        return found
    if is_collection(data):
        return DaskSource(data, target, weight)
    if not names_files(data):
        raise InputError(
            "the data must be a path, a list of paths, or an object with n_blocks and load(i); got "
            f"a {type(data).__name__}."
        )
    if target is None:
        raise InputError("the target of a file must be named: its column, or its .npy file.")
    if isinstance(data, str | os.PathLike) and os.fspath(data).lower().endswith(".npy"):
        return open_npy(data, target, block_rows=block_rows)
    return TableSource(data, target, weight, block_rows=block_rows)
