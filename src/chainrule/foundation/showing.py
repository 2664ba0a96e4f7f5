"""Display of results: a few lines at a prompt, and the same text in a notebook."""

from html import escape
from textwrap import fill

__all__ = ["Shown", "first_lines"]

LINES, LETTERS = 10, 900
PAGE_LINES, PAGE_WIDTH = 60, 110
STYLE = "white-space: pre; overflow-x: auto"


def first_lines(text: str, lines: int = LINES, letters: int | None = LETTERS) -> str:
    """Return the first lines of a text, and dots where something is left out.

    Examples
    --------
    >>> print(first_lines("one\\ntwo\\nthree", lines=2))
    one
    two
    ...
    >>> first_lines("a long line", letters=6)
    'a long...'
    """
    text = text.rstrip()
    kept = "\n".join(text.splitlines()[:lines])
    if letters is not None and len(kept) > letters:
        whole, _, _ = kept[:letters].rpartition("\n")
        kept = whole or kept[:letters].rstrip()
        if not whole:
            return f"{kept}..."
    return kept if kept == text else f"{kept}\n..."


def _folded(line: str) -> str:
    """Return a long sentence as several lines; a row of a table, which has gaps, stays whole."""
    if len(line) <= PAGE_WIDTH or "  " in line.strip():
        return line
    return fill(line, PAGE_WIDTH, subsequent_indent="  ", break_long_words=False)


class Shown:
    """A result that a prompt shows by the first lines of its text, and a notebook by the text.

    Dataclasses that derive from it are made with ``repr=False``.

    Examples
    --------
    >>> class Sum(Shown):
    ...     def __str__(self) -> str:
    ...         return "1 < 2"
    >>> Sum()
    1 < 2
    >>> Sum()._repr_html_()
    '<pre style="white-space: pre; overflow-x: auto">1 &lt; 2</pre>'
    """

    def __str__(self) -> str:
        raise NotImplementedError

    def __repr__(self) -> str:
        return first_lines(str(self))

    def _repr_html_(self) -> str | None:
        lines = first_lines(str(self), PAGE_LINES, None).splitlines()
        text = "\n".join(map(_folded, lines))
        return f'<pre style="{STYLE}">{escape(text)}</pre>'
