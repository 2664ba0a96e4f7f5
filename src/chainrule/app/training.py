"""The training of a model of a table: an estimator of tables made by the flags."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from chainrule.app.flags import in_flags
from chainrule.app.interrupted_fits import NOTHING, Keeping
from chainrule.app.problem import Part, Problem
from chainrule.app.remarks import tell_warnings
from chainrule.app.report import Diverged, Interrupted, Report
from chainrule.app.settings import Settings, network_options
from chainrule.app.table_models import TableModel, Tabular
from chainrule.estimators.base import best_epoch_of
from chainrule.foundation.errors import DivergenceWarning, InputError
from chainrule.foundation.threads import available_threads
from chainrule.foundation.version import __version__
from chainrule.foundation.wording import counted
from chainrule.interop.choosing import Choices
from chainrule.tables.classifier import TabularClassifier
from chainrule.tables.recipes import presets, recipe_for
from chainrule.tables.regressor import TabularRegressor

__all__ = ["Streamed", "Trained", "divergence_words", "inputs_of", "table_model", "train"]


@dataclass(frozen=True)
class Trained:
    """A trained model, and how it went.

    Attributes
    ----------
    model : TableModel
        The model.
    stopped : str
        Why most of its networks stopped.
    best_epoch : int or None
        The epoch that is kept, of a single network.
    held : int
        How many of the rows one network was validated on; 0 for a bag, which trains on all.
    divergence : str or None
        Where training diverged, in words.
    """

    model: TableModel
    stopped: str
    best_epoch: int | None
    held: int
    divergence: str | None = None

    @property
    def seconds(self) -> float:
        """The time of the fit."""
        return self.model.estimator.fit_seconds_


@dataclass(frozen=True)
class Streamed:
    """A fit on rows that memory does not hold.

    Attributes
    ----------
    fit : callable
        Fits an estimator, and says whether Ctrl-C cut that short.
    rows : int
        Rows to train on, about.
    """

    fit: Callable[[Tabular], bool]
    rows: int


def table_model(problem: Problem, part: Part) -> Tabular:
    """Return the estimator that the flags describe, not fitted."""
    settings = problem.settings
    preset = presets.get(settings.preset)
    n_folds = settings.n_folds
    if not settings.early_stopping:
        n_folds = 0
    folds = preset.n_folds if n_folds is None else n_folds
    options = _labelled(network_options(settings, problem.task), part.y)
    limit = options.pop("time_limit", None)
    if limit is not None and not preset.searches:  # one network after the other, on few threads
        rounds = math.ceil(max(1, folds) / available_threads(settings.n_threads))
        options["time_limit"] = limit / rounds
    more: dict[str, Any] = {}
    if settings.validation_fraction is not None:
        more["validation_fraction"] = settings.validation_fraction
    kind = TabularClassifier if problem.classes else TabularRegressor
    return kind(
        settings.preset,
        n_folds=n_folds,
        encoding=settings.numbers,
        validation=settings.validation,
        options=options or None,
        choices=inputs_of(part.frame, problem)[1],
        time_limit=limit if preset.searches else None,
        random_state=settings.seed,
        n_threads=settings.n_threads,
        verbose=preset.searches and not problem.report.quiet,
        **more,
    )


def _tell_of_no_effect(settings: Settings, folds: int, report: Report) -> None:
    """Tell of flags that have no effect with the others."""
    share = settings.validation_fraction
    if share is not None and folds != 1:
        when = "on a single network" if folds else "with --early-stopping"
        report.note(f"--validation-fraction {share:g} has no effect: it acts only {when}")
    if settings.n_folds and not settings.early_stopping:
        report.note(f"--n-folds {settings.n_folds} has no effect: it acts with --early-stopping")


def inputs_of(frame: pl.DataFrame, problem: Problem) -> tuple[pl.DataFrame, Choices]:
    """Return the columns that may be inputs, and what is said of them.

    Columns of groups and weights say how rows are used, and are no inputs.
    """
    used = (problem.settings.groups, problem.settings.weight)
    set_aside = [name for name in used if name is not None]
    drop = tuple(name for name in problem.choices.drop if name not in set_aside)
    return frame.drop(problem.target, *set_aside), replace(problem.choices, drop=drop)


def train(
    part: Part,
    problem: Problem,
    tested: int,
    keeping: Keeping = NOTHING,
    *,
    streamed: Streamed | None = None,
) -> Trained:
    """Train what the flags describe, with checkpoints where they are asked for.

    Of rows that are ``streamed``, the part holds the first ones.

    Raises
    ------
    Interrupted, Diverged
        If no epoch was made.
    """
    settings, report = problem.settings, problem.report
    model, frame = table_model(problem, part), inputs_of(part.frame, problem)[0]
    interrupted, diverged = False, list[str]()
    _tell_of_no_effect(settings, 1 if streamed else _folds(model), report)
    try:
        n = len(part.y) if streamed is None else streamed.rows
        with tell_warnings(report), _divergence(diverged), _progress(model, n, problem):
            if streamed is None:
                rows = {"groups": part.groups, **keeping.arguments}
                model.fit(frame, part.y, part.weight, **rows)
            else:
                interrupted = streamed.fit(model)
    except KeyboardInterrupt:
        if not hasattr(model, "members_"):
            raise Interrupted("interrupted in the first epoch; nothing was written") from None
        interrupted = True
    except InputError as error:
        raise InputError(in_flags(str(error), Settings)) from error
    finally:
        model.set_params(callbacks=None, verbose=False)
    networks = [one.estimator for one in model.members_]
    rate = float(networks[0].learning_rate_init)
    divergence = _words_of_divergence(diverged, rate)
    if not any(one.loss_curve_ for one in networks):
        if len(networks) > 1:
            divergence = f"all {len(networks)} networks diverged."
        raise Diverged(f"{divergence} Nothing was written. {_smaller(rate)}")
    if model.encoding == "auto" and model.encoding_ != "scale":
        what = {"target": "at splits of the target", "quantiles": "at quantiles"}[model.encoding_]
        report.line(f"numbers by steps {what} ({model.encoding_reason_}); --numbers changes that")
    chosen, _, why = model.loss_reason_.partition(", ")
    if chosen and model.leaderboard_.trials[0].options.get("loss") == chosen:
        report.line(f"loss {chosen}, with a log link ({why}); --loss changes that")
    for sentence in model.notes_:
        report.note(sentence)
    held = len(model.members_[0].held) if len(networks) == 1 else 0
    if not len(model.members_[0].held) and settings.early_stopping and settings.n_folds != 0:
        report.note("too few rows to validate on: all epochs are made, none is chosen")
    preparation = model.members_[0].preparation
    inputs = counted(len(preparation.feature_names), "input")
    rows_of = f"{len(part.y) - held:,} rows to train on, {held:,} to validate, {tested:,} to test"
    rows_of = "" if streamed is not None else f"; {rows_of}"
    report.line(f"{inputs} from {counted(len(preparation.columns), 'column')}{rows_of}")
    facts = {"target": problem.target, "settings": vars(settings)}
    found = TableModel("", model, facts, __version__)
    reasons = Counter(one.stopped_because_ for one in networks)
    stopped = "interrupted" if interrupted else reasons.most_common(1)[0][0]
    best = best_epoch_of(networks[0]) if len(networks) == 1 else None
    kept = divergence if reasons["divergence"] == len(networks) else None
    return Trained(found, stopped, best, held, kept)


def _folds(model: Tabular) -> int:
    """Return how many folds a model will have."""
    return presets.get(model.preset).n_folds if model.n_folds is None else int(model.n_folds)


@contextlib.contextmanager
def _progress(model: Tabular, rows: int, problem: Problem) -> Iterator[None]:
    """Show the epochs; of a search, what it has found so far."""
    report, preset = problem.report, presets.get(model.preset)
    if preset.searches:
        with contextlib.redirect_stdout(report.stream):
            yield
        return
    folds = max(1, _folds(model))
    options = recipe_for(rows, problem.classes, model.options or {})
    with report.epochs(folds * options["max_iter"], problem.settings.time_limit) as bar:
        model.set_params(callbacks=bar.show)
        yield


@contextlib.contextmanager
def _divergence(found: list[str]) -> Iterator[None]:
    """Collect what is warned of divergence, which the command says in other words."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            others = [one for one in caught if not issubclass(one.category, DivergenceWarning)]
            found += [str(one.message) for one in caught if one not in others]
    for one in others:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def _words_of_divergence(told: list[str], rate: float) -> str:
    """Return where training diverged, without the advice for code."""
    first = told[0] if told else "training diverged."
    return first.partition(f", the learning rate {rate:g}")[0].partition(". The last")[0] + "."


def _smaller(rate: float) -> str:
    """Say which learning rate to try after a divergence."""
    return f"Try --learning-rate {rate / 10:g} or less."


def divergence_words(trained: Trained, kept: str) -> str:
    """Say where training diverged, what was kept, and what to try."""
    rate = float(trained.model.networks[0].learning_rate_init)
    return f"{trained.divergence} {kept} {_smaller(rate)}"


def _labelled(options: dict[str, Any], y: np.ndarray) -> dict[str, Any]:
    """Return the options with the labels of y themselves as keys of the weights of classes.

    Examples
    --------
    >>> _labelled({"class_weight": {"0": 1.0, "1": 5.0}}, np.array([0, 1, 1]))
    {'class_weight': {0: 1.0, 1: 5.0}}
    """
    weights = options.get("class_weight")
    if not isinstance(weights, dict):
        return options
    by_text = {str(label).lower(): label for label in np.unique(y).tolist()}
    return options | {
        "class_weight": {by_text.get(text.lower(), text): one for text, one in weights.items()}
    }
