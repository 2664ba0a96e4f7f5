"""Numbers from raw tables, with intervals: columns as they come in, a bag of networks out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, column_or_1d

from chainrule.estimators.exporting import interval_branch, quantiles_branch
from chainrule.estimators.inputs import as_numbers, as_targets
from chainrule.estimators.quantiles import interval_columns, level_columns, median_place
from chainrule.estimators.regressor import MLPRegressor
from chainrule.exports.program import Branch, Pick, Sort, Step
from chainrule.formulas.loss import losses
from chainrule.formulas.losses import Quantile
from chainrule.foundation.errors import InputError, must_be
from chainrule.tables.base import BaseTabular
from chainrule.tables.exporting import around, shifted, steps_of_numbers, within
from chainrule.tables.intervals import (
    bag_factor,
    checked_coverage,
    conformal_quantiles,
    conformal_shift,
    interval_levels,
    quantiles_of,
    residual_intervals,
    residual_quantiles,
)
from chainrule.tables.members import Member, Table
from chainrule.tables.out_of_fold import by_fold
from chainrule.tables.predictor import RowPredictor, snapshot_of

__all__ = ["TabularRegressor"]

# Rows that tell how far networks of different folds differ.
SPREAD_ROWS = 1000


class TabularRegressor(RegressorMixin, BaseTabular):  # type: ignore[misc]
    """Numbers from a raw table: the mean of a bag of networks, within the range of training.

    Parameters
    ----------
    preset, n_folds, encoding, validation, validation_fraction, choices, time_limit, random_state
        As in `TabularClassifier`.
    n_threads, callbacks, verbose
        As in `TabularClassifier`.
    options : dict, optional
        Options of `MLPRegressor` in place of the recipe's: ``{"loss": "poisson"}`` for counts,
        ``{"loss": "mae"}`` for medians, ``{"loss": losses.get("quantile", q=(0.1, 0.5, 0.9))}``
        for `predict_quantiles`.

    Attributes
    ----------
    members_ : list of Member
        The networks, each with the preparation of its training rows.
    oof_prediction_ : ndarray (n_samples,) or (n_samples, n_targets)
        The answer of a network that was not trained on the row; NaN where there is none.
    oof_score_ : float
        Its R2; NaN without such rows.
    loss_reason_ : str
        The loss that short runs chose for targets that are never negative, ``mse`` or ``poisson``,
        and why; empty where there was no choice.
    leaderboard_, encoding_, encoding_reason_, columns_, notes_, seed_, n_features_in_
        As in `TabularClassifier`.
    quantile_levels_ : tuple of float
        The levels of a loss of several quantiles; empty for others.
    feature_names_in_, fit_seconds_
        As in `MLPRegressor`.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame({"rooms": [1.0, 2.0, 3.0, 4.0] * 30, "town": list("AABB") * 30})
    >>> rent = [500.0, 800.0, 1500.0, 1900.0] * 30
    >>> model = TabularRegressor("fast", random_state=0).fit(table, rent)
    >>> bool(abs(model.predict(table[:1])[0] - 500.0) < 50.0)
    True
    """

    network_kind = MLPRegressor

    def predict(self, X: Any) -> np.ndarray:
        """Return the mean of the networks' answers, within the range of the training targets."""
        check_is_fitted(self, "members_")
        return self._mean(X)

    def predictor(self) -> RowPredictor:
        """Return a prepared callable that answers for one raw row: a dict, or a tuple of cells.

        Examples
        --------
        >>> import polars as pl
        >>> table = pl.DataFrame({"rooms": [1.0, 2.0, 3.0] * 30, "town": list("ABB") * 30})
        >>> model = TabularRegressor("fast", random_state=0).fit(table, [5.0, 8.0, 15.0] * 30)
        >>> predict = model.predictor()
        >>> bool(predict({"rooms": 2.0, "town": "B"}) == model.predict(table[1:2])[0])
        True
        """
        check_is_fitted(self, "members_")
        own = snapshot_of(self)
        return RowPredictor(own.members_, own.columns_, own.combined, "predict", np.asarray)

    def predict_interval(self, X: Any, coverage: float = 0.8) -> np.ndarray:
        r"""Return the lower and upper ends (n_samples, 2) of an interval around each answer.

        The ends are the answer plus the quantiles (1 - c) / 2 and (1 + c) / 2 of the errors out of
        fold, so that a share c of rows like those of training lies between them. These errors are
        of single networks, and are made smaller by what their mean gains. The ends are as wide for
        every row; of several targets they are (n_samples, n_targets, 2).

        Networks with a loss of these two quantiles, as ``options={"loss": losses.get("quantile",
        q=(0.1, 0.5, 0.9))}`` for c = 0.8, give intervals as wide as each row needs, and the rows
        out of fold say how much they are to be moved.

        Sources: `chainrule.tables.intervals`.

        Raises
        ------
        InputError
            If the coverage is no share, too few rows were held out, or the loss has quantiles, but
            not these.
        """
        check_is_fitted(self, "members_")
        coverage = checked_coverage(coverage, len(self._errors))
        levels = self.quantile_levels_
        if not levels:
            return residual_intervals(self.predict(X), self._errors, coverage)
        pair = interval_columns(levels, coverage)
        ends = self.predict_quantiles(X)[:, pair]
        return conformal_quantiles(ends, self._errors[:, pair], coverage)

    def predict_quantiles(self, X: Any, levels: Sequence[float] | None = None) -> np.ndarray:
        """Return quantiles (n_samples, n_levels) of each row.

        Where the loss has several quantiles they are the mean of the networks', at its levels;
        otherwise an answer plus the quantiles of the errors out of fold, as in `predict_interval`.

        Parameters
        ----------
        X : table
            The rows.
        levels : sequence of float, optional
            Levels between 0 and 1; None is all levels of the loss.

        Raises
        ------
        InputError
            If the loss has several quantiles, but not these; or none, and no level is given or too
            few rows were held out.
        """
        check_is_fitted(self, "members_")
        own = self.quantile_levels_
        if not own and levels is not None:
            for level in levels:
                checked_coverage(level, len(self._errors), "levels", "predict_quantiles")
            return residual_quantiles(self.predict(X), self._errors, levels)
        if not own:
            raise InputError(
                "predict_quantiles must have a loss of several quantiles; this model has none. Fit "
                'with options={"loss": losses.get("quantile", q=(0.1, 0.5, 0.9))}.'
            )
        frame = self.frame_of(X)
        parts = [m.weight * self._quantiles_of(m, frame) for m in self.members_]
        found: np.ndarray = sum(parts[1:], start=parts[0])
        if levels is None:
            return found
        return found[:, level_columns(own, levels, "levels")]

    @property
    def quantile_levels_(self) -> tuple[float, ...]:
        """The levels of a loss of several quantiles, or none."""
        loss = self.members_[0].estimator.objective_.loss
        if isinstance(loss, Quantile) and loss.scores_per_target > 1:
            return tuple(loss.levels)
        return ()

    def _quantiles_of(self, member: Member, frame: pl.DataFrame) -> np.ndarray:
        assert isinstance(member.estimator, MLPRegressor)
        found: np.ndarray = member.estimator.predict_quantiles(member.inputs(frame))
        return found.astype(np.float64)

    def _learn_targets(self, y: Any) -> np.ndarray:
        self.__dict__.pop("_low", None)
        targets = self.encode_targets(y)
        self._low, self._high = targets.min(axis=0), targets.max(axis=0)
        return targets

    def encode_targets(self, y: Any) -> np.ndarray:
        """Return the numbers of rows as float64, checked against the fit."""
        targets = as_targets(y)
        if targets.ndim == 2 and targets.shape[1] == 1:
            targets = column_or_1d(targets, warn=True)
        if hasattr(self, "_low") and targets.shape[1:] != np.shape(self._low):
            was = f"{len(self._low)} columns" if np.ndim(self._low) else "one column"
            raise must_be("y", f"of the shape of the fit ({was})", targets.shape)
        if targets.dtype.kind not in "fiub":
            targets = as_numbers(targets.astype(object), "y")
        return targets.astype(np.float64)

    @property
    def n_targets(self) -> int:
        """The number of labels, or of numbers, that a row has."""
        return int(np.size(self._low))

    def _strata(self, y: np.ndarray) -> np.ndarray | None:
        return None

    def _answers_of(self, member: Member, X: np.ndarray) -> np.ndarray:
        return member.answers(X).astype(np.float64)

    def _answer_steps(self, member: Member) -> list[Step]:
        return steps_of_numbers(self.quantile_levels_)

    def _last_steps(self) -> tuple[Step, ...]:
        kept = within(np.atleast_1d(self._low), np.atleast_1d(self._high))
        if not self.quantile_levels_:
            return (kept,)
        loss = self.members_[0].estimator.objective_.loss
        assert isinstance(loss, Quantile)
        return Pick((median_place(loss),)), kept

    def _interval_branch(self, coverage: float) -> Branch:
        coverage = checked_coverage(coverage, len(self._errors), "interval", "interval")
        if not self.quantile_levels_:
            ends = quantiles_of(self._errors, interval_levels(coverage))
            return interval_branch((*self._last_steps(), *around(ends)), coverage, ends.shape)
        pair = interval_columns(self.quantile_levels_, coverage)
        shift = shifted(conformal_shift(self._errors[:, pair], coverage))
        return interval_branch((Pick(tuple(pair)), shift, Sort()), coverage, (2,))

    def _quantiles_branch(self, levels: Sequence[float]) -> Branch:
        if self.quantile_levels_:
            columns = level_columns(self.quantile_levels_, levels, "quantiles")
            return quantiles_branch((Pick(tuple(columns)),), levels, (len(columns),))
        for level in levels:
            checked_coverage(level, len(self._errors), "quantiles", "quantiles")
        ends = quantiles_of(self._errors, levels)
        return quantiles_branch((*self._last_steps(), *around(ends)), levels, ends.shape)

    def combined(self, asked: Iterable[tuple[Member, np.ndarray]]) -> np.ndarray:
        """Return the answer of some of the networks together, within the range of training."""
        within: np.ndarray = np.clip(super().combined(asked), self._low, self._high)
        return within

    def _widen(self, y: np.ndarray) -> None:
        self._low = np.minimum(self._low, y.min(axis=0))
        self._high = np.maximum(self._high, y.max(axis=0))

    def targets_to_file(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what a file holds of the targets."""
        ends = {"low": np.atleast_1d(self._low), "high": np.atleast_1d(self._high)}
        return {"several": np.ndim(self._low) > 0}, ends | {"errors": self._errors}

    def targets_from_file(self, description: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Take what a file holds of the targets."""
        self._low, self._high = arrays["low"], arrays["high"]
        if not description["several"]:
            self._low, self._high = self._low[0], self._high[0]
        self._errors = arrays["errors"]

    def _loss(self, y: np.ndarray, answers: np.ndarray, weight: np.ndarray | None) -> float:
        loss = losses.get((self.options or {}).get("loss", "mse"))
        if isinstance(loss, Quantile) and loss.scores_per_target > 1:
            loss = losses.get("mae")  # of the level nearest to the median, which is the answer
        return float(loss(answers, y, weight))

    def _finish(self, table: Table, oof: np.ndarray, known: np.ndarray) -> None:
        y, p = table.y[known], oof[known]
        if self.quantile_levels_:
            self._errors = self._errors_of_quantiles(table)
        else:
            self._errors = (y - p) * self._bag_factor(table, y - p)
        self.oof_score_ = math.nan
        weight = None if table.weight is None else table.weight[known]
        if len(y) > 1 and (weight is None or weight.any()):
            from sklearn.metrics import r2_score

            self.oof_score_ = float(r2_score(y, p, sample_weight=weight))

    def _bag_factor(self, table: Table, errors: np.ndarray) -> np.ndarray:
        """Return what errors of one fold's networks are multiplied by to be of the bag's size."""
        folds = by_fold(self.members_)
        if len(folds) < 2 or not len(errors):
            return np.ones(())
        rows = np.linspace(0, table.frame.height - 1, min(table.frame.height, SPREAD_ROWS))
        frame = table.frame[rows.astype(np.intp)]
        answers = [self.combined((one, one.inputs(frame)) for one in fold) for fold in folds]
        weights = np.array([sum(one.weight for one in fold) for fold in folds])
        return bag_factor(np.stack(answers), weights / weights.sum(), errors)

    def _errors_of_quantiles(self, table: Table) -> np.ndarray:
        """Return quantiles less targets, for the rows that the answering network has not seen."""
        total = np.zeros((len(table.y), len(self.quantile_levels_)))
        weights = np.zeros((len(table.y), 1))
        for member in self.members_:
            rows = member.held
            if len(rows):
                found = self._quantiles_of(member, table.frame[rows]) - table.y[rows, None]
                total[rows] += member.weight * found
                weights[rows] += member.weight
        known = weights[:, 0] > 0.0
        errors: np.ndarray = total[known] / weights[known]
        return errors

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
