"""The code on a page: its examples and drawings, in the order in which they run."""

import doctest
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FENCE = re.compile(
    r"^(?P<mark>`{3,})(?P<head>python|\{drawn\}[^\n]*)\n(?P<text>.*?)^(?P=mark)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
OPTION = re.compile(r"^:(\w+):[ ]*(.*)\n", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code on a page.

    Attributes
    ----------
    drawn : bool
        Whether it draws a figure; else it holds examples with ``>>>``.
    source : str
        Its text, without the options of a drawing.
    span : tuple of int
        Where the whole block stands in the page.
    """

    drawn: bool
    source: str
    span: tuple[int, int]

    def statements(self) -> list[str]:
        """Return the statements to execute; of examples those that no error is expected of."""
        if self.drawn:
            return [self.source]
        return [one.source for one in self.examples() if one.exc_msg is None]

    def examples(self) -> list[doctest.Example]:
        """Return the examples with ``>>>``."""
        return doctest.DocTestParser().get_examples(self.source)


def blocks(page: str) -> Iterator[Block]:
    """Yield the examples and drawings of a page.

    >>> page = "```python\\n>>> x = 2\\n```\\n\\n```{drawn} A\\n:alt: B\\nplot(x)\\n```\\n"
    >>> [(block.drawn, block.source) for block in blocks(page)]
    [(False, '>>> x = 2\\n'), (True, 'plot(x)\\n')]
    """
    for found in FENCE.finditer(page):
        drawn = found["head"] != "python"
        text = found["text"]
        while drawn and (option := OPTION.match(text)):
            text = text[option.end() :]
        if drawn or ">>>" in text:
            yield Block(drawn, text.lstrip("\n") if drawn else text, found.span())


def execute(block: Block, names: dict[str, Any]) -> None:
    """Execute a block among the names of its page; what it prints is dropped."""
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()):
        for statement in block.statements():
            exec(compile(statement, "<page>", "exec"), names)  # noqa: S102 (our own pages)
