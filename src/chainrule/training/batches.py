"""One pass over the rows: windows, each in a drawn order, which the engine cuts into batches."""

import math
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from chainrule.engines.engine import Engine, Rows
from chainrule.formulas.loss import weighted_mean
from chainrule.formulas.schedules import Schedule
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import DivergenceError
from chainrule.training.snapshot import Snapshot, divergence_limit
from chainrule.training.state import TrainingState
from chainrule.training.step import OnStep, Start, Step, made
from chainrule.training.windows import AnyRows, StreamedRows, Window, pass_order

__all__ = ["Plan", "measure_of_divergence", "one_pass", "pass_by_steps", "windows_of"]

# A first loss below this share of the loss of scores of 0 is luck, and no measure; about so many
# rows say what that loss is.
LUCK, SOME_ROWS = 1e-2, 1000


@dataclass(frozen=True)
class Plan:
    """The settings that stay the same from epoch to epoch."""

    learning_rate: float
    batch_size: int
    steps: int
    last_epoch: int
    schedule: Schedule
    shuffle: bool


def one_pass(
    engine: Engine,
    rows: AnyRows,
    state: TrainingState,
    plan: Plan,
    start: Snapshot,
    before: Snapshot,
    on_step: OnStep | None = None,
) -> tuple[float, int, float]:
    """Make one pass; return mean loss, rows seen, and the rate of the last step.

    On divergence the state goes back to the start of this epoch, whose first batch showed a good
    loss, or of the epoch before, where that first batch is the one that failed.
    """
    each = on_step is not None
    passing = pass_by_steps(engine, rows, state, plan, start, before, each)
    while True:
        try:
            step = next(passing)
        except StopIteration as end:
            ended: tuple[float, int, float] = end.value
            return ended
        assert on_step is not None
        on_step(step)


def pass_by_steps(
    engine: Engine,
    rows: AnyRows,
    state: TrainingState,
    plan: Plan,
    start: Snapshot,
    before: Snapshot,
    each: bool = True,
    made_before: int = 0,
) -> Generator[Step, None, tuple[float, int, float]]:
    """Make one pass as `one_pass` does, and yield each step; with ``each`` false, none.

    A yielded step is an engine call of its own; all others share one call. Losses are summed in the
    same order, so the bits do not depend on it. The pass goes on after the steps that were
    ``made_before``.
    """
    first_step = state.step - made_before
    assert state.learning_rate is not None
    rates = plan.schedule.rates(
        state.learning_rate, first_step, plan.steps, plan.steps, plan.last_epoch * plan.steps
    )
    loss, weight, later_loss, later_weight = 0.0, 0.0, 0.0, 0.0
    windows = windows_of(rows, state.seed, state.epoch, plan.batch_size, plan.shuffle, engine)
    with closing(windows):
        for own, batches, done, count in _calls(windows, plan, state, made_before, each):
            measuring = math.isnan(state.first_loss)
            begin = Start.of(state) if each else None
            totals = engine.epoch(
                state,
                own,
                batches,
                plan.batch_size,
                rates[done : done + count],
                divergence_limit(state.first_loss),
            )
            if totals.steps < count:
                failed = done + totals.steps
                epoch = state.epoch + 1
                first_loss = state.first_loss
                (start if failed else before).restore(state)
                raise DivergenceError(
                    epoch=epoch,
                    step=first_step + failed + 1,
                    learning_rate=float(rates[failed]),
                    loss=totals.last_loss,
                    first_loss=totals.last_loss if math.isnan(first_loss) else first_loss,
                )
            if measuring:
                state.first_loss = measure_of_divergence(totals.last_loss, engine, own)
                loss, weight = loss + totals.loss, weight + totals.weight
            else:
                later_loss, later_weight = later_loss + totals.loss, later_weight + totals.weight
            if begin is not None:
                rate = float(rates[done])
                yield made(engine, own, state, begin, batches, rate, totals.last_loss)
    state.epoch += 1
    rows_seen = min(plan.steps * plan.batch_size, len(rows))
    return (loss + later_loss) / (weight + later_weight), rows_seen, float(rates[-1])


def windows_of(
    rows: AnyRows,
    seed: int,
    epoch: int,
    batch_size: int,
    shuffle: bool = True,
    engine: Engine | None = None,
) -> Generator[Window, None, None]:
    """Yield the windows of a pass, which hold every row once; the epoch counts from 0.

    Examples
    --------
    >>> rows = Rows(np.zeros((4, 1)), np.zeros((4, 1)))
    >>> [window.order.tolist() for window in windows_of(rows, 0, 0, batch_size=2)]
    [[3, 0, 2, 1]]
    """
    if isinstance(rows, StreamedRows):
        yield from rows.windows(seed, epoch, batch_size, shuffle, engine)
    else:
        n = len(rows)
        yield Window(rows, pass_order(seed, epoch, n, engine) if shuffle else np.arange(n))


def _calls(
    windows: Iterator[Window], plan: Plan, state: TrainingState, done: int, each: bool
) -> Iterator[tuple[Rows, np.ndarray, int, int]]:
    """Yield the engine calls of a pass: rows, their order, steps made before, and steps to make.

    A call is of one step where each is looked at, or measures; else of all steps of a window.
    """
    passed = 0  # steps of the windows before
    for window in windows:
        last = min(plan.steps, passed + math.ceil(len(window.order) / plan.batch_size))
        while done < last:
            count = 1 if each or math.isnan(state.first_loss) else last - done
            place = done - passed
            batches = window.order[place * plan.batch_size : (place + count) * plan.batch_size]
            yield window.rows, batches, done, count
            done += count
        passed = last


def measure_of_divergence(first_loss: float, engine: Engine, rows: Rows) -> float:
    """Return the first batch loss; where luck made it tiny, the loss of all-zero scores."""
    xp, some = namespace(rows.y), slice(None, None, max(1, len(rows) // SOME_ROWS))
    y = rows.y[some, ...]
    weight = None if rows.weight is None else rows.weight[some]
    with np.errstate(all="ignore"):
        values = engine.objective.loss.rows(xp, xp.zeros_like(y), y)
        unanswered = float(weighted_mean(xp, values, weight))
    lucky = first_loss < LUCK * unanswered < math.inf
    return unanswered if lucky else first_loss
