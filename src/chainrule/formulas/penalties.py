"""The penalties: the cost of large weights. They act on weights, never on biases.

A penalty is added once to the mean loss of the rows, so that it means the same for every batch
size: total = mean loss + strength * penalty(w).
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from chainrule.formulas.calling import Calls, of_one_array
from chainrule.formulas.records import Formula
from chainrule.foundation.arrays import Array, Namespace
from chainrule.foundation.catalogue import Catalogue
from chainrule.foundation.errors import must_be

__all__ = ["Penalty", "penalties"]


@dataclass(frozen=True)
class Penalty(Formula):
    """The price of weights w, in units of the loss.

    Parameters
    ----------
    strength : float, default=0.0
        The factor lambda; 0 switches the penalty off.

    Attributes
    ----------
    kinked : bool
        Whether the gradient jumps at a weight of 0.

    Examples
    --------
    >>> float(penalties.get("l2", strength=0.5).value([1.0, 2.0]))
    1.25
    """

    kinked: ClassVar[bool] = False
    _by_name: ClassVar[Mapping[str, str]] = {"latex": "<f>(w)"}
    symbols: ClassVar[Mapping[str, str]] = {r"\lambda": "strength"}
    left_side = "price = "

    strength: float = 0.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.strength < math.inf):
            raise must_be("strength", "at least 0 and finite", self.strength)

    _of_arrays: ClassVar[Calls] = {"value": of_one_array, "gradient": of_one_array}

    @abstractmethod
    def value(self, xp: Namespace, w: Array) -> Array:
        """Return the price of all weights ``w``, a number."""
        raise NotImplementedError

    @abstractmethod
    def gradient(self, xp: Namespace, w: Array) -> Array:
        """Return its derivative by each weight."""
        raise NotImplementedError


penalties: Catalogue[Penalty] = Catalogue("penalty", Penalty, "penalties")


@dataclass(frozen=True)
class L2(Penalty):
    r"""Half the sum of the squared weights: weights shrink in proportion.

    {formula}

    Examples
    --------
    >>> import numpy as np
    >>> float(penalties.get("l2", strength=0.5).value(np, np.array([1.0, 2.0])))
    1.25
    """

    name = "l2"
    aliases = ("ridge",)
    latex = r"\frac{\lambda}{2} \sum_i w_i^2"
    source = "Hoerl & Kennard (1970), Technometrics 12(1)"

    def value(self, xp: Namespace, w: Array) -> Array:
        return 0.5 * self.strength * xp.sum(w * w)

    def gradient(self, xp: Namespace, w: Array) -> Array:
        return self.strength * w


l2 = penalties.add(L2())


@dataclass(frozen=True)
class L1(Penalty):
    r"""The sum of the absolute weights: small weights go to zero.

    {formula}

    The gradient at 0 is 0.

    Examples
    --------
    >>> import numpy as np
    >>> float(penalties.get("l1", strength=0.5).value(np, np.array([1.0, -2.0])))
    1.5
    """

    name = "l1"
    aliases = ("lasso",)
    latex = r"\lambda \sum_i |w_i|"
    kinked = True
    source = "Tibshirani (1996), JRSS B 58(1)"

    def value(self, xp: Namespace, w: Array) -> Array:
        return self.strength * xp.sum(xp.abs(w))

    def gradient(self, xp: Namespace, w: Array) -> Array:
        return self.strength * xp.sign(w)


l1 = penalties.add(L1())
