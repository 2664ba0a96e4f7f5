"""A source of frames as a table in blocks: any object with ``n_blocks`` and ``load(i)``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from chainrule.blocks.schemas import of_schema, with_texts
from chainrule.blocks.source import check_source
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.wording import unknown_column
from chainrule.interop.frames import as_frame

__all__ = ["SourceTable"]

# The columns that hold what comes beside a frame.
TARGET, WEIGHT = "y", "sample_weight"


class SourceTable:
    """The blocks of a source as frames of polars.

    Parameters
    ----------
    source : Source
        ``load(i)`` returns a frame of polars, pandas or pyarrow, which holds the target; or
        ``(X, y)`` or ``(X, y, weights)`` with a frame, or an array, as X.
    target : str, optional
        The column to predict, where blocks are frames that hold it.
    weight : str, optional
        The column of the weights of the rows, likewise.

    Attributes
    ----------
    target, weight : str
        The columns that hold them.
    n_blocks : int
        Blocks that have rows.
    block_rows : tuple of int
        Rows of each.
    schema : polars.Schema
        Names and types of the columns, by the first block.

    Raises
    ------
    InputError
        A block is no such thing, or a column is not there.

    Examples
    --------
    >>> class Weeks:
    ...     n_blocks = 2
    ...     def load(self, i):
    ...         return pl.DataFrame({"day": [i * 7 + 1, i * 7 + 2], "sold": [3.0, 4.0]})
    >>> table = SourceTable(Weeks(), "sold")
    >>> table.block_rows, table.frame(1).rows()
    ((2, 2), [(8, 3.0), (9, 4.0)])
    """

    def __init__(self, source: Any, target: str | None = None, weight: str | None = None) -> None:
        check_source(source)
        self._source, self._named = source, target is not None
        if weight is not None and target is None:
            raise must_be("sample_weight", "None, where load(i) returns the weights", weight)
        known = getattr(source, "block_rows", None)
        rows = map(self._rows_of, range(source.n_blocks)) if known is None else map(int, known)
        sizes = list(enumerate(rows))
        self._numbers = [number for number, size in sizes if size]
        self.block_rows = tuple(size for _, size in sizes if size)
        self.n_blocks = len(self._numbers)
        if not self.n_blocks:
            raise InputError("the source must have at least one row; got none.")
        number = self._numbers[0]
        parts = self._parts(number)
        self.schema = self._joined(number, parts).schema
        self.target = TARGET if target is None else target
        self.weight = WEIGHT if len(parts) > 2 else weight
        for argument, name in (("y", self.target), ("sample_weight", self.weight)):
            if name is not None and name not in self.schema:
                raise unknown_column(argument, name, self.schema, f"load({number})")

    def frame(self, i: int, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return block i, counted from 0, or some of its columns."""
        number = self._numbers[i]
        found = self._joined(number, self._parts(number))
        found = of_schema(found, self.schema, f"block {number}")
        if found.height != self.block_rows[i]:
            raise InputError(
                f"load({number}) of the source must return the same rows each time; got "
                f"{found.height:,} rows, where it has {self.block_rows[i]:,}."
            )
        return found if columns is None else found.select(columns)

    def _rows_of(self, number: int) -> int:
        X = self._parts(number)[0]
        if hasattr(X, "tocsr") or not hasattr(X, "__len__"):  # refused, in words
            return as_frame(X, name=f"load({number}) of the source").height
        return len(X)

    def _joined(self, number: int, parts: tuple[Any, ...]) -> pl.DataFrame:
        """Return a table with what comes beside it."""
        name = f"load({number}) of the source"
        X, *beside = parts
        found = as_frame(X, getattr(self._source, "feature_names", None), name)
        for own, values in zip((TARGET, WEIGHT), beside, strict=False):
            if own in found.columns:
                raise InputError(
                    f"{name} must return columns of other names than {own!r}, which holds what "
                    "comes beside them. Rename it, or return a frame alone, and name the target: "
                    "fit(source, 'y')."
                )
            found = found.with_columns(_column(values, own, found.height, name))
        return with_texts(found)

    def _parts(self, number: int) -> tuple[Any, ...]:
        """Return a table, and what comes beside it."""
        loaded = self._source.load(number)
        several = isinstance(loaded, Sequence)
        if several and len(loaded) not in (2, 3):
            raise InputError(
                f"load({number}) of the source must return a frame, (X, y) or (X, y, weights); got "
                f"{len(loaded)} parts."
            )
        if several == self._named:
            if several:
                raise InputError(
                    f"y must be None for a source whose blocks hold the targets; load({number}) "
                    f"returns {len(loaded)} parts. Leave it out."
                )
            raise InputError(
                f"y must name the target, since load({number}) of the source returns no targets "
                f"beside its {type(loaded).__name__}: fit(source, 'name')."
            )
        return tuple(loaded) if several else (loaded,)


def _column(values: Any, name: str, rows: int, block: str) -> pl.Series:
    shape = np.shape(values)
    if shape not in ((rows,), (rows, 1)):
        raise InputError(
            f"{block} must return one target, and one weight, for each of its {rows:,} rows; got "
            f"the shape {shape}."
        )
    if isinstance(values, pl.Series):
        return values.alias(name)
    return as_frame(np.asarray(values).reshape(rows, 1), [name], block)[name]
