"""Inventories for intersphinx, made of ``references.toml``: links to other libraries, offline."""

import importlib
import inspect
import tomllib
import zlib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

FOLDER = "generated/inventories"


def find(name: str) -> Any:
    """Return the object of a dotted name, from the installed package."""
    module, _, rest = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), rest)
    except ModuleNotFoundError:
        return getattr(find(module), rest)


def inventory(library: str, table: dict[str, Any]) -> bytes:
    """Return a library's inventory, in the second version of Sphinx's format."""
    pages = {name: table["page"].format(name=name) for name in table["names"]}
    lines = []
    for name, page in sorted({**pages, **table.get("pages", {})}.items()):
        role = "class" if inspect.isclass(find(name)) else "function"
        lines.append(f"{name} py:{role} 1 {page}#{name} -\n")
    head = (
        f"# Sphinx inventory version 2\n# Project: {library}\n# Version:\n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    return head.encode() + zlib.compress("".join(lines).encode())


def fill(app: Sphinx, config: Config) -> None:
    """Write the inventories, and tell intersphinx of them."""
    docs = Path(app.srcdir)
    tables = tomllib.loads((docs / "references.toml").read_text("utf-8"))
    folder = docs / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for library, table in tables.items():
        path = folder / f"{library}.inv"
        path.write_bytes(inventory(library, table))
        config.intersphinx_mapping[library] = (table["address"], str(path))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it to the configuration, before intersphinx checks it."""
    app.connect("config-inited", fill, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
