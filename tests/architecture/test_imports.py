"""The order of the floors, and what `import chainrule` may cost."""

import ast
import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

import chainrule

SOURCE = Path(chainrule.__file__).parent
ROOT = Path(__file__).parents[2]
FLOORS = (
    "foundation", "formulas", "tracing", "model", "engines", "training", "insight", "estimators",
    "interop", "tables", "app",
)  # fmt: skip
MODULES = sorted(SOURCE.rglob("*.py"))


def imported(module):
    """Return the chainrule modules that a file imports, wherever the import stands."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import in line {node.lineno}"
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == "chainrule"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_floors_import_downwards_only(module):
    floor = module.relative_to(SOURCE).parts[0]
    if floor not in FLOORS:
        return  # __init__.py and __main__.py stand above all floors
    allowed = FLOORS[: FLOORS.index(floor) + 1]
    for name in imported(module):
        parts = name.split(".")
        if len(parts) > 1 and parts[1] in FLOORS:
            assert parts[1] in allowed, f"{floor} imports {name}"


def test_folders_are_the_floors():
    folders = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}
    assert folders <= set(FLOORS)
    assert {
        "foundation",
        "formulas",
        "tracing",
        "model",
        "engines",
        "training",
        "estimators",
    } <= folders


def test_import_contract_is_kept():
    pytest.importorskip("importlinter", reason="import-linter is in the extra 'check'")
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@lru_cache
def modules_after(statement):
    """Return the names of all modules that a new process holds after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_networks_come_without_scikit_learn():
    """The estimators load it when they are first asked for."""
    assert not {"sklearn", "scipy"} & modules_after("import chainrule")


def test_import_is_light():
    """No compiler, plot, table or terminal library beyond what scikit-learn itself brings."""
    ours = modules_after("import chainrule; chainrule.MLPClassifier, chainrule.load")
    theirs = modules_after("import sklearn.neural_network")
    heavy = {
        "numba", "llvmlite", "matplotlib", "polars", "torch", "jax", "tensorflow", "keras",
        "pandas", "pyarrow", "typer", "rich", "click", "IPython", "scipy.optimize", "scipy.stats",
        "sympy", "hypothesis", "pytest", "onnx",
    }  # fmt: skip
    assert (ours & heavy) - theirs == set()
    assert not any(name.startswith("chainrule.app") for name in ours)
    assert not any(name.startswith("chainrule.engines.compiled") for name in ours)


def test_few_modules_come_on_top_of_scikit_learn():
    ours = modules_after("import chainrule; chainrule.MLPClassifier, chainrule.load")
    extra = ours - modules_after("import sklearn.neural_network")
    packages = {name.split(".")[0] for name in extra}
    known = {"chainrule", "array_api_compat", "safetensors", "secrets", "difflib", "hmac"}
    assert packages - known - set(sys.stdlib_module_names) == set()


def test_training_needs_no_table_plot_or_terminal_library():
    statement = (
        "from chainrule import Dense, Network, train\n"
        "list(train(Network(Dense(1, 1)), [[1.0], [2.0]], [1.0, 2.0], epochs=1))"
    )
    loaded = modules_after(statement)
    assert loaded & {"matplotlib", "polars", "torch", "typer", "rich"} == set()
