"""The values measured after each epoch: losses, a metric, and the one that decides."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.engines.engine import Engine, Rows, row_scores
from chainrule.engines.leaving import copied
from chainrule.formulas.loss import weighted_mean
from chainrule.foundation.arrays import Array, namespace
from chainrule.foundation.errors import InputError, must_be, suggest
from chainrule.foundation.real_numbers import check_count, is_real
from chainrule.training.state import TrainingState

__all__ = ["Metric", "Watch", "assess", "of_class_numbers"]

# From scores and encoded targets to a number; more is better.
Metric = Callable[[Array, Array], float]
MONITORS = ("loss", "validation_loss", "metric")


def of_class_numbers(metric: Metric | None, y: Any, encoded: Array) -> Metric | None:
    """Return a metric that is given class numbers, where targets were given as such.

    A loss takes them as one-hot rows.

    Examples
    --------
    >>> accuracy = of_class_numbers(lambda scores, y: np.mean(scores.argmax(axis=1) == y), [1, 0],
    ...                             np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> float(accuracy(np.array([[0.3, 0.9], [0.2, 0.1]]), np.array([[0.0, 1.0], [1.0, 0.0]])))
    1.0
    """
    if metric is None or encoded.shape[1] == 1 or np.ndim(y) != 1:
        return metric
    return lambda scores, rows: metric(scores, namespace(rows).argmax(rows, axis=-1))


@dataclass(frozen=True, eq=False)
class Watch:
    """The measurements after every epoch, and the value that decides.

    Parameters
    ----------
    validation : Rows, optional
        Rows to measure on.
    metric : callable, optional
        ``metric(scores, y)`` on these rows; more is better.
    monitor : {"loss", "validation_loss", "metric"}, optional
        The value that decides; by default the last of these that is there.
    patience : int or infinity, optional
        Epochs without improvement before training stops. None never stops, and keeps no best
        parameters; infinity only keeps them.
    tolerance : float
        Improvement that counts.

    Examples
    --------
    >>> Watch().decides, Watch(Rows(np.ones((2, 1)), np.ones((2, 1)))).decides
    ('loss', 'validation_loss')
    """

    validation: Rows | None = None
    metric: Metric | None = None
    monitor: str | None = None
    patience: float | None = None
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if self.patience is not None and self.patience != math.inf:
            check_count("patience", self.patience)
        if not is_real(self.tolerance) or not 0.0 <= self.tolerance < math.inf:
            raise must_be("tolerance", "a number of at least 0", self.tolerance)
        if self.metric is not None and self.validation is None:
            raise InputError("metric needs validation rows; got none. Pass validation=(x, y).")
        monitor = self.monitor
        if monitor is None:
            return
        if monitor not in MONITORS:
            advice = suggest(str(monitor), list(MONITORS))
            raise must_be("monitor", f"one of {', '.join(MONITORS)}", monitor, advice)
        if monitor != "loss" and self.validation is None:
            raise InputError(f"monitor={monitor!r} needs validation rows. Pass validation=(x, y).")
        if monitor == "metric" and self.metric is None:
            raise InputError("monitor='metric' needs a metric. Pass metric=a function.")

    @property
    def decides(self) -> str:
        """The name of the value that decides."""
        if self.monitor is not None:
            return self.monitor
        if self.metric is not None:
            return "metric"
        return "loss" if self.validation is None else "validation_loss"

    def gives_up(self, state: TrainingState) -> bool:
        """Say whether patience with the monitored value has run out."""
        return self.patience is not None and state.patience.stale >= self.patience


def assess(
    engine: Engine, state: TrainingState, loss: float, watch: Watch
) -> tuple[float | None, float | None, bool]:
    """Measure the state, count the epoch in its patience, and keep the best parameters.

    Returns validation loss, metric, and whether this epoch is the best so far. Parameters are kept
    only where there is patience and validation rows decide: the training loss is a running mean
    and says nothing exact about the parameters at the end of its epoch.
    """
    validation_loss, score = _measure(engine, state, watch.validation, watch.metric)
    monitor = watch.decides
    value = {"loss": loss, "validation_loss": validation_loss, "metric": score}[monitor]
    assert value is not None
    value = -value if monitor == "metric" else value
    best = state.patience.update(value, state.epoch, watch.tolerance)
    if best and watch.patience is not None and monitor != "loss":
        state.best = copied(state.current_there)
    return validation_loss, score, best


def _measure(
    engine: Engine, state: TrainingState, validation: Rows | None, metric: Metric | None
) -> tuple[float | None, float | None]:
    if validation is None:
        return None, None
    if metric is None:
        return engine.loss(state.current_there, validation), None
    scores = row_scores(engine, state.current_there, validation)
    xp = namespace(scores)
    with np.errstate(all="ignore"):
        values = engine.objective.loss.rows(xp, scores, validation.y)
        loss = float(weighted_mean(xp, values, validation.weight))
    return loss, float(metric(scores, validation.y))
