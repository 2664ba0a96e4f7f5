"""Columns that blanks separate, one or several, as many older files of data have them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from chainrule.app.encodings import opened
from chainrule.app.reading import Reading
from chainrule.interop.cells import Tell

__all__ = ["with_tabs"]

LOOK = 20
MARKS = re.compile(r"[,;|\t]")
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
# A cell may hold blanks in quotes.
CELL = re.compile(r'"[^"]*"|\S+')


@contextmanager
def with_tabs(
    path: Path, file: Path, reading: Reading, tell: Tell
) -> Iterator[tuple[Path, Reading]]:
    """Give the file and how to read it; where blanks separate, a copy with tabs.

    Parameters
    ----------
    path : Path
        The file as a person named it.
    file : Path
        Its text in UTF-8, compressed by gzip or not.
    reading : Reading
        What a person says separates the cells; else the first lines tell.
    tell : callable
        Receives one sentence where blanks separate.
    """
    with opened(file) as lines:
        first = [line for line, _ in zip(lines, range(LOOK), strict=False)]
    if reading.separator is not None or not _are_separated(first):
        yield file, reading
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "table.tsv"
        with opened(file) as lines, copy.open("w", encoding="utf-8", newline="") as into:
            for line in lines:
                into.write("\t".join(CELL.findall(line)) + "\n")
        tell(f"{path.name}: separated by blanks (--separator)")
        yield copy, replace(reading, separator="tab")


def _are_separated(lines: list[str]) -> bool:
    """Say whether blanks split all lines into one number of cells, with a column of numbers."""
    if any(MARKS.search(line) for line in lines):
        return False
    rows = [cells for cells in map(CELL.findall, lines) if cells]
    width = len(rows[0]) if rows else 0
    if len(rows) < 3 or width < 2 or any(len(cells) != width for cells in rows):
        return False
    return any(
        all(NUMBER.fullmatch(cell) for cell in cells) for cells in zip(*rows[1:], strict=True)
    )
