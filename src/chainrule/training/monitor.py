"""What is looked at after each epoch: losses, a metric, and which of them decides."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.engines.engine import Engine, Rows
from chainrule.formulas.loss import weighted_mean
from chainrule.foundation.arrays import Array, namespace
from chainrule.foundation.errors import InputError, must_be, suggest
from chainrule.training.state import TrainingState

__all__ = ["Metric", "assess", "checked_monitor", "of_class_numbers"]

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


def checked_monitor(monitor: str | None, validation: Any, metric: Metric | None) -> str:
    """Return the name of the value that decides; by default the last of `MONITORS` that is there.

    Raises
    ------
    InputError
        If the value named is unknown, or not there.
    """
    if metric is not None and validation is None:
        raise InputError("metric needs validation rows; got none. Pass validation=(x, y).")
    if monitor is None:
        return "metric" if metric else "validation_loss" if validation is not None else "loss"
    if monitor not in MONITORS:
        advice = suggest(str(monitor), list(MONITORS))
        raise must_be("monitor", f"one of {', '.join(MONITORS)}", monitor, advice)
    if monitor != "loss" and validation is None:
        raise InputError(f"monitor={monitor!r} needs validation rows. Pass validation=(x, y).")
    if monitor == "metric" and metric is None:
        raise InputError("monitor='metric' needs a metric. Pass metric=a function.")
    return monitor


def assess(
    engine: Engine,
    state: TrainingState,
    loss: float,
    validation: Rows | None,
    metric: Metric | None,
    monitor: str,
    tolerance: float,
    keep: bool,
) -> tuple[float | None, float | None, bool]:
    """Measure the state, count the epoch in its patience, and keep the best parameters.

    Returns validation loss, metric, and whether this epoch is the best so far. Parameters are kept
    only where ``keep`` asks for it and validation rows decide: the training loss is a running mean
    and says nothing exact about the parameters at the end of its epoch.
    """
    validation_loss, score = _measure(engine, state, validation, metric)
    value = {"loss": loss, "validation_loss": validation_loss, "metric": score}[monitor]
    assert value is not None
    value = -value if monitor == "metric" else value
    best = state.patience.update(value, state.epoch, tolerance)
    if best and keep and monitor != "loss":
        state.best = namespace(state.vector).asarray(state.current, copy=True)
    return validation_loss, score, best


def _measure(
    engine: Engine, state: TrainingState, validation: Rows | None, metric: Metric | None
) -> tuple[float | None, float | None]:
    if validation is None:
        return None, None
    if metric is None:
        return engine.loss(state.current, validation), None
    scores = engine.scores(state.current, validation.x)
    xp = namespace(scores)
    with np.errstate(all="ignore"):
        values = engine.objective.loss.rows(xp, scores, validation.y)
        loss = float(weighted_mean(xp, values, validation.weight))
    return loss, float(metric(scores, validation.y))
