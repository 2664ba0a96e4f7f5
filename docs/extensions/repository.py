"""Pages of the repository outside docs/, such as the changelog, and links that lead to them.

In the repository a page says ``[the steps](../benchmarks/results/steps.md)``. On the site all pages
lie below docs/, so before reading, these pages are copied to ``generated/repository``, with the
files that they link to, and links are turned to the copies. A link to nothing is an error.
"""

import os
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

PAGES = ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/**/*.md")
COPIES = "generated/repository"
FENCE = re.compile(r"(^[ >]*(`{3,}|~{3,}).*?^[ >]*\2[ ]*$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")


class Mirror:
    """The copies of a repository's pages below its docs.

    Parameters
    ----------
    root, docs : Path
        The repository and its folder of docs.
    """

    def __init__(self, root: Path, docs: Path) -> None:
        self.root, self.docs = root, docs
        self.copies = docs / COPIES
        self.pages = [page for pattern in PAGES for page in sorted(root.glob(pattern))]

    def fill(self) -> None:
        """Copy all pages, and the files that they link to; remove copies of pages that are gone."""
        for copy in self.copies.rglob("*.md"):
            if self.root / copy.relative_to(self.copies) not in self.pages:
                copy.unlink()
        for page in self.pages:
            copy = self.copies / page.relative_to(self.root)
            write(copy, self.turned(page.read_text("utf-8"), page, copy))

    def turned(self, text: str, page: Path, copy: Path) -> str:
        """Return a page's text with the links of ``page`` as those of ``copy``."""

        def turn(link: re.Match[str]) -> str:
            target = (page.parent / link[1]).resolve()
            if not target.exists():
                raise ExtensionError(f"{page}: the link to {link[1]} leads nowhere")
            place = self.place(target)
            return Path(os.path.relpath(place, copy.parent)).as_posix() + (link[2] or "")

        parts = FENCE.split(text)
        parts[::3] = [LINK.sub(turn, prose) for prose in parts[::3]]
        del parts[2::3]  # the fence marks
        return "".join(parts)

    def place(self, target: Path) -> Path:
        """Return where a file is on the site; files that are no pages are copied there."""
        if target.is_relative_to(self.docs):
            return target
        path = target.relative_to(self.root)
        copy = self.copies / path
        if target not in self.pages:
            if target.is_dir():
                raise ExtensionError(f"a link leads to the folder {path}: name a file in it")
            write(copy, target.read_bytes())
        return copy


def write(path: Path, content: str | bytes) -> None:
    """Write a file, unless it holds this already."""
    data = content.encode() if isinstance(content, str) else content
    if not (path.exists() and path.read_bytes() == data):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def begin(app: Sphinx) -> None:
    """Make the copies."""
    docs = Path(app.srcdir).resolve()
    Mirror(docs.parent, docs).fill()


def read(app: Sphinx, name: str, source: list[str]) -> None:
    """Turn the links of a page of the docs that lead out of them."""
    docs = Path(app.srcdir).resolve()
    path = Path(app.env.doc2path(name)).resolve()
    if path.suffix == ".md" and "generated" not in path.relative_to(docs).parts:
        source[0] = Mirror(docs.parent, docs).turned(source[0], path, path)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect both to the build."""
    app.connect("config-inited", lambda app, config: begin(app))
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
