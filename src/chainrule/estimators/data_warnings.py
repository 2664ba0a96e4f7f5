"""What a person should be told of their data before a fit, and of the answers after it.

Both look at about five hundred rows, so that they cost next to nothing beside the training.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.training.sources import overflowing_input

if TYPE_CHECKING:
    from chainrule.estimators.fitting import FittingMLP
    from chainrule.estimators.running import RunningMLP

__all__ = ["answer_remarks", "input_remarks", "overflow_remarks"]

MOST_ROWS = 500
# Fewer rows say too little.
FEWEST_ROWS = 20
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


def overflow_remarks(estimator: "RunningMLP", rows: Rows) -> list[str]:
    """Return which input is so large that its square overflows, as a reason for a divergence."""
    dtype = estimator._state.vector.dtype
    found = overflowing_input(rows.x, dtype, getattr(estimator, "feature_names_in_", None))
    if found is None:
        return []
    value, column = found
    return [f"{column} holds {value}, whose square {dtype.name} cannot hold. {STANDARDISE}"]


def answer_remarks(estimator: "FittingMLP", rows: Rows) -> list[str]:
    """Return what is odd about the answers for the rows trained on: all the same, or one class."""
    rows = _some(rows)
    if rows.weight is not None:
        kept = np.flatnonzero(rows.weight > 0.0)
        rows = Rows(rows.x[kept], rows.y[kept], rows.weight[kept])
    if len(rows) < FEWEST_ROWS or estimator.stopped_because_ in ("divergence", "interrupted"):
        return []
    x, y = rows.x, rows.y
    scores = estimator._scoring_engine().scores(estimator._state.best_parameters.vector, x)
    p = estimator._predictions_of(scores)
    with np.errstate(all="ignore"):
        spread, target_spread = p.std(axis=0), y.std(axis=0)
    if not np.any(target_spread > 0.0) or _never_change(x):
        return []
    looked = f"{len(rows)} of the rows trained on"
    classes = getattr(estimator, "classes_", None)
    if np.all(spread < SAME * target_spread.max()):
        return [f"the network answers the same for all rows: looked at {looked}. {CAUSES}"]
    if classes is None or getattr(estimator, "_multilabel", False):
        return []
    numbers = (p[:, 0] > 0.5).astype(int) if p.shape[1] == 1 else p.argmax(axis=1)
    truth = (y[:, 0] > 0.5).astype(int) if p.shape[1] == 1 else y.argmax(axis=1)
    one = int(numbers[0])
    share = float(np.average(truth == one, weights=rows.weight))
    learnt_all = estimator.stopped_because_ == "no_improvement"
    if learnt_all and np.all(numbers == one) and share < MOST_OF_ONE_CLASS:
        label = classes[one : one + 1].tolist()[0]
        words = (
            f"the network predicts class {label!r} for 100 % of {looked}, of which "
            f"{100.0 * share:.0f} % are of that class. {CAUSES} class_weight='balanced' makes rare "
            "classes count as much as others."
        )
        return [words]
    return []


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
