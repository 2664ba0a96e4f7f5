"""A fitted estimator as the subject of an explanation."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.estimators.ingredients import make_optimizer
from chainrule.insight.explanation import Explanation
from chainrule.insight.subject import Subject

if TYPE_CHECKING:
    from chainrule.estimators.fitting import FittingMLP

__all__ = ["explanation_of"]


def explanation_of(estimator: "FittingMLP", rows: Rows) -> Explanation:
    """Return the explanation of a fitted estimator on encoded rows.

    The optimizer's memory belongs to the last step; it is left out where the parameters shown are
    those of an earlier, better epoch, or were edited.
    """
    state, parameters = estimator._state, estimator.parameters_.vector
    live = np.array_equal(estimator._fold(state.vector), parameters, equal_nan=True)
    subject = Subject(
        estimator.objective_,
        state.vector if live else estimator._unfold(parameters),
        rows,
        optimizer=make_optimizer(estimator),
        slots=tuple(state.slots) if live else (),
        step=state.step if live else 0,
        learning_rate=float(estimator.learning_rate_init),
        input_names=tuple(map(str, getattr(estimator, "feature_names_in_", ()))),
        notes=tuple(_notes(estimator)),
        facts={
            "loss_curve": estimator.loss_curve_,
            "seed": estimator.seed_,
            "epochs": estimator.n_iter_,
            "stopped_because": estimator.stopped_because_,
        },
    )
    return Explanation(subject)


def _notes(estimator: "FittingMLP") -> Iterator[str]:
    """Give the sentences that a reader of the numbers must know."""
    scale = getattr(estimator, "target_scale_", None)
    if scale is not None:
        yield scale.sentence
    if estimator.label_smoothing > 0.0:
        yield f"labels are smoothed as in training, by {estimator.label_smoothing:g}"
