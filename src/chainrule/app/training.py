"""The training of a model of a table: one network by its flags, or a bag by a preset."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from chainrule.app.flags import flag_of, in_flags, spelled
from chainrule.app.held_out import validation_rows
from chainrule.app.preparing import inputs_of, learn_preparation
from chainrule.app.problem import Part, Problem
from chainrule.app.remarks import tell_warnings
from chainrule.app.report import Diverged, Interrupted
from chainrule.app.results import networks_of
from chainrule.app.running import Rows, Run, divergence_words, smaller, train
from chainrule.app.settings import Settings, estimator_options, labelled
from chainrule.app.table_models import TableModel, Tabular
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.regressor import MLPRegressor
from chainrule.foundation.errors import InputError
from chainrule.foundation.version import __version__
from chainrule.interop.columns import counted
from chainrule.interop.estimator_records import Estimator
from chainrule.tables.classifier import TabularClassifier
from chainrule.tables.plain import as_table_model
from chainrule.tables.regressor import TabularRegressor

__all__ = ["Trained", "train_bag", "train_network"]


@dataclass(frozen=True)
class Trained:
    """A trained model, and how it went.

    Attributes
    ----------
    model : TableModel
        The model.
    run : Run
        Its training.
    held : int
        How many of the rows one network was validated on; 0 for a bag, which trains on all.
    rate : float
        The learning rate.
    """

    model: TableModel
    run: Run
    held: int
    rate: float


def train_network(part: Part, problem: Problem, tested: int) -> Trained:
    """Train the network, or the ensemble of equal ones, that the flags describe.

    Raises
    ------
    Interrupted, Diverged
        If no epoch was made.
    """
    settings, report = problem.settings, problem.report
    preparation, encoding = learn_preparation(part, problem)
    rows = Rows(preparation.transform(part.frame), part.y, part.weight, part.groups)
    estimator = _estimator(rows.y, problem)
    held = 0
    if estimator.early_stopping:
        held = validation_rows(rows.y, problem.task, settings, part.groups)
    inputs = counted(rows.X.shape[1], "input")
    report.line(
        f"{inputs} from {counted(len(preparation.columns), 'column')}; "
        f"{len(rows.y) - held:,} rows to train on, {held:,} to validate, {tested:,} to test"
    )
    try:
        with tell_warnings(report):
            run = train(estimator, rows, settings, report)
    except InputError as error:
        raise InputError(in_flags(str(error), Settings)) from error
    if not any(one.loss_curve_ for one in networks_of(estimator)):
        if run.divergence is not None:
            rate = float(estimator.learning_rate_init)
            raise Diverged(divergence_words(rate, run.divergence, "Nothing was written."))
        if run.stopped == "divergence":
            raise Diverged(
                f"all {settings.n_estimators} networks diverged. Nothing was written. "
                f"{smaller(float(estimator.learning_rate_init))}"
            )
        raise Interrupted("interrupted in the first epoch; nothing was written")
    model = as_table_model(estimator, preparation, encoding=encoding)
    found = TableModel("", model, {"target": problem.target}, __version__)
    return Trained(found, run, held, float(estimator.learning_rate_init))


def _estimator(y: np.ndarray, problem: Problem) -> Estimator:
    settings = problem.settings
    options = labelled(estimator_options(settings, problem.task, len(y)), y)
    if settings.early_stopping:
        held = math.ceil(len(y) * settings.validation_fraction)
        least, fewest = 2, 2
        if problem.classes:
            _, counts = np.unique(y, return_counts=True)
            least, fewest = max(2, len(counts)), int(counts.min())
        if held < least or len(y) - held < least or fewest < 2:
            problem.report.note("too few rows to validate on: all epochs are made, none is chosen")
            options |= {"early_stopping": False, "n_iter_no_change": math.inf}
            for name in ("monitor", "validation_fraction", "validation"):
                options.pop(name, None)
    return MLPClassifier(**options) if problem.classes else MLPRegressor(**options)


# Flags of one network that a bag decides for itself.
OF_ONE_NETWORK = ("n_estimators", "early_stopping", "validation_fraction", "patience", "monitor")
# Flags that are no options of networks.
OF_THE_TABLE = ("seed", "n_threads", "time_limit", "validation")


def train_bag(part: Part, problem: Problem, tested: int) -> Trained:
    """Train the bag of networks that a preset describes, with the flags given in its recipe."""
    settings, report = problem.settings, problem.report
    frame, choices = inputs_of(part, problem)
    kind = TabularClassifier if problem.classes else TabularRegressor
    model: Tabular = kind(
        settings.preset or "fast",
        encoding=settings.numbers,
        validation=settings.validation or "random",
        options=_changed(problem, part.y) or None,
        choices=choices,
        time_limit=settings.time_limit,
        random_state=settings.seed,
        n_threads=settings.n_threads,
        verbose=not report.quiet,
    )
    report.line(f"{len(part.y):,} rows to train on, {tested:,} to test; preset {model.preset}")
    began, stopped = time.perf_counter(), "all epochs were made"
    try:
        with tell_warnings(report), contextlib.redirect_stdout(report.stream):
            model.fit(frame, part.y, part.weight, groups=part.groups)
    except KeyboardInterrupt:
        if not hasattr(model, "members_"):
            raise Interrupted("interrupted; nothing was written") from None
        stopped = "interrupted"
    except InputError as error:
        raise InputError(in_flags(str(error), Settings)) from error
    run = Run(time.perf_counter() - began, stopped, None)
    networks = [one.estimator for one in model.members_]
    rate = float(networks[0].learning_rate_init)
    found = TableModel(
        "", model, {"target": problem.target, "settings": vars(settings)}, __version__
    )
    return Trained(found, run, 0, rate)


def _changed(problem: Problem, y: np.ndarray) -> dict[str, Any]:
    """Return the options of networks that flags change; the others are those of the recipe."""
    settings, usual = problem.settings, Settings()
    given = [
        one
        for one in fields(settings)
        if flag_of(one).option
        and one.name not in OF_THE_TABLE
        and getattr(settings, one.name) != getattr(usual, one.name)
    ]
    for one in given:
        if one.name in OF_ONE_NETWORK:
            raise InputError(
                f"{spelled(one.name)} must be left out with --preset, which decides it; got "
                f"{getattr(settings, one.name)!r}."
            )
    all_options = labelled(estimator_options(settings, problem.task, len(y)), y)
    names = [flag_of(one).option for one in given]
    return {name: all_options[name] for name in names if name in all_options}
