"""A table's columns become numbers: learnt from the training rows, the same for every table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.exports.columns import Prepared
from chainrule.foundation.errors import FileFormatError, InputError, suggest
from chainrule.foundation.memory import check_table
from chainrule.foundation.showing import Shown
from chainrule.foundation.wording import counted, listed
from chainrule.insight.text_table import text_table
from chainrule.interop.batches import read_cells, read_columns
from chainrule.interop.bins import MOST_STEPS, SIGNIFICANT, Encoding, encodings
from chainrule.interop.cells import Tell, nothing
from chainrule.interop.choosing import (
    NO_CHOICES,
    ROW_NUMBERS,
    Choices,
    choose,
    counts_by_name,
)
from chainrule.interop.column_records import column_from_dict, column_to_dict
from chainrule.interop.columns import Category, Column, Number
from chainrule.interop.formulas_of_columns import prepared_by
from chainrule.interop.frames import as_frame

__all__ = ["Preparation"]

FORMAT = 1
# Steps beyond the usual number, in all columns: a kilobyte of a row.
MOST_BEYOND = 256


@dataclass(frozen=True, repr=False)
class Preparation(Shown):
    """The treatment of each column of a table before a network sees it.

    Attributes
    ----------
    columns : tuple of Column
        One record per column in use, in the order of the training table.
    dropped : mapping of str to str
        The columns left out, each with the reason.
    target : str or None
        The column to predict, which is never among the inputs.
    rows : int
        The number of training rows.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame(
    ...     {
    ...         "carat": [0.2, 0.3, None, 0.7],
    ...         "cut": ["Ideal", "Good", "Good", "Ideal"],
    ...         "shop": ["A", "A", "A", "A"],
    ...         "price": [330, 400, 420, 2800],
    ...     }
    ... )
    >>> preparation = Preparation.fit(table, target="price")
    >>> preparation.feature_names
    ('carat', 'carat missing', 'cut=Good', 'cut=Ideal')
    >>> preparation.dropped["shop"]
    'all cells are one value'
    >>> preparation.transform(table.select("cut", "carat")).round(2).tolist()[2]
    [0.0, 1.0, 1.0, 0.0]
    """

    columns: tuple[Column, ...]
    dropped: dict[str, str]
    target: str | None
    rows: int

    def __str__(self) -> str:
        target = "" if self.target is None else f" to predict {self.target!r}"
        head = ("column", "kind", "prepared as")
        table = text_table(head, self.describe(), left=head)
        return f"preparation of {counted(len(self.columns), 'column')}{target}\n{table}"

    @classmethod
    def fit(
        cls,
        frame: pl.DataFrame,
        *,
        target: str | None = None,
        choices: Choices = NO_CHOICES,
        encoding: str | Encoding = "scale",
        y: NDArray[Any] | None = None,
        tell: Tell = nothing,
    ) -> Preparation:
        """Learn from the training rows what to do with each column.

        Parameters
        ----------
        frame : polars.DataFrame
            The training rows.
        target : str, optional
            The column to predict: left out of the inputs.
        choices : Choices, optional
            What a person says of columns.
        encoding : {"scale", "target", "quantiles"} or Encoding
            How numbers are written: scaled, or with steps whose edges are splits of the target,
            or quantiles.
        y : ndarray (n,), optional
            The targets of the rows, as labels or numbers, which ``"target"`` looks at.
        tell : callable, optional
            Receives one sentence per guess or repair.

        Raises
        ------
        InputError
            A column holds lists, records or bytes, or no column is left.
        """
        if frame.height == 0:
            raise InputError("the table must have rows to learn from; got none.")
        columns: list[Column] = []
        dropped: dict[str, str] = {}
        choices.check(frame.columns, target)
        inputs = [one for one in frame if one.name != target]
        for series, read in zip(inputs, read_columns(inputs), strict=True):
            choice = choose(series, choices, tell, read)
            if isinstance(choice, str):
                dropped[series.name] = choice
            else:
                columns.append(choice)
        if not columns:
            # numbers that only look like those of rows are better than nothing
            spare = [
                name
                for name, reason in dropped.items()
                if reason == ROW_NUMBERS and not counts_by_name(name)
            ]
            columns = [Number.learn(frame[name], tell) for name in spare]
            dropped = {name: why for name, why in dropped.items() if name not in spare}
        _tell_dropped(dropped, tell)
        if not columns:
            reasons = "; ".join(f"{name!r}: {reason}" for name, reason in dropped.items())
            raise InputError(
                f"the table must have a column to learn from; got none of use ({reasons})."
            )
        return cls(
            _with_steps(columns, frame, encodings.get(encoding), y),
            dropped,
            target,
            frame.height,
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The name of each output: ``carat``, ``carat missing``, ``cut=Ideal``, ``sold year``."""
        return tuple(name for column in self.columns for name in column.outputs)

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns whose cells must stay text when a file is read: codes like 01."""
        return tuple(
            column.name
            for column in self.columns
            if isinstance(column, Category) and any(map(_is_code, column.levels))
        )

    def transform(self, frame: Any, *, tell: Tell = nothing) -> NDArray[np.float32]:
        """Turn a table into numbers; columns are found by name, others are ignored.

        Parameters
        ----------
        frame : frame of polars, pandas or pyarrow
            Any rows with at least the columns in use.
        tell : callable, optional
            Receives one sentence per surprise: ignored columns, unknown categories, missing cells
            where the training rows had none.

        Returns
        -------
        ndarray of float32, shape (rows, len(feature_names)), C-contiguous

        Raises
        ------
        InputError
            A column is missing, or holds text where the training rows held numbers or dates.
        """
        if not isinstance(frame, pl.DataFrame):
            frame = as_frame(frame)
        self._check_names(frame.columns, tell)
        widths = [len(column.outputs) for column in self.columns]
        check_table(frame.height, sum(widths), itemsize=4)
        out = np.empty((frame.height, sum(widths)), dtype=np.float32)
        start = 0
        cells = read_cells(self.columns, frame)
        for column, own, width in zip(self.columns, cells, widths, strict=True):
            if tell is not nothing:
                column.tell_of(own, tell)
            column.write(own, out[:, start : start + width])
            start += width
        return out

    def tell_of(self, frame: pl.DataFrame, tell: Tell) -> None:
        """Tell what `transform` would tell of a table, in little memory."""
        self._check_names(frame.columns, tell)
        for column, own in zip(self.columns, read_cells(self.columns, frame), strict=True):
            column.tell_of(own, tell)

    def describe(self) -> list[tuple[str, str, str]]:
        """Return one row per column: its name, its kind, and what is done to it."""
        used = [(column.name, column.kind, column.done) for column in self.columns]
        return used + [(name, "dropped", reason) for name, reason in self.dropped.items()]

    def as_formulas(self) -> Prepared:
        """Return what `transform` does as formulas, for a program in another language."""
        return prepared_by(self.columns)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON-able values; floats survive JSON exactly."""
        return {
            "format": FORMAT,
            "rows": self.rows,
            "target": self.target,
            "columns": [column_to_dict(column) for column in self.columns],
            "dropped": dict(self.dropped),
        }

    @classmethod
    def from_dict(cls, record: Any) -> Preparation:
        """Build the preparation that ``to_dict`` described.

        Raises
        ------
        FileFormatError
            The record is damaged or of another format.
        """
        fields = {"format", "rows", "target", "columns", "dropped"}
        if not isinstance(record, dict) or "format" not in record:
            raise FileFormatError("preparation must be a record as to_dict writes it; got another.")
        if record["format"] != FORMAT:
            raise FileFormatError(
                f"preparation format must be {FORMAT}; got {record['format']!r}. "
                "Read it with the version that wrote it."
            )
        right = (
            set(record) == fields
            and isinstance(record["rows"], int)
            and isinstance(record["target"], str | None)
            and isinstance(record["columns"], list)
            and isinstance(record["dropped"], dict)
            and all(isinstance(part, str) for pair in record["dropped"].items() for part in pair)
        )
        if not right:
            raise FileFormatError(
                "preparation must be a record as to_dict writes it; this one is damaged. "
                "Write the file again."
            )
        columns = tuple(column_from_dict(column) for column in record["columns"])
        if len({column.name for column in columns}) < max(len(columns), 1):
            raise FileFormatError("preparation must hold columns of different names.")
        return cls(columns, dict(record["dropped"]), record["target"], record["rows"])

    def _check_names(self, names: list[str], tell: Tell) -> None:
        """Refuse a table without the columns in use, and tell which of its columns are ignored."""
        used = [column.name for column in self.columns]
        there, known = set(names), {*used, *self.dropped, self.target}
        absent = [name for name in used if name not in there]
        spare = [name for name in names if name not in known]
        if absent:
            hints = " ".join(filter(None, (suggest(name, spare) for name in absent[:12])))
            raise InputError(
                "the table must have the columns of the training table; missing: "
                f"{listed(list(map(repr, absent)))}. {hints}{' ' if hints else ''}"
                f"Training used: {listed(used)}. This table has: {listed(names)}."
            )
        if spare:
            tell(f"ignored {counted(len(spare), 'column')} not used at training: " + listed(spare))


def _with_steps(
    columns: list[Column], frame: pl.DataFrame, encoding: Encoding, y: NDArray[Any] | None
) -> tuple[Column, ...]:
    if encoding.name == "scale":
        return tuple(columns)
    if y is None or len(y) != frame.height:
        rows = "none" if y is None else f"{len(y):,}"
        raise InputError(
            f"encoding={encoding.name!r} must be given the targets of all {frame.height:,} rows as "
            f"y; got {rows}."
        )
    classes = y.dtype.kind != "f"
    numbers = [column for column in columns if isinstance(column, Number)]
    significant = SIGNIFICANT
    while True:
        stepped = {
            column.name: column.with_steps(values, encoding, y, classes, significant)
            for column, values in zip(numbers, read_cells(numbers, frame), strict=True)
        }
        beyond = (len(column.edges) - 1 - MOST_STEPS for column in stepped.values())
        if not encoding.by_significance or sum(max(0, more) for more in beyond) <= MOST_BEYOND:
            break
        significant *= 4.0
    return tuple(stepped.get(column.name, column) for column in columns)


def _tell_dropped(dropped: dict[str, str], tell: Tell) -> None:
    """Tell each reason once, with the columns it holds for."""
    for reason in dict.fromkeys(dropped.values()):
        names = [name or "''" for name, its in dropped.items() if its == reason]
        tell(f"left out {'column' if len(names) == 1 else 'columns'} {listed(names, 8)}: {reason}")


def _is_code(level: str) -> bool:
    """Say whether a level is no number, or would lose digits as one."""
    try:
        return level != f"{float(level):.17g}"
    except ValueError:
        return True
