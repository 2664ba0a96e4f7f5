"""Calibration: stated probabilities against the shares that came true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from chainrule.estimators.rules import is_count
from chainrule.foundation.errors import must_be
from chainrule.foundation.short_numbers import share, short
from chainrule.foundation.showing import Shown
from chainrule.insight.drawing import BLUE, GREY, axes_for
from chainrule.insight.reliability import BINS, Reliability, reliability
from chainrule.insight.report.figures import Curve, Lines
from chainrule.insight.report.items import Sentence
from chainrule.insight.report.sections import Section
from chainrule.insight.text_table import text_table
from chainrule.tables.questions.answer import answer_of
from chainrule.tables.questions.asked import ask

__all__ = ["Calibration", "CalibrationDisplay", "calibration"]


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Shown):
    """Stated probabilities against the shares that came true, in bins of equally many rows.

    Attributes
    ----------
    what : str
        Which probability.
    bins : Reliability
        The bins.
    out_of_fold : bool
        Whether each row was answered by networks that have not seen it.
    where : str
        The rows, in words.
    """

    what: str
    bins: Reliability
    out_of_fold: bool
    where: str

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of stated and seen."""
        return self.bins.mean_distance

    @property
    def sentence(self) -> str:
        """The distance between stated and seen, in words."""
        bins = self.bins
        beyond = f"{bins.outside} of {len(bins.stated)} bins are farther off than chance explains"
        return (
            f"the {self.what} and the share that came true differ by {share(self.error)} on "
            f"average; {beyond}; {self.where}"
        )

    def __str__(self) -> str:
        b = self.bins
        rows = [
            (short(stated), short(seen), short(chance, 2), f"{count:,}")
            for stated, seen, chance, count in zip(
                b.stated.tolist(), b.seen.tolist(), b.chance.tolist(), b.rows.tolist(), strict=True
            )
        ]
        head = ("stated", "came true", "chance ±", "rows")
        return f"{self.sentence}\n{text_table(head, rows)}"

    def plot(self, ax: Any = None) -> CalibrationDisplay:
        """Draw the curve; see `CalibrationDisplay`."""
        return CalibrationDisplay(self).plot(ax)

    def section(self) -> Section:
        """Return it as a section of a report."""
        b = self.bins
        said = f"{self.sentence[0].upper()}{self.sentence[1:]}."
        curve = Curve(
            "bins of equally many rows", b.stated.tolist(), b.seen.tolist(), b.low, b.high,
            dots=True,
        )  # fmt: skip
        title = "Calibration: stated probability against what came true"
        chart = Lines(title, said, self.what, "share that came true", (curve,), diagonal=True)
        record = {
            "what": self.what,
            "stated": b.stated,
            "seen": b.seen,
            "rows": b.rows,
            "error": self.error,
        }
        return Section("calibration", "Are probabilities right", [Sentence(said), chart], record)


class CalibrationDisplay:
    """Shares that came true over stated probabilities; on the diagonal they are right.

    Parameters
    ----------
    calibration : Calibration
        What `calibration` found.

    Attributes
    ----------
    points_ : ErrorbarContainer
        One point per bin, its bar what chance does.
    diagonal_ : Line2D
        Where probabilities are right.
    ax_, figure_
        Where they were drawn.
    """

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, *, ax: Any = None, **how: Any) -> Self:
        """Draw the calibration of a fitted classifier of tables."""
        return cls(calibration(estimator, X, y, **how)).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw on ``ax``, or on a new figure."""
        b = self.calibration.bins
        self.ax_, self.figure_ = axes_for(ax, (5.0, 5.0))
        (self.diagonal_,) = self.ax_.plot(
            [0.0, 1.0], [0.0, 1.0], color=GREY, linestyle="--", linewidth=1.0, label="right"
        )
        reach = np.array([b.seen - b.low, b.high - b.seen])
        self.points_ = self.ax_.errorbar(
            b.stated, b.seen, yerr=np.maximum(reach, 0.0), color=BLUE, marker="o", capsize=3,
            label=f"mean distance {share(self.calibration.error)}",
        )  # fmt: skip
        self.ax_.set(
            xlabel=self.calibration.what, ylabel="share that came true", xlim=(-0.02, 1.02),
            ylim=(-0.02, 1.02), aspect="equal",
        )  # fmt: skip
        self.ax_.legend(frameon=False, loc="upper left")
        return self


def calibration(
    model: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    label: Any = None,
    bins: int = BINS,
) -> Calibration:
    """Return stated probabilities against the shares that came true.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks",
    ICML 2017, section 2.

    Parameters
    ----------
    model : TabularClassifier
        Fitted.
    X, y : table and array
        The table of training, of which each row is answered by networks that have not seen it, or
        other rows, which all networks answer.
    sample_weight : array (n,), optional
        What each row counts.
    label : label, optional
        Of which class; None is the second of two classes, and the one predicted of several.
    bins : int
        Number of bins of equally many rows.
    """
    if not is_count(bins) or bins < 2:
        raise must_be("bins", "an integer of at least 2", bins)
    asked = ask(model, X, y, sample_weight)
    assert asked.y is not None
    answers = asked.answers
    if label is None and len(model.classes_) > 2:
        best = answers.argmax(axis=1)
        p, hit, what = answers.max(axis=1), asked.y == best, "probability of the class predicted"
    else:
        answer = answer_of(model, label, answers)
        p, hit, what = answer.of(answers), asked.y == answer.place, answer.name
    found = reliability(p, hit.astype(np.float64), asked.weight, int(bins))
    return Calibration(what, found, asked.out_of_fold, asked.where)
