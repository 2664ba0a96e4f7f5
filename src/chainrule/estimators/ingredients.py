"""What the options name: widths, optimizer, schedule and batch size, as the records that train."""

import math
from typing import Any

from chainrule.engines.engine import Engine, Rows
from chainrule.estimators.rules import is_count, is_integer
from chainrule.formulas.loss import Loss, losses
from chainrule.formulas.optimizers import Optimizer, optimizers
from chainrule.formulas.schedules import Schedule, schedules
from chainrule.foundation.errors import must_be, suggest
from chainrule.foundation.real_numbers import is_real
from chainrule.model.network import Network
from chainrule.model.objective import Objective
from chainrule.training.lbfgs import LBFGS
from chainrule.training.noise_choice import noise_batch_size
from chainrule.training.state import TrainingState

__all__ = [
    "LBFGS_NAME",
    "choose_batch_size",
    "falls_at_plateaus",
    "hidden_widths",
    "loss_in_units",
    "make_objective",
    "make_optimizer",
    "make_schedule",
    "solver_of",
    "start_state",
]

LBFGS_NAME: str = LBFGS["name"]


def hidden_widths(sizes: Any) -> list[int]:
    """Return the widths of the hidden layers; an integer is one layer.

    Examples
    --------
    >>> hidden_widths(100), hidden_widths((64, 32)), hidden_widths(())
    ([100], [64, 32], [])
    """
    widths = [sizes] if is_integer(sizes) or isinstance(sizes, bytes) else sizes
    try:
        widths = list(widths)
    except TypeError:
        widths = [None]
    for width in widths:
        if not is_count(width):
            raise must_be(
                "hidden_layer_sizes",
                "a positive integer, or a sequence of them",
                sizes,
                "Name one width per hidden layer, as in (128, 64); () is a network without.",
            )
    return [int(width) for width in widths]


def solver_of(estimator: Any) -> str:
    """Return the name of the solver: an optimizer's, or ``"lbfgs"``."""
    solver = estimator.solver
    if isinstance(solver, Optimizer):
        return solver.name
    if isinstance(solver, str) and solver == LBFGS_NAME:
        return LBFGS_NAME
    if solver not in optimizers:
        known = [*optimizers, LBFGS_NAME]
        advice = suggest(solver, known) if isinstance(solver, str) else ""
        raise must_be("solver", f"one of {', '.join(known)}, or an optimizer", solver, advice)
    return optimizers[solver].name


def loss_in_units(estimator: Any) -> Loss:
    """Return the loss in the unit of y, where training takes another on standardised targets."""
    scale = getattr(estimator, "target_scale_", None)
    loss: Loss = estimator.objective_.loss if scale is None else losses.get(estimator.loss)
    return loss


def make_objective(estimator: Any, network: Network, loss: Loss) -> Objective:
    """Return what training makes small: the loss of a network, with all that is asked for."""
    hidden = len(network.layers) > 1
    return Objective.with_strengths(
        network,
        loss,
        l2=float(estimator.alpha),
        l1=float(estimator.l1),
        dropout=estimator.dropout if hidden else 0.0,
    )


def make_optimizer(estimator: Any) -> Optimizer:
    """Return the optimizer that the solver and its own options name."""
    if isinstance(estimator.solver, Optimizer):
        return estimator.solver
    name = solver_of(estimator)
    if name == LBFGS_NAME:  # it asks its engine for gradients only, never for a step
        return optimizers["sgd"]
    options: dict[str, Any] = {"averaging": float(estimator.averaging)}
    if name == "sgd":
        nesterov = bool(estimator.nesterovs_momentum and estimator.momentum > 0.0)
        options |= {"momentum": float(estimator.momentum), "nesterov": nesterov}
    elif name in ("adam", "adamw"):
        options |= {"beta_1": float(estimator.beta_1), "beta_2": float(estimator.beta_2)}
    if name in ("adam", "adamw", "rmsprop"):
        options["epsilon"] = float(estimator.epsilon)
    if estimator.clip_norm is not None:
        options["clip_norm"] = float(estimator.clip_norm)
    if estimator.weight_decay is not None:
        options["weight_decay"] = float(estimator.weight_decay)
    return optimizers.get(name, **options)


def start_state(estimator: Any, network: Network, **start: Any) -> TrainingState:
    """Return the state before the first step of the solver."""
    state = TrainingState.start(network, make_optimizer(estimator), **start)
    if solver_of(estimator) == LBFGS_NAME:
        state.slots, state.optimizer = (), dict(LBFGS)
    return state


def choose_batch_size(estimator: Any, engine: Engine, rows: Rows) -> tuple[int, str | None]:
    """Return the rows per step, and why where they were measured; a choice made is kept."""
    if estimator.batch_size == "auto":
        return min(200, len(rows)), None
    if estimator.batch_size != "noise":
        return min(int(estimator.batch_size), len(rows)), None
    if estimator.batch_size_reason_ is not None:
        return estimator.batch_size_, estimator.batch_size_reason_
    state, rate = estimator._state, float(estimator.learning_rate_init)
    return noise_batch_size(engine, rows, state.vector, learning_rate=rate, seed=state.seed)


def falls_at_plateaus(schedule: Schedule) -> bool:
    """Say whether the rate of a schedule falls where the watched value no longer gets better."""
    return schedule.after_plateau(math.inf) is not None


def make_schedule(estimator: Any) -> Schedule:
    """Return the schedule that ``learning_rate`` and its own options name."""
    asked = estimator.learning_rate
    if not isinstance(asked, str | Schedule):
        rule = f"a schedule ({', '.join(schedules)})"
        advice = f"The rate itself is learning_rate_init{f'={asked}' if is_real(asked) else ''}."
        raise must_be("learning_rate", rule, asked, advice)
    choice = schedules.get(asked)
    if isinstance(asked, str) and choice.name == "invscaling":
        return schedules.get(choice, power=float(estimator.power_t))
    return choice
