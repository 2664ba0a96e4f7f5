"""Fixtures: the LaTeX reader, the engine problems, and a third-party engine."""

import importlib.util
from pathlib import Path

import pytest

from chainrule.engines.choice import registry

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
