"""The items of a report: words, tables and equations, each with its plain text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from chainrule.foundation.showing import Shown
from chainrule.insight.chain import Chain
from chainrule.insight.text_table import paragraph, text_table

__all__ = ["Advice", "Code", "Equations", "Facts", "Sentence", "Table", "Tone"]

Tone: TypeAlias = Literal["plain", "good", "warning", "note"]


@dataclass(frozen=True, repr=False)
class Sentence(Shown):
    """A paragraph, with its tone: ``good`` passed, ``warning`` needs attention."""

    text: str
    tone: Tone = "plain"

    def __str__(self) -> str:
        return paragraph(f"! {self.text}" if self.tone == "warning" else self.text)


@dataclass(frozen=True, repr=False)
class Facts(Shown):
    """Terms and their descriptions."""

    pairs: Sequence[tuple[str, str]]

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.pairs)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in self.pairs)


@dataclass(frozen=True, repr=False)
class Table(Shown):
    """Cells as text; the first column names the row.

    Attributes
    ----------
    caption : str
        The title.
    head : sequence of str
        The names of the columns.
    rows : sequence of sequence of str
        The cells.
    left : sequence of str
        The columns that hold words.
    shades : sequence of sequence of float
        Per row and column after the first, the strength of its shade from 0 to 1; may be empty.
    folded : bool
        True if a page shows it folded.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Sequence[str] = ()
    shades: Sequence[Sequence[float]] = ()
    folded: bool = False

    def __str__(self) -> str:
        left = (self.head[0], *self.left)
        return f"{paragraph(self.caption)}\n{text_table(self.head, self.rows, left)}"


@dataclass(frozen=True, eq=False, repr=False)
class Equations(Shown):
    """The chain rule of one weight."""

    chain: Chain

    def __str__(self) -> str:
        return str(self.chain)


@dataclass(frozen=True, repr=False)
class Code(Shown):
    """Code to copy."""

    caption: str
    text: str

    def __str__(self) -> str:
        lines = "\n".join(f"    {line}" for line in self.text.splitlines())
        return f"{self.caption}:\n\n{lines}"


@dataclass(frozen=True, repr=False)
class Advice(Shown):
    """A change to try, and the figure that it follows from.

    Attributes
    ----------
    do : str
        The change.
    because : str
        The measurement.
    section : int
        The number of the section that holds the figure.
    weight : float
        Its importance; the largest come first.
    """

    do: str
    because: str
    section: int
    weight: float = 0.0

    def __str__(self) -> str:
        return self.numbered(1)

    def numbered(self, number: int) -> str:
        """Return its plain text as an entry of a numbered list."""
        because = f"Because (section {self.section}): {self.because}."
        return paragraph(f"{number}. {self.do} {because}")
