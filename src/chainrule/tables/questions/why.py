"""The columns that made one answer: integrated gradients from a stated baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from chainrule.foundation.errors import InputError
from chainrule.foundation.short_numbers import short
from chainrule.foundation.showing import Shown
from chainrule.foundation.wording import counted
from chainrule.insight.drawing import BLUE, VERMILION, axes_for
from chainrule.insight.report.figures import Bars
from chainrule.insight.report.items import Sentence, Table
from chainrule.insight.report.sections import Section
from chainrule.insight.text_table import text_table
from chainrule.tables.questions.answer import Answer, answer_of
from chainrule.tables.questions.asked import check_one_target, spans_of
from chainrule.tables.questions.baseline import baseline_of, row_of
from chainrule.tables.questions.cells import in_words
from chainrule.tables.questions.paths import Score, score_for

__all__ = ["Contribution", "Why", "WhyDisplay", "why"]

# Steps of the path, doubled until the contributions add up to the difference but for this share of
# the sum of their sizes.
FEWEST_STEPS, MOST_STEPS = 64, 8192
CLOSE = 1e-4
# Columns that are shown; the others are added up.
SHOWN = 12


@dataclass(frozen=True)
class Contribution:
    """The part of one column in the difference of the scores.

    Attributes
    ----------
    column : str
        The column.
    cell, baseline : object
        Its cell in the row, and in the baseline.
    amount : float
        What it adds, in the unit of the score.
    """

    column: str
    cell: Any
    baseline: Any
    amount: float


@dataclass(frozen=True, eq=False, repr=False)
class Why(Shown):
    r"""The part of each column in the difference between a row's score and that of a baseline.

    The path from the baseline b to the row x is straight in what each network sees, and column j
    adds

    .. math:: \sum_{i \in j} (x_i - b_i) \int_0^1 \frac{\partial f}{\partial x_i}(b + t (x - b)) dt

    so that all columns together add up to f(x) - f(b).

    Attributes
    ----------
    row : int
        The row, from 1.
    answer : Answer
        What is explained: a number, or the probability of a class.
    contributions : tuple of Contribution
        One per column in use, the largest first.
    score, baseline_score : float
        The number predicted, or the log odds of the class.
    row_answer, baseline_answer : float
        The number predicted, or the probability of the class.
    baseline : str
        The baseline, in words.
    left : float
        What the contributions lack of the difference of the scores.
    steps, networks : int
        How finely the path was followed, and through how many networks.
    """

    row: int
    answer: Answer
    contributions: tuple[Contribution, ...]
    score: float
    baseline_score: float
    row_answer: float
    baseline_answer: float
    baseline: str
    left: float
    steps: int
    networks: int

    @property
    def difference(self) -> float:
        """The difference of the scores."""
        return self.score - self.baseline_score

    @property
    def complete(self) -> bool:
        """True if the contributions add up to the difference, but for rounding."""
        total = sum(abs(one.amount) for one in self.contributions)
        return abs(self.left) <= CLOSE * total or self.left == 0.0

    def shown(self, most: int = SHOWN) -> tuple[list[Contribution], float]:
        """Return the largest contributions, and the rest: shown + rest is the exact difference.

        Columns that add nothing, as those with the same cell as the baseline, are not shown.
        """
        kept = [one for one in self.contributions[:most] if one.amount != 0.0]
        return kept, self.difference - sum(one.amount for one in kept)

    @property
    def unit(self) -> str:
        """The unit of the scores."""
        return "predicted number" if self.answer.place is None else "log odds"

    @property
    def sentences(self) -> tuple[str, str]:
        """The answers that are compared, and how well the contributions add up."""
        name = self.answer.name
        of_row, of_base = short(self.row_answer, 4), short(self.baseline_answer, 4)
        if self.answer.place is not None:
            of_row += f" (log odds {short(self.score)})"
            of_base += f" (log odds {short(self.baseline_score)})"
        compared = f"row {self.row}: {name} {of_row}; {self.baseline}: {of_base}"
        path = f"{self.steps:,} steps through {counted(self.networks, 'network')}"
        off = short(abs(self.left), 2)
        if self.complete:
            return compared, f"checked: all columns add up to the difference within {off}, {path}"
        return compared, (
            f"not exact: all columns together are {off} off the difference after {path}; the rest "
            "holds it"
        )

    def _rows(self, most: int = SHOWN) -> list[tuple[str, str, str, str]]:
        kept, rest = self.shown(most)
        rows = [
            (one.column, in_words(one.cell), in_words(one.baseline), _signed(one.amount))
            for one in kept
        ]
        rows.append((self._name_of_rest(len(kept)), "", "", _signed(rest)))
        return [*rows, ("together", "", "", _signed(self.difference))]

    def _name_of_rest(self, shown: int) -> str:
        others = len(self.contributions) - shown
        return f"the rest: {counted(others, 'column')}" if others else "the rest: rounding"

    @property
    def _head(self) -> tuple[str, str, str, str]:
        return ("column", "this row", "baseline", f"adds to the {self.unit}")

    def __str__(self) -> str:
        compared, checked = self.sentences
        table = text_table(self._head, self._rows(), left=self._head[:3])
        return f"{compared}\n{table}\n{checked}"

    def plot(self, ax: Any = None) -> WhyDisplay:
        """Draw the contributions; see `WhyDisplay`."""
        return WhyDisplay(self).plot(ax)

    def section(self) -> Section:
        """Return it as a section of a report."""
        compared, checked = self.sentences
        kept, _ = self.shown()
        said = f"{compared[0].upper()}{compared[1:]}. {checked[0].upper()}{checked[1:]}."
        bars = Bars(
            f"What each column adds to the {self.unit} of row {self.row}",
            said,
            "column",
            "adds",
            [f"{one.column} = {in_words(one.cell)}" for one in kept],
            [one.amount for one in kept],
            [_signed(one.amount) for one in kept],
        )
        table = Table("Columns in the units of the file", self._head, self._rows(), self._head[1:3])
        record = {
            "row": self.row,
            "answer": self.answer.name,
            "score": self.score,
            "baseline": self.baseline,
            "baseline_score": self.baseline_score,
            "left": self.left,
            "columns": [
                {"name": one.column, "cell": one.cell, "baseline": one.baseline, "adds": one.amount}
                for one in self.contributions
            ],
        }
        title = f"Why row {self.row} is answered so"
        return Section(f"why_row_{self.row}", title, [Sentence(said), bars, table], record)


class WhyDisplay:
    """The path from the baseline's score to the row's, column by column.

    Parameters
    ----------
    why : Why
        What `why` found.

    Attributes
    ----------
    bars_ : BarContainer
        One bar per column shown, and one for the rest.
    ax_, figure_
        Where they were drawn.
    """

    def __init__(self, why: Why) -> None:
        self.why = why

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, row: int, *, ax: Any = None, **how: Any
    ) -> Self:
        """Draw what each column adds to the answer for a row."""
        return cls(why(estimator, X, row, **how)).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw on ``ax``, or on a new figure."""
        found = self.why
        kept, rest = found.shown()
        amounts = [one.amount for one in kept]
        names = [f"{one.column} = {in_words(one.cell)}" for one in kept]
        amounts.append(rest)
        names.append(found._name_of_rest(len(kept)))
        count = len(names)
        self.ax_, self.figure_ = axes_for(ax, (8.0, 1.6 + 0.34 * count))
        ends = found.baseline_score + np.cumsum(amounts)
        starts = ends - np.array(amounts)
        colours = [VERMILION if amount < 0.0 else BLUE for amount in amounts]
        hatches = ["///" if amount < 0.0 else "" for amount in amounts]
        self.bars_ = self.ax_.barh(
            np.arange(count), amounts, left=starts, color=colours, hatch=hatches,
            edgecolor="white", height=0.7,
        )  # fmt: skip
        self.ax_.bar_label(self.bars_, [_signed(amount) for amount in amounts], padding=3)
        self.ax_.set_yticks(np.arange(count), names)
        self.ax_.set_ylim(count - 0.3, -0.9)
        for value, style in ((found.baseline_score, ":"), (found.score, "-")):
            self.ax_.axvline(value, color="black", linewidth=0.9, linestyle=style)
        reached = [found.baseline_score, found.score, *starts.tolist(), *ends.tolist()]
        room = 0.2 * (max(reached) - min(reached)) or 1.0
        self.ax_.set_xlim(min(reached) - room, max(reached) + room)
        name = found.answer.name
        unit = name if found.answer.place is None else name.replace("probability", "log odds")
        self.ax_.set_xlabel(f"{unit}: from the baseline (dotted) to row {found.row} (line)")
        return self


def why(
    model: Any,
    X: Any,
    row: int,
    *,
    label: Any = None,
    baseline: Any = None,
) -> Why:
    """Return what each column adds to the answer for one row, compared with a baseline.

    Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", ICML 2017.

    Parameters
    ----------
    model : TabularClassifier or TabularRegressor
        Fitted; the path goes through all its networks.
    X : table
        Any rows with the columns of training.
    row : int
        The row to explain, from 1.
    label : label, optional
        The class whose score is explained; None is the second of two classes, and the answer of
        the row of several.
    baseline : int or table of one row, optional
        What the row is compared with: another row of X, from 1, or one of your own. None is the
        typical row of X: the median of numbers and dates, and the most frequent of other cells.

    Raises
    ------
    InputError
        If there is no such row or class.
    """
    frame = model.frame_of(X)
    check_one_target(model)
    used = {column.name for member in model.members_ for column in member.preparation.columns}
    frame = frame.select(name for name in frame.columns if name in used)
    place = row_of(row, frame.height, "row")
    own = frame[place]
    base, words = baseline_of(frame, baseline)
    inputs = [np.concatenate([one.inputs(base), one.inputs(own)]) for one in model.members_]
    answers = model.combined(list(zip(model.members_, inputs, strict=True)))
    if hasattr(model, "classes_") and label is None and len(model.classes_) > 2:
        label = model.classes_[int(answers[1].argmax())]
    answer = answer_of(model, label, answers)
    if answer.place is not None and len(model.classes_) < 2:
        raise InputError("why must be asked of a model of several classes; this one knows one.")
    score = score_for(model, answer.place)
    spans = [spans_of(member) for member in model.members_]
    amounts, steps, ends = _integrated(score, inputs, spans)
    found = [
        Contribution(name, own[name][0], base[name][0], amounts[name]) for name in frame.columns
    ]
    found.sort(key=lambda one: -abs(one.amount))
    of_base, of_row = (float(one) for one in answer.of(answers))
    left = ends[1] - ends[0] - sum(one.amount for one in found)
    return Why(
        place + 1,
        answer,
        tuple(found),
        ends[1],
        ends[0],
        of_row,
        of_base,
        words,
        left,
        steps,
        len(model.members_),
    )


def _integrated(
    score: Score, inputs: Sequence[np.ndarray], spans: Sequence[dict[str, slice]]
) -> tuple[dict[str, float], int, tuple[float, float]]:
    """Return what each column adds, the steps taken, and the scores of both ends."""
    ends = [X.astype(np.float64) for X in inputs]
    low, high = (float(one) for one in score.value(ends))
    starts, ways = [X[0] for X in ends], [X[1] - X[0] for X in ends]
    steps = FEWEST_STEPS
    while True:
        t = (np.arange(steps) + 0.5) / steps  # the midpoints of equal steps
        points = [start + t[:, None] * way for start, way in zip(starts, ways, strict=True)]
        slopes = score.gradient(points)
        amounts: dict[str, float] = {}
        for way, slope, own in zip(ways, slopes, spans, strict=True):
            part = way * slope.mean(axis=0)
            for name, span in own.items():
                amounts[name] = amounts.get(name, 0.0) + float(part[span].sum())
        size = sum(map(abs, amounts.values()))
        off = abs(sum(amounts.values()) - (high - low))
        if off <= CLOSE * size or steps >= MOST_STEPS:
            return amounts, steps, (low, high)
        steps *= 2


def _signed(amount: float) -> str:
    text = short(amount)
    return text if amount < 0.0 or float(text.replace(",", "")) == 0.0 else f"+{text}"
