"""What all tests share: a fixed hypothesis profile, and the array libraries formulas run on."""

import importlib.util
import random
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("suite", derandomize=True, deadline=None, max_examples=60, database=None)
settings.load_profile("suite")

LIBRARIES = ("numpy", "array_api_strict", "torch")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `library` once for each array library."""
    if "library" in metafunc.fixturenames:
        choices = [
            pytest.param(
                name,
                marks=pytest.mark.skipif(
                    importlib.util.find_spec(name) is None, reason=f"{name} is not installed"
                ),
            )
            for name in LIBRARIES
        ]
        metafunc.parametrize("library", choices)


@pytest.fixture(autouse=True)
def _seeds_that_repeat(monkeypatch):
    """Let the seeds that nobody gives be the same in every run of a test."""
    monkeypatch.setattr("chainrule.foundation.seeds.secrets.randbits", random.Random(0).getrandbits)


@pytest.fixture
def asarray(library):
    """Return the function that makes an array of the library from a list or a NumPy array."""
    return importlib.import_module(library).asarray


@pytest.fixture
def shared() -> Path:
    """Return the folder of public data beside the checkout; skip where it is absent."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("../shared is absent")
    return folder
