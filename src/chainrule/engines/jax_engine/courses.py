"""The steps of one call of `Engine.epoch`, those that are made and those that are left."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.engines.engine import Position, Totals
from chainrule.engines.jax_engine.batches import FEWEST, Batches, filled
from chainrule.engines.jax_engine.programs import Plan, Run
from chainrule.engines.jax_engine.tracing import takes_strengths
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.arrays import Array
from chainrule.model.dropout import step_keys
from chainrule.model.objective import Objective
from chainrule.tracing.constants import StepConstants

__all__ = ["Course", "Pace", "Recipe", "follow", "given_back"]

# Seconds that a call of many steps takes, between which Python hears of Ctrl-C.
CALL_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class Recipe:
    """The formulas that a training step is compiled for, and the numbers that it is given.

    Attributes
    ----------
    objective, optimizer
        The formulas. Penalties have the strength 1 where their formula takes any.
    strengths : tuple of float
        The strengths that the penalties have; empty where a formula is compiled for its own.
    constants : StepConstants
        The numbers of the rule at each step.
    """

    objective: Objective
    optimizer: Optimizer
    strengths: tuple[float, ...]
    constants: StepConstants

    @classmethod
    def of(cls, objective: Objective, optimizer: Optimizer) -> "Recipe":
        """Return the recipe for an objective and an optimizer."""
        constants = StepConstants(optimizer, objective.network.layout.distinct_rate_factors)
        if not takes_strengths(objective):
            return cls(objective, optimizer, (), constants)
        strengths = tuple(penalty.strength for penalty in objective.penalties)
        alike = tuple(replace(penalty, strength=1.0) for penalty in objective.penalties)
        bare = Objective(objective.network, objective.loss, alike, objective.dropout or 0.0)
        return cls(bare, optimizer, strengths, constants)


class Course:
    """The course of a call: it says which steps come next, and moves the position along.

    Parameters
    ----------
    recipe : Recipe
        What is computed.
    position : Position
        Where to start; it is moved.
    batches : Batches
        The batches of all steps.
    rates : ndarray
        The rate of each.
    limit : float
        The largest loss of a batch.
    """

    def __init__(
        self,
        recipe: Recipe,
        position: Position,
        batches: Batches,
        rates: np.ndarray,
        limit: float,
    ) -> None:
        self.recipe = recipe
        self.position = position
        self.batches = batches
        self._rates = rates
        self._limit = limit
        self._loss, self._weight, self._last = 0.0, 0.0, math.nan
        self._done, self._is_stopped = 0, False

    @property
    def left(self) -> int:
        """The number of steps to make; 0 after a bad batch."""
        return 0 if self._is_stopped else len(self._rates) - self._done

    @property
    def totals(self) -> Totals:
        """The totals of the steps made."""
        return Totals(self._loss, self._weight, self._done, self._last)

    def plan(self, count: int, room: int) -> Plan:
        """Return the next steps, in arrays with the room that all calls of a fit have."""
        position, dtype = self.position, np.dtype(self.position.vector.dtype)
        count = min(count, self.left)
        span = slice(self._done, self._done + max(count, 1))
        batches, rates = self.batches.some(span), self._rates[span]
        numbers = self.recipe.constants.table(rates, position.step + 1).astype(dtype)
        layers = len(self.recipe.objective.dropout)
        keys = np.zeros((len(rates), 0, 2), np.uint32)
        if layers:
            keys = step_keys(position.seed, position.step, len(rates), layers)
        # a finite limit stays finite, so that an infinite loss is above it
        limit = self._limit
        if math.isfinite(limit):
            limit = min(limit, float(np.finfo(dtype).max))
        return Plan(
            order=filled(batches.order, room),
            counts=filled(batches.counts, room),
            constants=filled(numbers, room),
            keys=filled(keys, room),
            strengths=np.asarray(self.recipe.strengths, dtype),
            steps=np.int32(count),
            limit=np.asarray(limit, dtype),
        )

    def take(self, run: Run, asked: int) -> None:
        """Note the results of so many steps that were asked for, and move the position."""
        made, position, before = int(run.made), self.position, self.position.vector
        if made:
            position.vector = given_back(run.vector, before)
            position.slots = tuple(given_back(slot, before) for slot in run.slots)
            position.step += made
        self._done += made
        self._loss += float(np.sum(np.asarray(run.losses, np.float64)))
        self._weight += float(np.sum(np.asarray(run.weights, np.float64)))
        last = float(run.last_loss)
        self._is_stopped = made < asked
        if not math.isnan(last) or self._is_stopped:
            self._last = last


@dataclass
class Pace:
    """The number of steps that take about a tenth of a second, as far as it is known."""

    steps: int = FEWEST


def follow(
    courses: Sequence[Course], compute: Callable[[list[Plan]], list[Run]], pace: Pace
) -> None:
    """Make all steps of some courses side by side, in calls after which Python hears of Ctrl-C."""
    room = max(course.batches.room for course in courses)
    # parameters go to the device and back in each call, which fewer steps do not pay for
    pace.steps = max(pace.steps, FEWEST)
    while any(course.left for course in courses):
        count = min(pace.steps, room, max(course.left for course in courses))
        begin = time.perf_counter()
        runs = compute([course.plan(count, room) for course in courses])
        for course, run in zip(courses, runs, strict=True):
            if course.left:
                course.take(run, min(count, course.left))
        seconds = max(time.perf_counter() - begin, 1e-6)
        # a short call for few steps says nothing against more
        if count == pace.steps or seconds > CALL_SECONDS:
            pace.steps = max(int(count * min(8.0, CALL_SECONDS / seconds)), 1)


def given_back(found: Any, like: Array) -> Array:
    """Return numbers in the library of the parameters."""
    return np.array(found) if isinstance(like, np.ndarray) else found
