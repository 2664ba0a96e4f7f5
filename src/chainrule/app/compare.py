"""Several models of one table on the same rows: their scores, and their seconds."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from chainrule.app.asked import Asked
from chainrule.app.flags import in_flags
from chainrule.app.problem import Part, Problem
from chainrule.app.problem_rows import ProblemRows, read_rows
from chainrule.app.report import SHARES, Interrupted, Report, written
from chainrule.app.results import Score, scores_of
from chainrule.app.settings import Settings
from chainrule.app.training import inputs_of, table_model
from chainrule.foundation.errors import InputError, must_be, suggest
from chainrule.insight.json_values import as_record
from chainrule.interop.preparation import Preparation

__all__ = ["compare"]

# More levels of a category than gradient boosting takes.
MOST_LEVELS = 255
# Answers to rows, of a model trained on others: probabilities, or numbers.
Answers: TypeAlias = Callable[[ProblemRows, Part, Part], np.ndarray]


@dataclass(frozen=True)
class Compared:
    """The scores of one model, and its seconds."""

    name: str
    scores: list[Score]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "method": self.name,
            "seconds": self.seconds,
            "scores": {score.name: score.value for score in self.scores},
        }


def compare(asked: Asked, *, methods: Sequence[str], report: Report, as_json: bool = False) -> None:
    """Train each method on the same rows, and print what it reaches on the test rows.

    Raises
    ------
    InputError
        If a method is unknown, or the table cannot be used.
    Interrupted
        After Ctrl-C; what has ended is printed.
    """
    for name in methods:
        if name not in METHODS:
            advice = suggest(name, list(METHODS))
            raise must_be("--method", f"one of {', '.join(METHODS)}", name, advice)
    read = read_rows(asked, report)
    part, rest = read.part(read.train_on), read.part(read.test)
    report.line(f"{len(part.y):,} rows to train on, {len(rest.y):,} to test\n")
    found, interrupted = list[Compared](), False
    try:
        for name in methods or [name for name in METHODS if name != "best"]:
            found.append(_measured(name, read, part, rest))
            one = found[-1]
            first = ", ".join(f"{s.name} {_words(s)}" for s in one.scores)
            report.line(f"{METHODS[name].words(read.problem)}: {first} in {one.seconds:.1f} s")
    except KeyboardInterrupt:
        interrupted = True
    except InputError as error:
        raise InputError(in_flags(str(error), Settings)) from error
    if as_json:
        print(json.dumps([as_record(one.to_dict()) for one in found], ensure_ascii=False))
    elif found:
        _table(found, read)
    if interrupted:
        raise Interrupted("interrupted; the methods that had not ended are left out")


def _measured(name: str, read: ProblemRows, part: Part, rest: Part) -> Compared:
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of models that are only compared
        answers = METHODS[name].answers(read, part, rest)
    seconds = time.perf_counter() - began
    classes = np.unique(part.y) if read.problem.classes else None
    scores = scores_of(answers, rest.y, read.baseline(part), rest.weight, classes)
    return Compared(name, scores, seconds)


def _words(score: Score) -> str:
    return f"{score.value:z.4f}" if score.name in SHARES else written(score.value)


def _table(found: list[Compared], read: ProblemRows) -> None:
    """Print one row per method."""
    head = ("", *(score.name for score in found[0].scores), "seconds")
    lines = [
        (
            METHODS[one.name].words(read.problem),
            *(_words(score) for score in one.scores),
            f"{one.seconds:.1f}",
        )
        for one in found
    ]
    read.problem.report.line()
    read.problem.report.table(head, lines, numbers=True)


def _trivial(read: ProblemRows, part: Part, rest: Part) -> np.ndarray:
    values = np.array(read.baseline(part).values)
    shares: np.ndarray = np.tile(values, (len(rest.y), 1))
    return shares if read.problem.classes else shares[:, 0]


def _linear(read: ProblemRows, part: Part, rest: Part) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression, Ridge

    preparation, frame, other = _prepared(read, part, rest)
    model = LogisticRegression(max_iter=1000) if read.problem.classes else Ridge()
    X, X_test = preparation.transform(frame), preparation.transform(other)
    return _fitted_answers(model, X, part, X_test)


def _boosting(read: ProblemRows, part: Part, rest: Part) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    preparation, frame, other = _prepared(read, part, rest)
    columns = [_for_trees(frame[one.name], other[one.name]) for one in preparation.columns]
    classes = read.problem.classes
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    categories = [of_levels for _, _, of_levels in columns]
    model = kind(random_state=read.problem.settings.seed, categorical_features=categories)
    X, X_test = (np.stack(cells, axis=1) for cells in list(zip(*columns, strict=True))[:2])
    return _fitted_answers(model, X, part, X_test)


def _prepared(
    read: ProblemRows, part: Part, rest: Part
) -> tuple[Preparation, pl.DataFrame, pl.DataFrame]:
    """Return what the rows to train on teach of the columns, and both tables."""
    frame, choices = inputs_of(part.frame, read.problem)
    other, _ = inputs_of(rest.frame, read.problem)
    return Preparation.fit(frame, choices=choices), frame, other


def _for_trees(column: pl.Series, other: pl.Series) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return a column of both tables as numbers, and whether they are levels of a category."""
    if column.dtype.is_numeric() or column.dtype == pl.Boolean or column.dtype.is_temporal():
        cells = [one.to_physical().cast(pl.Float64).to_numpy() for one in (column, other)]
        return cells[0], cells[1], False
    texts = column.cast(pl.String)
    levels = texts.drop_nulls().unique().sort().to_list()
    numbers = {level: float(number) for number, level in enumerate(levels)}
    coded = [
        np.array([numbers.get(text, np.nan) for text in one.cast(pl.String)], dtype=np.float64)
        for one in (column, other)
    ]
    return coded[0], coded[1], len(levels) <= MOST_LEVELS


def _fitted_answers(model: Any, X: np.ndarray, part: Part, X_test: np.ndarray) -> np.ndarray:
    model.fit(X, part.y, sample_weight=part.weight)
    asked = model.predict_proba if hasattr(model, "predict_proba") else model.predict
    found: np.ndarray = asked(X_test)
    return found


def _preset(name: str) -> Answers:
    def answers(read: ProblemRows, part: Part, rest: Part) -> np.ndarray:
        problem: Problem = replace(
            read.problem, settings=replace(read.problem.settings, preset=name)
        )
        model = table_model(problem, part).set_params(verbose=False)
        frame, other = (inputs_of(one.frame, problem)[0] for one in (part, rest))
        model.fit(frame, part.y, part.weight, groups=part.groups)
        asked = model.predict_proba if problem.classes else model.predict
        found: np.ndarray = asked(other)
        return found

    return answers


@dataclass(frozen=True)
class Method:
    """A model to compare: its answers, and its name for classes and for numbers."""

    answers: Answers
    of_classes: str
    of_numbers: str

    def words(self, problem: Problem) -> str:
        return self.of_classes if problem.classes else self.of_numbers


METHODS = {
    "trivial": Method(_trivial, "always the usual class", "always the mean"),
    "linear": Method(_linear, "logistic regression", "linear regression"),
    "boosting": Method(_boosting, "HistGradientBoosting", "HistGradientBoosting"),
    **{name: Method(_preset(name), name, name) for name in ("fast", "balanced", "best")},
}
