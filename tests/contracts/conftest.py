"""Fixtures: the LaTeX reader, the engine problems, and a third-party engine."""

import importlib.util
from pathlib import Path

import pytest

from chainrule.engines.choice import choose_engine, registry
from chainrule.formulas.loss import losses
from chainrule.formulas.records import activations

HERE = Path(__file__).parent


def module_at(path):
    """Return the module of a file that lies in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LATEX = module_at(HERE / "latex.py")
PROBLEMS = module_at(HERE.parent / "engines" / "problems.py")
TOY = module_at(HERE / "toy_engine.py")
COMPARING = module_at(HERE / "comparing.py")
NEEDS = {"compiled": "llvmlite", "jax": "jax"}
# JAX compiles each program for half a second: of grids whose sides have nothing to do with each
# other it takes these cells, and several activations in one network.
CELLS_OF_JAX = {
    "test_steps_of_every_rule": lambda cell: cell["weighted"] == (cell["dtype"] == "float32"),
    "test_rate_factors": lambda cell: (
        cell["dtype"] == "float64" and cell["rule"] in ("adamw", "clipped")
    ),
    "test_each_part_moves_as_a_network_with_its_rate_does": lambda cell: (
        cell["rule"] in ("sgd", "nesterov", "adamw", "averaged", "never clipped")
    ),
    "test_penalties": lambda cell: cell["dtype"] == "float64" or len(cell["price"]) == 2,
    "test_sparse_rows": lambda cell: (
        (cell["dtype"] == "float32") == (cell["kind"].__name__ == "csr_array")
    ),
    "test_sums_of_parts_of_a_batch_are_those_of_the_whole": lambda cell: (
        cell["weighted"] == (cell["dtype"] == "float32")
    ),
}


@pytest.fixture(scope="session")
def latex():
    """Return the module that reads LaTeX into numbers or into computer algebra."""
    return LATEX


@pytest.fixture(scope="session")
def problems():
    """Return the module of small problems."""
    return PROBLEMS


@pytest.fixture
def toy():
    """Register the engine of a stranger while a test runs."""
    registry.add(TOY.Toy())
    yield "toy"
    registry.remove("toy")


def pytest_collection_modifyitems(config, items):
    """Leave out the cells of grids that tell nothing new of an engine that compiles for long."""
    left = [item for item in items if not _says_nothing_new(item)]
    if len(left) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if _says_nothing_new(item)])
        items[:] = left


def _says_nothing_new(item):
    name = getattr(item, "originalname", None)
    if HERE not in item.path.parents:
        return False
    if name == "test_rate_factors" and item.callspec.params["dtype"] == "float32":
        # the factors act alike in both types: here, with the rule that has the most features
        return item.callspec.params["rule"] != "clipped sometimes"
    cells = CELLS_OF_JAX.get(name)
    if cells is None:
        return False
    return item.callspec.params["engine_of"] == "jax" and not cells(item.callspec.params)


@pytest.fixture(scope="session")
def comparing():
    """Return the module that compares engines."""
    return COMPARING


@pytest.fixture(params=COMPARING.TOLERANCE)
def dtype(request):
    """Return each dtype of parameters."""
    return request.param


@pytest.fixture(params=COMPARING.RULES)
def rule(request):
    """Return the name of each rule in `comparing`."""
    return request.param


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.slow] if name == "jax" else [])
        for name in (*registry, "toy")
    ]
)
def engine_of(request):
    """Return the maker of the engine of a name; of the compiled one only where it can be."""
    if request.param == "toy":
        request.getfixturevalue("toy")
    if request.param in NEEDS:
        pytest.importorskip(NEEDS[request.param])

    def make(objective, rule=COMPARING.RULES["sgd"]):
        return choose_engine(request.param, objective, rule)

    return make


@pytest.fixture
def hidden_layers(request):
    """Return the activations of the networks to try: each alone, or many of them in one."""
    names, cell = list(activations), request.node.callspec.params
    if cell["engine_of"] == "jax":
        halves = [names[:7], names[7:]]
        # in float64 with every loss, in float32 with every other one
        odd = list(losses).index(cell["loss"]) % 2
        return halves if cell["dtype"] == "float64" else [halves[odd]]
    return [[name, name] for name in names]
