"""`MLPClassifier`: labels in, probabilities and labels out."""

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from chainrule.estimators.class_codec import ClassCodec
from chainrule.estimators.class_weight import ClassWeights
from chainrule.estimators.converting import ConvertibleMLP
from chainrule.estimators.dispatching import as_inputs_are
from chainrule.estimators.labels import checked_labels, text_kind
from chainrule.estimators.option import documented
from chainrule.estimators.options import ClassifierOptions
from chainrule.estimators.predictor import Wanted, as_they_are
from chainrule.estimators.samples import Given
from chainrule.estimators.stepwise import steps_by_batches
from chainrule.foundation.errors import InputError, must_be

__all__ = ["MLPClassifier"]


@documented
class MLPClassifier(ClassifierMixin, ClassifierOptions, ConvertibleMLP):  # type: ignore[misc]
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
        The same as objects of their own.
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
        Why the last fit ended: "no_improvement", "max_iter" (all epochs made), "time_limit",
        "callback", "divergence", "interrupted" (by Ctrl-C, an error, or leaving the loop), or for
        ``lbfgs`` "converged" and "max_fun"; "not_trained" for one of `from_network`.
    engine_ : str or None
        The name of the engine that trained last; None where a file of an older version lacks it.
    device_ : str or None
        The device it computed on: "cpu", or one as "cuda:0" with its kind.
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

    _targets = ClassCodec

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
        return self._pass_over(Given(X, y, sample_weight), classes)

    @as_inputs_are
    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each row; for multilabel targets rows of 0 and 1."""
        if "estimators_" in self.__dict__:
            numbers = self._codec.numbers_of(self.predict_proba(X))
        else:
            numbers = self._codec.numbers(self._scores(X), self._predictions_of)
        labels: np.ndarray = numbers if self._codec.multilabel else self.classes_[numbers]
        return labels

    @as_inputs_are
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of every label, in the order of ``classes_``."""
        link = self._predictions_of
        if "estimators_" in self.__dict__:
            members = [self._codec.probabilities(s, link) for s in self._member_scores(X)]
            mean: np.ndarray = np.mean(members, axis=0)
            return mean
        scores = self._scores(X)
        p: np.ndarray = self._codec.probabilities(scores, link)
        return p

    def _wanted(self, method: str) -> Wanted:
        codec, classes = self._codec, self.classes_
        if method == "predict_proba":
            return Wanted(method, True, as_they_are)
        if method != "predict":
            raise must_be("method", "predict or predict_proba", method)
        linked = "estimators_" in self.__dict__ or codec.needs_link
        numbers = codec.numbers_of if linked else codec.numbers_of_scores
        if codec.multilabel:
            return Wanted(method, linked, numbers)
        return Wanted(
            method,
            linked,
            lambda found: classes[numbers(found)],
            None if codec.one_score_for_two else lambda found: classes[found.argmax()],
        )

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

    @as_inputs_are
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the log of `predict_proba`, from the scores: finite for every finite score."""
        if "estimators_" in self.__dict__:
            members = [self._codec.log_probabilities(s) for s in self._member_scores(X)]
            mean: np.ndarray = np.logaddexp.reduce(members) - np.log(len(members))
            return mean
        scores = self._scores(X)
        log_p: np.ndarray = self._codec.log_probabilities(scores)
        return log_p

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
