"""The steps of one call of `Engine.epoch`, those that are made and those that are left."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import numpy as np

from chainrule.engines.engine import Position, Totals
from chainrule.engines.jax_engine.batches import FEWEST, Batches, filled
from chainrule.engines.jax_engine.left import LeftParts, LeftRow
from chainrule.engines.jax_engine.programs import Formulas, Plan, Run, Short
from chainrule.engines.jax_engine.tracing import takes_strengths
from chainrule.engines.leaving import Left, lying, may_leave
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
    formulas : Formulas
        What is compiled. Penalties have the strength 1 where their formula takes any.
    strengths : tuple of float
        The strengths that the penalties have; empty where a formula is compiled for its own.
    constants : StepConstants
        The numbers of the rule at each step.
    """

    formulas: Formulas
    strengths: tuple[float, ...]
    constants: StepConstants

    @classmethod
    def of(cls, objective: Objective, optimizer: Optimizer) -> "Recipe":
        """Return the recipe for an objective and an optimizer."""
        constants = StepConstants(optimizer, objective.network.layout.distinct_rate_factors)
        if not takes_strengths(objective):
            return cls(Formulas(objective, optimizer), (), constants)
        strengths = tuple(penalty.strength for penalty in objective.penalties)
        alike = tuple(replace(penalty, strength=1.0) for penalty in objective.penalties)
        bare = Objective(objective.network, objective.loss, alike, objective.dropout or 0.0)
        return cls(Formulas(bare, optimizer), strengths, constants)


class Course:
    """The course of a call: it says which steps come next, and notes those that were made.

    Parameters
    ----------
    recipe : Recipe
        What is computed.
    position : Position
        Where to start; `settle` moves it to the last step that was made.
    batches : Batches
        The batches of all steps.
    rates : ndarray
        The rate of each.
    limit : float
        The largest loss of a batch.
    weight : ndarray, optional
        The weights of all rows. Batches whose weights are all 0 are passed over.
    """

    def __init__(
        self,
        recipe: Recipe,
        position: Position,
        batches: Batches,
        rates: np.ndarray,
        limit: float,
        weight: np.ndarray | None = None,
    ) -> None:
        self.recipe = recipe
        self.position = position
        self.batches = batches
        self._rates = rates
        self.dtype = dtype = np.dtype(lying(position, "vector").dtype)
        # a finite limit stays finite, so that an infinite loss is above it
        self._limit = min(limit, float(np.finfo(dtype).max)) if math.isfinite(limit) else limit
        self._loss, self._weight, self._last = 0.0, 0.0, math.nan
        self._weights, self._short_weight = batches.weights(weight)
        # numbers of the steps that are made: whole batches, of which some are done, and a short one
        self._whole = np.flatnonzero(self._weights > 0.0)
        self._done, self._has_short = 0, self._short_weight > 0.0
        self._steps, self._first = 0, position.step
        self._is_stopped = False
        self._found: tuple[Run, Any] | None = None

    @property
    def whole(self) -> int:
        """The number of whole batches to come."""
        return len(self._whole) - self._done

    @property
    def is_over(self) -> bool:
        """True once all steps are made, or a batch was bad."""
        return self._is_stopped or not (self.whole or self._has_short)

    @property
    def totals(self) -> Totals:
        """The totals of the steps made."""
        return Totals(self._loss, self._weight, self._steps, self._last)

    def plan(self, count: int, room: int, has_short: bool, first: int | None = None) -> Plan:
        """Return the next whole batches, and the short one behind the last of them.

        Where ``first`` is given, they are whole batches alone, from that one on.

        The arrays have the room that all calls of a fit have, with one for a short batch or none.
        """
        dtype = self.dtype
        begin = self._done if first is None else first
        numbers = self._whole[begin : begin + count]
        constants, keys = self._of_steps(numbers, dtype)
        short = None
        if has_short:
            last = len(self.batches.whole)
            is_next = self._has_short and first is None and count == self.whole
            own = self._of_steps(np.array([last if is_next else 0]), dtype)
            rows = np.int32(self.batches.n_short if is_next else 0)
            own_keys = None if own[1] is None else own[1][0]
            short = Short(self.batches.short, rows, own[0][0], own_keys)
        return Plan(
            order=filled(self.batches.whole[_span(numbers)], room),
            constants=filled(constants, room),
            keys=None if keys is None else filled(keys, room),
            short=short,
            strengths=np.asarray(self.recipe.strengths, dtype),
            steps=np.int32(count),
        )

    def _of_steps(
        self, numbers: np.ndarray, dtype: np.dtype[Any]
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the constants of some steps of the call, and their keys of dropout."""
        # those in between are computed too, where some are passed over
        begin, end = (int(numbers[0]), int(numbers[-1]) + 1) if len(numbers) else (0, 1)
        span = _span(numbers - begin)
        table = self.recipe.constants.table(self._rates[begin:end], self._first + begin + 1)
        constants = table[span].astype(dtype)
        layers = len(self.recipe.formulas.objective.dropout)
        if not layers:
            return constants, None
        keys = step_keys(self.position.seed, self._first + begin, end - begin, layers)
        return constants, keys[span]

    def take(self, run: Run, place: Any, plan: Plan, again: Callable[[int], Run]) -> None:
        """Note the results of a call; ``place`` is that of this course in its arrays.

        Where a batch is bad, ``again`` makes the whole batches before it, from the start.
        """
        steps = int(plan.steps)
        numbers = self._whole[self._done : self._done + steps]
        sums, weights = np.asarray(run.losses)[place][:steps], self._weights[numbers]
        rows = np.full(steps, self.batches.whole.shape[1])
        has_short = plan.short is not None and bool(plan.short.count)
        if has_short:
            sums = np.append(sums, np.asarray(run.short_loss)[place])
            numbers = np.append(numbers, len(self.batches.whole))
            weights = np.append(weights, self._short_weight)
            rows = np.append(rows, self.batches.n_short)
        if not len(sums):
            return
        means = sums.astype(np.float64) / rows
        bad = ~(means <= self._limit)  # NaN included
        is_stopped = bool(bad.any())
        good = int(np.argmax(bad)) if is_stopped else len(bad)
        done = self._done + min(good, steps)
        found: tuple[Run, Any] | None = (run, place)
        if is_stopped:
            found = (again(done), place) if done else None
        self._found, self._done, self._is_stopped = found, done, is_stopped
        self._has_short = self._has_short and not has_short
        self._loss += float(np.sum(sums[:good], dtype=np.float64))
        self._weight += float(np.sum(weights[:good]))
        self._last = float(means[: good + 1][-1])
        self._steps = int(numbers[good] if is_stopped else numbers[-1] + 1)
        self.position.step = self._first + self._steps

    def settle(self) -> None:
        """Move the position to the last step that was made."""
        position = self.position
        if self.is_over and not self._is_stopped:
            self._steps = len(self._rates)
        if self._found is not None and _is_gone(self._found[0]):
            self._found, self._steps = None, 0
        if self._found is not None:
            run, place = self._found
            like = lying(position, "vector")
            leaves = not _is_at_home_there(like) and may_leave(position, "vector")
            ended = partial(self._ended, like=like, place=place, leaves=leaves)
            position.vector, position.slots = ended(run.vector), tuple(map(ended, run.slots))
        position.step = self._first + self._steps

    def _ended(self, found: Any, like: Array, place: Any, leaves: bool) -> Any:
        """Return parameters, or memory, as a vector in the library of the position.

        Where a position ``leaves`` its arrays on the device, they stay there.
        """
        groups = self.recipe.formulas.groups
        if leaves and place is not ...:
            return LeftRow(found, place)
        if leaves:
            return LeftParts(found, groups) if isinstance(found, tuple) else Left(found)
        if not isinstance(found, tuple):
            return given_back(found, like, place)
        is_there = _is_at_home_there(like)
        return groups.closed([array if is_there else np.asarray(array) for array in found])


def _span(numbers: np.ndarray) -> Any:
    """Return ascending numbers as a slice where none is missing, which copies nothing."""
    begin = int(numbers[0]) if len(numbers) else 0
    end = begin + len(numbers)
    return slice(begin, end) if not len(numbers) or numbers[-1] == end - 1 else numbers


def _is_at_home_there(like: Any) -> bool:
    """Return whether numbers like these are arrays of JAX, and not of NumPy."""
    return not isinstance(like, np.ndarray | Left)


def _is_gone(run: Run) -> bool:
    """Return whether a later call has written over the results of this one."""
    return any(array.is_deleted() for array in jax.tree.leaves(run.vector))


@dataclass
class Pace:
    """The number of steps that take about a tenth of a second, as far as it is known."""

    steps: int = FEWEST


def follow(
    courses: Sequence[Course],
    compute: Callable[[Run | None, Mapping[int, Plan]], Run],
    pace: Pace,
    stopped: Callable[[], bool],
) -> None:
    """Make all steps of some courses side by side, in calls after which Python hears of Ctrl-C.

    ``compute`` makes the steps of some of them, by number, from the end of the call before.
    """
    room = max(course.batches.room for course in courses)
    has_short = any(course.batches.has_short for course in courses)
    places = [...] if len(courses) == 1 else range(len(courses))
    before: Run | None = None
    under_way: tuple[Run, dict[int, Plan]] | None = None

    def again(number: int, whole: int) -> Run:
        run, done = None, 0
        while done < whole:
            count = min(pace.steps, room, whole - done)
            plan = courses[number].plan(count, room, has_short, first=done)
            run, done = compute(run, {number: plan}), done + count
        assert run is not None
        return run

    def take() -> None:
        nonlocal before, under_way
        assert under_way is not None
        run, plans = under_way
        for number, plan in list(plans.items()):
            courses[number].take(run, places[number], plan, partial(again, number))
            del plans[number]
        before, under_way = run, None

    try:
        while True:
            left = [number for number, course in enumerate(courses) if not course.is_over]
            if not left:
                return
            if stopped():
                raise CancelledError
            # all make as many steps, so that the program need not choose between them
            count = min(pace.steps, room, *(courses[number].whole for number in left))
            plans = {number: courses[number].plan(count, room, has_short) for number in left}
            begin = time.perf_counter()
            under_way = compute(before, plans), plans
            take()
            seconds = max(time.perf_counter() - begin, 1e-6)
            # a short call for few steps says nothing against more
            if count and (count == pace.steps or seconds > CALL_SECONDS):
                pace.steps = max(int(count * min(8.0, CALL_SECONDS / seconds)), 1)
    except KeyboardInterrupt:
        if under_way is not None:  # it may have written over the results before it
            take()
        raise
    finally:
        for course in courses:
            course.settle()


def given_back(found: Any, like: Array, place: Any = ...) -> Array:
    """Return numbers in the library of the parameters."""
    if _is_at_home_there(like):
        return found if place is ... else found[place]
    return np.array(np.asarray(found)[place])
