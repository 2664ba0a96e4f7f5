"""L-BFGS on all rows at once: for small data, where a step may cost a whole pass."""

import math
import time
from collections.abc import Callable, Generator
from typing import Any

import numpy as np

from chainrule.engines.engine import Engine, Rows, penalty_at
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import DivergenceError
from chainrule.training.curvature import Iterate, descend
from chainrule.training.epoch import Epoch
from chainrule.training.monitor import Watch, assess
from chainrule.training.preparing import clock_limit
from chainrule.training.snapshot import Progress, Snapshot, closing_loss, whole_epoch
from chainrule.training.state import TrainingState
from chainrule.training.stopping import Ending

__all__ = ["LBFGS", "train_lbfgs"]

# A rule of no slots: its memory is `TrainingState.curvature`.
LBFGS: dict[str, Any] = {"name": "lbfgs"}


def train_lbfgs(
    engine: Engine,
    rows: Rows,
    state: TrainingState,
    watch: Watch | None = None,
    *,
    epochs: int,
    max_evaluations: int = 15_000,
    gradient_tolerance: float = 1e-4,
    time_limit: float | None = None,
    progress: Progress | None = None,
) -> Generator[Epoch, bool | None, Ending]:
    """Minimize the objective on all rows, and yield an `Epoch` per iteration.

    The state holds the curvature met so far, so that many short runs go the way of a long one.

    Parameters
    ----------
    engine, rows, state, watch, time_limit, progress
        As `train_rows` takes them.
    epochs, max_evaluations : int
        Most iterations, and most evaluations of the gradient.
    gradient_tolerance : float
        Stop where no component of the gradient is larger.

    Notes
    -----
    Source: Liu & Nocedal (1989), Mathematical Programming 45.
    """
    xp, dtype = namespace(state.vector), state.vector.dtype
    limit, watch = clock_limit(time_limit), Watch() if watch is None else watch
    progress = Progress() if progress is None else progress
    begun = state.epoch - progress.epochs
    last_epoch, going_on = begun + epochs, progress.epochs > 0
    asked = state.evaluations if going_on else 0
    search = descend(
        _objective(engine, rows, state),
        np.asarray(state.vector),
        state.curvature,
        gradient_tolerance=gradient_tolerance,
        max_iterations=epochs - progress.epochs,
        max_evaluations=max_evaluations,
        asked=asked,
        fall=state.fall if going_on else math.nan,
    )
    last = progress.start or Snapshot.of(state)
    gave_up = going_on and watch.decides != "loss" and watch.gives_up(state)
    reason: str | None = "no_improvement" if gave_up else None
    while reason is None:
        began = time.perf_counter()
        try:
            with np.errstate(all="ignore"):
                found = next(search)
        except StopIteration as end:
            reason = end.value
            if state.epoch > begun:
                break
            # the start is as good as can be: it is the one point of the curve
            value, _ = engine.gradient(state.vector, rows)
            found = Iterate(np.asarray(state.vector), value, state.curvature, 1, math.nan)
        with whole_epoch(state, progress) as before:
            last = before
            state.vector = xp.asarray(found.vector, dtype=dtype, copy=True)
            state.curvature = found.pairs
            asked += found.evaluations
            state.evaluations, state.fall = asked, found.fall
            state.epoch += 1
            state.step += 1
            penalty = penalty_at(engine, state.current_there)
            loss = found.value - penalty
            validation_loss, score, best = assess(engine, state, loss, watch)
            epoch = Epoch(
                number=state.epoch,
                loss=loss,
                penalty=penalty,
                validation_loss=validation_loss,
                metric=score,
                learning_rate=math.nan,
                rows=len(rows) * found.evaluations,
                steps=found.evaluations,
                seconds=time.perf_counter() - began,
                best=best,
                state=state,
            )
        if (yield epoch) and reason is None:
            reason = "callback"
        elif reason is not None:
            break
        elif watch.decides != "loss" and watch.gives_up(state):
            reason = "no_improvement"
        elif time.perf_counter() >= limit and state.epoch < last_epoch:
            reason = "time_limit"
    return Ending(reason, closing_loss(engine, rows, state, last, None))


def _objective(
    engine: Engine, rows: Rows, state: TrainingState
) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Return the function of a vector that training makes small, with its gradient.

    It must be finite where training starts; further on, it tells the search to turn back.
    """
    xp, dtype, epoch = namespace(state.vector), state.vector.dtype, state.epoch
    begun = False

    def value_and_gradient(vector: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal begun
        value, gradient = engine.gradient(xp.asarray(vector, dtype=dtype), rows)
        if not begun and not math.isfinite(value):
            raise DivergenceError(
                epoch=epoch + 1, step=epoch + 1, learning_rate=None, loss=value, first_loss=value
            )
        begun = True
        return value, np.asarray(gradient, dtype=np.float64)

    return value_and_gradient
