"""Warnings about training that a limit ended too early."""

import math
from collections.abc import Sequence
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from chainrule.estimators.ingredients import LBFGS_NAME, make_schedule, solver_of

__all__ = ["unfinished"]

LIMITS = {"max_iter": "epochs", "max_fun": "evaluations of the gradient"}
# A curve is level if its best recent value is within this share of the best before.
LEVEL = 0.01
# The recent epochs are the last tenth.
RECENT = 10


def unfinished(estimator: Any, networks: Sequence[Any]) -> list[ConvergenceWarning]:
    """Return a warning where a limit ended the training of networks, with the course of the curve.

    A schedule with a planned end needs no warning: all its epochs are made.
    """
    ended = [one for one in networks if one.stopped_because_ in LIMITS]
    if not ended or make_schedule(estimator).needs_total:
        return []
    limit = ended[0].stopped_because_
    who = "training" if len(networks) == 1 else f"{len(ended)} of {len(networks)} networks"
    return [
        ConvergenceWarning(
            f"{who} stopped after {limit}={getattr(estimator, limit)} {LIMITS[limit]} while "
            f"{_course(estimator, ended[0], limit)}"
        )
    ]


def _course(estimator: Any, network: Any, limit: str) -> str:
    """Return the course of the watched curve at the end, and advice."""
    sign, watched, curve = 1.0, "loss", network.loss_curve_
    if network.validation_scores_:
        sign, watched, curve = -1.0, "validation score", network.validation_scores_
        if estimator.monitor == "loss":
            sign, watched, curve = 1.0, "validation loss", network.validation_loss_curve_
    falls = f"the {watched} was still getting better. Raise {limit}, or tol."
    values = [sign * value for value in curve]
    if not 0.0 < min(map(abs, values)) < math.inf:  # beyond the numbers, in the unit of y
        return f"patience had not run out. Raise {limit}, or tol."
    recent = max(1, len(values) // RECENT)
    if len(values) < 2:
        return falls
    before, last = min(values[:-recent]), min(values[-recent:])
    first = f"Try another learning_rate_init (now {estimator.learning_rate_init:g})"
    if solver_of(estimator) == LBFGS_NAME:
        first = f"Raise {limit}"
    advice = f"{first}, or alpha, or bring the inputs to other scales."
    reached = f"from {curve[0]:.4g} to {curve[-1]:.4g}"
    if last - before > LEVEL * abs(before):
        worse = "fell" if sign < 0 else "rose"
        best = values.index(min(values)) + 1
        return f"the {watched} {worse}: {reached}, best in epoch {best}. {advice}"
    if last >= before:
        return f"the {watched} stood still: {reached}. {advice}"
    return falls
