"""The loss of numbers that suits a table: with a log link where targets are never negative."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from chainrule.tables.leaderboard import Trial
from chainrule.tables.members import Member, Work
from chainrule.tables.short_runs import ShortRuns

__all__ = ["WITH_LOG_LINK", "LossChoice", "choose_loss", "losses_for"]

# The recipe's, and the one with a log link, by which the effects of columns multiply.
USUAL, WITH_LOG_LINK = "mse", "poisson"
# The recipe's must be better by so much, and by so many standard errors of the difference: in 21 of
# 24 fits of four tables the log link errs less on test rows, by 1.5 % in the mean of bags.
BETTER, BETTER_ON_ONE, STANDARD_ERRORS = 0.01, 0.02, 2.0


@dataclass(frozen=True)
class LossChoice:
    """The losses of numbers to train with.

    Attributes
    ----------
    losses : tuple of str
        Those that suit the targets, the chosen one first; empty where there is no choice.
    reason : str
        The chosen one and why, in words; empty where there is no choice.
    trials : tuple of Trial
        What was tried beside the recipe.
    """

    losses: tuple[str, ...] = ()
    reason: str = ""
    trials: tuple[Trial, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """Options in place of the recipe's."""
        return {"loss": self.losses[0]} if self.losses and self.losses[0] != USUAL else {}


def losses_for(y: np.ndarray, own: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the losses that numbers can be trained with, the recipe's first; none if it is said.

    Both estimate the mean. A log link takes targets that are never negative, and not all 0.

    Examples
    --------
    >>> losses_for(np.array([0.0, 1.0, 9.0]), {}), losses_for(np.array([-1.0, 3.0]), {})
    (('mse', 'poisson'), ())
    >>> losses_for(np.array([3.0]), {"loss": "mae"})
    ()
    """
    if "loss" in own or np.any(y < 0.0) or not np.all(np.any(y > 0.0, axis=0)):
        return ()
    return USUAL, WITH_LOG_LINK


def choose_loss(
    runs: ShortRuns,
    encoding: str,
    options: Mapping[str, Any],
    targets: np.ndarray,
    answers: Callable[[Member, pl.DataFrame], np.ndarray],
) -> LossChoice:
    """Return the losses to train with, that with a log link first unless it is clearly worse.

    Parameters
    ----------
    runs : ShortRuns
        The short runs of the fit.
    encoding : str
        The encoding of numbers.
    options : mapping
        The user's own options.
    targets : ndarray (n,) or (n, n_targets)
        Targets, with the least of all that networks will be trained or validated on.
    answers : callable
        The answers of (member, frame).
    """
    losses = () if runs.work.classes else losses_for(targets, options)
    if not losses:
        return LossChoice()
    if runs.obstacle:
        return LossChoice(losses, f"{USUAL}, {runs.obstacle}")
    told = [{}, {"loss": WITH_LOG_LINK}]
    found = runs.members([(encoding, {**options, **one}) for one in told])
    usual, other = (
        np.concatenate([_squares(runs.work, member, answers) for member in own]) for own in found
    )
    weight = np.concatenate([_weight(runs.work, member) for member in found[0]])
    values = [float(np.average(one, weights=weight)) for one in (usual, other)]
    trials = [
        runs.trial(encoding, one, own, [value])
        for one, own, value in zip(told, found, values, strict=True)
    ]
    better = BETTER if len(runs.work.folds) > 1 else BETTER_ON_ONE
    gain = values[1] - values[0]
    error = float(np.sqrt(np.sum((weight * (other - usual - gain)) ** 2)) / weight.sum())
    unclear = gain <= max(better * values[0], STANDARD_ERRORS * error)
    if unclear:
        losses = losses[::-1]
    figures = f"{WITH_LOG_LINK} {values[1]:.4g}, {USUAL} {values[0]:.4g}"
    clear = ", no clear difference" if unclear and gain > 0.0 else ""
    reason = f"{losses[0]}, squared error of {runs.words}: {figures}{clear}"
    return LossChoice(losses, reason, tuple(trials[1:]))


def _squares(
    work: Work, member: Member, answers: Callable[[Member, pl.DataFrame], np.ndarray]
) -> np.ndarray:
    """Return the squared errors (n,) of the rows that a network holds out."""
    held = work.table.take(member.held)
    errors = (answers(member, held.frame) - held.y).reshape(len(held.y), -1)
    squares: np.ndarray = (errors**2).mean(axis=1)
    return squares


def _weight(work: Work, member: Member) -> np.ndarray:
    weight = work.table.take(member.held).weight
    return np.ones(len(member.held)) if weight is None else weight
