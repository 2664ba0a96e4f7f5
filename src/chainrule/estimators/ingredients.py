"""Options by name: widths, solver and schedule."""

import math
from typing import Any

from chainrule.estimators.rules import is_count, is_integer
from chainrule.formulas.optimizers import Optimizer, optimizers
from chainrule.formulas.schedules import Schedule, schedules
from chainrule.foundation.errors import must_be, suggest
from chainrule.foundation.real_numbers import is_real
from chainrule.training.lbfgs import LBFGS

__all__ = ["LBFGS_NAME", "falls_at_plateaus", "hidden_widths", "make_schedule", "solver_of"]

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


def falls_at_plateaus(schedule: Schedule) -> bool:
    """Return whether the rate of a schedule falls where the watched value stops improving."""
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
