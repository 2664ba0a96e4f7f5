"""The functions that JAX compiles: training steps, loss and gradient of rows, and scores.

They hold no formula: layers, losses, penalties and rules are the records of the package, called
with `jax.numpy`. A program is compiled once for an objective, an optimizer and the shapes of its
arrays, whatever the number of steps, and is used by every engine and fit that needs the same.
"""

import copy
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from chainrule.engines.jax_engine.sparse_rows import SparseRows
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.arrays import namespace
from chainrule.model.dropout import step_masks
from chainrule.model.network import Network
from chainrule.model.objective import Objective
from chainrule.model.parameters import Layout

__all__ = ["Data", "Plan", "Run", "row_sums", "scores_of", "train", "train_networks"]


# Outputs of a layer whose weight gradient is computed as its transpose.
NARROW = 4


class Data(NamedTuple):
    """Rows on the device: inputs in their own dtype, targets, and sample weights if any."""

    x: Any
    y: Any
    weight: Any


class Plan(NamedTuple):
    """The steps of a call: ``steps`` of those that the arrays have room for.

    ``order`` (room, batch) holds row numbers, ``counts`` (room,) how many of a batch are real,
    ``constants`` (room, rate factors, numbers of the rule, the rate first), and ``keys`` (room,
    layers, 2) the keys of dropout; ``strengths`` are those of the penalties, in their order.
    """

    order: Any
    counts: Any
    constants: Any
    keys: Any
    strengths: Any
    steps: Any
    limit: Any


class Run(NamedTuple):
    """The results of a call: parameters, memory of the rule, and losses of its steps."""

    vector: Any
    slots: tuple[Any, ...]
    losses: Any
    weights: Any
    made: Any
    last_loss: Any


class _Parts(NamedTuple):
    """Parameters layer by layer; None for a layer without a bias."""

    weights: tuple[Any, ...]
    biases: tuple[Any, ...]


def _split(layout: Layout, vector: Any) -> tuple[Any, ...]:
    """Return the spans of a flat vector as arrays of their own."""
    return tuple(jnp.reshape(vector[span.at], span.shape) for span in layout.spans)


def _joined(parts: tuple[Any, ...]) -> Any:
    return jnp.concatenate([jnp.reshape(part, (-1,)) for part in parts])


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
            # the same sums; XLA would copy the transpose of x
            dweight = (dz.T @ layer.x).T
        gradients += [dweight] if dbias is None else [dbias, dweight]
    return jnp.sum(losses), tuple(gradients[::-1])


def _updated(
    objective: Objective,
    optimizer: Optimizer,
    constants: Any,
    parts: tuple[Any, ...],
    slots: tuple[tuple[Any, ...], ...],
    gradients: tuple[Any, ...],
) -> tuple[tuple[Any, ...], tuple[tuple[Any, ...], ...]]:
    """Return parameters and memory after a step: penalties, clipping, decay and rule."""
    xp = namespace(parts[0])
    layout = objective.network.layout
    priced = [
        objective.with_penalties_of(xp, span, part, gradient)
        for span, part, gradient in zip(layout.spans, parts, gradients, strict=True)
    ]
    if optimizer.clip_norm is not None:
        factor = optimizer.clipping(xp, _joined(tuple(priced)))
        priced = [factor * gradient for gradient in priced]
    after = []
    for number, (span, part, gradient) in enumerate(zip(layout.spans, parts, priced, strict=True)):
        row = constants[layout.distinct_rate_factors.index(span.rate_factor)]
        if optimizer.weight_decay > 0.0 and span.decays:
            part = part * (1.0 - row[0] * optimizer.weight_decay)
        numbers = tuple(row[1 + place] for place in range(row.shape[0] - 1))
        memory = (slot[number] for slot in slots)
        after.append(optimizer.update(xp, numbers, part, gradient, *memory))
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


def _train(
    objective: Objective,
    optimizer: Optimizer,
    vector: Any,
    slots: tuple[Any, ...],
    data: Data,
    plan: Plan,
) -> Run:
    objective = _at_strengths(objective, plan.strengths)
    layout, dtype = objective.network.layout, vector.dtype
    widths = [layer.n_out for layer in objective.network.layers[:-1]]
    room, batch = plan.order.shape
    xp = namespace(vector)

    def is_on(state: Any) -> Any:
        return (state[0] < plan.steps) & state[1]

    def step(state: Any) -> Any:
        at, _, parts, memory, losses, weights, last = state
        index, count = plan.order[at], plan.counts[at].astype(dtype)
        weight = jnp.ones(batch, dtype) if data.weight is None else data.weight[index]
        weight = jnp.where(jnp.arange(batch) < plan.counts[at], weight, 0.0)
        rows = Data(_rows(data.x, index, dtype), data.y[index], weight)
        rates = objective.dropout
        masks = step_masks(xp, plan.keys[at], batch, rates, widths) if rates else ()
        loss, gradients = _sums(objective, parts, rows, count, masks)
        weighs = jnp.sum(weight)
        counts = weighs > 0.0
        mean = loss / count
        is_good = mean <= plan.limit
        moves = is_good & counts
        # no choice between numbers: that would copy the memory of rules of large layers
        parts, memory = jax.lax.cond(
            moves,
            lambda: _updated(objective, optimizer, plan.constants[at], parts, memory, gradients),
            lambda: (parts, memory),
        )
        goes_on = is_good | ~counts
        return (
            at + goes_on,
            goes_on,
            parts,
            memory,
            losses.at[at].set(jnp.where(moves, loss, 0.0)),
            weights.at[at].set(jnp.where(moves, weighs, 0.0)),
            jnp.where(counts, mean, last),
        )

    state = (
        jnp.int32(0),
        jnp.bool_(True),
        _split(layout, vector),
        tuple(_split(layout, slot) for slot in slots),
        jnp.zeros(room, dtype),
        jnp.zeros(room, dtype),
        jnp.asarray(jnp.nan, dtype),
    )
    made, _, parts, memory, losses, weights, last = jax.lax.while_loop(is_on, step, state)
    return Run(_joined(parts), tuple(map(_joined, memory)), losses, weights, made, last)


FIXED, WRITTEN = ("objective", "optimizer"), ("vector", "slots")


@partial(jax.jit, static_argnames=FIXED, donate_argnames=WRITTEN)
def train(
    objective: Objective,
    optimizer: Optimizer,
    vector: Any,
    slots: tuple[Any, ...],
    data: Data,
    plan: Plan,
) -> Run:
    """Make optimizer steps until they are all made, or a batch is as bad as `Engine.epoch` says.

    All batches have the same shape: a short one is filled up with copies of its first row, of
    weight 0. The number of steps is not a shape, so it never asks for another program.
    """
    return _train(objective, optimizer, vector, slots, data, plan)


@partial(jax.jit, static_argnames=(*FIXED, "shared"), donate_argnames=WRITTEN)
def train_networks(
    objective: Objective,
    optimizer: Optimizer,
    vector: Any,
    slots: tuple[Any, ...],
    data: Data,
    plan: Plan,
    shared: bool,
) -> Run:
    """Make the steps of several networks at once: `train`, with an axis in front of each array.

    Where their inputs are ``shared``, ``data.x`` has no such axis.
    """
    axes = Data(None if shared else 0, 0, None if data.weight is None else 0)
    of_each = jax.vmap(partial(_train, objective, optimizer), in_axes=(0, 0, axes, 0))
    run: Run = of_each(vector, slots, data, plan)
    return run


@partial(jax.jit, static_argnames="objective")
def row_sums(objective: Objective, vector: Any, data: Data, divisor: Any) -> tuple[Any, Any]:
    """Return the sum of w_i l_i of some rows, and the flat gradient of it over a divisor."""
    rows = data._replace(x=data.x.astype(vector.dtype))
    loss, gradients = _sums(objective, _split(objective.network.layout, vector), rows, divisor)
    return loss, _joined(gradients)


@partial(jax.jit, static_argnames="network")
def scores_of(network: Network, vector: Any, x: Any) -> Any:
    """Return the scores of some rows."""
    parts = _layers(network.layout, _split(network.layout, vector))
    tape = network.trace(namespace(vector), parts, x.astype(vector.dtype))  # type: ignore[arg-type]
    return tape.scores
