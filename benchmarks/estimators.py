"""Estimators on real tables: quality and time of a fit, each fit in a process of its own.

    python benchmarks/estimators.py --data FOLDER

It writes ``benchmarks/results/estimators.md``. Networks have scikit-learn's default settings (100
relu units, Adam at 0.001, 200 rows a step, alpha 0.0001), float32, one preparation, and as many
epochs. The boosted trees have their defaults, and the table itself with its categories and gaps.
All have one thread. Quality depends on the seed more than on which of two right programs trained,
so that its means have their standard errors, and so has the difference to scikit-learn's network.
"""

import argparse
import math
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from isolated import isolated
from report import arguments, duration, machine, markdown, write
from tables import TABLES, prepared

BATCH = 200
ALPHA = 1e-4
MODELS = ("chainrule", "scikit-learn", "boosted trees")
QUALITY = {
    True: ("accuracy", "AUC", "average precision", "log loss"),
    False: ("R2", "MAE"),
}


def network(model: str, classes: bool, seed: int, epochs: int) -> Any:
    """Return an estimator; what is made small is the same.

    scikit-learn divides the penalty by the rows of a batch, and halves squared errors; chainrule
    does neither, so that its alpha is 1 / BATCH of the other, and twice that for squared errors.
    """
    shared: dict[str, Any] = {
        "hidden_layer_sizes": (100,),
        "batch_size": BATCH,
        "max_iter": epochs,
        "n_iter_no_change": np.inf,
        "random_state": seed,
    }
    if model == "chainrule":
        from chainrule import MLPClassifier, MLPRegressor

        shared["alpha"] = ALPHA / BATCH if classes else 2.0 * ALPHA / BATCH
    else:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        shared["alpha"] = ALPHA
    return (MLPClassifier if classes else MLPRegressor)(**shared)


def fit(model: str, classes: bool, seed: int, epochs: int, folder: Path) -> dict[str, float]:
    """Fit and measure in this process; targets that are numbers are standardised for all."""
    y, y_test = np.load(folder / "y.npy"), np.load(folder / "y_test.npy")
    if model == "boosted trees":
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        estimator = kind(random_state=seed)
        x, x_test = (pd.read_pickle(folder / f"{name}.pickle") for name in ("x", "x_test"))
    else:
        estimator = network(model, classes, seed, epochs)
        x, x_test = np.load(folder / "x.npy"), np.load(folder / "x_test.npy")
    center, spread = (0, 1) if classes else (y.mean(), y.std())
    targets = y if classes else (y - center) / spread
    began = time.perf_counter()
    estimator.fit(x, targets)
    found = {"fit": time.perf_counter() - began}
    began = time.perf_counter()
    p = estimator.predict_proba(x_test)[:, 1] if classes else estimator.predict(x_test)
    found["predict"] = time.perf_counter() - began
    if model != "boosted trees":
        assert estimator.coefs_[0].dtype == np.float32
        assert estimator.n_iter_ == epochs
    return found | quality(classes, y_test, p if classes else p * spread + center)


def quality(classes: bool, y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """Return the measures of predictions."""
    from sklearn import metrics

    if classes:
        p = np.clip(p.astype(np.float64), 1e-15, 1.0 - 1e-15)
        values = (
            metrics.accuracy_score(y, p > 0.5),
            metrics.roc_auc_score(y, p),
            metrics.average_precision_score(y, p),
            metrics.log_loss(y, p),
        )
    else:
        values = (metrics.r2_score(y, p), metrics.mean_absolute_error(y, p))
    return dict(zip(QUALITY[classes], map(float, values), strict=True))


def measure(name: str, options: argparse.Namespace) -> tuple[str, bool, dict[str, list[dict]]]:
    """Return a description of the table, its kind, and what each fit found, by model."""
    table = TABLES[name](options.data)
    results: dict[str, list[dict[str, float]]] = {model: [] for model in MODELS}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        x, x_test = prepared(table)
        text = (
            f"{name}: {len(x):,} rows to train on, {len(x_test):,} to test on, "
            f"{table.x.shape[1]} columns, {x.shape[1]} inputs"
        )
        for part, array in (("x", x), ("x_test", x_test), ("y", table.y), ("y_test", table.y_test)):
            np.save(folder / f"{part}.npy", array)
        table.x.to_pickle(folder / "x.pickle")
        table.x_test.to_pickle(folder / "x_test.pickle")
        del x, x_test
        for seed in range(options.seeds):
            for model, found in results.items():
                of = model, table.classes, seed, options.epochs, folder
                found.append(isolated(fit, *of, threads=options.threads))
                print(name, model, seed, found[-1], file=sys.stderr)
    return text, table.classes, results


def mean(values: list[float], digits: int, sign: str = "") -> str:
    """Return the mean over seeds, and its standard error."""
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{statistics.mean(values):{sign}.{digits}f} ± {error:.{digits}f}"


def rows(name: str, classes: bool, results: dict[str, list[dict[str, float]]]) -> list[list[str]]:
    """Return the lines of one table."""
    own = statistics.median(found["fit"] for found in results["chainrule"])
    digits = {measure: 2 if measure == "MAE" else 5 for measure in QUALITY[classes]}
    lines = []
    for model, runs in results.items():
        times = [run["fit"] for run in runs]
        median = statistics.median(times)
        line = [name, model, duration(median), f"{duration(min(times))} to {duration(max(times))}"]
        line += [f"{median / own:.1f}"]
        lines.append(line + [mean([run[of] for run in runs], digits[of]) for of in digits])
    pairs = list(zip(results["chainrule"], results["scikit-learn"], strict=True))
    gain = [mean([a[of] - b[of] for a, b in pairs], digits[of], sign="+") for of in digits]
    lines.insert(2, [name, "chainrule - scikit-learn", "", "", "", *gain])
    return lines


def main() -> None:
    """Measure, and write the results."""
    parser = arguments(__doc__)
    beside = Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=beside, help="folder of the tables")
    parser.add_argument("--tables", nargs="*", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if not options.data.is_dir():
        parser.error(
            f"--data must be a folder with the tables; got {options.data}. It holds the files that "
            "benchmarks/README.md lists."
        )
    lines: dict[bool, list[list[str]]] = {True: [], False: []}
    texts = []
    for name in options.tables:
        text, classes, results = measure(name, options)
        texts.append(f"* {text}")
        lines[classes] += rows(name, classes, results)
    text = (
        f"{machine('pandas')}. Networks: 100 relu units, Adam at 0.001, {BATCH} rows a step, "
        f"{options.epochs} epochs, float32, the same penalty; targets that are numbers are "
        "standardised. Boosted trees: scikit-learn's HistGradientBoosting with its defaults, on "
        f"the table itself. Threads of each: {options.threads}. {options.seeds} seeds: medians and "
        "ranges of time, from the call of fit, and means of quality with their standard errors; a "
        "difference of less than twice its error may be chance. Every fit in a process of its "
        "own.\n"
    )
    parts = ["# Estimators on real tables\n", text, *texts]
    for classes, found in lines.items():
        if found:
            head = ["table", "model", "fit", "range", "fit / ours", *QUALITY[classes]]
            parts += ["", markdown(head, found)]
    write(options.out, "estimators", "\n".join(parts))


if __name__ == "__main__":
    main()
