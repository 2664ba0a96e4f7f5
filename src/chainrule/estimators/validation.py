"""Rows to measure on after each epoch: given to the fit, or a share held out."""

from typing import Any

import numpy as np
from sklearn.base import is_regressor

from chainrule.estimators.inputs import Prepared, checked_samples
from chainrule.estimators.labels import checked_labels
from chainrule.estimators.samples import Given, Samples
from chainrule.estimators.shared_options import Options
from chainrule.estimators.target_codec import TargetCodec
from chainrule.foundation.errors import InputError, must_be
from chainrule.training.splits import held_out_groups, held_out_rows, last_rows

__all__ = ["check_held_out", "divided", "set_apart"]


def set_apart(
    estimator: Any,
    targets: type[TargetCodec],
    given: Given,
    samples: Samples,
    seed: int,
    own_rows: bool,
) -> tuple[Samples, Samples, tuple[str, str]]:
    """Return the rows to train on, those to measure on, and what messages call these.

    These are rows of the user's own, or a share of the samples.
    """
    if own_rows:
        held = own_validation(estimator, targets.prepared, given)
        return samples, held, ("X_val", "y_val")
    labels = targets.strata(samples.y)
    return *divided(estimator, samples, given.groups, seed, labels), ("X", "y")


def own_validation(estimator: Any, prepared: Prepared, given: Given) -> Samples:
    """Return the rows to measure on that are given to the fit."""
    if given.X_val is None or given.y_val is None:
        raise InputError(
            "X_val and y_val must be given together; got None for one of them. Pass both."
        )
    names = ("X_val", "y_val", "sample_weight_val")
    return checked_samples(estimator, prepared, given[3:6], reset=False, names=names)


def divided(
    options: Options, samples: Samples, groups: Any, seed: int, labels: np.ndarray | None
) -> tuple[Samples, Samples]:
    """Return the rows to train on and the rows held out; a split keeps the shares of ``labels``."""
    n, fraction = samples.X.shape[0], options.validation_fraction
    if groups is not None:
        groups = checked_labels(groups, "groups")
        if groups.shape != (n,):
            raise InputError(
                f"groups must be of shape ({n},), one group per row; got {groups.shape}."
            )
        if options.validation == "last":
            raise InputError(
                "groups must be None with validation='last', which may cut a group in two. Take "
                "validation='random', or pass X_val and y_val."
            )
        kept, held = held_out_groups(groups, fraction, seed, labels)
    elif options.validation == "last":
        kept, held = last_rows(n, fraction)
    else:
        kept, held = held_out_rows(n, fraction, seed, labels)
    return samples.take(kept), samples.take(held)


def check_held_out(
    estimator: Any, codec: TargetCodec, held: Samples, names: tuple[str, str]
) -> None:
    """Refuse rows that cannot be measured on: unknown classes, weights of 0, or a single row."""
    where = "y_val" if names[1] == "y_val" else "the part of y held out"
    labels = codec.strata(held.y)
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
