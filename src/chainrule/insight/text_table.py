"""Rows of words and numbers as aligned plain text."""

from collections.abc import Sequence
from textwrap import fill

__all__ = ["paragraph", "text_table"]

WIDTH = 100


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
