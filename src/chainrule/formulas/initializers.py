"""The initializers: distributions of starting weights, from the fan-in and fan-out of a layer.

Biases start at 0, or are drawn as the weights are. The draw is made in float64 from one seed, so
that float32 and float64 networks start from the same numbers.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from chainrule.formulas.records import Formula
from chainrule.foundation.catalogue import Catalogue
from chainrule.foundation.errors import must_be

__all__ = ["Initializer", "initializers", "start_latex"]


@dataclass(frozen=True)
class Initializer(Formula):
    """The distribution of a layer's starting weights.

    Parameters
    ----------
    biases : bool, default=False
        True draws biases as the weights of their layer are drawn; otherwise they start at 0.

    Attributes
    ----------
    latex : str
        The variance of a weight, in n (fan-in, ``n_in``) and m (fan-out, ``n_out``).
    uniform : bool
        Uniform on an interval around 0, or normal; the variance is the same.

    Examples
    --------
    >>> initializers.he_normal.variance(50, 10)
    0.04
    """

    aliases: ClassVar[tuple[str, ...]] = ()
    uniform: ClassVar[bool] = True
    _by_name: ClassVar[Mapping[str, str]] = {"latex": "<f>(n, m)"}

    biases: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.biases, bool):
            raise must_be("biases", "True or False", self.biases)

    @classmethod
    def formula_text(cls) -> str:
        return f":math:`{start_latex(cls)}`"

    @abstractmethod
    def variance(self, n_in: int, n_out: int) -> float:
        """Return the variance of each weight of a layer with these fans."""
        raise NotImplementedError

    def draw(self, random: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
        """Return starting weights of shape (n_in, n_out), float64."""
        return self._numbers(random, n_in, n_out, (n_in, n_out))

    def draw_biases(self, random: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
        """Return starting biases of shape (n_out,), float64."""
        return self._numbers(random, n_in, n_out, (n_out,)) if self.biases else np.zeros(n_out)

    def _numbers(
        self, random: np.random.Generator, n_in: int, n_out: int, shape: tuple[int, ...]
    ) -> np.ndarray:
        deviation = math.sqrt(self.variance(n_in, n_out))
        if self.uniform:
            limit = math.sqrt(3.0) * deviation
            return random.uniform(-limit, limit, shape)
        return random.normal(0.0, deviation, shape)


def start_latex(record: Initializer | type[Initializer]) -> str:
    """Return how weights and biases start, as LaTeX."""
    variance = r"\operatorname{Var}"
    if record.biases:
        return f"{variance}(w) = {variance}(b) = {record.latex}"
    return rf"{variance}(w) = {record.latex}, \quad b = 0"


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
class GlorotWithBiases(GlorotUniform):
    r"""The uniform Glorot initializer, with biases drawn within the bound of the weights.

    {formula}

    The start of scikit-learn's networks, but for logistic units, and the default of the estimators.
    Where biases are 0, the kink of every rectifier of the first layer starts at the origin.

    Examples
    --------
    >>> glorot_with_biases.variance(4, 4)
    0.25
    >>> glorot_with_biases.draw_biases(np.random.default_rng(0), 4, 2).round(3)
    array([ 0.274, -0.46 ])
    """

    name = "glorot_with_biases"
    aliases = ()
    source = "scikit-learn 1.9, MLPClassifier; the bound of Glorot & Bengio (2010), AISTATS, eq. 16"

    biases: bool = field(default=True, kw_only=True)


glorot_with_biases = initializers.add(GlorotWithBiases())


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
        return np.zeros((n_in, n_out))  # and the layers after it draw what they draw without it


zeros = initializers.add(Zeros())
