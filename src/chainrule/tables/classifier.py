"""Classes from raw tables: columns as they come in, a calibrated bag of networks out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from chainrule.estimators.class_weight import label_weights
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.inputs import as_targets
from chainrule.estimators.labels import class_codes, prepared_labels
from chainrule.estimators.option_values import labels_from_json, labels_to_json
from chainrule.exports.program import Labels, Step
from chainrule.formulas.loss import losses
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import must_be
from chainrule.tables.asking import AskingOfClasses
from chainrule.tables.base import BaseTabular
from chainrule.tables.calibration import (
    as_shares,
    of_labels,
    temperature_of,
    tempered,
    tempered_labels,
)
from chainrule.tables.exporting import steps_of_classes
from chainrule.tables.intervals import FEWEST_ROWS
from chainrule.tables.members import Member, Table
from chainrule.tables.predictor import RowPredictor, snapshot_of

__all__ = ["TabularClassifier"]


class TabularClassifier(ClassifierMixin, AskingOfClasses, BaseTabular):  # type: ignore[misc]
    r"""Classes from a raw table: a bag of networks, each validated on a fold of its own.

    The answer is the mean of the networks' probabilities at one temperature T,

    .. math:: p = \frac{1}{m} \sum_{i=1}^m \operatorname{softmax}(s_i / T)

    which has the least log loss on rows that the answering network was not trained on.

    Parameters
    ----------
    preset : {"fast", "balanced", "best"}, default="balanced"
        One network, a bag of five, or a search for settings on eight folds, of 20,000 rows on five.
    n_folds : int, optional
        How many networks instead; 0 is one that all rows train, with none held out.
    encoding : {"auto", "scale", "target", "quantiles"}, default="auto"
        How numbers come in: scaled, or with steps between edges, which are splits of the target or
        quantiles; "auto" tries them in short runs.
    validation : {"random", "last"}, default="random"
        Whether folds are drawn, or follow the rows in time: what is held out comes after what is
        trained on.
    validation_fraction : float, default=0.15
        The share of the rows that a single network is validated on.
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
    callbacks : callable or list of callables, optional
        Called after every epoch with an `Epoch`, whose ``member`` is the number of the network;
        one that returns True ends training.
    verbose : bool, default=False
        Whether to print what was guessed of the columns, and what a search has found so far.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
        The labels, sorted; for several labels per row the numbers of the columns.
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
    columns_ : list of str
        The names of the columns.
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

    network_kind = MLPClassifier

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, or of each label (n_samples, n_classes)."""
        check_is_fitted(self, "members_")
        return self._mean(X)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each row; rows of 0 and 1 of several labels."""
        return self._labels_of(self.predict_proba(X))

    def predictor(self, method: str = "predict") -> RowPredictor:
        """Return a prepared callable that answers for one raw row: a dict, or a tuple of cells.

        Parameters
        ----------
        method : {"predict", "predict_proba"}
            The method whose answers it gives.

        Examples
        --------
        >>> import polars as pl
        >>> table = pl.DataFrame({"sky": ["grey", "blue"] * 40, "wind": [3.0, None, 5.0, 1.0] * 20})
        >>> model = TabularClassifier("fast", random_state=0).fit(table, ["yes", "no"] * 40)
        >>> predict = model.predictor()
        >>> predict({"sky": "grey", "wind": None}), predict(("blue", 2.5))
        (np.str_('yes'), np.str_('no'))
        """
        check_is_fitted(self, "members_")
        if method not in ("predict", "predict_proba"):
            raise must_be("method", "predict or predict_proba", method)
        own = snapshot_of(self)
        finish = own._labels_of if method == "predict" else np.asarray
        return RowPredictor(own.members_, own.columns_, own.combined, method, finish)

    def _labels_of(self, p: np.ndarray) -> np.ndarray:
        if self._multilabel:
            return (p > 0.5).astype(np.int64)
        found: np.ndarray = self.classes_[p.argmax(axis=1)]
        return found

    def _learn_targets(self, y: Any) -> np.ndarray:
        labels = prepared_labels(as_targets(y))
        self.temperature_ = 1.0
        self._multilabel = labels.ndim == 2
        if self._multilabel:
            self.classes_ = np.arange(labels.shape[1])
            return labels.astype(np.int64)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        return codes.astype(np.int64)

    def encode_targets(self, y: Any) -> np.ndarray:
        """Return the labels of rows as numbers of the classes, checked against the fit."""
        labels = prepared_labels(as_targets(y), known=True)
        if self._multilabel != (labels.ndim == 2) or labels.shape[1:] not in (
            (),
            (len(self.classes_),),
        ):
            was = f"{len(self.classes_)} labels in columns" if self._multilabel else "one column"
            raise must_be("y", f"of the shape of the fit ({was})", labels.shape)
        if self._multilabel:
            return labels.astype(np.int64)
        return class_codes(labels, self.classes_).astype(np.int64)

    @property
    def n_targets(self) -> int:
        """The number of labels, or of numbers, that a row has."""
        return len(self.classes_) if self._multilabel else 1

    def _options_of_networks(self) -> dict[str, Any]:
        options = super()._options_of_networks()
        weights = options.get("class_weight")
        if isinstance(weights, Mapping):
            checked = label_weights(weights, self.classes_, self.classes_, None)[0]
            options["class_weight"] = dict(enumerate(checked.values()))
        return options

    def _strata(self, y: np.ndarray) -> np.ndarray | None:
        return None if self._multilabel else y

    def _answers_of(self, member: Member, X: np.ndarray) -> np.ndarray:
        found = member.answers(X).astype(np.float64)
        if self._multilabel:
            return tempered_labels(found, self.temperature_)
        p = np.zeros((len(found), len(self.classes_)))
        p[:, member.estimator.classes_] = as_shares(namespace(found), found)
        return tempered(p, self.temperature_)

    def _answer_steps(self, member: Member) -> list[Step]:
        return steps_of_classes(
            member.estimator.classes_.tolist(),
            len(self.classes_),
            member.estimator.parameters_.vector.dtype,
            temperature=self.temperature_,
            several=self._multilabel,
        )

    @property
    def _labels(self) -> Labels:
        return Labels(self.classes_.tolist(), self._multilabel)

    def targets_to_file(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what a file holds of the targets."""
        facts = {"multilabel": self._multilabel, "temperature": self.temperature_}
        return facts | {"classes": labels_to_json(self.classes_)}, {}

    def targets_from_file(self, description: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Take what a file holds of the targets."""
        self.classes_ = labels_from_json(description["classes"])
        self._multilabel = bool(description["multilabel"])
        self.temperature_ = float(description["temperature"])
        if not 0.0 < self.temperature_ < math.inf:
            raise ValueError(f"the temperature is {self.temperature_}")
        numbers = range(len(self.classes_))
        for member in self.members_:
            own = member.estimator.classes_
            if any(one not in numbers for one in own) or (
                self._multilabel and len(own) < len(numbers)
            ):
                raise ValueError("the networks are of other classes")

    def _loss(self, y: np.ndarray, answers: np.ndarray, weight: np.ndarray | None) -> float:
        if self._multilabel:
            return float(losses.get("binary_cross_entropy")(np.clip(answers, 0.0, 1.0), y, weight))
        from sklearn.metrics import log_loss

        classes = range(answers.shape[1])
        return float(log_loss(y, answers, labels=classes, sample_weight=weight))

    def _finish(self, table: Table, oof: np.ndarray, known: np.ndarray) -> None:
        self.oof_score_ = math.nan
        y, p = table.y[known], oof[known]
        weight = None if table.weight is None else table.weight[known]
        if not known.any() or (weight is not None and not weight.any()):
            return
        right = ((p > 0.5) == y).all(axis=1) if self._multilabel else p.argmax(axis=1) == y
        self.oof_score_ = float(np.average(right, weights=weight))
        if known.sum() < FEWEST_ROWS or len(self.classes_) < 2:
            return
        if self._multilabel:
            chances, each = of_labels(p), None if weight is None else weight.repeat(p.shape[1])
            self.temperature_ = temperature_of(chances, y.reshape(-1), each)
            oof[known] = tempered_labels(p, self.temperature_)
        else:
            self.temperature_ = temperature_of(p, y, weight)
            oof[known] = tempered(p, self.temperature_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
