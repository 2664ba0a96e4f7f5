"""Text files as people have them: DuckDB finds the dialect, and every guess is one sentence.

Cells come as text, so that one rule decides every column (`column_types`). Rows are never dropped
in silence: lines above the header are told, and lines of another width are refused by number.
"""

from __future__ import annotations

import csv
import functools
import os
import re
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from chainrule.app.blanks import with_tabs
from chainrule.app.encodings import in_utf8, is_gzip, opened
from chainrule.app.footers import separator_of, without_footer
from chainrule.app.quick_rows import quick_rows
from chainrule.app.reading import Reading
from chainrule.app.whole_rows import whole_rows
from chainrule.foundation.errors import InputError
from chainrule.foundation.wording import counted, listed
from chainrule.interop.cells import Tell

if TYPE_CHECKING:
    import duckdb

__all__ = ["read_text"]

SEPARATOR_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
# Below this size the whole file is sampled for its dialect; above it, the first rows.
SAMPLED_WHOLE_BYTES = 64 * 2**20
SAMPLE_ROWS = 50_000
# A table of more columns is asked for less: a database takes milliseconds for each.
WIDE = 200
# A number with a decimal comma.
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+$")
# How far down a header may stand under lines of titles.
TITLE_LINES = 20


def read_text(
    path: Path, reading: Reading, tell: Tell, texts: Collection[str] = ()
) -> pl.DataFrame:
    """Return the columns of a text file, as text or typed, in the order of the file.

    Parameters
    ----------
    path : Path
        A file of separated values, compressed by gzip or not.
    reading : Reading
        What is known of it.
    tell : callable
        Receives one sentence per guess.
    texts : collection of str, optional
        Columns that stay text.

    Raises
    ------
    InputError
        The lines are of different widths, a name stands twice, or a quote is never closed.
    """
    with (
        in_utf8(path, reading, tell) as text,
        with_tabs(path, text, reading, tell) as (whole, how),
        without_footer(path, whole, how, tell) as file,
    ):
        dialect = _dialect(path, file, how)
        guesses = dialect.told(how)
        names = dialect.names(file)
        frame = dialect.rows(file, names, texts)
    if guesses:
        tell(f"{path.name}: {'; '.join(guesses)}")
    return whole_rows(path, _named(path, frame, names, tell), tell)


@dataclass(frozen=True)
class _Dialect:
    """The separator, quotes and first lines of a file."""

    separator: str
    quote: str
    escape: str
    comment: str
    skipped: int
    header: bool
    null: str | None
    lines: bool  # that end as those of Unix or of Windows do
    width: int
    gaps: bool = False

    @property
    def plain(self) -> bool:
        """True if any reader of separated values reads the file alike."""
        simple = not self.comment and self.escape in ("", '"') and self.quote in ("", '"')
        return simple and self.null is None and self.lines

    def _cells(self, file: Path, header: bool, limit: int | None = None) -> pl.DataFrame:
        options: dict[str, Any] = {
            "delim": self.separator,
            "quote": self.quote,
            "escape": self.escape,
            "comment": self.comment,
            "skip": self.skipped,
            "header": header,
        }
        if self.null is not None:
            options["nullstr"] = ["", self.null]
        return _asked("read_csv", file, options, limit)

    def names(self, file: Path) -> list[str] | None:
        """Return the cells of the header; None where there is none."""
        if not self.header:
            return None
        if self.plain and self.width > WIDE:  # a database takes long to name so many columns
            lines = _first_lines(file, self.separator, self.skipped + 1, self.quote)
            return lines[-1] if len(lines) > self.skipped else []
        first = self._cells(file, False, limit=1)
        return [name or "" for name in first.row(0)] if first.height else []

    def rows(self, file: Path, names: list[str] | None, texts: Collection[str]) -> pl.DataFrame:
        """Return the columns below the header."""
        if self.plain and names is not None and not is_gzip(file):
            found = quick_rows(file, self.separator, self.quote, self.skipped, names, texts)
            if found is not None:
                return found
        return self._cells(file, self.header)

    def told(self, reading: Reading) -> list[str]:
        """Return the guesses that a person may want to know, each with its flag."""
        said = []
        if self.separator != "," and reading.separator is None:
            named = SEPARATOR_NAMES.get(self.separator, repr(self.separator))
            said.append(f"separated by {named} (--separator)")
        if self.skipped and reading.skip_rows is None:
            lines = counted(self.skipped, "line")
            said.append(f"{lines} above the header skipped (--skip-rows)")
        if self.comment:
            said.append(f"lines that begin with {self.comment} skipped")
        if self.gaps:
            said.append("the first line taken for a header with gaps (--no-header)")
        if not self.header and reading.header is None:
            said.append("no header found, columns named column_1, column_2, ... (--header)")
        return said


def _asked(
    function: str, file: Path, options: dict[str, Any], limit: int | None = None
) -> pl.DataFrame:
    """Return a table function's answer on a file."""
    if is_gzip(file):  # which a name without .gz does not say
        options = options | {"compression": "gzip"}
    given = "".join(f", {name}=?" for name in options)
    # every part of the text is ours: the path and the values go in as parameters
    query = f"select * from {function}(?, all_varchar=true{given}) limit ?"  # noqa: S608
    with _database(os.getpid()).cursor() as database:
        most = 2**62 if limit is None else limit
        return pl.DataFrame(database.sql(query, params=[str(file), *options.values(), most]))


@functools.cache
def _database(_process: int) -> duckdb.DuckDBPyConnection:
    """Return the database that a process asks about files: to make one takes it 20 milliseconds.

    A forked child has none of its parent's threads, and makes its own.
    """
    import duckdb

    database = duckdb.connect(":memory:", config={"autoinstall_known_extensions": False})
    database.execute("set enable_progress_bar = false")
    with suppress(duckdb.CatalogException):  # DuckDB 1.2 keeps nothing of the files it reads
        database.execute("set enable_external_file_cache = false")
    return database


def _dialect(path: Path, file: Path, reading: Reading) -> _Dialect:
    options: dict[str, Any] = {
        "sample_size": -1 if file.stat().st_size <= SAMPLED_WHOLE_BYTES else SAMPLE_ROWS
    }
    titles = _lines_above(file, reading)
    mark = reading.separator or _beside_decimal_commas(file, titles or 0)
    given = {"delim": mark, "header": reading.header, "skip": titles}
    options |= {name: value for name, value in given.items() if value is not None}
    found = _sniffed(path, file, options).row(0, named=True)
    plain = {name: "" if found[name] == "(empty)" else found[name] for name in found}
    dialect = _Dialect(
        plain["Delimiter"],
        plain["Quote"],
        plain["Escape"],
        plain["Comment"],
        int(found["SkipRows"]),
        bool(found["HasHeader"]),
        reading.null,
        plain["NewLineDelimiter"] in (r"\n", r"\r\n"),
        width := len(found["Columns"]),
    )
    if titles and reading.skip_rows is None and reading.header is None and not dialect.header:
        return _dialect(path, file, replace(reading, header=False))
    _check_width(path, file, dialect, width, reading)
    if reading.header is None and not dialect.header and not dialect.skipped:
        gaps = _is_header_with_gaps(file, dialect.separator)
        dialect = replace(dialect, header=gaps, gaps=gaps)
    if (
        reading.skip_rows is None
        and titles is None
        and (reading.header is not None or not dialect.header)
    ):
        return _with_lines_above(file, dialect, width, reading)
    return dialect


def _sniffed(path: Path, file: Path, options: dict[str, Any]) -> pl.DataFrame:
    """Return what the sniffer finds; refuse what it gives up, by the line that is to blame."""
    import duckdb

    lines = _lines(file, TITLE_LINES)
    if not any(line.strip() for line in lines) and len(lines) < TITLE_LINES:
        raise InputError(f"{path} must hold a table; it holds blank lines only.")
    mark, width = separator_of(lines, options.get("delim") or ",;\t|")
    if width > WIDE and not any(f"{mark}'" in line for line in lines):
        # each mark of quotation that it tries takes it a second
        with suppress(duckdb.Error):
            usual = {"delim": mark, "quote": '"', "escape": '"'}
            found = _asked("sniff_csv", file, usual | options)
            if len(found["Columns"][0]) == width:
                return found
    try:
        return _asked("sniff_csv", file, options)
    except duckdb.Error:
        ragged = _ragged(path, file, mark) if mark else None
        if ragged is None:
            raise
        raise InputError(ragged) from None


def _lines(file: Path, count: int) -> list[str]:
    with opened(file) as lines:
        return [line.rstrip("\r\n") for line, _ in zip(lines, range(count), strict=False)]


def _is_header_with_gaps(file: Path, separator: str) -> bool:
    """Say whether the first line names some columns only: by texts that no row repeats."""
    lines = [cells for cells in _first_lines(file, separator, TITLE_LINES) if any(cells)]
    if len(lines) < 2 or all(lines[0]) or len(lines[0]) != len(lines[1]):
        return False
    named = [(number, cell) for number, cell in enumerate(lines[0]) if cell.strip()]
    return not any(
        re.fullmatch(r"[+-]?[\d.,]+", cell)
        or any(cell in row[number : number + 1] for row in lines[1:])
        for number, cell in named
    )


def _with_lines_above(file: Path, dialect: _Dialect, width: int, reading: Reading) -> _Dialect:
    """Take lines passed over that have a cell for each column: a header, or rows with gaps."""
    lines = _first_lines(file, dialect.separator, dialect.skipped)
    skipped = len(lines)
    while skipped and len(lines[skipped - 1]) == width > 1 and any(lines[skipped - 1]):
        skipped -= 1
    if skipped == len(lines):
        return dialect
    one = skipped == len(lines) - 1
    header = one if reading.header is None else reading.header
    return replace(dialect, skipped=skipped, header=header)


def _first_lines(file: Path, separator: str, count: int, quote: str = '"') -> list[list[str]]:
    """Return the cells of the first lines, as Python's own reader splits them."""
    with opened(file) as lines:
        if quote:
            reader = csv.reader(lines, delimiter=separator, quotechar=quote)
        else:
            reader = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
        return [cells for cells, _ in zip(reader, range(count), strict=False)]


def _lines_above(file: Path, reading: Reading) -> int | None:
    """Return how many lines of titles stand above the header, padded to the width of the table.

    The sniffer skips titles that are narrower than the table; ``Report of May,,`` is not.
    """
    if reading.skip_rows is not None:
        return reading.skip_rows
    mark = reading.separator or separator_of(_lines(file, TITLE_LINES))[0] or ","
    lines = _first_lines(file, mark, TITLE_LINES)
    widest = max(map(len, lines), default=0)
    for number, cells in enumerate(lines):
        filled = sum(bool(cell.strip()) for cell in cells)
        if filled == len(cells) == widest > 1:
            padded = any(len(above) == widest for above in lines[:number])
            # without a header it may be the first row, with gaps
            return number if padded and reading.header is not False else None
        if filled > 1 or (filled and not cells[0].strip()):  # a title stands in the first cell
            return None
    return None


def _beside_decimal_commas(file: Path, titles: int) -> str | None:
    """Return the separator of a file whose commas are decimal marks, which also may split lines.

    ``1;2,5`` has two cells by semicolons and by commas; where all cells of a column are numbers
    with a comma, it is not the commas that separate.
    """
    for mark in ";\t|":
        lines = _first_lines(file, mark, titles + TITLE_LINES)[titles:]
        rows = [cells for cells in lines if any(cells)]
        if len({len(cells) for cells in rows}) != 1 or len(rows[0]) < 2:
            continue
        for cells in zip(*rows[1:], strict=True):
            numbers = [cell for cell in cells if cell]
            if numbers and all(DECIMAL_COMMA.match(cell) for cell in numbers):
                return mark
    return None


def _check_width(path: Path, file: Path, dialect: _Dialect, width: int, reading: Reading) -> None:
    """Refuse lines of another width, which the sniffer passes over or reads as one column."""
    if width == 1 and reading.separator is None:
        first = next(iter(_first_lines(file, "\0", 1)), [""])[0]
        mark = max(",;\t|", key=first.count)
        if first.count(mark):
            raise InputError(_ragged(path, file, mark) or _no_table(path))
    if reading.skip_rows is None and dialect.skipped:
        for cells in _first_lines(file, dialect.separator, dialect.skipped):
            told = "".join(cells).strip()
            comment = told.startswith(("#", "%", "//", "sep="))
            if not comment and sum(bool(cell.strip()) for cell in cells) > 1:
                raise InputError(_ragged(path, file, dialect.separator) or _no_table(path))


def _no_table(path: Path) -> str:
    return (
        f"{path} must hold one table; its lines are of different widths. Remove what stands above "
        "and below the table, or give --separator and --skip-rows."
    )


def _ragged(path: Path, file: Path, separator: str) -> str | None:
    """Return what is wrong with the first line that is wider or narrower than the header."""
    with opened(file) as lines:
        reader = csv.reader(lines, delimiter=separator)
        width = len(next(reader, []))
        for cells in reader:
            if cells and len(cells) != width:
                return (
                    f"{path} must have {width} cells in each line, as its header has; line "
                    f"{reader.line_num} has {len(cells)}. Correct the line, quote cells that "
                    "hold the separator, or leave out lines below the table: --skip-footer N."
                )
    return None


def _named(path: Path, frame: pl.DataFrame, names: list[str] | None, tell: Tell) -> pl.DataFrame:
    """Give columns the names of the header; nameless columns without a cell are left out."""
    if names is None:
        return frame.rename({old: f"column_{n}" for n, old in enumerate(frame.columns, start=1)})
    names = [name.removeprefix("\ufeff") for name in names]
    kept = [
        number
        for number, name in enumerate(names)
        if name or frame[:, number].null_count() < frame.height
    ]
    frame, names = frame[:, kept], [names[number] for number in kept]
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        places = [number for number, one in enumerate(names, start=1) if one == twice]
        raise InputError(
            f"{path} must have columns of different names; {twice!r} is the name of columns "
            f"{listed(list(map(str, places[:-1])))} and {places[-1]}. Rename "
            f"{'one of them' if len(places) == 2 else 'all but one of them'}."
        )
    frame.columns = names
    return frame
