"""Classes as targets: labels in, codes and scores between, probabilities and labels out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias

import numpy as np

from chainrule.estimators.class_weight import ClassWeights, label_weights, row_weights
from chainrule.estimators.labels import class_codes, prepared_labels
from chainrule.estimators.options import ClassifierOptions
from chainrule.estimators.target_codec import TargetCodec
from chainrule.formulas.activations import sigmoid, softmax
from chainrule.formulas.loss import Loss, losses
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import InputError, must_be, shown
from chainrule.training.monitor import Metric

__all__ = ["ClassCodec"]

# The link of the loss, computed by an engine.
Link: TypeAlias = Callable[[np.ndarray], np.ndarray]
# Times the one score of two classes: the scores of both. Single precision widens no dtype.
NO_AND_YES = np.array([-1.0, 1.0], np.float32)


@dataclass(frozen=True, eq=False, kw_only=True)
class ClassCodec(TargetCodec):
    """Labels of one column, or several labels per row as columns of 0 and 1.

    Attributes
    ----------
    classes : ndarray (n_classes,)
        The labels, sorted; for multilabel targets the column numbers.
    multilabel : bool
        True if rows have several labels.
    class_weight : dict, list of dict, or None
        The weight of each label, for the rows of the last call.
    """

    classes: np.ndarray
    multilabel: bool
    class_weight: ClassWeights | dict[Any, float] | None = None

    @classmethod
    def learn(
        cls, options: Any, y: np.ndarray, weight: np.ndarray | None, classes: Any = None
    ) -> Self:
        multilabel = y.ndim == 2
        if multilabel:
            labels = np.arange(y.shape[1])
        else:
            labels = np.unique(y if classes is None else np.asarray(classes))
        weights = _class_weight(options, y, None if multilabel else labels, weight)
        loss, n_scores = _loss(options.loss, len(labels), multilabel)
        return cls(
            loss=loss,
            own_loss=loss,
            n_scores=n_scores,
            classes=labels,
            multilabel=multilabel,
            class_weight=weights,
        )

    @staticmethod
    def prepared(y: np.ndarray, name: str = "y") -> np.ndarray:
        """Return the labels (n,), or the indicator rows (n, n_labels) of multilabel targets."""
        return prepared_labels(y, name, known=name != "y")

    @staticmethod
    def strata(y: np.ndarray) -> np.ndarray | None:
        return None if y.ndim == 2 else np.asarray(y)

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"classes_": self.classes, "class_weight_": self.class_weight}

    @property
    def one_class(self) -> bool:
        """True if all rows were of one class, which is then certain."""
        return len(self.classes) == 1 and not self.multilabel

    @property
    def one_score_for_two(self) -> bool:
        """True if one score stands for the second of two classes."""
        return self.n_scores == 1 and len(self.classes) == 2 and not self.multilabel

    def check_continued(self, y: np.ndarray) -> None:
        if y.ndim == 1 and not self.multilabel:
            labels = np.unique(y)
            new = labels[~np.isin(labels, self.classes)]
            if len(new):
                raise InputError(
                    "warm_start can only be used where `y` has the same classes as in the previous "
                    f"call to fit, {shown(self.classes.tolist())}, or some of them; got "
                    f"{shown(new.tolist()[0])} too. Fit again from the start, or use partial_fit "
                    "with all classes named."
                )

    def encode(self, y: np.ndarray, name: str, dtype: np.dtype[Any]) -> np.ndarray:
        if self.multilabel != (y.ndim == 2) or (self.multilabel and y.shape[1] != self.n_scores):
            was = f"{len(self.classes)} labels in columns" if self.multilabel else "one column"
            raise must_be(name, f"of the shape of the first fit ({was})", y.shape)
        if self.multilabel:
            return y
        codes = class_codes(y, self.classes, name)
        if self.one_class and not self.loss.link.rowwise:
            return np.ones((len(codes), 1))  # the score is that of its one class
        return np.reshape(codes, (-1, 1)) if self.one_score_for_two else codes

    def for_call(self, options: Any, y: np.ndarray, weight: np.ndarray | None) -> Self:
        known = None if self.multilabel else self.classes
        return replace(self, class_weight=_class_weight(options, y, known, weight))

    def of_codes(self) -> Self:
        """Return the codec of the same classes, with their numbers as labels."""
        labels, weights = self.classes.tolist(), self.class_weight
        if isinstance(weights, dict):
            weights = {labels.index(label): one for label, one in weights.items()}
        return replace(self, classes=np.arange(len(labels)), class_weight=weights)

    def weighted(self, y: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        weights = self.class_weight
        if weights is None:
            return weight
        return row_weights(weights if isinstance(weights, list) else [weights], y, weight)

    def metric(self, weight: np.ndarray | None) -> Metric:
        def accuracy(scores: np.ndarray, y: np.ndarray) -> float:
            if y.shape[1] > 1 and not self.multilabel:
                right = np.argmax(scores, axis=1) == np.argmax(y, axis=1)
            else:
                p = self.loss.mean(namespace(scores), scores)
                right = np.all((p > 0.5) == (y > 0.5), axis=1)
            return float(np.average(right, weights=weight))

        return accuracy

    def numbers(self, s: np.ndarray, link: Link) -> np.ndarray:
        """Return the number (n,) of the most probable class, or rows of 0 and 1."""
        if not self.needs_link:
            return self.numbers_of_scores(s)
        return self.numbers_of(self.probabilities(s, link))

    @property
    def needs_link(self) -> bool:
        """True if the most probable class cannot be told from the scores alone."""
        return self.loss.link is not sigmoid and self.loss.link is not softmax

    def numbers_of_scores(self, s: np.ndarray) -> np.ndarray:
        """Return the same from scores, whose order sigmoid and softmax keep."""
        if self.multilabel:
            return np.asarray(s > 0.0, dtype=np.int64)
        if self.one_score_for_two:
            return (s[:, 0] > 0.0).astype(np.intp)
        numbers: np.ndarray = s.argmax(axis=1)
        return numbers

    def numbers_of(self, p: np.ndarray) -> np.ndarray:
        """Return the same from probabilities (n, n_classes)."""
        return np.asarray(p > 0.5, np.int64) if self.multilabel else p.argmax(axis=1)

    def probabilities(self, s: np.ndarray, link: Link) -> np.ndarray:
        """Return the probability (n, n_classes) of every label."""
        if self.one_class:
            return np.ones_like(s)
        if not self.one_score_for_two:
            return link(s)
        if self.loss.link is sigmoid:  # 1 - p would lose the digits of a small rest
            return link(s * NO_AND_YES)
        p = link(s)
        return np.concatenate((1.0 - p, p), axis=1)

    def log_probabilities(self, s: np.ndarray) -> np.ndarray:
        """Return the log of `probabilities`, finite for every finite score."""
        if self.one_class:
            return np.zeros_like(s)
        xp = namespace(s)
        with np.errstate(all="ignore"):
            log_p: np.ndarray = self.loss.log_mean(xp, s)
            if not self.one_score_for_two:
                return log_p
            if self.loss.link is sigmoid:
                log_rest = self.loss.log_mean(xp, -s)
            else:
                log_rest = np.log1p(-self.loss.mean(xp, s))
        return np.concatenate((log_rest, log_p), axis=1)


def _loss(choice: str | Loss | None, labels: int, multilabel: bool) -> tuple[Loss, int]:
    """Return the loss of so many labels, and its number of scores."""
    binary = multilabel or labels == 2
    usual = "binary_cross_entropy" if binary else "categorical_cross_entropy"
    loss = losses.get(usual if choice is None else choice)
    if multilabel and loss.name == usual and not isinstance(choice, Loss):
        loss = losses.get(loss, summed=True)  # each label learns as if it were alone
    if loss.link.range != (0.0, 1.0):
        raise must_be(
            "loss",
            "one that gives probabilities",
            loss.name,
            "Take binary_cross_entropy or categorical_cross_entropy, or MLPRegressor.",
        )
    if loss.link.rowwise and multilabel:
        raise must_be("loss", "binary_cross_entropy for multilabel targets", loss.name)
    if loss.link.rowwise or multilabel:
        return loss, labels
    if labels > 2:
        raise must_be("loss", f"categorical_cross_entropy for {labels} classes", loss.name)
    return loss, 1


def _class_weight(
    options: ClassifierOptions,
    y: np.ndarray,
    classes: np.ndarray | None,
    weight: np.ndarray | None,
) -> ClassWeights | dict[Any, float] | None:
    """Return the weights that ``class_weight`` gives; ``classes`` is None for multilabel rows."""
    if options.class_weight is None:
        return None
    weights = label_weights(options.class_weight, y, classes, weight)
    return weights if classes is None else weights[0]
