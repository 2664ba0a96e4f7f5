"""Frames of one table: each has the columns of the first, of its types, without a cell changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.foundation.errors import InputError
from chainrule.foundation.wording import listed

if TYPE_CHECKING:
    import polars as pl

__all__ = ["of_schema", "with_texts"]


def with_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose categories, which differ from frame to frame, are texts."""
    import polars as pl

    return frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))


def of_schema(frame: pl.DataFrame, schema: pl.Schema, name: str) -> pl.DataFrame:
    """Return a frame with the columns of a schema, of its types.

    Parameters
    ----------
    frame : polars.DataFrame
        Some rows of a table; a column without a value may be of any type.
    schema : polars.Schema
        The columns of its first rows.
    name : str
        What errors call these rows.

    Raises
    ------
    InputError
        A column is not there, there are more, or a cell would change.

    Examples
    --------
    >>> import polars as pl
    >>> schema = pl.Schema({"a": pl.Int64, "b": pl.String})
    >>> of_schema(pl.DataFrame({"b": [None], "a": [1.0]}), schema, "block 1").rows()
    [(1, None)]
    >>> of_schema(pl.DataFrame({"a": [0.5], "b": ["x"]}), schema, "block 1")
    Traceback (most recent call last):
    chainrule.foundation.errors.InputError: all blocks must have the columns of block 0, of the \
same types; block 1 has 'a' as Float64, not Int64. Convert it.
    """
    import polars as pl

    if frame.schema == schema:
        return frame
    absent = [own for own in schema if own not in frame.schema]
    spare = [own for own in frame.schema if own not in schema]
    if absent:
        raise _differs(name, f"no {listed(list(map(repr, absent)))}. Add it")
    if spare:
        raise _differs(name, f"{listed(list(map(repr, spare)))} too. Drop it")
    columns = []
    for own, kind in schema.items():
        column = frame[own]
        try:
            found = column.cast(kind)
            same = column.dtype == pl.Null or found.cast(column.dtype).equals(column)
        except pl.exceptions.PolarsError:
            same = False
        if not same:
            raise _differs(name, f"{own!r} as {column.dtype}, not {kind}. Convert it")
        columns.append(found)
    return pl.DataFrame(columns)


def _differs(name: str, what: str) -> InputError:
    return InputError(
        f"all blocks must have the columns of block 0, of the same types; {name} has {what}."
    )
