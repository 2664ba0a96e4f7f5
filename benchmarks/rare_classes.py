"""A rare class trained as it is, by weights, and with fewer rows of the other.

    pip install . && python benchmarks/rare_classes.py --data FOLDER

It writes ``benchmarks/results/rare_classes.md``: 10,000 rows of census_kdd to train on and the
others to judge by, once with the 6 % of rare rows that it has, once with 1 %. A missed row costs
ten times a false alarm; the threshold is chosen on rows out of fold. FOLDER holds
``census_kdd.parquet``.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import polars as pl
from report import machine, markdown
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from chainrule import TabularClassifier

ROWS, SEEDS, MISSED, ALARM = 10_000, 3, 10.0, 1.0
SHARES = (None, 0.01)
WAYS = ("as it is", "balanced weights", "fewer common rows")


def split(frame: pl.DataFrame, share: float | None, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return rows to train on and to test, of which `share` are rare."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(frame))
    if share is not None:
        rare = frame["rare"].to_numpy()[order]
        wanted = round(share / (1.0 - share) * np.sum(~rare))
        order = random.permutation(order[~rare | (np.cumsum(rare) <= wanted)])
    return frame[order[:ROWS]], frame[order[ROWS:]]


def cost(rare: np.ndarray, alarm: np.ndarray) -> float:
    """Return the mean cost of a row."""
    return float(np.mean(np.where(rare, MISSED * ~alarm, ALARM * alarm)))


def measure(train: pl.DataFrame, test: pl.DataFrame, way: str, seed: int) -> list[float]:
    """Return what came out on the rows to test."""
    weight = None
    if way == "fewer common rows":
        random, rare = np.random.default_rng(seed), train["rare"].to_numpy()
        common = np.flatnonzero(~rare)
        kept = random.choice(common, np.sum(rare), replace=False)
        train = train[np.sort(np.concatenate([np.flatnonzero(rare), kept]))]
        # the rows left stand for those left out where the threshold is chosen
        weight = np.where(train["rare"], 1.0, len(common) / len(kept))
    options = {"class_weight": "balanced"} if way == "balanced weights" else None
    y, truth = train["rare"].to_numpy(), test["rare"].to_numpy()
    model = TabularClassifier(options=options, random_state=seed).fit(train.drop("rare"), y)
    costs = {"false positive": ALARM, "false negative": MISSED}
    chosen = model.threshold(train.drop("rare"), y, weight, cost=costs, label=True)
    p = model.predict_proba(test.drop("rare"))[:, 1]
    return [
        float(p.mean() / truth.mean()),
        float(log_loss(truth, p)),
        float(roc_auc_score(truth, p)),
        float(average_precision_score(truth, p)),
        cost(truth, p >= 0.5),
        cost(truth, p >= chosen.threshold),
        float(chosen.threshold),
    ]


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    frame = pl.read_parquet(asked.data / "census_kdd.parquet")
    kinds = frame["target"].value_counts().sort("count")["target"]
    frame = frame.with_columns(rare=pl.col("target") == kinds[0]).drop("target")
    rows = []
    for share in SHARES:
        for way in WAYS:
            found = []
            for seed in range(SEEDS):
                train, test = split(frame, share, seed)
                found.append(measure(train, test, way, seed))
                print(share, way, seed, found[-1], flush=True)
            stated, loss, area, precision, half, best, at = np.mean(found, axis=0)
            rows.append(
                (
                    *(f"{100 * test['rare'].mean():.1f} %", way, f"{stated:.2f}", f"{loss:.4f}"),
                    *(f"{area:.4f}", f"{precision:.3f}", f"{half:.3f}", f"{best:.3f}", f"{at:.3f}"),
                )
            )
    head = (
        *("rare", "trained", "stated / true share", "log loss", "AUC", "average precision"),
        *("cost at 0.5", "cost at the threshold", "threshold"),
    )
    setting = (
        f"`python benchmarks/rare_classes.py --data FOLDER`, {machine()}. census_kdd, {ROWS:,} "
        f'rows to train on, all others to test; `TabularClassifier("balanced")`, means of {SEEDS} '
        f"seeds, each another split. A missed row costs {MISSED:g}, a false alarm {ALARM:g}; costs "
        "are per row, and the threshold is the one of least cost on the rows out of fold."
    )
    text = f"# A rare class\n\n{setting}\n\n{markdown(head, rows)}\n"
    (asked.out / "rare_classes.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
