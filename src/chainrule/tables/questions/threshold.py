"""The probability from which on to decide for a class: least cost, or the best metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from chainrule.foundation.errors import InputError, must_be, suggest
from chainrule.foundation.real_numbers import is_real
from chainrule.foundation.short_numbers import short
from chainrule.foundation.showing import Shown
from chainrule.insight.drawing import BLUE, VERMILION, axes_for
from chainrule.insight.report.figures import Curve, Lines
from chainrule.insight.report.items import Sentence
from chainrule.insight.report.sections import Section
from chainrule.insight.text_table import text_table
from chainrule.tables.questions.answer import positive_class
from chainrule.tables.questions.asked import ask

__all__ = ["METRICS", "Counts", "Threshold", "ThresholdDisplay", "threshold"]


@dataclass(frozen=True)
class Counts:
    """Rows by decision and truth, by weight: numbers, or arrays of one number per threshold."""

    true_positive: Any
    false_positive: Any
    true_negative: Any
    false_negative: Any


def _accuracy(c: Counts) -> Any:
    right = c.true_positive + c.true_negative
    return right / (right + c.false_positive + c.false_negative)


def _recall(c: Counts) -> Any:
    return c.true_positive / (c.true_positive + c.false_negative)


def _specificity(c: Counts) -> Any:
    return c.true_negative / (c.true_negative + c.false_positive)


def _balanced_accuracy(c: Counts) -> Any:
    return (_recall(c) + _specificity(c)) / 2.0


def _f1(c: Counts) -> Any:
    return 2.0 * c.true_positive / (2.0 * c.true_positive + c.false_positive + c.false_negative)


def _matthews(c: Counts) -> Any:
    predicted, real = c.true_positive + c.false_positive, c.true_positive + c.false_negative
    not_predicted, not_real = c.true_negative + c.false_negative, c.true_negative + c.false_positive
    above = c.true_positive * c.true_negative - c.false_positive * c.false_negative
    below = np.sqrt(predicted * real * not_predicted * not_real)
    return np.divide(above, below, out=np.zeros_like(below), where=below > 0.0)


METRICS: dict[str, Callable[[Counts], Any]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _f1,
    "matthews_corrcoef": _matthews,
}
MISTAKES = ("false positive", "false negative")


@dataclass(frozen=True, eq=False, repr=False)
class Threshold(Shown):
    """The probability from which on to decide for a class.

    Attributes
    ----------
    label : label
        The class that is decided for.
    threshold : float
        Decide for it where its probability is at least this.
    goal : str
        What was made best: the mean cost of a row, or a metric.
    value, value_at_half : float
        The goal at the threshold, and at one half.
    counts : Counts
        The rows by decision and truth at the threshold.
    thresholds, values : ndarray (n,)
        All thresholds that were tried, and the goal at each.
    less_is_better : bool
        Whether the goal is a cost.
    out_of_fold : bool
        Whether each row was answered by networks that have not seen it.
    where : str
        The rows, in words.
    """

    label: Any
    threshold: float
    goal: str
    value: float
    value_at_half: float
    counts: Counts
    thresholds: np.ndarray
    values: np.ndarray
    less_is_better: bool
    out_of_fold: bool
    where: str

    @property
    def sentence(self) -> str:
        """The decision in words."""
        return (
            f"decide for {self.label!r} from a probability of {short(self.threshold)} on: "
            f"{self.goal} {short(self.value, 4)}, and {short(self.value_at_half, 4)} from one half "
            f"on; {self.where}"
        )

    def __str__(self) -> str:
        c = self.counts
        rows = [
            (f"is {self.label}", *(f"{n:,.0f}" for n in (c.true_positive, c.false_negative))),
            ("is not", *(f"{n:,.0f}" for n in (c.false_positive, c.true_negative))),
        ]
        head = ("", "decided for", "decided against")
        return f"{self.sentence}\n{text_table(head, rows, left=('',))}"

    def plot(self, ax: Any = None) -> ThresholdDisplay:
        """Draw the goal over all thresholds; see `ThresholdDisplay`."""
        return ThresholdDisplay(self).plot(ax)

    def section(self) -> Section:
        """Return it as a section of a report."""
        said = f"{self.sentence[0].upper()}{self.sentence[1:]}."
        curve = Curve(self.goal, self.thresholds.tolist(), self.values.tolist())
        mark = (self.threshold, self.value, f"{short(self.threshold)}: {short(self.value, 4)}")
        name = f"probability of {self.label} from which on it is decided for"
        chart = Lines("Where to decide", said, name, self.goal, (curve,), mark=mark)
        record = {
            "label": self.label,
            "threshold": self.threshold,
            "goal": self.goal,
            "value": self.value,
            "value_at_half": self.value_at_half,
            "counts": vars(self.counts),
        }
        return Section("threshold", "Where to decide", [Sentence(said), chart], record)


class ThresholdDisplay:
    """A cost or metric over the threshold of a decision, its best place marked.

    Parameters
    ----------
    threshold : Threshold
        What `threshold` found.

    Attributes
    ----------
    line_, best_ : Line2D
        The curve, and the mark of the best threshold.
    half_ : Line2D
        The line at one half.
    ax_, figure_
        Where they were drawn.
    """

    def __init__(self, threshold: Threshold) -> None:
        self.threshold = threshold

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, *, ax: Any = None, **how: Any) -> Self:
        """Draw the threshold of a fitted classifier of tables."""
        return cls(threshold(estimator, X, y, **how)).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw on ``ax``, or on a new figure."""
        found = self.threshold
        self.ax_, self.figure_ = axes_for(ax)
        (self.line_,) = self.ax_.plot(found.thresholds, found.values, color=BLUE)
        (self.best_,) = self.ax_.plot(
            [found.threshold],
            [found.value],
            "o",
            color=VERMILION,
            markeredgecolor="black",
            label=f"{short(found.threshold)}: {found.goal} {short(found.value, 4)}",
        )
        self.half_ = self.ax_.axvline(
            0.5, color="black", linewidth=0.8, linestyle=":",
            label=f"one half: {short(found.value_at_half, 4)}",
        )  # fmt: skip
        self.ax_.set(xlabel=f"least probability of {found.label}", ylabel=found.goal)
        self.ax_.legend(frameon=False)
        return self


def threshold(
    model: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    cost: Mapping[str, float] | None = None,
    metric: str | None = None,
    label: Any = None,
) -> Threshold:
    """Return the threshold of least cost, or of the best metric; of several the nearest to 0.5.

    Parameters
    ----------
    model : TabularClassifier
        Fitted, of two classes.
    X, y : table and array
        The table of training, of which each row is answered by networks that have not seen it, or
        other rows, which all networks answer.
    sample_weight : array (n,), optional
        What each row counts.
    cost : mapping, optional
        What a ``"false positive"`` and a ``"false negative"`` cost, as
        ``{"false positive": 1, "false negative": 5}``.
    metric : {"accuracy", "balanced_accuracy", "f1", "matthews_corrcoef"}, optional
        What to make large instead, as in scikit-learn.
    label : label, optional
        The class to decide for; None is the second.

    Raises
    ------
    InputError
        If there are not two classes, or neither or both of cost and metric are given.
    """
    if (cost is None) == (metric is None):
        raise must_be("cost", "given, or metric in place of it", "both" if cost else "neither")
    place, label = positive_class(model, label)
    of_counts, goal, less = _goal(cost, metric)
    asked = ask(model, X, y, sample_weight)
    assert asked.y is not None
    positive = asked.y == place
    if positive.all() or not positive.any():
        raise InputError("y must hold both classes to choose a threshold; got only one.")
    p = asked.answers[:, place]
    values_of_p, tried, counts = _counts(p, positive, asked.weight)
    values = np.asarray(of_counts(counts), dtype=np.float64)
    best = values.min() if less else values.max()
    near = np.flatnonzero(np.isclose(values, best, rtol=1e-12, atol=0.0))
    chosen = int(near[np.argmin(np.abs(tried[near] - 0.5))])
    half = int(np.searchsorted(values_of_p, 0.5))
    at = {name: float(value[chosen]) for name, value in vars(counts).items()}
    return Threshold(
        label,
        float(tried[chosen]),
        goal,
        float(values[chosen]),
        float(values[half]),
        Counts(**at),
        tried,
        values,
        less,
        asked.out_of_fold,
        asked.where,
    )


def _goal(
    cost: Mapping[str, float] | None, metric: str | None
) -> tuple[Callable[[Counts], Any], str, bool]:
    """Return the goal as a function of counts, its name, and whether less of it is better."""
    if metric is not None:
        if metric not in METRICS:
            advice = suggest(str(metric), list(METRICS))
            raise must_be("metric", f"one of {', '.join(METRICS)}", metric, advice)
        return METRICS[metric], metric.replace("_", " "), False
    assert cost is not None
    known = isinstance(cost, Mapping) and set(cost) == set(MISTAKES)
    if not known or not all(is_real(cost[one]) and cost[one] >= 0.0 for one in MISTAKES):
        rule = "what a 'false positive' and a 'false negative' cost, not below 0"
        raise must_be("cost", rule, cost)
    for_nothing, missed = (float(cost[one]) for one in MISTAKES)
    if for_nothing == missed == 0.0:
        raise must_be("cost", "above 0 for one of the mistakes", cost)

    def mean_cost(c: Counts) -> Any:
        rows = c.true_positive + c.true_negative + c.false_positive + c.false_negative
        return (for_nothing * c.false_positive + missed * c.false_negative) / rows

    return mean_cost, "mean cost of a row", True


def _counts(
    p: np.ndarray, positive: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, Counts]:
    """Return the probabilities, all thresholds that differ in what they decide, and their counts.

    Threshold k decides for the probabilities from the k-th on. It lies halfway between two
    neighbouring probabilities; the first decides for all rows, and the last against all.
    """
    weight = np.ones(len(p)) if weight is None else weight
    order = np.argsort(p, kind="stable")
    ordered, w = p[order], weight[order]
    yes = np.where(positive[order], w, 0.0)
    ends = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])
    below_yes = np.r_[0.0, np.cumsum(yes)[ends]]
    below_no = np.r_[0.0, np.cumsum(w - yes)[ends]]
    values = ordered[ends]
    between = values[:-1] + (values[1:] - values[:-1]) / 2.0
    # where no number lies between two neighbours, the upper one divides them
    between = np.where(between > values[:-1], between, values[1:])
    tried = np.r_[values[0], between, np.nextafter(values[-1], np.inf)]
    all_yes, all_no = yes.sum(), (w - yes).sum()
    counts = Counts(all_yes - below_yes, all_no - below_no, below_no, below_yes)
    return values, tried, counts
