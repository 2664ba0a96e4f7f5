"""What the estimators of tables say of themselves: probabilities, intervals, and pure noise.

    pip install . -r benchmarks/requirements.txt && python benchmarks/calibration.py --data FOLDER

It writes ``benchmarks/results/calibration.md``, on 15 % of the rows of each table: the expected
calibration error of classes before and after the temperature, the share of targets within
intervals, and the AUC of a whole fit on targets of pure noise. FOLDER holds the tables of
``benchmarks/tabular.py``; each fit is a line of `--cells`, those of that script among them, and is
not made again.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import polars as pl
from cells import Cells
from report import markdown
from said import BINS, COVERAGES
from sklearn.metrics import roc_auc_score
from tabular import SEEDS, TABLES, Data, measure

from chainrule import TabularClassifier

CLASSES = ("adult", "census_kdd", "telco_churn", "credit", "satimage")
NUMBERS = ("diamonds", "nyc_flights", "bikeshare")
BAG, QUANTILES = "balanced", "balanced, quantiles"


def noise(seed: int, rows: int = 2000) -> dict[str, float]:
    """Return the AUC out of fold of the whole fit, trial of encodings included, on pure noise."""
    random = np.random.default_rng(seed)
    X = pl.DataFrame({f"x{i}": random.normal(size=rows) for i in range(10)})
    y = random.integers(0, 2, rows)
    model = TabularClassifier(random_state=seed, n_threads=1).fit(X, y)
    return {"area": float(roc_auc_score(y, model.oof_prediction_[:, 1]))}


def main() -> None:
    """Measure, and write what came out."""
    here = Path(__file__).parent / "results"
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument("--noise", type=int, default=10)
    parser.add_argument("--tables", nargs="*", default=[*CLASSES, *NUMBERS])
    parser.add_argument("--cells", type=Path, default=here / "tabular.jsonl")
    parser.add_argument("--out", type=Path, default=here / "calibration.md")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    cells = Cells(asked.cells)
    for seed in range(asked.noise):
        cells.measure("noise", BAG, seed, None, lambda s=seed: noise(s))
    for seed in asked.seeds:
        for table in asked.tables:
            data = Data(pl.read_parquet(asked.data / f"{table}.parquet"), *TABLES[table], seed)
            for method in (BAG,) if data.classes else (BAG, QUANTILES):
                cells.measure(table, method, seed, None, lambda m=method, d=data: measure(d, m))
    write(asked.out, cells)


def write(path: Path, cells: Cells) -> None:
    """Write the three tables, of all cells."""
    probabilities = []
    for table in CLASSES:
        found = cells.seeds(table, BAG, None)
        if found:
            errors = np.mean([one["calibration_error"] for one in found], axis=0)
            losses = np.mean([one["log_loss"] for one in found], axis=0)
            temperatures = ", ".join(f"{one['temperature']:.2f}" for one in found)
            probabilities.append(
                [
                    *(table, *(f"{100 * one:.2f} %" for one in errors)),
                    *(*(f"{one:.4f}" for one in losses), temperatures, f"{len(found)}"),
                ]
            )
    intervals = []
    for table in NUMBERS:
        for method, name in ((BAG, "errors"), (QUANTILES, "quantiles")):
            found = cells.seeds(table, method, None)
            if found:
                shares = np.mean([one["coverage"] for one in found], axis=0)
                widths = np.mean([one["width"] for one in found], axis=0)
                row = [table, name]
                for share, width in zip(shares, widths, strict=True):
                    row += [f"{100 * share:.1f} %", f"{width:.4g}"]
                intervals.append([*row, f"{len(found)}"])
    head = ["table", "from"]
    for coverage in COVERAGES:
        head += [f"{100 * coverage:.0f} %", "mean width"]
    areas = [one["area"] for one in cells.seeds("noise", BAG, None)]
    text = [
        "# What tables' models say of themselves",
        (
            '`preset="balanced"`, 15 % of the rows, means over seeds, each another split. '
            f"`python benchmarks/calibration.py --data FOLDER`, {cells.machines()}; each fit is a "
            "line of [tabular.jsonl](tabular.jsonl)."
        ),
        "## Probabilities",
        (
            f"Expected calibration error of the most probable class, in {BINS} bins of equally "
            "many rows, and log loss, before and after the temperature that rows out of fold give."
        ),
        markdown(
            ["table", "error", "after", "log loss", "after", "temperatures", "seeds"], probabilities
        ),
        "## Intervals",
        (
            "The share of targets within `predict_interval`, from the errors out of fold of "
            "losses of means, and from quantile heads moved by rows out of fold."
        ),
        markdown([*head, "seeds"], intervals),
    ]
    if areas:
        text += [
            "## Pure noise",
            (
                "The AUC out of fold of whole fits, with the trial of encodings and edges at "
                f"splits of the target, on {len(areas)} targets that are coins: "
                f"{np.mean(areas):.3f} +- {np.std(areas, ddof=1) / np.sqrt(len(areas)):.3f} "
                "(standard error)."
            ),
        ]
    path.write_text("\n\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
