"""Questions to a fitted estimator of tables, as its methods."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from chainrule.tables.questions.calibration_curve import Calibration, calibration
from chainrule.tables.questions.effect import Effect, effect
from chainrule.tables.questions.importance import Importance, importance
from chainrule.tables.questions.table_report import TableReport, table_report
from chainrule.tables.questions.threshold import Threshold, threshold
from chainrule.tables.questions.why import Why, why
from chainrule.tables.questions.worst import Worst, worst

__all__ = ["Asking", "AskingOfClasses"]


class Asking:
    """Questions about any model of a table.

    Each takes the table of training, of which every row is answered by networks that have not seen
    it, or other rows, which all networks answer; the result says which.
    """

    def importance(self, X: Any, y: Any, sample_weight: Any = None, **how: Any) -> Importance:
        """Return how much worse answers become when the cells of one column are shuffled.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        **how
            ``scoring``, ``n_repeats``, ``rows`` and ``seed``: see
            `chainrule.tables.questions.importance.importance`.
        """
        check_is_fitted(self, "members_")
        return importance(self, X, y, sample_weight, **how)

    def effect(self, X: Any, column: str, **how: Any) -> Effect:
        """Return the mean answer as the cells of one column change, and single rows beside it.

        Parameters
        ----------
        X
            As in `fit`.
        column : str
            The column to change.
        **how
            ``label``, ``points``, ``curves``, ``rows`` and ``seed``: see
            `chainrule.tables.questions.effect.effect`.
        """
        check_is_fitted(self, "members_")
        return effect(self, X, column, **how)

    def why(self, X: Any, row: int, *, label: Any = None, baseline: Any = None) -> Why:
        """Return what each column adds to the answer for one row, compared with a baseline.

        Parameters
        ----------
        X : table
            Any rows.
        row : int
            The row, from 1.
        label : label, optional
            The class that is explained; None is the second of two, and the answer of several.
        baseline : int or table of one row, optional
            Another row of X, from 1, or one of your own; None is the typical row of X.

        Examples
        --------
        >>> import polars as pl
        >>> from chainrule import TabularRegressor
        >>> table = pl.DataFrame({"rooms": [1.0, 2.0, 3.0, 4.0] * 30, "town": list("AABB") * 30})
        >>> rent = [500.0, 800.0, 1500.0, 1900.0] * 30
        >>> model = TabularRegressor("fast", random_state=0).fit(table, rent)
        >>> found = model.why(table, 4, baseline=1)
        >>> [one.column for one in found.contributions], found.complete
        (['rooms', 'town'], True)
        """
        check_is_fitted(self, "members_")
        return why(self, X, row, label=label, baseline=baseline)

    def worst(self, X: Any, y: Any, sample_weight: Any = None, *, n: int = 10) -> Worst:
        """Return the rows with the largest errors.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        n : int
            How many rows.
        """
        check_is_fitted(self, "members_")
        return worst(self, X, y, sample_weight, n=n)

    def report(self, X: Any, y: Any, sample_weight: Any = None, **how: Any) -> TableReport:
        """Return the answers to all questions as one page; ``save`` writes it.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        **how
            ``row`` and ``seed``: see `chainrule.tables.questions.table_report.table_report`.
        """
        check_is_fitted(self, "members_")
        return table_report(self, X, y, sample_weight, **how)


class AskingOfClasses(Asking):
    """Questions about a model of classes."""

    def threshold(self, X: Any, y: Any, sample_weight: Any = None, **how: Any) -> Threshold:
        """Return the probability from which on to decide for a class.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        **how
            ``cost``, as ``{"false positive": 1, "false negative": 5}``, or ``metric``, as ``"f1"``;
            and ``label``: see `chainrule.tables.questions.threshold.threshold`.
        """
        check_is_fitted(self, "members_")
        return threshold(self, X, y, sample_weight, **how)

    def calibration(self, X: Any, y: Any, sample_weight: Any = None, **how: Any) -> Calibration:
        """Return stated probabilities against the shares that came true.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        **how
            ``label`` and ``bins``: see
            `chainrule.tables.questions.calibration_curve.calibration`.
        """
        check_is_fitted(self, "members_")
        return calibration(self, X, y, sample_weight, **how)
