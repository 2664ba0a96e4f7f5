"""A name that begins with an underscore is used in the file that defines it, and in subclasses."""

import ast
from pathlib import Path

import chainrule

SOURCE = Path(chainrule.__file__).parent
# The floors whose files still reach into objects of others.
LEFT = ("app/", "tables/")
BY_NAME = {"getattr", "hasattr", "setattr", "delattr"}


def private(name):
    return name.startswith("_") and not name.startswith("__")


def defined(tree):
    """Return the private names that a file defines: functions, classes, attributes, variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if own(node.value):
                yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def own(node):
    """Say whether an expression is the object itself, its class or what it inherits."""
    if isinstance(node, ast.Call):
        node = node.func
    return isinstance(node, ast.Name) and node.id in ("self", "cls", "super")


def used(tree):
    """Return each private attribute that is used of another object, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and private(node.attr) and not own(node.value):
            yield node.attr, node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id not in BY_NAME or len(node.args) < 2 or own(node.args[0]):
                continue
            name = node.args[1]
            if isinstance(name, ast.Constant) and private(str(name.value)):
                yield name.value, node.lineno


def reached_into(source):
    """Return the uses, by file, of private names that only other files of the package define."""
    trees = {
        path.relative_to(source).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(source.rglob("*.py"))
    }
    names = {file: set(filter(private, defined(tree))) for file, tree in trees.items()}
    ours = set().union(*names.values())
    found = {}
    for file, tree in trees.items():
        # names that nobody here defines are those of other libraries
        uses = [use for use in used(tree) if use[0] in ours - names[file]]
        if uses:
            found[file] = uses
    return found


def test_no_file_reaches_into_objects_of_another():
    found = reached_into(SOURCE)
    assert {file: uses for file, uses in found.items() if not file.startswith(LEFT)} == {}


def test_uses_are_found(tmp_path):
    (tmp_path / "a.py").write_text(
        "class A:\n    _b: int\n    def _c(self):\n        self._d = super()._e()\n"
        "def f(a):\n    return a._b\n"
    )
    (tmp_path / "b.py").write_text(
        "def g(a, other):\n    a._b + a._d\n    getattr(a, '_c')()\n    return a.x, other._theirs\n"
        "class B:\n    def h(self):\n        return self._b\n"
    )
    assert reached_into(tmp_path) == {"b.py": [("_b", 2), ("_d", 2), ("_c", 3)]}
