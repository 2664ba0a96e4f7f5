"""The initializers: how wide the starting weights of a layer are drawn, from its fan-in and -out.

Biases start at 0. The draw is made in float64 from one seed, so that float32 and float64 networks
start from the same numbers.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from chainrule.formulas.records import Formula
from chainrule.foundation.catalogue import Catalogue

__all__ = ["Initializer", "initializers"]


@dataclass(frozen=True)
class Initializer(Formula):
    """The distribution of a layer's starting weights.

    Attributes
    ----------
    latex : str
        The variance of a weight, in n (fan-in, ``n_in``) and m (fan-out, ``n_out``).
    uniform : bool
        Uniform on an interval around 0, or normal; the variance is the same.
    """

    aliases: ClassVar[tuple[str, ...]] = ()
    uniform: ClassVar[bool] = True

    @classmethod
    def formula_text(cls) -> str:
        return f":math:`\\operatorname{{Var}}(w) = {cls.latex}`"

    def variance(self, n_in: int, n_out: int) -> float:
        """Return the variance of each weight of a layer with these fans."""
        raise NotImplementedError

    def draw(self, random: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
        """Return starting weights of shape (n_in, n_out), float64."""
        deviation = math.sqrt(self.variance(n_in, n_out))
        if self.uniform:
            limit = math.sqrt(3.0) * deviation
            return random.uniform(-limit, limit, (n_in, n_out))
        return random.normal(0.0, deviation, (n_in, n_out))


initializers: Catalogue[Initializer] = Catalogue("initializer", Initializer)


@dataclass(frozen=True)
class GlorotUniform(Initializer):
    r"""Uniform; keeps the variance of values forward and of gradients backward alike.

    {formula}

    Examples
    --------
    >>> glorot_uniform.variance(4, 4)
    0.25
    """

    name = "glorot_uniform"
    aliases: ClassVar[tuple[str, ...]] = ("glorot", "xavier")
    latex = r"\frac{2}{n + m}"
    source = "Glorot & Bengio (2010), AISTATS, eq. 16"

    def variance(self, n_in: int, n_out: int) -> float:
        return 2.0 / (n_in + n_out)


glorot_uniform = initializers.add(GlorotUniform())


@dataclass(frozen=True)
class GlorotNormal(GlorotUniform):
    r"""Normal, with the variance of the uniform Glorot initializer.

    {formula}

    Examples
    --------
    >>> glorot_normal.variance(4, 4)
    0.25
    """

    name = "glorot_normal"
    aliases = ()
    uniform = False


glorot_normal = initializers.add(GlorotNormal())


@dataclass(frozen=True)
class HeUniform(Initializer):
    r"""Uniform; keeps the variance through rectifiers, which pass half of it.

    {formula}

    Examples
    --------
    >>> he_uniform.variance(4, 100)
    0.5
    """

    name = "he_uniform"
    aliases: ClassVar[tuple[str, ...]] = ("he", "kaiming")
    latex = r"\frac{2}{n}"
    source = "He, Zhang, Ren & Sun (2015), ICCV, eq. 10"

    def variance(self, n_in: int, n_out: int) -> float:
        return 2.0 / n_in


he_uniform = initializers.add(HeUniform())


@dataclass(frozen=True)
class HeNormal(HeUniform):
    r"""Normal, with the variance of the uniform He initializer.

    {formula}

    Examples
    --------
    >>> he_normal.variance(4, 100)
    0.5
    """

    name = "he_normal"
    aliases = ()
    uniform = False


he_normal = initializers.add(HeNormal())


@dataclass(frozen=True)
class LeCunUniform(Initializer):
    r"""Uniform; keeps the variance of values forward.

    {formula}

    Examples
    --------
    >>> lecun_uniform.variance(4, 100)
    0.25
    """

    name = "lecun_uniform"
    aliases: ClassVar[tuple[str, ...]] = ("lecun",)
    latex = r"\frac{1}{n}"
    source = "LeCun, Bottou, Orr & Müller (1998), Efficient BackProp, eq. 16"

    def variance(self, n_in: int, n_out: int) -> float:
        return 1.0 / n_in


lecun_uniform = initializers.add(LeCunUniform())


@dataclass(frozen=True)
class LeCunNormal(LeCunUniform):
    r"""Normal, with the variance of the uniform LeCun initializer; what SELU asks for.

    {formula}

    Examples
    --------
    >>> lecun_normal.variance(4, 100)
    0.25
    """

    name = "lecun_normal"
    aliases = ()
    uniform = False


lecun_normal = initializers.add(LeCunNormal())


@dataclass(frozen=True)
class Zeros(Initializer):
    r"""All weights 0: right for a network without hidden layers, a standstill for any other.

    {formula}

    Examples
    --------
    >>> zeros.draw(np.random.default_rng(0), 1, 2)
    array([[0., 0.]])
    """

    name = "zeros"
    latex = r"0"
    source = "the start of Rosenblatt (1958), Psychological Review 65(6)"

    def variance(self, n_in: int, n_out: int) -> float:
        return 0.0

    def draw(self, random: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
        return np.zeros((n_in, n_out))


zeros = initializers.add(Zeros())
