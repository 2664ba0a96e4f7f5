"""The theme's script without its note to the console on every page.

A console with nothing in it shows at once that something is wrong.
"""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

SCRIPT = "_static/scripts/pydata-sphinx-theme.js"
NOTE = "console.log(`[PST]: Changed to"


def quieten(app: Sphinx, failure: Exception | None) -> None:
    """Take the note out of the copy of the script."""
    path = Path(app.outdir) / SCRIPT
    if failure is None and path.exists():
        text = path.read_text("utf-8")
        if NOTE not in text and NOTE.replace("console.log", "void") not in text:
            raise ExtensionError(f"{SCRIPT} has another note than {NOTE!r}: see quiet.py")
        path.write_text(text.replace(NOTE, NOTE.replace("console.log", "void")), "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it to the end of the build."""
    app.connect("build-finished", quieten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
