"""What a part of the report is made of: words, tables and charts, without any markup."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from chainrule.foundation.showing import Shown
from chainrule.insight.chain import Chain
from chainrule.insight.json_values import as_record

__all__ = [
    "Advice",
    "Bars",
    "Block",
    "Chart",
    "Code",
    "Document",
    "Curve",
    "Equations",
    "Facts",
    "Lines",
    "Part",
    "Plane",
    "Sentence",
    "Table",
    "Tone",
]

Tone: TypeAlias = Literal["plain", "good", "warning", "note"]


class _Written(Shown):
    """A block, which shows itself as it stands in the plain text of a report."""

    def __str__(self) -> str:
        from chainrule.insight.report.text import block_text

        return block_text(self)  # type: ignore[arg-type]


@dataclass(frozen=True, repr=False)
class Sentence(_Written):
    """One paragraph; its tone is said in words too: ``good`` passed, ``warning`` needs a look."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, repr=False)
class Facts(_Written):
    """Terms and what they are."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True, repr=False)
class Table(_Written):
    """Cells as text; the first column names the row.

    Attributes
    ----------
    caption : str
        What the table shows.
    head : sequence of str
        The names of the columns.
    rows : sequence of sequence of str
        The cells.
    left : sequence of str
        The columns that hold words.
    shades : sequence of sequence of float
        Per row and column after the first, how strongly it is shaded, from 0 to 1; may be empty.
    folded : bool
        Whether a page shows it only where asked to.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Sequence[str] = ()
    shades: Sequence[Sequence[float]] = ()
    folded: bool = False


@dataclass(frozen=True, repr=False)
class Curve(Shown):
    """A line of a chart: points, and the range that each stands for, where there is one."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    dashed: bool = False
    dots: bool = False

    def __str__(self) -> str:
        return f"curve {self.name!r}: {len(self.x):,} points"


@dataclass(frozen=True, repr=False)
class Lines(_Written):
    """Curves over a common axis.

    Attributes
    ----------
    title, description : str
        What is drawn, and what is to be seen in it, for those who do not see it.
    x_name, y_name : str
        The axes.
    curves : tuple of Curve
        At most four.
    log_x, log_y : bool
        Whether an axis is logarithmic.
    diagonal : bool
        Whether the line y = x is drawn.
    mark : (float, float, str) or None
        A point with its words.
    """

    title: str
    description: str
    x_name: str
    y_name: str
    curves: tuple[Curve, ...]
    log_x: bool = False
    log_y: bool = False
    diagonal: bool = False
    mark: tuple[float, float, str] | None = None


@dataclass(frozen=True, repr=False)
class Bars(_Written):
    """One bar per name, to the right of 0, or to the left where negative."""

    title: str
    description: str
    name: str
    value_name: str
    labels: Sequence[str]
    values: Sequence[float]
    words: Sequence[str]


@dataclass(frozen=True, repr=False)
class Plane(_Written):
    """The prediction over two inputs as a map of few levels, with rows drawn on it.

    Attributes
    ----------
    x, y : sequence of float
        The grid.
    levels : sequence of sequence of int
        Per row of the grid (from below) and column, the number of the level.
    names : sequence of str
        What each level is.
    points : sequence of (float, float, int)
        Rows: place and group.
    groups : sequence of str
        What each group of rows is.
    graded : bool
        Whether the levels are an order (from low to high), rather than classes.
    """

    title: str
    description: str
    x_name: str
    y_name: str
    x: Sequence[float]
    y: Sequence[float]
    levels: Sequence[Sequence[int]]
    names: Sequence[str]
    points: Sequence[tuple[float, float, int]]
    groups: Sequence[str]
    graded: bool


Chart: TypeAlias = Lines | Bars | Plane


@dataclass(frozen=True, eq=False, repr=False)
class Equations(_Written):
    """The chain rule of one weight."""

    chain: Chain


@dataclass(frozen=True, repr=False)
class Code(_Written):
    """Something to copy."""

    caption: str
    text: str


@dataclass(frozen=True, repr=False)
class Advice(_Written):
    """One thing to try, and the figure that it follows from.

    Attributes
    ----------
    do : str
        What to try.
    because : str
        What was measured.
    part : int
        The number of the part that holds the figure.
    weight : float
        How much it matters; the largest come first.
    """

    do: str
    because: str
    part: int
    weight: float = 0.0


Block: TypeAlias = Sentence | Facts | Table | Chart | Equations | Code | Advice


@dataclass(frozen=True, repr=False)
class Part(Shown):
    """One of the ten parts.

    Attributes
    ----------
    key, title : str
        Its name in the dictionary, and its heading.
    blocks : sequence of Block
        What is shown.
    record : mapping
        The numbers behind it.
    advice : tuple of Advice
        What follows from it.
    """

    key: str
    title: str
    blocks: Sequence[Block]
    record: Mapping[str, Any] = field(default_factory=dict)
    advice: tuple[Advice, ...] = ()

    def __str__(self) -> str:
        from chainrule.insight.report.text import part_text

        return part_text(self)


@dataclass(frozen=True, eq=False, repr=False)
class Document(Shown):
    """Parts under a title, and their summary.

    Attributes
    ----------
    title : str
        What it is about.
    summary : tuple of Sentence
        The few sentences that matter most.
    parts : tuple of Part
        The parts, in their order.
    """

    title: str
    summary: tuple[Sentence, ...]
    parts: tuple[Part, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as strict JSON can hold them.

        NaN and infinity, which JSON lacks, are the texts "nan", "inf" and "-inf"; ``float`` reads
        them back.
        """
        record: dict[str, Any] = {"title": self.title}
        record["summary"] = [one.text for one in self.summary]
        for part in self.parts:
            record[part.key] = as_record(part.record)
        return record
