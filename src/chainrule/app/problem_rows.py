"""The rows of a command that trains: read, checked, and split to train and to test on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chainrule.app.array_files import with_target_file
from chainrule.app.asked import Asked
from chainrule.app.conditions import rows_where
from chainrule.app.held_out import group_column, split
from chainrule.app.problem import Part, Problem
from chainrule.app.remarks import tell_of_target
from chainrule.app.report import Report
from chainrule.app.results import Baseline
from chainrule.app.row_weights import check_split, weight_column
from chainrule.app.tables import TARGET, is_built_in, read_table
from chainrule.app.targets import decide_task, encode_target, target_column, with_target
from chainrule.foundation.errors import must_be
from chainrule.foundation.wording import counted

__all__ = ["ProblemRows", "read_rows"]

MISSING_TARGETS = ("leave-out", "error")


@dataclass(frozen=True, eq=False)
class ProblemRows:
    """All rows of a problem, and which of them are to train and to test on.

    Attributes
    ----------
    name : str
        The data, as a person calls it.
    problem : Problem
        The task.
    reason : str
        The reason for the task.
    all : Part
        All rows.
    train_on, test : ndarray of int
        Their numbers.
    """

    name: str
    problem: Problem
    reason: str
    all: Part
    train_on: np.ndarray
    test: np.ndarray

    def part(self, rows: np.ndarray) -> Part:
        """Return some of the rows."""
        whole = self.all
        return Part(
            whole.frame[rows],
            whole.y[rows],
            None if whole.weight is None else whole.weight[rows],
            None if whole.groups is None else whole.groups[rows],
        )

    def baseline(self, part: Part) -> Baseline:
        """Return the trivial answer that rows to train on give."""
        if self.problem.classes:
            classes = np.unique(part.y)
            return Baseline.of_labels(np.searchsorted(classes, part.y), classes, part.weight)
        return Baseline.of_numbers(part.y, part.weight)


def read_rows(asked: Asked, report: Report) -> ProblemRows:
    """Read a table, decide the task, and split the rows; every guess is told.

    Raises
    ------
    InputError
        If there is nothing to learn from, or to learn.
    """
    if asked.missing_target not in MISSING_TARGETS:
        raise must_be("--missing-target", " or ".join(MISSING_TARGETS), asked.missing_target)
    data, settings, choices = asked.data, asked.settings, asked.choices
    built_in = is_built_in(data)
    texts = [*choices.category, *choices.date, *(name for name, _ in choices.date_formats)]
    frame = read_table(data, reading=asked.reading, texts=texts, tell=report.note)
    frame = with_target_file(frame, asked.target_file)
    frame = rows_where(frame, settings.rows, report.note)
    series = target_column(frame, TARGET if built_in and not asked.target else asked.column, data)
    target = series.name
    if asked.missing_target == "leave-out":
        frame = with_target(frame, target, report.note)
        series = frame[target]
    name = data if built_in else Path(data).name
    report.line(f"{name}: {counted(frame.height, 'row')}, {counted(frame.width, 'column')}")
    chosen, reason = decide_task(series, asked.task)
    y = encode_target(series, chosen)
    groups = None if settings.groups is None else group_column(frame, settings.groups, target)
    weight = None if settings.weight is None else weight_column(frame, settings.weight, target)
    what = f" of {len(np.unique(y))} classes" if chosen == "classification" else ""
    change = "" if asked.task else "; --task changes that"
    report.line(f"target {target!r}: {chosen}{what}, as {reason.removeprefix('as ')}{change}")
    train_on, test = split(y, chosen, settings, groups)
    if weight is not None and settings.weight is not None:
        check_split(weight, y, chosen, train_on, test, settings.weight)
    tell_of_target(frame[train_on], target, y[train_on], chosen, settings, report.note)
    problem = Problem(target, chosen, settings, choices, report)
    whole = Part(frame, y, weight, groups)
    return ProblemRows(name, problem, reason, whole, train_on, test)
