"""The rows of a table that meet a condition as in SQL's ``where``, answered by DuckDB.

The database knows the table alone: it opens no file, fetches nothing and sees no variable.
"""

from __future__ import annotations

import re
from typing import Any

import polars as pl
import polars.selectors as cs

from chainrule.foundation.errors import InputError
from chainrule.foundation.wording import counted, listed
from chainrule.interop.cells import Tell, nothing

__all__ = ["rows_where"]

CLOSED = {
    "enable_external_access": False,
    "python_enable_replacements": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
SETTINGS = "set enable_progress_bar = false; set lock_configuration = true"
UNKNOWN = re.compile(r'Referenced (?:column|table) "(.*?)" not found')
# What the database says, in the words of tables.
KINDS = {"VARCHAR": "text", "_LITERAL": "", " in FROM clause": ""}
LONGEST = 120


def rows_where(frame: pl.DataFrame, condition: str | None, tell: Tell = nothing) -> pl.DataFrame:
    """Return the rows for which a condition holds, in order; all rows where there is none.

    Parameters
    ----------
    frame : polars.DataFrame
        Any table.
    condition : str, optional
        What SQL's ``where`` takes. Columns are found in capital letters or small ones; names with
        blanks stand in double quotes, texts in single ones.
    tell : callable, optional
        Receives one sentence: how many rows remain.

    Raises
    ------
    InputError
        The condition cannot be read, names a column that is not there, asks for a file, or holds
        for no row.

    Examples
    --------
    >>> table = pl.DataFrame({"age": [25, 35, None], "home town": ["Bern", "Bern", "Zug"]})
    >>> rows_where(table, "age > 30 and \\"home town\\" = 'Bern'", print).height
    --rows takes 1 row of 3; rows are counted among them
    1
    """
    if condition is None:
        return frame
    numbers = _holds(frame, condition)
    if len(numbers) == 0:
        raise InputError(
            f"--rows must hold for some row; got {_cut(condition)!r}, which holds for none of "
            f"{counted(frame.height, 'row')}. A comparison with a missing cell never holds."
        )
    rows = counted(len(numbers), "row")
    tell(f"--rows takes {rows} of {frame.height:,}; rows are counted among them")
    return frame[numbers.sort()]


class _Stream:
    """A table as the database takes it without PyArrow."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.frame.__arrow_c_stream__(requested_schema)


def _holds(frame: pl.DataFrame, condition: str) -> pl.Series:
    """Return the numbers of the rows for which the condition holds."""
    import duckdb

    known = frame.select(
        one.name for one in frame if not one.dtype.is_nested() and one.dtype != pl.Object
    )
    _refuse_alike(known.columns)
    # nan is a missing cell here, and the largest number there
    known = known.with_columns(cs.float().fill_nan(None), cs.by_dtype(pl.Null).cast(pl.String))
    number = "number of the row"
    while number in map(str.lower, known.columns):
        number += "."
    table: Any = _Stream(known.with_row_index(number))
    try:
        with duckdb.connect(":memory:", config=dict(CLOSED)) as database:
            database.execute(SETTINGS)
            relation = database.from_arrow(table)
            found = relation.filter(condition)
            if [str(kind) for kind in relation.project(condition).types] != ["BOOLEAN"]:
                raise _refused(known, condition, "it is neither true nor false of a row")
            return pl.DataFrame(found.project(f'"{number}"'))[number]
    except duckdb.Error as error:
        raise _refused(known, condition, _reason(str(error))) from None


def _refuse_alike(names: list[str]) -> None:
    """Refuse names that differ in capital letters only: a condition cannot tell them apart."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.lower(), name)
        if other != name:
            raise InputError(
                f"--rows must be left out of a table with the columns {_cut(other)!r} and "
                f"{_cut(name)!r}, which a condition cannot tell apart. Rename one of them."
            )


def _reason(message: str) -> str:
    reason = message.strip().splitlines()[0].partition("Error: ")[2] or message
    for theirs, ours in KINDS.items():
        reason = reason.replace(theirs, ours)
    return _cut(reason.rstrip(".!"))


def _refused(frame: pl.DataFrame, condition: str, reason: str) -> InputError:
    quotes = " (a text stands in 'single quotes')" if UNKNOWN.search(reason) else ""
    names = _cut(listed(frame.columns))
    return InputError(
        f"--rows must be a condition, as in \"age > 30 and city = 'Bern'\"; got "
        f"{_cut(condition)!r}: {reason}{quotes}. Columns: {names}."
    )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
