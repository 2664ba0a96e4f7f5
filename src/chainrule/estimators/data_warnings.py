"""Warnings about the inputs of a fit, and about the answers of the fitted network.

Both look at about five hundred rows, so their cost is small beside the training.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.estimators.class_codec import ClassCodec
from chainrule.estimators.run import Run
from chainrule.foundation.errors import shown
from chainrule.insight.input_scales import look_at_columns, scale_words
from chainrule.training.sources import overflowing_input

__all__ = ["answer_remarks", "input_remarks", "overflow_remarks"]

MOST_ROWS = 500
# Fewer rows are not judged.
FEWEST_ROWS = 20
# A fit of fewer epochs is a trial, and is not judged.
FEWEST_EPOCHS = 10
# Answers are equal if their spread is below this share of the spread of the targets.
SAME = 0.01
# One class for all rows is expected where it is the class of so many.
MOST_OF_ONE_CLASS = 0.9

STANDARDISE = (
    "Put scikit-learn's StandardScaler before the estimator, as in "
    "make_pipeline(StandardScaler(), MLPClassifier()); `chainrule fit` does it for tables."
)
CAUSES = (
    "Common causes: features that are not standardised, a learning rate that is too high or too "
    "low, a penalty alpha that is too large, features that do not depend on the target."
)


def input_remarks(rows: Rows, names: Sequence[Any] | None) -> list[str]:
    """Return warnings about inputs of very different sizes, or far from 0.

    The rule is that of `chainrule.insight.input_scales`; constant columns give no warning.
    """
    if len(rows) < FEWEST_ROWS:
        return []
    if names is None:
        names = [f"column {number}" for number in range(rows.x.shape[1])]
    found = scale_words(look_at_columns(_some(rows)), [str(name) for name in names])
    return [f"{words}. {STANDARDISE}" for kind, words in found if kind != "constant"]


def overflow_remarks(rows: Rows, dtype: np.dtype[Any], names: Sequence[Any] | None) -> list[str]:
    """Return a warning about an input so large that its square overflows, a cause of divergence."""
    found = overflowing_input(rows.x, dtype, names)
    if found is None:
        return []
    value, column = found
    return [f"{column} holds {value}, whose square {dtype.name} cannot hold. {STANDARDISE}"]


def answer_remarks(estimator: Any, run: Run, rows: Rows) -> list[str]:
    """Return a warning where the answers for the rows of training are equal, or of one class."""
    rows = _some(rows)
    if rows.weight is not None:
        kept = np.flatnonzero(rows.weight > 0.0)
        rows = Rows(rows.x[kept], rows.y[kept], rows.weight[kept])
    if len(rows) < FEWEST_ROWS or estimator.stopped_because_ in ("divergence", "interrupted"):
        return []
    x, y = rows.x, rows.y
    engine = run.engine
    assert engine is not None
    p = engine.predictions(engine.scores(run.state.best_parameters.vector, x))
    with np.errstate(all="ignore"):
        spread, target_spread = p.std(axis=0), y.std(axis=0)
    if not np.any(target_spread > 0.0) or _never_change(x):
        return []
    looked = f"{len(rows)} of the rows trained on"
    if np.all(spread < SAME * target_spread.max()):
        return [f"the network answers the same for all rows: looked at {looked}. {CAUSES}"]
    if not isinstance(run.codec, ClassCodec) or not _learnt(estimator, run):
        return []
    classes, several = run.codec.classes, run.codec.multilabel
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


def _learnt(estimator: Any, run: Run) -> bool:
    """Return whether training ended by patience, or made all epochs of a planned schedule."""
    if estimator.stopped_because_ != "max_iter":
        return estimator.stopped_because_ in ("no_improvement", "converged")
    return estimator.n_iter_ >= FEWEST_EPOCHS and run.recipe.schedule.needs_total


def _classes(p: np.ndarray) -> np.ndarray:
    """Return class numbers of probabilities, or of encoded targets."""
    return (p[:, 0] > 0.5).astype(int) if p.shape[1] == 1 else p.argmax(axis=1)


def _some(rows: Rows) -> Rows:
    """Return about `MOST_ROWS` rows, evenly spread over all."""
    step = max(1, len(rows) // MOST_ROWS)
    if step == 1:
        return rows
    weight = None if rows.weight is None else rows.weight[::step]
    return Rows(rows.x[::step], rows.y[::step], weight)


def _never_change(x: Any) -> bool:
    if hasattr(x, "tocsr"):
        return bool(np.all(x.max(axis=0).toarray() == x.min(axis=0).toarray()))
    return bool(np.all(x == x[:1]))
