"""A fit on a file that memory does not hold: the table is looked at, then streamed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.app.asked import Asked
from chainrule.app.interrupted_fits import NOTHING, Keeping
from chainrule.app.large_files import LargeFile, as_parquet, looked_at
from chainrule.app.problem import Part, Problem
from chainrule.app.remarks import tell_of_target
from chainrule.app.report import Report
from chainrule.app.results import Baseline
from chainrule.app.row_weights import weight_column
from chainrule.app.table_models import Tabular
from chainrule.app.targets import decide_task, target_column
from chainrule.app.training import Streamed, Trained, train
from chainrule.blocks.tables import TableFiles
from chainrule.foundation.errors import InputError
from chainrule.foundation.wording import counted
from chainrule.tables.classifier import TabularClassifier
from chainrule.tables.fitting_files import StreamedFit

__all__ = ["Outcome", "fit_streamed"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """A fit and the rows that it is judged by.

    Attributes
    ----------
    name : str
        The data, as a person calls it.
    problem : Problem
        The task.
    reason : str
        The reason for the task.
    trained : Trained
        The model.
    rows, tested : Part
        Rows that were trained on, all or some, and those to test on.
    baseline : Baseline
        The trivial answer of the rows to train on.
    n_all, n_trained : int
        All rows, and those trained on.
    """

    name: str
    problem: Problem
    reason: str
    trained: Trained
    rows: Part
    tested: Part
    baseline: Baseline
    n_all: int
    n_trained: int


def fit_streamed(
    asked: Asked, large: LargeFile, report: Report, keeping: Keeping = NOTHING
) -> Outcome:
    """Train on a file in bounded memory; every guess is told.

    Raises
    ------
    InputError
        If there is nothing to learn from, or to learn.
    """
    settings, choices = asked.settings, asked.choices
    more = "" if settings.memory else "; --memory sets the limit"
    report.line(
        f"{large.path.name}: streamed from the disk, since a fit in memory takes about "
        f"{large.needed / 1e9:.2g} GB and may take {large.memory / 1e9:.2g} GB{more}"
    )
    with as_parquet(
        large.path,
        asked.reading,
        targets=asked.target_file,
        memory=large.memory,
        report=report,
    ) as place:
        table = TableFiles(place)
        first = table.frame(0)
        target = target_column(first, asked.column, asked.data).name
        series = looked_at(table, target)
        if asked.missing_target == "error" and series.null_count():
            raise InputError(f"the target {target!r} must hold a value in every row.")
        chosen, reason = decide_task(series, asked.task)
        n_all = sum(table.block_rows)
        report.line(
            f"{large.path.name}: {counted(n_all, 'row')}, {counted(len(table.schema), 'column')}"
        )
        change = "" if asked.task else "; --task changes that"
        report.line(f"target {target!r}: {chosen}, as {reason.removeprefix('as ')}{change}")
        if settings.weight is not None:
            weight_column(first, settings.weight, target)
        problem = Problem(target, chosen, settings, choices, report)
        fits: list[StreamedFit] = []

        def fit(model: Tabular) -> bool:
            found = model.fit_files(
                place,
                target,
                settings.weight,
                memory=large.memory,
                test_fraction=settings.test_fraction,
                **keeping.arguments,
            )
            fits.append(found)
            return found.interrupted

        labels = series.drop_nulls().unique()
        if problem.classes and not labels.dtype.is_numeric():
            labels = labels.cast(labels.dtype if labels.dtype == bool else str)
        start = Part(first, labels.to_numpy())
        trained = train(start, problem, 0, streamed=Streamed(fit, n_all))
        found = fits[0]
    model = trained.model.estimator
    report.line(
        f"{found.rows:,} rows to train on, {found.held:,} to validate, "
        f"{found.tested.height:,} to test"
    )
    rows, tested = (_part(model, problem, one) for one in (found.sample, found.tested))
    tell_of_target(rows.frame, target, rows.y, chosen, settings, report.note)
    return Outcome(
        large.path.name,
        problem,
        reason,
        trained,
        rows,
        tested,
        _baseline(found, model),
        n_all,
        found.rows,
    )


def _part(model: Tabular, problem: Problem, frame: object) -> Part:
    import polars as pl

    assert isinstance(frame, pl.DataFrame)
    name = problem.settings.weight
    weight = None if name is None else frame[name].to_numpy().astype(np.float64)
    return Part(frame, model.targets_of(frame[problem.target]), weight)


def _baseline(found: StreamedFit, model: Tabular) -> Baseline:
    if not isinstance(model, TabularClassifier):
        return Baseline("always the mean", [found.mean])
    labels = model.classes_.tolist()
    counts = np.array([found.classes[label] for label in labels])
    return Baseline.of_labels(np.arange(len(labels)), model.classes_, counts)
