"""Snapshots of the training state, restored after divergence and after Ctrl-C."""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from chainrule.engines.engine import Engine
from chainrule.engines.leaving import Left, copied, lying
from chainrule.foundation.arrays import Array
from chainrule.foundation.errors import DivergenceError
from chainrule.training.curvature import Pairs
from chainrule.training.state import TrainingState
from chainrule.training.stopping import Patience
from chainrule.training.windows import AnyRows, mean_loss

__all__ = [
    "DIVERGENCE_FACTOR",
    "Progress",
    "Snapshot",
    "closing_loss",
    "divergence_limit",
    "whole_epoch",
]

# A loss this many times the first one is divergence, finite or not.
DIVERGENCE_FACTOR = 1e6


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A copy of the parts of a training state that an epoch changes."""

    vector: Array | Left
    slots: tuple[Array | Left, ...]
    step: int
    epoch: int
    learning_rate: float | None
    first_loss: float
    patience: Patience
    best: Array | Left | None
    curvature: Pairs
    evaluations: int
    fall: float

    @classmethod
    def of(cls, state: TrainingState) -> "Snapshot":
        return cls(
            copied(lying(state, "vector")),
            copied(lying(state, "slots")),
            state.step,
            state.epoch,
            state.learning_rate,
            state.first_loss,
            copy.copy(state.patience),
            # never written to: a better epoch, and a step, bring arrays of their own
            lying(state, "best"),
            state.curvature,
            state.evaluations,
            state.fall,
        )

    def as_state(self, state: TrainingState) -> TrainingState:
        """Return the state that was copied, from one of the same run; it shares the arrays."""
        return replace(state, **vars(self))

    def restore(self, state: TrainingState) -> None:
        """Restore a state; only once, because the state then owns the arrays."""
        state.vector, state.slots = self.vector, self.slots
        state.step, state.epoch = self.step, self.epoch
        state.learning_rate, state.first_loss = self.learning_rate, self.first_loss
        state.patience, state.best = self.patience, self.best
        state.curvature = self.curvature
        state.evaluations, state.fall = self.evaluations, self.fall


@dataclass(eq=False)
class Progress:
    """The part of a run that is made: nothing at first, or what a checkpoint holds.

    Attributes
    ----------
    epochs : int
        Epochs made before the loop began.
    start : Snapshot or None
        The start of the last epoch, which the loop keeps up to date.
    """

    epochs: int = 0
    start: Snapshot | None = None


@contextmanager
def whole_epoch(state: TrainingState, progress: Progress | None = None) -> Iterator[Snapshot]:
    """Make an epoch whole or not at all: whatever cuts it short, the state is as before.

    A divergence has its own way back, to the last parameters whose loss was good. A signal may
    come between the end of the epoch and the moment at which the caller has noted it; then the
    caller goes back, to ``progress.start``.
    """
    start = Snapshot.of(state)
    if progress is not None:
        progress.start = start
    try:
        yield start
    except DivergenceError:
        raise
    except BaseException:
        start.restore(state)
        raise


def divergence_limit(first_loss: float) -> float:
    """Return the largest loss that does not count as divergence."""
    limit = DIVERGENCE_FACTOR * first_loss if first_loss > 0.0 else math.inf
    # the largest finite number: an infinite loss is above it
    return min(limit, float(np.finfo(np.float64).max))


def closing_loss(
    engine: Engine, rows: AnyRows, state: TrainingState, last: Snapshot, learning_rate: float | None
) -> float:
    """Return the loss of all rows at the parameters that a run leaves behind.

    No batch has seen the parameters after the last step: if they are those kept, be it as the
    best, and diverged, the state goes back to the start of the last epoch.
    """
    loss = mean_loss(engine, state.best_there, rows)
    if not loss <= divergence_limit(state.first_loss):
        error = DivergenceError(
            epoch=state.epoch,
            step=state.step,
            learning_rate=learning_rate,
            loss=loss,
            first_loss=state.first_loss,
        )
        last.restore(state)
        raise error
    return loss
