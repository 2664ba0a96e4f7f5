"""A dask.dataframe as a table in blocks of any columns: each partition is a frame of polars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chainrule.blocks.dask_collections import Partitions, check_part
from chainrule.blocks.schemas import of_schema, with_texts
from chainrule.foundation.errors import InputError, must_be

if TYPE_CHECKING:
    import polars as pl

__all__ = ["DaskTable"]


class DaskTable:
    """A dask.dataframe with its target, and weights, as frames of polars.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
        All columns.
    target : str or dask.dataframe.Series
        The column to predict, or the targets.
    weight : str or dask.dataframe.Series, optional
        The weights of the rows, likewise.

    Attributes
    ----------
    target, weight : str
        The columns that hold them.
    n_blocks : int
        Partitions that have rows.
    block_rows : tuple of int
        Rows of each.
    schema : polars.Schema
        Names and types of the columns, by the first partition.
    """

    def __init__(self, frame: Any, target: Any, weight: Any = None) -> None:
        columns = list(getattr(frame, "columns", []))
        if not columns:
            raise must_be("X", "a dask.dataframe, whose columns have names", type(frame).__name__)
        self._added: list[str] = []
        parts = [frame]
        found: list[str | None] = []
        for argument, one in (("y", target), ("sample_weight", weight)):
            if one is None and argument != "y":
                found.append(None)
                continue
            check_part(argument, one, columns)
            if isinstance(one, str):
                found.append(one)
                continue
            name = str(getattr(one, "name", None) or argument)
            if name in map(str, columns):
                raise InputError(
                    f"{argument} must have another name than the columns of X; got {name!r}. Drop "
                    f"that column, or pass its name as {argument}."
                )
            found.append(name)
            self._added.append(name)
            parts.append(one)
        name_of_target, self.weight = found
        assert name_of_target is not None
        self.target = name_of_target
        self._partitions = Partitions(["X", *self._added], parts)
        self.block_rows = self._partitions.rows
        self.n_blocks = len(self.block_rows)
        self.schema = self._frame(0).schema

    def frame(self, i: int, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return block i, counted from 0, or some of its columns."""
        found = of_schema(self._frame(i), self.schema, f"partition {i}")
        return found if columns is None else found.select(columns)

    def _frame(self, i: int) -> pl.DataFrame:
        import polars as pl

        table, *others = self._partitions.load(i)
        table = table.rename(columns=str)
        for name, one in zip(self._added, others, strict=True):
            table = table.assign(**{name: one.to_numpy()})
        return with_texts(pl.from_pandas(table))
