"""The problems of all engines, as a fixture."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("llvmlite")

_spec = importlib.util.spec_from_file_location(
    "engine_problems", Path(__file__).parents[1] / "problems.py"
)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)


@pytest.fixture(scope="session")
def problems():
    """Return the module of small problems."""
    return _module
