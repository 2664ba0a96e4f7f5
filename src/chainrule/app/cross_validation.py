"""Scores by cross-validation: the same model on several splits, with mean and spread."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.app.problem_rows import ProblemRows
from chainrule.app.report import SHARES, written
from chainrule.app.results import Score, scores_of
from chainrule.app.training import inputs_of, table_model
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.wording import counted

__all__ = ["FoldScores", "cross_validated", "folds_of_rows", "tell_folds"]


@dataclass(frozen=True)
class FoldScores:
    """One score on every fold.

    Attributes
    ----------
    name : str
        The score.
    values, baselines : list of float
        That of the model and of the trivial answer, per fold.
    """

    name: str
    values: list[float]
    baselines: list[float]

    @property
    def mean(self) -> float:
        """The mean over folds."""
        return float(np.mean(self.values))

    @property
    def spread(self) -> float:
        """The standard deviation over folds."""
        return float(np.std(self.values, ddof=1))

    def to_dict(self) -> dict[str, Any]:
        return vars(self) | {"mean": self.mean, "spread": self.spread}

    def row(self) -> tuple[str, ...]:
        """Return mean, spread, the mean of the trivial answer, and each fold, in words."""
        write = "{:z.4f}".format if self.name in SHARES else written
        numbers = (self.mean, self.spread, float(np.mean(self.baselines)), *self.values)
        return (self.name, *map(write, numbers))


def cross_validated(read: ProblemRows, count: int) -> list[FoldScores]:
    """Train on all folds but one, test on that one, and do so for each; tell the scores.

    No row is tested by a model that has seen it, and none is left out, but for the first ones
    where rows are in order of time.
    """
    problem = read.problem
    found: list[list[Score]] = []
    for train_on, test in folds_of_rows(read, count):
        part, rest = read.part(train_on), read.part(test)
        model = table_model(problem, part).set_params(verbose=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the fit itself says what is to be said
            frame = inputs_of(part.frame, problem)[0]
            model.fit(frame, part.y, part.weight, groups=part.groups)
            answers = _answers(model, inputs_of(rest.frame, problem)[0])
        classes = getattr(model, "classes_", None)
        scores = scores_of(answers, rest.y, read.baseline(part), rest.weight, classes)
        found.append(scores)
        first = scores[0]
        problem.report.line(f"fold {len(found)} of {count}: {first.name} {written(first.value)}")
    names = [score.name for score in found[0]]
    complete = [name for name in names if all(name in map(_name, one) for one in found)]
    by_name = [[next(s for s in one if s.name == name) for one in found] for name in complete]
    return [
        FoldScores(of_one[0].name, [s.value for s in of_one], [s.baseline for s in of_one])
        for of_one in by_name
    ]


def tell_folds(scores: list[FoldScores], read: ProblemRows, count: int) -> None:
    """Print the scores as a table."""
    report = read.problem.report
    rows = sum(len(test) for _, test in folds_of_rows(read, count))
    report.line(f"\ncross-validation on {counted(count, 'fold')}, {rows:,} rows tested:\n")
    baseline = "the mean" if not read.problem.classes else "the usual class"
    head = ("", "mean", "spread", baseline, *(f"fold {n + 1}" for n in range(count)))
    report.table(head, [one.row() for one in scores], numbers=True)
    report.line()


def folds_of_rows(read: ProblemRows, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows to train and to test on, by scikit-learn's splitters."""
    from sklearn import model_selection as splits

    settings, whole = read.problem.settings, read.all
    classes, rows = read.problem.classes, np.arange(len(whole.y))
    labels = whole.y if classes else None
    fewest = len(rows) if labels is None else int(np.unique(labels, return_counts=True)[1].min())
    if count < 2 or count > fewest:
        what = "rows" if labels is None else "rows of the rarest class"
        raise must_be("--cv", f"from 2 to {fewest}, the number of {what}", count)
    how = {"shuffle": True, "random_state": settings.seed}
    splitter: Any
    if settings.validation == "last":
        splitter = splits.TimeSeriesSplit(count)
    elif whole.groups is not None:
        if len(np.unique(whole.groups)) < count:
            known = len(np.unique(whole.groups))
            raise must_be("--cv", f"at most the number of groups, {known}", count)
        splitter = (
            splits.StratifiedGroupKFold(count, **how) if classes else splits.GroupKFold(count)
        )
    else:
        splitter = splits.StratifiedKFold(count, **how) if classes else splits.KFold(count, **how)
    for train_on, test in splitter.split(rows, labels, whole.groups):
        if classes and len(np.setdiff1d(whole.y[test], whole.y[train_on])):
            raise InputError(
                f"--cv {count} must leave every class in the rows to train on; a fold does not. "
                "Take fewer folds, or --validation random."
            )
        yield train_on, test


def _answers(model: Any, frame: Any) -> np.ndarray:
    found: np.ndarray = (
        model.predict_proba(frame) if hasattr(model, "classes_") else model.predict(frame)
    )
    return found


def _name(score: Score) -> str:
    return score.name
