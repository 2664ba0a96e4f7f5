"""The modules of the package, read and parsed once for all checks of files."""

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

import chainrule

SOURCE = Path(chainrule.__file__).parent


class Module(NamedTuple):
    """A file of the package: its path within it, its text, its syntax tree and its nodes."""

    name: str
    text: str
    tree: ast.Module
    nodes: list[ast.AST]

    @property
    def floor(self) -> str:
        return self.name.split("/")[0]


@pytest.fixture(scope="session")
def modules() -> list[Module]:
    """Return every module of the package."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        name = path.relative_to(SOURCE).as_posix()
        found.append(Module(name, text, tree, list(ast.walk(tree))))
    return found
