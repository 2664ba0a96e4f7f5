"""The options of the estimators of tables: checked before anything is learnt."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from chainrule.estimators.checking import warn_without_effect
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.rules import COUNT, FLAG, OPEN_SHARE, POSITIVE, Rule, is_integer, one_of
from chainrule.estimators.rules import or_none as optional
from chainrule.foundation.callers import level_outside
from chainrule.foundation.errors import NoEffectWarning, must_be, suggest
from chainrule.interop.bins import encodings
from chainrule.tables.folds import Fold
from chainrule.tables.recipes import Preset, presets, recipe_for

__all__ = ["OWNED", "checked_preset", "warn_of_options"]

# What the bag itself says to its networks.
OWNED = frozenset(
    (
        *("callbacks", "early_stopping", "n_estimators", "n_threads", "random_state"),
        *("validation", "validation_fraction", "verbose", "warm_start"),
    )
)
FOLDS = Rule(lambda value: is_integer(value) and value >= 0, "an integer of at least 0")
RULES = {
    "n_folds": optional(FOLDS),
    "n_threads": optional(COUNT),
    "time_limit": optional(POSITIVE),
    "verbose": FLAG,
    "validation": one_of("random", "last"),
    "validation_fraction": OPEN_SHARE,
}


def checked_preset(estimator: Any, kind: type) -> Preset:
    """Refuse options of an estimator of tables that are not what they must be; return its preset.

    ``kind`` is that of its networks.
    """
    for name, rule in RULES.items():
        if not rule.holds(getattr(estimator, name)):
            raise must_be(name, rule.words, getattr(estimator, name))
    if estimator.encoding != "auto":
        encodings.get(estimator.encoding)
    known = kind().get_params()
    for name in estimator.options or {}:
        if name in OWNED:
            advice = "The table estimator has its own, or decides it by the folds."
            raise must_be("options", f"left without {name}", name, advice)
        if name not in known:
            advice = suggest(str(name), list(known))
            raise must_be("options", f"options of {kind.__name__}", name, advice)
    return presets.get(estimator.preset)


def warn_of_options(kind: type, options: Mapping[str, Any], fold: Fold, own_rows: bool) -> None:
    """Warn of each option given that has no effect with the others, those of the recipe included.

    ``own_rows`` says whether rows to validate on are given to the fit.
    """
    train, held = fold
    recipe = recipe_for(len(train), kind is MLPClassifier, options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_without_effect(kind(**recipe), own_rows=own_rows or len(held) > 0)
    for one in caught:
        if str(one.message).partition("=")[0] in options:
            warnings.warn(str(one.message), NoEffectWarning, stacklevel=level_outside())
