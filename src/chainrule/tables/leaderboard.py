"""The settings that a fit has tried, best first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chainrule.foundation.short_numbers import share, short
from chainrule.foundation.showing import Shown
from chainrule.insight.text_table import text_table

__all__ = ["Leaderboard", "Trial", "words_of"]

# Names of options, and the words that a row of the table has for them.
WORDS = {
    "loss": "{}",
    "hidden_layer_sizes": "{}",
    "activation": "{}",
    "dropout": "dropout {:g}",
    "weight_decay": "decay {:g}",
    "learning_rate_init": "rate {:g}",
    "batch_size": "batch {}",
}


@dataclass(frozen=True)
class Trial:
    """One setting, and how well networks with it did on rows held out.

    Attributes
    ----------
    encoding : str
        The encoding of numbers.
    options : mapping
        The options in place of the recipe's.
    folds : int
        The folds it was tried on.
    epochs : float
        The share of the epochs that were made.
    loss : float
        The mean of the least losses on the rows held out.
    seconds : float
        The sum of the networks' times.
    weight : float
        The share of the setting in the answer; 0 where it is not in it.
    """

    encoding: str
    options: Mapping[str, Any]
    folds: int
    epochs: float
    loss: float
    seconds: float
    weight: float = 0.0


@dataclass(frozen=True, eq=False, repr=False)
class Leaderboard(Shown):
    """All trials: settings in the answer first, then those that were tried the longest.

    Attributes
    ----------
    trials : tuple of Trial
        Best first.

    Examples
    --------
    >>> wide = {"hidden_layer_sizes": (256, 128)}
    >>> print(Leaderboard.of([Trial("scale", {}, 1, 0.3, 0.52, 0.7),
    ...                       Trial("target", wide, 5, 1.0, 0.41, 9.1, weight=1.0)]))
    share  held-out loss  folds  epochs  seconds  numbers  setting
    100 %           0.41      5   100 %      9.1  target   256-128
      0 %           0.52      1    30 %      0.7  scale    recipe
    """

    trials: tuple[Trial, ...]

    @classmethod
    def of(cls, trials: list[Trial]) -> Leaderboard:
        """Return the leaderboard of trials in any order."""
        return cls(tuple(sorted(trials, key=_place)))

    def __str__(self) -> str:
        head = ("share", "held-out loss", "folds", "epochs", "seconds", "numbers", "setting")
        rows = [
            (
                share(one.weight),
                short(one.loss, 4),
                str(one.folds),
                share(one.epochs),
                short(one.seconds),
                one.encoding,
                words_of(one.options),
            )
            for one in self.trials
        ]
        return text_table(head, rows, left=("numbers", "setting"))

    def __len__(self) -> int:
        return len(self.trials)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return one dictionary per trial, as ``polars.DataFrame`` and ``pandas.DataFrame`` take.

        Options stand in it by their words.
        """
        return [asdict(one) | {"options": words_of(one.options)} for one in self.trials]


def _place(trial: Trial) -> tuple[float, ...]:
    loss = trial.loss if math.isfinite(trial.loss) else math.inf
    return (-trial.weight, -trial.folds * trial.epochs, loss)


def words_of(options: Mapping[str, Any]) -> str:
    """Return options in a few words.

    Examples
    --------
    >>> words_of({"hidden_layer_sizes": (64, 32), "activation": "silu", "dropout": 0.1})
    '64-32, silu, dropout 0.1'
    """
    parts = []
    for name, value in options.items():
        if name in WORDS:
            if name == "hidden_layer_sizes":
                value = "-".join(map(str, value)) if isinstance(value, tuple | list) else value
            if value is not None:
                parts.append(WORDS[name].format(value))
    return ", ".join(parts) or "recipe"
