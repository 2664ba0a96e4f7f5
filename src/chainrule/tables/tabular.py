"""Estimators of raw tables: columns as they come in, a calibrated bag of networks out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, column_or_1d

from chainrule.estimators.class_weight import label_weights
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.inputs import as_numbers, as_targets
from chainrule.estimators.labels import class_codes, prepared_labels
from chainrule.estimators.regressor import MLPRegressor
from chainrule.formulas.loss import losses
from chainrule.formulas.losses import Quantile
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.real_numbers import is_real
from chainrule.interop.model_values import labels_from_json, labels_to_json
from chainrule.tables.base import BaseTabular
from chainrule.tables.calibration import temperature_of, tempered
from chainrule.tables.members import Member, Table

__all__ = ["TabularClassifier", "TabularRegressor"]

# Fewer rows out of fold say too little of how sure probabilities are, or how far answers are off.
FEWEST_ROWS = 50


class TabularClassifier(ClassifierMixin, BaseTabular):  # type: ignore[misc]
    r"""Classes from a raw table: a bag of networks, each validated on a fold of its own.

    The answer is the mean of the networks' probabilities at one temperature T,

    .. math:: p = \frac{1}{m} \sum_{i=1}^m \operatorname{softmax}(s_i / T)

    which has the least log loss on rows that the answering network was not trained on.

    Parameters
    ----------
    preset : {"fast", "balanced", "best"}, default="balanced"
        One network, a bag of five, or a search for settings on eight folds.
    n_folds : int, optional
        How many networks instead.
    encoding : {"auto", "scale", "target", "quantiles"}, default="auto"
        How numbers come in: scaled, or with steps between edges, which are splits of the target or
        quantiles; "auto" tries them in short runs.
    validation : {"random", "last"}, default="random"
        Whether folds are drawn, or follow the rows in time: what is held out comes after what is
        trained on.
    options : dict, optional
        Options of `MLPClassifier` in place of the recipe's.
    choices : Choices, optional
        What you say of columns: which to leave out, and which are categories, numbers or dates.
    time_limit : float, optional
        Seconds after which no network is begun: with them every preset searches for settings until
        then. How many are tried then depends on the machine, and so does the result.
    random_state : int, generator or None
        Seed of every random choice; the seed used is kept in ``seed_``.
    n_threads : int, optional
        Most threads; the result has the same bits for any number.
    verbose : bool, default=False
        Whether to print what was guessed of the columns, and what a search has found so far.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
        The labels, sorted.
    members_ : list of Member
        The networks, each with the preparation of its training rows and its weight.
    leaderboard_ : Leaderboard
        The settings that were tried, best first.
    oof_prediction_ : ndarray (n_samples, n_classes)
        Probabilities by a network that was not trained on the row; NaN where there is none.
    oof_score_ : float
        Their accuracy; NaN without such rows.
    temperature_ : float
        The temperature T.
    encoding_, encoding_reason_ : str
        The encoding of numbers, and why.
    notes_ : list of str
        What was guessed of the columns.
    seed_, n_features_in_, feature_names_in_, fit_seconds_
        As in `MLPClassifier`.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame({"sky": ["grey", "blue"] * 40, "wind": [3.0, None, 5.0, 1.0] * 20})
    >>> rain = ["yes", "no"] * 40
    >>> model = TabularClassifier("fast", random_state=0).fit(table, rain)
    >>> model.predict(table[:2]).tolist()
    ['yes', 'no']
    """

    _kind = MLPClassifier

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class (n_samples, n_classes)."""
        check_is_fitted(self, "members_")
        return self._mean(X)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each row."""
        p = self.predict_proba(X)
        found: np.ndarray = self.classes_[p.argmax(axis=1)]
        return found

    def _learn_targets(self, y: Any) -> np.ndarray:
        labels = prepared_labels(as_targets(y))
        if labels.ndim != 1:
            raise InputError(
                f"y must be one column of labels; got {labels.shape[1]} columns. Fit one estimator "
                "per column, for example with MultiOutputClassifier."
            )
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self.temperature_ = 1.0
        return codes.astype(np.int64)

    def _encode(self, y: Any) -> np.ndarray:
        return class_codes(prepared_labels(as_targets(y)), self.classes_).astype(np.int64)

    def _options_of_networks(self) -> dict[str, Any]:
        options = super()._options_of_networks()
        weights = options.get("class_weight")
        if isinstance(weights, Mapping):
            checked = label_weights(weights, self.classes_, self.classes_, None)[0]
            options["class_weight"] = dict(enumerate(checked.values()))
        return options

    def _strata(self, y: np.ndarray) -> np.ndarray | None:
        return y

    def _answers_of(self, member: Member, X: np.ndarray) -> np.ndarray:
        found = member.answers(X).astype(np.float64)
        p = np.zeros((len(found), len(self.classes_)))
        p[:, member.estimator.classes_] = found / found.sum(axis=1, keepdims=True)
        return tempered(p, self.temperature_)

    def _to_file(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"classes": labels_to_json(self.classes_), "temperature": self.temperature_}, {}

    def _from_file(self, description: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        self.classes_ = labels_from_json(description["classes"])
        self.temperature_ = float(description["temperature"])
        if not 0.0 < self.temperature_ < math.inf:
            raise ValueError(f"the temperature is {self.temperature_}")

    def _loss(self, y: np.ndarray, answers: np.ndarray, weight: np.ndarray | None) -> float:
        from sklearn.metrics import log_loss

        classes = range(answers.shape[1])
        return float(log_loss(y, answers, labels=classes, sample_weight=weight))

    def _finish(self, table: Table, oof: np.ndarray, known: np.ndarray) -> None:
        self.oof_score_ = math.nan
        if not known.any():
            return
        codes = table.y[known]
        weight = None if table.weight is None else table.weight[known]
        if weight is not None and not weight.any():
            return
        self.oof_score_ = float(np.average(oof[known].argmax(axis=1) == codes, weights=weight))
        if known.sum() >= FEWEST_ROWS and len(self.classes_) > 1:
            self.temperature_ = temperature_of(oof[known], codes, weight)
            oof[known] = tempered(oof[known], self.temperature_)


class TabularRegressor(RegressorMixin, BaseTabular):  # type: ignore[misc]
    """Numbers from a raw table: the mean of a bag of networks, within the range of training.

    Parameters
    ----------
    preset, n_folds, encoding, validation, choices, time_limit, random_state, n_threads, verbose
        As in `TabularClassifier`.
    options : dict, optional
        Options of `MLPRegressor` in place of the recipe's, as ``{"loss": "mae"}``.

    Attributes
    ----------
    members_ : list of Member
        The networks, each with the preparation of its training rows.
    oof_prediction_ : ndarray (n_samples,)
        The answer of a network that was not trained on the row; NaN where there is none.
    oof_score_ : float
        Its R2; NaN without such rows.
    leaderboard_, encoding_, encoding_reason_, notes_, seed_, n_features_in_
        As in `TabularClassifier`.
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

    _kind = MLPRegressor

    def predict(self, X: Any) -> np.ndarray:
        """Return the mean of the networks' answers, within the range of the training targets."""
        check_is_fitted(self, "members_")
        return self._mean(X)

    def predict_interval(self, X: Any, coverage: float = 0.8) -> np.ndarray:
        r"""Return the lower and upper ends (n_samples, 2) of an interval around each answer.

        The ends are the answer plus the quantiles (1 - c) / 2 and (1 + c) / 2 of the errors out of
        fold, so that a share c of rows like those of training lies between them. They are as wide
        for every row.

        Source: R. Barber, E. Candes, A. Ramdas, R. Tibshirani, "Predictive inference with the
        jackknife+", Annals of Statistics 49(1), 2021 (the CV variant, without its correction).

        Raises
        ------
        InputError
            If the coverage is no share, or too few rows were held out.
        """
        if not is_real(coverage) or not 0.0 < coverage < 1.0:
            raise must_be("coverage", "between 0 and 1, both excluded", coverage)
        found = self.predict(X)
        if len(self._errors) < FEWEST_ROWS:
            raise InputError(
                f"predict_interval must have the errors of {FEWEST_ROWS} rows out of fold; got "
                f"{len(self._errors)}. Fit with folds, on more rows."
            )
        ends = np.quantile(self._errors, [(1.0 - coverage) / 2.0, (1.0 + coverage) / 2.0])
        interval: np.ndarray = found[:, None] + ends
        return interval

    def _learn_targets(self, y: Any) -> np.ndarray:
        targets = self._encode(y)
        self._low, self._high = float(targets.min()), float(targets.max())
        return targets

    def _encode(self, y: Any) -> np.ndarray:
        targets = as_targets(y)
        if targets.ndim == 2:
            if targets.shape[1] > 1:
                raise InputError(
                    f"y must be one column of numbers; got {targets.shape[1]}. Fit one estimator "
                    "per column, for example with MultiOutputRegressor."
                )
            targets = column_or_1d(targets, warn=True)
        if targets.dtype.kind not in "fiub":
            targets = as_numbers(targets.astype(object), "y")
        return targets.astype(np.float64)

    def _strata(self, y: np.ndarray) -> np.ndarray | None:
        return None

    def _answers_of(self, member: Member, X: np.ndarray) -> np.ndarray:
        return member.answers(X).astype(np.float64)

    def _combined(self, asked: Iterable[tuple[Member, np.ndarray]]) -> np.ndarray:
        within: np.ndarray = np.clip(super()._combined(asked), self._low, self._high)
        return within

    def _to_file(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"range": [self._low, self._high]}, {"errors": self._errors}

    def _from_file(self, description: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        self._low, self._high = map(float, description["range"])
        self._errors = arrays["errors"]

    def _loss(self, y: np.ndarray, answers: np.ndarray, weight: np.ndarray | None) -> float:
        loss = losses.get((self.options or {}).get("loss", "mse"))
        if isinstance(loss, Quantile) and loss.scores_per_target > 1:
            loss = losses.get("mae")  # of the level nearest to the median, which is the answer
        return float(loss(answers, y, weight))

    def _finish(self, table: Table, oof: np.ndarray, known: np.ndarray) -> None:
        y, p = table.y[known], oof[known]
        self._errors = np.sort(y - p)
        self.oof_score_ = math.nan
        weight = None if table.weight is None else table.weight[known]
        if len(y) > 1 and (weight is None or weight.any()):
            from sklearn.metrics import r2_score

            self.oof_score_ = float(r2_score(y, p, sample_weight=weight))
