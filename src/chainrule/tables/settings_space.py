"""The settings that a search draws from: a few values per option, near those of the recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.foundation.seeds import Purpose, stream
from chainrule.tables.choosing_loss import WITH_LOG_LINK
from chainrule.tables.recipes import options_for

__all__ = ["Setting", "drawn_settings", "leading_settings"]

WIDTHS = ((64, 32), (128, 64), (256, 128), (256, 256), (128, 64, 32), (256, 128, 64))
WIDE = {"hidden_layer_sizes": (256, 128)}
ACTIVATIONS = ("relu", "silu", "selu")
DROPOUTS = (0.0, 0.05, 0.15, 0.3)
DECAYS = (0.02, 0.1, 0.2, 0.4)
# The rate is drawn between these, evenly on a scale of logarithms.
RATES = (1.5e-3, 1.2e-2)
# Times the rows of a step of the recipe.
BATCHES = (0.5, 1.0, 2.0)
# The share of draws that take the encoding that the trial has found best.
FAVOURITE = 0.6


@dataclass(frozen=True)
class Setting:
    """An encoding of numbers, and options in place of the recipe's."""

    encoding: str
    options: Mapping[str, Any]


def leading_settings(
    encodings: Sequence[str], losses: Sequence[str], own: Mapping[str, Any]
) -> list[Setting]:
    """Return the recipe, and the settings that a search tries before those that are drawn.

    More units do best on some tables, with the rectifier or without; the second encoding is tried
    on more rows than those of the trial.

    Examples
    --------
    >>> recipe, *others = leading_settings(["target", "scale"], ("poisson", "mse"), {})
    >>> recipe.options, others[-1].options
    ({'loss': 'poisson'}, {'loss': 'mse'})
    >>> [one.encoding for one in leading_settings(["target", "scale"], (), {})]
    ['target', 'target', 'scale']
    """
    usual = {"loss": losses[0]} if losses else {}
    wide = WIDE | ({"loss": WITH_LOG_LINK} if losses else {})
    second = encodings[min(1, len(encodings) - 1)]
    found: list[tuple[str, dict[str, Any]]] = [
        (encodings[0], usual),
        (encodings[0], wide | {"activation": "relu"}),
        (second, wide),
        *((encodings[0], {"loss": loss}) for loss in losses[1:]),
    ]
    settings = [Setting(encoding, one | dict(own)) for encoding, one in found]
    return [one for at, one in enumerate(settings) if one not in settings[:at]]


def drawn_settings(
    count: int,
    encodings: Sequence[str],
    rows: int,
    classes: bool,
    own: Mapping[str, Any],
    seed: int,
    *,
    first: int = 0,
    losses: Sequence[str] = (),
) -> list[Setting]:
    """Return settings, each drawn from a stream of its own.

    Parameters
    ----------
    count : int
        The number of settings.
    encodings : sequence of str
        The encodings to draw from, that of the trial first.
    rows : int
        Rows to train on, which the recipe depends on.
    classes : bool
        Whether targets are classes.
    own : mapping
        Options of the user's own, which stand in place of what is drawn.
    seed : int
        Seed of the draws.
    first : int
        The number of the first setting: the same numbers are the same settings.
    losses : sequence of str
        The losses to draw from; empty leaves the recipe's.

    Examples
    --------
    >>> one, = drawn_settings(1, ["target"], 10_000, True, {"dropout": 0.5}, seed=0)
    >>> one.encoding, one.options["dropout"]
    ('target', 0.5)
    """
    recipe = options_for(rows, classes)
    return [
        _drawn(stream(seed, Purpose.SEARCH, number), encodings, recipe, own, losses)
        for number in range(first, first + count)
    ]


def _drawn(
    random: np.random.Generator,
    encodings: Sequence[str],
    recipe: Mapping[str, Any],
    own: Mapping[str, Any],
    losses: Sequence[str],
) -> Setting:
    def one_of(values: Sequence[Any]) -> Any:
        return values[int(random.integers(len(values)))]

    favourite = random.random() < FAVOURITE
    encoding = encodings[0] if favourite else one_of(encodings)
    low, high = np.log(RATES)
    rows = recipe["batch_size"] * one_of(BATCHES)
    options = {
        "hidden_layer_sizes": one_of(WIDTHS),
        "activation": one_of(ACTIVATIONS),
        "dropout": one_of(DROPOUTS),
        "weight_decay": one_of(DECAYS),
        "learning_rate_init": float(f"{np.exp(random.uniform(low, high)):.2g}"),
        "batch_size": max(1, round(rows)),
        "solver": "adamw",
        "alpha": 0.0,
    }
    if losses:
        options["loss"] = one_of(losses)
    if "solver" in own and own["solver"] != "adamw":  # whose rule has no use for these
        del options["weight_decay"]
    return Setting(encoding, options | dict(own))
