"""Kill fits with kill -9 at random moments: each goes on from its checkpoint to the same bits.

    python benchmarks/kills.py --kills 100

A child process fits one of six estimators with checkpoints, or a table by `chainrule fit`, without
and with `--fit-all`, and saves the model over an earlier one. It is killed at a random moment, its
start included; at most eleven more children resume it and are killed again, and the last one may
end. Counted are models with other bits than those of a fit that nobody killed, temporary files that
are left, and times at which the earlier model was not whole.
"""

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

FITS = (
    ("classifier", {"learning_rate": "one_cycle", "dropout": 0.2}),
    ("regressor", {"early_stopping": True, "averaging": 0.9}),
    ("regressor", {"solver": "lbfgs", "max_iter": 60}),
    ("classifier", {"n_estimators": 3}),
    ("table classifier", {}),
    ("table regressor", {}),
    ("command line", {}),
    ("command line", {"--fit-all": True}),
)
COMMAND = (
    *("fit", "table.csv", "--target", "y", "--out", "model.chainrule", "--force", "--no-plot"),
    *("--quiet", "--engine", "reference", "--epochs", "15", "--n-folds", "3", "--seed", "1"),
)
ROWS = 400
RESUMES = 11
MODEL = "model.chainrule"


def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs, classes and numbers."""
    drawn = np.random.default_rng(3)
    x = drawn.normal(size=(ROWS, 6))
    number = x[:, 0] * x[:, 1] + np.abs(x[:, 2]) + 0.1 * drawn.normal(size=ROWS)
    return x, np.digitize(number, [0.3, 1.2]), number


def fit(number: int, folder: Path, checkpoints: bool, resume: bool) -> Any:
    """Return the estimator of a number, fitted."""
    import chainrule
    from chainrule import Checkpoint

    kind, options = FITS[number]
    x, classes, numbers = rows()
    y = classes if kind.endswith("classifier") else numbers
    checkpoint = Checkpoint(folder / "run", every=1) if checkpoints else None
    given: dict[str, Any] = {"resume": folder / "run"} if resume else {}
    own = {"hidden_layer_sizes": (16, 8), "engine": "reference", "batch_size": 32}
    own |= {"max_iter": 40, "n_iter_no_change": 40}
    if kind.startswith("table"):
        letters = pl.Series(["abc"[row % 3] for row in range(ROWS)])
        table = pl.DataFrame(x).with_columns(kind=letters)
        maker = chainrule.TabularClassifier if y is classes else chainrule.TabularRegressor
        own["max_iter"] = 15
        model = maker(n_folds=3, options=own, random_state=1)
        return model.fit(table, y, checkpoint=checkpoint, **given)
    maker = chainrule.MLPClassifier if y is classes else chainrule.MLPRegressor
    if options.get("solver") == "lbfgs":
        del own["batch_size"]
    callbacks = [] if checkpoint is None else [checkpoint]
    return maker(random_state=1, callbacks=callbacks, **own | options).fit(x, y, **given)


def fit_by_command(number: int, folder: Path, checkpoints: bool, resume: bool) -> None:
    """Fit by `chainrule fit`, in this process, in a folder."""
    from chainrule.app.__main__ import main as command

    x, classes, _ = rows()
    letters = pl.Series(["abc"[row % 3] for row in range(ROWS)])
    table = pl.DataFrame(x).with_columns(kind=letters, y=pl.Series(classes))
    flags = [flag for flag, given in FITS[number][1].items() if given]
    if checkpoints:
        flags += ["--resume" if resume else "--checkpoint", "run", "--every", "1"]
    with chdir(folder):
        if not Path("table.csv").exists():
            with write_place(Path("table.csv")) as place:
                table.write_csv(place)
        try:
            command([*COMMAND, *flags])
        except SystemExit as ended:
            if ended.code:
                raise


@contextmanager
def write_place(path: Path) -> Iterator[Path]:
    """Give a place to write to, and rename it afterwards: the file is whole or absent."""
    yield path.with_suffix(".new")
    path.with_suffix(".new").rename(path)


def save(model: Any, path: Path) -> None:
    from chainrule import save_model

    if hasattr(model, "members_"):
        model.save(path)
    else:
        model.callbacks = None
        save_model(path, model)


def digest(path: Path) -> str:
    """Return a digest of the arrays of a model, which must be whole."""
    from chainrule.foundation.array_files import read_contents

    found = hashlib.sha256()
    for name, array in sorted(read_contents(path).arrays.items()):
        found.update(name.encode() + array.tobytes())
    return found.hexdigest()


def child(number: int, folder: Path) -> None:
    """Fit, or go on, and save."""
    kind, run = FITS[number][0], folder / "run"
    if kind.startswith(("table", "command")):
        resume = (run / "fit.checkpoint").exists()
    else:
        resume = any(run.glob("*.checkpoint"))
    print("begun", flush=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit_and_save(number, folder, True, resume)


def fit_and_save(number: int, folder: Path, checkpoints: bool, resume: bool) -> None:
    """Fit, and write the model."""
    if FITS[number][0] == "command line":
        fit_by_command(number, folder, checkpoints, resume)
    else:
        save(fit(number, folder, checkpoints, resume), folder / MODEL)


def run_once(number: int, folder: Path, seconds: float | None) -> bool:
    """Let a child work for so many seconds, then kill it; return whether it ended before."""
    command = [sys.executable, __file__, "--child", str(number), "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the imports, which write nothing, take most of the time
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return False
        if process.returncode:
            raise RuntimeError(f"{FITS[number]}: the child ended with {process.returncode}")
    return True


def wrong_after(
    number: int, expected: str, drawn: random.Random, span: float
) -> tuple[int, list[str]]:
    """Kill and resume one fit until it ends; return the kills, and what is wrong."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        earlier = put_earlier(folder)
        kills = 0
        for turn in range(RESUMES + 1):
            seconds = drawn.uniform(0.0, span) if turn < RESUMES else None
            if run_once(number, folder, seconds):
                break
            kills += 1
            if digest(folder / MODEL) not in (earlier, expected):
                wrong.append("the earlier model is not whole")
        if digest(folder / MODEL) != expected:
            wrong.append("other bits")
        left = [one.name for one in folder.rglob(".chainrule-*")]
        if left:
            wrong.append(f"{len(left)} temporary files are left")
    return kills, [f"{FITS[number]}: {words}" for words in wrong]


def put_earlier(folder: Path) -> str:
    """Put an earlier model, of other bits, in place; return its digest."""
    from chainrule import MLPRegressor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPRegressor(max_iter=1, engine="reference").fit([[0.0], [1.0]], [0.0, 1.0])
    save(model, folder / MODEL)
    return digest(folder / MODEL)


def kill(count: int, seed: int) -> tuple[int, list[str]]:
    """Kill at least so many children; return how many there were, and what was wrong."""
    drawn, kills, wrong = random.Random(seed), 0, []
    undisturbed: dict[int, tuple[str, float]] = {}
    number = 0
    while kills < count:
        if number not in undisturbed:
            undisturbed[number] = run_undisturbed(number)
        expected, span = undisturbed[number]
        made, words = wrong_after(number, expected, drawn, span)
        kills, wrong, number = kills + made, wrong + words, (number + 1) % len(FITS)
    return kills, wrong


def run_undisturbed(number: int) -> tuple[str, float]:
    """Return the digest of a model that nobody disturbed, and the seconds to kill within."""
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        began = time.perf_counter()
        fit_and_save(number, Path(name), False, False)
        return digest(Path(name) / MODEL), 2.0 * (time.perf_counter() - began) + 0.2


def main() -> int:
    """Print what was counted; return 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        child(given.child, given.folder)
        return 0
    began = time.perf_counter()
    kills, wrong = kill(given.kills, given.seed)
    seconds = time.perf_counter() - began
    print(json.dumps({"kills": kills, "wrong": len(wrong), "seconds": round(seconds)}))
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
