"""Every example of the gallery runs, draws, and says in its first lines what it shows."""

import ast
import runpy
from pathlib import Path

import pytest

plt = pytest.importorskip("matplotlib.pyplot")

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "gallery").glob("*.py"))


@pytest.fixture(autouse=True)
def drawing_board(monkeypatch):
    """Keep figures open behind ``show``, and close them in the end."""
    monkeypatch.setattr(plt, "show", lambda: None)
    yield
    plt.close("all")


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs_and_draws(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(example), run_name="__main__")
    assert plt.get_fignums()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_it_has_a_title_and_a_text(example):
    title, line, *text = ast.get_docstring(ast.parse(example.read_text("utf-8"))).splitlines()
    assert set(line) == {"="}
    assert len(line) >= len(title)
    assert any(text)
