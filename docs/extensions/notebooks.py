"""A notebook of each page of the course, made by jupytext, with a link to it on the page."""

import re
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
from page_blocks import Block, blocks
from program import TourStop
from sphinx.application import Sphinx

FOLDER = "generated/notebooks"
LINK = re.compile(r"\[([^\]]+)\]\((?!\w+:)[^)]*\)")
STOP = re.compile(r"^```\{tour-stop\} (\d+)\n```$", re.MULTILINE)
ADMONITION = re.compile(r"^:::\{admonition\} (.*)\n(?::\w+:.*\n)*|^:::$\n?", re.MULTILINE)


def notebook(page: str) -> nbformat.NotebookNode:
    """Return a page as a notebook: its prose, and a cell for each example and drawing."""
    parts, end = [], 0
    for block in blocks(page):
        start, stop = block.span
        parts.append(prose(page[end:start]))
        parts.extend(cells(block))
        end = stop
    parts.append(prose(page[end:]))
    made = jupytext.reads("\n\n".join(filter(None, parts)), fmt="md")
    made.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"
    return made


def prose(text: str) -> str:
    """Return Markdown without the site's own marks: links between pages, directives."""
    text = STOP.sub(lambda found: TourStop.text(int(found[1])), text)
    text = ADMONITION.sub(lambda found: f"**{found[1]}.**\n" if found[1] else "", text)
    return LINK.sub(r"\1", text).strip()


def cells(block: Block) -> Iterator[str]:
    """Yield the cells of a block: one per example that shows something."""
    if block.drawn:
        yield f"```python\n{block.source.strip()}\n```"
        return
    lines = []
    for example in block.examples():
        lines.append(example.source.rstrip("\n"))
        tags = ' tags=["raises-exception"]' if example.exc_msg is not None else ""
        if example.want:
            yield f"```python{tags}\n" + "\n".join(lines) + "\n```"
            lines = []
    if lines:
        yield "```python\n" + "\n".join(lines) + "\n```"


def pages(docs: Path) -> list[Path]:
    """Return the pages of the course."""
    return [page for page in sorted((docs / "learn").glob("*.md")) if page.stem != "index"]


def write(app: Sphinx) -> None:
    """Write the notebooks."""
    docs = Path(app.srcdir)
    folder = docs / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for page in pages(docs):
        made = notebook(page.read_text("utf-8"))
        nbformat.write(made, folder / f"{page.stem}.ipynb")


def link(app: Sphinx, name: str, source: list[str]) -> None:
    """Put the link to its notebook at the end of a page."""
    docs = Path(app.srcdir)
    path = Path(app.env.doc2path(name))
    if path in pages(docs):
        source[0] += f"\n\n[This page as a notebook](../{FOLDER}/{path.stem}.ipynb)\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it to the build."""
    app.connect("builder-inited", write)
    app.connect("source-read", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
