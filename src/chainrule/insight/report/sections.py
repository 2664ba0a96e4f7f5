"""Sections and documents: items under headings, with their numbers and their plain text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from chainrule.foundation.showing import Shown
from chainrule.insight.json_values import as_record
from chainrule.insight.report.figures import Bars, Chart, Lines, Plane, chart_text
from chainrule.insight.report.items import Advice, Code, Equations, Facts, Sentence, Table
from chainrule.insight.text_table import paragraph

__all__ = ["Document", "Item", "Section"]

Item: TypeAlias = Sentence | Facts | Table | Chart | Equations | Code | Advice


@dataclass(frozen=True, repr=False)
class Section(Shown):
    """One of the ten sections of a report.

    Attributes
    ----------
    key, title : str
        Its name in the dictionary, and its heading.
    items : sequence of Item
        Its sentences, tables and charts, in order.
    record : mapping
        The numbers behind it.
    advice : tuple of Advice
        The advice that follows from it.
    """

    key: str
    title: str
    items: Sequence[Item]
    record: Mapping[str, Any] = field(default_factory=dict)
    advice: tuple[Advice, ...] = ()

    def __str__(self) -> str:
        return self.text()

    def text(self, number: str = "") -> str:
        """Return the heading and the items as plain text."""
        heading = f"{number}{self.title}"
        lines = [heading, "-" * len(heading)]
        said: set[str] = set()
        advice = 0
        for item in self.items:
            match item:
                case Advice():
                    advice += 1
                    text = item.numbered(advice)
                case Lines() | Bars() | Plane():
                    text = chart_text(item, item.description in said)
                case _:
                    text = str(item)
            if isinstance(item, Sentence):
                said.add(item.text)
            lines += ["", text]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False, repr=False)
class Document(Shown):
    """Sections under a title, and their summary.

    Attributes
    ----------
    title : str
        Its subject.
    summary : tuple of Sentence
        The few sentences that matter most.
    sections : tuple of Section
        The sections, in order.
    """

    title: str
    summary: tuple[Sentence, ...]
    sections: tuple[Section, ...]

    def to_text(self) -> str:
        """Return the report as plain text, for terminals and for reading aloud."""
        lines = [self.title, "=" * len(self.title), ""]
        lines += [paragraph(one.text) for one in self.summary]
        for number, section in enumerate(self.sections, start=1):
            lines += ["", section.text(f"{number}. ")]
        return "\n".join(lines).rstrip() + "\n"

    def __str__(self) -> str:
        return self.to_text()

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as strict JSON can hold them.

        NaN and infinity, which JSON lacks, are the texts "nan", "inf" and "-inf"; ``float`` reads
        them back.
        """
        record: dict[str, Any] = {"title": self.title}
        record["summary"] = [one.text for one in self.summary]
        for section in self.sections:
            record[section.key] = as_record(section.record)
        return record
