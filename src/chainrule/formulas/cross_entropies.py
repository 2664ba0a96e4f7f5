"""The losses of classification: minus the log of the probability given to the true class."""

from dataclasses import dataclass
from typing import Any

from chainrule.formulas.activations import sigmoid, softmax
from chainrule.formulas.loss import Loss, losses
from chainrule.foundation.arrays import Array, Namespace, as_floating, as_like, namespace
from chainrule.foundation.errors import InputError, must_be


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    r"""Minus the log-likelihood of yes or no; several columns are several independent labels.

    {formula}

    Natural logarithm. Targets may be soft, anywhere in [0, 1]. On predictions the values are
    exact: 0 where p = y is 0 or 1, infinite where p excludes what came true. On scores it is
    formed as y softplus(-s) + (1 - y) softplus(s), all terms positive.

    Parameters
    ----------
    summed : bool
        Whether the loss of a row is the sum over its labels, so that each label learns as if it
        were alone, as in scikit-learn; by default it is their mean.

    Examples
    --------
    >>> binary_cross_entropy([0.0, 1.0, 1.0, 0.5], [0.0, 1.0, 0.0, 1.0], reduction="none")
    array([0.        , 0.        ,        inf, 0.69314718])
    """

    name = "binary_cross_entropy"
    aliases = ("bce", "binary_log_loss")
    latex = r"-(y \log(p) + (1 - y) \log(1 - p))"
    gradient_latex = r"\frac{1}{1 + e^{-s}} - y"
    prediction_gradient_latex = r"\frac{1 - y}{1 - p} - \frac{y}{p}"
    short_gradient_latex = r"p - y"
    link = sigmoid
    domain = (0.0, 1.0)
    summed: bool = False
    source = "Good (1952), Rational decisions, JRSS B 14(1)"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'summed=True' if self.summed else ''})"

    def value(self, xp: Namespace, s: Array, y: Array) -> Array:
        tail = xp.log1p(xp.exp(-xp.abs(s)))
        no = xp.maximum(s, 0.0) + tail
        yes = xp.maximum(-s, 0.0) + tail
        soft = (1.0 - y) * no + y * yes
        return xp.where(y == 0.0, no, xp.where(y == 1.0, yes, soft))

    def gradient(self, xp: Namespace, s: Array, y: Array) -> Array:
        e = xp.exp(-xp.abs(s))
        yes = xp.where(s < 0.0, e, 1.0)
        no = xp.where(s < 0.0, 1.0, e)
        return ((1.0 - y) * yes - y * no) / (1.0 + e)

    def on_prediction(self, xp: Namespace, p: Array, y: Array) -> Array:
        # p * 0.0 instead of 0.0, so that NaN stays NaN
        yes = xp.where(y == 0.0, p * 0.0, y * xp.log(p))
        no = xp.where(y == 1.0, p * 0.0, (1.0 - y) * xp.log1p(-p))
        return 0.0 - (yes + no)

    def prediction_gradient(self, xp: Namespace, p: Array, y: Array) -> Array:
        no = xp.where(y == 1.0, p * 0.0, (1.0 - y) / (1.0 - p))
        return no - xp.where(y == 0.0, p * 0.0, y / p)

    def log_mean(self, xp: Namespace, s: Array) -> Array:
        """Return the log of the prediction: log p of a yes, finite for every finite score."""
        return xp.minimum(s, 0.0) - xp.log1p(xp.exp(-xp.abs(s)))


binary_cross_entropy = losses.add(BinaryCrossEntropy())


@dataclass(frozen=True)
class CategoricalCrossEntropy(Loss):
    r"""Minus the log of the probability of the class that came true, one value per row.

    {formula}

    Targets are class numbers 0 to k - 1 of any integer dtype, one-hot rows, or soft rows.
    On scores, log p is formed without p, from the largest score and the sum of the others.

    Examples
    --------
    >>> p = [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]]
    >>> categorical_cross_entropy(p, [1, 2], reduction="none")
    array([0.05129329, 2.30258509])
    """

    name = "categorical_cross_entropy"
    aliases = ("cce", "log_loss")
    latex = r"-\sum_{j} y_j \log(p_j)"
    gradient_latex = r"\frac{e^{s_i}}{\sum_{j} e^{s_j}} - y_i"
    prediction_gradient_latex = r"-\frac{y_i}{p_i}"
    short_gradient_latex = r"p - y"
    link = softmax
    domain = (0.0, 1.0)
    rowwise = True
    source = "Bridle (1990), NATO ASI Series F68, 227-236"

    def value(self, xp: Namespace, s: Array, y: Array) -> Array:
        return xp.sum(xp.where(y == 0.0, 0.0, -y * self.log_mean(xp, s)), axis=-1) + 0.0

    def gradient(self, xp: Namespace, s: Array, y: Array) -> Array:
        return self.mean(xp, s) * xp.sum(y, axis=-1, keepdims=True) - y

    def on_prediction(self, xp: Namespace, p: Array, y: Array) -> Array:
        return 0.0 - xp.sum(xp.where(y == 0.0, p * 0.0, y * xp.log(p)), axis=-1)

    def prediction_gradient(self, xp: Namespace, p: Array, y: Array) -> Array:
        return xp.where(y == 0.0, p * 0.0, -y / p)

    def log_mean(self, xp: Namespace, s: Array) -> Array:
        """Return log p of every class, finite for every finite score."""
        top = xp.max(s, axis=-1, keepdims=True)
        first = s == top
        ties = xp.sum(xp.where(first, s * 0.0 + 1.0, 0.0), axis=-1, keepdims=True)
        others = xp.sum(xp.where(first, 0.0, xp.exp(s - top)), axis=-1, keepdims=True)
        return (s - top) - xp.log1p(others + (ties - 1.0))

    def encode(self, y: Array, n_outputs: int, like: Array, name: str = "y") -> Array:
        classes = _class_numbers(y, n_outputs, like, name)
        return super().encode(y, n_outputs, like, name) if classes is None else classes

    def _prediction_target(self, xp: Namespace, p: Array, y: Array) -> Array:
        classes = _class_numbers(y, p.shape[-1], p, "y") if p.ndim == 2 else None
        if classes is None:
            return super()._prediction_target(xp, p, y)
        if classes.shape[0] != p.shape[0]:
            raise InputError(
                f"prediction and y must have the same number of rows; got {p.shape[0]} and "
                f"{classes.shape[0]}."
            )
        return classes


categorical_cross_entropy = losses.add(CategoricalCrossEntropy())


def _class_numbers(y: Any, n_classes: int, like: Array, name: str) -> Array | None:
    """Return integer labels (n,) as one-hot rows, or None where y is not one-dimensional."""
    xp = namespace(like)
    if not hasattr(y, "ndim"):
        import numpy as np

        y = np.asarray(y)
    if y.ndim != 1:
        return None
    kind = namespace(y)
    if not kind.isdtype(y.dtype, "integral"):
        raise must_be(
            name,
            f"integer class numbers 0 to {n_classes - 1}, or rows of {n_classes} probabilities",
            y.dtype,
            "Convert the labels to integers.",
        )
    wrong = (y < 0) | (y >= n_classes)
    if bool(kind.any(wrong)):
        row = int(kind.argmax(kind.astype(wrong, kind.int8)))
        raise must_be(
            name, f"a class number from 0 to {n_classes - 1}", int(y[row]), f"Look at row {row}."
        )
    numbers = as_like(list(range(n_classes)), like, like.dtype)
    y = xp.reshape(as_like(as_floating(y), like, like.dtype), (-1, 1))
    return xp.astype(y == numbers, like.dtype)
