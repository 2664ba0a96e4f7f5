"""The rate factors: per-layer multipliers of the learning rate, for weight and bias."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from chainrule.formulas.records import Formula
from chainrule.foundation.catalogue import Catalogue
from chainrule.foundation.errors import must_be

__all__ = ["RateFactors", "rate_factors"]


@dataclass(frozen=True)
class RateFactors(Formula):
    r"""The learning rates of a layer's weight and bias, as multiples of the rate of the step.

    The optimizer's rule is applied with the rate :math:`\eta_w = f_w \eta` to a weight and with
    :math:`\eta_b = f_b \eta` to a bias, as it is to the parameter groups of other libraries.
    Decoupled weight decay follows that rate, :math:`w \leftarrow (1 - \eta_w \lambda) w`; clipping
    measures the gradient before any rate. A factor of 0 keeps a layer as it is.

    Attributes
    ----------
    latex : str
        Both rates, in the rate eta of the step, n (fan-in, ``n_in``) and m (fan-out, ``n_out``).

    Examples
    --------
    >>> rate_factors.ntk.of_layer(25, 3)
    (0.2, 0.1)
    >>> rate_factors.get("constant", weight=0.5).of_layer(25, 3)
    (0.5, 1.0)
    """

    _by_name: ClassVar[Mapping[str, str]] = {"latex": r"\eta_w, \eta_b = <f>(\eta, n, m)"}

    @abstractmethod
    def of_weight(self, n_in: int, n_out: int) -> float:
        """Return the factor of the weight of a layer with these fans."""
        raise NotImplementedError

    @abstractmethod
    def of_bias(self, n_in: int, n_out: int) -> float:
        """Return the factor of the bias of a layer with these fans."""
        raise NotImplementedError

    def of_layer(self, n_in: int, n_out: int) -> tuple[float, float]:
        """Return both factors of a layer.

        Raises
        ------
        InputError
            If one of them is negative or not finite.
        """
        factors = float(self.of_weight(n_in, n_out)), float(self.of_bias(n_in, n_out))
        for name, factor in zip(("weight", "bias"), factors, strict=True):
            if not 0.0 <= factor < math.inf:
                rule = f"at least 0 and finite for the rates of {self.name!r}"
                raise must_be(name, rule, factor)
        return factors


rate_factors: Catalogue[RateFactors] = Catalogue("rate_factors", RateFactors, plural="rate_factors")


@dataclass(frozen=True)
class Constant(RateFactors):
    r"""The same factors for layers of any size; 1 and 1 leave every rate as it is.

    {formula}

    Parameters
    ----------
    weight, bias : float, default=1.0
        The factors, at least 0.

    Examples
    --------
    >>> constant.of_layer(25, 3)
    (1.0, 1.0)
    """

    name = "constant"
    latex = r"\eta_w = <weight> \eta, \quad \eta_b = <bias> \eta"
    source = "Paszke et al. (2019), NeurIPS: the parameter groups of PyTorch"

    weight: float = 1.0
    bias: float = 1.0

    def __post_init__(self) -> None:
        for name in ("weight", "bias"):
            value = getattr(self, name)
            if not 0.0 <= value < math.inf:
                raise must_be(name, "at least 0 and finite", value)

    def of_weight(self, n_in: int, n_out: int) -> float:
        return self.weight

    def of_bias(self, n_in: int, n_out: int) -> float:
        return self.bias


constant = rate_factors.add(Constant())


@dataclass(frozen=True)
class NTK(RateFactors):
    r"""The rates of the neural tangent parametrisation: wide layers take smaller steps.

    {formula}

    With a rule whose step does not depend on the gradient's scale, as Adam's, this is training of
    :math:`V = \sqrt{n} W` in layers :math:`x V / \sqrt{n} + b`. The start that belongs to it is
    ``lecun_normal``, the standard deviation of which is :math:`1 / \sqrt{n}`.

    Parameters
    ----------
    bias : float, default=0.1
        The factor of biases, at least 0.

    Examples
    --------
    >>> ntk.of_layer(100, 3)
    (0.1, 0.1)
    """

    name = "ntk"
    latex = r"\eta_w = \frac{\eta}{\sqrt{n}}, \quad \eta_b = <bias> \eta"
    source = "Holzmüller, Grinsztajn & Steinwart (2024), NeurIPS, section 3.2"

    bias: float = 0.1

    def __post_init__(self) -> None:
        if not 0.0 <= self.bias < math.inf:
            raise must_be("bias", "at least 0 and finite", self.bias)

    def of_weight(self, n_in: int, n_out: int) -> float:
        return 1.0 / math.sqrt(n_in)

    def of_bias(self, n_in: int, n_out: int) -> float:
        return self.bias


ntk = rate_factors.add(NTK())
