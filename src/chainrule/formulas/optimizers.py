"""The optimizers: the update rule for one array, from its gradient and the rule's own memory.

A rule is elementwise, so one call updates all parameters of a network as one flat vector. What
depends on the step only (rate, bias corrections) is computed once per step, in `constants`.
"""

import math
from dataclasses import dataclass, field
from typing import ClassVar

from chainrule.formulas.records import Formula
from chainrule.foundation.arrays import Array, Namespace, as_floating, namespace
from chainrule.foundation.catalogue import Catalogue
from chainrule.foundation.errors import must_be

__all__ = ["Optimizer", "optimizers"]


@dataclass(frozen=True)
class Optimizer(Formula):
    """An update rule for parameters p with gradient g, step by step.

    Parameters
    ----------
    weight_decay : float, keyword-only
        Decoupled decay: before each step, weights (not biases) shrink by the factor
        1 - rate * weight_decay. Source: Loshchilov & Hutter (2019), ICLR.

    Attributes
    ----------
    latex : str
        The rule, in p, g, the rate eta, the step t (from 1) and the rule's memory.
    slots : tuple of str
        The arrays it remembers, each of the shape of p, starting at 0.
    learning_rate : float
        The rate that suits it, when none is given.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    learning_rate: ClassVar[float]

    weight_decay: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        if not (0.0 <= self.weight_decay < math.inf):
            raise must_be("weight_decay", "at least 0 and finite", self.weight_decay)
        for name in ("momentum", "decay", "beta_1", "beta_2"):
            value = getattr(self, name, 0.0)
            if not (0.0 <= value < 1.0):
                raise must_be(name, "at least 0 and below 1", value)
        epsilon = getattr(self, "epsilon", 1.0)
        if not (0.0 < epsilon < math.inf):
            raise must_be("epsilon", "positive and finite", epsilon)

    def start(self, xp: Namespace, p: Array) -> tuple[Array, ...]:
        """Return the memory before the first step: one array of zeros per slot."""
        return tuple(xp.zeros_like(p) for _ in self.slots)

    def constants(self, rate: float, t: int) -> tuple[float, ...]:
        """Return the numbers of step ``t`` (from 1) that every element shares."""
        raise NotImplementedError

    def step(
        self, xp: Namespace, constants: tuple[float, ...], p: Array, g: Array, *slots: Array
    ) -> tuple[Array, ...]:
        """Return the new p, and the new memory after it."""
        raise NotImplementedError

    def __call__(
        self,
        p: Array,
        g: Array,
        *slots: Array,
        rate: float | None = None,
        t: int = 1,
    ) -> tuple[Array, ...]:
        """Return the new p and the new memory for one array; decay, if any, applies to all of p."""
        p = as_floating(p)
        xp = namespace(p)
        g = xp.asarray(g, dtype=p.dtype)
        rate = self.learning_rate if rate is None else rate
        memory = tuple(xp.asarray(slot, dtype=p.dtype) for slot in slots) or self.start(xp, p)
        p = p * (1.0 - rate * self.weight_decay)
        return self.step(xp, self.constants(rate, t), p, g, *memory)


optimizers: Catalogue[Optimizer] = Catalogue("optimizer")


@dataclass(frozen=True)
class SGD(Optimizer):
    r"""Gradient descent, plain, with momentum, or with Nesterov's look ahead.

    {formula}

    The velocity v holds the rate of its own step. With Nesterov's form the step is
    :math:`p \leftarrow p + \mu v - \eta g` with the new v.

    Parameters
    ----------
    momentum : float, default=0.0
        Share mu of the velocity that is kept; 0 is the chapter's plain descent.
    nesterov : bool, default=False
        Whether to step with the velocity looked ahead.

    Examples
    --------
    >>> p, velocity = sgd([1.0, -2.0], [2.0, -4.0], rate=0.1)
    >>> p
    array([ 0.8, -1.6])
    """

    name = "sgd"
    latex = r"v \leftarrow \mu v - \eta g, \quad p \leftarrow p + v"
    slots = ("velocity",)
    learning_rate = 0.01
    source = "Sutskever, Martens, Dahl & Hinton (2013), ICML, eq. 1 to 4"

    momentum: float = 0.0
    nesterov: bool = False

    def constants(self, rate: float, t: int) -> tuple[float, ...]:
        if self.nesterov:
            return rate, self.momentum, self.momentum, -rate
        return rate, self.momentum, 1.0, 0.0

    def step(
        self, xp: Namespace, constants: tuple[float, ...], p: Array, g: Array, *slots: Array
    ) -> tuple[Array, ...]:
        rate, momentum, along_velocity, along_gradient = constants
        v = momentum * slots[0] - rate * g
        return p + (along_velocity * v + along_gradient * g), v


sgd = optimizers.add(SGD())


@dataclass(frozen=True)
class Adam(Optimizer):
    r"""A step of about the rate in every parameter, whatever the gradient's scale.

    {formula}

    Parameters
    ----------
    beta_1, beta_2 : float
        Shares of the mean m of the gradient and of the mean v of its square that are kept.
    epsilon : float
        Added to the root, against division by 0.

    Examples
    --------
    >>> p, m, v = adam([1.0, -2.0], [2.0, -4.0], rate=0.1)
    >>> p
    array([ 0.9, -1.9])
    """

    name = "adam"
    latex = (
        r"m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad "
        r"v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad "
        r"p \leftarrow p - \eta \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}"
    )
    slots = ("m", "v")
    learning_rate = 0.001
    source = "Kingma & Ba (2015), ICLR, algorithm 1"

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def constants(self, rate: float, t: int) -> tuple[float, ...]:
        return (
            rate / (1.0 - self.beta_1**t),
            1.0 / math.sqrt(1.0 - self.beta_2**t),
            self.beta_1,
            1.0 - self.beta_1,
            self.beta_2,
            1.0 - self.beta_2,
            self.epsilon,
        )

    def step(
        self, xp: Namespace, constants: tuple[float, ...], p: Array, g: Array, *slots: Array
    ) -> tuple[Array, ...]:
        rate, scale, keep_m, take_m, keep_v, take_v, epsilon = constants
        m = keep_m * slots[0] + take_m * g
        v = keep_v * slots[1] + take_v * (g * g)
        return p - rate * m / (scale * xp.sqrt(v) + epsilon), m, v


adam = optimizers.add(Adam())


@dataclass(frozen=True)
class AdamW(Adam):
    r"""Adam with decoupled weight decay: weights shrink on their own, not through the gradient.

    {formula}

    Parameters
    ----------
    weight_decay : float, default=0.01
        Decay per unit of learning rate.

    Examples
    --------
    >>> p, m, v = adamw([1.0, -2.0], [2.0, -4.0], rate=0.1)
    >>> p
    array([ 0.899, -1.898])
    """

    name = "adamw"
    latex = r"p \leftarrow (1 - \eta \lambda) p, \quad \text{then} \quad " + Adam.latex
    source = "Loshchilov & Hutter (2019), ICLR, algorithm 2"

    weight_decay: float = field(default=0.01, kw_only=True)


adamw = optimizers.add(AdamW())


@dataclass(frozen=True)
class RMSProp(Optimizer):
    r"""The gradient divided by the root of the running mean of its square.

    {formula}

    Parameters
    ----------
    decay : float, default=0.99
        Share rho of the mean square v that is kept.
    epsilon : float
        Added to the root, against division by 0.

    Examples
    --------
    >>> p, v = rmsprop([1.0, -2.0], [2.0, -4.0], rate=0.01)
    >>> p
    array([ 0.9, -1.9])
    """

    name = "rmsprop"
    latex = (
        r"v \leftarrow \rho v + (1 - \rho) g^2, \quad "
        r"p \leftarrow p - \eta \frac{g}{\sqrt{v} + \epsilon}"
    )
    slots = ("v",)
    learning_rate = 0.001
    source = "Tieleman & Hinton (2012), Coursera lecture 6.5"

    decay: float = 0.99
    epsilon: float = 1e-8

    def constants(self, rate: float, t: int) -> tuple[float, ...]:
        return rate, self.decay, 1.0 - self.decay, self.epsilon

    def step(
        self, xp: Namespace, constants: tuple[float, ...], p: Array, g: Array, *slots: Array
    ) -> tuple[Array, ...]:
        rate, keep, take, epsilon = constants
        v = keep * slots[0] + take * (g * g)
        return p - rate * g / (xp.sqrt(v) + epsilon), v


rmsprop = optimizers.add(RMSProp())
