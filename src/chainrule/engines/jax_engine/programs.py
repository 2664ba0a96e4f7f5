"""The functions that JAX compiles: training steps, loss and gradient of rows, and scores.

They hold no formula: layers, losses, penalties and rules are the records of the package, called
with `jax.numpy`. A program is compiled once for an objective, an optimizer and the shapes of its
arrays, whatever the number of steps, and is used by every engine and fit that needs the same.
"""

import copy
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from chainrule.engines.jax_engine.groups import Groups, joined, split
from chainrule.engines.jax_engine.sparse_rows import SparseRows
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.arrays import namespace
from chainrule.model.dropout import step_masks
from chainrule.model.network import Network
from chainrule.model.objective import Objective
from chainrule.model.parameters import Layout

__all__ = [
    "Data",
    "Formulas",
    "Plan",
    "Run",
    "Short",
    "loss_sum",
    "opened",
    "penalty_of",
    "program_of",
    "row_sums",
    "scores_of",
    "train",
    "train_networks",
]


# Outputs of a layer whose weight gradient is a sum of rows for each: as a product, XLA's CPU code
# takes 21 microseconds for 256 rows of 64 inputs and 2 outputs, where the sums take 4.
NARROW = 4


class Formulas:
    """The formulas that a program of steps is compiled for; their hash is computed once.

    Parameters
    ----------
    objective : Objective
        The objective to minimize.
    optimizer : Optimizer
        The update rule.
    """

    def __init__(self, objective: Objective, optimizer: Optimizer) -> None:
        self.objective = objective
        self.optimizer = optimizer

    @cached_property
    def groups(self) -> Groups:
        """The arrays that the rule updates."""
        return Groups(self.objective.network.layout, self.optimizer)

    @cached_property
    def _hash(self) -> int:
        return hash((self.objective, self.optimizer))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Formulas):
            return NotImplemented
        if self is other:
            return True
        return self.objective == other.objective and self.optimizer == other.optimizer


class Data(NamedTuple):
    """Rows on the device: inputs in their own dtype, targets, and sample weights if any."""

    x: Any
    y: Any
    weight: Any


class Short(NamedTuple):
    """A batch that may be short, behind the whole ones: the first ``count`` rows of ``order``.

    The others are copies of its first row, of weight 0. With a count of 0 no step is made.
    """

    order: Any
    count: Any
    constants: Any
    keys: Any


class Plan(NamedTuple):
    """The steps of a call: ``steps`` of those that the arrays have room for, then the short one.

    ``order`` (room, batch) holds row numbers, ``constants`` (room, rate factors, numbers of the
    rule, the rate first), and ``keys`` (room, layers, 2) the keys of dropout; ``strengths`` are
    those of the penalties, in their order. ``keys`` and ``short`` are None where no fit has any.
    """

    order: Any
    constants: Any
    keys: Any
    short: Short | None
    strengths: Any
    steps: Any


class Run(NamedTuple):
    """The results of a call: parameters, memory of the rule, and the sum of w l of each batch.

    Vector and slots are flat, or arrays of `Groups`, as they were given.
    """

    vector: Any
    slots: tuple[Any, ...]
    losses: Any
    short_loss: Any


class _Parts(NamedTuple):
    """Parameters layer by layer; None for a layer without a bias."""

    weights: tuple[Any, ...]
    biases: tuple[Any, ...]


def _layers(layout: Layout, parts: tuple[Any, ...]) -> _Parts:
    at = {(span.layer, span.name): part for span, part in zip(layout.spans, parts, strict=True)}
    layers = range(len(layout.shapes))
    return _Parts(
        tuple(at[layer, "weight"] for layer in layers),
        tuple(at.get((layer, "bias")) for layer in layers),
    )


def _rows(x: Any, index: Any, dtype: Any) -> Any:
    taken = x.take(index) if isinstance(x, SparseRows) else jnp.take(x, index, axis=0, mode="clip")
    return taken.astype(dtype)


def _sums(
    objective: Objective, parts: tuple[Any, ...], data: Data, divisor: Any, masks: Any = ()
) -> tuple[Any, tuple[Any, ...]]:
    """Return the sum of w_i l_i, and that of their gradients over a divisor, part by part."""
    layout = objective.network.layout
    xp = namespace(parts[0])
    tape = objective.network.trace(xp, _layers(layout, parts), data.x, masks)  # type: ignore[arg-type]
    losses = objective.row_losses(xp, tape.scores, data.y, data.weight)
    dscores = objective.score_gradients(xp, tape.scores, data.y, data.weight, divisor)
    gradients: list[Any] = []
    for layer, dz in tape.backward(dscores):
        dweight, dbias = layer.dparameters(dz)
        if dz.shape[1] <= NARROW and not isinstance(layer.x, SparseRows):
            columns = [dz[:, place : place + 1] for place in range(dz.shape[1])]
            dweight = jnp.stack([jnp.sum(layer.x * one, axis=0) for one in columns], axis=1)
        gradients += [dweight] if dbias is None else [dbias, dweight]
    return jnp.sum(losses), tuple(gradients[::-1])


def _updated(
    objective: Objective,
    optimizer: Optimizer,
    groups: Groups,
    constants: Any,
    arrays: tuple[Any, ...],
    memory: tuple[tuple[Any, ...], ...],
    gradients: tuple[Any, ...],
) -> tuple[tuple[Any, ...], tuple[tuple[Any, ...], ...]]:
    """Return parameters and memory after a step: penalties, clipping, decay and rule."""
    xp = namespace(arrays[0])
    layout = objective.network.layout
    if objective.penalties:
        parts = groups.apart(arrays)
        gradients = tuple(
            objective.with_penalties_of(xp, span, part, gradient)
            for span, part, gradient in zip(layout.spans, parts, gradients, strict=True)
        )
    if optimizer.clip_norm is not None:
        factor = optimizer.clipping(xp, joined(gradients))
        gradients = tuple(factor * gradient for gradient in gradients)
    after = []
    for place, (array, gradient) in enumerate(zip(arrays, groups.joined(gradients), strict=True)):
        span = layout.spans[groups.numbers[place][0]]
        row = constants[layout.distinct_rate_factors.index(span.rate_factor)]
        if optimizer.weight_decay > 0.0 and span.decays:
            array = array * (1.0 - row[0] * optimizer.weight_decay)
        numbers = tuple(row[1 + column] for column in range(row.shape[0] - 1))
        own = (slot[place] for slot in memory)
        after.append(optimizer.update(xp, numbers, array, gradient, *own))
    new, *memory_after = zip(*after, strict=True)
    return new, tuple(memory_after)


def _at_strengths(objective: Objective, strengths: Any) -> Objective:
    """Return the objective with other strengths of its penalties, which may be traced ones."""
    priced = copy.copy(objective)
    penalties = tuple(map(copy.copy, objective.penalties))
    for number, penalty in enumerate(penalties[: len(strengths)]):
        object.__setattr__(penalty, "strength", strengths[number])  # no check of a traced number
    object.__setattr__(priced, "penalties", penalties)
    return priced


def _train(formulas: Formulas, vector: Any, slots: tuple[Any, ...], data: Data, plan: Plan) -> Run:
    optimizer, groups = formulas.optimizer, formulas.groups
    objective = _at_strengths(formulas.objective, plan.strengths)
    is_open = isinstance(vector, tuple)
    state = (
        (vector, slots) if is_open else (groups.opened(vector), tuple(map(groups.opened, slots)))
    )
    dtype = state[0][0].dtype
    widths = [layer.n_out for layer in objective.network.layers[:-1]]
    room, batch = plan.order.shape
    xp = namespace(state[0][0])

    def step(
        state: Any, index: Any, weight: Any, divisor: Any, constants: Any, keys: Any
    ) -> tuple[Any, Any]:
        arrays, memory = state
        rows = Data(_rows(data.x, index, dtype), _rows(data.y, index, dtype), weight)
        rates = objective.dropout
        masks = step_masks(xp, keys, batch, rates, widths) if rates else ()
        loss, gradients = _sums(objective, groups.apart(arrays), rows, divisor, masks)
        moved = _updated(objective, optimizer, groups, constants, arrays, memory, gradients)
        return moved, loss

    def whole(at: Any, state: Any) -> Any:
        *state, losses = state
        index, keys = plan.order[at], None if plan.keys is None else plan.keys[at]
        weight = None if data.weight is None else data.weight[index]
        moved, loss = step(state, index, weight, batch, plan.constants[at], keys)
        return *moved, losses.at[at].set(loss)

    def last(short: Short) -> Any:
        weight = jnp.ones(batch, dtype) if data.weight is None else data.weight[short.order]
        weight = jnp.where(jnp.arange(batch) < short.count, weight, 0.0)
        count = short.count.astype(dtype)
        return step(state, short.order, weight, count, short.constants, short.keys)

    # a step whose loss is bad is made too: who calls looks at the losses, and asks again for fewer;
    # unsigned numbers are no index from the end, which would be looked for in each step
    first, end = jnp.uint32(0), plan.steps.astype(jnp.uint32)
    *moved, losses = jax.lax.fori_loop(first, end, whole, (*state, jnp.zeros(room, dtype)))
    state, short_loss = tuple(moved), None
    if plan.short is not None:
        short, none = plan.short, jnp.zeros((), dtype)
        state, short_loss = jax.lax.cond(
            short.count > 0, lambda: last(short), lambda: (state, none)
        )
    arrays, memory = state
    if not is_open:
        arrays, memory = groups.closed(arrays), tuple(map(groups.closed, memory))
    return Run(arrays, memory, losses, short_loss)


def opened(formulas: Formulas, vector: Any) -> Any:
    """Return parameters, or memory, as `train` takes them: of a large network as its arrays."""
    groups = formulas.groups
    return groups.opened(vector) if groups.are_large else vector


@partial(jax.jit, static_argnames="formulas")
def train(formulas: Formulas, vector: Any, slots: tuple[Any, ...], data: Data, plan: Plan) -> Run:
    """Make optimizer steps, whatever their losses; what is given stays as it is.

    The number of steps is not a shape, so it never asks for another program.
    """
    return _train(formulas, vector, slots, data, plan)


@partial(jax.jit, static_argnames="formulas", donate_argnames=("vector", "slots"))
def train_in_place(
    formulas: Formulas, vector: Any, slots: tuple[Any, ...], data: Data, plan: Plan
) -> Run:
    """Make the steps of `train` over the parameters and the memory that are given."""
    return _train(formulas, vector, slots, data, plan)


def program_of(formulas: Formulas) -> Any:
    """Return the program for one network: a large one is not copied for each call."""
    return train_in_place if formulas.groups.are_large else train


@partial(jax.jit, static_argnames=("formulas", "shared"))
def train_networks(
    formulas: Formulas,
    vector: Any,
    slots: tuple[Any, ...],
    data: Data,
    plan: Plan,
    shared: bool,
) -> Run:
    """Make the steps of several networks at once: `train`, with an axis in front of each array.

    Where their inputs are ``shared``, ``data.x`` has no such axis. All make as many steps: with a
    number for each, every step would choose between old and new parameters.
    """
    axes = Data(None if shared else 0, 0, None if data.weight is None else 0)
    plans: Any = Plan(0, 0, 0, 0, 0, None)  # type: ignore[arg-type] # axes instead of arrays
    of_each = jax.vmap(partial(_train, formulas), in_axes=(0, 0, axes, plans))
    run: Run = of_each(vector, slots, data, plan)
    return run


@partial(jax.jit, static_argnames="objective")
def row_sums(
    objective: Objective, vector: Any, data: Data, divisor: Any, before: Any = None
) -> tuple[Any, Any]:
    """Return the sum of w_i l_i of some rows, and the flat gradient of it over a divisor.

    The gradient is a pair: itself plus that of the rows ``before``, and what the sum lost to
    rounding. Source: Kahan (1965), CACM 8, "Further remarks on reducing truncation errors".
    """
    loss, gradients = _sums(objective, *_of_block(objective.network, vector, data), divisor)
    gradient = joined(gradients)
    if before is None:
        return loss, (gradient, jnp.zeros_like(gradient))
    total, lost = before
    gradient = gradient - lost
    after = total + gradient
    return loss, (after, (after - total) - gradient)


@partial(jax.jit, static_argnames="objective")
def loss_sum(objective: Objective, vector: Any, data: Data) -> Any:
    """Return the sum of w_i l_i of some rows."""
    parts, rows = _of_block(objective.network, vector, data)
    xp = namespace(vector)
    tape = objective.network.trace(xp, _layers(objective.network.layout, parts), rows.x)  # type: ignore[arg-type]
    return jnp.sum(objective.row_losses(xp, tape.scores, rows.y, rows.weight))


@partial(jax.jit, static_argnames="formulas")
def penalty_of(formulas: Formulas, vector: Any, strengths: Any) -> Any:
    """Return the penalty of all weights."""
    objective = _at_strengths(formulas.objective, strengths)
    return objective.penalty(namespace(vector), objective.network.parameters(vector))


def _of_block(network: Network, vector: Any, data: Data) -> tuple[tuple[Any, ...], Data]:
    """Return the parts of the parameters, and rows with inputs of their dtype."""
    return split(network.layout.spans, vector), data._replace(x=data.x.astype(vector.dtype))


@partial(jax.jit, static_argnames="network")
def scores_of(network: Network, vector: Any, x: Any) -> Any:
    """Return the scores of some rows."""
    parts = _layers(network.layout, split(network.layout.spans, vector))
    tape = network.trace(namespace(vector), parts, x.astype(vector.dtype))  # type: ignore[arg-type]
    return tape.scores
