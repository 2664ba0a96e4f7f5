"""Steps of one network, or of several at once: networks of one shape are one program.

A program of several has a place for each. When networks have ended, places stay empty until half
of them are; then the others move to a program of half the width, so that few are compiled.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from chainrule.engines.engine import Rows
from chainrule.engines.jax_engine.courses import Course, Pace, follow
from chainrule.engines.jax_engine.left import LeftParts, flat, stack_of
from chainrule.engines.jax_engine.moving import inputs, stacked
from chainrule.engines.jax_engine.programs import (
    Data,
    Formulas,
    Plan,
    Run,
    opened,
    program_of,
    train_networks,
)
from chainrule.engines.leaving import Left, lying
from chainrule.engines.resources import Resources
from chainrule.foundation.arrays import Array

__all__ = ["Question", "make_steps"]


class Host(Protocol):
    """The engine that puts arrays on its device."""

    resources: Resources
    pace: Pace

    def settings(self, vector: Array) -> Any:
        """Return the context to compute in."""
        ...

    def placed(self, arrays: Any) -> Any:
        """Return arrays on the device."""
        ...

    def on_device(self, rows: Rows, dtype: np.dtype[Any]) -> Data:
        """Return rows on the device."""
        ...


class Question(NamedTuple):
    """A call of `Engine.epoch`: its engine, its steps and its rows."""

    engine: Host
    course: Course
    rows: Rows


def make_steps(
    questions: Sequence[Question],
    memory: dict[Any, Any],
    stopped: Callable[[], bool] = lambda: False,
) -> list[None]:
    """Make all steps of some calls: those of equal formulas and shapes in one program.

    ``memory`` holds the rows on the device between calls. Where it is ``stopped`` between two
    calls of a program, `CancelledError` says that not all steps were made.
    """
    if len(questions) == 1:
        _alone(questions[0], stopped)
        return [None]
    groups: dict[Any, list[Question]] = {}
    for number, question in enumerate(_in_order(questions, memory)):
        kind = _kind(question)
        groups.setdefault(number if kind is None else kind, []).append(question)
    for kind, group in groups.items():
        if len(group) == 1:
            _alone(group[0], stopped)
        else:
            _together(kind, group, memory, stopped)
    return [None] * len(questions)


def _in_order(questions: Sequence[Question], memory: dict[Any, Any]) -> list[Question]:
    """Return questions in the order in which their engines asked first.

    Threads ask in an order of their own, and each network has its place in what is on the device.
    """
    known = memory.setdefault("engines", {})  # held there, so that no other has the same id
    for question in questions:
        known.setdefault(id(question.engine), (len(known), question.engine))
    return sorted(questions, key=lambda question: known[id(question.engine)][0])


def _kind(question: Question) -> Any:
    """Return what must be equal in a program of several networks; None for one on its own."""
    course, rows = question.course, question.rows
    recipe, dtype = course.recipe, str(course.dtype)
    try:
        hash(recipe.formulas)
    except TypeError:  # a formula of the user's that has none
        return None
    inputs = _buffer(rows.x) if hasattr(rows.x, "tocsr") else (rows.x.shape[1], str(rows.x.dtype))
    shapes = (inputs, rows.y.shape[1], rows.weight is None, course.batches.whole.shape[1])
    return recipe.formulas, dtype, shapes, question.engine.resources


def _buffer(x: Any) -> Any:
    """Return what tells whether two inputs are the same numbers in memory."""
    if isinstance(x, np.ndarray):
        return x.__array_interface__["data"][0], x.shape, x.strides, str(x.dtype)
    return id(x)


def _alone(question: Question, stopped: Callable[[], bool]) -> None:
    engine, course, rows = question
    position, formulas = course.position, course.recipe.formulas
    start = [lying(position, "vector"), *lying(position, "slots")]
    with engine.settings(start[0]):
        data = engine.on_device(rows, course.dtype)

        def compute(before: Run | None, plans: Mapping[int, Plan]) -> Run:
            if before is not None:
                vector, slots = before.vector, before.slots
            else:
                begun = [_begun(formulas, array) for array in start]
                # a call takes NumPy's along
                is_numpy = all(isinstance(array, np.ndarray) for array in begun)
                vector, *memory = begun if is_numpy else engine.placed(begun)
                slots = tuple(memory)
            run: Run = program_of(formulas)(formulas, vector, slots, data, plans[0])
            return run

        follow([course], compute, engine.pace, stopped)


def _begun(formulas: Formulas, array: Any) -> Any:
    """Return parameters, or memory, as a program takes them, which may write over them."""
    groups = formulas.groups
    if isinstance(array, Left):
        fits = isinstance(array, LeftParts) and array.groups.numbers == groups.numbers
        array = array.there if fits and groups.are_large else flat(array)
    is_open = isinstance(array, tuple)
    if not groups.are_large:
        return array
    parts = array if is_open else opened(formulas, array)
    # parts of a vector of NumPy are views of it, and one that is all of a vector is that itself
    if is_open or isinstance(array, np.ndarray) or len(groups.spans) == 1:
        parts = jax.tree.map(partial(jnp.array, copy=True), parts)
    return parts


def _together(
    kind: Any, group: list[Question], memory: dict[Any, Any], stopped: Callable[[], bool]
) -> None:
    engine, course, _ = group[0]
    recipe = course.recipe
    known = memory.get(kind)
    width = len(group) if known is None else known.width
    while width >= 2 * len(group):
        width = -(-width // 2)
    width = max(width, len(group))
    with engine.settings(lying(course.position, "vector")):
        if known is None or known.width != width or not known.is_of(group):
            known = memory[kind] = _Stacked.of(group, width)
        data, shared = known.data, known.shared
        positions = [question.course.position for question in group]

        def start() -> tuple[Any, tuple[Any, ...]]:
            vector = _rows_of_one([lying(one, "vector") for one in positions], width, engine)
            slots = zip(*(lying(one, "slots") for one in positions), strict=True)
            return vector, tuple(_rows_of_one(list(some), width, engine) for some in slots)

        def compute(before: Run | None, plans: Mapping[int, Plan]) -> Run:
            vector, slots = start() if before is None else (before.vector, before.slots)
            idle = next(iter(plans.values()))
            each = [plans.get(number, idle) for number in range(width)]
            plan = jax.tree.map(lambda *parts: np.stack(parts), *each)._replace(steps=idle.steps)
            run: Run = train_networks(recipe.formulas, vector, slots, data, plan, shared)
            return run

        pace = memory.setdefault("pace", {}).setdefault(kind, Pace())
        follow([question.course for question in group], compute, pace, stopped)


def _rows_of_one(arrays: list[Array], width: int, engine: Host) -> Any:
    """Return arrays as rows of one on the device; the first fills the places left."""
    stack = stack_of(arrays, width)
    if stack is not None:
        return stack
    arrays = [array.home if isinstance(array, Left) else array for array in arrays]
    return engine.placed(stacked([*arrays, *[arrays[0]] * (width - len(arrays))]))


class _Stacked(NamedTuple):
    """The rows of several networks on the device, one after the other, or one for all."""

    rows: list[Rows]
    width: int
    data: Data
    shared: bool

    @classmethod
    def of(cls, group: list[Question], width: int) -> "_Stacked":
        """Return the rows of a group; shorter ones are filled up with zeros, never looked at."""
        engine, course, first = group[0]
        dtype = course.dtype
        rows = [question.rows for question in group]
        shared = len({_buffer(one.x) for one in rows}) == 1
        some = [*rows, *[first] * (width - len(rows))]
        x = inputs(first.x if shared else stacked([one.x for one in some]), dtype)
        y = jnp.asarray(stacked([one.y for one in some]), dtype)
        weights = [one.weight for one in some if one.weight is not None]
        weight = jnp.asarray(stacked(weights), dtype) if weights else None
        return cls(rows, width, engine.placed(Data(x, y, weight)), shared)

    def is_of(self, group: list[Question]) -> bool:
        """Return whether these are the rows of a group."""
        given = [question.rows for question in group]
        return len(given) == len(self.rows) and all(map(_same, given, self.rows))


def _same(one: Rows, other: Rows) -> bool:
    return one is other
