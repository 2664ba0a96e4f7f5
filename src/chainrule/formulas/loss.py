"""The loss record: disagreement between a target and the network's raw score.

A loss owns its link (identity, sigmoid, softmax, exp), the step from score to prediction. Merged
into one formula on scores, sigmoid or softmax with cross-entropy is stable at every input, and the
output activation cannot be applied twice.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from chainrule.formulas.calling import Calls
from chainrule.formulas.records import Activation, Formula, written
from chainrule.formulas.target_scale import Standardised, TargetScale
from chainrule.foundation.arrays import (
    Array,
    Namespace,
    as_floating,
    as_like,
    namespace,
    same_shape,
    to_numpy,
)
from chainrule.foundation.catalogue import Catalogue
from chainrule.foundation.errors import InputError, must_be

__all__ = ["Loss", "checked_weight", "losses", "relative_weight", "weighted_mean"]


def _refuse_broadcasting(s: Array, y: Array) -> None:
    # the tracer's symbols have no shape
    if hasattr(s, "shape") and hasattr(y, "shape"):
        same_shape("s", s, "y", y)


def _on_scores_or_predictions(of_predictions: str) -> Callable[..., Array]:
    """Return the call of a formula on scores for users, who mostly hold predictions."""

    def call(
        record: "Loss",
        formula: Callable[..., Array],
        p: Array | None = None,
        y: Array | None = None,
        *,
        s: Array | None = None,
    ) -> Array:
        if y is None or (p is None) == (s is None):
            call = f"{record.name}.{formula.__name__}"
            raise TypeError(f"{call} takes predictions and targets, (p, y), or scores, (s=s, y=y)")
        if s is None:
            return getattr(record, of_predictions)(p, y)
        s = as_floating(s)
        xp = namespace(s)
        with np.errstate(all="ignore"):
            return formula(record, xp, s, record._prediction_target(xp, s, y))

    return call


def _on_predictions(
    record: "Loss", formula: Callable[..., Array], prediction: Array, y: Array
) -> Array:
    xp, prediction, y = record._prediction_and_target(prediction, y)
    with np.errstate(all="ignore"):
        return formula(record, xp, prediction, y)


@dataclass(frozen=True)
class Loss(Formula):
    """Disagreement between score s and target y, element by element or row by row.

    A subclass is one block: `value` and `gradient` on scores, `on_prediction` in the chapter's
    form, and the attributes below. The loss of a row is the mean over its columns; the loss of
    many rows is their (weighted) mean: sum of w times l, over the sum of w.

    An instance is a plain function of predictions, ``mse(p, y)``, and so are the values before
    their mean, ``mse.value(p, y)``, and their derivative by the prediction, ``mse.gradient(p, y)``.
    By name the two take scores: ``bce.gradient(s=s, y=y)`` is the derivative by the score. Engines
    call the formula text itself, on scores, with the namespace first. Nothing is broadcast.

    Attributes
    ----------
    link : Activation
        The step from score to prediction, p = link(s).
    latex, gradient_latex : str
        The loss in p and y, and its derivative by the score s.
    prediction_gradient_latex : str
        Its derivative by the prediction p, where the link is not linear.
    short_gradient_latex : str
        The derivative by the score, written with the prediction, where that is shorter.
    domain : tuple of float
        The closed interval that targets must lie in.
    rowwise : bool
        Whether one value belongs to a whole row (categorical) or to each element.
    summed : bool
        Whether the loss of a row is the sum over its columns, and not their mean.
    kinked : bool
        Whether the gradient jumps where the score is the target.
    target_scale : type of TargetScale
        What a change of the targets' unit is to the scores; see `rescaled`.

    Examples
    --------
    >>> losses.mse.gradient([1.0, 2.0], [1.0, 4.0])
    array([ 0., -4.])
    """

    link: ClassVar[Activation]
    gradient_latex: ClassVar[str]
    prediction_gradient_latex: ClassVar[str] = ""
    short_gradient_latex: ClassVar[str] = ""
    domain: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    rowwise: ClassVar[bool] = False
    summed = False  # a record may have it as a field
    _by_name: ClassVar[Mapping[str, str]] = {
        "latex": "<f>(p, y)",
        "gradient_latex": r"\frac{d <f>}{ds}",
    }
    kinked: ClassVar[bool] = False
    target_scale: ClassVar[type[TargetScale]] = Standardised
    _of_arrays: ClassVar[Calls] = {
        "value": _on_scores_or_predictions("on_prediction"),
        "gradient": _on_scores_or_predictions("prediction_gradient"),
        "on_prediction": _on_predictions,
        "prediction_gradient": _on_predictions,
    }
    _check_arrays = staticmethod(_refuse_broadcasting)

    @classmethod
    def formula_text(cls) -> str:
        text = f":math:`l = {cls.latex}, \\quad \\frac{{dl}}{{ds}} = {cls.gradient_latex}`"
        return written(cls, text)

    @abstractmethod
    def value(self, xp: Namespace, s: Array, y: Array) -> Array:
        """Return the loss of each element of ``s``, or of each row where `rowwise`."""
        raise NotImplementedError

    @abstractmethod
    def gradient(self, xp: Namespace, s: Array, y: Array) -> Array:
        """Return the derivative of `value` by the score, of the shape of ``s``."""
        raise NotImplementedError

    def on_prediction(self, xp: Namespace, p: Array, y: Array) -> Array:
        """Return `value` as a function of the prediction p = link(s); itself for linear links."""
        if self.link.name == "linear":
            return self.value(xp, p, y)
        raise InputError(
            f"{type(self).__name__} must have on_prediction(xp, p, y) to be computed from "
            f"predictions; got a class without. Add it, or pass scores: {self.name}(s=s, y=y)."
        )

    @property
    def takes_predictions(self) -> bool:
        """True if the loss can be computed from predictions, and not from scores only."""
        own = type(self).on_prediction is not Loss.on_prediction
        return own or self.link.name == "linear"

    def prediction_gradient(self, xp: Namespace, p: Array, y: Array) -> Array:
        """Return the derivative of `on_prediction` by p, of the shape of ``p``.

        Times the slope of the link it is `gradient`; an explanation shows both forms.
        """
        return self.gradient(xp, p, y)

    def mean(self, xp: Namespace, s: Array) -> Array:
        """Return the prediction that a score stands for."""
        return self.link.value(xp, s)

    def log_mean(self, xp: Namespace, s: Array) -> Array:
        """Return the log of the prediction."""
        return xp.log(self.mean(xp, s))

    def rescaled(self, scale: float) -> "tuple[Loss, float] | None":
        """Return the loss l' and the factor c of the identity l(s, y) = c l'(s', y / scale).

        The score s' is that whose prediction is the one of s, divided by the scale: s / scale where
        the link is linear. A regression can then train on targets of size 1, in the way of
        ``target_scale``, and report its loss in the user's units.
        None, the default, says that the loss is tied to the scale of its targets.
        """
        return None

    def rows(self, xp: Namespace, s: Array, y: Array) -> Array:
        """Return the loss of each row of ``s`` (n, k): the mean, or the sum, over its k columns."""
        value = self.value(xp, s, y)
        return value if self.rowwise else self.over_columns(xp, value)

    def rows_gradient(self, xp: Namespace, s: Array, y: Array) -> Array:
        """Return the derivative of each row's loss by its scores, of the shape of ``s``."""
        gradient = self.gradient(xp, s, y)
        share = self.share_of_column(s.shape[-1])
        return gradient if share == 1 else gradient / float(share)

    def over_columns(self, xp: Namespace, value: Array) -> Array:
        """Return the mean of each row of values (n, k); their sum where `summed`."""
        return xp.sum(value, axis=-1) if self.summed else xp.mean(value, axis=-1)

    def share_of_column(self, columns: int) -> int:
        """Return what a column of a row of so many is divided by in the loss of the row."""
        return 1 if self.rowwise or self.summed else columns

    @property
    def scores_per_target(self) -> int:
        """The number of scores per column of targets."""
        return 1

    def of_column(self, column: int) -> "Loss":
        """Return the loss of one score, where each column has one of its own."""
        return self

    def encode(self, y: Array, n_outputs: int, like: Array, name: str = "y") -> Array:
        """Return targets as the (n, n_outputs) array that `value` takes, of the kind of ``like``.

        Messages call them by ``name``.

        Raises
        ------
        InputError
            If the shape does not fit the outputs, or a target is NaN, infinite or outside
            the domain.
        """
        return self.checked(_columns(y, n_outputs, like, name), name)

    def smoothed(self, y: Array, share: float) -> Array:
        r"""Return encoded targets moved towards even chances: no label is quite certain.

        .. math:: y \leftarrow (1 - s) y + s / k

        for the share s in [0, 1), and the k columns of a row-wise loss; a column that stands for
        yes and no has k = 2. Source: Szegedy et al. (2016), CVPR, section 7.

        Raises
        ------
        InputError
            If the share is outside [0, 1), or the loss is not one of probabilities.

        Examples
        --------
        >>> import numpy as np
        >>> losses.categorical_cross_entropy.smoothed(np.eye(4)[:1], 0.2)
        array([[0.85, 0.05, 0.05, 0.05]])
        """
        if not 0.0 <= share < 1.0:
            raise must_be("label_smoothing", "at least 0 and below 1", share)
        if share == 0.0:
            return y
        if self.link.range != (0.0, 1.0):
            advice = "Only losses of probabilities have labels to smooth."
            raise must_be("label_smoothing", f"0 for {self.name}", share, advice)
        classes = y.shape[-1] if self.rowwise else 2
        return (1.0 - share) * y + share / classes

    def checked(self, y: Array, name: str = "y") -> Array:
        """Return targets; refuse those that are not finite, or outside the domain."""
        xp = namespace(y)
        low, high = self.domain
        right = xp.isfinite(y) & (y >= low) & (y <= high)
        if not bool(xp.all(right)):
            wrong = np.argwhere(~to_numpy(right).reshape(right.shape[0], -1))[0]
            value = float(to_numpy(y).reshape(right.shape[0], -1)[tuple(wrong)])
            rule = "finite" if math.isinf(low) else f"in [{low:g}, {high:g}]"
            rule = rule if math.isfinite(high) or math.isinf(low) else f"finite and >= {low:g}"
            raise must_be(
                name, f"{rule} for {self.name}", value, f"It stands in row {wrong[0]} (from 0)."
            )
        return y

    def __call__(
        self,
        prediction: Array,
        y: Array,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Any:
        """Return the loss of predictions, in the chapter's form.

        Parameters
        ----------
        prediction, y : array of the same shape
            Prediction p = link(score) and target; nothing is broadcast.
        sample_weight : array of shape (n,), optional
            Weights of the rows, not negative.
        reduction : {"mean", "sum", "none"}
            ``mean``: over all elements (rows for a row-wise or summed loss), weighted by
            ``sample_weight``;
            ``sum``: over all elements; ``none``: the values themselves.
        """
        xp, p, y = self._prediction_and_target(prediction, y)
        with np.errstate(all="ignore"):
            value = self.on_prediction(xp, p, y)
        if reduction == "none":
            return value
        if reduction == "sum":
            return xp.sum(value)
        if reduction != "mean":
            raise must_be("reduction", "'mean', 'sum' or 'none'", reduction)
        if sample_weight is None and not self.summed:
            return xp.mean(value)
        value = self.over_columns(xp, xp.reshape(value, (p.shape[0], -1)))
        if sample_weight is None:
            return xp.mean(value)
        weight = relative_weight(checked_weight(sample_weight, p.shape[0]), p)
        return weighted_mean(xp, value, weight)

    def _prediction_and_target(self, prediction: Array, y: Array) -> tuple[Any, Array, Array]:
        """Return the namespace and both arrays; refuse scores in the place of predictions."""
        p = as_floating(prediction)
        xp = namespace(p)
        y = self._prediction_target(xp, p, y)
        if 0 in p.shape:
            raise must_be("prediction", "of at least one row", tuple(p.shape), "Pass some data.")
        low, high = self.link.range
        if bool(xp.any((p < low) | (p > high))):
            outside = float(to_numpy(p)[to_numpy((p < low) | (p > high))].ravel()[0])
            raise must_be(
                "prediction",
                f"in [{low:g}, {high:g}] for {self.name}",
                outside,
                f"Pass predictions after the {self.link.name}, not scores.",
            )
        return xp, p, y

    def _prediction_target(self, xp: Namespace, p: Array, y: Array) -> Array:
        y = as_like(as_floating(y), p, p.dtype)
        same_shape("prediction", p, "y", y)
        return self.checked(y) if y.ndim else y


losses: Catalogue[Loss] = Catalogue("loss", Loss, "losses")


def _columns(y: Array, n_outputs: int, like: Array, name: str) -> Array:
    xp, y = namespace(like), as_like(as_floating(y), like, like.dtype)
    if y.ndim == 1 and n_outputs == 1:
        y = xp.reshape(y, (-1, 1))
    if y.ndim != 2 or y.shape[1] != n_outputs:
        raise InputError(
            f"{name} must be of shape (n, {n_outputs}), one column per output of the network; got "
            f"{tuple(y.shape)}. Reshape it, or change the last layer."
        )
    return y


def checked_weight(weight: Array, n: int, name: str = "sample_weight") -> Array:
    """Return sample weights as an array (n,) of a floating dtype; refuse impossible ones."""
    weight = as_floating(weight)
    if tuple(weight.shape) != (n,):
        raise InputError(
            f"{name} must be of shape ({n},), one weight per row; got {tuple(weight.shape)}."
        )
    xp = namespace(weight)
    right = xp.isfinite(weight) & (weight >= 0.0)
    if not bool(xp.all(right)):
        row = int(np.argmin(to_numpy(right)))
        raise must_be(name, "finite and not negative", float(weight[row]), f"Look at row {row}.")
    if not bool(xp.any(weight > 0.0)):
        raise InputError(f"{name} must be positive for some row; got zero for all of them.")
    return weight


def relative_weight(weight: Array, like: Array) -> Array:
    """Return weights as shares of the largest, of the kind of ``like``.

    A common factor does not count, and so neither may its size: a sum of shares cannot overflow,
    and single precision holds them.

    Examples
    --------
    >>> relative_weight(np.array([1e300, 5e299]), np.zeros(1, dtype=np.float32))
    array([1. , 0.5], dtype=float32)
    """
    return as_like(weight / namespace(weight).max(weight), like, like.dtype)


def weighted_mean(xp: Namespace, rows: Array, weight: Array | None) -> Array:
    """Return sum(w l) / sum(w): the one rule for the mean of row values.

    A row of weight 0 is absent: whatever its value, NaN included, it does not count.
    """
    if weight is None:
        return xp.mean(rows)
    return xp.sum(xp.where(weight > 0.0, rows * weight, 0.0)) / xp.sum(weight)
