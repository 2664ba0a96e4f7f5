"""SciPy's L-BFGS on all rows at once: for small data, where a step may cost a whole pass."""

import math
import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import numpy as np

from chainrule.engines.engine import Engine, Rows
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import DivergenceError
from chainrule.training.loop import Epoch
from chainrule.training.monitor import Metric, assess
from chainrule.training.state import TrainingState

__all__ = ["LBFGS", "train_lbfgs"]

# The memory of a limited-memory method lives inside one call of SciPy: no slots to keep.
LBFGS: dict[str, Any] = {"name": "lbfgs"}


def train_lbfgs(
    engine: Engine,
    rows: Rows,
    state: TrainingState,
    *,
    epochs: int,
    max_evaluations: int = 15_000,
    gradient_tolerance: float = 1e-4,
    validation: Rows | None = None,
    metric: Metric | None = None,
    patience: int | None = None,
    tolerance: float = 0.0,
    monitor: str = "loss",
) -> Iterator[Epoch]:
    """Minimize the objective on all rows, and yield an `Epoch` per iteration.

    SciPy calls back and cannot be paused, so it runs in a thread of its own that waits while an
    epoch is looked at. A loop that is left early ends it at that iteration: nothing is lost but the
    curvature.

    Parameters
    ----------
    engine, rows, state
        As `train_rows` takes them.
    epochs, max_evaluations : int
        Most iterations, and most evaluations of the gradient.
    gradient_tolerance : float
        Stop where no component of the gradient is larger.
    validation, metric, patience, tolerance, monitor
        As in `train`.

    Notes
    -----
    Source: Liu & Nocedal (1989), Mathematical Programming 45.
    """
    from scipy.optimize import minimize

    xp = namespace(state.vector)
    dtype = state.vector.dtype
    made: SimpleQueue[Epoch | BaseException | None] = SimpleQueue()
    looked_at, left = threading.Semaphore(0), threading.Event()
    first_epoch = state.epoch
    evaluations = 0
    began = time.perf_counter()

    def value_and_gradient(vector: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal evaluations
        evaluations += 1
        value, gradient = engine.gradient(xp.asarray(vector, dtype=dtype), rows)
        if state.epoch == first_epoch and evaluations == 1 and not math.isfinite(value):
            raise DivergenceError(
                epoch=1, step=1, learning_rate=1.0, loss=value, first_loss=math.nan
            )
        return value, np.asarray(gradient, dtype=np.float64)

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal evaluations, began
        state.vector = xp.asarray(intermediate_result.x, dtype=dtype, copy=True)
        state.epoch += 1
        state.step += 1
        penalty = float(engine.objective.penalty(xp, state.parameters))
        loss = float(intermediate_result.fun) - penalty
        validation_loss, score, best = assess(
            engine, state, loss, validation, metric, monitor, tolerance, keep=patience is not None
        )
        made.put(
            Epoch(
                number=state.epoch,
                loss=loss,
                penalty=penalty,
                validation_loss=validation_loss,
                metric=score,
                learning_rate=math.nan,
                rows=len(rows) * evaluations,
                steps=evaluations,
                seconds=time.perf_counter() - began,
                best=best,
                state=state,
            )
        )
        evaluations, began = 0, time.perf_counter()
        looked_at.acquire()
        stale = patience is not None and monitor != "loss" and state.patience.stale >= patience
        if stale or left.is_set():
            raise StopIteration

    def run() -> None:
        try:
            minimize_all()
        except BaseException as error:  # raised again where the epochs are looked at
            made.put(error)
        made.put(None)

    def minimize_all() -> None:
        with np.errstate(all="ignore"):
            minimize(
                value_and_gradient,
                np.asarray(state.vector, dtype=np.float64),
                jac=True,
                method="L-BFGS-B",
                callback=after_iteration,
                options={
                    "maxiter": epochs,
                    "maxfun": max_evaluations,
                    "gtol": gradient_tolerance,
                    # the gradient decides, not the fall of the loss
                    "ftol": 64.0 * float(np.finfo(np.float64).eps),
                },
            )

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
            looked_at.release()
    finally:
        left.set()
        looked_at.release()
        thread.join()
