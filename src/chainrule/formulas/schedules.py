"""The schedules: multipliers of the learning rate, step by step."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from chainrule.formulas.records import Formula
from chainrule.foundation.catalogue import Catalogue
from chainrule.foundation.errors import InputError, must_be

__all__ = ["Schedule", "schedules"]


@dataclass(frozen=True)
class Schedule(Formula):
    """The learning rate as a function of the step.

    Attributes
    ----------
    latex : str
        The multiplier, in the step t (from 0), the planned steps T and the steps per epoch n.
    needs_total : bool
        Whether the planned number of steps must be known.

    Examples
    --------
    >>> schedules.cosine.rates(0.1, 0, 3, steps_per_epoch=1, total_steps=2)
    array([0.1 , 0.05, 0.  ])
    """

    needs_total: ClassVar[bool] = False
    _by_name: ClassVar[Mapping[str, str]] = {"latex": "<f>(t)"}
    left_side = "multiplier = "

    @abstractmethod
    def multiplier(self, step: np.ndarray, steps_per_epoch: int, total_steps: int) -> np.ndarray:
        """Return the multiplier of each step (counted from 0), float64."""
        raise NotImplementedError

    def rates(
        self, base: float, first: int, count: int, steps_per_epoch: int, total_steps: int | None
    ) -> np.ndarray:
        """Return the learning rates of ``count`` steps from step ``first`` (from 0) on."""
        if self.needs_total and total_steps is None:
            raise InputError(
                f"schedule {self.name!r} needs the planned number of epochs, which is not known "
                "here. Choose another schedule, or train in one call."
            )
        steps = np.arange(first, first + count, dtype=np.float64)
        return base * self.multiplier(steps, steps_per_epoch, total_steps or 0)

    def after_plateau(self, rate: float) -> float | None:
        """Return the rate to go on with when the loss no longer falls; None to stop."""
        return None


schedules: Catalogue[Schedule] = Catalogue("schedule", Schedule)


@dataclass(frozen=True)
class Constant(Schedule):
    r"""The same rate from the first step to the last.

    {formula}

    Examples
    --------
    >>> constant.rates(0.1, 0, 3, steps_per_epoch=3, total_steps=9)
    array([0.1, 0.1, 0.1])
    """

    name = "constant"
    latex = r"1"
    source = "Robbins & Monro (1951), Annals of Mathematical Statistics 22(3)"

    def multiplier(self, step: np.ndarray, steps_per_epoch: int, total_steps: int) -> np.ndarray:
        return np.ones_like(step)


constant = schedules.add(Constant())


@dataclass(frozen=True)
class InverseScaling(Schedule):
    r"""A power of the step; with a power in (0.5, 1] noise dies out in the limit.

    {formula}

    Examples
    --------
    >>> invscaling.rates(0.1, 3, 1, steps_per_epoch=3, total_steps=9)
    array([0.05])
    """

    name = "invscaling"
    latex = r"\frac{1}{(t + 1)^{<power>}}"
    source = "Robbins & Monro (1951), Annals of Mathematical Statistics 22(3)"

    power: float = 0.5

    def multiplier(self, step: np.ndarray, steps_per_epoch: int, total_steps: int) -> np.ndarray:
        return (step + 1.0) ** -self.power


invscaling = schedules.add(InverseScaling())


@dataclass(frozen=True)
class Adaptive(Constant):
    r"""Constant until the loss no longer falls, then a fifth of it, down to the floor.

    {formula}

    Examples
    --------
    >>> round(adaptive.after_plateau(0.1), 9)
    0.02
    >>> adaptive.after_plateau(1e-6) is None
    True
    """

    name = "adaptive"
    source = "scikit-learn user guide, section 1.17"

    factor: float = 0.2
    floor: float = 1e-6

    def __post_init__(self) -> None:
        if not (0.0 < self.factor < 1.0):
            raise must_be("factor", "between 0 and 1, both excluded", self.factor)

    def after_plateau(self, rate: float) -> float | None:
        return rate * self.factor if rate > self.floor else None


adaptive = schedules.add(Adaptive())


@dataclass(frozen=True)
class Step(Schedule):
    r"""A fraction of the rate after every so many epochs.

    {formula}

    Examples
    --------
    >>> step.rates(0.1, 29, 2, steps_per_epoch=1, total_steps=90).round(3)
    array([0.1 , 0.01])
    """

    name = "step"
    latex = r"<factor>^{\lfloor \frac{t}{<every> n} \rfloor}"
    source = "He, Zhang, Ren & Sun (2016), CVPR, section 3.4"

    every: int = 30
    factor: float = 0.1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise must_be("every", "a positive number of epochs", self.every)

    def multiplier(self, step: np.ndarray, steps_per_epoch: int, total_steps: int) -> np.ndarray:
        return self.factor ** np.floor(step / (self.every * steps_per_epoch))


step = schedules.add(Step())


@dataclass(frozen=True)
class Cosine(Schedule):
    r"""Half a cosine from the full rate down to 0.

    {formula}

    Examples
    --------
    >>> cosine.rates(0.1, 0, 5, steps_per_epoch=1, total_steps=4).round(4)
    array([0.1   , 0.0854, 0.05  , 0.0146, 0.    ])
    """

    name = "cosine"
    latex = r"\frac{1}{2} (1 + \cos(\frac{\pi t}{T}))"
    needs_total = True
    source = "Loshchilov & Hutter (2017), ICLR, eq. 5"

    def multiplier(self, step: np.ndarray, steps_per_epoch: int, total_steps: int) -> np.ndarray:
        return 0.5 * (1.0 + np.cos(math.pi * np.minimum(step / total_steps, 1.0)))


cosine = schedules.add(Cosine())


@dataclass(frozen=True)
class OneCycle(Schedule):
    r"""Up from a small rate to the full one, then down to almost nothing, along cosines.

    {formula}

    r runs from 0 to 1 over the warm-up and again over the rest; a and b are the ends of each leg:
    1 / start and 1, then 1 and 1 / (start * end).

    Parameters
    ----------
    warm_up : float, default=0.3
        Share of the steps on the way up.
    start, end : float
        The full rate over the first rate, and the first rate over the last.

    Examples
    --------
    >>> one_cycle.rates(0.1, 0, 11, steps_per_epoch=1, total_steps=11)[[0, 3, 10]].round(5)
    array([0.004, 0.1  , 0.   ])
    """

    name = "one_cycle"
    latex = r"a + (b - a) \frac{1 - \cos(\pi r)}{2}"
    needs_total = True
    source = "Smith & Topin (2019), SPIE 11006"

    warm_up: float = 0.3
    start: float = 25.0
    end: float = 1e4

    def __post_init__(self) -> None:
        if not (0.0 < self.warm_up < 1.0):
            raise must_be("warm_up", "between 0 and 1, both excluded", self.warm_up)

    def multiplier(self, step: np.ndarray, steps_per_epoch: int, total_steps: int) -> np.ndarray:
        last = max(total_steps - 1, 1)
        peak = self.warm_up * last
        rising = step <= peak
        r = np.where(rising, step / peak, np.minimum((step - peak) / (last - peak), 1.0))
        a = np.where(rising, 1.0 / self.start, 1.0)
        b = np.where(rising, 1.0, 1.0 / (self.start * self.end))
        return a + (b - a) * (1.0 - np.cos(math.pi * r)) / 2.0


one_cycle = schedules.add(OneCycle())
