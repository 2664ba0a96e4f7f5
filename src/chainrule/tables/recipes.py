"""The options of networks of tables: by preset, by task and by the number of rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from chainrule.estimators.ingredients import LBFGS_NAME
from chainrule.foundation.catalogue import Catalogue

__all__ = ["BATCHES", "WIDTHS", "Preset", "by_rows", "options_for", "presets", "recipe_for"]

# (rows below, rows of a step) and (rows below, epochs); small tables of classes pay for more.
BATCHES = ((5_000, 32), (20_000, 128), (200_000, 256), (1_000_000, 512), (math.inf, 1024))
EPOCHS = ((20_000, 60), (200_000, 30), (1_000_000, 15), (math.inf, 8))
EPOCHS_OF_CLASSES = ((5_000, 90), *EPOCHS)
FOLDS = ((20_000, 8), (math.inf, 5))
WIDTHS = (128, 64)
# The rate that other solvers start from.
RATES = {"sgd": 0.02, "rmsprop": 1e-3}
# Their L2 penalty.
L2 = 1e-3
# Options of the recipe that mean nothing to L-BFGS, and its iterations.
OF_STEPS = (
    *("learning_rate", "learning_rate_init", "weight_decay", "averaging", "batch_size"),
    *("dropout", "max_iter"),
)
ITERATIONS = 500


@dataclass(frozen=True)
class Preset:
    """The amount of computation spent on a table."""

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    n_folds: ClassVar[int]
    searches: ClassVar[bool] = False

    def folds_for(self, rows: int) -> int:
        """Return the number of folds of so many rows."""
        return self.n_folds


presets: Catalogue[Preset] = Catalogue("preset", Preset)


class Fast(Preset):
    """One network, validated on 15 % of the rows."""

    name = "fast"
    n_folds = 1


class Balanced(Preset):
    """Five networks, each validated on a fifth of its own."""

    name = "balanced"
    n_folds = 5


class Best(Preset):
    """A search for settings on eight folds, or five of many rows; the best answer together."""

    name = "best"
    n_folds = 8
    searches = True

    def folds_for(self, rows: int) -> int:
        """Return fewer folds of many rows, where time for another setting is worth more."""
        return by_rows(FOLDS, rows)


for _preset in (Fast(), Balanced(), Best()):
    presets.add(_preset)


def options_for(rows: int, classes: bool) -> dict[str, Any]:
    """Return the options of a network that is trained on so many rows.

    SiLU, decoupled decay and an average of the steps, which is what is measured and kept; for
    classes dropout, for numbers a higher rate and more decay.

    Source: measured on ten tables, docs/tables.md.
    """
    options: dict[str, Any] = {
        "hidden_layer_sizes": WIDTHS,
        "activation": "silu",
        "initializer": None,
        "solver": "adamw",
        "learning_rate": "one_cycle",
        "learning_rate_init": 8e-3,
        "alpha": 0.0,
        "weight_decay": 0.2,
        "averaging": 0.99,
        "batch_size": min(rows, by_rows(BATCHES, rows)),
        "max_iter": by_rows(EPOCHS_OF_CLASSES if classes else EPOCHS, rows),
        "n_iter_no_change": math.inf,
        "dtype": "float32",
        "monitor": "loss",
    }
    if classes:
        options |= {"learning_rate_init": 3e-3, "weight_decay": 0.1, "dropout": 0.15}
    return options


def recipe_for(rows: int, classes: bool, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a network: those given, and what the recipe says beside them.

    Another solver has a rate of its own, and an L2 penalty in place of the decay.

    Examples
    --------
    >>> found = recipe_for(1000, True, {"solver": "sgd"})
    >>> found["learning_rate_init"], "weight_decay" in found
    (0.02, False)
    """
    options = options_for(rows, classes)
    solver = own.get("solver", options["solver"])
    if solver != options["solver"]:
        options["alpha"] = L2
    if solver == LBFGS_NAME:
        options = {name: options[name] for name in options if name not in OF_STEPS}
        options["max_iter"] = ITERATIONS
    elif solver != options["solver"]:
        options["learning_rate_init"] = RATES.get(solver, options["learning_rate_init"])
        del options["weight_decay"]
    return options | dict(own)


def by_rows(table: tuple[tuple[float, int], ...], rows: int) -> int:
    """Return the number that a table of (rows below, number) has for so many rows.

    Examples
    --------
    >>> by_rows(BATCHES, 4_999), by_rows(BATCHES, 5_000)
    (32, 128)
    """
    return next(number for limit, number in table if rows < limit)
