"""What is asked of all options together: that each can be, has an effect, and may still change."""

import warnings
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
    """Return record and value of each option that the estimator takes."""
    known = parameters_of(estimator.__class__)
    return {
        name: (option, getattr(estimator, name))
        for name, option in options_of(estimator.__class__).items()
        if name in known
    }


def check_options(estimator: Any) -> None:
    """Refuse options that cannot be; names of formulas are checked where they are looked up."""
    for name, (option, value) in _options_of(estimator).items():
        # what acts only where rows are held out is set to 0 or None elsewhere in people's code
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
    """Refuse options that ``partial_fit`` cannot follow."""
    for name, (option, value) in _options_of(estimator).items():
        rule = option.pass_rule
        if rule is not None and not rule.holds(value):
            raise must_be(name, f"{rule.words} for partial_fit", value, rule.advice)


def warn_without_effect(
    estimator: Any, *, own_rows: bool = False, groups: bool = False, passes: bool = False
) -> None:
    """Warn of each option that is not at its default, and acts on nothing beside the others.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        With options that `check_options` accepts.
    own_rows : bool
        Whether the rows to measure on are given to this fit.
    groups : bool
        Whether groups of rows are given to it.
    passes : bool
        Whether it is ``partial_fit`` that is called.
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
    """Say whether a value is the default; a list of numbers is, where all of them are."""
    if isinstance(value, list | tuple) and isinstance(default, float):
        return all(number == default for number in value)
    return value is default or bool(np.all(value == default))


def fixed_options(estimator: Any) -> dict[str, Any]:
    """Return what the options that training is built on mean now."""
    return {
        name: option.fixed(estimator)
        for name, (option, _) in _options_of(estimator).items()
        if option.fixed is not None
    }


def check_unchanged(estimator: Any) -> None:
    """Refuse to go on where an option that training is built on means something else by now."""
    begun = getattr(estimator, "_begun", {})
    for name, now in fixed_options(estimator).items():
        if name in begun and now is not begun[name] and now != begun[name]:
            raise InputError(
                f"{name} must stay {shown(begun[name])} once training has begun; got "
                f"{shown(getattr(estimator, name))}. Fit a new estimator, or fit with "
                "warm_start=False."
            )
