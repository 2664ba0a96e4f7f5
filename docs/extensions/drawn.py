"""The directive ``{drawn}``: a figure that a page's own code draws when the site is built.

Its code runs after the examples above it on the page, with their names, and its last figure is
kept as SVG. Below the figure the code can be opened.
"""

import hashlib
import os
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from page_blocks import Block, blocks, execute
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import chainrule

FOLDER = "generated/figures"


class Drawn(SphinxDirective):
    """A figure, its caption, and the code that draws it."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Draw, unless this was drawn before, and return figure and code."""
        if "alt" not in self.options:
            raise self.error("a drawing needs :alt:, what is to be seen, for those who cannot see")
        number = self.env.temp_data.get("drawn", 0)
        self.env.temp_data["drawn"] = number + 1
        docs = Path(self.env.srcdir)
        page = Path(self.env.doc2path(self.env.docname)).read_text("utf-8")
        picture = draw_once(list(blocks(page)), number, docs / FOLDER, self.env.docname)
        target = Path(os.path.relpath(picture, docs / Path(self.env.docname).parent)).as_posix()
        image = nodes.image(uri=target, alt=self.options["alt"])
        figure = nodes.figure("", image)
        if self.arguments:
            caption, _ = self.parse_inline(self.arguments[0])
            figure += nodes.caption("", "", *caption)
        code = nodes.literal_block(text := "\n".join(self.content), text, language="python")
        opened = nodes.raw("", "<details><summary>How it is drawn</summary>", format="html")
        closed = nodes.raw("", "</details>", format="html")
        return [figure, opened, code, closed]


def draw_once(parts: list[Block], number: int, folder: Path, docname: str) -> Path:
    """Return the picture of a page's drawing, by its number; it is drawn where it is new."""
    place = [at for at, block in enumerate(parts) if block.drawn][number]
    text = "".join(block.source for block in parts[: place + 1])
    digest = hashlib.sha256((chainrule.__version__ + text).encode()).hexdigest()[:12]
    picture = folder / f"{docname.replace('/', '-')}-{number + 1}-{digest}.svg"
    if not picture.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draw(parts[:place], parts[place], picture)
    return picture


def draw(before: list[Block], block: Block, picture: Path) -> None:
    """Run the blocks before a drawing, then the drawing, and save its last figure."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    names: dict[str, Any] = {"__name__": "__main__"}
    with mpl.rc_context({"svg.hashsalt": "chainrule", "figure.figsize": (6.4, 3.6)}):
        for part in before:
            if not part.drawn:
                execute(part, names)
        execute(block, names)
        plt.gcf().savefig(picture, metadata={"Date": None}, bbox_inches="tight")
    plt.close("all")


def setup(app: Sphinx) -> dict[str, bool]:
    """Enter the directive."""
    app.add_directive("drawn", Drawn)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
