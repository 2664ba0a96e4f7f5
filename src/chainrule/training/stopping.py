"""Stopping: patience with a monitored value, and the reasons for an end."""

import math
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["REASONS", "Ending", "Patience"]

# The reasons for an end, in words.
REASONS = {
    "no_improvement": "no improvement",
    "converged": "no slope is left",
    "max_iter": "all epochs made",
    "max_fun": "all evaluations made",
    "time_limit": "time limit",
    "callback": "a callback asked for it",
    "divergence": "divergence",
    "interrupted": "interrupted",
}


class Ending(NamedTuple):
    """The end of a run, as its generator returns it.

    Attributes
    ----------
    reason : str
        A key of `REASONS`.
    loss : float
        Mean loss of all rows, without penalties, at the parameters that the run leaves behind:
        the best where patience watches validation rows, else the last.
    """

    reason: str
    loss: float


@dataclass
class Patience:
    """A counter of epochs since the monitored value last improved.

    Values are to fall; monitor minus the score where more is better. A value improves if it is
    below the reference by more than ``tolerance``.

    Attributes
    ----------
    reference : float
        The value that the next one has to beat by the tolerance.
    stale : int
        Epochs since the reference was set.
    best, best_epoch : float, int
        The lowest value of all, by however little, and its epoch.

    Examples
    --------
    >>> patience = Patience()
    >>> [patience.update(value, epoch, tolerance=0.01)
    ...  for epoch, value in enumerate([1.0, 0.5, 0.499, 0.6], start=1)]
    [True, True, True, False]
    >>> patience.stale, patience.best_epoch
    (2, 3)
    """

    reference: float = math.inf
    stale: int = 0
    best: float = math.inf
    best_epoch: int = 0

    def update(self, value: float, epoch: int, tolerance: float = 0.0) -> bool:
        """Count one epoch; return whether its value is the best so far."""
        if value < self.reference - tolerance:
            self.reference = value
            self.stale = 0
        else:
            self.stale += 1
        if value < self.best:
            self.best, self.best_epoch = value, epoch
            return True
        return False
