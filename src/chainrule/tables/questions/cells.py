"""Cells of a table in words."""

from __future__ import annotations

import datetime as dt
from typing import Any

from chainrule.foundation.short_numbers import short

__all__ = ["in_words"]

LENGTH = 28


def in_words(cell: Any) -> str:
    """Return a cell as it is shown: short, on one line; a dash where it is missing.

    Examples
    --------
    >>> in_words(None), in_words(0.123456), in_words(39), in_words("a\\nb"), in_words(True)
    ('-', '0.1235', '39', 'a b', 'yes')
    """
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell == round(cell) and abs(cell) < 1e15 else short(cell, 4)
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    text = " ".join(str(cell).split())
    return text if len(text) <= LENGTH else f"{text[: LENGTH - 1]}…"
