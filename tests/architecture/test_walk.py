"""One row of X goes down the floors, from `fit` to the layers, through few files."""

import sys
from dataclasses import is_dataclass
from pathlib import Path

import numpy as np
import pytest

import chainrule
from chainrule import MLPClassifier, MLPRegressor

SOURCE = Path(chainrule.__file__).parent
FLOORS = ("foundation", "blocks", "formulas", "tracing", "model", "exports", "engines", "training",
          "insight", "estimators")  # fmt: skip
# No other number of the inputs is this one, so it tells where its row is.
MARK = 0.123456789
X = np.random.default_rng(0).normal(size=(4000, 3))  # more than are checked one by one
X[7, 1] = MARK
WALK = [
    "estimators/fitting.py",  # fit
    "estimators/inputs.py",  # numbers of any kind of table
    "estimators/run.py",  # with encoded targets
    "training/sources.py",  # checked
    "training/loop.py",  # epochs
    "training/batches.py",  # an order of the rows
    "engines/engine.py",  # how many there are, and those of a batch
    "engines/reference.py",  # steps
    "model/network.py",  # the layers
    "model/tape.py",  # kept for the way back, to the gradient of the first weights
]


def holds(value, depth=0):
    """Say whether a value is, or contains, inputs with the marked row."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f" and value.ndim == 2 and bool(np.any(value == MARK))
    if depth > 3 or isinstance(value, type):
        return False
    parts = ()
    if isinstance(value, tuple | list):
        parts = value
    elif isinstance(value, dict):
        parts = value.values()
    elif is_dataclass(value):
        parts = vars(value).values()
    return any(holds(part, depth + 1) for part in list(parts)[:100])


def walk(fit):
    """Return the files that the row enters until the first update, and who called them."""
    steps, ended = [], []

    def file_of(frame):
        path = Path(frame.f_code.co_filename)
        return path.relative_to(SOURCE).as_posix() if path.is_relative_to(SOURCE) else None

    def watch(frame, event, _):
        if event != "call" or ended:
            return
        file = file_of(frame)
        if file == "formulas/optimizers.py" and frame.f_code.co_name == "update":
            ended.append(file)
        # what a function is given; of a generator that goes on, also what it has kept
        elif file is not None and any(map(holds, list(frame.f_locals.values()))):
            caller = frame.f_back
            while caller is not None and file_of(caller) is None:
                caller = caller.f_back
            steps.append((file, file_of(caller) if caller else None))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        fit()
    finally:
        sys.setprofile(before)
    assert ended, "no update was made"
    return steps


def floor(file):
    return FLOORS.index(file.partition("/")[0])


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_row_goes_through_ten_files_and_never_climbs(kind):
    y = (X[:, 0] > 0).astype(int) if kind is MLPClassifier else X[:, 0]
    model = kind(hidden_layer_sizes=(4,), engine="reference", max_iter=1, random_state=0,
                 batch_size=len(X), learning_rate="cosine")  # fmt: skip
    steps = walk(lambda: model.fit(X, y))
    files = list(dict.fromkeys(file for file, _ in steps))
    assert files == WALK
    assert len(files) <= 10
    # no call leads up, and no file of a higher floor is entered after one of a lower floor
    assert all(floor(file) <= floor(caller) for file, caller in steps if caller)
    floors = list(map(floor, files))
    assert floors == sorted(floors, reverse=True)


def test_the_walk_is_watched():
    steps = walk(lambda: MLPClassifier((4,), engine="reference", max_iter=1, random_state=0,
                                       batch_size=len(X), learning_rate="cosine",
                                       early_stopping=True)
                 .fit(X, X[:, 0] > 0))  # fmt: skip
    assert "estimators/validation.py" in {file for file, _ in steps}
