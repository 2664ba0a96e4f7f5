"""Test loss of fits in rounds beside one machine at equal epochs, on several data sets.

    python benchmarks/rounds.py --data FOLDER

It writes ``benchmarks/results/rounds.md``. FOLDER is that of ``benchmarks/workers.py``, with the
folder ``tables`` of ``adult.parquet``, ``diamonds.parquet`` and ``satimage.parquet``. The numbers
do not depend on how many processes train, so that one does.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from report import arguments, machine, markdown, write
from workers import Problem, estimator, fashion, flights, test_loss

# Shards, rounds per epoch, outer rate and momentum.
CASES = ((2, 1, 0.7, 0.8), (2, 2, 0.7, 0.8), (2, 4, 0.7, 0.8), (4, 2, 0.7, 0.8), (2, 1, 1.0, 0.0))
TARGETS = {"adult": "target", "diamonds": "price", "satimage": "target"}


def parted(name: str, kind: str, X: np.ndarray, y: np.ndarray) -> Problem:
    """Return four fifths of the rows to train on, and the rest to test on."""
    order, rows = np.random.default_rng(0).permutation(len(X)), len(X) * 4 // 5
    X, y = X[order], y[order]
    options = {"hidden_layer_sizes": (64, 64), "batch_size": 200}
    return Problem(name, kind, X[:rows], y[:rows], X[rows:], y[rows:], options)


def made_up() -> Problem:
    """Return a smooth function of 40 inputs, and noise."""
    drawn = np.random.default_rng(0)
    X = drawn.normal(size=(120_000, 40)).astype(np.float32)
    inner = np.tanh(X @ (drawn.normal(size=(40, 8)) / 6))
    y = inner @ drawn.normal(size=8) * 2 + np.sin(2 * X[:, 0]) * X[:, 1]
    return parted("made up", "regressor", X, (y + drawn.normal(size=len(X)) / 2).astype(np.float32))


def table(folder: Path, name: str) -> Problem:
    """Return a table with numbers on one scale, and categories as columns of 0 and 1."""
    frame, target = pl.read_parquet(folder / "tables" / f"{name}.parquet"), TARGETS[name]
    columns = []
    for column in frame.drop(target):
        if column.dtype.is_numeric():
            values = column.cast(pl.Float64).fill_null(column.cast(pl.Float64).median()).to_numpy()
            columns.append((values - values.mean()) / (values.std() + 1e-9))
            continue
        text = column.cast(pl.String)
        usual = text.drop_nulls().value_counts(sort=True)[column.name].head(30)
        columns += [(text == one).fill_null(False).cast(pl.Float32).to_numpy() for one in usual]
    X = np.stack(columns, axis=1).astype(np.float32)
    if name == "diamonds":
        prices = np.log(frame[target].cast(pl.Float64).to_numpy()).astype(np.float32)
        return parted(name, "regressor", X, prices)
    labels = np.unique(frame[target].cast(pl.String).to_numpy().astype(str), return_inverse=True)[1]
    return parted(name, "classifier", X, labels)


def mean_loss(problem: Problem, epochs: int, case: tuple[Any, ...] | None, seeds: int) -> float:
    """Return the mean test loss over seeds; on one machine where there is no case."""
    from chainrule import distributed

    found = []
    for seed in range(seeds):
        model = estimator(problem, max_iter=epochs, random_state=seed)
        if case is None:
            model.fit(problem.X, problem.y)
        else:
            shards, each, rate, momentum = case
            distributed.fit(
                model,
                problem.X,
                problem.y,
                n_workers=1,
                n_shards=shards,
                rounds_per_epoch=each,
                outer_rate=rate,
                outer_momentum=momentum,
            )
        found.append(test_loss(model, problem))
    return float(np.mean(found))


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--data", type=Path, required=True, help="folder of the tables")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    pictures = fashion(options.data)
    for problem, epochs, seeds in (
        (flights(options.data), 6, 1),
        (pictures, 8, 2),
        (pictures, 20, 2),
        (pictures, 30, 2),
        (table(options.data, "adult"), 20, 2),
        (table(options.data, "diamonds"), 20, 2),
        (made_up(), 20, 2),
        (table(options.data, "satimage"), 30, 2),
    ):
        one = mean_loss(problem, epochs, None, seeds)
        losses = [mean_loss(problem, epochs, case, seeds) for case in CASES]
        ratios = [f"{100 * (loss / one - 1):+.1f} %" for loss in losses]
        rows.append([problem.name, f"{len(problem.X):,}", str(epochs), f"{one:.4g}", *ratios])
        print(rows[-1], flush=True)
    head = ["data", "rows", "epochs", "one machine"]
    head += [f"{k} shards, {each} round(s), eta {rate}, mu {mu}" for k, each, rate, mu in CASES]
    text = (
        f"# Test loss of rounds\n\n{machine()}. Test loss beside one machine at equal epochs, "
        f"Adam, batch size 200; a minus is better.\n\n{markdown(head, rows)}"
    )
    write(options.out, "rounds", text)


if __name__ == "__main__":
    main()
