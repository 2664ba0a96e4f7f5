"""Estimators of raw tables beside one plain network and boosted trees, on real tables.

    pip install . -r benchmarks/requirements.txt && python benchmarks/tabular.py --data FOLDER

It writes ``benchmarks/results/tabular.md``: log loss or RMSE on 15 % of the rows, and CPU seconds
of the fit, means over seeds. FOLDER holds the tables as Parquet files, numbers as numbers and
categories as text. Everyone gets the same rows and one thread, and runs with the defaults; trees
get categories as such. `--only` names methods or tables.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from report import machine, markdown
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from chainrule import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor
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


# (rows below, epochs) of one network with the settings of a textbook.
EPOCHS = ((5_000, 60), (200_000, 30), (1_000_000, 15), (np.inf, 8))


def one_plain_network(data: Data) -> np.ndarray:
    """One network with scaled numbers, ReLU and Adam, as `chainrule fit` was once."""
    part = data.X[data.train]
    preparation = Preparation.fit(part)
    rows = len(data.train)
    epochs = by_rows(EPOCHS, rows)
    kind = MLPClassifier if data.classes else MLPRegressor
    model = kind(
        *((128, 64), "relu"),
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
    X = preparation.transform(data.X[data.test])
    return model.predict_proba(X) if data.classes else model.predict(X)


def tabular(preset: str, **more: object) -> Callable[[Data], np.ndarray]:
    def run(data: Data) -> np.ndarray:
        kind = TabularClassifier if data.classes else TabularRegressor
        model = kind(preset, random_state=data.seed, n_threads=1, **more)
        model.fit(data.X[data.train], data.y[data.train])
        X = data.X[data.test]
        return model.predict_proba(X) if data.classes else model.predict(X)

    return run


def boosting_of_scikit_learn(data: Data) -> np.ndarray:
    frame, texts = data.for_trees()
    for name in texts:
        frame[name] = frame[name].astype("category")
        if frame[name].nunique() > 255:  # more than it takes
            frame[name] = frame[name].cat.codes
    kind = HistGradientBoostingClassifier if data.classes else HistGradientBoostingRegressor
    model = kind(random_state=data.seed, categorical_features="from_dtype")
    return _answers(model, frame, data)


def lightgbm(data: Data) -> np.ndarray:
    from lightgbm import LGBMClassifier, LGBMRegressor

    frame, texts = data.for_trees()
    for name in texts:
        frame[name] = frame[name].astype("category")
    kind = LGBMClassifier if data.classes else LGBMRegressor
    return _answers(kind(random_state=data.seed, n_jobs=1, verbose=-1), frame, data)


def catboost(data: Data) -> np.ndarray:
    from catboost import CatBoostClassifier, CatBoostRegressor

    frame, texts = data.for_trees()
    for name in texts:
        frame[name] = frame[name].fillna("missing").astype(str)
    kind = CatBoostClassifier if data.classes else CatBoostRegressor
    quiet = {"verbose": 0, "allow_writing_files": False, "thread_count": 1}
    return _answers(kind(random_seed=data.seed, cat_features=texts, **quiet), frame, data)


def _answers(model: object, frame: object, data: Data) -> np.ndarray:
    model.fit(frame.iloc[data.train], data.y[data.train])
    X = frame.iloc[data.test]
    return model.predict_proba(X) if data.classes else model.predict(X)


METHODS = {
    "one plain network": one_plain_network,
    "fast": tabular("fast"),
    "balanced": tabular("balanced"),
    "best": tabular("best"),
    "balanced, numbers only scaled": tabular("balanced", encoding="scale"),
    "balanced, without dropout and decay": tabular(
        "balanced", options={"dropout": 0.0, "weight_decay": None, "solver": "adam", "alpha": 1e-3}
    ),
    "HistGradientBoosting": boosting_of_scikit_learn,
    "LightGBM": lightgbm,
    "CatBoost": catboost,
}
USUAL = ("one plain network", "fast", "balanced", "HistGradientBoosting", "LightGBM", "CatBoost")


def main() -> None:
    """Run the methods on the tables, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="*", default=list(USUAL), choices=list(METHODS))
    parser.add_argument("--tables", nargs="*", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results/tabular.md")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    errors: dict[tuple[str, str], list[float]] = {}
    seconds: dict[tuple[str, str], list[float]] = {}
    for table in asked.tables:
        frame = pl.read_parquet(asked.data / f"{table}.parquet")
        for seed in range(asked.seeds):
            data = Data(frame, *TABLES[table], seed)
            for method in asked.methods:
                began = time.process_time()
                answers = METHODS[method](data)
                seconds.setdefault((table, method), []).append(time.process_time() - began)
                errors.setdefault((table, method), []).append(data.error(answers))
                print(table, seed, method, f"{errors[table, method][-1]:.5g}", flush=True)
    write(asked, errors, seconds)


def write(asked: argparse.Namespace, errors: dict, seconds: dict) -> None:
    """Write errors, CPU seconds, and geometric means against the first method."""
    first = asked.methods[0]
    rows = [
        [table, *(f"{np.mean(errors[table, method]):.4g}" for method in asked.methods)]
        for table in asked.tables
    ]
    ratios = {
        method: np.exp(
            np.mean(
                [
                    np.log(np.mean(errors[table, method]) / np.mean(errors[table, first]))
                    for table in asked.tables
                ]
            )
        )
        for method in asked.methods
    }
    rows.append(["against the first", *(f"{100 * (ratios[m] - 1):+.1f} %" for m in asked.methods)])
    times = [
        [table, *(f"{np.mean(seconds[table, method]):.1f}" for method in asked.methods)]
        for table in asked.tables
    ]
    head = ["table", *asked.methods]
    asked.out.write_text(
        "# Estimators of raw tables\n\n"
        f"Log loss for classes, RMSE for numbers, on 15 % of the rows; means of {asked.seeds} "
        f"seeds. `python benchmarks/tabular.py --data FOLDER`, {machine()}.\n\n"
        f"{markdown(head, rows)}\n\nCPU seconds of fit and prediction, one thread.\n\n"
        f"{markdown(head, times)}\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
