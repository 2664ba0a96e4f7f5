"""Short runs on few rows of a table, by which choices are made before it is trained in full."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from chainrule.foundation.seeds import Purpose, stream
from chainrule.tables.bags import train
from chainrule.tables.leaderboard import Trial
from chainrule.tables.members import Job, Member, Work, choose_epochs
from chainrule.tables.recipes import recipe_for

__all__ = ["ShortRuns"]

# Folds, rows, and the share of the epochs. Three folds, 10,000 rows and half of the epochs took
# three times as long, and chose no better on ten tables.
FOLDS, MOST_ROWS, EPOCHS = 2, 4_000, 1 / 6
# On the 442 rows of diabetes a trial took steps, and R2 on test rows fell from 0.46 to 0.30.
FEWEST_ROWS = 1000


@dataclass(frozen=True)
class ShortRuns:
    """The short runs of one fit; what was trained once is not trained again.

    Attributes
    ----------
    work : Work
        The table, and few rows of its first folds.
    obstacle : str
        Why short runs say nothing here; empty where they do.
    """

    work: Work
    obstacle: str = ""
    _made: dict[str, list[Member]] = field(default_factory=dict, repr=False)
    _recipes: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, work: Work) -> Self:
        """Return the short runs on the folds of a fit."""
        if work.table.frame.height < FEWEST_ROWS:
            return cls(work, f"a trial on fewer than {FEWEST_ROWS:,} rows says little")
        tried = [fold for fold in work.folds[:FOLDS] if len(fold[1])]
        if not tried:
            return cls(work, "there are no rows held out to try another on")
        random = stream(work.seed, Purpose.SAMPLE)
        small = [
            (_some(rows, MOST_ROWS, random), _some(held, MOST_ROWS, random)) for rows, held in tried
        ]
        return cls(replace(work, folds=small, validation=None, callbacks=()))

    @property
    def words(self) -> str:
        """Their kind and number, in words."""
        folds = len(self.work.folds)
        return f"short runs on {folds} folds" if folds > 1 else "a short run"

    def members(self, settings: Sequence[tuple[str, Mapping[str, Any]]]) -> list[list[Member]]:
        """Return the networks of each encoding and options in place of the recipe's, by fold."""
        folds = range(len(self.work.folds))
        names = [f"{encoding} {dict(options)}" for encoding, options in settings]
        new = [at for at, name in enumerate(names) if name not in self._made]
        if new:
            jobs = [
                Job(fold, settings[at][0], self._recipe(settings[at][1]), EPOCHS)
                for at in new
                for fold in folds
            ]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the fit itself says what is to be said
                found = [member for member in train(self.work, jobs) if member is not None]
            for number, at in enumerate(new):
                own = found[number * len(folds) : (number + 1) * len(folds)]
                choose_epochs(own)
                self._made[names[at]] = own
        return [self._made[name] for name in names]

    def trial(
        self, encoding: str, told: Mapping[str, Any], members: list[Member], losses: list[float]
    ) -> Trial:
        """Return the row of the leaderboard of a setting, from its losses by fold."""
        seconds = sum(one.estimator.fit_seconds_ for one in members)
        return Trial(encoding, told, len(members), EPOCHS, float(np.mean(losses)), seconds)

    def _recipe(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        # one object for equal options: such networks may train together
        name = str(dict(options))
        if name not in self._recipes:
            rows = len(self.work.folds[0][0])
            self._recipes[name] = recipe_for(rows, self.work.classes, options)
        return self._recipes[name]


def _some(rows: np.ndarray, most: int, random: np.random.Generator) -> np.ndarray:
    """Return at most so many of the rows, in order."""
    if len(rows) <= most:
        return rows
    return np.sort(random.choice(rows, most, replace=False))
