"""The value that is watched on held-out rows: the estimator's score, its loss, or a scorer."""

import copy
import inspect
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.estimators.run import Run
from chainrule.estimators.samples import Samples
from chainrule.foundation.errors import InputError, must_be, suggest
from chainrule.training.monitor import Metric, Watch

__all__ = ["checked_scorer", "watch_on"]

Scorer: TypeAlias = Callable[..., Any]
OWN = ("score", "loss")


def checked_scorer(monitor: Any) -> Scorer | None:
    """Return the scorer that ``monitor`` names; None for the estimator's own score and loss.

    Raises
    ------
    InputError
        If there is no scorer of that name.
    """
    if isinstance(monitor, str):
        if monitor in OWN:
            return None
        from sklearn.metrics import get_scorer, get_scorer_names

        names = get_scorer_names()
        if monitor in names:
            scorer: Scorer = get_scorer(monitor)
            return scorer
        advice = suggest(monitor, [*OWN, *names])
    elif callable(monitor):
        return monitor  # type: ignore[no-any-return]
    else:
        advice = ""
    rule = "'score', 'loss', the name of a scikit-learn scorer, or a scorer"
    raise must_be("monitor", rule, monitor, advice)


def watch_on(estimator: Any, run: Run, held: Samples, rows: Rows) -> tuple[Watch, Any]:
    """Return the watch on held-out rows, given and encoded, and the value that it looks at."""
    choice, codec = estimator.monitor, run.codec
    scorer = checked_scorer(choice)
    if choice == "loss" or (choice == "score" and not codec.can_score(held.y, held.weight)):
        return Watch(rows, codec.metric(rows.weight), "validation_loss"), "loss"
    if scorer is None:
        return Watch(rows, codec.metric(rows.weight), "metric"), choice
    return Watch(rows, _scored_by(scorer, estimator, run, held), "metric"), choice


def _scored_by(scorer: Scorer, estimator: Any, run: Run, held: Samples) -> Metric:
    """Return the metric of a scorer, which sees the estimator as it is after each epoch.

    Its parameters are then the current ones, not the best.
    """
    state, name = run.state, _name_of(scorer, estimator.monitor)
    options = {}
    if held.weight is not None and _takes_weights(scorer):
        options["sample_weight"] = held.weight
    y = held.y[:, 0] if held.y.ndim == 2 and held.y.shape[1] == 1 else held.y
    view = copy.copy(estimator)
    vars(view).pop("feature_names_in_", None)  # held.X is an array, whose columns were checked
    if _asks_for_positive(scorer) and _two_words(estimator):
        y = (y == estimator.classes_[1]).astype(int)
        view.classes_ = np.arange(2)

    def score(scores: np.ndarray, encoded: np.ndarray) -> float:
        if not np.all(np.isfinite(scores)):
            return -math.inf
        view.parameters_ = run.parameters(state.current)
        where = f"monitor={name} must give a number on the rows held out; in epoch {state.epoch}"
        try:
            value = float(scorer(view, held.X, y, **options))
        except Exception as error:
            reason = str(error).rstrip(".")
            raise InputError(
                f"{where} it raised {type(error).__name__}: {reason}. Choose another scorer."
            ) from error
        if math.isnan(value):
            raise InputError(f"{where} it gave {value}. Choose another scorer.")
        return value

    return score


def _takes_weights(scorer: Scorer) -> bool:
    """Return whether a scorer, or the metric of a scikit-learn scorer, takes weights."""
    try:
        signature = inspect.signature(getattr(scorer, "_score_func", scorer))
    except ValueError:  # a function written in C
        return False
    return "sample_weight" in signature.parameters


def _asks_for_positive(scorer: Scorer) -> bool:
    """Return whether a scorer of scikit-learn needs to know the positive one of two labels.

    Its default is 1, which text never equals.
    """
    metric = getattr(scorer, "_score_func", None)
    if metric is None or "pos_label" in getattr(scorer, "_kwargs", {}):
        return False
    return "pos_label" in inspect.signature(metric).parameters


def _two_words(estimator: Any) -> bool:
    classes = getattr(estimator, "classes_", np.empty(0))
    return len(classes) == 2 and classes.dtype.kind not in "biuf"


def _name_of(scorer: Scorer, monitor: Any) -> str:
    return repr(monitor) if isinstance(monitor, str) else getattr(scorer, "__name__", repr(scorer))
