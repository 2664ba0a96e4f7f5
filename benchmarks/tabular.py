"""Estimators of raw tables beside one plain network, boosted trees and RealMLP, on real tables.

    pip install . -r benchmarks/requirements.txt && python benchmarks/tabular.py --data FOLDER

It writes ``benchmarks/results/tabular.md``: log loss or RMSE on 15 % of the rows, and CPU seconds
of the fit, means over seeds. FOLDER holds the tables as Parquet files, numbers as numbers and
categories as text. Everyone gets the same rows and one thread, and runs with the defaults; trees
get categories as such. `--methods` and `--tables` take less. Each fit is a line of `--cells`,
and is not made again; the page is written of what that file holds.
"""

import argparse
import functools
import importlib
import os
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries that read it

import numpy as np
import polars as pl
from cells import Cells
from report import markdown
from said import said
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from chainrule import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor, losses
from chainrule.interop.preparation import Preparation
from chainrule.tables.recipes import BATCHES, by_rows

# The target of each table, and whether it is classes.
TABLES = {
    "adult": ("target", True),
    "census_kdd": ("target", True),
    "telco_churn": ("churn", True),
    "credit": ("Status", True),
    "satimage": ("target", True),
    "ames": ("Sale_Price", False),
    "bikeshare": ("bikers", False),
    "deliveries": ("time_to_delivery", False),
    "diamonds": ("price", False),
    "nyc_flights": ("target", False),
}


class Data:
    """One split of a table."""

    def __init__(self, frame: pl.DataFrame, target: str, classes: bool, seed: int) -> None:
        self.classes, self.seed = classes, seed
        y = frame[target].cast(pl.String if classes else pl.Float64).to_numpy()
        self.y = np.unique(y, return_inverse=True)[1] if classes else y
        rows = np.arange(len(y))
        labels = self.y if classes else None
        self.train, self.test = train_test_split(
            rows, test_size=0.15, random_state=seed, stratify=labels
        )
        self.X = frame.drop(target)

    def error(self, answers: np.ndarray) -> float:
        y = self.y[self.test]
        if self.classes:
            return float(log_loss(y, answers))
        return float(np.sqrt(np.mean((y - answers) ** 2)))

    def for_trees(self) -> tuple[object, list[str]]:
        """Return a frame of pandas, and its columns of text."""
        frame = self.X.to_pandas()
        texts = [name for name, kind in self.X.schema.items() if not kind.is_numeric()]
        return frame, texts


# A fitted model, and its answers for the test rows.
Fitted = tuple[Any, np.ndarray]

# (rows below, epochs) of one network with the settings of a textbook.
EPOCHS = ((5_000, 60), (200_000, 30), (1_000_000, 15), (np.inf, 8))


def one_plain_network(data: Data) -> Fitted:
    """One network with scaled numbers, ReLU and Adam, as `chainrule fit` was once."""
    part = data.X[data.train]
    preparation = Preparation.fit(part)
    rows = len(data.train)
    epochs = by_rows(EPOCHS, rows)
    kind = MLPClassifier if data.classes else MLPRegressor
    model = kind(
        hidden_layer_sizes=(128, 64),
        activation="relu",
        initializer=None,
        learning_rate="one_cycle",
        learning_rate_init=3e-3,
        alpha=1e-3,
        batch_size=by_rows(BATCHES, rows),
        max_iter=epochs,
        n_iter_no_change=max(10, epochs // 2),
        early_stopping=True,
        validation_fraction=0.15,
        monitor="loss",
        dtype="float32",
        random_state=data.seed,
        n_threads=1,
    )
    model.fit(preparation.transform(part), data.y[data.train])
    return _answers(model, preparation.transform(data.X[data.test]), data)


def tabular(preset: str, **more: object) -> Callable[[Data], Fitted]:
    def run(data: Data) -> Fitted:
        kind = TabularClassifier if data.classes else TabularRegressor
        model = kind(preset, random_state=data.seed, n_threads=1, **more)
        model.fit(data.X[data.train], data.y[data.train])
        return _answers(model, data.X[data.test], data)

    return run


def boosting_of_scikit_learn(data: Data) -> Fitted:
    frame, texts = data.for_trees()
    for name in texts:
        frame[name] = frame[name].astype("category")
        if frame[name].nunique() > 255:  # more than it takes
            frame[name] = frame[name].cat.codes
    kind = HistGradientBoostingClassifier if data.classes else HistGradientBoostingRegressor
    model = kind(random_state=data.seed, categorical_features="from_dtype")
    return _fitted(model, frame, data)


def lightgbm(data: Data) -> Fitted:
    from lightgbm import LGBMClassifier, LGBMRegressor

    frame, texts = data.for_trees()
    for name in texts:
        frame[name] = frame[name].astype("category")
    kind = LGBMClassifier if data.classes else LGBMRegressor
    return _fitted(kind(random_state=data.seed, n_jobs=1, verbose=-1), frame, data)


def catboost(data: Data) -> Fitted:
    from catboost import CatBoostClassifier, CatBoostRegressor

    frame, texts = data.for_trees()
    for name in texts:
        frame[name] = frame[name].fillna("missing").astype(str)
    kind = CatBoostClassifier if data.classes else CatBoostRegressor
    quiet = {"verbose": 0, "allow_writing_files": False, "thread_count": 1}
    return _fitted(kind(random_seed=data.seed, cat_features=texts, **quiet), frame, data)


def realmlp(data: Data) -> Fitted:
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    frame, texts = data.for_trees()
    for name in texts:
        frame[name] = frame[name].fillna("missing").astype("category")
    for name in frame.columns.difference(texts):  # it refuses missing numbers
        frame[name] = frame[name].astype(float)
        frame[name] = frame[name].fillna(frame[name].iloc[data.train].median())
    # of classes its defaults are for the share of errors; these are its authors' for the log loss
    more = {"val_metric_name": "cross_entropy", "use_ls": False} if data.classes else {}
    kind = RealMLP_TD_Classifier if data.classes else RealMLP_TD_Regressor
    model = kind(device="cpu", random_state=data.seed, n_threads=1, verbosity=0, **more)
    return _fitted(model, frame, data)


def _fitted(model: Any, frame: Any, data: Data) -> Fitted:
    model.fit(frame.iloc[data.train], data.y[data.train])
    return _answers(model, frame.iloc[data.test], data)


def _answers(model: Any, X: Any, data: Data) -> Fitted:
    return model, model.predict_proba(X) if data.classes else model.predict(X)


QUANTILES = (0.025, 0.1, 0.5, 0.9, 0.975)
# One network of which the encoding of numbers is said.
ENCODED = {
    f"fast, {encoding}": tabular("fast", encoding=encoding)
    for encoding in ("scale", "target", "quantiles")
}
METHODS: dict[str, Callable[[Data], Fitted]] = ENCODED | {
    "one plain network": one_plain_network,
    "fast": tabular("fast"),
    "balanced": tabular("balanced"),
    "best, 60 s": tabular("best", time_limit=60.0),
    "balanced, quantiles": tabular(
        "balanced", options={"loss": losses.get("quantile", q=QUANTILES)}
    ),
    "HistGradientBoosting": boosting_of_scikit_learn,
    "LightGBM": lightgbm,
    "CatBoost": catboost,
    "RealMLP-TD": realmlp,
}
USUAL = ("one plain network", "fast", "balanced", "HistGradientBoosting", "LightGBM", "CatBoost")
# Its answers are medians.
UNSHOWN = ("balanced, quantiles", *ENCODED)
SEEDS = (0, 1, 2)
# What is imported, and compiled on few rows, before the clock starts.
COMPILED = ("one plain network", "fast", "balanced", "balanced, quantiles", *ENCODED)
FEW = 1_000
PACKAGES = {"LightGBM": "lightgbm", "CatBoost": "catboost", "RealMLP-TD": "pytabkit"}


def measure(data: Data, method: str) -> dict[str, Any]:
    """Return the error, seconds of fit and prediction, and what our models say of themselves."""
    if method in PACKAGES:
        importlib.import_module(PACKAGES[method])
    if method in COMPILED:
        compile_code(method, data.classes, data.classes and int(data.y.max()) > 1)
    wall, began = time.perf_counter(), time.process_time()
    model, answers = METHODS[method](data)
    found = {
        "seconds": round(time.process_time() - began, 3),
        "wall": round(time.perf_counter() - wall, 3),
        "error": data.error(answers),
    }
    if isinstance(model, TabularClassifier | TabularRegressor):
        found |= said(model, data.X[data.test], data.y[data.test])
    return found


@functools.cache
def compile_code(method: str, classes: bool, several: bool) -> None:
    """Fit few rows of this kind, so that its code is in the cache."""
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {"x": random.normal(size=FEW), "y": np.arange(FEW) % (3 if several else 2)}
    )
    METHODS[method](Data(frame, "y", classes, 0))


def arguments(description: str, name: str, seeds: list[int]) -> argparse.ArgumentParser:
    """Return a parser with what every benchmark of these tables takes."""
    here = Path(__file__).parent / "results"
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="*", default=seeds)
    parser.add_argument("--tables", nargs="*", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--cells", type=Path, default=here / f"{name}.jsonl")
    parser.add_argument("--out", type=Path, default=here / f"{name}.md")
    return parser


def asked_data(asked: argparse.Namespace) -> Iterator[tuple[int, str, "Data"]]:
    """Yield each seed, table and its rows, as the arguments ask for them."""
    for seed in asked.seeds:
        for table in asked.tables:
            frame = pl.read_parquet(asked.data / f"{table}.parquet")
            yield seed, table, Data(frame, *TABLES[table], seed)


def main() -> None:
    """Run the methods on the tables, and write what came out."""
    parser = arguments(__doc__, "tabular", list(SEEDS))
    parser.add_argument("--methods", nargs="*", default=list(USUAL), choices=list(METHODS))
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    cells = Cells(asked.cells)
    for seed, table, data in asked_data(asked):
        for method in asked.methods:
            cells.measure(table, method, seed, None, lambda m=method, d=data: measure(d, m))
    write(asked.out, cells)


def write(path: Path, cells: Cells) -> None:
    """Write errors, CPU seconds, and geometric means against the first method, of all cells."""
    shown = [
        m for m in METHODS if m not in UNSHOWN and any(cells.seeds(t, m, None) for t in TABLES)
    ]
    tables = [table for table in TABLES if any(cells.seeds(table, m, None) for m in shown)]
    head = ["table", *shown]
    errors = [[table, *(_mean(cells, table, m, "error", 4) for m in shown)] for table in tables]
    for label, left_out in (("against the first", ()), ("without bikeshare", ("bikeshare",))):
        kept = [table for table in tables if table not in left_out]
        errors.append([label, *(against(cells, kept, m, shown[0]) for m in shown)])
    times = [[table, *(_mean(cells, table, m, "seconds", 2) for m in shown)] for table in tables]
    times.append(["times the first", *(_times(cells, tables, m, shown[0]) for m in shown)])
    text = [
        "# Estimators of raw tables",
        (
            "Log loss for classes, RMSE for numbers, on 15 % of the rows: means over seeds, each "
            "another split; small digits are the number of seeds where it is not 3. The last rows "
            "are geometric means of the ratios to the first method on the same tables and seeds, "
            f"with the number of tables where it is not {len(TABLES)}. "
            "`python benchmarks/tabular.py --data FOLDER`; each fit is a line of "
            f"[{path.stem}.jsonl]({path.stem}.jsonl). Measured with {cells.machines()}, which was "
            "shared with other work: CPU seconds include what that "
            "costs, and a limit of 60 s is of wall time."
        ),
        markdown(head, errors),
        "CPU seconds of fit and prediction, one thread.",
        markdown(head, times),
    ]
    path.write_text("\n\n".join(text) + "\n", encoding="utf-8")


def _mean(cells: Cells, table: str, method: str, what: str, digits: int) -> str:
    """Return the mean over seeds of one cell of the page, and their number where it is not 3."""
    found = cells.seeds(table, method, None)
    if not found:
        return ""
    mean = float(np.mean([one[what] for one in found]))
    number = "" if len(found) == len(SEEDS) else f" <sup>{len(found)}</sup>"
    places = 1 if mean >= 1.0 and what == "seconds" else digits
    text = f"{mean:.{places}f}" if what == "seconds" else f"{mean:.{digits}g}"
    return text + number


def against(cells: Cells, tables: list[str], method: str, first: str) -> str:
    """Return the geometric mean of errors in per cent of the first method's, of the same seeds."""
    logs = _logs(cells, tables, method, first, "error")
    if not logs:
        return ""
    number = "" if len(logs) == len(tables) else f" <sup>{len(logs)} tables</sup>"
    return f"{100.0 * np.expm1(np.mean(logs)):+.1f} %{number}"


def _times(cells: Cells, tables: list[str], method: str, first: str) -> str:
    """Return the geometric mean of CPU seconds as a multiple of the first method's."""
    logs = _logs(cells, tables, method, first, "seconds")
    return f"{np.exp(np.mean(logs)):.2g}" if logs else ""


def _logs(cells: Cells, tables: list[str], method: str, first: str, what: str) -> list[float]:
    """Return, of each table, the logarithm of a ratio to the first method's of the same seeds."""
    logs = []
    for table in tables:
        own = {one["seed"]: one[what] for one in cells.seeds(table, method, None)}
        base = {one["seed"]: one[what] for one in cells.seeds(table, first, None)}
        both = sorted(own.keys() & base.keys())
        if both:
            means = np.mean([own[s] for s in both]), np.mean([base[s] for s in both])
            logs.append(float(np.log(means[0] / means[1])))
    return logs


if __name__ == "__main__":
    main()
