"""Checks of the options of the estimators of tables."""

from typing import Any

from chainrule.estimators.rules import COUNT, FLAG, POSITIVE, one_of, or_none
from chainrule.foundation.errors import must_be, suggest
from chainrule.interop.bins import encodings
from chainrule.tables.members import Estimator
from chainrule.tables.recipes import Preset, presets

__all__ = ["OWNED", "checked_preset"]

# What the bag itself says to its networks.
OWNED = frozenset(
    (
        *("callbacks", "early_stopping", "n_estimators", "n_threads", "random_state"),
        *("time_limit", "validation", "validation_fraction", "verbose", "warm_start"),
    )
)
RULES = {
    "n_folds": or_none(COUNT),
    "n_threads": or_none(COUNT),
    "time_limit": or_none(POSITIVE),
    "verbose": FLAG,
    "validation": one_of("random", "last"),
}


def checked_preset(estimator: Any, kind: type[Estimator]) -> Preset:
    """Refuse options that are not allowed; return the preset."""
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
