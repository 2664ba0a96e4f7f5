"""The quality of a fitted estimator on unseen rows, beside the trivial answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np

from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.regressor import MLPRegressor

__all__ = ["Baseline", "Score", "networks_of", "scores_of"]

Estimator: TypeAlias = MLPClassifier | MLPRegressor
# A probability of float32 that is 0 stands for one below its least number.
LEAST = float(np.finfo(np.float32).smallest_subnormal)


@dataclass(frozen=True)
class Score:
    """One line of the result table."""

    name: str
    value: float
    baseline: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Baseline:
    """The answer that looks at no column: the shares of the classes, or the mean.

    Attributes
    ----------
    name : str
        What the trivial answer is, in words.
    values : list of float
        The share of each class in the order of ``classes_``, or the mean alone.
    """

    name: str
    values: list[float]

    @classmethod
    def from_dict(cls, record: Any) -> Baseline:
        """Return the baseline that a model file describes."""
        return cls(str(record["name"]), [float(value) for value in record["values"]])

    @classmethod
    def of_labels(
        cls, codes: np.ndarray, classes: np.ndarray, weight: np.ndarray | None = None
    ) -> Baseline:
        """Learn the shares of class numbers."""
        counts = np.bincount(codes, _relative(weight), minlength=len(classes))
        name = f"always {classes[np.argmax(counts)]}"
        return cls(name, [float(share) for share in counts / counts.sum()])

    @classmethod
    def of_numbers(cls, y: np.ndarray, weight: np.ndarray | None = None) -> Baseline:
        """Learn the mean."""
        return cls("always the mean", [float(np.average(y, weights=_relative(weight)))])


def _relative(weight: np.ndarray | None) -> np.ndarray | None:
    """Return weights of at most 1, whose sums do not overflow."""
    return None if weight is None else np.asarray(weight / weight.max())


def networks_of(estimator: Estimator) -> list[Estimator]:
    """Return the estimators of one network: the ensemble's, or the one there is."""
    members: list[Estimator] = getattr(estimator, "estimators_", [estimator])
    return [one for one in members if hasattr(one, "loss_curve_")]


def scores_of(
    answers: np.ndarray,
    y: np.ndarray,
    baseline: Baseline,
    weight: np.ndarray | None = None,
    classes: np.ndarray | None = None,
) -> list[Score]:
    """Return the scores of answers on rows with known targets.

    With weights each score is a mean by weight, and rows of weight 0 are not there.

    Parameters
    ----------
    answers : ndarray (n, n_classes) or (n,)
        Probabilities, or numbers.
    y : ndarray (n,)
        Labels, all of them known, or numbers.
    baseline : Baseline
        The trivial answer.
    weight : ndarray (n,), optional
        What each row counts.
    classes : ndarray (n_classes,), optional
        The labels, sorted; None for numbers.
    """
    if weight is not None:
        present = weight > 0.0
        answers, y, weight = answers[present], y[present], _relative(weight[present])
    if classes is not None:
        return _of_classes(answers, np.searchsorted(classes, y), baseline, weight)
    return _of_numbers(answers, y, baseline.values[0], weight)


def _of_classes(
    p: np.ndarray, codes: np.ndarray, baseline: Baseline, weight: np.ndarray | None
) -> list[Score]:
    log_p = np.log(np.maximum(p, LEAST))
    shares = np.array(baseline.values)
    guess = int(np.argmax(shares))
    rows = np.arange(len(codes))

    def mean(values: np.ndarray) -> float:
        return float(np.average(values, weights=weight))

    scores = [
        Score("accuracy", mean(p.argmax(axis=1) == codes), mean(codes == guess)),
        Score("log loss", -mean(log_p[rows, codes]), -mean(np.log(shares[codes]))),
    ]
    area = _area(p, codes, weight)
    return scores if area is None else [*scores, Score("AUC", area, 0.5)]


def _area(p: np.ndarray, codes: np.ndarray, weight: np.ndarray | None) -> float | None:
    """Return the area under the ROC curve; the mean over the classes, each against the rest."""
    from sklearn.metrics import roc_auc_score

    present = np.unique(codes)
    if len(present) < p.shape[1]:  # a class without rows has no curve
        return None
    if p.shape[1] == 2:
        return float(roc_auc_score(codes == 1, p[:, 1], sample_weight=weight))
    areas = [
        roc_auc_score(codes == number, p[:, number], sample_weight=weight) for number in present
    ]
    return float(np.mean(areas))


def _of_numbers(
    predicted: np.ndarray, y: np.ndarray, mean: float, weight: np.ndarray | None
) -> list[Score]:
    def squared(p: np.ndarray | float) -> float:
        return float(np.average((y - p) ** 2, weights=weight))

    def absolute(p: np.ndarray | float) -> float:
        return float(np.average(np.abs(y - p), weights=weight))

    predicted = predicted.astype(np.float64)
    variance = squared(float(np.average(y, weights=weight)))
    scores = [
        Score("MAE", absolute(predicted), absolute(mean)),
        Score("RMSE", squared(predicted) ** 0.5, squared(mean) ** 0.5),
    ]
    if variance > 0.0:
        r2 = Score("R2", 1.0 - squared(predicted) / variance, 1.0 - squared(mean) / variance)
        scores = [r2, *scores]
    return scores
