"""Fixtures: how exported models are run, and networks of every formula."""

import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def module_at(path):
    """Return the module of a file that lies in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RUNNING = module_at(HERE / "running.py")
DRAWN = module_at(HERE / "drawn.py")
RAW_TABLES = module_at(HERE / "raw_tables.py")
COMPILER = next(filter(RUNNING.has, RUNNING.COMPILERS), None)
TARGETS = [
    pytest.param(
        "onnx",
        marks=pytest.mark.skipif(not RUNNING.HAS_RUNTIME, reason="onnxruntime is not installed"),
    ),
    pytest.param("c", marks=pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")),
]


@pytest.fixture(scope="session")
def running():
    """Return the module that runs exported models."""
    return RUNNING


@pytest.fixture(scope="session")
def drawn():
    """Return the module of random networks."""
    return DRAWN


@pytest.fixture(scope="session")
def raw_tables():
    """Return the module of random raw tables."""
    return RAW_TABLES


@pytest.fixture(params=TARGETS)
def target(request):
    """Return where an exported model runs: ONNX Runtime, or C by the first compiler there is."""
    return request.param


@pytest.fixture
def answers(target, tmp_path):
    """Return a function from a model and inputs to what its export answers."""

    def run(model, x):
        if target == "onnx":
            found = RUNNING.onnx_answers(model.to_onnx(), x)
            return found.get("probabilities", found.get("prediction"))
        return RUNNING.c_answers(tmp_path, model.to_c(), COMPILER, x)

    return run
