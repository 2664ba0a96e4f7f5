"""No file needs a file that needs it: imports for annotations and within functions count too."""

import ast
from pathlib import Path

import chainrule

SOURCE = Path(chainrule.__file__).parent
# The circles that are left, to be broken; nothing may be added.
KNOWN = {frozenset(f"insight.report.{name}" for name in ("blocks", "charts", "plane", "text"))}


def graph(source):
    """Return the modules that each module imports, wherever the import stands."""
    paths = {
        ".".join(path.relative_to(source).with_suffix("").parts): path
        for path in source.rglob("*.py")
        if not path.name.startswith("__")
    }
    found = {}
    for name, path in paths.items():
        imported = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
        ours = {one.removeprefix(f"{source.name}.") for one in imported}
        found[name] = (ours & paths.keys()) - {name}
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


def test_there_are_no_other_circles():
    found = circles(graph(SOURCE))
    new = [sorted(circle) for circle in found if not any(circle <= known for known in KNOWN)]
    assert new == []


def test_a_circle_that_is_broken_leaves_the_list():
    assert circles(graph(SOURCE)) == KNOWN


def test_circles_are_found(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "a.py").write_text("from package.b import x\nimport package.d\n")
    (package / "b.py").write_text("def f():\n    from package import c\n")
    (package / "c.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from package.a import y\n"
    )
    (package / "d.py").write_text("import os\n")
    assert circles(graph(package)) == {frozenset("abc")}


def test_no_file_imports_the_whole_package():
    """Whoever imports it imports everything above; what stands on the top floor may."""
    allowed = {"app/fit.py", "app/commands.py", "interop/model_file.py"}
    for path in SOURCE.rglob("*.py"):
        name = path.relative_to(SOURCE).as_posix()
        if name.startswith("__") or name in allowed:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert "chainrule" not in {alias.name for alias in node.names}, name
            elif isinstance(node, ast.ImportFrom):
                assert node.module != "chainrule", name
