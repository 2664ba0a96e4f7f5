"""Damaged model files are refused by our error, or answer as before: fewer than the script's."""

import importlib.util
from collections import Counter
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "mutated_files.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("mutated_files", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_every_damaged_file_is_refused_or_answers_as_before(script) -> None:
    found = Counter(
        (name, kind, result) for name, kind, result, _ in script.mutate(420, seed=1, wide=16)
    )
    wrong = {key: count for key, count in found.items() if not key[-1].islower()}
    assert not wrong
    assert {name for name, _, result in found if result == "refused"} >= set(script.MUTATIONS)
    assert len({kind for _, kind, _ in found}) == 7
