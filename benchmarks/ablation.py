"""Each ingredient of the estimators of tables taken out, on real tables.

    pip install . && python benchmarks/ablation.py --data FOLDER

It writes ``benchmarks/results/ablation.md``: by how much log loss or RMSE on 15 % of the rows rises
without the ingredient. FOLDER holds the tables of ``benchmarks/tabular.py``; ``--rows`` takes at
most so many rows of each to train on, and ``--preset`` what the ingredients are taken from. Each
fit is a line of ``--cells``, and is not made again.
"""

import argparse
import warnings

import numpy as np
from cells import Cells
from report import markdown
from tabular import Data, arguments, asked_data

from chainrule import TabularClassifier, TabularRegressor
from chainrule.tables.recipes import options_for


class Whole:
    """The estimator with all ingredients; a subclass takes one out."""

    name = "all ingredients"
    encoding = "auto"

    def options(self, classes: bool, rows: int) -> dict[str, object]:
        return {}

    def answers(self, data: Data, preset: str) -> np.ndarray:
        kind = TabularClassifier if data.classes else TabularRegressor
        options = self.options(data.classes, len(data.train))
        given = {"random_state": data.seed, "n_threads": 1, "encoding": self.encoding}
        model = kind(preset, **given, options=options)
        model.fit(data.X[data.train], data.y[data.train])
        self.change(model)
        X = data.X[data.test]
        return model.predict_proba(X) if data.classes else model.predict(X)

    def change(self, model: object) -> None:
        """Take something out of the fitted model."""


class Scale(Whole):
    name = "steps of numbers"
    encoding = "scale"


class Targets(Whole):
    name = "the trial of encodings (always splits of the target)"
    encoding = "target"


class Folds(Whole):
    name = "folds (one network, 15 % held out)"

    def answers(self, data: Data, preset: str) -> np.ndarray:
        return super().answers(data, "fast")


class LogLink(Whole):
    name = "the log link (the squared error)"

    def options(self, classes: bool, rows: int) -> dict[str, object]:
        return {} if classes else {"loss": "mse"}


class Decay(Whole):
    name = "decoupled decay"

    def options(self, classes: bool, rows: int) -> dict[str, object]:
        return {"weight_decay": 0.0}


class Dropout(Whole):
    name = "dropout"

    def options(self, classes: bool, rows: int) -> dict[str, object]:
        return {"dropout": 0.0}


class Averaging(Whole):
    name = "averaging of the steps"

    def options(self, classes: bool, rows: int) -> dict[str, object]:
        return {"averaging": 0.0}


class Rectifier(Whole):
    name = "SiLU (the rectifier instead)"

    def options(self, classes: bool, rows: int) -> dict[str, object]:
        return {"activation": "relu"}


class Schedule(Whole):
    name = "the cycle of rates (a constant rate of 1e-3)"

    def options(self, classes: bool, rows: int) -> dict[str, object]:
        return {"learning_rate": "constant", "learning_rate_init": 1e-3}


class Start(Whole):
    name = "rates and starts per layer"

    def options(self, classes: bool, rows: int) -> dict[str, object]:
        recipe = options_for(rows, classes)
        own = {"rate_factors": None, "initializer": None, "learning_rate_init": 3e-3}
        return own if recipe.get("rate_factors") else {}


class Temperature(Whole):
    name = "the temperature"

    def change(self, model: object) -> None:
        model.temperature_ = 1.0


class Range(Whole):
    name = "the range of training"

    def change(self, model: object) -> None:
        model._low, model._high = -np.inf, np.inf


WITHOUT = (Scale, Targets, Folds, LogLink, Decay, Dropout, Averaging, Rectifier, Schedule, Start,
           Temperature, Range)  # fmt: skip


def takes_part(ingredient: Whole, classes: bool, rows: int) -> bool:
    """Say whether the recipe of a table has the ingredient."""
    recipe = options_for(rows, classes)
    if isinstance(ingredient, Temperature):
        return classes
    if isinstance(ingredient, Range | LogLink):
        return not classes
    own = ingredient.options(classes, rows)
    changed = any(recipe.get(name) != value for name, value in own.items())
    return changed if own or isinstance(ingredient, Start) else True


def main() -> None:
    """Take out each ingredient, and write what that costs."""
    parser = arguments(__doc__, "ablation", [0])
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--preset", default="balanced")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    cells = Cells(asked.cells)
    for seed, table, data in asked_data(asked):
        data.train = data.train[: asked.rows]
        for kind in (Whole, *WITHOUT):
            one = kind()
            if takes_part(one, data.classes, len(data.train)):
                name = f"{asked.preset}: {one.name}"
                cells.measure(
                    *(table, name, seed, asked.rows),
                    lambda o=one, d=data: {"error": d.error(o.answers(d, asked.preset))},
                )
    write(asked, cells)


def write(asked: argparse.Namespace, cells: Cells) -> None:
    """Write a row per ingredient: its mean over tables, and each table."""
    rows = []
    for kind in WITHOUT:
        own = {table: _costs(cells, asked, table, kind.name) for table in asked.tables}
        logs = [float(np.mean(one)) for one in own.values() if one]
        if logs:
            shown = [f"{100 * np.expm1(np.mean(one)):+.1f}" if one else "" for one in own.values()]
            rows.append([kind.name, f"{100 * np.expm1(np.mean(logs)):+.1f} %", *shown])
    part = "" if asked.rows is None else f", at most {asked.rows:,} rows to train on"
    asked.out.write_text(
        "# Ingredients of the estimators of tables, each taken out\n\n"
        f'Per cent by which log loss or RMSE rises without it, `preset="{asked.preset}"`, 15 % of '
        f"the rows, {len(asked.seeds)} seed(s){part}; the first column is the geometric mean of "
        f"the tables that have it. `python benchmarks/ablation.py --data FOLDER`, "
        f"{cells.machines()}; each fit is a line of [ablation.jsonl](ablation.jsonl).\n\n"
        f"{markdown(['without', 'mean', *asked.tables], rows)}\n",
        encoding="utf-8",
    )


def _costs(cells: Cells, asked: argparse.Namespace, table: str, name: str) -> list[float]:
    """Return by how much the logarithm of the error rises without it, per seed."""
    whole, without = (
        {
            one["seed"]: one["error"]
            for one in cells.seeds(table, f"{asked.preset}: {kind}", asked.rows)
        }
        for kind in (Whole.name, name)
    )
    return [float(np.log(without[seed] / whole[seed])) for seed in sorted(without.keys() & whole)]


if __name__ == "__main__":
    main()
