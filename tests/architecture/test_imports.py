"""The order of the floors, and what `import chainrule` may cost."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import chainrule

SOURCE = Path(chainrule.__file__).parent
ROOT = Path(__file__).parents[2]
FLOORS = (
    "foundation", "blocks", "formulas", "tracing", "model", "exports", "engines", "training",
    "insight", "estimators", "interop", "tables", "distributed", "app",
)  # fmt: skip


def imports(module):
    """Return pairs of a chainrule module and the line that imports it, wherever that stands."""
    for node in module.nodes:
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        else:
            continue
        for name in names:
            if name.split(".")[0] == "chainrule":
                yield name, node.lineno


def test_floors_import_downwards_only(modules):
    """`__init__.py` and `__main__.py` stand above all floors."""
    offenders = []
    for module in modules:
        if module.floor not in FLOORS:
            continue
        above = FLOORS[FLOORS.index(module.floor) + 1 :]
        offenders += [
            f"{module.name} imports {name}, line {line}"
            for name, line in imports(module)
            if name.split(".")[1:2] and name.split(".")[1] in above
        ]
    assert offenders == []


def test_no_import_is_relative(modules):
    offenders = [
        f"{module.name}, line {node.lineno}"
        for module in modules
        for node in module.nodes
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert offenders == []


def test_folders_are_the_floors():
    folders = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}
    assert folders == set(FLOORS)


def test_import_contract_is_kept():
    pytest.importorskip("importlinter", reason="import-linter is in the extra 'check'")
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def modules_after(*statements):
    """Return, for each of a new process's statements, the names of the modules it then holds."""
    lines = ["import json, sys"]
    for statement in statements:
        lines += [statement, "print(json.dumps(sorted(sys.modules)))"]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    return [set(json.loads(line)) for line in done.stdout.splitlines()]


class Loaded(NamedTuple):
    package: set[str]
    estimators: set[str]
    training: set[str]


@pytest.fixture(scope="module")
def ours():
    """Return the modules loaded by the package, then its estimators, then a training."""
    return Loaded(
        *modules_after(
            "import chainrule",
            "chainrule.MLPClassifier, chainrule.load",
            "network = chainrule.Network(chainrule.Dense(1, 1))\n"
            "list(chainrule.train(network, [[1.0], [2.0]], [1.0, 2.0], epochs=1))",
        )
    )


@pytest.fixture(scope="module")
def theirs():
    """Return the modules that scikit-learn loads for its networks."""
    return modules_after("import sklearn.neural_network")[0]


def test_networks_come_without_scikit_learn(ours):
    """The estimators load it when they are first asked for."""
    assert {"sklearn", "scipy"} & ours.package == set()


@pytest.mark.slow
def test_import_is_light(ours, theirs):
    """No compiler, plot, table or terminal library beyond what scikit-learn itself brings."""
    heavy = {
        "numba", "llvmlite", "matplotlib", "polars", "torch", "jax", "tensorflow", "keras",
        "pandas", "pyarrow", "typer", "rich", "click", "IPython", "scipy.optimize", "scipy.stats",
        "sympy", "hypothesis", "pytest", "onnx",
    }  # fmt: skip
    assert (ours.estimators & heavy) - theirs == set()
    own = {name for name in ours.estimators if name.startswith("chainrule.")}
    late = ("chainrule.app", "chainrule.engines.compiled")
    assert {name for name in own if name.startswith(late)} == set()


@pytest.mark.slow
def test_few_modules_come_on_top_of_scikit_learn(ours, theirs):
    packages = {name.split(".")[0] for name in ours.estimators - theirs}
    known = {"chainrule", "array_api_compat", "safetensors", "secrets", "difflib", "hmac"}
    assert packages - known - set(sys.stdlib_module_names) == set()


def test_training_needs_no_table_plot_or_terminal_library(ours):
    assert ours.training & {"matplotlib", "polars", "torch", "typer", "rich"} == set()
