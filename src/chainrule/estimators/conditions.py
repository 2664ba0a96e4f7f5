"""Conditions for an option to act: each a test of an estimator, and the words for it."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from chainrule.estimators.ingredients import (
    LBFGS_NAME,
    falls_at_plateaus,
    hidden_widths,
    make_schedule,
    solver_of,
)
from chainrule.formulas.schedules import schedules

__all__ = [
    "COMPILED",
    "FRACTION",
    "HELD_OUT",
    "HIDDEN",
    "HIDDEN_STEPS",
    "INVSCALING",
    "IN_PASSES",
    "LBFGS",
    "MOMENTUM",
    "NAMED_STEPS",
    "NEVER_IN_PASSES",
    "NO_OWN_ROWS",
    "PATIENT",
    "RATE",
    "SHARE_HELD_OUT",
    "STEPS",
    "TOLERANT",
    "Condition",
    "by_name",
]


class Condition(NamedTuple):
    """A condition for an option to act: a test, and the words for it.

    The test takes the estimator, and whether rows to measure on are given to the fit.
    """

    holds: Callable[[Any, bool], bool]
    words: str


def by_name(*names: str) -> Condition:
    """Return the condition that the solver is given by one of these names, not as a record."""
    words = " or ".join(repr(name) for name in names)
    return Condition(
        lambda own, _: isinstance(own.solver, str) and solver_of(own) in names,
        f"with solver={words}, by name",
    )


def _held_out(own: Any, own_rows: bool) -> bool:
    return bool(own_rows or own.early_stopping)


STEPS = Condition(
    lambda own, _: solver_of(own) != LBFGS_NAME, "with a solver that makes steps, not 'lbfgs'"
)
NAMED_STEPS = Condition(
    lambda own, _: isinstance(own.solver, str) and solver_of(own) != LBFGS_NAME,
    "with a solver that makes steps, not 'lbfgs', and is given by name",
)
HIDDEN = Condition(
    lambda own, _: bool(hidden_widths(own.hidden_layer_sizes)), "where there are hidden layers"
)
HIDDEN_STEPS = Condition(
    lambda own, rows: HIDDEN.holds(own, rows) and STEPS.holds(own, rows),
    "on hidden layers, with a solver that makes steps, not 'lbfgs'",
)
INVSCALING = Condition(
    lambda own, rows: (
        isinstance(own.learning_rate, str)
        and schedules.get(own.learning_rate).name == "invscaling"
        and STEPS.holds(own, rows)
    ),
    "with learning_rate='invscaling', by name, and a solver that makes steps",
)
MOMENTUM = Condition(
    lambda own, rows: by_name("sgd").holds(own, rows) and own.momentum > 0.0,
    "with solver='sgd', by name, and a momentum above 0",
)
NO_OWN_ROWS = Condition(
    lambda own, own_rows: not own_rows, "without X_val and y_val, which are held out in its place"
)
SHARE_HELD_OUT = Condition(
    lambda own, own_rows: own.early_stopping and not own_rows,
    "with early_stopping=True, and without X_val and y_val",
)
FRACTION = Condition(
    # 0 and None are common ways to hold no row out
    lambda own, rows: own.validation_fraction in (None, 0) or SHARE_HELD_OUT.holds(own, rows),
    SHARE_HELD_OUT.words,
)
HELD_OUT = Condition(_held_out, "on rows held out: with early_stopping=True, or X_val and y_val")
PATIENT = Condition(
    # infinity asks for what lbfgs does
    lambda own, rows: (
        STEPS.holds(own, rows) or _held_out(own, rows) or own.n_iter_no_change == math.inf
    ),
    "with rows held out, or a solver that makes steps, not 'lbfgs'",
)
TOLERANT = Condition(
    # where no patience ends training, every improvement counts
    lambda own, rows: (
        own.n_iter_no_change != math.inf or solver_of(own) == LBFGS_NAME or own.tol == 0.0
    ),
    "with a finite n_iter_no_change, or solver='lbfgs'",
)
RATE = Condition(
    lambda own, rows: (
        STEPS.holds(own, rows)
        and (own.n_iter_no_change != math.inf or not falls_at_plateaus(make_schedule(own)))
    ),
    "with a solver that makes steps, not 'lbfgs', and 'adaptive' with a finite n_iter_no_change",
)
NEVER_IN_PASSES = Condition(lambda own, _: False, "in fit, and partial_fit makes one pass")
IN_PASSES = Condition(
    lambda own, _: own.n_iter_no_change == math.inf or falls_at_plateaus(make_schedule(own)),
    "in fit, and in partial_fit with learning_rate='adaptive'",
)
COMPILED = Condition(lambda own, _: own.engine != "reference", "in the compiled engine")
LBFGS = by_name(LBFGS_NAME)
