"""The choices that short runs make for a table before it is trained in full."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from chainrule.tables.choosing_encoding import EncodingChoice, choose_encoding
from chainrule.tables.choosing_loss import LossChoice, choose_loss
from chainrule.tables.leaderboard import Trial
from chainrule.tables.members import Member, Work
from chainrule.tables.short_runs import ShortRuns

__all__ = ["Chosen", "choose"]


@dataclass(frozen=True)
class Chosen:
    """The encoding of numbers and the loss, each with its reason."""

    encoding: EncodingChoice
    loss: LossChoice

    @property
    def trials(self) -> list[Trial]:
        """The short runs."""
        return [*self.encoding.trials, *self.loss.trials]

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of a fitted estimator that tell of them."""
        return {
            "encoding_": self.encoding.encoding,
            "encoding_reason_": self.encoding.reason,
            "loss_reason_": self.loss.reason,
        }

    def __str__(self) -> str:
        of_loss = f"\nloss: {self.loss.reason}" if self.loss.reason else ""
        return f"encoding of numbers: {self.encoding.encoding}, {self.encoding.reason}{of_loss}"


def choose(
    work: Work,
    encoding: str,
    options: Mapping[str, Any],
    targets: np.ndarray,
    answers: Callable[[Member, pl.DataFrame], np.ndarray],
) -> Chosen:
    """Return the choices of short runs, of what is not asked for.

    Parameters
    ----------
    work : Work
        The table and its folds.
    encoding : str
        The encoding of numbers that is asked for, or ``"auto"``.
    options : mapping
        The user's own options.
    targets : ndarray (n,) or (n, n_targets)
        Targets, with the least of all that networks will be trained or validated on.
    answers : callable
        The answers of (member, frame).
    """
    runs = ShortRuns.of(work)
    found = EncodingChoice(encoding, "as asked for")
    if encoding == "auto":
        found = choose_encoding(runs, options)
    return Chosen(found, choose_loss(runs, found.encoding, options, targets, answers))
