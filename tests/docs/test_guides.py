"""The programs of other libraries in the guides run, and end where the pages say."""

import re
from pathlib import Path

import pytest

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
# as programs run them: theirs warn of what is no fault of the page
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """A team of threads would wait for the cores that other tests keep busy."""
    torch = pytest.importorskip("torch")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def programs(page):
    """Return the blocks of Python on a page that are no examples."""
    text = (GUIDES / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    return [block for block in blocks if ">>>" not in block]


def last_number(program, name):
    """Run a program, and return what a name holds at its end."""
    names = {"__name__": "__main__"}
    exec(program, names)
    return float(names[name])


def test_the_program_of_pytorch():
    program, _ = programs("coming_from_pytorch.md")
    assert last_number(program, "accuracy") > 0.95


def test_pytorch_makes_the_same_steps():
    _, program = programs("coming_from_pytorch.md")
    assert last_number(program, "difference") < 1e-12


def test_the_program_of_keras():
    pytest.importorskip("keras")
    (program,) = programs("coming_from_keras.md")
    assert last_number(program, "accuracy") > 0.95
