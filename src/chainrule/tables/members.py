"""The networks of a bag: each with the preparation of its own training rows."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from chainrule.estimators.base import best_epoch_of
from chainrule.estimators.callbacks import Callback
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.regressor import MLPRegressor
from chainrule.foundation.showing import Shown
from chainrule.foundation.wording import counted
from chainrule.interop.cells import nothing
from chainrule.interop.choosing import NO_CHOICES, Choices
from chainrule.interop.preparation import Preparation
from chainrule.tables.checkpoints import TableCheckpoints
from chainrule.tables.epochs import keep_unseen
from chainrule.tables.folds import Fold

__all__ = [
    "Estimator",
    "Job",
    "Member",
    "Table",
    "Work",
    "choose_epochs",
    "weighted",
]

Estimator: TypeAlias = MLPClassifier | MLPRegressor


@dataclass(frozen=True)
class Table:
    """The rows to learn from: inputs as they are, targets as labels or numbers."""

    frame: pl.DataFrame
    y: np.ndarray
    weight: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Table:
        weight = None if self.weight is None else self.weight[rows]
        return Table(self.frame[rows], self.y[rows], weight)


@dataclass(frozen=True, eq=False, repr=False)
class Member(Shown):
    """One network, with what it does to a table first.

    Attributes
    ----------
    preparation : Preparation
        Learnt from the rows that the network was trained on.
    estimator : MLPClassifier or MLPRegressor
        Fitted.
    held : ndarray of int
        The rows of the training table, from 0, that it was validated on and not trained on; empty
        where it had none, or validated on rows of another table.
    weight : float
        Its share in the answer, of sum 1 over all networks.
    encoding : str
        The encoding of numbers; empty where it is not recorded.
    snapshots : dict
        Trained vectors by epoch, until its epoch is chosen.
    """

    preparation: Preparation
    estimator: Estimator
    held: np.ndarray = field(default_factory=lambda: np.arange(0))
    weight: float = 1.0
    encoding: str = ""
    snapshots: dict[int, np.ndarray] = field(default_factory=dict)

    def __str__(self) -> str:
        widths = self.estimator.network_.layout.arrows
        return f"network {widths} of a table of {counted(len(self.preparation.columns), 'column')}"

    def inputs(self, frame: pl.DataFrame, tell: Callable[[str], None] = nothing) -> np.ndarray:
        """Return what the network sees of a table."""
        return self.preparation.transform(frame, tell=tell)

    def answers(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities (n, n_classes), or numbers (n,) or (n, n_targets), of its inputs."""
        if isinstance(self.estimator, MLPClassifier):
            return self.estimator.predict_proba(X)
        found: np.ndarray = self.estimator.predict(X)
        return found

    @property
    def held_out_loss(self) -> float:
        """The loss on the rows that the network was validated on; infinite without them."""
        epoch = best_epoch_of(self.estimator)
        losses = self.estimator.validation_loss_curve_
        return math.inf if epoch is None or not losses else losses[epoch - 1]

    @property
    def complete(self) -> bool:
        """True unless a deadline, a callback or Ctrl-C cut the training short."""
        return self.estimator.stopped_because_ not in ("callback", "interrupted", "time_limit")


@dataclass(frozen=True)
class Job:
    """One network to train.

    Attributes
    ----------
    fold : int
        The number of the fold, from 0.
    encoding : str
        The encoding of numbers.
    options : mapping
        Options in place of the recipe's.
    epochs : float
        The share of the epochs that are made.
    setting : int
        A counter that gives networks of one fold seeds of their own.
    last : int, optional
        The epoch that training ends with, though the schedule goes on.
    """

    fold: int
    encoding: str
    options: Mapping[str, Any]
    epochs: float = 1.0
    setting: int = 0
    last: int | None = None


@dataclass(frozen=True)
class Work:
    """The task that the networks of one fit share.

    Attributes
    ----------
    kind : type
        `MLPClassifier` or `MLPRegressor`.
    table : Table
        All rows.
    folds : list of Fold
        The rows to train on and those held out, per fold.
    seed : int
        Seed of every random choice.
    n_threads : int, optional
        Most threads; the bits do not depend on them.
    validation : Table, optional
        Rows of the user's own that take the place of those held out.
    choices : Choices
        What a person says of columns.
    keeping : TableCheckpoints, optional
        The checkpoints that are written, and gone on from.
    until : float
        The deadline, by `time.perf_counter`.
    callbacks : sequence of callable
        Called after every epoch of every network, one at a time; True ends all training.
    learnt : dict
        The preparations so far, by their rows and encoding; a trial on the same table shares them.
    """

    kind: type[Estimator]
    table: Table
    folds: Sequence[Fold]
    seed: int
    n_threads: int | None = None
    validation: Table | None = None
    choices: Choices = NO_CHOICES
    until: float = field(default=math.inf, kw_only=True)
    keeping: TableCheckpoints | None = field(default=None, kw_only=True)
    callbacks: Sequence[Callback] = field(default=(), kw_only=True)
    learnt: dict[tuple[bytes, str], tuple[Preparation, list[str]]] = field(
        default_factory=dict, repr=False, kw_only=True
    )

    def __sizeof__(self) -> int:
        """Return the bytes of the table, by which Dask decides what is sent to a worker once."""
        return int(self.table.frame.estimated_size()) + self.table.y.nbytes

    def preparation(self, fold: int, encoding: str, tell: Callable[[str], None]) -> Preparation:
        """Return what the training rows of a fold teach about the columns; it is learnt once.

        A search trains many networks on each fold, and a trial on fold and rows that come again.
        """
        rows = self.folds[fold][0]
        key = hashlib.sha256(rows.tobytes()).digest(), encoding
        if key not in self.learnt:
            part, said = self.table.take(rows), list[str]()
            found = Preparation.fit(
                part.frame, choices=self.choices, encoding=encoding, y=part.y, tell=said.append
            )
            self.learnt[key] = found, said
        preparation, said = self.learnt[key]
        for sentence in said:
            tell(sentence)
        return preparation

    @property
    def classes(self) -> bool:
        """True if targets are classes."""
        return self.kind is MLPClassifier

    def held(self, fold: int) -> Table:
        """Return the rows that the network of a fold is validated on."""
        if self.validation is not None:
            return self.validation
        return self.table.take(self.folds[fold][1])

    @property
    def late(self) -> bool:
        """True once the deadline has passed."""
        return time.perf_counter() > self.until


def choose_epochs(members: Sequence[Member]) -> None:
    """Put the networks of one setting back to the epochs that the rows of other folds choose.

    Where a deadline has cut one short, each keeps the best epoch of its own rows.
    """
    if all(one.complete for one in members):
        keep_unseen([one.estimator for one in members], [one.snapshots for one in members])
    for one in members:
        one.snapshots.clear()


def weighted(settings: Sequence[Sequence[Member]], weights: np.ndarray) -> list[Member]:
    """Return the networks of settings with these weights, which those of a setting share."""
    return [
        replace(member, weight=float(weight) / len(members))
        for members, weight in zip(settings, weights, strict=True)
        for member in members
        if weight > 0.0
    ]
