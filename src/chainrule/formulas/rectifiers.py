"""The relatives of the rectifier: leaky, saturating and smooth.

Every formula is stable at every finite input: exponentials are formed of -abs(z) only, and a
product of a growing and a vanishing factor is taken at a z clipped to where it is zero anyway.
"""

import math
from dataclasses import dataclass

from chainrule.formulas.records import Activation, activations
from chainrule.foundation.arrays import Array, Namespace
from chainrule.foundation.errors import must_be


@dataclass(frozen=True)
class LeakyReLU(Activation):
    r"""A rectifier that keeps a small slope below 0, so that no unit dies.

    {formula}

    Parameters
    ----------
    negative_slope : float, default=0.01
        The slope below 0.

    Examples
    --------
    >>> leaky_relu([-2.0, 3.0])
    array([-0.02,  3.  ])
    """

    name = "leaky_relu"
    latex = r"\begin{cases} <negative_slope> z & z \leq 0 \\ z & z > 0 \end{cases}"
    slope_latex = r"\begin{cases} <negative_slope> & z \leq 0 \\ 1 & z > 0 \end{cases}"
    range = (-math.inf, math.inf)
    kinks = (0.0,)
    initializer = "he_uniform"
    onnx = "LeakyRelu(alpha=<negative_slope>)"
    source = "Maas, Hannun & Ng (2013), ICML workshop"

    negative_slope: float = 0.01

    def __post_init__(self) -> None:
        if not (0.0 <= self.negative_slope < math.inf):
            raise must_be("negative_slope", "at least 0 and finite", self.negative_slope)

    def value(self, xp: Namespace, z: Array) -> Array:
        return xp.where(z <= 0.0, self.negative_slope * z, z)

    def slope(self, xp: Namespace, z: Array, a: Array) -> Array:
        return xp.where(z <= 0.0, self.negative_slope, xp.sign(z))


leaky_relu = activations.add(LeakyReLU())


@dataclass(frozen=True)
class ELU(Activation):
    r"""A rectifier that saturates smoothly at -alpha.

    {formula}

    Parameters
    ----------
    alpha : float, default=1.0
        How far below 0 it saturates; any other than 1 bends sharply at 0.

    Examples
    --------
    >>> elu([-1000.0, 3.0])
    array([-1.,  3.])
    """

    name = "elu"
    latex = r"\begin{cases} <alpha> (e^{z} - 1) & z \leq 0 \\ z & z > 0 \end{cases}"
    slope_latex = r"\begin{cases} <alpha> e^{z} & z \leq 0 \\ 1 & z > 0 \end{cases}"
    range = (-1.0, math.inf)
    initializer = "he_uniform"
    onnx = "Elu(alpha=<alpha>)"
    source = "Clevert, Unterthiner & Hochreiter (2016), ICLR, eq. 14"

    alpha: float = 1.0

    def __post_init__(self) -> None:
        if not (0.0 < self.alpha < math.inf):
            raise must_be("alpha", "positive and finite", self.alpha)
        object.__setattr__(self, "range", (-self.alpha, math.inf))
        object.__setattr__(self, "kinks", () if self.alpha == 1.0 else (0.0,))

    def value(self, xp: Namespace, z: Array) -> Array:
        return xp.where(z <= 0.0, self.alpha * xp.expm1(xp.minimum(z, 0.0)), z)

    def slope(self, xp: Namespace, z: Array, a: Array) -> Array:
        return xp.where(z <= 0.0, self.alpha * xp.exp(xp.minimum(z, 0.0)), xp.sign(z))


elu = activations.add(ELU())


@dataclass(frozen=True)
class SELU(Activation):
    r"""An ELU scaled so that layers keep mean 0 and variance 1.

    {formula}

    Examples
    --------
    >>> selu([-1000.0, 1.0])
    array([-1.75809934,  1.05070099])
    """

    name = "selu"
    latex = (
        r"1.0507009873554805 \begin{cases} 1.6732632423543772 (e^{z} - 1) & z \leq 0 "
        r"\\ z & z > 0 \end{cases}"
    )
    slope_latex = (
        r"1.0507009873554805 \begin{cases} 1.6732632423543772 e^{z} & z \leq 0 "
        r"\\ 1 & z > 0 \end{cases}"
    )
    range = (-1.7580993408473766, math.inf)
    kinks = (0.0,)
    initializer = "lecun_normal"
    onnx = "Selu"
    source = "Klambauer et al. (2017), NeurIPS, eq. 2"

    def value(self, xp: Namespace, z: Array) -> Array:
        below = 1.7580993408473766 * xp.expm1(xp.minimum(z, 0.0))
        return xp.where(z <= 0.0, below, 1.0507009873554805 * z)

    def slope(self, xp: Namespace, z: Array, a: Array) -> Array:
        below = 1.7580993408473766 * xp.exp(xp.minimum(z, 0.0))
        return xp.where(z <= 0.0, below, 1.0507009873554805 * xp.sign(z))


selu = activations.add(SELU())


@dataclass(frozen=True)
class GELU(Activation):
    r"""The weighted sum times the normal probability of lying below it; the exact form.

    {formula}

    Phi is the standard normal distribution function, formed from ``erfc`` without cancellation.

    Examples
    --------
    >>> gelu([-10.0, 0.0, 10.0])
    array([-7.61985302e-23,  0.00000000e+00,  1.00000000e+01])
    """

    name = "gelu"
    latex = r"\frac{z}{2} \operatorname{erfc}(-\frac{z}{\sqrt{2}})"
    slope_latex = (
        r"\frac{1}{2} \operatorname{erfc}(-\frac{z}{\sqrt{2}}) "
        r"+ \frac{z}{\sqrt{2 \pi}} e^{-\frac{z^2}{2}}"
    )
    range = (-0.16997120747990366, math.inf)
    initializer = "he_uniform"
    source = "Hendrycks & Gimpel (2016), arXiv:1606.08415, eq. 1"

    def value(self, xp: Namespace, z: Array) -> Array:
        t = xp.maximum(z, -40.0)
        return 0.5 * t * xp.erfc(-0.7071067811865476 * t)

    def slope(self, xp: Namespace, z: Array, a: Array) -> Array:
        t = xp.minimum(xp.maximum(z, -40.0), 40.0)
        density = 0.3989422804014327 * xp.exp(-0.5 * t * t)
        return 0.5 * xp.erfc(-0.7071067811865476 * t) + t * density


gelu = activations.add(GELU())


@dataclass(frozen=True)
class SiLU(Activation):
    r"""The weighted sum times its own sigmoid; also called swish.

    {formula}

    Examples
    --------
    >>> silu([-1000.0, 0.0, 1000.0])
    array([  -0.,    0., 1000.])
    """

    name = "silu"
    aliases = ("swish",)
    latex = r"\frac{z}{1 + e^{-z}}"
    slope_latex = r"\frac{1}{1 + e^{-z}} + \frac{z e^{-z}}{(1 + e^{-z})^2}"
    range = (-0.2784645427610738, math.inf)
    initializer = "he_uniform"
    source = "Elfwing, Uchibe & Doya (2018), Neural Networks 107, eq. 2"

    def value(self, xp: Namespace, z: Array) -> Array:
        t = xp.maximum(z, -800.0)
        e = xp.exp(-xp.abs(t))
        return t * xp.where(t < 0.0, e, 1.0) / (1.0 + e)

    def slope(self, xp: Namespace, z: Array, a: Array) -> Array:
        t = xp.minimum(xp.maximum(z, -800.0), 800.0)
        e = xp.exp(-xp.abs(t))
        return (xp.where(t < 0.0, e, 1.0) + t * e / (1.0 + e)) / (1.0 + e)


silu = activations.add(SiLU())


@dataclass(frozen=True)
class Mish(Activation):
    r"""The weighted sum times the tanh of its softplus.

    {formula}

    With e = exp(-abs(z)), tanh(log(1 + exp(z))) is (1 + 2e) / (1 + 2e + 2e²) for z >= 0 and
    (e² + 2e) / (e² + 2e + 2) below: no logarithm, no overflow, all digits kept.

    Examples
    --------
    >>> mish([-1000.0, 0.0, 1000.0])
    array([  -0.,    0., 1000.])
    """

    name = "mish"
    latex = r"z \tanh(\log(1 + e^{z}))"
    slope_latex = r"\tanh(\log(1 + e^{z})) + \frac{z (1 - (\tanh(\log(1 + e^{z})))^2)}{1 + e^{-z}}"
    range = (-0.30884341013614764, math.inf)
    initializer = "he_uniform"
    source = "Misra (2020), BMVC, eq. 1"

    def value(self, xp: Namespace, z: Array) -> Array:
        t = xp.maximum(z, -800.0)
        e = xp.exp(-xp.abs(t))
        rise = xp.where(t < 0.0, e * (e + 2.0), 1.0 + 2.0 * e)
        rest = xp.where(t < 0.0, 2.0, 2.0 * e * e)
        return t * (rise / (rise + rest))

    def slope(self, xp: Namespace, z: Array, a: Array) -> Array:
        t = xp.minimum(xp.maximum(z, -800.0), 800.0)
        e = xp.exp(-xp.abs(t))
        rise = xp.where(t < 0.0, e * (e + 2.0), 1.0 + 2.0 * e)
        whole = rise + xp.where(t < 0.0, 2.0, 2.0 * e * e)
        bend = 4.0 * e * (1.0 + e) * xp.where(t < 0.0, 1.0, e)
        return (rise + t * bend / whole) / whole


mish = activations.add(Mish())


@dataclass(frozen=True)
class Softplus(Activation):
    r"""A smooth rectifier, positive everywhere.

    {formula}

    Examples
    --------
    >>> softplus([-1000.0, 0.0, 1000.0])
    array([0.00000000e+00, 6.93147181e-01, 1.00000000e+03])
    """

    name = "softplus"
    latex = r"\log(1 + e^{z})"
    slope_latex = r"\frac{1}{1 + e^{-z}}"
    range = (0.0, math.inf)
    initializer = "he_uniform"
    onnx = "Softplus"
    source = "Dugas et al. (2001), NIPS 13, eq. 4"

    def value(self, xp: Namespace, z: Array) -> Array:
        return xp.maximum(z, 0.0) + xp.log1p(xp.exp(-xp.abs(z)))

    def slope(self, xp: Namespace, z: Array, a: Array) -> Array:
        e = xp.exp(-xp.abs(z))
        return xp.where(z < 0.0, e, 1.0) / (1.0 + e)


softplus = activations.add(Softplus())
