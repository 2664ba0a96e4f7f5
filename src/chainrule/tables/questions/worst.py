"""The rows that are predicted worst."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl

from chainrule.estimators.rules import is_count
from chainrule.foundation.errors import must_be
from chainrule.foundation.short_numbers import share, short
from chainrule.foundation.showing import Shown
from chainrule.insight.drawing import BLUE, VERMILION, axes_for
from chainrule.insight.report.items import Sentence, Table
from chainrule.insight.report.sections import Section
from chainrule.insight.text_table import text_table
from chainrule.tables.questions.asked import ask
from chainrule.tables.questions.cells import in_words
from chainrule.tables.questions.errors import row_errors

__all__ = ["Worst", "WorstDisplay", "worst"]

# Columns of the table beside each row.
COLUMNS = 5
# Dots of a picture.
DOTS = 2_000


@dataclass(frozen=True, eq=False, repr=False)
class Worst(Shown):
    """The rows with the largest errors.

    Attributes
    ----------
    rows : ndarray (n,) of int
        Their numbers in the table given, from 1, the worst first.
    errors : ndarray (n,)
        The log loss of each, or how far the prediction is off.
    targets, answers : list
        What was right, and what was answered.
    chances : ndarray (n,), optional
        The probability of what was right; None for numbers.
    frame : polars.DataFrame
        The rows themselves.
    share : float
        Their part in the error of all rows: of the log losses, or of the squares.
    all_targets, all_answers : ndarray
        Numbers, or the probability of what was right, of all rows, to draw them.
    out_of_fold : bool
        Whether each row was answered by networks that have not seen it.
    where : str
        The rows, in words.
    """

    rows: np.ndarray
    errors: np.ndarray
    targets: list[Any]
    answers: list[Any]
    chances: np.ndarray | None
    frame: pl.DataFrame
    share: float
    all_targets: np.ndarray
    all_answers: np.ndarray
    out_of_fold: bool
    where: str

    @property
    def sentence(self) -> str:
        """The share of these rows in the error, in words."""
        what = "squared error" if self.chances is None else "log loss"
        return (
            f"the {len(self.rows)} rows predicted worst, with {share(self.share)} of the {what} of "
            f"{self.where}"
        )

    @property
    def _head(self) -> tuple[str, ...]:
        columns = self.frame.columns[:COLUMNS]
        known = ("is", "predicted", "off by" if self.chances is None else "probability of it")
        return ("row", *known, *(name if name not in known else f"{name} " for name in columns))

    def _cells(self) -> list[tuple[str, ...]]:
        last = self.errors if self.chances is None else self.chances
        return [
            (
                str(row),
                in_words(target),
                in_words(answer),
                short(value),
                *map(in_words, self.frame.row(k)[:COLUMNS]),
            )
            for k, (row, target, answer, value) in enumerate(
                zip(self.rows.tolist(), self.targets, self.answers, last.tolist(), strict=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.sentence}\n{text_table(self._head, self._cells())}"

    def plot(self, ax: Any = None) -> WorstDisplay:
        """Draw all rows, the worst marked; see `WorstDisplay`."""
        return WorstDisplay(self).plot(ax)

    def section(self) -> Section:
        """Return it as a section of a report."""
        said = f"{self.sentence[0].upper()}{self.sentence[1:]}."
        table = Table("Rows predicted worst", self._head, self._cells(), self._head[1:3])
        record = {
            "rows": self.rows,
            "errors": self.errors,
            "targets": self.targets,
            "answers": self.answers,
            "share": self.share,
        }
        return Section("worst_rows", "Rows predicted worst", [Sentence(said), table], record)


class WorstDisplay:
    """All rows by what is and what was predicted, the worst marked by their numbers.

    Of classes the probability of what is, as a histogram, with the worst rows at its left end.

    Parameters
    ----------
    worst : Worst
        What `worst` found.

    Attributes
    ----------
    rows_ : Line2D or BarContainer
        The rows: dots, at most some thousands of them, or the bars of the histogram.
    worst_ : Line2D
        The worst.
    ax_, figure_
        Where they were drawn.
    """

    def __init__(self, worst: Worst) -> None:
        self.worst = worst

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, *, ax: Any = None, **how: Any) -> Self:
        """Draw the rows that a fitted model of tables predicts worst."""
        return cls(worst(estimator, X, y, **how)).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw on ``ax``, or on a new figure."""
        found = self.worst
        self.ax_, self.figure_ = axes_for(ax)
        if found.chances is None:
            self._numbers()
        else:
            self._classes(found.chances)
        self.ax_.legend(frameon=False)
        return self

    def _numbers(self) -> None:
        found, step = self.worst, max(1, len(self.worst.all_answers) // DOTS)
        x, y = found.all_targets[::step], found.all_answers[::step]
        self.ax_.axline((float(x[0]), float(x[0])), slope=1.0, color="black", linewidth=0.8)
        (self.rows_,) = self.ax_.plot(x, y, ".", color=BLUE, markersize=3, alpha=0.5, label="rows")
        self._mark(found.targets, found.answers)
        places = zip(found.rows.tolist(), found.targets, found.answers, strict=True)
        for number, one, other in list(places)[:5]:
            self.ax_.annotate(
                f"row {number}", (one, other), xytext=(5, 3), textcoords="offset points",
                fontsize="small",
            )  # fmt: skip
        self.ax_.set(xlabel="is", ylabel="predicted")

    def _classes(self, chances: np.ndarray) -> None:
        _, _, self.rows_ = self.ax_.hist(
            self.worst.all_answers, bins=25, range=(0.0, 1.0), color=BLUE, alpha=0.6, label="rows"
        )
        self.ax_.axvline(0.5, color="black", linewidth=0.8, linestyle=":")
        self._mark(chances, np.zeros(len(chances)))
        self.ax_.set(xlabel="probability of what is", ylabel="rows")

    def _mark(self, x: Any, y: Any) -> None:
        (self.worst_,) = self.ax_.plot(
            x, y, "o", color=VERMILION, markeredgecolor="black", markersize=5, clip_on=False,
            label=f"the {len(self.worst.rows)} worst",
        )  # fmt: skip


def worst(model: Any, X: Any, y: Any, sample_weight: Any = None, *, n: int = 10) -> Worst:
    """Return the rows with the largest errors.

    Parameters
    ----------
    model : TabularClassifier or TabularRegressor
        Fitted.
    X, y : table and array
        The table of training, of which each row is answered by networks that have not seen it, or
        other rows, which all networks answer.
    sample_weight : array (n,), optional
        What each row counts in the share of the error; rows of weight 0 are left out.
    n : int
        How many rows.
    """
    if not is_count(n):
        raise must_be("n", "a positive integer", n)
    asked = ask(model, X, y, sample_weight)
    assert asked.y is not None
    answers, targets = asked.answers, asked.y
    errors = row_errors(answers, targets)
    order = np.argsort(-errors, kind="stable")[: int(n)]
    weighted = errors if asked.weight is None else errors * asked.weight
    total = float(weighted.sum())
    chances = None
    if answers.ndim == 2:
        right = answers[np.arange(len(targets)), targets]
        chances, all_targets, all_answers = right[order], targets, right
        labels = model.classes_[targets[order]].tolist()
        found = model.classes_[answers[order].argmax(axis=1)].tolist()
    else:
        all_targets, all_answers = targets, answers
        labels, found = targets[order].tolist(), answers[order].tolist()
    return Worst(
        asked.numbers[order] + 1,
        errors[order] if chances is not None else np.sqrt(errors[order]),
        labels,
        found,
        chances,
        asked.frame[order].select(list(asked.columns)),
        float(weighted[order].sum()) / total if total > 0.0 else 0.0,
        all_targets,
        all_answers,
        asked.out_of_fold,
        asked.where,
    )
