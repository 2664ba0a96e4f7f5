"""What the estimators of tables say of themselves: probabilities, intervals, and pure noise.

    pip install . && python benchmarks/calibration.py --data FOLDER

It writes ``benchmarks/results/calibration.md``, on 15 % of the rows of each table: the expected
calibration error of classes before and after the temperature, the share of targets within
intervals, and the AUC of a whole fit on targets of pure noise. FOLDER holds the tables of
``benchmarks/tabular.py``; ``--rows`` takes at most so many rows of each to train on.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import polars as pl
from report import machine, markdown
from sklearn.metrics import log_loss, roc_auc_score
from tabular import TABLES, Data

from chainrule import TabularClassifier, TabularRegressor, losses

CLASSES = ("adult", "census_kdd", "telco_churn", "credit", "satimage")
NUMBERS = ("diamonds", "nyc_flights", "bikeshare")
COVERAGES = (0.8, 0.95)
QUANTILES = (0.025, 0.1, 0.5, 0.9, 0.975)
BINS = 15


def calibration_error(p: np.ndarray, codes: np.ndarray) -> float:
    """Return the expected calibration error of the most probable class, in bins of equal rows.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks",
    ICML 2017, eq. 3, with bins of equally many rows.
    """
    sure, right = p.max(axis=1), p.argmax(axis=1) == codes
    parts = np.array_split(np.argsort(sure, kind="stable"), BINS)
    gaps = [abs(sure[part].mean() - right[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(codes))


def classes(data: Data) -> list[float]:
    """Return calibration error and log loss, before and after the temperature, and it."""
    model = TabularClassifier(random_state=data.seed, n_threads=1)
    model.fit(data.X[data.train], data.y[data.train])
    X, y = data.X[data.test], data.y[data.test]
    after, temperature = model.predict_proba(X), model.temperature_
    model.temperature_ = 1.0
    before = model.predict_proba(X)
    found = [calibration_error(p, y) for p in (before, after)]
    return [*found, log_loss(y, before), log_loss(y, after), temperature]


def numbers(data: Data) -> list[float]:
    """Return shares within intervals: of errors out of fold, and of quantile heads, with widths."""
    y = data.y[data.test]
    found = []
    for options in ({}, {"loss": losses.get("quantile", q=QUANTILES)}):
        model = TabularRegressor(random_state=data.seed, n_threads=1, options=options)
        model.fit(data.X[data.train], data.y[data.train])
        for coverage in COVERAGES:
            low, high = model.predict_interval(data.X[data.test], coverage).T
            found += [float(np.mean((low <= y) & (y <= high))), float(np.mean(high - low))]
    return found


def noise(seed: int, rows: int = 2000) -> float:
    """Return the AUC out of fold of the whole fit, trial of encodings included, on pure noise."""
    random = np.random.default_rng(seed)
    X = pl.DataFrame({f"x{i}": random.normal(size=rows) for i in range(10)})
    y = random.integers(0, 2, rows)
    model = TabularClassifier(random_state=seed, n_threads=1).fit(X, y)
    return float(roc_auc_score(y, model.oof_prediction_[:, 1]))


def main() -> None:
    """Measure, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--noise", type=int, default=10)
    parser.add_argument("--tables", nargs="*", default=[*CLASSES, *NUMBERS])
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    found: dict[str, list[list[float]]] = {}
    for table in asked.tables:
        frame = pl.read_parquet(asked.data / f"{table}.parquet")
        for seed in range(asked.seeds):
            data = Data(frame, *TABLES[table], seed)
            data.train = data.train[: asked.rows]
            measure = classes if TABLES[table][1] else numbers
            found.setdefault(table, []).append(measure(data))
            print(table, seed, np.round(found[table][-1], 4), flush=True)
    areas = [noise(seed) for seed in range(asked.noise)]
    print("noise", np.round(areas, 3), flush=True)
    write(asked, found, areas)


def write(asked: argparse.Namespace, found: dict, areas: list[float]) -> None:
    """Write the three tables."""
    means = {table: np.mean(one, axis=0) for table, one in found.items()}
    probabilities = [
        [
            table,
            *(f"{100 * one:.2f} %" for one in means[table][:2]),
            *(f"{one:.4f}" for one in means[table][2:4]),
            f"{means[table][4]:.2f}",
        ]
        for table in asked.tables
        if TABLES[table][1]
    ]
    intervals = [
        [table, *(f"{100 * one:.1f} %" if k % 2 == 0 else f"{one:.4g}" for k, one in enumerate(m))]
        for table, m in means.items()
        if not TABLES[table][1]
    ]
    head = ["table"]
    for kind in ("errors", "quantiles"):
        for coverage in COVERAGES:
            head += [f"{kind}, {100 * coverage:.0f} %", "mean width"]
    rows = "" if asked.rows is None else f" (at most {asked.rows:,} rows to train on)"
    text = [
        "# What tables' models say of themselves",
        (
            f'`preset="balanced"`, 15 % of the rows, means of {asked.seeds} seeds{rows}. '
            f"`python benchmarks/calibration.py --data FOLDER`, {machine()}."
        ),
        "## Probabilities",
        (
            f"Expected calibration error of the most probable class, in {BINS} bins of equally "
            "many rows, and log loss, before and after the temperature that rows out of fold give."
        ),
        markdown(["table", "error", "after", "log loss", "after", "temperature"], probabilities),
        "## Intervals",
        (
            "The share of targets within `predict_interval`, from the errors out of fold of "
            "squared losses, and from quantile heads moved by rows out of fold."
        ),
        markdown(head, intervals),
        "## Pure noise",
        (
            "The AUC out of fold of whole fits, with the trial of encodings and edges at splits of "
            f"the target, on {len(areas)} targets that are coins: {np.mean(areas):.3f} +- "
            f"{np.std(areas, ddof=1) / np.sqrt(len(areas)):.3f} (standard error)."
        ),
    ]
    path = Path(__file__).parent / "results/calibration.md"
    path.write_text("\n\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
