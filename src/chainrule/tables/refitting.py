"""A last fit on all rows: the networks of a fitted bag again, for as many epochs as each kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import polars as pl
from sklearn.utils.validation import check_consistent_length

from chainrule.estimators.base import best_epoch_of
from chainrule.estimators.callbacks import callbacks_of
from chainrule.interop.choosing import NO_CHOICES, Choices
from chainrule.tables.bags import train
from chainrule.tables.checking import OWNED
from chainrule.tables.members import Job, Member, Table, Work

__all__ = ["Refitting", "trained_on_all"]

# Options of a network that its job says again.
SAID = OWNED | {"max_iter", "time_limit", "monitor", "n_iter_no_change"}


class Refitting:
    """A fitted estimator of tables that can be trained on more rows, as it was."""

    members_: list[Member]
    oof_prediction_: np.ndarray
    encoding_: str
    seed_: int
    n_threads: int | None
    choices: Choices | None
    fit_seconds_: float
    frame_of: Callable[[Any], pl.DataFrame]
    encode_targets: Callable[[Any], np.ndarray]
    _weights: Callable[[Any, int], np.ndarray | None]

    def refit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the networks again on all rows, each for as many epochs as it kept.

        For a last fit, when its quality is known: with the rows of the test too. The schedule is
        the same, and so are temperature and errors, which rows held out have taught; there are no
        rows out of fold any more.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; labels must be known.

        Returns
        -------
        self
        """
        frame, targets, began = self.frame_of(X), self.encode_targets(y), time.perf_counter()
        check_consistent_length(np.empty(frame.height), targets)
        weight = self._weights(sample_weight, frame.height)
        table = Table(frame, targets, weight)
        if weight is not None:
            table = table.take(np.flatnonzero(weight))
        self.members_ = trained_on_all(
            self.members_,
            table,
            encoding=self.encoding_,
            seed=self.seed_,
            n_threads=self.n_threads,
            choices=self.choices,
            callbacks=callbacks_of(self),
        )
        self._widen(table.y)
        self.oof_prediction_ = np.full((len(targets), *self.oof_prediction_.shape[1:]), np.nan)
        self.fit_seconds_ += time.perf_counter() - began
        return self

    def _widen(self, y: np.ndarray) -> None:
        """Learn from the targets of more rows."""


def trained_on_all(
    members: Sequence[Member],
    table: Table,
    *,
    encoding: str,
    seed: int,
    n_threads: int | None = None,
    choices: Choices | None = None,
    callbacks: Sequence[Any] = (),
) -> list[Member]:
    """Return networks with the settings of some, trained on all rows of a table.

    Each is trained by the same schedule, and ends where the former one was best; without rows held
    out it could not know.

    Parameters
    ----------
    members : sequence of Member
        The networks, each with the epoch that it kept.
    table : Table
        All rows.
    encoding : str
        The encoding of numbers of networks that do not know theirs.
    seed, n_threads, choices, callbacks
        As of the fit.
    """
    everything = np.arange(table.frame.height), np.arange(0)
    work = Work(
        *(type(members[0].estimator), table, [everything], seed, n_threads),
        choices=choices or NO_CHOICES,
        callbacks=callbacks,
    )
    jobs = []
    for number, one in enumerate(members):
        own = one.estimator.get_params(deep=False)
        total = int(own["max_iter"])
        options = {name: own[name] for name in own if name not in SAID} | {"max_iter": total}
        last = best_epoch_of(one.estimator) or len(one.estimator.loss_curve_) or total
        how = one.encoding or encoding
        jobs.append(Job(0, how, options, setting=number + 1, last=last))
    found = train(work, jobs)
    return [
        replace(one, weight=former.weight, held=np.arange(0))
        for one, former in zip(found, members, strict=True)
        if one is not None
    ]
