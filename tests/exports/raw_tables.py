"""Random raw tables with numbers, categories, gaps and dates, models of them, and their rows."""

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

from chainrule import TabularClassifier, TabularRegressor, losses
from chainrule.exports.columns import ABSENT, UNKNOWN, Code, DatePart
from chainrule.tables.intervals import FEWEST_ROWS

ROWS = 150
WORDS = ("Bern", "Genf", "Zürich", 'a "quoted" one', "back\\slash", "what??", "01", "x y", "*/")
TARGETS = ("two", "three", "labels", "number", "two numbers", "quantiles", "counts")
ENCODINGS = ("scale", "target", "quantiles")
SMALL = {"max_iter": 4, "hidden_layer_sizes": (12,), "learning_rate_init": 0.01}


class RawTable:
    """A table of a number, a model fitted on it, and rows that it has not seen."""

    def __init__(self, number: int, dates: bool = True) -> None:
        self._random = random = np.random.default_rng([number, 7])
        columns, new = {}, {}
        for place in range(int(random.integers(2, 9))):
            kinds = [self._numbers, self._wholes, self._words, self._flags]
            kinds += [self._dates] if dates else []
            draw = kinds[int(random.integers(len(kinds)))]
            gaps = float(random.choice([0.0, 0.1]))
            name = ("size of it", "2nd", "int", "label", "Größe", "a.b", "x", "y?")[place]
            columns[name] = draw(ROWS, gaps)
            new[name] = self._surprising(columns[name], draw(40, 0.15))
        self.frame = pl.DataFrame(columns, strict=False)
        self.new = pl.DataFrame(new, strict=False, schema=self.frame.schema)
        self.kind = TARGETS[number % len(TARGETS)]
        self.y = self._targets()
        classes = self.kind in TARGETS[:3]
        estimator = TabularClassifier if classes else TabularRegressor
        options = dict(SMALL)
        if self.kind == "quantiles":
            options["loss"] = losses.get("quantile", q=(0.1, 0.5, 0.9))
        if self.kind == "counts":
            options["loss"] = "poisson"
        self.model = estimator(
            "balanced",
            n_folds=int(random.integers(1, 4)),
            encoding=ENCODINGS[number % 3],
            options=options,
            random_state=number,
            n_threads=1,
        ).fit(self.frame, self.y)

    def _gaps(self, cells: list, share: float) -> list:
        return [None if self._random.random() < share else cell for cell in cells]

    def _numbers(self, rows: int, gaps: float) -> list:
        scale = 10.0 ** self._random.integers(-6, 7)
        return self._gaps((self._random.normal(size=rows) * scale).tolist(), gaps)

    def _wholes(self, rows: int, gaps: float) -> list:
        return self._gaps(self._random.integers(-5, 200, size=rows).astype(float).tolist(), gaps)

    def _words(self, rows: int, gaps: float) -> list:
        shares = self._random.dirichlet(np.ones(len(WORDS)))
        return self._gaps(self._random.choice(WORDS, size=rows, p=shares).tolist(), gaps)

    def _flags(self, rows: int, gaps: float) -> list:
        return self._gaps((self._random.random(rows) < 0.4).tolist(), gaps)

    def _dates(self, rows: int, gaps: float) -> list:
        days = self._random.integers(0, 12_000, size=rows)
        first = dt.date(1985, 3, 1)
        return self._gaps([first + dt.timedelta(days=int(day)) for day in days], gaps)

    def _surprising(self, learnt: list, cells: list) -> list:
        """Return new cells, some of which no training row had."""
        sample = next(cell for cell in learnt if cell is not None)
        if isinstance(sample, str):
            cells[:2] = ["nobody knows", "Bern"]
        elif isinstance(sample, float):
            cells[:6] = [np.inf, -np.inf, 1e300, -1e300, 5e-324, 0.0]
        return cells

    def _targets(self) -> np.ndarray:
        random, rows = self._random, ROWS
        if self.kind == "two":
            return np.where(random.random(rows) < 0.3, "no", "yes")
        if self.kind == "three":
            # the last class is so rare that some folds lack it
            return np.array([*random.integers(0, 2, rows - 3), 7, 7, 7])[random.permutation(rows)]
        if self.kind == "labels":
            return random.integers(0, 2, size=(rows, 2))
        if self.kind == "counts":
            return random.poisson(3.0, rows).astype(float)
        shape = (rows, 2) if self.kind == "two numbers" else rows
        return random.normal(size=shape) * 50.0 + 1000.0

    @property
    def wanted(self) -> np.ndarray:
        """Our own answers for the new rows."""
        if hasattr(self.model, "predict_proba"):
            return self.model.predict_proba(self.new)
        return self.model.predict(self.new).reshape(len(self.new), -1)

    @property
    def asked(self) -> dict[str, Any]:
        """The interval and the quantiles that the model can say, as arguments of an export."""
        if hasattr(self.model, "predict_proba"):
            return {}
        found = {"interval": 0.8, "quantiles": (0.9, 0.1)}
        if len(self.model.oof_prediction_) - self._unknown < FEWEST_ROWS:
            del found["interval"]
            return found if self.kind == "quantiles" else {}
        return found

    @property
    def _unknown(self) -> int:
        answers = self.model.oof_prediction_.reshape(ROWS, -1)
        return int(np.isnan(answers).any(axis=1).sum())

    @property
    def every_answer(self) -> dict[str, np.ndarray]:
        """Our own answers for the new rows, in the order of an export, by their names there."""
        found = {"main": self.wanted}
        if "interval" in self.asked:
            found["interval"] = self.model.predict_interval(self.new, self.asked["interval"])
        if "quantiles" in self.asked:
            found["quantiles"] = self.model.predict_quantiles(self.new, self.asked["quantiles"])
        return found

    @property
    def raw_rows(self) -> list[list]:
        """The new rows as C takes them, column by column: numbers, and texts or None."""
        kept = {one.name for member in self.model.members_ for one in member.preparation.columns}
        frame = self.new.select([name for name in self.new.columns if name in kept])
        return [
            [self._cell(cell, frame.schema[name]) for name, cell in row.items()]
            for row in frame.iter_rows(named=True)
        ]

    @staticmethod
    def _cell(cell, dtype):
        if dtype in (pl.Float64, pl.Boolean):
            return float("nan") if cell is None else float(cell)
        return cell.isoformat() if isinstance(cell, dt.date) else cell

    def columns(self, inputs) -> dict[str, np.ndarray]:
        """Return the new rows as the inputs of an ONNX graph, which have their names."""
        found = {}
        for name in (one.name for one in inputs):
            cells = [self._cell(cell, self.new.schema[name]) for cell in self.new[name].to_list()]
            texts = self.new.schema[name] not in (pl.Float64, pl.Boolean)
            kept = ["" if cell is None else cell for cell in cells] if texts else cells
            found[name] = np.array(kept, object if texts else np.float64)[:, None]
        return found

    def cells(self, cells) -> np.ndarray:
        """Return the numbers (n, n_cells) that the new rows become."""
        found = []
        for cell in cells:
            values = self.new[cell.column].to_list()
            if isinstance(cell, Code):
                places = {level: number for number, level in enumerate(cell.levels)}
                found.append([ABSENT if v is None else places.get(v, UNKNOWN) for v in values])
            elif isinstance(cell, DatePart):
                found.append([np.nan if v is None else part_of(v, cell.part) for v in values])
            else:
                found.append([np.nan if v is None else float(v) for v in values])
        return np.array(found, np.float64).T


def part_of(day: dt.date, part: str) -> int:
    if part == "weekday":
        return day.isoweekday()
    return 0 if part == "hour" else getattr(day, part)
