"""Where intervals hold, and where they do not: by the size of the answer, and on other rows.

    pip install . && python benchmarks/uncertainty.py --data FOLDER

It writes ``benchmarks/results/uncertainty.md``, on 10,000 rows of diamonds to train on and 10,000
to judge by: the share of prices within intervals of 80 %, in fifths of the answers, for intervals
from errors and from quantiles; and the same where the model has seen stones below one carat only.
FOLDER holds ``diamonds.parquet``.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import polars as pl
from report import machine, markdown

from chainrule import TabularRegressor, losses

ROWS, SEEDS, FIFTHS = 10_000, 3, 5
WAYS = {
    "errors": None,
    "quantiles": {"loss": losses.get("quantile", q=(0.1, 0.5, 0.9))},
}
Found = tuple[np.ndarray, np.ndarray, np.ndarray]


def fitted(train: pl.DataFrame, way: str, seed: int) -> TabularRegressor:
    """Return a bag trained on rows."""
    model = TabularRegressor(options=WAYS[way], random_state=seed)
    return model.fit(train.drop("price"), train["price"].to_numpy())


def judged(model: TabularRegressor, test: pl.DataFrame) -> Found:
    """Return answers, whether each price is within its interval, and the widths."""
    X, price = test.drop("price"), test["price"].to_numpy()
    low, high = model.predict_interval(X, 0.8).T
    answer = model.predict(X)
    return answer, (low <= price) & (price <= high), high - low


def by_fifths(frame: pl.DataFrame, way: str, seed: int) -> np.ndarray:
    """Return the shares within, and the mean widths, in fifths of the answers."""
    order = np.random.default_rng(seed).permutation(len(frame))
    model = fitted(frame[order[:ROWS]], way, seed)
    answer, within, width = judged(model, frame[order[ROWS : 2 * ROWS]])
    parts = np.array_split(np.argsort(answer, kind="stable"), FIFTHS)
    return np.array([[within[part].mean(), width[part].mean()] for part in parts])


def elsewhere(frame: pl.DataFrame, way: str, seed: int) -> np.ndarray:
    """Return the shares within on rows like those of training, and on larger stones."""
    order = np.random.default_rng(seed).permutation(len(frame))
    shuffled = frame[order]
    small, large = shuffled.filter(pl.col("carat") < 1.0), shuffled.filter(pl.col("carat") >= 1.0)
    model = fitted(small[:ROWS], way, seed)
    return np.array(
        [judged(model, rows)[1].mean() for rows in (small[ROWS : 2 * ROWS], large[:ROWS])]
    )


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    frame = pl.read_parquet(asked.data / "diamonds.parquet")
    fifths, others = [], []
    for way in WAYS:
        found = np.mean([by_fifths(frame, way, seed) for seed in range(SEEDS)], axis=0)
        shares = [f"{100 * share:.1f} %" for share in found[:, 0]]
        fifths.append([way, f"{100 * found[:, 0].mean():.1f} %", *shares])
        fifths.append(
            ["mean width", f"{found[:, 1].mean():.0f}", *(f"{one:.0f}" for one in found[:, 1])]
        )
        print(fifths[-2:], flush=True)
        found = np.mean([elsewhere(frame, way, seed) for seed in range(SEEDS)], axis=0)
        others.append([way, *(f"{100 * share:.1f} %" for share in found)])
        print(others[-1], flush=True)
    setting = (
        f"`python benchmarks/uncertainty.py --data FOLDER`, {machine()}. diamonds, {ROWS:,} rows "
        f"to train on and {ROWS:,} to test; `TabularRegressor`, means of {SEEDS} seeds, each "
        "another split; intervals of 80 %."
    )
    names = ("lowest", "second", "third", "fourth", "highest")
    text = (
        f"# Where intervals hold\n\n{setting}\n\n## By the size of the answer\n\n"
        "The share of prices within, by fifths of the answers.\n\n"
        f"{markdown(('intervals from', 'all', *names), fifths)}\n\n## On other rows\n\n"
        "Trained on stones below one carat only.\n\n"
        f"{markdown(('intervals from', 'below one carat', 'one carat and above'), others)}\n"
    )
    (asked.out / "uncertainty.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
