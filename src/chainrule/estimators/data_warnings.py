"""What a person should be told of their data before a fit, and of the answers after it.

Both look at about five hundred rows, so that they cost next to nothing beside the training.
"""

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.estimators.base import BaseMLP
from chainrule.estimators.ingredients import make_schedule
from chainrule.foundation.errors import shown
from chainrule.training.sources import overflowing_input

__all__ = ["answer_remarks", "input_remarks", "overflow_remarks", "target_remarks"]

MOST_ROWS = 500
# Fewer rows say too little.
FEWEST_ROWS = 20
# A plan of fewer epochs is a trial.
FEWEST_EPOCHS = 10
# Answers whose spread is below this share of that of the targets are one answer.
SAME = 0.01
# One class for all rows is what to expect where it is the class of so many.
MOST_OF_ONE_CLASS = 0.9

STANDARDISE = (
    "Put scikit-learn's StandardScaler before the estimator, as in "
    "make_pipeline(StandardScaler(), MLPClassifier()); `chainrule fit` does it for tables."
)
CAUSES = (
    "Common causes: features that are not standardised, a learning rate that is too high or too "
    "low, a penalty alpha that is too large, features that say nothing of the target."
)


def input_remarks(rows: Rows, names: Sequence[Any] | None) -> list[str]:
    """Return what makes these inputs hard to learn from: very different sizes, a place far off 0.

    The rule is that of `chainrule.insight.input_scales`; columns that never change are no reason.
    """
    if len(rows) < FEWEST_ROWS:
        return []
    from chainrule.insight.input_scales import look_at_columns, scale_words

    if names is None:
        names = [f"column {number}" for number in range(rows.x.shape[1])]
    found = scale_words(look_at_columns(_some(rows)), [str(name) for name in names])
    return [f"{words}. {STANDARDISE}" for kind, words in found if kind != "constant"]


def overflow_remarks(estimator: BaseMLP, rows: Rows) -> list[str]:
    """Return which input is so large that its square overflows, as a reason for a divergence."""
    dtype = estimator._state.vector.dtype
    found = overflowing_input(rows.x, dtype, getattr(estimator, "feature_names_in_", None))
    if found is None:
        return []
    value, column = found
    return [f"{column} holds {value}, whose square {dtype.name} cannot hold. {STANDARDISE}"]


def target_remarks(estimator: BaseMLP) -> list[str]:
    """Return that the loss is beyond the numbers of a machine in the unit of the targets."""
    factor = float(estimator._loss_factor)
    if sys.float_info.min <= factor < math.inf:
        return []
    scale = estimator.target_scale_
    said = "inf" if factor > 1.0 else "0"
    words = (
        f"y has a spread of {scale.spread:.3g}, and its loss in that unit is beyond float64: loss_ "
        f"and the curves say {said}. Training is at the scale of 1 and right all the same. Divide "
        f"y by {scale.spread:.3g} to see its losses."
    )
    return [words]


def answer_remarks(estimator: BaseMLP, rows: Rows) -> list[str]:
    """Return what is odd about the answers for the rows trained on: all the same, or one class."""
    rows = _some(rows)
    if rows.weight is not None:
        kept = np.flatnonzero(rows.weight > 0.0)
        rows = Rows(rows.x[kept], rows.y[kept], rows.weight[kept])
    if len(rows) < FEWEST_ROWS or estimator.stopped_because_ in ("divergence", "interrupted"):
        return []
    x, y = rows.x, rows.y
    scores = estimator._scorer().scores(estimator._state.best_parameters.vector, x)
    p = estimator._predictions_of(scores)
    with np.errstate(all="ignore"):
        spread, target_spread = p.std(axis=0), y.std(axis=0)
    if not np.any(target_spread > 0.0) or _never_change(x):
        return []
    looked = f"{len(rows)} of the rows trained on"
    classes = getattr(estimator, "classes_", None)
    if np.all(spread < SAME * target_spread.max()):
        return [f"the network answers the same for all rows: looked at {looked}. {CAUSES}"]
    if classes is None or not _learnt(estimator):
        return []
    several = getattr(estimator, "_multilabel", False)
    for column in range(p.shape[1] if several else 1):
        answers, truth = p, y
        if several:
            answers, truth = p[:, column : column + 1], y[:, column : column + 1]
        found, true = _classes(answers), _classes(truth)
        share = float(np.average(true == found[0], weights=rows.weight))
        if np.all(found == found[0]) and share < MOST_OF_ONE_CLASS:
            answer = found[0] if several else shown(classes[found[:1]].tolist()[0])
            where = f" in column {column}" if several else ""
            words = (
                f"the network predicts class {answer}{where} for 100 % of {looked}, of which "
                f"{100.0 * share:.0f} % are of that class. {CAUSES} class_weight='balanced' makes "
                "rare classes count as much as others."
            )
            return [words]
    return []


def _learnt(estimator: BaseMLP) -> bool:
    """Say whether training came to its own end, by patience or by a plan of some epochs."""
    if estimator.stopped_because_ != "max_iter":
        return estimator.stopped_because_ in ("no_improvement", "converged")
    return estimator.n_iter_ >= FEWEST_EPOCHS and make_schedule(estimator).needs_total


def _classes(p: np.ndarray) -> np.ndarray:
    """Return class numbers of probabilities, or of encoded targets."""
    return (p[:, 0] > 0.5).astype(int) if p.shape[1] == 1 else p.argmax(axis=1)


def _some(rows: Rows) -> Rows:
    """Return about so many rows, evenly spread over all."""
    step = max(1, len(rows) // MOST_ROWS)
    if step == 1:
        return rows
    weight = None if rows.weight is None else rows.weight[::step]
    return Rows(rows.x[::step], rows.y[::step], weight)


def _never_change(x: Any) -> bool:
    if hasattr(x, "tocsr"):
        return bool(np.all(x.max(axis=0).toarray() == x.min(axis=0).toarray()))
    return bool(np.all(x == x[:1]))
