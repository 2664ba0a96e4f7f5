"""Rounds: local training on all shards from the same parameters, and the outer step.

The loop answers as `train_rows` does, with an epoch per round, so that an estimator records,
watches, keeps and shows rounds as it does the epochs of one machine.
"""

from __future__ import annotations

import math
import secrets
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from chainrule.distributed.outer_step import OuterStep, weighted_average
from chainrule.distributed.tasks import Kind, Task, Trained
from chainrule.distributed.workers import Done, Pace, Workers, run_round
from chainrule.engines.engine import Engine
from chainrule.engines.resources import Resources
from chainrule.foundation.errors import DivergenceError, InputError, must_be, shown
from chainrule.foundation.version import __version__
from chainrule.training.epoch import Epoch
from chainrule.training.loop import Pass, each_epoch
from chainrule.training.monitor import Watch
from chainrule.training.preparing import StepOptions, clock_limit
from chainrule.training.snapshot import Progress, Snapshot
from chainrule.training.state import TrainingState
from chainrule.training.stopping import Ending
from chainrule.training.windows import AnyRows

__all__ = ["Plan", "RoundEpoch", "Rounds", "ShardReport"]


# A round of a shard passes so many rows times parameters, a tenth of a second of a core,
# unless that makes too few rounds for the momentum of the outer step, or more than DiLoCo needs.
LEAST_WORK, FEWEST_PER_SHARD, MOST_PER_EPOCH = 2.5e9, 6, 4
# What a run that goes on must have as it was; 0 rounds stand for those of all epochs.
SETTINGS = ("n_shards", "rounds_per_epoch", "rounds", "outer_rate", "outer_momentum")


class ShardReport(NamedTuple):
    """The worker, rows and time of one shard in a round.

    Attributes
    ----------
    worker : str
        The worker that ended it first.
    rows : int
        Rows passed.
    seconds, processor_seconds : float
        Wall time of the task at the worker, and what the worker had of the processor meanwhile:
        less where other programs wanted it too.
    """

    worker: str
    rows: int
    seconds: float
    processor_seconds: float


@dataclass(frozen=True, eq=False, repr=False)
class RoundEpoch(Epoch):
    """One round, with the attributes of an `Epoch`; ``number`` counts rounds.

    Attributes
    ----------
    shards : tuple of ShardReport
        What each shard has taken.
    exchange : float
        Seconds of the round in which the busiest worker trained nothing: sending, waiting for a
        worker, averaging.
    reruns : int
        Tasks that were begun again: their worker was lost, or slow.
    planned : int
        Rounds of the whole run.
    """

    shards: tuple[ShardReport, ...] = ()
    exchange: float = 0.0
    reruns: int = 0
    planned: int = 0

    @property
    def rows_per_second(self) -> dict[str, float]:
        """Rows per second of training, by worker."""
        rows: Counter[str] = Counter()
        seconds: Counter[str] = Counter()
        for one in self.shards:
            rows[one.worker] += one.rows
            seconds[one.worker] += one.seconds  # type: ignore[assignment]
        return {name: rows[name] / max(seconds[name], 1e-9) for name in sorted(rows)}

    def __str__(self) -> str:
        said = super().__str__().replace("epoch", "round", 1)
        speeds = ", ".join(
            f"{name} {speed:,.0f} rows/s" for name, speed in self.rows_per_second.items()
        )
        again = f"  {self.reruns} task(s) again" if self.reruns else ""
        return f"{said}  {speeds}{again}"


@dataclass(frozen=True)
class Plan:
    """The options of the rounds.

    Attributes
    ----------
    n_shards : int
        Parts that the rows are cut into.
    rounds : int or None
        Rounds in all; None makes those of all epochs.
    rounds_per_epoch : int or None
        Rounds in which all rows are passed once; fewer where a shard has fewer steps. None is found
        out from the rows, the parameters and the epochs.
    outer : OuterStep
        What is made of a round.
    engine, resources
        Name of the engine of the workers, and what it may use.
    """

    n_shards: int
    rounds: int | None
    rounds_per_epoch: int | None
    outer: OuterStep
    engine: str
    resources: Resources

    @property
    def settings(self) -> tuple[float, ...]:
        """The numbers of `SETTINGS`."""
        outer = self.outer
        each = self.rounds_per_epoch or 0
        return self.n_shards, each, self.rounds or 0, outer.rate, outer.momentum

    def for_work(self, n_rows: int, n_parameters: int, epochs: int) -> Plan:
        """Return the plan with the rounds per epoch that are asked for, or suit the work.

        Examples
        --------
        >>> plan = Plan(2, None, None, OuterStep(), "auto", Resources())
        >>> plan.for_work(60_000, 101_770, epochs=30).rounds_per_epoch
        1
        >>> plan.for_work(60_000_000, 101_770, epochs=30).rounds_per_epoch
        4
        """
        if self.rounds_per_epoch is not None:
            return self
        by_work = int(n_rows / self.n_shards * n_parameters / LEAST_WORK)
        by_number = math.ceil(FEWEST_PER_SHARD * self.n_shards / max(epochs, 1))
        each = min(max(by_work, by_number, 1), MOST_PER_EPOCH)
        return replace(self, rounds_per_epoch=each)

    def fitted(self, n_rows: int, batch_size: int, epochs: int) -> Plan:
        """Return the plan for so many rows, with the number of rounds."""
        assert self.rounds_per_epoch is not None
        if n_rows < self.n_shards:
            advice = "Pass fewer shards, by n_shards."
            raise must_be("n_shards", f"at most the {n_rows} rows", self.n_shards, advice)
        steps = math.ceil(n_rows // self.n_shards / batch_size)
        each = min(self.rounds_per_epoch, steps)
        rounds = epochs * each if self.rounds is None else self.rounds
        return replace(self, rounds=rounds, rounds_per_epoch=each)


@dataclass(eq=False)
class Rounds:
    """The loop of rounds, which takes the place of `train_rows` in a fit.

    Attributes
    ----------
    plan : Plan
        The options.
    begin : callable
        Makes so many shards of the rows by a seed; returns the workers that hold them, and the
        rows of each shard.
    velocity : ndarray or None
        The velocity of the outer step: None before the first round, or that of a checkpoint.
    """

    plan: Plan
    begin: Callable[[AnyRows, int, int], tuple[Workers, list[int]]]
    velocity: np.ndarray | None = None
    _pace: Pace = field(default_factory=Pace, init=False)
    _spare: np.ndarray | None = field(default=None, init=False)  # the place of the next velocity

    def __call__(
        self,
        engine: Engine,
        rows: AnyRows,
        state: TrainingState,
        steps: StepOptions,
        watch: Watch,
        *,
        epochs: int,
        time_limit: float | None = None,
        progress: Progress | None = None,
    ) -> Generator[Epoch, bool | None, Ending]:
        """Return an epoch per round."""
        clock_limit(time_limit)
        self.plan = self.plan.for_work(len(rows), state.vector.size, epochs)
        plan = self.plan.fitted(len(rows), steps.batch_size, epochs)
        assert plan.rounds_per_epoch is not None
        if watch.patience is not None:  # it is told in epochs
            watch = replace(watch, patience=watch.patience * plan.rounds_per_epoch)
        progress = Progress() if progress is None else progress
        return self._rounds(plan, engine, rows, state, steps, watch, time_limit, progress)

    def _rounds(
        self,
        plan: Plan,
        engine: Engine,
        rows: AnyRows,
        state: TrainingState,
        steps: StepOptions,
        watch: Watch,
        time_limit: float | None,
        progress: Progress,
    ) -> Generator[Epoch, bool | None, Ending]:
        if self.velocity is None:
            self.velocity = np.zeros(state.vector.shape)
        assert plan.rounds is not None
        last = state.epoch + plan.rounds - progress.epochs

        def begin() -> Callable[[Snapshot, Snapshot], Pass]:
            kind = _kind(plan, engine, state, steps, last)
            workers, sizes = self.begin(rows, state.seed, plan.n_shards)

            def make_round(start: Snapshot, before: Snapshot) -> Pass:
                done, reruns = self._one_round(workers, sizes, state, kind, start, before)
                return _pass_of(done, reruns, plan)

            return make_round

        ending = yield from each_epoch(
            engine,
            rows,
            state,
            steps,
            begin,
            last_epoch=last,
            watch=watch,
            time_limit=time_limit,
            progress=progress,
        )
        return ending

    def extras(self) -> dict[str, np.ndarray]:
        """Return what a checkpoint holds of the rounds."""
        velocity = np.zeros(0) if self.velocity is None else self.velocity
        return {"velocity": velocity, "settings": np.array(self.plan.settings)}

    def go_on(self, kept: dict[str, np.ndarray], folder: object, asked: int | None) -> None:
        """Go on from what a checkpoint holds; take its shards where no number is ``asked`` for.

        Raises
        ------
        InputError
            The rounds of the checkpoint were others.
        """
        if "settings" not in kept:
            raise InputError(
                f"resume must be a folder of rounds; {shown(str(folder))} holds checkpoints of a "
                "fit on one machine. Call fit of the estimator."
            )
        if asked is None:
            self.plan = replace(self.plan, n_shards=int(kept["settings"][0]))
        if self.plan.rounds_per_epoch is None:
            self.plan = replace(self.plan, rounds_per_epoch=int(kept["settings"][1]))
        for name, old, new in zip(SETTINGS, kept["settings"], self.plan.settings, strict=True):
            if old != new:
                raise must_be(
                    name, f"{old:g}, as in the checkpoint {folder}", new, "Or fit without resume."
                )
        if kept["velocity"].size:
            self.velocity = kept["velocity"]

    def _one_round(
        self,
        workers: Workers,
        sizes: list[int],
        state: TrainingState,
        kind: Kind,
        start: Snapshot,
        before: Snapshot,
    ) -> tuple[list[Done], int]:
        """Make a round; move the state to where it leads."""
        assert self.velocity is not None
        assert state.learning_rate is not None
        task = Task(
            kind,
            state.epoch,
            np.asarray(state.vector),
            tuple(map(np.asarray, state.slots)),
            state.step,
            state.learning_rate,
            state.first_loss,
        )
        share = [size // kind.rounds_per_epoch + 1 for size in sizes]
        done, reruns = run_round(workers, dict.fromkeys(range(len(sizes)), task), share, self._pace)
        trained = [one.trained for one in done]
        _check_divergence(trained, state, start, before)
        weights = [one.weight for one in trained]
        ends = [one.vector for one in trained]
        state.vector, velocity = self.plan.outer.apply(
            task.vector, ends, weights, self.velocity, into=self._spare
        )
        state.slots = tuple(
            weighted_average([one.slots[number] for one in trained], weights, into=slot)
            for number, slot in enumerate(task.slots)
        )
        self.velocity, self._spare = velocity, self.velocity
        state.step = max(one.step for one in trained)
        known = [one.first_loss for one in trained if one.steps]
        state.first_loss = min(known, default=state.first_loss)
        state.epoch += 1
        return done, reruns


def _kind(plan: Plan, engine: Engine, state: TrainingState, steps: StepOptions, last: int) -> Kind:
    assert plan.rounds_per_epoch is not None
    return Kind(
        key=secrets.token_hex(8),
        version=__version__,
        engine=plan.engine,
        resources=plan.resources,
        objective=engine.objective,
        optimizer=engine.optimizer,
        schedule=steps.schedule,
        batch_size=steps.batch_size,
        shuffle=steps.shuffle,
        rounds_per_epoch=plan.rounds_per_epoch,
        epochs=last / plan.rounds_per_epoch,
        seed=state.seed,
    )


def _check_divergence(
    trained: list[Trained], state: TrainingState, start: Snapshot, before: Snapshot
) -> None:
    failed = [one for one in trained if one.failure is not None]
    if not failed:
        return
    failure, epoch = failed[0].failure, state.epoch + 1
    assert failure is not None
    # as on one machine: a first step that fails says that the round before it led there
    (start if any(one.steps for one in failed) else before).restore(state)
    raise DivergenceError(
        epoch=epoch,
        step=failure.step,
        learning_rate=failure.learning_rate,
        loss=failure.loss,
        first_loss=failure.first_loss,
    )


def _pass_of(done: list[Done], reruns: int, plan: Plan) -> Pass:
    """Return a round as a pass over the rows."""
    trained = [one.trained for one in done]

    def record(*, seconds: float, **fields: Any) -> RoundEpoch:
        return RoundEpoch(
            **fields,
            seconds=seconds,
            shards=tuple(map(_report, done)),
            exchange=seconds - _busiest(done),
            reruns=reruns,
            planned=plan.rounds or 0,
        )

    return Pass(
        loss=sum(one.loss for one in trained) / sum(one.weight for one in trained),
        rows=sum(one.rows for one in trained),
        steps=max(one.steps for one in trained),
        learning_rate=trained[0].learning_rate,
        record=record,
    )


def _report(one: Done) -> ShardReport:
    made = one.trained
    return ShardReport(one.worker, made.rows, made.seconds, made.processor_seconds)


def _busiest(done: list[Done]) -> float:
    """Return the seconds of training of the worker that had most of them."""
    seconds: dict[str, float] = {}
    for one in done:
        seconds[one.worker] = seconds.get(one.worker, 0.0) + one.trained.seconds
    return max(seconds.values())
