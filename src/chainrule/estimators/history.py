"""Curves, counts and best values that an estimator records after each epoch."""

import math
from typing import Any, NamedTuple

import numpy as np

from chainrule.training.epoch import Epoch

__all__ = ["Mark", "begin_history", "best_epoch", "history_of", "put_history", "record"]

CURVES = (
    "loss_curve_",
    "penalty_curve_",
    "learning_rate_curve_",
    "validation_loss_curve_",
    "validation_scores_",
)
VALUES = (
    "n_iter_",
    "t_",
    "fit_seconds_",
    "loss_",
    "best_loss_",
    "best_validation_score_",
)


def begin_history(estimator: Any) -> None:
    """Start the record, before the first epoch."""
    estimator.t_ = 0
    estimator.loss_curve_, estimator.penalty_curve_ = [], []
    estimator.learning_rate_curve_, estimator.fit_seconds_ = [], 0.0
    estimator.validation_loss_curve_ = estimator.validation_scores_ = None
    estimator.loss_ = estimator.train_loss_ = math.nan
    estimator.best_loss_ = estimator.best_validation_score_ = None
    vars(estimator).pop("kept_epoch_", None)


def history_of(estimator: Any) -> dict[str, Any]:
    """Return the record, as JSON can hold it."""
    return {name: getattr(estimator, name) for name in (*CURVES, *VALUES)}


def put_history(estimator: Any, record: dict[str, Any]) -> None:
    """Put a record of `history_of` into an estimator."""
    for name in (*CURVES, *VALUES):
        setattr(estimator, name, record[name])


class Mark(NamedTuple):
    """A place in the record, to go back to."""

    lengths: dict[str, int]
    values: dict[str, Any]

    @classmethod
    def of(cls, estimator: Any) -> "Mark":
        """Return the place where the record stands."""
        curves = {name: getattr(estimator, name) for name in CURVES}
        lengths = {name: len(curve) for name, curve in curves.items() if curve is not None}
        return cls(lengths, {name: getattr(estimator, name) for name in VALUES})

    def go_back(self, estimator: Any) -> None:
        """Forget what was recorded since."""
        for name, length in self.lengths.items():
            del getattr(estimator, name)[length:]
        vars(estimator).update(self.values)


def record(estimator: Any, epoch: Epoch) -> None:
    """Record an epoch, with losses in the user's unit."""
    estimator.n_iter_ += 1
    estimator.t_ += epoch.rows
    estimator.loss_ = epoch.loss
    estimator.loss_curve_.append(epoch.loss)
    estimator.penalty_curve_.append(epoch.penalty)
    estimator.learning_rate_curve_.append(epoch.learning_rate)
    estimator.fit_seconds_ += epoch.seconds
    if epoch.validation_loss is not None:
        assert estimator.validation_loss_curve_ is not None
        assert estimator.validation_scores_ is not None
        assert epoch.metric is not None
        estimator.validation_loss_curve_.append(epoch.validation_loss)
        estimator.validation_scores_.append(epoch.metric)
        best = estimator.best_validation_score_
        estimator.best_validation_score_ = epoch.metric if best is None else max(best, epoch.metric)
    if estimator.validation_scores_:
        estimator.best_loss_ = None
    else:
        lowest = estimator.best_loss_
        estimator.best_loss_ = epoch.loss if lowest is None else min(lowest, epoch.loss)


def best_epoch(estimator: Any, by_loss: bool) -> int | None:
    """Return the epoch whose parameters were kept, from 1, where one was chosen."""
    kept: int | None = vars(estimator).get("kept_epoch_")  # which other rows have chosen
    if kept is not None:
        return kept
    losses, scores = estimator.validation_loss_curve_, estimator.validation_scores_
    if not losses or not scores:
        return None
    watched = -np.array(losses) if by_loss else np.array(scores)
    return None if np.isnan(watched).all() else 1 + int(np.nanargmax(watched))
