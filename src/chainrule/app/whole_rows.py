"""The rows of a text file: those without any cell are left out, and an open quote is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from chainrule.foundation.errors import InputError
from chainrule.foundation.wording import counted
from chainrule.interop.cells import Tell, below, in_parts

__all__ = ["whole_rows"]


def whole_rows(path: Path, frame: pl.DataFrame, tell: Tell) -> pl.DataFrame:
    """Leave out rows without any cell, and refuse quotes that are never closed."""
    texts = [series for series in frame if series.dtype == pl.String]
    for part in in_parts(texts, frame.height):
        cells = below(part)
        quoted = cells.str.starts_with('"').arg_true()
        once = quoted.filter(cells.gather(quoted).str.count_matches('"') == 1)
        if len(once):
            column, row = divmod(int(once[0]), frame.height)
            raise InputError(
                f"{path} must be a table of separated values; it cannot be read: the quote before "
                f"{part[column][row][:40]!r} in column {part[column].name!r}, row {row + 1}, is "
                "never closed. Close it, or remove it."
            )
    empty = _empty_rows(frame) if frame.width > 1 else []
    if not len(empty):
        return frame
    tell(f"{path.name}: {counted(len(empty), 'empty row')} left out")
    kept = np.ones(frame.height, dtype=bool)
    kept[empty] = False
    return frame.filter(pl.Series(kept))


def _empty_rows(frame: pl.DataFrame) -> list[int]:
    """Return the rows whose cells are all missing or blank; most tables tell by one column."""
    rows = pl.int_range(frame.height, eager=True)
    for series in sorted(frame, key=lambda one: one.dtype == pl.String):
        cells = series.gather(rows) if len(rows) < frame.height else series
        blank = cells.is_null()
        if series.dtype == pl.String:
            blank |= cells.str.strip_chars() == ""
        rows = rows.filter(blank)
        if not len(rows):
            break
    return list(rows)
