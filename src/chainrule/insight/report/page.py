"""The report as one page of HTML: landmarks, headings in order, tables with captions, no script."""

import hashlib
import re
from html import escape
from importlib.resources import files
from itertools import groupby

from chainrule.foundation.markup import element
from chainrule.insight.chain import Chain
from chainrule.insight.rendering import as_html
from chainrule.insight.report.charts import drawing_of
from chainrule.insight.report.figures import Bars, Lines, Plane
from chainrule.insight.report.items import Advice, Code, Equations, Facts, Sentence, Table
from chainrule.insight.report.sections import Document, Item, Section

__all__ = ["as_fragment", "as_page"]

# Tables of so many columns fit any screen, or stand beside each other on a wide one.
NARROW, BESIDE = 3, 4
TONES = {"good": "Good", "warning": "Look", "note": "Note"}


def as_page(report: Document) -> str:
    """Return a whole page."""
    head = "".join(
        (
            element("meta", {"charset": "utf-8"}),
            element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
            element("meta", {"name": "color-scheme", "content": "light dark"}),
            element("title", {}, f"{report.title} - chainrule report", escaped=False),
            f"<style>{_style()}</style>",
        )
    )
    body = (
        f'<a class="skip" href="#chainrule-main">Skip to the report</a>{_body(report, "chainrule")}'
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>'
        f'<body class="chainrule-report">{body}</body></html>\n'
    )


def as_fragment(report: Document) -> str:
    """Return the report for a place within another page, such as a notebook."""
    name = (
        "chainrule-"
        + hashlib.sha256(report.title.encode() + repr(report.to_dict()).encode()).hexdigest()[:8]
    )
    return f'<style>{_style()}</style><div class="chainrule-report">{_body(report, name)}</div>'


def _style() -> str:
    text = (files("chainrule.insight.report") / "page.css").read_text(encoding="utf-8")
    return "".join(line.strip() for line in text.splitlines())


def _body(report: Document, name: str) -> str:
    summary = "".join(_sentence(one, "li") for one in report.summary)
    header = element("h1", {}, report.title, escaped=False) + element(
        "ul", {"class": "summary"}, summary
    )
    links = "".join(_link(section, name) for section in report.sections)
    contents = element("h2", {"id": f"{name}-contents"}, "Contents") + element("ol", {}, links)
    sections = "".join(
        _section(section, number, name) for number, section in enumerate(report.sections, start=1)
    )
    return (
        element("header", {}, header)
        + element("nav", {"aria-labelledby": f"{name}-contents"}, contents)
        + element("main", {"id": f"{name}-main"}, sections)
    )


def _link(section: Section, name: str) -> str:
    address = f"#{name}-{section.key}"
    return element("li", {}, element("a", {"href": address}, section.title, escaped=False))


def _section(section: Section, number: int, name: str) -> str:
    label = f"{name}-{section.key}"
    heading = element("h2", {"id": label}, f"{number}. {section.title}", escaped=False)
    items = []
    numbered = enumerate(section.items, start=1)
    for kind, group in groupby(numbered, key=lambda pair: _together(pair[1])):
        content = "".join(_item(item, f"{label}-{count}", name) for count, item in group)
        tag = {"advice": "ol", "tables": "div"}.get(kind)
        items.append(content if tag is None else element(tag, {"class": kind}, content))
    return element("section", {"aria-labelledby": label}, heading + "".join(items))


def _together(item: Item) -> str:
    """Return what neighbouring items have in common: narrow tables stand side by side."""
    if isinstance(item, Advice):
        return "advice"
    narrow = isinstance(item, Table) and len(item.head) <= BESIDE and not item.folded
    return "tables" if narrow else ""


def _item(item: Item, label: str, name: str) -> str:
    match item:
        case Sentence():
            return _sentence(item, "p")
        case Facts(pairs):
            return element("dl", {}, "".join(map(_fact, pairs)))
        case Table():
            return _table(item)
        case Lines() | Bars() | Plane():
            return _figure(item, label)
        case Equations(chain):
            return _equations(chain, label)
        case Code(caption, text):
            words = element("p", {"id": label}, f"{caption}:", escaped=False)
            box = {"tabindex": 0, "role": "group", "aria-labelledby": label}
            return words + element("pre", box, element("code", {}, text, escaped=False))
        case Advice():
            return _advice(item, name)


def _equations(chain: Chain, label: str) -> str:
    """Return the chain rule as MathML, or as text where the converter is not installed."""
    title = f"How the loss of row {chain.row or 1:,} changes with {chain.parameter.symbol.text}"
    heading = element("h3", {"id": label}, title, escaped=False)
    box = {"class": "scroll", "tabindex": 0, "role": "group", "aria-labelledby": label}
    try:
        content = element("div", box, re.sub(r' xmlns="[^"]*"', "", as_html(chain)))
    except ImportError:
        content = element("pre", box, str(chain), escaped=False)
    return element("article", {"aria-labelledby": label}, heading + content)


def _sentence(one: Sentence, tag: str) -> str:
    if one.tone == "plain":
        return element(tag, {}, one.text, escaped=False)
    badge = element("strong", {"class": "badge"}, TONES[one.tone])
    return element(tag, {"class": one.tone}, f"{badge} {escape(one.text)}")


def _fact(pair: tuple[str, str]) -> str:
    term = element("dt", {}, pair[0], escaped=False)
    return element("div", {}, term + element("dd", {}, pair[1], escaped=False))


def _advice(advice: Advice, name: str) -> str:
    keys = ("card", "data", "training", "gradients", "layers", "row", "steps", "quality")
    number = advice.section
    link = element("a", {"href": f"#{name}-{keys[number - 1]}"}, f"section {number}")
    what = element("strong", {}, advice.do, escaped=False)
    why = element("span", {}, f"Because {escape(advice.because)} ({link}).")
    return f'<li class="advice">{what} {why}</li>'


def _table(table: Table) -> str:
    words = {0} | {k for k, name in enumerate(table.head) if name in table.left}
    cells = "".join(
        element(
            "th", {"scope": "col", **({"class": "w"} if k in words else {})}, one, escaped=False
        )
        for k, one in enumerate(table.head)
    )
    head = element("thead", {}, element("tr", {}, cells))
    rows = []
    for number, row in enumerate(table.rows):
        shades = table.shades[number] if table.shades else ()
        first = element("th", {"scope": "row", "class": "w"}, row[0], escaped=False)
        rest = "".join(
            element("td", _of_cell(k, words, shades), one, escaped=False)
            for k, one in enumerate(row[1:], start=1)
        )
        rows.append(element("tr", {}, first + rest))
    caption = element("caption", {}, table.caption, escaped=False)
    body = element("tbody", {}, "".join(rows))
    whole = element("table", {}, caption + head + body)
    if table.folded:
        return element("details", {}, element("summary", {}, escape(table.caption)) + whole)
    if len(table.head) <= NARROW:
        return element("div", {"class": "table"}, whole)
    # what scrolls must be reached by the keyboard
    box = {"class": "table scroll", "tabindex": 0, "role": "group", "aria-label": table.caption}
    return element("div", box, whole)


def _of_cell(column: int, words: set[int], shades: object) -> dict[str, object]:
    if shades:
        strength = shades[column - 1]  # type: ignore[index]
        return {"style": f"--s:{round(45 * strength)}%"} if strength >= 0.005 else {}
    return {"class": "w"} if column in words else {}


def _figure(chart: Lines | Bars | Plane, label: str) -> str:
    caption = element("figcaption", {}, chart.title, escaped=False)
    summary = element("summary", {}, "Numbers of this figure")
    numbers = element("details", {}, summary + _table(chart.table()))
    return element("figure", {}, caption + drawing_of(chart, label) + numbers)
