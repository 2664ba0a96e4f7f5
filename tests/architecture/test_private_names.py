"""A name that begins with an underscore is used in the file that defines it, and in subclasses."""

import ast

BY_NAME = {"getattr", "hasattr", "setattr", "delattr"}


def private(name):
    return name.startswith("_") and not name.startswith("__")


def defined(nodes):
    """Return the private names that a file defines: functions, classes, attributes, variables."""
    for node in nodes:
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


def used(nodes):
    """Return each private attribute that is used of another object, with its line."""
    for node in nodes:
        if isinstance(node, ast.Attribute) and private(node.attr) and not own(node.value):
            yield node.attr, node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id not in BY_NAME or len(node.args) < 2 or own(node.args[0]):
                continue
            name = node.args[1]
            if isinstance(name, ast.Constant) and private(str(name.value)):
                yield name.value, node.lineno


def reached_into(nodes_of):
    """Return the uses, by file, of private names that only other files of the package define."""
    names = {file: set(filter(private, defined(nodes))) for file, nodes in nodes_of.items()}
    ours = set().union(*names.values())
    found = {}
    for file, nodes in nodes_of.items():
        # names that nobody here defines are those of other libraries
        uses = [use for use in used(nodes) if use[0] in ours and use[0] not in names[file]]
        if uses:
            found[file] = uses
    return found


def test_no_file_reaches_into_objects_of_another(modules):
    assert reached_into({module.name: module.nodes for module in modules}) == {}


def test_uses_are_found():
    sources = {
        "a.py": "class A:\n    _b: int\n    def _c(self):\n        self._d = super()._e()\n"
        "def f(a):\n    return a._b\n",
        "b.py": "def g(a, other):\n    a._b + a._d\n    getattr(a, '_c')()\n"
        "    return a.x, other._theirs\nclass B:\n    def h(self):\n        return self._b\n",
    }
    nodes = {name: list(ast.walk(ast.parse(text))) for name, text in sources.items()}
    assert reached_into(nodes) == {"b.py": [("_b", 2), ("_d", 2), ("_c", 3)]}
