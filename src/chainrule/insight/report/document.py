"""The report as a whole: made once, then written in any form."""

import os
from collections.abc import Sequence
from typing import Any

from chainrule.foundation.files import write_whole
from chainrule.insight.report.card import card
from chainrule.insight.report.data_seen import data_seen
from chainrule.insight.report.items import Advice, Sentence, Tone
from chainrule.insight.report.layers import gradients, layer_health
from chainrule.insight.report.material import Material
from chainrule.insight.report.page import as_fragment, as_page
from chainrule.insight.report.quality import quality
from chainrule.insight.report.reproduce import reproduce
from chainrule.insight.report.sections import Document, Item, Section
from chainrule.insight.report.steps import steps
from chainrule.insight.report.training_run import training_run
from chainrule.insight.report.worked_row import worked_row

__all__ = ["Report", "report_of"]

MOST_ADVICE = 5
# Advice of at least this weight is a warning in the summary.
PRESSING = 3.0
NOTHING = (
    "No measurement exceeds a threshold. More rows, other inputs or another size of network may "
    "still help."
)


class Report(Document):
    """Ten sections on one network and its rows."""

    def to_html(self) -> str:
        """Return the report as one page that needs no script, no network and no other file."""
        return as_page(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file: whole, or not at all.

        Raises
        ------
        InputError
            If the file cannot be written; what was there before is unchanged.
        """
        text = self.to_html()
        write_whole(path, lambda file: file.write(text.encode("utf-8")))

    def _repr_html_(self) -> str:
        return as_fragment(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": self.to_text()}


def report_of(material: Material) -> Report:
    """Return the ten sections on a network."""
    before = [
        card(material),
        data_seen(material),
        training_run(material),
        gradients(material),
        layer_health(material),
        worked_row(material),
        steps(material),
        quality(material),
    ]
    advice = [one for section in before for one in section.advice]
    sections = (*before, what_next(advice), reproduce(material))
    name = material.subject.training.model or "A network"
    rows = f"{len(material.subject.rows):,} rows"
    return Report(f"{name} on {rows}", _summary(sections, advice), sections)


def what_next(advice: Sequence[Advice]) -> Section:
    """Return at most five changes to try, the most important first."""
    chosen = sorted(advice, key=lambda one: -one.weight)[:MOST_ADVICE]
    items: list[Item] = [*chosen]
    if not chosen:
        items.append(Sentence(NOTHING, "good"))
    elif len(advice) > len(chosen):
        rest = len(advice) - len(chosen)
        what = "1 minor finding is" if rest == 1 else f"{rest} minor findings are"
        items.append(Sentence(f"{what} in the sections above.", "note"))
    record = {
        "advice": [{"do": one.do, "because": one.because, "section": one.section} for one in chosen]
    }
    return Section("next", "What to try next", items, record)


def _summary(sections: Sequence[Section], advice: Sequence[Advice]) -> tuple[Sentence, ...]:
    found = {section.key: section for section in sections}
    sentences = []
    quality = found["quality"].record
    if "metrics" in quality:
        metric = quality["metrics"][0]
        where = "held out of training" if quality["held_out"] else "given"
        sentences.append(
            Sentence(
                f"Quality: {metric['name']} {metric['value']:.4g} on the {quality['rows']:,} rows "
                f"{where}; the baseline “{quality['baseline']}” has {metric['baseline']:.4g}."
            )
        )
    for key in ("gradients", "layers"):
        first = found[key].items[0]
        assert isinstance(first, Sentence)
        sentences.append(first)
    best = max(advice, key=lambda one: one.weight, default=None)
    if best is None:
        sentences.append(Sentence("To try next: no measurement suggests a change.", "good"))
    else:
        count = min(len(advice), MOST_ADVICE)
        more = f" ({count} suggestions in section 9)" if count > 1 else ""
        tone: Tone = "warning" if best.weight >= PRESSING else "note"
        sentences.append(Sentence(f"To try next{more}: {best.do}", tone))
    return tuple(sentences)
