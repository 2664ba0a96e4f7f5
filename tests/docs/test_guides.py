"""The programs of other libraries in the guides run, and end where the pages say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDES = Path(__file__).parents[2] / "docs" / "guides"


def programs(page):
    """Return the blocks of Python on a page that are no examples."""
    text = (GUIDES / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    return [block for block in blocks if ">>>" not in block]


def last_number(program, name):
    """Run a program in a process of its own, and return what a name holds at its end."""
    ran = subprocess.run(
        [sys.executable, "-c", f"{program}\nprint({name})"],
        capture_output=True,
        text=True,
        # a team of threads waits for the cores that other tests keep busy
        env={**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return float(ran.stdout.split()[-1])


@pytest.mark.slow
def test_the_program_of_pytorch():
    pytest.importorskip("torch")
    program, _ = programs("coming_from_pytorch.md")
    assert last_number(program, "accuracy") > 0.95


@pytest.mark.slow
def test_pytorch_makes_the_same_steps():
    pytest.importorskip("torch")
    _, program = programs("coming_from_pytorch.md")
    assert last_number(program, "difference") < 1e-12


@pytest.mark.slow
def test_the_program_of_keras():
    pytest.importorskip("torch")  # its backend here
    pytest.importorskip("keras")
    (program,) = programs("coming_from_keras.md")
    assert last_number(program, "accuracy") > 0.95
