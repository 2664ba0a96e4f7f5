"""`MLPClassifier`: labels in, probabilities and labels out."""

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from chainrule.estimators.class_weight import ClassWeights, label_weights, row_weights
from chainrule.estimators.ensemble import member_scores
from chainrule.estimators.fitting import FittingMLP, steps_by_batches
from chainrule.estimators.labels import checked_labels, class_codes, prepared_labels, text_kind
from chainrule.estimators.option import documented
from chainrule.estimators.options import ClassifierOptions
from chainrule.formulas.activations import sigmoid, softmax
from chainrule.formulas.loss import Loss, losses
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import InputError, must_be, shown
from chainrule.training.monitor import Metric

__all__ = ["MLPClassifier"]

# Times the one score of two classes: the scores of both. Single precision widens no dtype.
_NO_AND_YES = np.array([-1.0, 1.0], np.float32)


@documented
class MLPClassifier(ClassifierMixin, ClassifierOptions, FittingMLP):  # type: ignore[misc]
    r"""A feed-forward network for classes: binary, multiclass and multilabel.

    The network's scores go into the loss, which owns the step to probabilities: the sigmoid for two
    classes and for labels, softmax for more classes. Training makes small

    .. math:: \frac{\sum_i w_i l_i}{\sum_i w_i} + \frac{\alpha}{2} \sum W^2 + l_1 \sum |W|

    Parameters
    ----------
    {options}

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
        The labels, sorted; for multilabel targets the column numbers.
    coefs_, intercepts_ : list of ndarray
        Weights (n_in, n_out) and biases (n_out,) per layer: views of ``parameters_``.
    parameters_, network_, objective_ : Parameters, Network, Objective
        The same as pieces.
    loss_, best_loss_ : float
        Last and lowest value of ``loss_curve_``; ``best_loss_`` is None with held-out rows.
    train_loss_ : float
        Loss of all rows trained on (for `partial_fit`: of the last call) at the parameters kept,
        without penalty; NaN where training was left early.
    loss_curve_, penalty_curve_ : list of float
        Mean loss over each epoch, every row at the parameters of its own step and without penalty;
        and the penalty after each epoch.
    learning_rate_curve_ : list of float
        Rate of the last step of each epoch; NaN with ``lbfgs``, which has none.
    validation_loss_curve_, validation_scores_ : list of float, or None
        Loss and score (accuracy, or that of the scorer in ``monitor``) on the held-out rows after
        each epoch.
    best_validation_score_ : float or None
        The highest of these scores.
    n_iter_, t_ : int
        Epochs of the last fit (of all calls, for `partial_fit`), and rows seen in all fits.
    fit_seconds_ : float
        Wall time of all epochs, those of warm starts and `partial_fit` together.
    batch_size_, batch_size_reason_ : int, str or None
        The rows per step, and why, where they were measured.
    stopped_because_ : str
        How the last fit ended: "no_improvement", "max_iter" (all epochs made), "time_limit",
        "callback", "divergence", "interrupted" (by Ctrl-C, an error, or leaving the loop), or for
        ``lbfgs`` "converged" and "max_fun".
    engine_ : str or None
        The name of the engine that trained last; None where a file of an older version lacks it.
    class_weight_ : dict, list of dict, or None
        The weight of each label that ``class_weight`` gave.
    seed_ : int
        The seed of every random choice.
    estimators_ : list of MLPClassifier
        The networks, where ``n_estimators`` is above 1; what belongs to one network (``coefs_``,
        curves, `explain`) is theirs.
    n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((16,), learning_rate="one_cycle", learning_rate_init=0.05,
    ...                       batch_size=32, max_iter=50, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    >>> model.predict_proba(X[:1]).shape
    (1, 3)
    """

    classes_: np.ndarray
    class_weight_: ClassWeights | dict[Any, float] | None

    @available_if(steps_by_batches)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Make one pass over the rows given, from where the last call or fit ended.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; weights count within the rows of one call.
        classes : array (n_classes,)
            All labels that will ever come; needed in the first call.

        Returns
        -------
        self
        """
        if classes is not None:
            classes = checked_labels(classes, "classes")
            if not classes.size:
                raise must_be("classes", "all labels that will ever come", classes.tolist())
        if not hasattr(self, "classes_"):
            if classes is None:
                raise InputError(
                    "classes must be passed on the first call to partial_fit; got None. Pass all "
                    "labels that will ever come."
                )
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise InputError(
                f"classes must be those of the first call, {self.classes_.tolist()}; got "
                f"{np.unique(classes).tolist()}. Leave it out, or start with a new estimator."
            )
        return self._pass_over(X, y, sample_weight, classes)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each row; for multilabel targets rows of 0 and 1."""
        if "estimators_" in self.__dict__:
            p = self.predict_proba(X)
            return np.asarray(p > 0.5, np.int64) if self._multilabel else self.classes_[p.argmax(1)]
        scores = self._scores(X)
        if self._multilabel:
            return np.asarray(self._yes(scores), dtype=np.int64)
        if self._one_score_for_two:
            numbers = self._yes(scores)[:, 0].astype(np.intp)
        else:
            # softmax keeps the order of scores, so probabilities need not be formed
            by_score = self.objective_.loss.link is softmax
            numbers = (scores if by_score else self._predictions_of(scores)).argmax(axis=1)
        labels: np.ndarray = self.classes_[numbers]
        return labels

    def _yes(self, scores: np.ndarray) -> np.ndarray:
        """Say where the probability is above one half."""
        if self.objective_.loss.link is sigmoid:
            return scores > 0.0
        return self._predictions_of(scores) > 0.5

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of every label, in the order of ``classes_``."""
        if "estimators_" in self.__dict__:
            p: np.ndarray = np.mean([self._proba_of(s) for s in member_scores(self, X)], axis=0)
            return p
        return self._proba_of(self._scores(X))

    def _proba_of(self, s: np.ndarray) -> np.ndarray:
        if self._one_class:
            return np.ones_like(s)
        if not self._one_score_for_two:
            return self._predictions_of(s)
        if self.objective_.loss.link is sigmoid:  # 1 - p would lose the digits of a small rest
            return self._predictions_of(s * _NO_AND_YES)
        p = self._predictions_of(s)
        return np.concatenate((1.0 - p, p), axis=1)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the (weighted) share of rows predicted right, labels of any kind included."""
        predicted, labels, weight = self._compared(X, y, sample_weight)
        kinds = [text_kind(one) for one in (self.classes_, labels)]
        if labels.ndim == 1 and kinds[0] is not kinds[1]:
            raise InputError(
                f"y must hold labels of the kind trained on, {self.classes_.tolist()[:10]}; got "
                f"{labels.tolist()[0]!r} in row 0. Convert them."
            )
        right = predicted == labels
        right = right.all(axis=1) if right.ndim == 2 else right
        return float(np.average(right, weights=weight))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the log of `predict_proba`, from the scores: finite for every finite score."""
        if "estimators_" in self.__dict__:
            members = [self._log_proba_of(s) for s in member_scores(self, X)]
            mean: np.ndarray = np.logaddexp.reduce(members) - np.log(len(members))
            return mean
        return self._log_proba_of(self._scores(X))

    def _log_proba_of(self, s: np.ndarray) -> np.ndarray:
        if self._one_class:
            return np.zeros_like(s)
        loss, xp = self.objective_.loss, namespace(s)
        with np.errstate(all="ignore"):
            log_p: np.ndarray = loss.log_mean(xp, s)
            if not self._one_score_for_two:
                return log_p
            if loss.link is sigmoid:
                log_rest = loss.log_mean(xp, -s)
            else:
                log_rest = np.log1p(-loss.mean(xp, s))
        return np.concatenate((log_rest, log_p), axis=1)

    @property
    def _one_class(self) -> bool:
        """Whether all rows were of one class, which is then certain."""
        return len(self.classes_) == 1 and not self._multilabel

    @property
    def _one_score_for_two(self) -> bool:
        """Whether one score stands for the second of two classes."""
        return self.n_outputs_ == 1 and len(self.classes_) == 2 and not self._multilabel

    def _learn_targets(
        self, y: Any, weight: np.ndarray | None, classes: Any = None
    ) -> tuple[Loss, int]:
        self._multilabel = y.ndim == 2
        if self._multilabel:
            self.classes_ = np.arange(y.shape[1])
            usual, outputs = "binary_cross_entropy", y.shape[1]
        else:
            self.classes_ = np.unique(np.asarray(classes)) if classes is not None else np.unique(y)
            binary = len(self.classes_) == 2
            usual = "binary_cross_entropy" if binary else "categorical_cross_entropy"
            outputs = len(self.classes_)
        loss = losses.get(usual if self.loss is None else self.loss)
        if self._multilabel and loss.name == usual and not isinstance(self.loss, Loss):
            loss = losses.get(loss, summed=True)  # each label learns as if it were alone
        if loss.link.range != (0.0, 1.0):
            raise must_be(
                "loss",
                "one that gives probabilities",
                loss.name,
                "Take binary_cross_entropy or categorical_cross_entropy, or MLPRegressor.",
            )
        if loss.link.rowwise and self._multilabel:
            raise must_be("loss", "binary_cross_entropy for multilabel targets", loss.name)
        if not loss.link.rowwise and not self._multilabel:
            if outputs > 2:
                raise must_be("loss", f"categorical_cross_entropy for {outputs} classes", loss.name)
            outputs = 1
        return loss, outputs

    def _prepared(self, y: Any, name: str = "y") -> np.ndarray:
        """Return the labels (n,), or the indicator rows (n, n_labels) of multilabel targets."""
        return prepared_labels(y, name)

    def _check_continued(self, y: Any) -> None:
        if y.ndim == 1 and not self._multilabel:
            labels = np.unique(y)
            new = labels[~np.isin(labels, self.classes_)]
            if len(new):
                raise InputError(
                    "warm_start can only be used where `y` has the same classes as in the previous "
                    f"call to fit, {shown(self.classes_.tolist())}, or some of them; got "
                    f"{shown(new.tolist()[0])} too. Fit anew, or use partial_fit with all classes "
                    "named."
                )

    def _encode(self, y: Any, name: str = "y") -> np.ndarray:
        labels: np.ndarray = y
        if self._multilabel != (y.ndim == 2) or (
            self._multilabel and y.shape[1] != self.n_outputs_
        ):
            was = f"{len(self.classes_)} labels in columns" if self._multilabel else "one column"
            rule = f"of the shape of the first fit ({was})"
            raise InputError(f"{name} must be {rule}; got {y.shape}.")
        if self._multilabel:
            return labels
        codes = class_codes(labels, self.classes_, name)
        if self._one_class and not self.objective_.loss.link.rowwise:
            return np.ones((len(codes), 1))  # a score says how likely its class is
        return np.reshape(codes, (-1, 1)) if self._one_score_for_two else codes

    def _learn_weights(
        self, y: Any, weight: np.ndarray | None, anew: bool, classes: Any = None
    ) -> None:
        if self.class_weight is None:
            self.class_weight_ = None
            return
        if not anew:
            known = None if self._multilabel else self.classes_
        elif y.ndim == 2:
            known = None
        else:
            known = np.unique(y if classes is None else np.asarray(classes))
        weights = label_weights(self.class_weight, y, known, weight)
        self.class_weight_ = weights if known is None else weights[0]

    def _weighted(self, y: Any, weight: np.ndarray | None) -> np.ndarray | None:
        chosen = self.class_weight_
        if chosen is None:
            return weight
        return row_weights(chosen if isinstance(chosen, list) else [chosen], y, weight)

    def _strata(self, y: Any) -> np.ndarray | None:
        return None if y.ndim == 2 else np.asarray(y)

    def _metric(self, loss: Loss, weight: np.ndarray | None) -> Metric:
        def accuracy(scores: np.ndarray, y: np.ndarray) -> float:
            if y.shape[1] > 1 and not self._multilabel:
                right = np.argmax(scores, axis=1) == np.argmax(y, axis=1)
            else:
                right = np.all((loss.mean(namespace(scores), scores) > 0.5) == (y > 0.5), axis=1)
            return float(np.average(right, weights=weight))

        return accuracy

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
