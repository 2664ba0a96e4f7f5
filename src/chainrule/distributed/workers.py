"""The protocol of workers, and a round of tasks on them: lost ones rerun, slow ones raced.

Whoever ends a shard first, and in whatever order, the results are the same to the last bit.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from chainrule.distributed.tasks import Task, Trained
from chainrule.foundation.errors import InputError

__all__ = ["Done", "Pace", "WorkerLostError", "Workers", "run_round"]

# A shard is started again where it takes so many times what others took per row, and so many
# seconds at least.
SLOW = 3.0
LEAST_SECONDS = 1.0
# Workers that are at one shard at the same time, where the first ones do not answer.
MOST_TRIES = 3
# Workers that one shard may end in one round before the fit ends: it is the shard that does it.
MOST_LOSSES = 5
# Seconds between two looks at what is slow.
LOOK = 0.1


class WorkerLostError(RuntimeError):
    """A worker that ended before its task did."""


class Done(NamedTuple):
    """A task that has ended, and the name of the worker that made it."""

    trained: Trained
    worker: str


class Workers(Protocol):
    """Whoever makes tasks: processes of this machine, or those of a cluster.

    Attributes
    ----------
    sizes : list of int
        The rows of each shard.
    """

    sizes: list[int]

    @property
    def count(self) -> int:
        """The number of tasks that can run at the same time."""
        ...

    def submit(self, shard: int, task: Task, again: bool = False) -> Future[Done]:
        """Begin a task on a shard; ``again`` where another worker may be at it still."""
        ...

    def abandon(self, future: Future[Done]) -> None:
        """Take no more interest in a task: another worker has made it, or nobody asks for it."""
        ...

    def close(self) -> None:
        """End the workers that were begun for this fit."""
        ...


@dataclass(eq=False)
class Pace:
    """The speed of the tasks so far, to know what is slow."""

    _seconds_per_row: list[float] = field(default_factory=list)

    def note(self, done: Trained) -> None:
        """Note a task that has ended."""
        self._seconds_per_row.append(done.seconds / max(done.rows, 1))
        del self._seconds_per_row[:-200]

    def limit(self, rows: int) -> float | None:
        """Return the seconds after which a task of so many rows is slow; None where unknown."""
        if not self._seconds_per_row:
            return None
        return max(LEAST_SECONDS, SLOW * rows * statistics.median(self._seconds_per_row))


class Round(NamedTuple):
    """The results of a round, by shard, and the tasks that were begun again."""

    done: list[Done]
    reruns: int


@dataclass(eq=False)
class _Running:
    shard: int
    began: float


def run_round(workers: Workers, tasks: Mapping[int, Task], rows: list[int], pace: Pace) -> Round:
    """Make the tasks of all shards.

    Parameters
    ----------
    workers : Workers
        Who makes them.
    tasks : mapping of int to Task
        The task of each shard.
    rows : list of int
        The rows that each task passes.
    pace : Pace
        How long tasks took before; it is carried on.

    Raises
    ------
    InputError
        One shard has ended several workers, as one does that is too large for their memory.
    """
    running: dict[Future[Done], _Running] = {}
    found: dict[int, Done] = {}
    losses: Counter[int] = Counter()
    begun: Counter[int] = Counter()
    clear: float | None = None  # since when nothing waits for a worker

    def begin(shard: int, again: bool = False) -> None:
        begun[shard] += 1
        future = workers.submit(shard, tasks[shard], again)
        running[future] = _Running(shard, time.perf_counter())

    try:
        for shard in tasks:
            begin(shard)
        while len(found) < len(tasks):
            ended, _ = wait(running, timeout=LOOK, return_when=FIRST_COMPLETED)
            for future in ended:
                task = running.pop(future, None)
                if task is None:  # another worker has ended it in the same moment
                    continue
                shard = task.shard
                try:
                    done = future.result()
                except WorkerLostError as lost:
                    losses[shard] += 1
                    _check_losses(shard, losses[shard], lost)
                    if all(other.shard != shard for other in running.values()):
                        begin(shard)
                    continue
                found[shard] = done
                pace.note(done.trained)
                for other, late in list(running.items()):
                    if late.shard == shard:
                        del running[other]
                        workers.abandon(other)
            now = time.perf_counter()
            if len(tasks) - len(found) > workers.count:
                clear = None
                continue
            clear = now if clear is None else clear
            for shard in {task.shard for task in running.values()}:
                limit = pace.limit(rows[shard])
                tries = [task.began for task in running.values() if task.shard == shard]
                if limit is None or len(tries) >= MOST_TRIES:
                    continue
                # each try is given twice the time of the one before
                if now - max(clear, *tries) > limit * 2 ** (len(tries) - 1):
                    begin(shard, again=True)
    finally:
        for future in running:
            workers.abandon(future)
    return Round([found[shard] for shard in sorted(found)], begun.total() - len(tasks))


def _check_losses(shard: int, losses: int, lost: WorkerLostError) -> None:
    if losses >= MOST_LOSSES:
        raise InputError(
            f"a shard must fit into the memory of a worker; shard {shard} has ended {losses} "
            f"workers in one round, the last one so: {lost}. Take more shards by n_shards, or "
            "fewer workers on one machine."
        ) from lost
