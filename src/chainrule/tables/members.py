"""The networks of a bag: each with the preparation of its own training rows."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.regressor import MLPRegressor
from chainrule.foundation.errors import DataWarning, NoEffectWarning
from chainrule.foundation.seeds import Purpose, stream
from chainrule.foundation.showing import Shown
from chainrule.foundation.side_by_side import side_by_side
from chainrule.foundation.threads import available_threads
from chainrule.interop.cells import nothing
from chainrule.interop.choosing import NO_CHOICES, Choices
from chainrule.interop.columns import counted
from chainrule.interop.preparation import Preparation
from chainrule.tables.folds import Fold
from chainrule.tables.recipes import options_for

__all__ = ["Estimator", "Member", "Table", "train_members"]

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
    """

    preparation: Preparation
    estimator: Estimator
    held: np.ndarray = field(default_factory=lambda: np.arange(0))

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


def train_members(
    kind: type[Estimator],
    table: Table,
    folds: list[Fold],
    *,
    encoding: str,
    options: dict[str, Any],
    seed: int,
    n_threads: int | None,
    validation: Table | None = None,
    choices: Choices = NO_CHOICES,
    tell: Callable[[str], None] = nothing,
) -> list[Member]:
    """Train one network per fold, side by side on the threads; the bits do not depend on them.

    ``validation`` rows of the user's own take the place of those held out. ``tell`` receives what
    is said of the columns of the first fold.
    """
    threads = available_threads(n_threads)
    workers = min(len(folds), threads)
    each = max(1, threads // workers)

    def train(number: int, stop: threading.Event) -> Member:
        rows, held = folds[number]
        part = table.take(rows)
        preparation = Preparation.fit(
            part.frame,
            choices=choices,
            encoding=encoding,
            y=part.y,
            tell=tell if number == 0 else nothing,
        )
        own = options_for(len(rows), kind is MLPClassifier) | options
        member_seed = int(stream(seed, Purpose.MEMBER, number).integers(2**31 - 1))
        watched = validation if validation is not None else table.take(held)
        given: dict[str, Any] = {}
        if watched.frame.height:
            given = {"X_val": preparation.transform(watched.frame), "y_val": watched.y}
            if watched.weight is not None and watched.weight.any():
                given["sample_weight_val"] = watched.weight
        else:
            own = {name: value for name, value in own.items() if name != "monitor"}
        estimator = kind(**own, random_state=member_seed, n_threads=each)
        X = preparation.transform(part.frame)

        def called(epoch: Any) -> bool:
            return stop.is_set()

        estimator.callbacks = called
        estimator.fit(X, part.y, part.weight, **given)
        estimator.callbacks = None
        estimator.preparation_ = preparation
        return Member(preparation, estimator, held if validation is None else np.arange(0))

    with warnings.catch_warnings():
        # what the networks say of columns is of inputs that nobody has seen
        warnings.simplefilter("ignore", DataWarning)
        warnings.simplefilter("ignore", NoEffectWarning)
        return side_by_side(train, len(folds), workers)
