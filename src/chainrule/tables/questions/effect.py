"""The effect of one column: the mean answer as its cells change, and single rows beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl

from chainrule.estimators.rules import is_count
from chainrule.foundation.errors import InputError, must_be, suggest
from chainrule.foundation.seeds import Purpose, stream
from chainrule.foundation.short_numbers import short
from chainrule.foundation.showing import Shown
from chainrule.insight.drawing import BLUE, GREY, axes_for
from chainrule.insight.report.figures import Bars, Curve, Lines
from chainrule.insight.report.items import Sentence
from chainrule.insight.report.sections import Item, Section
from chainrule.insight.text_table import text_table
from chainrule.interop.cells import TEXT, numbers_of, text_of
from chainrule.interop.columns import Category, Column, Date, Flag, Number
from chainrule.interop.dates import read_dates
from chainrule.tables.questions.answer import Answer, answer_of
from chainrule.tables.questions.asked import ask
from chainrule.tables.questions.cells import in_words

__all__ = ["Effect", "EffectDisplay", "effect"]

# Cells at the ends, which few rows have, say little: as scikit-learn, from 5 % to 95 % of the rows.
LOW, HIGH = 0.05, 0.95


@dataclass(frozen=True, eq=False, repr=False)
class Effect(Shown):
    """The mean answer where one column has the same cell in all rows (partial dependence).

    Attributes
    ----------
    column : str
        The column.
    answer : Answer
        What the curves are of: a number, or the probability of a class.
    cells : tuple
        Its cells, as they stand in the table.
    places : ndarray (n_cells,), optional
        The cells as numbers, to draw them at; None for categories.
    mean : ndarray (n_cells,)
        The mean answer of all rows.
    curves : ndarray (n_curves, n_cells)
        The answers of single rows (individual conditional expectation).
    out_of_fold : bool
        Whether each row was answered by networks that have not seen it.
    where : str
        The rows, in words.
    """

    column: str
    answer: Answer
    cells: tuple[Any, ...]
    places: np.ndarray | None
    mean: np.ndarray
    curves: np.ndarray
    out_of_fold: bool
    where: str

    @property
    def words(self) -> list[str]:
        """The cells in words."""
        return [in_words(cell) for cell in self.cells]

    @property
    def span(self) -> float:
        """The distance from the smallest mean to the largest."""
        return float(np.ptp(self.mean))

    def __str__(self) -> str:
        low, high = np.quantile(self.curves, [0.1, 0.9], axis=0)
        rows = [
            (cell, short(mean, 4), short(one, 4), short(other, 4))
            for cell, mean, one, other in zip(
                self.words, self.mean.tolist(), low.tolist(), high.tolist(), strict=True
            )
        ]
        head = (self.column, "mean", "a tenth below", "a tenth above")
        return f"{self._sentence}\n{text_table(head, rows, left=(self.column,))}"

    @property
    def _sentence(self) -> str:
        return (
            f"{self.answer.name} where {self.column} is the same in all of {self.where}: the mean, "
            f"and where the answers of {len(self.curves):,} single rows lie"
        )

    def plot(self, ax: Any = None) -> EffectDisplay:
        """Draw the mean and the curves of single rows; see `EffectDisplay`."""
        return EffectDisplay(self).plot(ax)

    def section(self) -> Section:
        """Return it as a section of a report."""
        record = {
            "column": self.column,
            "answer": self.answer.name,
            "rows": self.where,
            "cells": self.words,
            "mean": self.mean,
            "curves": self.curves,
        }
        title = f"The effect of {self.column}"
        return Section(f"effect_of_{self.column}", title, self.items(), record)

    def items(self) -> list[Item]:
        """Return a sentence and a chart."""
        lowest, highest = (self.words[k] for k in (self.mean.argmin(), self.mean.argmax()))
        said = (
            f"The {self.answer.name}, as a mean of {self.where}, is "
            f"{short(float(self.mean.min()), 4)} where {self.column} is {lowest}, and "
            f"{short(float(self.mean.max()), 4)} where it is {highest}."
        )
        title = f"{self.answer.name} by {self.column}"
        chart: Item
        if self.places is None:
            words = [short(one, 4) for one in self.mean.tolist()]
            chart = Bars(title, said, self.column, "mean", self.words, self.mean.tolist(), words)
        else:
            low, high = np.quantile(self.curves, [0.1, 0.9], axis=0)
            places = self.places.tolist()
            mean = Curve("mean", places, self.mean.tolist(), low.tolist(), high.tolist())
            chart = Lines(title, said, self.column, self.answer.name, (mean,))
        return [Sentence(said), chart]


class EffectDisplay:
    """The mean answer as one column changes, over the curves of single rows.

    Parameters
    ----------
    effect : Effect
        What `effect` found.

    Attributes
    ----------
    mean_ : Line2D
        The mean.
    curves_ : list of Line2D
        Single rows.
    ax_, figure_
        Where they were drawn.
    """

    def __init__(self, effect: Effect) -> None:
        self.effect = effect

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, column: str, *, ax: Any = None, **how: Any
    ) -> Self:
        """Draw the effect of a column of a fitted model of tables."""
        return cls(effect(estimator, X, column, **how)).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw on ``ax``, or on a new figure."""
        found = self.effect
        self.ax_, self.figure_ = axes_for(ax)
        names = found.places is None
        x = np.arange(len(found.cells)) if found.places is None else found.places
        thin = {"color": GREY, "linewidth": 0.6, "alpha": 0.5}
        self.curves_ = self.ax_.plot(x, found.curves.T, **thin)
        self.curves_[0].set_label(f"{len(self.curves_)} single rows")
        (self.mean_,) = self.ax_.plot(
            x, found.mean, color=BLUE, linewidth=2.5, marker="o" if names else None, label="mean"
        )
        if names:
            self.ax_.set_xticks(x, found.words, rotation=30, ha="right")
        elif not isinstance(found.cells[0], int | float):
            shown = np.unique(np.linspace(0, len(x) - 1, 5).round().astype(int))
            self.ax_.set_xticks(x[shown], [found.words[k] for k in shown])
        self.ax_.set(xlabel=found.column, ylabel=found.answer.name)
        self.ax_.legend(frameon=False)
        return self


def effect(
    model: Any,
    X: Any,
    column: str,
    *,
    label: Any = None,
    points: int = 30,
    curves: int = 50,
    rows: int = 2_000,
    seed: int = 0,
) -> Effect:
    """Return the mean answer as the cells of one column change, all others as they are.

    Source: J. Friedman, "Greedy function approximation", Annals of Statistics 29(5), 2001, section
    8.2; A. Goldstein, A. Kapelner, J. Bleich, E. Pitkin, "Peeking inside the black box", Journal of
    Computational and Graphical Statistics 24(1), 2015.

    Parameters
    ----------
    model : TabularClassifier or TabularRegressor
        Fitted.
    X : table
        The table of training, of which each row is answered by networks that have not seen it, or
        other rows, which all networks answer.
    column : str
        The column to change.
    label : label, optional
        The class whose probability is shown; None is the second of two classes, and the most
        frequent answer of several.
    points : int
        Most cells: quantiles of numbers and dates from 5 % to 95 %, or the most frequent
        categories.
    curves : int
        How many single rows are kept beside the mean.
    rows : int
        Most rows, drawn by the seed.
    seed : int
        Seed of the draws.
    """
    for name, value in (("points", points), ("curves", curves), ("rows", rows)):
        if not is_count(value):
            raise must_be(name, "a positive integer", value)
    asked = ask(model, X, rows=rows, seed=seed)
    if column not in asked.columns:
        advice = suggest(str(column), list(asked.columns))
        raise must_be("column", "a column that the model uses", column, advice)
    answer = answer_of(model, label, asked.answers)
    kind = asked.columns[column]
    cells, places = _grid(asked.frame[column], kind, points)
    if len(cells) == 0:
        raise InputError(f"column {column!r} must have a cell that is not missing; it has none.")
    answers = np.stack([answer.of(asked.with_cell(cells[k : k + 1])) for k in range(len(cells))], 1)
    few = stream(seed, Purpose.SAMPLE, 1).permutation(len(asked))[:curves]
    return Effect(
        column,
        answer,
        tuple(cells.to_list()),
        places,
        answers.mean(axis=0),
        answers[np.sort(few)],
        asked.out_of_fold,
        asked.where,
    )


def _grid(series: pl.Series, kind: Column, points: int) -> tuple[pl.Series, np.ndarray | None]:
    """Return the cells to try, and the numbers that they stand for; None for categories."""
    if isinstance(kind, Category | Flag):
        counts = text_of(series.drop_nulls()).value_counts(sort=True, name="rows")
        kept = counts.head(points)[series.name].to_list()
        text = text_of(series)
        cells = pl.concat([series.filter(text == cell).head(1) for cell in kept])
        return (cells.sort() if isinstance(kind, Flag) else cells), None
    values = _as_numbers(series, kind)
    known = np.flatnonzero(np.isfinite(values))
    tried = np.unique(values[known])
    if len(tried) > points:
        ends = np.linspace(LOW, HIGH, points)
        tried = np.unique(np.quantile(values[known], ends, method="nearest"))
    rows = [int(known[np.argmax(values[known] == one)]) for one in tried]
    return series.gather(rows), tried


def _as_numbers(series: pl.Series, kind: Column) -> np.ndarray:
    """Return cells as numbers in their order, NaN where missing; dates in days, or in years."""
    if isinstance(kind, Number):
        return numbers_of(series, lenient=True, written=kind.written)
    assert isinstance(kind, Date)
    if series.dtype in TEXT:  # the model sees years and months, and no days
        found = read_dates([text_of(series)], [kind.written])[0]
        return found.year + (found.month - 1.0) / 12.0
    if series.dtype == pl.Time:
        return numbers_of(series)
    days = series.cast(pl.Datetime("us"), strict=False).to_physical().cast(pl.Float64)
    return (days / 86_400e6).fill_null(np.nan).to_numpy()
