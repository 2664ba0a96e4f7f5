"""The theme's script without its notes to the console on every page.

A console with nothing in it shows at once that something is wrong. Warnings and errors stay.
"""

from pathlib import Path

from sphinx.application import Sphinx

SCRIPT = "_static/scripts/pydata-sphinx-theme.js"


def quieten(app: Sphinx, failure: Exception | None) -> None:
    """Take the notes out of the copy of the script."""
    path = Path(app.outdir) / SCRIPT
    if failure is None and path.exists():
        path.write_text(path.read_text("utf-8").replace("console.log(", "void("), "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it to the end of the build."""
    app.connect("build-finished", quieten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
