"""The optimizers: the update rule for one array, from its gradient and the rule's own memory.

A rule is elementwise, so one call updates all parameters of a network as one flat vector. What
depends on the step only (rate, bias corrections) is computed once per step, in `constants`. What
every rule can have beside it stands in `Optimizer`: decay, clipping and averaging.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from chainrule.formulas.records import Formula
from chainrule.foundation.arrays import Array, Namespace, as_floating, namespace
from chainrule.foundation.catalogue import Catalogue
from chainrule.foundation.errors import must_be

__all__ = ["Optimizer", "optimizers"]


@dataclass(frozen=True)
class Optimizer(Formula):
    r"""An update rule for parameters p with gradient g, step by step.

    A subclass is one block: `constants`, `step` and the attributes below. Who trains calls
    `clipping`, `start`, `numbers` and `update`, which add what every rule can have.

    Parameters
    ----------
    weight_decay : float, keyword-only
        Decoupled decay: before each step, weights (not biases) shrink by the factor
        1 - rate * weight_decay. Source: Loshchilov & Hutter (2019), ICLR.
    clip_norm : float or None, keyword-only
        Largest norm of the gradient, over all parameters together: a longer one is shortened to
        it, :math:`g \leftarrow g \min(1, c / |g|)`; None, the default, leaves every gradient as it
        is. Penalties are part of g, decoupled decay is not. Source: Pascanu, Mikolov & Bengio
        (2013), ICML, algorithm 1.
    averaging : float, keyword-only
        Share d of a running average of the parameters that each step keeps; 0, the default, is the
        last parameters themselves. After step t the average is

        .. math:: \bar p \leftarrow \bar p + \frac{1 - d}{1 - d^t} (p - \bar p)

        so that it holds parameters of steps only, and not those of the start: the running mean
        with the bias correction of Adam. Steps go on from p; shown and measured parameters are the
        average. Source: Polyak & Juditsky (1992), SIAM J. Control Optim. 30(4); Kingma & Ba (2015),
        ICLR, section 7.2.

    Attributes
    ----------
    latex : str
        The rule, in p, g, the rate eta, the step t (from 1) and the rule's memory.
    slots : tuple of str
        The arrays the rule remembers, each of the shape of p, starting at 0.
    learning_rate : float
        The rate that suits it, when none is given.

    Examples
    --------
    >>> (p,) = optimizers.sgd([1.0], [2.0], rate=0.5)[:1]
    >>> p
    array([0.])
    """

    slots: ClassVar[tuple[str, ...]] = ()
    _by_name: ClassVar[Mapping[str, str]] = {"latex": r"p \leftarrow <f>(p, g)"}
    learning_rate: ClassVar[float]
    symbols: ClassVar[Mapping[str, str]] = {r"\lambda": "weight_decay", r"\mu": "momentum"}

    weight_decay: float = field(default=0.0, kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)
    averaging: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        if not (0.0 <= self.weight_decay < math.inf):
            raise must_be("weight_decay", "at least 0 and finite", self.weight_decay)
        if self.clip_norm is not None and not (0.0 < self.clip_norm < math.inf):
            raise must_be("clip_norm", "None, or positive and finite", self.clip_norm)
        for name in ("averaging", "momentum", "decay", "beta_1", "beta_2"):
            value = getattr(self, name, 0.0)
            if not (0.0 <= value < 1.0):
                raise must_be(name, "at least 0 and below 1", value)
        epsilon = getattr(self, "epsilon", 1.0)
        if not (0.0 < epsilon < math.inf):
            raise must_be("epsilon", "positive and finite", epsilon)

    @property
    def memory(self) -> tuple[str, ...]:
        """The arrays to keep from step to step: the rule's slots, and the average if there is one.

        Examples
        --------
        >>> optimizers.get("adam", averaging=0.99).memory
        ('m', 'v', 'average')
        """
        return (*self.slots, "average") if self.averaging > 0.0 else self.slots

    @property
    def recalled(self) -> tuple[str, ...]:
        """The part of the memory that the rule uses; plain descent has a velocity, unused.

        Examples
        --------
        >>> optimizers.get("sgd", momentum=0.9).recalled, optimizers.get("sgd").recalled
        (('velocity',), ())
        """
        return self.memory

    @property
    def rule_latex(self) -> str:
        """The rule itself as LaTeX; plainer than ``latex`` where its options make it so."""
        return self.latex

    @property
    def _own_latex(self) -> str:
        decay = r"p \leftarrow (1 - \eta \lambda) p, \quad "
        shown = self.weight_decay == 0.0 or decay in self.latex
        return self.update_latex if shown else decay + self.update_latex

    @property
    def update_latex(self) -> str:
        """The rule as LaTeX, with its clipping and averaging."""
        parts = [self.rule_latex]
        if self.clip_norm is not None:
            parts.insert(0, r"g \leftarrow g \min(1, <clip_norm> / |g|)")
        if self.averaging > 0.0:
            share = r"\frac{1 - <averaging>}{1 - <averaging>^t}"
            parts.append(rf"\bar{{p}} \leftarrow \bar{{p}} + {share} (p - \bar{{p}})")
        return self.in_latex(r", \quad ".join(parts))

    def clipping(self, xp: Namespace, g: Array) -> Array | float:
        """Return the factor that clipping puts on the gradient ``g`` of all parameters.

        It is NaN where the gradient is, and 0 where it is infinite, so that neither is hidden.

        Examples
        --------
        >>> import numpy as np
        >>> float(optimizers.get("sgd", clip_norm=1.0).clipping(np, np.array([3.0, -4.0])))
        0.2
        """
        if self.clip_norm is None:
            return 1.0
        with np.errstate(all="ignore"):
            # by the largest one, so that no square overflows
            largest = xp.max(xp.abs(g))
            scale = xp.where((largest > 0.0) & (largest < math.inf), largest, 1.0)
            root = xp.sqrt(xp.sum((g / scale) ** 2))
            factor = self.clip_norm / scale / root
            return xp.where(scale * root <= self.clip_norm, 1.0, factor)

    def start(self, xp: Namespace, p: Array) -> tuple[Array, ...]:
        """Return the memory before the first step: zeros for the rule, and p as the average."""
        memory = tuple(xp.zeros_like(p) for _ in self.slots)
        return (*memory, xp.asarray(p, copy=True)) if self.averaging > 0.0 else memory

    def numbers(self, rate: float, t: int) -> tuple[float, ...]:
        """Return the numbers of step ``t`` (from 1) that `update` takes."""
        if self.averaging == 0.0:
            return self.constants(rate, t)
        return (*self.constants(rate, t), (1.0 - self.averaging) / (1.0 - self.averaging**t))

    def update(
        self, xp: Namespace, numbers: tuple[float, ...], p: Array, g: Array, *memory: Array
    ) -> tuple[Array, ...]:
        """Return the new p, and the new memory after it."""
        if self.averaging == 0.0:
            return self.step(xp, numbers, p, g, *memory)
        *slots, average = memory
        p, *slots = self.step(xp, numbers[:-1], p, g, *slots)
        return p, *slots, average + numbers[-1] * (p - average)

    @abstractmethod
    def constants(self, rate: float, t: int) -> tuple[float, ...]:
        """Return the numbers of step ``t`` (from 1) that every element of the rule shares."""
        raise NotImplementedError

    @abstractmethod
    def step(
        self, xp: Namespace, constants: tuple[float, ...], p: Array, g: Array, *slots: Array
    ) -> tuple[Array, ...]:
        """Return the new p, and the new slots after it."""
        raise NotImplementedError

    def __call__(
        self,
        p: Array,
        g: Array,
        *slots: Array,
        rate: float | None = None,
        t: int = 1,
    ) -> tuple[Array, ...]:
        """Return the new p and the new memory for one array.

        Decay, if any, applies to all of p, and clipping to the norm of this g alone.
        """
        p = as_floating(p)
        xp = namespace(p)
        g = xp.asarray(g, dtype=p.dtype)
        rate = self.learning_rate if rate is None else rate
        memory = tuple(xp.asarray(slot, dtype=p.dtype) for slot in slots) or self.start(xp, p)
        p = p * (1.0 - rate * self.weight_decay)
        return self.update(xp, self.numbers(rate, t), p, self.clipping(xp, g) * g, *memory)


optimizers: Catalogue[Optimizer] = Catalogue("optimizer", Optimizer)


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

    @property
    def recalled(self) -> tuple[str, ...]:
        return self.memory if self.momentum > 0.0 else self.memory[1:]

    @property
    def rule_latex(self) -> str:
        if self.momentum == 0.0:
            return r"p \leftarrow p - \eta g"
        ahead = r"p \leftarrow p + \mu v - \eta g"
        return self.latex.replace(r"p \leftarrow p + v", ahead) if self.nesterov else self.latex

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
            1.0 / (1.0 - self.beta_2**t) ** 0.5,
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
    symbols: ClassVar[Mapping[str, str]] = {**Optimizer.symbols, r"\rho": "decay"}
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
