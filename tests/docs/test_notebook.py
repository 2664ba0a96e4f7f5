"""The notebook of results runs from its first cell to its last, and shows what it is saved with."""

import runpy
from importlib.util import find_spec
from pathlib import Path

import pytest

# importing them would take every worker two seconds
ABSENT = [name for name in ("nbclient", "ipykernel", "matplotlib") if find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(ABSENT), reason=f"not installed: {ABSENT}"),
]

SCRIPT = Path(__file__).parents[2] / "docs" / "run_notebook.py"
IMAGES = {"image/png", "image/svg+xml"}


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


@pytest.fixture(scope="module")
def fresh(script, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        # nothing of the settings of who runs the tests, and nothing left there
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
        patch.delenv("MPLBACKEND", raising=False)
        return script["executed"]()


def kinds(notebook):
    """Return what each code cell shows: the names of streams, and the types of data."""
    return [
        (cell.source, [sorted(one.get("data", {one.get("name"): ""})) for one in cell.outputs])
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_the_notebook_reproduces_the_kinds_of_its_outputs(script, fresh):
    """After a change of what results look like: python docs/run_notebook.py."""
    assert kinds(fresh) == kinds(script["read"]())


def test_nothing_warns_or_fails(fresh):
    for cell in fresh.cells:
        for output in cell.get("outputs", ()):
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", (cell.source, output.text)


def test_no_object_is_shown_by_its_address(fresh):
    for cell in fresh.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            assert " at 0x" not in data.get("text/plain", ""), cell.source
            if set(data) == {"text/plain"}:
                assert data["text/plain"].startswith("Network("), cell.source


def test_every_kind_of_picture_and_page_is_there(fresh):
    shown = {kind for _, outputs in kinds(fresh) for output in outputs for kind in output}
    assert {"text/html", "text/latex", "stdout"} | IMAGES <= shown


def test_the_notebook_is_saved_without_times_and_paths(script):
    for cell in script["read"]().cells:
        assert set(cell.metadata) == set(), cell.source
    assert str(Path.home()) + "/" not in (SCRIPT.parent / "results.ipynb").read_text("utf-8")
