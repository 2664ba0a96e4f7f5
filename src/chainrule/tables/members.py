"""The networks of a bag: each with the preparation of its own training rows."""

from __future__ import annotations

import hashlib
import math
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from sklearn.exceptions import ConvergenceWarning

from chainrule.engines.choice import trains_together
from chainrule.engines.meeting import met
from chainrule.estimators.base import best_epoch_of
from chainrule.estimators.callbacks import Callback, is_true
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.regressor import MLPRegressor
from chainrule.foundation.errors import DataWarning, NoEffectWarning
from chainrule.foundation.seeds import Purpose, stream
from chainrule.foundation.showing import Shown
from chainrule.foundation.side_by_side import side_by_side
from chainrule.foundation.threads import available_threads
from chainrule.foundation.wording import counted
from chainrule.interop.cells import nothing
from chainrule.interop.choosing import NO_CHOICES, Choices
from chainrule.interop.preparation import Preparation
from chainrule.tables.checkpoints import TableCheckpoints
from chainrule.tables.epochs import Snapshots, keep_unseen
from chainrule.tables.folds import Fold
from chainrule.tables.recipes import recipe_for
from chainrule.training.epoch import Epoch

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
    encoding : str
        The encoding of numbers; empty where it is not recorded.
    snapshots : dict
        Trained vectors by epoch, until its epoch is chosen.
    """

    preparation: Preparation
    estimator: Estimator
    held: np.ndarray = field(default_factory=lambda: np.arange(0))
    weight: float = 1.0
    encoding: str = ""
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
        """True unless a deadline, a callback or Ctrl-C cut the training short."""
        return self.estimator.stopped_because_ not in ("callback", "interrupted", "time_limit")


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
    last : int, optional
        The epoch that training ends with, though the schedule goes on.
    """

    fold: int
    encoding: str
    options: Mapping[str, Any]
    epochs: float = 1.0
    setting: int = 0
    last: int | None = None


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
    until : float
        The deadline, by `time.perf_counter`.
    callbacks : sequence of callable
        Called after every epoch of every network, one at a time; True ends all training.
    learnt : dict
        The preparations so far, by their rows and encoding; a trial on the same table shares them.
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
    callbacks: Sequence[Callback] = field(default=(), kw_only=True)
    learnt: dict[tuple[bytes, str], tuple[Preparation, list[str]]] = field(
        default_factory=dict, repr=False, kw_only=True
    )

    def preparation(self, fold: int, encoding: str, tell: Callable[[str], None]) -> Preparation:
        """Return what the training rows of a fold teach about the columns; it is learnt once.

        A search trains many networks on each fold, and a trial on fold and rows that come again.
        """
        rows = self.folds[fold][0]
        key = hashlib.sha256(rows.tobytes()).digest(), encoding
        if key not in self.learnt:
            part, said = self.table.take(rows), list[str]()
            found = Preparation.fit(
                part.frame, choices=self.choices, encoding=encoding, y=part.y, tell=said.append
            )
            self.learnt[key] = found, said
        preparation, said = self.learnt[key]
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

    ``tell`` receives what is said of the columns of the first one, ``done`` every network of at
    least one epoch when its training ends, one at a time. After the deadline a network ends with
    its epoch, and with ``begin_late=False`` none is begun; None stands for it, and for those not
    begun when a callback ended all.
    """
    threads = available_threads(work.n_threads)
    workers = min(len(jobs), threads)
    alike = all(job.options is jobs[0].options for job in jobs)
    if alike and trains_together(jobs[0].options):
        workers = len(jobs)
    each = max(1, threads // workers)
    one_at_a_time, ended = threading.Lock(), threading.Event()

    def called(number: int, stop: threading.Event, epoch: Epoch) -> bool:
        numbered = replace(epoch, member=number + 1)
        with one_at_a_time:
            if not (stop.is_set() or ended.is_set()):
                answers = [one(numbered) for one in work.callbacks]
                if any(map(is_true, answers)):
                    ended.set()
        return stop.is_set() or ended.is_set() or work.late

    def publish(number: int, member: Member) -> None:
        if done is not None and member.estimator.loss_curve_:
            with one_at_a_time:
                done(number, member)

    def trained(number: int, stop: threading.Event) -> Member | None:
        if (work.late and not begin_late) or ended.is_set():
            return None
        training = _Training.of(work, jobs[number], each, tell if number == 0 else nothing)
        try:
            training.run(partial(called, number, stop))
        except KeyboardInterrupt:
            if hasattr(training.estimator, "loss_curve_"):
                publish(number, training.member())
            raise
        member = training.member()
        publish(number, member)
        return member

    with warnings.catch_warnings():
        # what the networks say of columns is of inputs that nobody has seen
        warnings.simplefilter("ignore", DataWarning)
        warnings.simplefilter("ignore", NoEffectWarning)
        # the recipe ends with its schedule, and keeps the best epoch
        warnings.simplefilter("ignore", ConvergenceWarning)
        return side_by_side(met(trained, len(jobs), workers), len(jobs), workers)


def train_bag(
    work: Work, encoding: str, options: Mapping[str, Any], tell: Callable[[str], None] = nothing
) -> tuple[list[Member], bool]:
    """Train one network per fold, each to the epoch that the rows of other folds choose.

    Returns the networks, and whether Ctrl-C cut them short: those of at least one epoch are kept;
    before that it is raised.
    """
    jobs = [Job(fold, encoding, options) for fold in range(len(work.folds))]
    begun: dict[int, Member] = {}
    interrupted = False
    try:
        found = train(work, jobs, tell=tell, done=begun.__setitem__)
        members = [one for one in found if one is not None]
    except KeyboardInterrupt:
        if not begun:
            raise
        members, interrupted = [begun[number] for number in sorted(begun)], True
    choose_epochs(members)
    return members, interrupted


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


@dataclass(frozen=True)
class _Training:
    """One network before, in and after its training."""

    work: Work
    job: Job
    preparation: Preparation
    estimator: Estimator
    given: Mapping[str, Any]
    snapshots: Snapshots = field(default_factory=Snapshots)

    @classmethod
    def of(cls, work: Work, job: Job, n_threads: int, tell: Callable[[str], None]) -> _Training:
        preparation = work.preparation(job.fold, job.encoding, tell)
        own = recipe_for(len(work.folds[job.fold][0]), work.classes, job.options)
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
        return cls(work, job, preparation, estimator, given)

    def run(self, callback: Callable[[Epoch], bool]) -> None:
        """Train; ``callback`` says after each epoch whether to stop."""
        part = self.work.table.take(self.work.folds[self.job.fold][0])
        X = self.preparation.transform(part.frame)

        def called(epoch: Epoch) -> bool:
            if self.given and self.work.validation is None:
                self.snapshots.add(epoch.number, epoch.state.current)
            return callback(epoch) or epoch.number == self.job.last

        self.estimator.callbacks = [called]
        more: dict[str, Any] = {}
        keeping = self.work.keeping
        if keeping is not None:
            told = [self.job.encoding, len(part.y)]
            network = (self.estimator, self.job.fold, told, self.snapshots)
            own_file, more["resume"] = keeping.of_network(*network)
            self.estimator.callbacks.append(own_file)
        try:
            self.estimator.fit(X, part.y, part.weight, **self.given, **more)
        finally:
            self.estimator.callbacks = None

    def member(self) -> Member:
        """Return the network that was trained."""
        held = np.arange(0)
        if self.work.validation is None:
            held = self.work.folds[self.job.fold][1]
        self.estimator.preparation_ = self.preparation
        return Member(
            self.preparation,
            self.estimator,
            held,
            encoding=self.job.encoding,
            snapshots=self.snapshots.vectors,
        )
