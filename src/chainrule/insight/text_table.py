"""Rows of words and numbers as aligned plain text."""

import math
from collections.abc import Sequence
from textwrap import fill

__all__ = ["paragraph", "share", "short", "text_table"]

WIDTH = 100


def short(value: float | None, digits: int = 3) -> str:
    """Return a number for a cell: so many significant digits; a dash where there is none.

    Examples
    --------
    >>> short(0.012345), short(None), short(123456.0), short(1e-9)
    ('0.0123', '-', '123,456', '1e-09')
    """
    if value is None:
        return "-"
    if math.isfinite(value) and abs(value) >= 10.0**digits:
        return f"{value:,.0f}" if abs(value) < 1e7 else f"{value:.{digits - 1}e}"
    return f"{value:.{digits}g}"


def share(value: float | None) -> str:
    """Return a share as per cent.

    Examples
    --------
    >>> share(0.625), share(0.0004), share(0.0), share(None)
    ('62 %', '0.04 %', '0 %', '-')
    """
    if value is None:
        return "-"
    percent = 100.0 * value
    if not math.isfinite(percent):
        return str(value)
    return f"{percent:.0f} %" if abs(percent) >= 1.0 or percent == 0.0 else f"{percent:.1g} %"


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[str] = ()) -> str:
    """Return a table whose columns are aligned to the right, or to the left where named.

    Examples
    --------
    >>> print(text_table(("layer", "verdict"), [("1", "fine"), ("10", "dead")], left=("verdict",)))
    layer  verdict
        1  fine
       10  dead
    """
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if name in left else cell.rjust(width)
            for name, cell, width in zip(head, line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def paragraph(text: str) -> str:
    """Return a text as lines of at most 100 letters; a longer word stays whole."""
    return fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
