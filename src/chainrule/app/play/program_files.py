"""The files beside a program: rows that are too many to write down, and a trained network."""

import io
import zipfile
from typing import Any

import numpy as np
import scipy.sparse

from chainrule.app.play.keeping import state_file
from chainrule.app.play.run import Run
from chainrule.app.play.settings import Problem, Settings
from chainrule.foundation.errors import InputError
from chainrule.training.sources import make_rows

__all__ = [
    "INPUTS",
    "MOST_NUMBERS",
    "ROWS",
    "STATE",
    "archive_of",
    "files_of",
    "model_rows",
    "too_many",
]

# More numbers than these are not written into a program.
MOST_NUMBERS = 20_000
ROWS, STATE, INPUTS = "rows.npz", "network.state", "inputs.npz"


def too_many(settings: Settings) -> bool:
    """Return True for the user's own rows that a program loads."""
    return settings.data == "own" and settings.arrays[0].size > MOST_NUMBERS


def files_of(run: Run) -> dict[str, bytes]:
    """Return the files that the program of a run loads, by their names; most load none."""
    base = run.base
    if base.settings.model is not None:
        x, arrays = model_rows(base)
        inputs = {"x": x}
        files = {STATE: state_file(run.state(run.start))}
        if scipy.sparse.issparse(x):
            inputs, place = {}, io.BytesIO()
            scipy.sparse.save_npz(place, scipy.sparse.csr_array(x))
            files[INPUTS] = place.getvalue()
        return {**files, ROWS: _arrays(inputs | arrays)}
    if too_many(base.settings):
        x, y = base.settings.arrays
        return {ROWS: _arrays({"x": x, "y": y})}
    return {}


def model_rows(problem: Problem) -> tuple[Any, dict[str, np.ndarray]]:
    """Return the inputs of a trained model's rows, and its targets and weights as given.

    Raises
    ------
    InputError
        If a call of `chainrule.steps` would not have the same rows.
    """
    subject = problem.subject
    subject.check_trainable()
    objective, rows = subject.objective, subject.rows
    others = [one.name for one in objective.penalties if one.name not in ("l1", "l2")]
    if others:
        raise InputError(
            f"penalties must be l1 or l2 for a program; this model has {others[0]}. Train it by "
            "its own fit."
        )
    y = np.asarray(rows.y)
    targets = np.argmax(y, axis=1) if objective.loss.rowwise else y
    given = {"y": targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets}
    if rows.weight is not None:
        given["weight"] = np.asarray(rows.weight)
    again = make_rows(objective, rows.x, given["y"], given.get("weight"), like=subject.vector)
    same = np.array_equal(np.asarray(again.y), y)
    if rows.weight is not None:
        # a mean of 1 that is made again is the same up to rounding, and the program says so
        same = same and np.allclose(np.asarray(again.weight), given["weight"], rtol=1e-5)
    if not same:
        raise InputError(
            "targets must be whole classes or numbers for a program; those of this model are "
            "smoothed or weighted in another way. Train it by its own fit."
        )
    return rows.x, given


def _arrays(arrays: dict[str, Any]) -> bytes:
    place = io.BytesIO()
    # an archive as np.savez makes it; NumPy's own types take no names from a dictionary
    with zipfile.ZipFile(place, "w") as archive:
        for name, array in arrays.items():
            part = io.BytesIO()
            np.save(part, np.asarray(array), allow_pickle=False)
            archive.writestr(f"{name}.npy", part.getvalue())
    return place.getvalue()


def archive_of(program: str, files: dict[str, bytes]) -> bytes:
    """Return a program with its files as one archive."""
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"program.py": program.encode(), **files}.items():
            archive.writestr(name, content)
    return place.getvalue()
