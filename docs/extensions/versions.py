"""The menu of versions: ``versions.json`` as a script, which pages can load from a disk too."""

import json
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

LIST = "_static/version_list.js"


def write(app: Sphinx, failure: Exception | None) -> None:
    """Write the list into the site; the version that is built must be on it."""
    if failure is not None or app.builder.format != "html":
        return
    versions = json.loads((Path(app.srcdir) / "versions.json").read_text("utf-8"))
    if app.config.release not in [one["version"] for one in versions]:
        raise ExtensionError(f"versions.json lacks version {app.config.release}: add it")
    text = f"window.chainruleVersions = {json.dumps(versions)};\n"
    (Path(app.outdir) / LIST).write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Load the list and the menu on every page."""
    app.add_js_file("version_list.js")
    app.add_js_file("versions.js")
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
