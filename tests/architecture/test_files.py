"""One place for each concept, files of a readable size, and no way to run what a file says."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import chainrule
from chainrule import activations

SOURCE = Path(chainrule.__file__).parent
ROOT = Path(__file__).parents[2]
MODULES = sorted(SOURCE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LIMIT = 420
# A name that every SVG file has to hold; it looks like an address, and nobody calls there.
SVG_NAMESPACE = "http://www.w3.org/2000/svg"
# Files that name activations although they are not their own, and why.
ELSEWHERE = {
    "tables/recipes.py": {"silu"},  # what suits tables of classes
    # names of other libraries, translated into ours
    "interop/keras_networks.py": set(activations),
    "interop/torch_networks.py": set(activations),
    "interop/networks.py": set(activations),
    # words of LaTeX, and operations of the array namespace, that are spelled alike
    "tracing/expressions.py": {"tanh"},
    "engines/compiled/emission.py": {"tanh"},
    "engines/compiled/vector_maths.py": {"tanh"},
}


def short(path):
    return str(path.relative_to(SOURCE if SOURCE in path.parents else ROOT))


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def literals(module):
    """Return the string literals of a module, without docstrings and default values."""
    parsed = tree(module)
    left_out = set()
    for node in ast.walk(parsed):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            left_out.add(id(body[0].value))
        if isinstance(node, ast.FunctionDef):
            defaults = [*node.args.defaults, *node.args.kw_defaults]
            left_out |= {id(part) for value in defaults if value for part in ast.walk(value)}
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            left_out.add(id(node.value))
            if isinstance(node.value, ast.Call) and node.value.args:  # of a field, as flag("relu")
                left_out.add(id(node.value.args[0]))
    return {
        node.value
        for node in ast.walk(parsed)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if id(node) not in left_out
    }


NAMED = {module: literals(module) for module in MODULES}


@pytest.mark.parametrize("name", [name for name in activations if name != "linear"])
def test_an_activation_is_named_in_one_file(name):
    """`linear` is left out: it is the word for having no activation."""
    own = Path(inspect.getfile(type(activations[name])))
    found = {short(module) for module, names in NAMED.items() if name in names}
    allowed = {place for place, names in ELSEWHERE.items() if name in names}
    assert short(own) in found
    assert found - allowed == {short(own)}


def test_exceptions_are_still_needed():
    for place, names in ELSEWHERE.items():
        if (SOURCE / place).exists():
            assert names & literals(SOURCE / place), f"{place} names no activation any more"


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=short)
def test_files_are_of_a_readable_size(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LIMIT


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_no_file_for_odds_and_ends(path):
    parts = {part.removesuffix(".py") for part in path.relative_to(SOURCE).parts}
    assert parts & {"utils", "util", "helpers", "helper", "common", "misc", "tools"} == set()


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_a_module_opens_with_its_idea(path):
    text = ast.get_docstring(tree(path))
    assert text
    assert 1 <= len(text.splitlines()) <= 8


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_nothing_runs_what_a_file_or_a_network_says(path):
    modules = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "socket", "urllib", "http",
               "requests", "ftplib", "telnetlib"}  # fmt: skip
    for node in ast.walk(tree(path)):
        names = set()
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {node.module.split(".")[0]}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec", "__import__"), f"line {node.lineno}"
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False
        assert names & modules == set(), f"line {node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_no_address_of_the_network(path):
    text = path.read_text(encoding="utf-8").replace(f'"{SVG_NAMESPACE}"', "")
    assert re.findall(r"(?:https?|ftp)://", text) == []
    for literal in NAMED[path] - {SVG_NAMESPACE}:
        assert not re.search(r"\bwww\.|\b\d{1,3}(?:\.\d{1,3}){3}\b", literal)


@pytest.mark.parametrize("path", sorted((SOURCE / "formulas").glob("*.py")), ids=short)
def test_formulas_are_functions_with_names(path):
    """Records must pickle and tracebacks must speak, so no formula is a lambda."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            assert not any(isinstance(part, ast.Lambda) for part in ast.walk(node))
