"""The gradient of a fitted estimator's loss by its parameters, in the user's units."""

from typing import Any

import numpy as np

from chainrule.engines.choice import choose_engine
from chainrule.estimators.base import BaseMLP
from chainrule.estimators.explaining import rows_of
from chainrule.estimators.ingredients import make_optimizer
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters

__all__ = ["gradient_in_units"]


def gradient_in_units(estimator: BaseMLP, given: tuple[Any, ...], penalties: bool) -> Parameters:
    """Return the gradient on rows (X, y, sample_weight), with the penalties or without."""
    objective = estimator.objective_
    if not penalties:
        objective = Objective(objective.network, objective.loss)
    engine = choose_engine(
        estimator.engine if isinstance(estimator.engine, str) else "auto",
        objective,
        make_optimizer(estimator),
        estimator.n_threads,
    )
    rows = rows_of(estimator, given, ("X", "y", "sample_weight"), estimator.label_smoothing)
    _, gradient = engine.gradient(_trained(estimator), rows)
    return estimator.network_.parameters(estimator._fold_gradient(np.asarray(gradient)))


def _trained(estimator: BaseMLP) -> np.ndarray:
    """Return the parameters shown, in the units trained in: exactly, unless they were edited."""
    kept: np.ndarray = estimator._state.best_parameters.vector
    shown = estimator.parameters_.vector
    if np.array_equal(estimator._fold(kept), shown, equal_nan=True):
        return kept
    return estimator._unfold(shown)
