"""Run results.ipynb from a fresh kernel and keep what it shows.

Run it after a change of what results look like: ``python docs/run_notebook.py``.
"""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("results.ipynb")
# What a first run on a machine says once, and the page need not.
PASSING = ("compiling the engine", "building the font cache")


def read():
    """Return the notebook as it stands."""
    return nbformat.read(NOTEBOOK, as_version=4)


def passing(output):
    """Say whether an output is one that only the first run has."""
    return any(words in output.get("text", "") for words in PASSING)


def executed(timeout=300):
    """Return the notebook with the outputs of a new run, without the times and the machine."""
    notebook = read()
    client = NotebookClient(notebook, timeout=timeout, record_timing=False, kernel_name="python3")
    client.execute(cwd=str(NOTEBOOK.parent))
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if not passing(one)]
    return notebook


if __name__ == "__main__":
    nbformat.write(executed(), NOTEBOOK)
