"""The preparation of a table before a fit: its columns, and the encoding of its numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.app.problem import Part, Problem
from chainrule.app.settings import Settings, estimator_options, labelled
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.regressor import MLPRegressor
from chainrule.foundation.errors import InputError
from chainrule.interop.choosing import Choices
from chainrule.interop.preparation import Preparation
from chainrule.tables.choosing_encoding import choose_encoding
from chainrule.tables.folds import folds_of
from chainrule.tables.members import Table, Work

if TYPE_CHECKING:
    import polars as pl

__all__ = ["inputs_of", "learn_preparation"]

# Steps must be better than a scale alone by so much of the loss on one part of the rows held out.
BETTER = 0.01
# What a trial on rows of its own has no use for.
LEFT_OUT = (
    *("early_stopping", "validation_fraction", "validation", "monitor", "n_iter_no_change"),
    *("n_estimators", "n_threads", "random_state", "time_limit", "batch_size"),
)


def learn_preparation(part: Part, problem: Problem) -> tuple[Preparation, tuple[str, str]]:
    """Learn the columns, and return with them the encoding of numbers and the reason for it.

    Columns of groups and weights say how rows are used, and are no inputs.
    """
    inputs, choices = inputs_of(part, problem)
    codes = np.unique(part.y, return_inverse=True)[1] if problem.classes else part.y
    encoding, reason = problem.settings.numbers, "as --numbers says"
    if encoding == "auto":
        encoding, reason = _tried(Table(inputs, codes, part.weight), part, problem, choices)
    learnt = Preparation.fit(
        inputs.with_columns(part.frame[problem.target]),
        target=problem.target,
        choices=choices,
        encoding=encoding,
        y=codes,
        tell=problem.report.note,
    )
    dropped = learnt.dropped | _set_aside(problem.settings)
    return replace(learnt, dropped=dropped), (encoding, reason)


def inputs_of(part: Part, problem: Problem) -> tuple[pl.DataFrame, Choices]:
    """Return the columns that may be inputs, and what is said of them."""
    set_aside = _set_aside(problem.settings)
    drop = tuple(name for name in problem.choices.drop if name not in set_aside)
    return part.frame.drop(problem.target, *set_aside), replace(problem.choices, drop=drop)


def _set_aside(settings: Settings) -> dict[str, str]:
    """Return the columns that say how rows are used, each with its use."""
    pairs = (
        (settings.groups, "the groups of the rows"),
        (settings.weight, "the weights of the rows"),
    )
    return {name: use for name, use in pairs if name is not None}


def _tried(table: Table, part: Part, problem: Problem, choices: Choices) -> tuple[str, str]:
    """Return the encoding of numbers that a short trial finds best, and the reason; tell both.

    A trial that is refused says nothing: the fit itself is, in the words of its flags.
    """
    try:
        encoding, reason = _trial(table, part, problem, choices)
    except InputError:
        return "scale", "the trial was refused"
    if encoding != "scale":
        what = {"target": "at splits of the target", "quantiles": "at quantiles"}[encoding]
        problem.report.line(f"numbers by steps {what} ({reason}); --numbers changes that")
    return encoding, reason


def _trial(table: Table, part: Part, problem: Problem, choices: Choices) -> tuple[str, str]:
    settings, n = problem.settings, len(part.y)
    options: dict[str, Any] = labelled(estimator_options(settings, problem.task, n), part.y)
    options.pop("class_weight", None)
    folds = folds_of(
        n,
        1,
        settings.seed,
        labels=table.y if problem.classes else None,
        groups=part.groups,
        order=settings.validation == "last",
    )
    kind = MLPClassifier if problem.classes else MLPRegressor
    work = Work(kind, table, folds, settings.seed, settings.n_threads, choices=choices)
    usable = {name: options[name] for name in options if name not in LEFT_OUT}
    found = choose_encoding(work, usable, better=BETTER)
    return found.encoding, found.reason
