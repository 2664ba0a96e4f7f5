"""The preparation of a table before a fit: its columns, and the encoding of its numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.app.report import Report
from chainrule.app.settings import Settings, estimator_options, labelled
from chainrule.app.targets import Task
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


def learn_preparation(
    frame: pl.DataFrame,
    target: str,
    y: np.ndarray,
    task: Task,
    settings: Settings,
    choices: Choices,
    report: Report,
    *,
    weight: np.ndarray | None,
    groups: np.ndarray | None,
) -> tuple[Preparation, tuple[str, str]]:
    """Learn the columns, and return with them the encoding of numbers and the reason for it.

    Columns of groups and weights say how rows are used, and are no inputs.
    """
    set_aside = _set_aside(settings)
    inputs, choices = inputs_of(frame, target, settings, choices)
    frame = inputs.with_columns(frame[target])
    codes = np.unique(y, return_inverse=True)[1] if task == "classification" else y
    encoding, reason = settings.numbers, "as --numbers says"
    if encoding == "auto":
        table = Table(frame.drop(target), codes, weight)
        encoding, reason = _tried(table, y, task, settings, choices, report, groups)
    learnt = Preparation.fit(
        frame, target=target, choices=choices, encoding=encoding, y=codes, tell=report.note
    )
    return replace(learnt, dropped=learnt.dropped | set_aside), (encoding, reason)


def inputs_of(
    frame: pl.DataFrame, target: str, settings: Settings, choices: Choices
) -> tuple[pl.DataFrame, Choices]:
    """Return the columns that may be inputs, and what is said of them."""
    set_aside = _set_aside(settings)
    drop = tuple(name for name in choices.drop if name not in set_aside)
    return frame.drop(target, *set_aside), replace(choices, drop=drop)


def _set_aside(settings: Settings) -> dict[str, str]:
    """Return the columns that say how rows are used, each with its use."""
    pairs = (
        (settings.groups, "the groups of the rows"),
        (settings.weight, "the weights of the rows"),
    )
    return {name: use for name, use in pairs if name is not None}


def _tried(
    table: Table,
    y: np.ndarray,
    task: Task,
    settings: Settings,
    choices: Choices,
    report: Report,
    groups: np.ndarray | None,
) -> tuple[str, str]:
    """Return the encoding of numbers that a short trial finds best, and the reason; tell both.

    A trial that is refused says nothing: the fit itself is, in the words of its flags.
    """
    try:
        encoding, reason = _trial(table, y, task, settings, choices, groups)
    except InputError:
        return "scale", "the trial was refused"
    if encoding != "scale":
        what = {"target": "at splits of the target", "quantiles": "at quantiles"}[encoding]
        report.line(f"numbers by steps {what} ({reason}); --numbers changes that")
    return encoding, reason


def _trial(
    table: Table,
    y: np.ndarray,
    task: Task,
    settings: Settings,
    choices: Choices,
    groups: np.ndarray | None,
) -> tuple[str, str]:
    classes = task == "classification"
    options: dict[str, Any] = labelled(estimator_options(settings, task, len(y)), y)
    options.pop("class_weight", None)
    folds = folds_of(
        len(y),
        1,
        settings.seed,
        labels=table.y if classes else None,
        groups=groups,
        order=settings.validation == "last",
    )
    kind = MLPClassifier if classes else MLPRegressor
    work = Work(kind, table, folds, settings.seed, settings.n_threads, choices=choices)
    usable = {name: options[name] for name in options if name not in LEFT_OUT}
    found = choose_encoding(work, usable, better=BETTER)
    return found.encoding, found.reason
