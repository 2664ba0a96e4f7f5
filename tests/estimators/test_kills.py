"""Fits ended by kill -9 at random moments go on to the same bits. Fewer than the script's."""

import importlib.util
import os
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kills.py"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_killed_fit_goes_on_to_the_same_bits() -> None:
    spec = importlib.util.spec_from_file_location("kills", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kills, wrong = module.kill(3, seed=1)
    assert kills >= 3
    assert not wrong
