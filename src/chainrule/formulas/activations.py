"""The activations: functions of a unit's weighted sum z, with their slopes.

Every formula is stable at every finite input: exponentials are formed of -abs(z) only, and a
product of a growing and a vanishing factor is taken at a z clipped to where it is zero anyway.
"""

import math
from dataclasses import dataclass

from chainrule.formulas.records import Activation, activations
from chainrule.foundation.arrays import Array, Namespace


@dataclass(frozen=True)
class Linear(Activation):
    r"""The weighted sum itself: the output of a regression.

    {formula}

    Examples
    --------
    >>> linear([-1.0, 2.0])
    array([-1.,  2.])
    """

    name = "linear"
    aliases = ("identity",)
    latex = r"z"
    slope_latex = r"1"
    range = (-math.inf, math.inf)
    source = "Rosenblatt (1958), Psychological Review 65(6)"

    def value(self, xp: Namespace, z: Array) -> Array:
        return z

    def slope(self, xp: Namespace, z: Array, a: Array) -> Array:
        # 1 wherever a is a number, infinities included
        return xp.where(a == a, 1.0, a)


linear = activations.add(Linear())


@dataclass(frozen=True)
class Sigmoid(Activation):
    r"""A smooth step from 0 to 1: the probability behind a score.

    {formula}

    The slope is formed from z, so that it keeps all its digits where a rounds to 1.

    Examples
    --------
    >>> sigmoid([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """

    name = "sigmoid"
    aliases = ("logistic",)
    latex = r"\frac{1}{1 + e^{-z}}"
    slope_latex = r"a (1 - a)"
    range = (0.0, 1.0)
    onnx = "Sigmoid"
    source = "Rumelhart, Hinton & Williams (1986), Nature 323, eq. 2"

    def value(self, xp: Namespace, z: Array) -> Array:
        e = xp.exp(-xp.abs(z))
        return xp.where(z < 0.0, e, 1.0) / (1.0 + e)

    def slope(self, xp: Namespace, z: Array, a: Array) -> Array:
        e = xp.exp(-xp.abs(z))
        return e / ((1.0 + e) * (1.0 + e))


sigmoid = activations.add(Sigmoid())


@dataclass(frozen=True)
class Tanh(Activation):
    r"""A smooth step from -1 to 1, through the origin.

    {formula}

    The slope is formed from z, so that it keeps all its digits where a rounds to 1.

    Examples
    --------
    >>> tanh([-1000.0, 0.0, 1000.0])
    array([-1.,  0.,  1.])
    """

    name = "tanh"
    latex = r"\tanh(z)"
    slope_latex = r"1 - a^2"
    range = (-1.0, 1.0)
    source = "LeCun, Bottou, Orr & Müller (1998), Efficient BackProp, section 4.4"

    def value(self, xp: Namespace, z: Array) -> Array:
        return xp.tanh(z)

    def slope(self, xp: Namespace, z: Array, a: Array) -> Array:
        e = xp.exp(-2.0 * xp.abs(z))
        return 4.0 * e / ((1.0 + e) * (1.0 + e))


tanh = activations.add(Tanh())


@dataclass(frozen=True)
class ReLU(Activation):
    r"""The positive part: nothing below 0, the weighted sum above.

    {formula}

    The slope at 0 is 0; NaN stays NaN.

    Examples
    --------
    >>> relu([-2.0, 0.0, 3.0])
    array([0., 0., 3.])
    """

    name = "relu"
    latex = r"\max(0, z)"
    slope_latex = r"\begin{cases} 0 & z \leq 0 \\ 1 & z > 0 \end{cases}"
    range = (0.0, math.inf)
    kinks = (0.0,)
    initializer = "he_uniform"
    onnx = "Relu"
    source = "Nair & Hinton (2010), ICML"

    def value(self, xp: Namespace, z: Array) -> Array:
        return xp.maximum(z, 0.0)

    def slope(self, xp: Namespace, z: Array, a: Array) -> Array:
        return xp.where(a > 0.0, 1.0, a)


relu = activations.add(ReLU())


@dataclass(frozen=True)
class Softmax(Activation):
    r"""Scores of one row turned into probabilities that sum to 1.

    {formula}

    The full Jacobian of a row is :math:`\operatorname{diag}(a) - a a^\top`. Entries of -inf get
    probability 0; a row with +inf, or of -inf only, has no answer and gives NaN.

    Examples
    --------
    >>> softmax([[1000.0, 1000.0, 1000.0, 1000.0], [0.0, -1000.0, -1000.0, 0.0]])
    array([[0.25, 0.25, 0.25, 0.25],
           [0.5 , 0.  , 0.  , 0.5 ]])
    """

    name = "softmax"
    latex = r"\frac{e^{z_i}}{\sum_{j} e^{z_j}}"
    slope_latex = r"a (1 - a)"
    range = (0.0, 1.0)
    rowwise = True
    source = "Bridle (1990), NATO ASI Series F68, 227-236"

    def value(self, xp: Namespace, z: Array) -> Array:
        e = xp.exp(z - xp.max(z, axis=-1, keepdims=True))
        return e / xp.sum(e, axis=-1, keepdims=True)

    def slope(self, xp: Namespace, z: Array, a: Array) -> Array:
        return a * (1.0 - a)

    def pullback(self, xp: Namespace, z: Array, a: Array, da: Array) -> Array:
        return a * (da - xp.sum(da * a, axis=-1, keepdims=True))


softmax = activations.add(Softmax())


@dataclass(frozen=True)
class Exponential(Activation):
    r"""The exponential: the link of a loss on counts, positive everywhere.

    {formula}

    Examples
    --------
    >>> exponential([-1000.0, 0.0])
    array([0., 1.])
    """

    name = "exponential"
    aliases = ("exp",)
    latex = r"e^{z}"
    slope_latex = r"a"
    range = (0.0, math.inf)
    source = "Nelder & Wedderburn (1972), JRSS A 135, section 2"

    def value(self, xp: Namespace, z: Array) -> Array:
        return xp.exp(z)

    def slope(self, xp: Namespace, z: Array, a: Array) -> Array:
        return a


exponential = activations.add(Exponential())
