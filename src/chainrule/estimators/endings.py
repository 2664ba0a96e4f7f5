"""What is said of training that ended before it was done."""

from collections.abc import Sequence
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from chainrule.estimators.ingredients import make_schedule

__all__ = ["unfinished"]

LIMITS = {"max_iter": "epochs", "max_fun": "evaluations of the gradient"}


def unfinished(estimator: Any, networks: Sequence[Any]) -> list[ConvergenceWarning]:
    """Return a warning where a limit ended the training of networks that still got better.

    A schedule with a planned end has done what was planned.
    """
    ended = [one for one in networks if one.stopped_because_ in LIMITS]
    if not ended or make_schedule(estimator).needs_total:
        return []
    limit = ended[0].stopped_because_
    watched = "validation score" if ended[0].validation_scores_ else "loss"
    who = "training" if len(networks) == 1 else f"{len(ended)} of {len(networks)} networks"
    return [
        ConvergenceWarning(
            f"{who} stopped after {limit}={getattr(estimator, limit)} {LIMITS[limit]} while the "
            f"{watched} was still getting better. Raise {limit}, or tol."
        )
    ]
