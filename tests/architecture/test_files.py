"""One place for each concept, files of a readable size, and no way to run what a file says.

Each test looks at every file and lists all that break its rule.
"""

import ast
import inspect
import re
from pathlib import Path

import pytest

import chainrule
from chainrule import activations

SOURCE = Path(chainrule.__file__).parent
TESTS = Path(__file__).parents[1]
LIMIT = 400
# A name that every SVG file has to hold; it looks like an address, and nobody calls there.
SVG_NAMESPACE = "http://www.w3.org/2000/svg"
# The address of this machine itself: servers listen there, and nobody outside hears them.
LOOPBACK = "127.0.0.1"
ODDS_AND_ENDS = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
# Libraries that run what a file says, or that reach the network.
UNSAFE = {
    "pickle", "marshal", "shelve", "dill", "cloudpickle", "socket", "urllib", "http", "requests",
    "ftplib", "telnetlib",
}  # fmt: skip
# Files that name activations although they are not their own, and why.
ELSEWHERE = {
    "app/play/settings.py": {"sigmoid", "tanh"},  # the chapter's network, and a first layer
    "app/play/tour.py": {"sigmoid", "tanh"},
    "tables/recipes.py": {"silu"},  # what suits tables of classes
    "tables/settings_space.py": {"relu", "silu", "selu"},  # what a search draws from
    # names of other libraries, translated into ours
    "interop/keras_networks.py": set(activations),
    "interop/torch_networks.py": set(activations),
    "interop/networks.py": set(activations),
    # and ours into theirs
    "estimators/keras_models.py": set(activations),
    "estimators/scikit_learn_models.py": set(activations),
    "estimators/torch_modules.py": set(activations),
    # words of LaTeX, and operations of the array namespace, that are spelled alike
    "tracing/expressions.py": {"tanh"},
    "engines/compiled/emission.py": {"tanh"},
    "engines/compiled/vector_maths.py": {"tanh"},
    "exports/c_formulas.py": {"tanh"},
    "exports/onnx_graph.py": {"tanh"},
}


def literals(nodes):
    """Return the string literals of a module, without docstrings and default values."""
    left_out = set()
    for node in nodes:
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
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if id(node) not in left_out
    }


@pytest.fixture(scope="module")
def named(modules):
    """Return the string literals of each module, by its name."""
    return {module.name: literals(module.nodes) for module in modules}


def test_docstrings_open_with_an_imperative_or_a_noun_phrase(modules):
    riddles = re.compile(r"(What|How|Whether|Where|Which|Who)\b")
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    assert [
        f"{module.name}: {text}"
        for module in modules
        for node in module.nodes
        if isinstance(node, documented)
        if riddles.match(text := (ast.get_docstring(node) or "").partition("\n")[0])
    ] == []


def test_an_activation_is_named_in_one_file(named):
    """`linear` is left out: it is the word for having no activation."""
    own = {
        name: Path(inspect.getfile(type(activations[name]))).relative_to(SOURCE).as_posix()
        for name in activations
        if name != "linear"
    }
    assert [name for name, module in own.items() if name not in named[module]] == []
    elsewhere = {
        module: words & own.keys() - ELSEWHERE.get(module, set()) for module, words in named.items()
    }
    offenders = [
        f"{module} names {name}"
        for module, names in elsewhere.items()
        for name in sorted(names)
        if own[name] != module
    ]
    assert offenders == []


def test_exceptions_are_still_needed(named):
    unused = [place for place, names in ELSEWHERE.items() if not names & named[place]]
    assert unused == []


def test_files_are_of_a_readable_size(modules):
    sizes = {module.name: len(module.text.splitlines()) for module in modules}
    for path in TESTS.rglob("*.py"):
        name = path.relative_to(TESTS.parent).as_posix()
        sizes[name] = len(path.read_text(encoding="utf-8").splitlines())
    assert {name: lines for name, lines in sizes.items() if lines > LIMIT} == {}


def test_no_file_for_odds_and_ends(modules):
    offenders = [
        module.name
        for module in modules
        if ODDS_AND_ENDS & set(module.name.removesuffix(".py").split("/"))
    ]
    assert offenders == []


def test_a_module_opens_with_its_idea(modules):
    lines = {m.name: len((ast.get_docstring(m.tree) or "").splitlines()) for m in modules}
    assert {name: count for name, count in lines.items() if not 1 <= count <= 8} == {}


def unsafe(node):
    """Return what a node does that runs the content of a file or reaches the network, or None."""
    if isinstance(node, ast.Import):
        names = {alias.name.split(".")[0] for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
        names = {node.module.split(".")[0]}
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        names = {node.func.id} & {"eval", "exec", "__import__"}
        return f"calls {names.pop()}" if names else None
    elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
        safe = isinstance(node.value, ast.Constant) and node.value.value is False
        return None if safe else "allows pickles"
    else:
        return None
    found = sorted(names & UNSAFE)
    return f"imports {', '.join(found)}" if found else None


def test_nothing_runs_what_a_file_or_a_network_says(modules):
    offenders = [
        f"{module.name} {fault}, line {getattr(node, 'lineno', '?')}"
        for module in modules
        for node in module.nodes
        if (fault := unsafe(node))
    ]
    assert offenders == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("import os, pickle", "imports pickle"),
        ("from urllib.request import urlopen", "imports urllib"),
        ("eval(text)", "calls eval"),
        ("load(file, allow_pickle=True)", "allows pickles"),
        ("load(file, allow_pickle=given)", "allows pickles"),
        ("load(file, allow_pickle=False)", None),
        ("import json", None),
    ],
)
def test_unsafe_lines_are_found(line, fault):
    found = {unsafe(node) for node in ast.walk(ast.parse(line))} - {None}
    assert found == ({fault} if fault else set())


def test_no_address_of_the_network(modules, named):
    offenders = []
    for module in modules:
        text = module.text.replace(f'"{SVG_NAMESPACE}"', "")
        if module.name.startswith("app/play/"):
            text = re.sub(r"http://(\{HOST\}|127\.0\.0\.1|\")", "", text)
        offenders += [f"{module.name}: {one}" for one in re.findall(r"(?:https?|ftp)://\S*", text)]
        offenders += [
            f"{module.name}: {literal}"
            for literal in named[module.name] - {SVG_NAMESPACE, LOOPBACK}
            if re.search(r"\bwww\.|\b\d{1,3}(?:\.\d{1,3}){3}\b", literal)
        ]
    assert offenders == []


def test_formulas_are_functions_with_names(modules):
    """Records must pickle and tracebacks must speak, so no formula is a lambda."""
    offenders = [
        f"{module.name}, line {node.lineno}"
        for module in modules
        if module.floor == "formulas"
        for node in module.nodes
        if isinstance(node, ast.Assign | ast.AnnAssign)
        if any(isinstance(part, ast.Lambda) for part in ast.walk(node))
    ]
    assert offenders == []
