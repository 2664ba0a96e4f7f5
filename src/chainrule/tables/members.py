"""The networks of a bag: each with the preparation of its own training rows."""

from __future__ import annotations

import math
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from chainrule.estimators.base import best_epoch_of
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.regressor import MLPRegressor
from chainrule.foundation.errors import DataWarning, NoEffectWarning
from chainrule.foundation.seeds import Purpose, stream
from chainrule.foundation.showing import Shown
from chainrule.foundation.side_by_side import side_by_side
from chainrule.foundation.threads import available_threads
from chainrule.interop.cells import nothing
from chainrule.interop.choosing import NO_CHOICES, Choices
from chainrule.interop.columns import counted
from chainrule.interop.preparation import Preparation
from chainrule.tables.checkpoints import TableCheckpoints
from chainrule.tables.epochs import Snapshots, keep_unseen
from chainrule.tables.folds import Fold
from chainrule.tables.recipes import options_for

__all__ = [
    "Estimator",
    "Job",
    "Member",
    "Table",
    "Work",
    "choose_epochs",
    "train",
    "train_bag",
    "weighted",
]

Estimator: TypeAlias = MLPClassifier | MLPRegressor


@dataclass(frozen=True)
class Table:
    """The rows to learn from: inputs as they are, targets as labels or numbers."""

    frame: pl.DataFrame
    y: np.ndarray
    weight: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Table:
        weight = None if self.weight is None else self.weight[rows]
        return Table(self.frame[rows], self.y[rows], weight)


@dataclass(frozen=True, eq=False, repr=False)
class Member(Shown):
    """One network, with what it does to a table first.

    Attributes
    ----------
    preparation : Preparation
        Learnt from the rows that the network was trained on.
    estimator : MLPClassifier or MLPRegressor
        Fitted.
    held : ndarray of int
        The rows of the training table, from 0, that it was validated on and not trained on; empty
        where it had none, or validated on rows of another table.
    weight : float
        Its share in the answer, of sum 1 over all networks.
    snapshots : dict
        Trained vectors by epoch, until its epoch is chosen.
    """

    preparation: Preparation
    estimator: Estimator
    held: np.ndarray = field(default_factory=lambda: np.arange(0))
    weight: float = 1.0
    snapshots: dict[int, np.ndarray] = field(default_factory=dict)

    def __str__(self) -> str:
        widths = self.estimator.network_.layout.arrows
        return f"network {widths} of a table of {counted(len(self.preparation.columns), 'column')}"

    def inputs(self, frame: pl.DataFrame, tell: Callable[[str], None] = nothing) -> np.ndarray:
        """Return what the network sees of a table."""
        return self.preparation.transform(frame, tell=tell)

    def answers(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities (n, n_classes), or numbers (n,) or (n, n_targets), of its inputs."""
        if isinstance(self.estimator, MLPClassifier):
            return self.estimator.predict_proba(X)
        found: np.ndarray = self.estimator.predict(X)
        return found

    @property
    def held_out_loss(self) -> float:
        """The loss on the rows that the network was validated on; infinite without them."""
        epoch = best_epoch_of(self.estimator)
        losses = self.estimator.validation_loss_curve_
        return math.inf if epoch is None or not losses else losses[epoch - 1]

    @property
    def complete(self) -> bool:
        """True unless a deadline cut the training short."""
        return self.estimator.stopped_because_ != "callback"


@dataclass(frozen=True)
class Job:
    """One network to train.

    Attributes
    ----------
    fold : int
        The number of the fold, from 0.
    encoding : str
        The encoding of numbers.
    options : mapping
        Options in place of the recipe's.
    epochs : float
        The share of the epochs that are made.
    setting : int
        A counter that gives networks of one fold seeds of their own.
    """

    fold: int
    encoding: str
    options: Mapping[str, Any]
    epochs: float = 1.0
    setting: int = 0


@dataclass(frozen=True)
class Work:
    """The task that the networks of one fit share.

    Attributes
    ----------
    kind : type
        `MLPClassifier` or `MLPRegressor`.
    table : Table
        All rows.
    folds : list of Fold
        The rows to train on and those held out, per fold.
    seed : int
        Seed of every random choice.
    n_threads : int, optional
        Most threads; the bits do not depend on them.
    validation : Table, optional
        Rows of the user's own that take the place of those held out.
    choices : Choices
        What a person says of columns.
    keeping : TableCheckpoints, optional
        The checkpoints that are written, and gone on from.
    """

    kind: type[Estimator]
    table: Table
    folds: Sequence[Fold]
    seed: int
    n_threads: int | None = None
    validation: Table | None = None
    choices: Choices = NO_CHOICES
    until: float = field(default=math.inf, kw_only=True)
    keeping: TableCheckpoints | None = field(default=None, kw_only=True)
    _learnt: dict[tuple[int, str], tuple[Preparation, list[str]]] = field(
        default_factory=dict, init=False, repr=False
    )

    def preparation(self, fold: int, encoding: str, tell: Callable[[str], None]) -> Preparation:
        """Return what the training rows of a fold teach about the columns; it is learnt once.

        A search trains many networks on each fold.
        """
        if (fold, encoding) not in self._learnt:
            part, said = self.table.take(self.folds[fold][0]), list[str]()
            found = Preparation.fit(
                part.frame, choices=self.choices, encoding=encoding, y=part.y, tell=said.append
            )
            self._learnt[fold, encoding] = found, said
        preparation, said = self._learnt[fold, encoding]
        for sentence in said:
            tell(sentence)
        return preparation

    @property
    def classes(self) -> bool:
        """True if targets are classes."""
        return self.kind is MLPClassifier

    def held(self, fold: int) -> Table:
        """Return the rows that the network of a fold is validated on."""
        if self.validation is not None:
            return self.validation
        return self.table.take(self.folds[fold][1])

    @property
    def late(self) -> bool:
        """True once the deadline has passed."""
        return time.perf_counter() > self.until


def train(
    work: Work,
    jobs: Sequence[Job],
    *,
    tell: Callable[[str], None] = nothing,
    done: Callable[[int, Member], None] | None = None,
    begin_late: bool = True,
) -> list[Member | None]:
    """Train the networks side by side on the threads; the bits do not depend on them.

    ``tell`` receives what is said of the columns of the first one, ``done`` every network when it
    is trained, one at a time. After the deadline a network ends with its epoch, and with
    ``begin_late=False`` none is begun; None stands for it.
    """
    threads = available_threads(work.n_threads)
    workers = min(len(jobs), threads)
    each = max(1, threads // workers)
    one_at_a_time = threading.Lock()

    def trained(number: int, stop: threading.Event) -> Member | None:
        if work.late and not begin_late:
            return None
        member = _train_one(work, jobs[number], each, stop, tell if number == 0 else nothing)
        if done is not None and not stop.is_set():
            with one_at_a_time:
                done(number, member)
        return member

    with warnings.catch_warnings():
        # what the networks say of columns is of inputs that nobody has seen
        warnings.simplefilter("ignore", DataWarning)
        warnings.simplefilter("ignore", NoEffectWarning)
        return side_by_side(trained, len(jobs), workers)


def train_bag(
    work: Work, encoding: str, options: Mapping[str, Any], tell: Callable[[str], None] = nothing
) -> list[Member]:
    """Train one network per fold, each to the epoch that the rows of other folds choose."""
    jobs = [Job(fold, encoding, options) for fold in range(len(work.folds))]
    members = [one for one in train(work, jobs, tell=tell) if one is not None]
    choose_epochs(members)
    return members


def choose_epochs(members: Sequence[Member]) -> None:
    """Put the networks of one setting back to the epochs that the rows of other folds choose.

    Where a deadline has cut one short, each keeps the best epoch of its own rows.
    """
    if all(one.complete for one in members):
        keep_unseen([one.estimator for one in members], [one.snapshots for one in members])
    for one in members:
        one.snapshots.clear()


def weighted(settings: Sequence[Sequence[Member]], weights: np.ndarray) -> list[Member]:
    """Return the networks of settings with these weights, which those of a setting share."""
    return [
        replace(member, weight=float(weight) / len(members))
        for members, weight in zip(settings, weights, strict=True)
        for member in members
        if weight > 0.0
    ]


def _train_one(
    work: Work, job: Job, n_threads: int, stop: threading.Event, tell: Callable[[str], None]
) -> Member:
    rows, _ = work.folds[job.fold]
    part = work.table.take(rows)
    preparation = work.preparation(job.fold, job.encoding, tell)
    own = options_for(len(rows), work.classes) | dict(job.options)
    own["max_iter"] = max(1, round(job.epochs * own["max_iter"]))
    watched = work.held(job.fold)
    given: dict[str, Any] = {}
    if watched.frame.height:
        given = {"X_val": preparation.transform(watched.frame), "y_val": watched.y}
        if watched.weight is not None and watched.weight.any():
            given["sample_weight_val"] = watched.weight
    else:
        own = {name: value for name, value in own.items() if name != "monitor"}
    random = stream(work.seed, Purpose.MEMBER, job.fold, job.setting)
    seed = int(random.integers(2**31 - 1))
    estimator = work.kind(**own, random_state=seed, n_threads=n_threads)
    X = preparation.transform(part.frame)

    snapshots = Snapshots()

    def called(epoch: Any) -> bool:
        if len(watched.y) and work.validation is None:
            snapshots.add(epoch.number, epoch.state.current)
        return stop.is_set() or work.late

    estimator.callbacks = [called]
    if work.keeping is not None:
        told = [job.encoding, len(rows)]
        own_file, resume = work.keeping.of_network(estimator, job.fold, told, snapshots)
        estimator.callbacks.append(own_file)
        given["resume"] = resume
    estimator.fit(X, part.y, part.weight, **given)
    estimator.callbacks = None
    estimator.preparation_ = preparation
    held = work.folds[job.fold][1] if work.validation is None else np.arange(0)
    return Member(preparation, estimator, held, snapshots=snapshots.vectors)
