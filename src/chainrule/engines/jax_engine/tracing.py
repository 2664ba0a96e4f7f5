"""The check that JAX can compile the formulas of an objective and an optimizer."""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from chainrule.formulas.optimizers import Optimizer
from chainrule.formulas.penalties import Penalty
from chainrule.foundation.arrays import namespace
from chainrule.model.objective import Objective

__all__ = ["has_price", "takes_strengths", "untraceable"]


def untraceable(objective: Objective, optimizer: Optimizer) -> str | None:
    """Return which formula cannot be compiled, and why, in a sentence; None where all can."""
    for record, formula, arrays in _formulas(objective, optimizer):
        try:
            jax.eval_shape(formula, *arrays)
        except Exception as error:  # whatever a user-defined formula raises
            said = str(error).strip().partition("\n")[0]
            return (
                f"JAX cannot compile the formula of {record.name!r} ({type(error).__name__}: "
                f"{said}). Write it with the functions of xp alone, without float() and if."
            )
    return None


def _formulas(
    objective: Objective, optimizer: Optimizer
) -> Iterator[tuple[Any, Callable[..., Any], tuple[Any, ...]]]:
    """Yield each record, a call of all its formulas, and the shapes that they are asked for."""
    xp = namespace(jnp.zeros(0))

    def of_shape(*shape: int) -> Any:
        return jax.ShapeDtypeStruct(shape, jnp.float32)  # type: ignore[no-untyped-call]

    network, loss = objective.network, objective.loss
    for layer in dict.fromkeys(network.layers):
        z = of_shape(2, layer.n_out)
        activation = layer.activation
        yield activation, lambda z, f=activation: (f.value(xp, z), f.pullback(xp, z, z, z)), (z,)
    scores = of_shape(2, network.n_out)
    both = (scores, scores)
    yield loss, lambda s, y: (loss.rows(xp, s, y), loss.rows_gradient(xp, s, y)), both
    part = of_shape(2)
    for penalty in objective.penalties:
        yield penalty, lambda w, f=penalty: f.gradient(xp, w), (part,)
    numbers = optimizer.numbers(optimizer.learning_rate, 1)
    memory = (part,) * len(optimizer.memory)
    yield optimizer, lambda *arrays: optimizer.update(xp, numbers, *arrays), (part, part, *memory)


def takes_strengths(objective: Objective) -> bool:
    """Return whether the penalties can be compiled once for strengths of any size."""
    return _can_be_traced(objective, "gradient") and _can_be_traced(objective, "value")


def has_price(objective: Objective) -> bool:
    """Return whether the penalties' values can be compiled, as their gradients can."""
    return _can_be_traced(objective, "value", of_any_strength=False)


def _can_be_traced(objective: Objective, formula: str, of_any_strength: bool = True) -> bool:
    xp, part = namespace(jnp.zeros(0)), jax.ShapeDtypeStruct((2,), jnp.float32)  # type: ignore[no-untyped-call]

    def traced(penalty: Penalty, w: Any, strength: Any) -> Any:
        priced = copy.copy(penalty)
        if of_any_strength:
            object.__setattr__(priced, "strength", strength)  # no check of a traced number
        return getattr(priced, formula)(xp, w)

    number = jax.ShapeDtypeStruct((), jnp.float32)  # type: ignore[no-untyped-call]
    try:
        for penalty in objective.penalties:
            jax.eval_shape(partial(traced, penalty), part, number)
    except Exception:  # whatever a user-defined formula raises
        return False
    return True
