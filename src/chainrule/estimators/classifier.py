"""`MLPClassifier`: labels in, probabilities and labels out."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from chainrule.engines.engine import Engine
from chainrule.estimators.fitting import FittingMLP, steps_by_batches
from chainrule.formulas.activations import sigmoid, softmax
from chainrule.formulas.loss import Loss, losses
from chainrule.formulas.optimizers import Optimizer
from chainrule.formulas.records import Activation
from chainrule.formulas.schedules import Schedule
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import InputError, must_be
from chainrule.training.monitor import Metric

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassifierMixin, FittingMLP):  # type: ignore[misc]
    r"""A feed-forward network for classes: binary, multiclass and multilabel.

    The network's scores go into the loss, which owns the step to probabilities: the sigmoid for two
    classes and for labels, softmax for more classes. Training makes small

    .. math:: \frac{\sum_i w_i l_i}{\sum_i w_i} + \frac{\alpha}{2} \sum W^2

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units per hidden layer; ``()`` is a network without hidden layers.
    activation : str, Activation, or list of them, default="relu"
        A name from `chainrule.activations` for all hidden layers, or a list with one per layer.
    solver : {"adam", "sgd", "adamw", "rmsprop", "lbfgs"} or Optimizer, default="adam"
        The update rule; ``lbfgs`` is SciPy's, on all rows at once.
    alpha : float, default=0.0001
        Strength of the l2 penalty on weights (not biases), whatever the batch size.
    batch_size : int, "auto" or "noise", default="auto"
        Rows per step; ``"auto"`` is min(200, n_samples), ``"noise"`` measures the noise of the
        gradient and takes the power of two from 32 to 1024 where more rows stop paying.
    learning_rate : str or Schedule, default="constant"
        A name from `chainrule.schedules`.
    learning_rate_init : float, default=0.001
        The rate that the schedule starts from.
    power_t : float, default=0.5
        Power of the ``invscaling`` schedule.
    max_iter : int, default=200
        Most epochs (iterations, for ``lbfgs``).
    shuffle : bool, default=True
        Whether each epoch has an order of its own.
    random_state : int, generator or None, default=None
        Seed of the start, the orders and the split; the seed used is kept in ``seed_``.
    tol : float, default=1e-4
        Improvement of the watched value that counts: of a score, or of a loss in the unit of
        the best constant answer's (1 for classes, the variance for squared errors).
    verbose : bool, default=False
        Whether to print a line per epoch.
    warm_start : bool, default=False
        Whether `fit` goes on from where the last one ended.
    momentum : float, default=0.9
        Momentum of ``sgd``.
    nesterovs_momentum : bool, default=True
        Whether that momentum looks ahead.
    early_stopping : bool, default=False
        Whether to hold out a stratified share of the rows, stop when the score on them no longer
        gets better, and keep the best parameters.
    validation_fraction : float, default=0.1
        That share.
    beta_1, beta_2, epsilon : float
        Parameters of ``adam`` and ``adamw`` (``epsilon`` of ``rmsprop`` too).
    n_iter_no_change : int or infinity, default=10
        Epochs without improvement before training stops.
    max_fun : int, default=15000
        Most evaluations of the gradient by ``lbfgs``.
    loss : str or Loss, default=None
        None takes ``binary_cross_entropy`` for two classes and for labels, else
        ``categorical_cross_entropy``.
    dtype : {"float32", "float64"}, default=None
        Precision of parameters and computation; None follows X.
    engine : str or Engine, default="auto"
        What computes: the compiled engine where it can, else the reference engine.
    n_threads : int, default=None
        Most threads of the compiled engine; None is all cores the process may use. The result has
        the same bits for any number.
    weight_decay : float, default=None
        Decoupled decay of the optimizer; None takes the solver's own (0.01 for ``adamw``).
    monitor : {"score", "loss"}, default="score"
        What is watched on held-out rows: accuracy, or the loss.

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
    learning_rate_curve_ : list of float
        The rate of the last step of each epoch; NaN with L-BFGS, which has none.
    fit_seconds_ : float
        Time of all epochs.
    loss_curve_, penalty_curve_ : list of float
        Mean loss over each epoch, every row at the parameters of its own step and without penalty;
        and the penalty after each epoch.
    validation_loss_curve_, validation_scores_ : list of float, or None
        Loss and accuracy on the held-out rows after each epoch.
    best_validation_score_ : float or None
        The highest of these scores.
    n_iter_, t_ : int
        Epochs of the last fit (of all calls, for `partial_fit`), and rows seen in all.
    batch_size_, batch_size_reason_ : int, str or None
        The rows per step, and why, where they were measured.
    stopped_because_ : {"no_improvement", "max_iter", "divergence", "interrupted"}
        How the last fit ended.
    seed_ : int
        The seed of every random choice.
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

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str | Activation | list[str | Activation] = "relu",
        *,
        solver: str | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: str | Loss | None = None,
        dtype: Any = None,
        engine: str | Engine = "auto",
        n_threads: int | None = None,
        weight_decay: float | None = None,
        monitor: str = "score",
    ) -> None:
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            loss=loss,
            dtype=dtype,
            engine=engine,
            n_threads=n_threads,
            weight_decay=weight_decay,
            monitor=monitor,
        )

    @available_if(steps_by_batches)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Make one pass over the rows given, from where the last call or fit ended.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array (n_classes,)
            All labels that will ever come; needed in the first call.

        Returns
        -------
        self
        """
        if not hasattr(self, "parameters_"):
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
        scores = self._scores(X)
        if self._multilabel:
            return np.asarray(self._yes(scores), dtype=np.int64)
        if scores.shape[1] == 1 and len(self.classes_) == 2:
            numbers = self._yes(scores)[:, 0].astype(np.intp)
        else:
            # softmax keeps the order of scores, so probabilities need not be formed
            by_score = self.objective_.loss.link is softmax
            numbers = np.argmax(scores if by_score else self._mean_of(scores), axis=1)
        labels: np.ndarray = self.classes_[numbers]
        return labels

    def _yes(self, scores: np.ndarray) -> np.ndarray:
        """Say where the probability is above one half."""
        yes: np.ndarray
        yes = scores > 0.0 if self.objective_.loss.link is sigmoid else self._mean_of(scores) > 0.5
        return yes

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of every label, in the order of ``classes_``."""
        p = self._mean_of(self._scores(X))
        if p.shape[1] == 1 and len(self.classes_) == 2 and not self._multilabel:
            return np.hstack([1.0 - p, p])
        return p

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the log of `predict_proba`, from the scores: finite for every finite score."""
        s = self._scores(X)
        loss, xp = self.objective_.loss, namespace(s)
        with np.errstate(all="ignore"):
            log_p: np.ndarray = loss.log_mean(xp, s)
            if s.shape[1] == 1 and len(self.classes_) == 2 and not self._multilabel:
                return np.hstack([loss.log_mean(xp, -s), log_p])
        return log_p

    def _mean_of(self, s: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            p: np.ndarray = self.objective_.loss.mean(namespace(s), s)
        return p

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

    def _prepared(self, y: Any) -> np.ndarray:
        """Return the labels (n,), or the indicator rows (n, n_labels) of multilabel targets."""
        if hasattr(y, "toarray"):
            y = y.toarray()
        labels: np.ndarray = np.asarray(y)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = column_or_1d(labels, warn=True)
        if labels.dtype == object:
            labels = _of_one_type(labels)
        check_classification_targets(labels)
        kind = type_of_target(labels, input_name="y")
        if kind == "multiclass-multioutput":
            raise InputError(
                "y must be one column of labels, or columns of 0 and 1; got "
                f"{labels.shape[1]} columns with other values. Fit one classifier per column."
            )
        return labels

    def _encode(self, y: Any) -> np.ndarray:
        labels: np.ndarray = y
        if self._multilabel != (y.ndim == 2) or (
            self._multilabel and y.shape[1] != self.n_outputs_
        ):
            was = f"{len(self.classes_)} labels in columns" if self._multilabel else "one column"
            raise InputError(f"y must be of the shape of the first fit ({was}); got {y.shape}.")
        if self._multilabel:
            return labels
        try:
            codes: np.ndarray = np.searchsorted(self.classes_, labels)
        except TypeError as error:
            raise _mixed_labels({*self.classes_.tolist(), *labels.tolist()}) from error
        codes = np.minimum(codes, len(self.classes_) - 1)
        wrong = self.classes_[codes] != labels
        if np.any(wrong):
            row = int(np.argmax(wrong))
            label = labels[row : row + 1].tolist()[0]
            raise InputError(
                f"y must hold the classes of the first fit, {self.classes_.tolist()}; got "
                f"{label!r} in row {row}. Name all classes at the start, or fit anew."
            )
        one_score = self.n_outputs_ == 1 and len(self.classes_) == 2
        return np.reshape(codes, (-1, 1)) if one_score else codes

    def _strata(self, y: Any) -> np.ndarray | None:
        return None if self._multilabel else np.asarray(y)

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


def _of_one_type(labels: np.ndarray) -> np.ndarray:
    """Return text as it is, and numbers of dtype object as numbers; refuse mixtures."""
    flat = labels.ravel().tolist()
    if all(isinstance(label, str) for label in flat):
        return labels
    kinds = {"b" if isinstance(label, bool) else np.asarray(label).dtype.kind for label in flat}
    if kinds in ({"b"}, {"i"}, {"f"}, {"i", "f"}):
        return np.array(labels.tolist())
    raise _mixed_labels(flat)


def _mixed_labels(labels: Iterable[Any]) -> InputError:
    kinds = sorted({type(label).__name__ for label in labels})
    return InputError(
        f"y must hold labels of one type that sorts; got {' and '.join(kinds)}. Convert them, for "
        "example to text."
    )
