"""Checks of all options together: allowed values, values without effect, and fixed options."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.engines.choice import check_engine
from chainrule.estimators.conditions import SHARE_HELD_OUT, Condition
from chainrule.estimators.ingredients import hidden_widths, make_schedule, solver_of
from chainrule.estimators.monitoring import checked_scorer
from chainrule.estimators.option import Option, options_of, parameters_of
from chainrule.formulas.initializers import initializers
from chainrule.foundation.arrays import floating_dtype
from chainrule.foundation.callers import level_outside
from chainrule.foundation.errors import InputError, NoEffectWarning, must_be, shown

__all__ = [
    "check_for_passes",
    "check_options",
    "check_unchanged",
    "fixed_options",
    "warn_without_effect",
]


def _options_of(estimator: Any) -> dict[str, tuple[Option, Any]]:
    """Return the record and the value of each option of the estimator."""
    known = parameters_of(estimator.__class__)
    return {
        name: (option, getattr(estimator, name))
        for name, option in options_of(estimator.__class__).items()
        if name in known
    }


def check_options(estimator: Any) -> None:
    """Refuse values that are not allowed; a catalogue refuses names of formulas."""
    for name, (option, value) in _options_of(estimator).items():
        # code that holds no rows out often sets it to 0 or None
        if name == "validation_fraction" and not estimator.early_stopping:
            continue
        if option.rule is not None and not option.rule.holds(value):
            raise must_be(name, option.rule.words, value)
    if estimator.dtype is not None:
        floating_dtype(estimator.dtype)
    hidden_widths(estimator.hidden_layer_sizes)
    if estimator.initializer is not None:
        initializers.get(estimator.initializer)
    solver_of(estimator)
    make_schedule(estimator)
    check_engine(estimator.engine)
    checked_scorer(estimator.monitor)


def check_for_passes(estimator: Any) -> None:
    """Refuse values that ``partial_fit`` does not accept."""
    for name, (option, value) in _options_of(estimator).items():
        rule = option.pass_rule
        if rule is not None and not rule.holds(value):
            raise must_be(name, f"{rule.words} for partial_fit", value, rule.advice)


def warn_without_effect(
    estimator: Any, *, own_rows: bool = False, groups: bool = False, passes: bool = False
) -> None:
    """Warn of each option that is not at its default and has no effect with the others.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        With options that `check_options` accepts.
    own_rows : bool
        True if rows to measure on are given to this fit.
    groups : bool
        True if groups of rows are given to this fit.
    passes : bool
        True for ``partial_fit``.
    """
    if groups and not SHARE_HELD_OUT.holds(estimator, own_rows):
        _warn("groups", SHARE_HELD_OUT)
    defaults = parameters_of(estimator.__class__)
    for name, (option, value) in _options_of(estimator).items():
        if _same(value, defaults[name].default):
            continue
        for acts in (option.acts, option.in_passes if passes else None):
            if acts is not None and not acts.holds(estimator, own_rows):
                _warn(f"{name}={shown(value)}", acts)
                break


def _warn(what: str, acts: Condition) -> None:
    words = f"{what} has no effect: it acts only {acts.words}."
    warnings.warn(words, NoEffectWarning, stacklevel=level_outside())


def _same(value: Any, default: Any) -> bool:
    """Return whether a value is the default; a list of numbers is, where all of them are."""
    if isinstance(value, list | tuple) and isinstance(default, float):
        return all(number == default for number in value)
    return value is default or bool(np.all(value == default))


def fixed_options(estimator: Any) -> dict[str, Any]:
    """Return the meaning of the options that may not change once training has begun."""
    return {
        name: option.fixed(estimator)
        for name, (option, _) in _options_of(estimator).items()
        if option.fixed is not None
    }


def check_unchanged(estimator: Any, begun: Mapping[str, Any]) -> None:
    """Refuse to go on where a fixed option has another meaning than when training began."""
    for name, now in fixed_options(estimator).items():
        if name in begun and now is not begun[name] and now != begun[name]:
            raise InputError(
                f"{name} must stay {shown(begun[name])} once training has begun; got "
                f"{shown(getattr(estimator, name))}. Fit a new estimator, or fit with "
                "warm_start=False."
            )
