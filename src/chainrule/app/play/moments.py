"""Moments of a training on the page, the ways to them, and what was measured there."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from chainrule.app.play.settings import Problem
from chainrule.formulas.optimizers import Optimizer
from chainrule.formulas.schedules import Schedule
from chainrule.foundation.errors import DivergenceError

__all__ = [
    "Done",
    "Drawn",
    "Edit",
    "Failure",
    "Measured",
    "Moment",
    "Point",
    "Rule",
    "Stretch",
]


@dataclass(frozen=True)
class Stretch:
    """Steps with the same options, for the program that repeats them."""

    steps: int
    learning_rate: float
    schedule: Schedule
    epochs: int
    batch_size: int
    l1: float
    l2: float
    dropout: tuple[float, ...]
    frozen: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Edit:
    """A parameter that was set by hand, by its index in the flat vector."""

    index: int
    value: float


@dataclass(frozen=True)
class Rule:
    """Other numbers of the optimizer, from here on."""

    optimizer: Optimizer


@dataclass(frozen=True)
class Point:
    """A row that was added, moved or removed by hand.

    Attributes
    ----------
    kind : {"added", "moved", "removed"}
        What was done.
    row : int
        Its number among all rows, from 0.
    place : tuple of float
        Its inputs.
    target : float or None
        Its class or number; None where it stays as it is.
    """

    kind: Literal["added", "moved", "removed"]
    row: int
    place: tuple[float, ...] = ()
    target: float | None = None


@dataclass(frozen=True)
class Drawn:
    """Other rows, from here on: a point was drawn on those of a problem."""

    before: Problem
    point: Point


Done = Stretch | Edit | Rule | Drawn


@dataclass(frozen=True)
class Measured:
    """Losses and accuracies of all rows after a step.

    Attributes
    ----------
    step : int
        The step.
    loss, held_out : float or None
        The losses of the rows to train on, and of those held out.
    right, held_out_right : float or None
        Shares of rows whose class is right.
    """

    step: int
    loss: float
    right: float | None
    held_out: float | None
    held_out_right: float | None


@dataclass(frozen=True, eq=False)
class Moment:
    """Everything that a step changes.

    Attributes
    ----------
    vector, slots
        The parameters and the optimizer's memory.
    optimizer : Optimizer
        The optimizer that the memory belongs to.
    problem : Problem
        The rows, and the network that learns them.
    step, epoch, place : int
        Steps and epochs made, and batches made of the current epoch.
    first_loss : float
        The measure of divergence.
    log : tuple of Stretch, Edit, Rule or Drawn
        How the moment was reached from the start.
    batch : ndarray or None
        The rows of the step that led here.
    batch_loss : float or None
        Their loss before it.
    losses : tuple of Measured
        The losses on the way here, where a new start came next.
    """

    vector: np.ndarray
    slots: tuple[np.ndarray, ...]
    optimizer: Optimizer
    problem: Problem
    step: int = 0
    epoch: int = 0
    place: int = 0
    first_loss: float = float("nan")
    log: tuple[Done, ...] = ()
    batch: np.ndarray | None = None
    batch_loss: float | None = None
    losses: tuple[Measured, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A step that diverged: the training stands before it."""

    error: DivergenceError
    step: int
