"""Short training runs that can be compared: same start, same batches, same measured rows."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.engines.engine import Engine, Rows, Totals
from chainrule.foundation.errors import must_be
from chainrule.foundation.seeds import Purpose, stream
from chainrule.model.objective import Objective
from chainrule.training.snapshot import DIVERGENCE_FACTOR
from chainrule.training.state import TrainingState

__all__ = ["Setting", "Trial"]


@dataclass(frozen=True, eq=False)
class Setting:
    """The shared settings of the runs of one comparison.

    Attributes
    ----------
    engine : Engine
        The engine, with the objective and the optimizer.
    rows : Rows
        The rows to train on.
    start : ndarray (n_parameters,)
        The parameters that every run starts from.
    learning_rate : float
        The rate to begin with.
    look : Rows
        The rows that losses are measured on: all, or a draw of them.
    seed : int
        Seed of the start, of the draw, and of the orders.
    """

    engine: Engine
    rows: Rows
    start: np.ndarray
    learning_rate: float
    look: Rows
    seed: int

    @property
    def objective(self) -> Objective:
        """Network, loss and penalties."""
        return self.engine.objective

    def loss(self, vector: np.ndarray) -> float:
        """Return the mean loss of the measured rows, without penalties."""
        return self.engine.loss(vector, self.look)

    def checked_sizes(self, batch_sizes: Sequence[int]) -> tuple[int, ...]:
        """Return the batch sizes in order, without those larger than the number of rows."""
        for size in batch_sizes:
            if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
                raise must_be("batch_sizes", "positive integers", size)
        sizes = sorted({int(size) for size in batch_sizes if size <= len(self.rows)})
        if not sizes:
            raise must_be(
                "batch_sizes",
                f"at most the number of rows ({len(self.rows)}) for some size",
                tuple(batch_sizes),
            )
        return tuple(sizes)


class Trial:
    """One run of a setting: optimizer steps on whole batches of orders drawn from the seed.

    Two trials of one setting, batch size and repeat see the same batches.

    Parameters
    ----------
    setting : Setting
        Rows, start and engine.
    batch_size : int
        Rows per step; a rest that does not fill a batch waits for another order.
    repeat : int
        Which of the orders.
    """

    def __init__(self, setting: Setting, batch_size: int, repeat: int = 0) -> None:
        self.setting = setting
        self.batch_size = batch_size
        self.repeat = repeat
        self.state = TrainingState.start(
            setting.objective.network,
            setting.engine.optimizer,
            parameters=setting.objective.network.parameters(setting.start),
        )
        self.seconds = 0.0
        self.loss = self.start_loss = setting.loss(setting.start)
        self._passes = 0
        self._waiting = np.empty(0, dtype=np.int64)

    @property
    def vector(self) -> np.ndarray:
        """The parameters now."""
        return np.asarray(self.state.vector)

    @property
    def steps(self) -> int:
        """Steps made."""
        return self.state.step

    def advance(self, rates: np.ndarray) -> bool:
        """Make one step per rate and measure the loss; return False if the run diverged."""
        order = self._next_rows(len(rates) * self.batch_size)
        limit = float(np.finfo(np.float64).max)
        if self.start_loss > 0.0:
            limit = min(DIVERGENCE_FACTOR * self.start_loss, limit)
        began = time.perf_counter()
        totals: Totals = self.setting.engine.epoch(
            self.state, self.setting.rows, order, self.batch_size, rates, limit
        )
        self.seconds += time.perf_counter() - began
        self.loss = totals.last_loss
        if totals.steps < len(rates):
            return False
        self.loss = self.setting.loss(self.vector)
        return self.loss <= limit

    def _next_rows(self, count: int) -> np.ndarray:
        n = len(self.setting.rows)
        whole = n // self.batch_size * self.batch_size
        parts = [self._waiting]
        have = len(self._waiting)
        while have < count:
            random = stream(
                self.setting.seed, Purpose.SAMPLE, self.batch_size, self.repeat, self._passes
            )
            parts.append(random.permutation(n)[:whole])
            have += whole
            self._passes += 1
        order = np.concatenate(parts)
        self._waiting = order[count:]
        return order[:count]
