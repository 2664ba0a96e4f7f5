"""The report as plain text: the same blocks, without colours and without drawings."""

from dataclasses import replace
from textwrap import fill

from chainrule.insight.report.blocks import (
    Advice,
    Bars,
    Block,
    Code,
    Document,
    Equations,
    Facts,
    Lines,
    Part,
    Plane,
    Sentence,
    Table,
)
from chainrule.insight.report.charts import table_of
from chainrule.insight.text_table import text_table

__all__ = ["as_text", "block_text", "part_text"]

WIDTH = 100
# A chart's numbers are shown where there are so few.
ROWS_SHOWN = 16


def as_text(report: Document) -> str:
    """Return title, summary and parts, a blank line between blocks."""
    lines = [report.title, "=" * len(report.title), ""]
    lines += [_filled(one.text) for one in report.summary]
    for number, part in enumerate(report.parts, start=1):
        lines += ["", part_text(part, f"{number}. ")]
    return "\n".join(lines).rstrip() + "\n"


def part_text(part: Part, number: str = "") -> str:
    """Return the heading and the blocks of one part."""
    heading = f"{number}{part.title}"
    lines = [heading, "-" * len(heading)]
    place = 0
    said: set[str] = set()
    for block in part.blocks:
        place += isinstance(block, Advice)
        lines += ["", _block(block, place, said)]
    return "\n".join(lines)


def block_text(block: Block) -> str:
    """Return one block."""
    return _block(block, 1, set())


def _block(block: Block, place: int, said: set[str]) -> str:
    match block:
        case Sentence(text, tone):
            said.add(text)
            return _filled(f"! {text}" if tone == "warning" else text)
        case Facts(pairs):
            width = max(len(name) for name, _ in pairs)
            return "\n".join(f"{name:<{width}}  {value}" for name, value in pairs)
        case Table():
            return _table(block)
        case Lines() | Bars() | Plane():
            numbers = table_of(block)
            drawn = [] if block.description in said else [_filled(block.description), ""]
            if len(numbers.rows) > ROWS_SHOWN:
                numbers = replace(
                    numbers, rows=numbers.rows[:: -(-len(numbers.rows) // ROWS_SHOWN)]
                )
            return "\n".join([*drawn, _table(numbers)])
        case Equations(chain):
            return str(chain)
        case Code(caption, text):
            return f"{caption}:\n\n" + "\n".join(f"    {line}" for line in text.splitlines())
        case Advice(do, because, part):
            return _filled(f"{place}. {do} Because (part {part}): {because}.")


def _filled(text: str) -> str:
    return fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _table(table: Table) -> str:
    left = (table.head[0], *table.left)
    return f"{_filled(table.caption)}\n{text_table(table.head, table.rows, left)}"
