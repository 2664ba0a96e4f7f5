"""Lines below the table of a text file: totals, sources and notes, left out and told.

A line is one of them by what it says: by its first words, or as a line of text after a blank line.
Others of another width are refused by number, as anywhere in the file.
"""

from __future__ import annotations

import csv
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chainrule.app.encodings import is_gzip, unpacked
from chainrule.app.reading import Reading
from chainrule.foundation.errors import InputError
from chainrule.foundation.wording import listed
from chainrule.interop.cells import Tell

__all__ = ["is_total", "separator_of", "without_footer"]

# So much of the beginning and of the end is looked at, and so many lines of it.
LOOK_BYTES = 2**20
HEAD_LINES, TAIL_LINES, MOST_LINES = 20, 200, 12
PART = 2**20
LONGEST = 60
# The first cell of a row of sums or means, in the languages of the code page of Windows.
TOTAL = re.compile(
    r"(?:(?:grand|sub)[ -]?)?total(?:s|e|en)?|(?:all )?sum|summe|gesamt|insgesamt|total general|"
    r"somme|totale|suma|totaal|averages?|mean|mittel(?:wert)?|durchschnitt|moyenne|"
    r"promedio|gemiddelde",
    re.IGNORECASE,
)
# How a sentence about the table begins.
NOTE = re.compile(
    r"(?:data )?sources?\s*:|(?:daten)?quellen?\s*:|fuentes?\s*:|font[ei]\s*:|bron(?:nen)?\s*:|"
    r"(?:foot)?notes?\s*:|nota\s*:|remarks?\s*:|(?:anmerkung|bemerkung|hinweis|fussnote)(?:en)?\s*:|"
    r"data from|last updated|generated (?:on|by|at)|exported (?:on|by|at)|created (?:on|by|at)|"
    r"downloaded|copyright|©|\(c\)|stand\s*:|status\s*:|end of (?:file|report|data)|"
    r"\*+\s*\D|\(?\d[\d,.]*\s+(?:rows?|records?|zeilen|lignes)\b|\x1a$",
    re.IGNORECASE,
)
RULED = re.compile(r"[-=_*~+\s]{3,}")


@contextmanager
def without_footer(path: Path, file: Path, reading: Reading, tell: Tell) -> Iterator[Path]:
    """Give the file, or a copy without the lines below its table for as long as it is read.

    Parameters
    ----------
    path : Path
        The file as a person named it.
    file : Path
        Its text in UTF-8, compressed by gzip or not.
    reading : Reading
        How many lines a person says stand below the table; they are looked for otherwise.
    tell : callable
        Receives one sentence with the lines left out.
    """
    if reading.skip_footer == 0:
        yield file
        return
    head, tail, size = _both_ends(file)
    lines = [one.decode("utf-8", errors="replace") for one in tail]
    if reading.skip_footer is None:
        cut = _first_below(lines, head, reading.separator)
    else:
        filled = [number for number, line in enumerate(lines) if not _is_blank(line, ",;\t|")]
        if len(filled) <= reading.skip_footer:
            raise InputError(
                f"--skip-footer must leave lines of {path}; got {reading.skip_footer}, and "
                f"{len(filled)} are looked at. Give a smaller number."
            )
        cut = filled[-reading.skip_footer]
    if cut == len(lines):
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "table.csv"
        above = _copied(file, copy, size - sum(map(len, tail[cut:])))
        if reading.skip_footer is None and any(line.strip() for line in lines[cut:]):
            tell(_told(path, lines[cut:], above))
        yield copy


def is_total(cell: str) -> bool:
    """Say whether a cell is the label of a row of sums or means.

    Examples
    --------
    >>> is_total("Grand total:"), is_total("Total Fina")
    (True, False)
    """
    return TOTAL.fullmatch(cell.strip().rstrip(" :")) is not None


def separator_of(lines: Sequence[str], marks: str = ",;\t|") -> tuple[str, int]:
    """Return the mark that splits most lines into one number of cells, and that number.

    Examples
    --------
    >>> separator_of(["a;b", "1;2,5", "2;3,5"])
    (';', 2)
    """
    best = (0, 0, "", 1)
    for mark in marks:
        widths = Counter(len(cells) for cells in csv.reader(lines, delimiter=mark) if cells)
        width, times = max(widths.items(), key=lambda one: (one[1], one[0]), default=(1, 0))
        if width > 1:
            best = max(best, (times, width, mark, width))
    return best[2], best[3]


def _first_below(lines: list[str], head: list[str], mark: str | None) -> int:
    """Return the number of the first line below the table; that of all lines if there is none."""
    mark, width = separator_of(head, mark or ",;\t|")
    none = len(lines)
    if width < 2:
        return none
    # lines of blanks are no rows, but cells of their own to a reader
    while none > 1 and lines[none - 1].isspace() and lines[none - 1].strip("\r\n"):
        none -= 1
    cells = [_cells(line, mark) for line in lines]
    first = none
    for number in range(none - 1, max(0, none - MOST_LINES), -1):
        if _is_blank(lines[number], mark):
            continue
        if not _is_below(number, lines, cells, mark, width):
            break
        first = number
    rest = sum(not _is_blank(line, mark) for line in lines[:first])
    return none if rest < 2 else first


def _is_below(number: int, lines: list[str], cells: list[list[str]], mark: str, width: int) -> bool:
    """Say whether a line is no row, all lines after it being none."""
    line, own = lines[number], cells[number]
    filled = [cell.strip() for cell in own if cell.strip()]
    if line.count('"') % 2 or not filled:
        return False
    if all(RULED.fullmatch(cell) for cell in filled):
        return True
    words = filled[0]
    if is_total(words):
        # a word that stands in other rows too is a category
        return sum(words in row for row in cells) == 1
    if NOTE.match(words):
        rows = [row for row in cells[max(0, number - MOST_LINES) : number] if len(row) == width]
        return len(own) != width or len(filled) == 1 or _is_out_of_kind(own, rows)
    if len(filled) > 1 or not re.match(r"[^\W\d]", words) or words != own[0].strip():
        return False
    return (len(own) == 1 or (len(own) == width > 2)) and _after_blank(number, lines, cells, mark)


def _is_out_of_kind(own: list[str], rows: list[list[str]]) -> bool:
    """Say whether a line has text where all rows before have figures."""
    return any(
        cell.strip()
        and not _is_figure(cell)
        and len(rows) > 1
        and all(_is_figure(row[place]) for row in rows)
        for place, cell in enumerate(own)
    )


def _is_figure(cell: str) -> bool:
    return re.fullmatch(r"[^A-Za-zÀ-ÿ]*\d[^A-Za-zÀ-ÿ]*", cell) is not None


def _after_blank(number: int, lines: list[str], cells: list[list[str]], mark: str) -> bool:
    """Say whether only lines of one cell stand between a line and a blank one above it."""
    while number and not _is_blank(lines[number - 1], mark):
        number -= 1
        if sum(bool(cell.strip()) for cell in cells[number]) > 1:
            return False
    return number > 0


def _cells(line: str, mark: str) -> list[str]:
    return next(csv.reader([line.rstrip("\r\n")], delimiter=mark), [])


def _is_blank(line: str, marks: str) -> bool:
    return not line.strip(f' \r\n\t"{marks}')


def _told(path: Path, lines: list[str], above: int) -> str:
    numbered = [
        (number, line) for number, line in enumerate(lines, start=above + 1) if line.strip()
    ]
    texts = [
        repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")
        for text in (line.strip() for _, line in numbered)
    ]
    if len(numbered) == 1:
        what = f"line {numbered[0][0]} is below the table and left out"
    else:
        what = f"lines {numbered[0][0]} to {numbered[-1][0]} are below the table and left out"
    return f"{path.name}: {what}: {listed(texts, 3)} (--skip-footer 0 keeps all lines)"


def _both_ends(file: Path) -> tuple[list[str], list[bytes], int]:
    """Return the first lines, the last lines with their ends, and the size of the text."""
    with unpacked(file) as opened:
        first = opened.read(LOOK_BYTES)
        if is_gzip(file):
            last, size = first, len(first)
            while part := opened.read(PART):
                last, size = (last + part)[-LOOK_BYTES:], size + len(part)
        else:
            size = opened.seek(0, 2)
            opened.seek(max(0, size - LOOK_BYTES))
            last = opened.read()
    tail = last.splitlines(keepends=True)
    if size > len(last):
        del tail[0]  # which began before
    text = first.decode("utf-8-sig", errors="replace")
    head = [line for line in text.splitlines()[:-1] or [text] if line.strip()]
    return head[:HEAD_LINES], tail[-TAIL_LINES:], size


def _copied(file: Path, copy: Path, size: int) -> int:
    """Copy so many bytes, and return how many lines they are."""
    lines, before = 0, b""
    with unpacked(file) as source, copy.open("wb") as into:
        while size and (part := source.read(min(PART, size))):
            into.write(part)
            size -= len(part)
            both = before + part
            lines += part.count(b"\n") + both.count(b"\r") - before.count(b"\r")
            lines -= both.count(b"\r\n")
            before = part[-1:]
    return lines
