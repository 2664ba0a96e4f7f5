"""Training of the networks of a bag: side by side, or by the workers of joblib's backend."""

from __future__ import annotations

import math
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from chainrule.engines.choice import trains_together
from chainrule.engines.meeting import met
from chainrule.estimators.callbacks import is_true
from chainrule.foundation.errors import DataWarning, NoEffectWarning
from chainrule.foundation.joblib_workers import Spread, workers_of_joblib
from chainrule.foundation.seeds import Purpose, stream
from chainrule.foundation.side_by_side import side_by_side
from chainrule.foundation.threads import available_threads
from chainrule.interop.cells import nothing
from chainrule.interop.preparation import Preparation
from chainrule.tables.epochs import Snapshots
from chainrule.tables.members import Estimator, Job, Member, Work, choose_epochs
from chainrule.tables.recipes import recipe_for
from chainrule.training.epoch import Epoch

__all__ = ["train", "train_bag"]


def train(
    work: Work,
    jobs: Sequence[Job],
    *,
    tell: Callable[[str], None] = nothing,
    done: Callable[[int, Member], None] | None = None,
    begin_late: bool = True,
) -> list[Member | None]:
    """Train the networks side by side on the threads, or by the workers of joblib's backend.

    The bits do not depend on them.

    ``tell`` receives what is said of the columns of the first one, ``done`` every network of at
    least one epoch when its training ends, one at a time. After the deadline a network ends with
    its epoch, and with ``begin_late=False`` none is begun; None stands for it, and for those not
    begun when a callback ended all.
    """
    spread = None if work.callbacks or work.keeping is not None else workers_of_joblib()
    if spread is not None:
        return _trained_away(spread, work, jobs, tell, done, begin_late)
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


def _trained_away(
    spread: Spread,
    work: Work,
    jobs: Sequence[Job],
    tell: Callable[[str], None],
    done: Callable[[int, Member], None] | None,
    begin_late: bool,
) -> list[Member | None]:
    """Train each network as a task of a worker, which knows no callbacks and no checkpoints."""
    # clocks of other machines tell the time of day alike
    deadline = work.until - time.perf_counter() + time.time()
    sent = replace(work, until=math.inf)
    members: list[Member | None] = []
    for number, (member, said) in enumerate(
        spread(_trained_there, [(sent, job, deadline, begin_late) for job in jobs])
    ):
        if number == 0:
            for sentence in said:
                tell(sentence)
        if done is not None and member is not None and member.estimator.loss_curve_:
            done(number, member)
        members.append(member)
    return members


def _trained_there(
    work: Work, job: Job, deadline: float, begin_late: bool
) -> tuple[Member | None, list[str]]:
    said: list[str] = []
    work = replace(work, until=deadline - time.time() + time.perf_counter())
    member = train(work, [job], tell=said.append, begin_late=begin_late)[0]
    return member, said


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
