"""What the constructor's arguments stand for: each is checked, then turned into a record."""

import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.engines.engine import Engine, Rows, check_engine
from chainrule.formulas.optimizers import Optimizer, optimizers
from chainrule.formulas.schedules import Schedule, schedules
from chainrule.foundation.arrays import floating_dtype
from chainrule.foundation.errors import must_be, suggest
from chainrule.training.lbfgs import LBFGS

__all__ = [
    "check_options",
    "choose_batch_size",
    "hidden_widths",
    "make_optimizer",
    "make_schedule",
    "solver_of",
]

LBFGS_NAME: str = LBFGS["name"]


def _integer(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool | np.bool_)


def _real(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)


def _count(value: Any) -> bool:
    return _integer(value) and value >= 1


def _count_or_infinity(value: Any) -> bool:
    return _count(value) or (_real(value) and value == math.inf)


def _batch(value: Any) -> bool:
    return _count(value) or (isinstance(value, str) and value in ("auto", "noise"))


def _flag(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _verbosity(value: Any) -> bool:
    return _flag(value) or (_integer(value) and value >= 0)


def _positive(value: Any) -> bool:
    return _real(value) and 0.0 < value < math.inf


def _not_negative(value: Any) -> bool:
    return _real(value) and 0.0 <= value < math.inf


def _share(value: Any) -> bool:
    return _real(value) and 0.0 <= value < 1.0


def _open_share(value: Any) -> bool:
    return _real(value) and 0.0 < value < 1.0


def _not_negative_or_none(value: Any) -> bool:
    return value is None or _not_negative(value)


def _count_or_none(value: Any) -> bool:
    return value is None or _count(value)


def _monitor(value: Any) -> bool:
    return isinstance(value, str) and value in ("score", "loss")


RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "alpha": (_not_negative, "a number of at least 0"),
    "batch_size": (_batch, "'auto', 'noise' or a positive integer"),
    "learning_rate_init": (_positive, "a positive number"),
    "power_t": (_not_negative, "a number of at least 0"),
    "max_iter": (_count, "a positive integer"),
    "shuffle": (_flag, "True or False"),
    "tol": (_not_negative, "a number of at least 0"),
    "verbose": (_verbosity, "True, False or an integer of at least 0"),
    "warm_start": (_flag, "True or False"),
    "momentum": (_share, "at least 0 and below 1"),
    "nesterovs_momentum": (_flag, "True or False"),
    "early_stopping": (_flag, "True or False"),
    "validation_fraction": (_open_share, "between 0 and 1, both excluded"),
    "beta_1": (_share, "at least 0 and below 1"),
    "beta_2": (_share, "at least 0 and below 1"),
    "epsilon": (_positive, "a positive number"),
    "n_iter_no_change": (_count_or_infinity, "a positive integer, or infinity"),
    "max_fun": (_count, "a positive integer"),
    "weight_decay": (_not_negative_or_none, "None or a number of at least 0"),
    "n_threads": (_count_or_none, "None or a positive integer"),
    "monitor": (_monitor, "'score' or 'loss'"),
}
# What matters only where rows are held out; scikit-learn's users set it to 0 or None elsewhere.
ONLY_WITH_HELD_OUT_ROWS = ("validation_fraction",)


def check_options(estimator: Any) -> None:
    """Refuse options that cannot be; names of formulas are checked where they are looked up."""
    for name, (right, rule) in RULES.items():
        if name in ONLY_WITH_HELD_OUT_ROWS and not estimator.early_stopping:
            continue
        value = getattr(estimator, name)
        if not right(value):
            raise must_be(name, rule, value)
    if estimator.dtype is not None:
        floating_dtype(estimator.dtype)
    hidden_widths(estimator.hidden_layer_sizes)
    solver_of(estimator)
    make_schedule(estimator)
    check_engine(estimator.engine)


def hidden_widths(sizes: Any) -> list[int]:
    """Return the widths of the hidden layers; an integer is one layer.

    Examples
    --------
    >>> hidden_widths(100), hidden_widths((64, 32)), hidden_widths(())
    ([100], [64, 32], [])
    """
    widths = [sizes] if _integer(sizes) else sizes
    try:
        widths = list(widths)
    except TypeError:
        widths = [None]
    for width in widths:
        if not _count(width):
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
    known = [*optimizers, LBFGS_NAME]
    if solver != LBFGS_NAME and solver not in optimizers:
        advice = suggest(str(solver), known)
        raise must_be("solver", f"one of {', '.join(known)}, or an optimizer", solver, advice)
    return LBFGS_NAME if solver == LBFGS_NAME else optimizers[solver].name


def make_optimizer(estimator: Any) -> Optimizer:
    """Return the optimizer that the solver and its own options name."""
    if isinstance(estimator.solver, Optimizer):
        return estimator.solver
    name = solver_of(estimator)
    options: dict[str, Any] = {}
    if name == "sgd":
        nesterov = bool(estimator.nesterovs_momentum and estimator.momentum > 0.0)
        options = {"momentum": float(estimator.momentum), "nesterov": nesterov}
    elif name in ("adam", "adamw"):
        options = {"beta_1": float(estimator.beta_1), "beta_2": float(estimator.beta_2)}
    if name in ("adam", "adamw", "rmsprop"):
        options["epsilon"] = float(estimator.epsilon)
    if estimator.weight_decay is not None:
        options["weight_decay"] = float(estimator.weight_decay)
    # L-BFGS asks its engine for gradients only, never for a step.
    return optimizers.get("sgd" if name == LBFGS_NAME else name, **options)


def choose_batch_size(estimator: Any, engine: Engine, rows: Rows) -> tuple[int, str | None]:
    """Return the rows per step, and why where they were measured; a choice made is kept."""
    if estimator.batch_size == "auto":
        return min(200, len(rows)), None
    if estimator.batch_size != "noise":
        return int(estimator.batch_size), None
    if estimator.batch_size_reason_ is not None:
        return estimator.batch_size_, estimator.batch_size_reason_
    from chainrule.insight.noise_choice import noise_batch_size

    state, rate = estimator._state, float(estimator.learning_rate_init)
    return noise_batch_size(engine, rows, state.vector, learning_rate=rate, seed=state.seed)


def make_schedule(estimator: Any) -> Schedule:
    """Return the schedule that ``learning_rate`` and its own options name."""
    choice = schedules.get(estimator.learning_rate)
    if isinstance(estimator.learning_rate, str) and choice.name == "invscaling":
        return schedules.get(choice, power=float(estimator.power_t))
    return choice
