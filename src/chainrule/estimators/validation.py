"""The rows that an estimator is measured on after each epoch: people's own, or a share held out."""

from typing import Any

import numpy as np
from sklearn.base import is_regressor

from chainrule.estimators.base import BaseMLP
from chainrule.estimators.labels import checked_labels
from chainrule.estimators.samples import Samples
from chainrule.foundation.errors import InputError, must_be
from chainrule.training.splits import held_out_groups, held_out_rows, last_rows

__all__ = ["check_held_out", "divided", "own_validation"]


def own_validation(
    estimator: BaseMLP, X_val: Any, y_val: Any, sample_weight_val: Any
) -> Samples | None:
    """Return a person's own rows to measure on, if there are any."""
    if X_val is None and y_val is None and sample_weight_val is None:
        return None
    if X_val is None or y_val is None:
        raise InputError("X_val and y_val must be given together; one is None.")
    rows: Samples = estimator._checked(
        X_val, y_val, sample_weight_val, reset=False, names=("X_val", "y_val", "sample_weight_val")
    )
    return rows


def divided(
    estimator: BaseMLP, samples: Samples, groups: Any, seed: int
) -> tuple[Samples, Samples]:
    """Return the rows to train on and those held out, as the options and groups ask for."""
    n, fraction = samples.X.shape[0], estimator.validation_fraction
    labels = estimator._strata(samples.y)
    if groups is not None:
        groups = checked_labels(groups, "groups")
        if groups.shape != (n,):
            raise InputError(
                f"groups must be of shape ({n},), one group per row; got {groups.shape}."
            )
        if estimator.validation == "last":
            raise InputError(
                "groups must be None with validation='last', which may cut a group in two. Take "
                "validation='random', or pass X_val and y_val."
            )
        kept, held = held_out_groups(groups, fraction, seed, labels)
    elif estimator.validation == "last":
        kept, held = last_rows(n, fraction)
    else:
        kept, held = held_out_rows(n, fraction, seed, labels)
    return samples.take(kept), samples.take(held)


def check_held_out(estimator: BaseMLP, held: Samples, names: tuple[str, str]) -> None:
    """Refuse rows that cannot be measured on: of classes never trained on, too few, or absent."""
    where = "y_val" if names[1] == "y_val" else "the part of y held out"
    labels = estimator._strata(held.y)
    if labels is not None:
        classes = estimator.classes_.tolist()
        unseen = [label for label in np.unique(labels).tolist() if label not in classes]
        if unseen:
            row = int(np.argmax(labels == unseen[0]))
            raise InputError(
                f"{where} must hold classes that are trained on, {classes}; got {unseen[0]!r} in "
                f"row {row}. Have rows of it to train on, or leave them out."
            )
    if held.weight is not None and not np.any(held.weight > 0.0):
        raise InputError(f"sample_weight must be above 0 for some row of {where}; all are 0.")
    present = held.X.shape[0] if held.weight is None else np.count_nonzero(held.weight)
    if is_regressor(estimator) and estimator.monitor == "score" and present < 2:
        rule = "at least 2 rows, for R2" + ("" if held.weight is None else ", of weight above 0")
        name = "X_val" if names[0] == "X_val" else "the part of X held out"
        raise must_be(name, rule, int(present), "Pass more, or choose monitor='loss'.")
