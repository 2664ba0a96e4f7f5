"""No file needs a file that needs it: imports for annotations and within functions count too."""

import ast

import pytest

# The top floor, and what makes whole estimators, may import the package itself.
WHOLE_PACKAGE = {"__main__.py", "app/fit.py", "app/commands.py", "interop/model_file.py"}


def imported(nodes):
    """Return the names that a module imports, wherever the import stands."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return names


def graph(package, nodes_by_name):
    """Return the modules of a package that each of its modules imports."""
    found = {}
    for name, nodes in nodes_by_name.items():
        ours = {one.removeprefix(f"{package}.") for one in imported(nodes)}
        found[name] = (ours & nodes_by_name.keys()) - {name}
    return found


def reachable(start, edges):
    seen, waiting = set(), [start]
    while waiting:
        for after in edges[waiting.pop()] - seen:
            seen.add(after)
            waiting.append(after)
    return seen


def circles(edges):
    """Return the largest groups of modules in which each leads to each."""
    after = {name: reachable(name, edges) for name in edges}
    groups = {frozenset(other for other in after[name] if name in after[other]) for name in edges}
    return groups - {frozenset()}


@pytest.fixture(scope="module")
def edges(modules):
    """Return the graph of imports of the package."""
    nodes = {
        module.name.removesuffix(".py").replace("/", "."): module.nodes
        for module in modules
        if not module.name.split("/")[-1].startswith("__")
    }
    return graph("chainrule", nodes)


def test_there_are_no_circles(edges):
    assert [sorted(circle) for circle in circles(edges)] == []


def test_circles_are_found():
    """An import counts within a function and under TYPE_CHECKING too."""
    sources = {
        "a": "from package.b import x\nimport package.d\n",
        "b": "def f():\n    from package import c\n",
        "c": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from package.a import y\n",
        "d": "import os\n",
    }
    nodes = {name: list(ast.walk(ast.parse(text))) for name, text in sources.items()}
    assert circles(graph("package", nodes)) == {frozenset("abc")}


def test_no_file_imports_the_whole_package(modules):
    """Whoever imports it imports everything above; what stands on the top floor may."""
    offenders = [module.name for module in modules if "chainrule" in imported(module.nodes)]
    assert set(offenders) - WHOLE_PACKAGE == set()
