"""The reader of LaTeX beside the tests, as a fixture."""

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("latex", Path(__file__).with_name("latex.py"))
LATEX = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(LATEX)


@pytest.fixture(scope="session")
def latex():
    """Return the module that reads LaTeX into numbers or into computer algebra."""
    return LATEX
