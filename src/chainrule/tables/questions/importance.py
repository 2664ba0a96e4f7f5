"""Permutation importance: how much worse answers become when a column is shuffled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from chainrule.estimators.rules import is_count
from chainrule.foundation.errors import must_be
from chainrule.foundation.short_numbers import short
from chainrule.foundation.showing import Shown
from chainrule.insight.drawing import BLUE, axes_for
from chainrule.insight.report.figures import Bars
from chainrule.insight.report.items import Sentence
from chainrule.insight.report.sections import Section
from chainrule.insight.text_table import text_table
from chainrule.tables.questions.asked import Asked, ask
from chainrule.tables.questions.errors import error_name, mean_error

__all__ = ["Importance", "ImportanceDisplay", "importance"]

# Columns that a picture shows.
SHOWN = 20


@dataclass(frozen=True, eq=False, repr=False)
class Importance(Shown):
    """The loss of quality when the cells of one column are shuffled among the rows.

    Attributes
    ----------
    columns : tuple of str
        The columns, the most important first.
    runs : ndarray (n_columns, n_repeats)
        How much worse each shuffle made the answers, in the unit of the score.
    score_name : str
        What was measured: an error, or a score of scikit-learn.
    score : float
        Its value without shuffling.
    out_of_fold : bool
        Whether each row was answered by networks that have not seen it.
    where : str
        The rows, in words.
    """

    columns: tuple[str, ...]
    runs: np.ndarray
    score_name: str
    score: float
    out_of_fold: bool
    where: str

    @property
    def mean(self) -> np.ndarray:
        """The mean (n_columns,) over the shuffles."""
        found: np.ndarray = self.runs.mean(axis=1)
        return found

    @property
    def std(self) -> np.ndarray:
        """The standard deviation (n_columns,) over the shuffles."""
        found: np.ndarray = self.runs.std(axis=1)
        return found

    def __str__(self) -> str:
        rows = [
            (name, short(mean), short(spread), short(low), short(high))
            for name, mean, spread, low, high in zip(
                self.columns,
                self.mean.tolist(),
                self.std.tolist(),
                self.runs.min(axis=1).tolist(),
                self.runs.max(axis=1).tolist(),
                strict=True,
            )
        ]
        head = ("column", "worse by", "spread", "from", "to")
        return f"{self._sentence}\n{text_table(head, rows, left=('column',))}"

    @property
    def _sentence(self) -> str:
        return (
            f"{self.score_name} {short(self.score, 4)} on {self.where}; worse by, when one column "
            f"is shuffled {self.runs.shape[1]} times:"
        )

    def plot(self, ax: Any = None) -> ImportanceDisplay:
        """Draw the most important columns; see `ImportanceDisplay`."""
        return ImportanceDisplay(self).plot(ax)

    def section(self) -> Section:
        """Return it as a section of a report."""
        shown = min(SHOWN, len(self.columns))
        said = (
            f"Shuffling {self.columns[0]} makes the {self.score_name} worse by "
            f"{short(float(self.mean[0]))}, more than any other column, on {self.where}. Columns "
            "that say the same share their worth, so that each looks less important than it is."
        )
        chart = Bars(
            f"How much worse the {self.score_name} becomes when a column is shuffled",
            said,
            "column",
            "worse by",
            self.columns[:shown],
            self.mean[:shown].tolist(),
            [
                f"{short(float(mean))} ± {short(float(spread))}"
                for mean, spread in zip(self.mean[:shown], self.std[:shown], strict=True)
            ],
        )
        record = {
            "score": self.score_name,
            "value": self.score,
            "rows": self.where,
            "columns": [
                {"name": name, "mean": float(mean), "std": float(spread), "runs": runs}
                for name, mean, spread, runs in zip(
                    self.columns, self.mean, self.std, self.runs, strict=True
                )
            ],
        }
        return Section("column_importance", "Which columns count", [Sentence(said), chart], record)


class ImportanceDisplay:
    """The loss of quality when a column is shuffled: bars, with the shuffles as dots.

    Parameters
    ----------
    importance : Importance
        What `importance` found.

    Attributes
    ----------
    bars_ : BarContainer
        One bar per column, the most important at the top.
    dots_ : PathCollection
        One dot per shuffle.
    ax_, figure_
        Where they were drawn.
    """

    def __init__(self, importance: Importance) -> None:
        self.importance = importance

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, *, ax: Any = None, **how: Any) -> Self:
        """Draw the importance of the columns of a fitted model of tables."""
        return cls(importance(estimator, X, y, **how)).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw on ``ax``, or on a new figure."""
        found = self.importance
        count = min(SHOWN, len(found.columns))
        self.ax_, self.figure_ = axes_for(ax, (7.0, 1.2 + 0.3 * count))
        place = np.arange(count)
        self.bars_ = self.ax_.barh(place, found.mean[:count], color=BLUE, alpha=0.6, height=0.7)
        runs = found.runs[:count]
        self.dots_ = self.ax_.scatter(
            runs.ravel(), np.repeat(place, runs.shape[1]), s=9, color="black", zorder=3
        )
        self.ax_.set_yticks(place, found.columns[:count])
        self.ax_.set_ylim(count - 0.4, -0.6)
        self.ax_.axvline(0.0, color="black", linewidth=0.8)
        rows = "rows not seen in training" if found.out_of_fold else "rows given"
        self.ax_.set_xlabel(f"{found.score_name} worse by, on {rows} (dots: single shuffles)")
        return self


def importance(
    model: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    scoring: str | Callable[..., float] | None = None,
    n_repeats: int = 5,
    rows: int = 10_000,
    seed: int = 0,
) -> Importance:
    """Return how much worse answers become when the cells of a column are shuffled.

    Source: L. Breiman, "Random forests", Machine Learning 45, 2001, section 10; computed by
    scikit-learn's `permutation_importance`.

    Parameters
    ----------
    model : TabularClassifier or TabularRegressor
        Fitted.
    X, y : table and array
        The table of training, of which each row is answered by networks that have not seen it, or
        other rows, which all networks answer.
    sample_weight : array (n,), optional
        What each row counts.
    scoring : str or callable, optional
        A scorer of scikit-learn, as ``"roc_auc"``; None is the log loss, or the root mean square
        error.
    n_repeats : int
        Shuffles of each column.
    rows : int
        Most rows, drawn by the seed.
    seed : int
        Seed of the shuffles and of that draw.
    """
    from sklearn.inspection import permutation_importance

    for name, value in (("n_repeats", n_repeats), ("rows", rows)):
        if not is_count(value):
            raise must_be(name, "a positive integer", value)
    asked = ask(model, X, y, sample_weight, rows=rows, seed=seed)
    names = tuple(asked.columns)
    kind = _Classes if hasattr(model, "classes_") else _Numbers
    sources = np.repeat(np.arange(len(asked))[:, None], len(names), axis=1)
    assert asked.y is not None
    targets = model.classes_[asked.y] if kind is _Classes else asked.y
    found = permutation_importance(
        kind(asked, names),
        sources,
        targets,
        scoring=_Error(asked.y) if scoring is None else scoring,
        n_repeats=n_repeats,
        random_state=seed,
        sample_weight=asked.weight,
    )
    order = np.argsort(-found.importances_mean, kind="stable")
    score = _score(kind(asked, names), sources, targets, scoring, asked)
    return Importance(
        tuple(names[k] for k in order),
        found.importances[order],
        error_name(model) if scoring is None else _name_of(scoring),
        score,
        asked.out_of_fold,
        asked.where,
    )


class _Shuffled(BaseEstimator):  # type: ignore[misc]
    """The model as an estimator whose inputs are the rows that the cells come from."""

    def __init__(self, asked: Asked | None = None, names: Sequence[str] = ()) -> None:
        self.asked = asked
        self.names = names

    def fit(self, X: Any, y: Any = None) -> Self:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def answers(self, sources: np.ndarray) -> np.ndarray:
        assert self.asked is not None
        own = np.arange(len(self.asked))
        moved = {
            name: sources[:, place]
            for place, name in enumerate(self.names)
            if not np.array_equal(sources[:, place], own)
        }
        return self.asked.shuffled(moved) if moved else self.asked.answers


class _Classes(ClassifierMixin, _Shuffled):  # type: ignore[misc]
    @property
    def classes_(self) -> Any:
        assert self.asked is not None
        return self.asked.model.classes_

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return self.answers(X)

    def predict(self, X: np.ndarray) -> Any:
        return self.classes_[self.answers(X).argmax(axis=1)]


class _Numbers(RegressorMixin, _Shuffled):  # type: ignore[misc]
    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.answers(X)


class _Error:
    """The error with a minus, as scikit-learn's scorers are: more is better."""

    def __init__(self, y: np.ndarray) -> None:
        self.y = y

    def __call__(self, model: _Shuffled, X: np.ndarray, y: Any, sample_weight: Any = None) -> float:
        return -mean_error(model.answers(X), self.y, sample_weight)


def _score(
    wrapped: _Shuffled, sources: np.ndarray, targets: Any, scoring: Any, asked: Asked
) -> float:
    from sklearn.metrics import check_scoring

    assert asked.y is not None
    if scoring is None:
        return mean_error(wrapped.answers(sources), asked.y, asked.weight)
    more = {} if asked.weight is None else {"sample_weight": asked.weight}
    return float(check_scoring(wrapped, scoring)(wrapped, sources, targets, **more))


def _name_of(scoring: Any) -> str:
    return scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "score")
