"""The rows that an estimator is measured on after each epoch: people's own, or a share held out."""

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.foundation.errors import InputError
from chainrule.training.sources import held_out_rows

if TYPE_CHECKING:
    from chainrule.estimators.fitting import FittingMLP

__all__ = ["with_held_out_rows"]


def with_held_out_rows(
    estimator: "FittingMLP", X: Any, y: Any, weight: np.ndarray | None, X_val: Any, y_val: Any
) -> tuple[Any, Any, np.ndarray | None, Rows | None]:
    """Return inputs, targets and weights to train on, and the rows to measure on, if any."""
    if X_val is not None or y_val is not None:
        if X_val is None or y_val is None:
            raise InputError("X_val and y_val must be given together; one is None.")
        X_val, y_val = estimator._checked(X_val, y_val, reset=False)
        held_weight = estimator._weighted(y_val, None)
        held_out = estimator._rows(X_val, y_val, held_weight, names=("X_val", "y_val"))
        return X, y, weight, held_out
    if not estimator.early_stopping:
        return X, y, weight, None
    kept, held = held_out_rows(
        X.shape[0], estimator.validation_fraction, estimator._state.seed, estimator._strata(y)
    )
    held_out = estimator._rows(X[held], y[held], None if weight is None else weight[held])
    return X[kept], y[kept], None if weight is None else weight[kept], held_out
