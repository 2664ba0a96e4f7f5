"""SciPy's L-BFGS on all rows at once: for small data, where a step may cost a whole pass."""

import math
import threading
import time
from collections.abc import Generator
from queue import SimpleQueue
from typing import Any, NamedTuple

import numpy as np

from chainrule.engines.engine import Engine, Rows
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import DivergenceError
from chainrule.training.loop import Epoch
from chainrule.training.monitor import Metric, assess
from chainrule.training.snapshot import Snapshot, closing_loss, whole_epoch
from chainrule.training.state import TrainingState
from chainrule.training.stopping import Ending

__all__ = ["LBFGS", "train_lbfgs"]

# The memory of a limited-memory method lives inside one call of SciPy: no slots to keep.
LBFGS: dict[str, Any] = {"name": "lbfgs"}


class _Iterate(NamedTuple):
    """What SciPy found: parameters, their loss with penalties, and the gradients it took."""

    vector: np.ndarray
    value: float
    evaluations: int


class _LeftError(Exception):
    """The loop over the epochs was left; raised where SciPy asks for the next gradient."""


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
    time_limit: float | None = None,
) -> Generator[Epoch, bool | None, Ending]:
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
    validation, metric, patience, tolerance, monitor, time_limit
        As in `train`.

    Notes
    -----
    Source: Liu & Nocedal (1989), Mathematical Programming 45.
    """
    search = _Search(engine, rows, state, epochs, max_evaluations, gradient_tolerance)
    limit = math.inf if time_limit is None else time.perf_counter() + time_limit
    xp = namespace(state.vector)
    start = Snapshot.of(state)
    reason: str | None = None
    try:
        search.start()
        while reason is None:
            began = time.perf_counter()
            found = search.found.get()
            if isinstance(found, BaseException):
                raise found
            if isinstance(found, str):
                reason = found
                break
            with whole_epoch(state) as start:
                state.vector = xp.asarray(found.vector, dtype=state.vector.dtype, copy=True)
                state.epoch += 1
                state.step += 1
                penalty = float(engine.objective.penalty(xp, state.parameters))
                loss = found.value - penalty
                keep = patience is not None
                validation_loss, score, best = assess(
                    engine, state, loss, validation, metric, monitor, tolerance, keep
                )
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
            if (yield epoch):
                reason = "callback"
            elif patience is not None and monitor != "loss" and state.patience.stale >= patience:
                reason = "no_improvement"
            elif time.perf_counter() >= limit and state.epoch < search.last_epoch:
                reason = "time_limit"
            else:
                search.go_on.release()
    finally:
        search.leave()
    assert reason is not None
    return Ending(reason, closing_loss(engine, rows, state, start, None))


class _Search(threading.Thread):
    """SciPy's minimizer, which waits after each iterate until it may go on."""

    def __init__(
        self,
        engine: Engine,
        rows: Rows,
        state: TrainingState,
        epochs: int,
        max_evaluations: int,
        gradient_tolerance: float,
    ) -> None:
        super().__init__(daemon=True)
        self.last_epoch = state.epoch + epochs
        self.found: SimpleQueue[_Iterate | BaseException | str] = SimpleQueue()
        self.go_on = threading.Semaphore(0)
        self._left = False
        self._engine, self._rows, self._first_epoch = engine, rows, state.epoch
        self._xp, self._dtype = namespace(state.vector), state.vector.dtype
        self._begin = np.asarray(state.vector, dtype=np.float64)
        self._options = {
            "maxiter": epochs,
            "maxfun": max_evaluations,
            "gtol": gradient_tolerance,
            # the gradient decides, not the fall of the loss
            "ftol": 64.0 * float(np.finfo(np.float64).eps),
        }
        self._evaluations = self._told = 0

    def leave(self) -> None:
        """End the search at its next question."""
        self._left = True
        self.go_on.release()
        if self.ident is not None:
            self.join()

    def run(self) -> None:
        from scipy.optimize import minimize

        try:
            with np.errstate(all="ignore"):
                result = minimize(
                    self._value_and_gradient,
                    self._begin,
                    jac=True,
                    method="L-BFGS-B",
                    callback=self._after_iteration,
                    options=self._options,
                )
        except BaseException as error:  # raised again where the epochs are looked at
            self.found.put(error)
        else:
            # SciPy: 0 is convergence, 1 a limit, others a line without a better point
            limit = "max_iter" if result.nit >= self._options["maxiter"] else "max_fun"
            self.found.put({0: "converged", 1: limit}.get(result.status, "no_improvement"))

    def _value_and_gradient(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        if self._left:
            raise _LeftError
        self._evaluations += 1
        value, gradient = self._engine.gradient(
            self._xp.asarray(vector, dtype=self._dtype), self._rows
        )
        if self._evaluations == 1 and not math.isfinite(value):
            raise DivergenceError(
                epoch=self._first_epoch + 1,
                step=self._first_epoch + 1,
                learning_rate=None,
                loss=value,
                first_loss=value,
            )
        return value, np.asarray(gradient, dtype=np.float64)

    def _after_iteration(self, intermediate_result: Any) -> None:
        vector, value = np.array(intermediate_result.x), float(intermediate_result.fun)
        self.found.put(_Iterate(vector, value, self._evaluations - self._told))
        self._told = self._evaluations
        self.go_on.acquire()
        if self._left:
            raise StopIteration
