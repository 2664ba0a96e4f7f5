"""Tasks: what is done to a shard, from parameters to parameters, and nothing is left behind.

A task may run anywhere and more than once: its numbers depend on the shard and on what it is given
alone. A process keeps engines from task to task, which saves time and changes no number.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from chainrule.distributed.shards import Shard, shard_seed
from chainrule.engines.choice import choose_engine
from chainrule.engines.engine import Engine
from chainrule.engines.resources import Resources
from chainrule.formulas.optimizers import Optimizer
from chainrule.formulas.schedules import Schedule
from chainrule.foundation.errors import InputError
from chainrule.foundation.version import __version__
from chainrule.model.objective import Objective
from chainrule.training.batches import measure_of_divergence
from chainrule.training.snapshot import divergence_limit
from chainrule.training.windows import pass_order

__all__ = ["Failure", "Kind", "Task", "Trained", "run_task"]

# Engines that a process keeps; one run needs one per thread that makes tasks.
MOST_ENGINES = 4
# Orders of the rows of a shard that a process keeps.
MOST_ORDERS = 8

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Kind:
    """The parts that all tasks of one fit share.

    Attributes
    ----------
    key : str
        Tells fits apart.
    version : str
        The version of the package that asks.
    engine, resources
        Name of the engine, and what it may use.
    objective : Objective
        What is made small.
    optimizer : Optimizer
        The inner rule.
    schedule : Schedule
        The course of the inner rate.
    batch_size, shuffle
        Rows per step, and whether they are shuffled.
    rounds_per_epoch, epochs
        Rounds in which all rows are passed once, and the planned epochs.
    seed : int
        The seed of the fit.
    """

    key: str
    version: str
    engine: str
    resources: Resources
    objective: Objective
    optimizer: Optimizer
    schedule: Schedule
    batch_size: int
    shuffle: bool
    rounds_per_epoch: int
    epochs: float
    seed: int


@dataclass(frozen=True, eq=False)
class Task:
    """One round on one shard: a part of a pass over its rows, from given parameters.

    Attributes
    ----------
    kind : Kind or None
        What all tasks have in common; None on the way to a worker that has it.
    round : int
        Rounds made before, over resumes.
    vector, slots, step
        The parameters, the memory of the optimizer, and the steps made before.
    learning_rate : float
        The base rate, after the cuts of an adaptive schedule.
    first_loss : float
        The loss that divergence is measured by; NaN in the first round.
    """

    kind: Kind | None
    round: int
    vector: np.ndarray
    slots: tuple[np.ndarray, ...]
    step: int
    learning_rate: float
    first_loss: float


@dataclass(frozen=True, eq=False)
class Failure:
    """A step whose loss was not finite, or a million times the first one."""

    step: int
    learning_rate: float
    loss: float
    first_loss: float


@dataclass(frozen=True, eq=False)
class Trained:
    """The result of a task.

    Attributes
    ----------
    vector, slots, step
        The parameters, the memory of the optimizer and the count of steps after the last step.
    loss, weight : float
        Sum of w_i l_i over the rows passed, each at the parameters of its own step, and of w_i.
    rows, steps : int
        Rows passed and steps made.
    learning_rate : float
        The rate of the last step.
    first_loss : float
        The loss that divergence is measured by.
    seconds, processor_seconds : float
        Wall time of the task, and what its process had of the processor meanwhile.
    failure : Failure or None
        The step that ended it, where it diverged.
    """

    vector: np.ndarray
    slots: tuple[np.ndarray, ...]
    step: int
    loss: float
    weight: float
    rows: int
    steps: int
    learning_rate: float
    first_loss: float
    seconds: float
    processor_seconds: float
    failure: Failure | None = None


@dataclass(eq=False)
class _Place:
    """The position that an engine moves."""

    vector: np.ndarray
    slots: tuple[np.ndarray, ...]
    step: int
    seed: int


def run_task(shard: Shard, task: Task) -> Trained:
    """Train on a shard from the parameters of a task.

    Raises
    ------
    InputError
        The worker has another version of the package.
    """
    began, used, kind = time.perf_counter(), time.process_time(), task.kind
    assert kind is not None
    if kind.version != __version__:
        raise InputError(
            f"all workers must have chainrule {kind.version}, as the driver has; one has "
            f"{__version__}. Install the same version everywhere."
        )
    engine = _engine_of(kind)
    rows, n = shard.rows, len(shard.rows)
    batch = min(kind.batch_size, n)
    steps = math.ceil(n / batch)
    epoch, part = divmod(task.round, kind.rounds_per_epoch)
    first, last = (steps * (part + k) // kind.rounds_per_epoch for k in (0, 1))
    rates = kind.schedule.rates(
        task.learning_rate, epoch * steps + first, last - first, steps, round(kind.epochs * steps)
    )
    seed = shard_seed(kind.seed, shard.number)
    order = _order_of(kind, shard, seed, epoch, engine)
    place = _Place(np.array(task.vector), tuple(map(np.array, task.slots)), task.step, seed)
    first_loss, done = task.first_loss, 0
    sums = [[0.0, 0.0], [0.0, 0.0]]  # of the step that measures, and of the others
    failure = None
    while done < last - first and failure is None:
        measuring = math.isnan(first_loss)
        count = 1 if measuring else last - first - done
        batches = order[(first + done) * batch : (first + done + count) * batch]
        part_rates = rates[done : done + count]
        totals = engine.epoch(place, rows, batches, batch, part_rates, divergence_limit(first_loss))
        if totals.steps < count:
            rate, loss = float(part_rates[totals.steps]), totals.last_loss
            known = loss if measuring else first_loss
            failure = Failure(task.step + done + totals.steps + 1, rate, loss, known)
        elif measuring:
            first_loss = measure_of_divergence(totals.last_loss, engine, rows)
        sums[not measuring][0] += totals.loss
        sums[not measuring][1] += totals.weight
        done += totals.steps
    return Trained(
        vector=place.vector,
        slots=place.slots,
        step=place.step,
        loss=sums[0][0] + sums[1][0],
        weight=sums[0][1] + sums[1][1],
        rows=min(last * batch, n) - min(first * batch, n),
        steps=done,
        learning_rate=float(rates[-1]) if len(rates) else task.learning_rate,
        first_loss=first_loss,
        seconds=time.perf_counter() - began,
        processor_seconds=time.process_time() - used,
        failure=failure,
    )


_engines: dict[tuple[str, int], Engine] = {}
_orders: dict[tuple[str, int], tuple[int, np.ndarray]] = {}
_lock = threading.Lock()


def _order_of(kind: Kind, shard: Shard, seed: int, epoch: int, engine: Engine) -> np.ndarray:
    """Return the order of the rows in an epoch, which the rounds of that epoch share."""
    n = len(shard.rows)
    if not kind.shuffle:
        return np.arange(n)
    name = kind.key, shard.number
    with _lock:
        known = _orders.pop(name, None)
    if known is not None and known[0] == epoch and len(known[1]) == n:
        order = known[1]
    else:
        order = pass_order(seed, epoch, n, engine)
    if kind.rounds_per_epoch > 1:
        _keep(_orders, name, (epoch, order), MOST_ORDERS)
    return order


def _engine_of(kind: Kind) -> Engine:
    """Return the engine of a fit in this thread."""
    name = kind.key, threading.get_ident()
    with _lock:
        engine = _engines.pop(name, None)
    if engine is None:
        engine = choose_engine(kind.engine, kind.objective, kind.optimizer, kind.resources)
    _keep(_engines, name, engine, MOST_ENGINES)
    return engine


def _keep(kept: dict[Key, Value], name: Key, value: Value, most: int) -> None:
    """Keep a value, and let go of those that were used longest ago."""
    with _lock:
        kept[name] = value  # the last one used comes last
        while len(kept) > most:
            kept.pop(next(iter(kept)))
