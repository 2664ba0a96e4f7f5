"""What the theme leaves to be repaired: notes to the console, controls without a name, blank lines.

A console with nothing in it shows at once that something is wrong; its warnings and errors stay.
A test asks axe for controls without a name, so a repair that no longer fits is seen.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

SCRIPT = "_static/scripts/pydata-sphinx-theme.js"
REPAIRS = (
    (re.compile(r'console\.log\("\[PST\]'), 'void("[PST]'),
    (  # its visible text is its name, but for the keys
        re.compile(r'(<button [^>]*search-button-field[^>]*?) aria-label="[^"]*"'),
        r"\1",
    ),
    (
        re.compile(r'<span class="search-button__kbd-shortcut">'),
        '<span class="search-button__kbd-shortcut" aria-hidden="true">',
    ),
    (
        re.compile(r'<summary>(?=<span class="toctree-toggle")'),
        '<summary aria-label="Pages below">',
    ),
    (  # examples end with a blank line, which their tests need
        re.compile(r"\n{2,}(?=</pre>)"),
        "\n",
    ),
    (  # the links over the thumbnails of the gallery
        re.compile(r'<a class="reference internal" (href="[^"]*")>(?=<span class="doc">([^<]+)<)'),
        r'<a class="reference internal" aria-label="\2" \1>',
    ),
)


def repair(app: Sphinx, failure: Exception | None) -> None:
    """Repair all pages that were written; repaired ones do not change again."""
    if failure is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    script = site / SCRIPT
    script.write_text(script.read_text("utf-8").replace("console.log(", "void("), "utf-8")
    for page in site.rglob("*.html"):
        text = repaired = page.read_text("utf-8")
        for pattern, better in REPAIRS:
            repaired = pattern.sub(better, repaired)
        if repaired != text:
            page.write_text(repaired, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it to the end of the build."""
    app.connect("build-finished", repair)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
