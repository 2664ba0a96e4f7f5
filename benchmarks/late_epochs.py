"""Late epochs beside early ones, and predictions of fitted networks beside those of fresh ones.

    pip install . && python benchmarks/late_epochs.py --data FOLDER

It writes ``benchmarks/results/late_epochs.md``. An L2 penalty and dead units drive weights below
the normal numbers of float32, on which many processors take some hundred cycles; kernels take them
for 0, so both ratios should be about 1. One thread, processor time; early and late are medians of
five epochs, predictions the best of five. FOLDER is that of ``tables.py``, with the four files of
Fashion-MNIST in ``fashion-mnist``. For the figures of another version of the code, install that.
"""

import argparse
import gzip
import statistics
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from report import arguments, machine, markdown, write
from sklearn.datasets import load_digits
from tables import TABLES, prepared

from chainrule import MLPClassifier, MLPRegressor


@dataclass(frozen=True)
class Case:
    """A data set, and how it is trained."""

    name: str
    hidden: tuple[int, ...]
    epochs: int
    classes: bool = True
    rows: int | None = None


CASES = (
    Case("adult", (256, 256, 256), 44),
    Case("diamonds", (128, 64), 60, classes=False),
    Case("digits", (128, 64), 300),
    Case("fashion-mnist", (128, 64), 30, rows=10_000),
)


def rows_of(case: Case, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs, float32, and targets."""
    if case.name == "digits":
        x, y = load_digits(return_X_y=True)
        return (x / 16).astype(np.float32), y
    if case.name == "fashion-mnist":
        parts = []
        for kind, head in (("images-idx3", 16), ("labels-idx1", 8)):
            with gzip.open(folder / case.name / f"train-{kind}-ubyte.gz") as file:
                parts.append(np.frombuffer(file.read(), np.uint8, offset=head))
        x = parts[0].reshape(-1, 784)[: case.rows]
        return x.astype(np.float32) / 255, parts[1][: case.rows]
    table = TABLES[case.name](folder)
    return prepared(table)[0], table.y


def seconds_to_predict(model: MLPClassifier | MLPRegressor, x: np.ndarray) -> float:
    """Return the least time of five predictions."""
    best = np.inf
    for _ in range(5):
        began = time.thread_time()
        model.predict(x)
        best = min(best, time.thread_time() - began)
    return float(best)


def measured(case: Case, folder: Path) -> list[str]:
    """Train a case, and return its line of the table."""
    x, y = rows_of(case, folder)
    make = MLPClassifier if case.classes else MLPRegressor
    options = {"alpha": 1e-3, "learning_rate_init": 3e-3, "batch_size": 256, "n_threads": 1}
    model = make(
        hidden_layer_sizes=case.hidden,
        max_iter=case.epochs,
        n_iter_no_change=np.inf,
        random_state=0,
        **options,
    )
    taken = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        epochs = model.fit_epochs(x, y)
        fresh = None
        while True:
            began = time.thread_time()
            if next(epochs, None) is None:
                break
            taken.append(time.thread_time() - began)
            fresh = fresh or seconds_to_predict(model, x)
    early, late = statistics.median(taken[1:6]), statistics.median(taken[-5:])
    fitted = seconds_to_predict(model, x)
    assert fresh is not None
    weights = np.concatenate([w.ravel() for w in model.coefs_])
    subnormal = (weights != 0) & (np.abs(weights) < np.finfo(np.float32).tiny)
    widths = "-".join(map(str, (x.shape[1], *case.hidden)))
    return [
        f"{case.name} {widths}, {case.epochs} epochs",
        f"{early * 1e3:,.1f} ms",
        f"{late * 1e3:,.1f} ms",
        f"{late / early:.2f}",
        f"{fitted / fresh:.2f}",
        f"{np.mean(weights == 0):.1%}",
        f"{subnormal.mean():.1%}",
    ]


def main() -> None:
    """Measure, and write the results."""
    parser: argparse.ArgumentParser = arguments(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the tables")
    options = parser.parse_args()
    head = ["data and network", "early epoch", "late", "late / early", "predict, fitted / fresh"]
    table = markdown(
        [*head, "weights of 0", "subnormal"], [measured(case, options.data) for case in CASES]
    )
    text = (
        "# Late epochs and early ones\n\n"
        f"{machine()}. float32, Adam at 0.003, L2 0.001, 256 rows a step, one thread.\n\n{table}\n"
    )
    write(options.out, "late_epochs", text)


if __name__ == "__main__":
    main()
