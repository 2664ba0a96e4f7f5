"""Lines in, lines out: each is answered as soon as it is there, and a bad one costs only itself."""

from __future__ import annotations

import csv
import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, TypeAlias

import numpy as np
import polars as pl

from chainrule.app.reading import AS_FOUND, Reading
from chainrule.app.report import leave_stdout
from chainrule.app.stopping import wake_on_signals
from chainrule.app.table_models import TableModel, read_table_model
from chainrule.app.wanted import Wanted
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.wording import listed

__all__ = ["LineReader", "answer_lines", "stream"]

Row: TypeAlias = dict[str, Any]
Answer: TypeAlias = Callable[[pl.DataFrame], Mapping[str, Any]]
# Bytes that are taken at once, if so many are there; a longer line is refused.
PART, LONGEST_LINE = 2**16, 2**24
# From there on not every whole number is a float64.
WHOLE = 2**53
INT64 = 2**63
SEPARATORS = ",;\t|"
TRAILING_ZEROS = re.compile(r"([+-]?\d+)\.0*")


class _BadLine(Exception):  # noqa: N818 (an answer, not an error of the run)
    """A line that is no row; the message says why."""


def answer_lines(source: IO[bytes], into: IO[str], reader: LineReader, answer: Answer) -> None:
    """Answer each line of a stream by one line of JSON, without waiting for the next.

    The lines that are there already are answered together, which is quicker and gives the same.

    Parameters
    ----------
    source : binary file
        The lines: JSON objects, or cells below a header.
    into : text file
        Receives one line per row, flushed: the answer, or ``{"error": ..., "line": ...}``.
    reader : LineReader
        Turns lines into rows.
    answer : callable
        Gives the columns of the answers for a table; kept cells go out as they came in.

    Raises
    ------
    InputError
        If the header lacks a column of the model.
    """
    for lines in _lines(source):
        results: list[Row] = []
        rows: list[tuple[int, Row]] = []
        for number, line in lines:
            try:
                row = reader.row(line, number)
            except _BadLine as bad:
                results.append({"error": str(bad), "line": number})
                continue
            if row is not None:
                results.append({"line": number})
                rows.append((number, row))
        by_line: dict[int, Row] = {}
        for some in _alike(rows, reader.columns):
            _answer(some, reader, answer, by_line)
        for found in results:
            into.write(_as_json(by_line.get(found["line"], found)))
        into.flush()


def _lines(source: IO[bytes]) -> Iterator[list[tuple[int, bytes | None]]]:
    """Yield the lines that are there, with their numbers from 1; None for one that is too long."""
    read = getattr(source, "read1", source.read)
    number, rest, skips = 0, b"", False
    while True:
        part = read(PART)
        *whole, rest = (rest + part).split(b"\n")
        if not part and rest:  # the last line has no end
            whole, rest = [rest], b""
        found: list[tuple[int, bytes | None]] = []
        for line in whole:
            number += 1
            found.append((number, None if skips else line))
            skips = False
        if len(rest) > LONGEST_LINE:
            rest, skips = b"", True
        elif skips:
            rest = b""
        if found:
            yield found
        if not part:
            return


class LineReader:
    """Lines of JSON or of separated cells as rows, which the first line tells apart.

    Parameters
    ----------
    model : TableModel
        The model, whose columns every row must have.
    reading : Reading
        The dialect, as far as the user gives it.
    kept : sequence of str
        Columns that are written beside the answers.
    """

    def __init__(self, model: TableModel, reading: Reading, kept: Sequence[str] = ()) -> None:
        records = [one.preparation.columns for one in model.estimator.members_]
        used = [column for columns in records for column in columns]
        self.kept = tuple(kept)
        self.columns = list(dict.fromkeys([*(column.name for column in used), *kept]))
        texts = set(model.texts)
        # cells of categories that a table would have read as numbers: 3.0 is 3
        self._codes = {one.name for one in used if one.kind == "category" and one.name not in texts}
        self._reading = reading
        self._kind: str | None = None
        self._header: list[str] = []
        self._separator = reading.separator or ","

    def row(self, line: bytes | None, number: int) -> Row | None:
        """Return the row of a line; None for a blank line and for the header."""
        if line is None:
            raise _BadLine(f"a line must have at most {LONGEST_LINE:,} bytes; this one has more.")
        try:
            text = line.decode(self._reading.encoding or "utf-8").strip("\r\ufeff")
        except UnicodeDecodeError as error:
            raise _BadLine(f"the line must be text in {error.encoding}; it is not.") from error
        if not text.strip():
            return None
        if self._kind is None:
            self._kind = "json" if text.lstrip().startswith("{") else "cells"
            if self._kind == "cells":
                self._read_header(text)
                return None
        row = self._object(text) if self._kind == "json" else self._cells(text)
        absent = [name for name in self.columns if name not in row]
        if absent:
            raise _BadLine(f"a row must have all columns of the model; missing: {listed(absent)}.")
        return {name: row[name] for name in self.columns}

    def _read_header(self, text: str) -> None:
        if self._reading.separator is None:
            self._separator = max(SEPARATORS, key=text.count)
        self._header = [name.strip() for name in self._split(text)]
        absent = [name for name in self.columns if name not in self._header]
        if absent:
            raise InputError(
                "the first line must be a JSON object, or name the columns of the model; missing: "
                f"{listed(list(map(repr, absent)))}. It reads: {text[:100]!r}."
            )

    def _split(self, text: str) -> list[str]:
        try:
            return next(csv.reader([text], delimiter=self._separator, strict=True))
        except csv.Error as error:
            raise _BadLine(f"the line must be cells of one row; {error}.") from error

    def _cells(self, text: str) -> Row:
        cells = self._split(text)
        if len(cells) != len(self._header):
            raise _BadLine(
                f"a row must have {len(self._header)} cells, as the header; got {len(cells)}."
            )
        row: Row = {}
        for name, cell in zip(self._header, cells, strict=True):
            found: str | None = cell if cell and cell != self._reading.null else None
            if found is not None and name in self._codes:
                found = TRAILING_ZEROS.sub(r"\1", found) if _is_whole(found) else found
            row[name] = found
        return row

    def _object(self, text: str) -> Row:
        try:
            row = json.loads(text)
        except RecursionError as error:
            raise _BadLine("the line must be a JSON object; it is nested too deeply.") from error
        except ValueError as error:
            raise _BadLine(f"the line must be a JSON object; {error}.") from error
        if not isinstance(row, dict):
            raise _BadLine(f"the line must be a JSON object; got {text[:60]!r}.")
        for name in self.columns:
            cell = row.get(name)
            if isinstance(cell, list | dict):
                raise _BadLine(f"{name!r} must be a number, a text, true, false or null; got more.")
            if isinstance(cell, int) and not -INT64 <= cell < INT64:
                raise _BadLine(f"{name!r} must be a number of 64 bits; got a larger one.")
            if isinstance(cell, str) and not _is_whole_text(cell):
                raise _BadLine(f"{name!r} must be text; got half of a pair of UTF-16.")
            if isinstance(cell, float) and math.isinf(cell) and name in self.kept:
                raise _BadLine(f"{name!r} must be a number that JSON can hold; got {cell}.")
            if isinstance(cell, float) and math.isnan(cell):
                row[name] = None
        return row


def _is_whole_text(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_whole(cell: str) -> bool:
    return TRAILING_ZEROS.fullmatch(cell) is not None


def _kind(cell: Any) -> str:
    """Return the kind of a cell that a column of a table may hold beside others."""
    if isinstance(cell, bool):
        return "yes or no"
    if isinstance(cell, int):
        return "number" if abs(cell) < WHOLE else "whole"
    return "number" if isinstance(cell, float) else "text"


def _alike(
    rows: Sequence[tuple[int, Row]], columns: Sequence[str]
) -> Iterator[list[tuple[int, Row]]]:
    """Yield the rows in groups of one kind of cell per column; a missing cell is of any kind.

    A cell reads then as it would alone.
    """
    kinds = {
        name: {_kind(row[name]) for _, row in rows if row[name] is not None} for name in columns
    }
    mixed = [name for name in columns if len(kinds[name]) > 1]
    groups: dict[tuple[str, ...], list[tuple[int, Row]]] = {}
    for number, row in rows:
        own = tuple("" if row[name] is None else _kind(row[name]) for name in mixed)
        groups.setdefault(own, []).append((number, row))
    yield from groups.values()


def _answer(
    rows: Sequence[tuple[int, Row]],
    reader: LineReader,
    answer: Answer,
    into: dict[int, Row],
) -> None:
    """Answer rows together; where one of them is refused, each half on its own."""
    try:
        frame = pl.DataFrame(
            [
                pl.Series(name, [row[name] for _, row in rows], strict=False)
                for name in reader.columns
            ]
        )
        found = {name: _values(column) for name, column in answer(frame).items()}
    except (ValueError, TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        if len(rows) == 1:
            into[rows[0][0]] = {"error": str(error), "line": rows[0][0]}
            return
        half = len(rows) // 2
        for some in (rows[:half], rows[half:]):
            _answer(some, reader, answer, into)
        return
    for place, (number, row) in enumerate(rows):
        into[number] = {name: row[name] for name in reader.kept}
        into[number] |= {name: values[place] for name, values in found.items()}


def _values(column: Any) -> list[Any]:
    values: list[Any] = column.to_list() if isinstance(column, pl.Series) else column.tolist()
    return values


def _as_json(found: Row) -> str:
    return json.dumps(found, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    """Return what JSON can hold of a label or a kept cell: numbers of NumPy, dates as text."""
    return value.item() if isinstance(value, np.generic) else str(value)


def stream(
    model_path: str,
    data: str,
    *,
    wanted: Wanted,
    reading: Reading = AS_FOUND,
    keep: Sequence[str] = (),
    strict: bool = False,
    for_tables: Mapping[str, object] | None = None,
) -> None:
    """Answer each line of standard input, or of a file, by a line of JSON on stdout.

    ``for_tables`` are the flags that a stream has no use for, all of them None.

    Raises
    ------
    InputError
        If the model cannot say what is asked for, or the first line cannot be its rows.
    """
    for flag, value in (for_tables or {}).items():
        if value is not None:
            advice = "Redirect stdout to a file." if flag == "--out" else "Change the lines before."
            raise must_be(flag, "left out with --stream", str(value), advice)
    model = read_table_model(model_path)
    wanted.check(model)
    reader = LineReader(model, reading, keep)

    def answer(frame: pl.DataFrame) -> Mapping[str, Any]:
        surprises: list[str] = []
        answers = model.answers(frame, surprises.append, keep)
        if strict and surprises:
            raise InputError(surprises[0])
        return wanted.columns(model, frame, answers)

    wake_on_signals()
    try:
        if data == "-":
            answer_lines(sys.stdin.buffer, sys.stdout, reader, answer)
        else:
            with open(data, "rb") as source:
                answer_lines(source, sys.stdout, reader, answer)
    except BrokenPipeError:  # the reader has seen enough
        leave_stdout()
    except KeyboardInterrupt:  # the usual way to end it
        return
