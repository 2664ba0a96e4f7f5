"""Short training runs that can be compared: the same start, the same batches, the same look."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.engines.choice import choose_engine
from chainrule.engines.engine import Engine, Rows, Totals
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer, optimizers
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.seeds import Purpose, stream
from chainrule.insight.row_blocks import drawn_places
from chainrule.insight.subject import Subject
from chainrule.model.network import Network
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.snapshot import DIVERGENCE_FACTOR
from chainrule.training.state import TrainingState

__all__ = ["LOOK_ROWS", "Setting", "Trial"]

# Rows that a loss is measured on; one draw, the same for all runs.
LOOK_ROWS = 1024


@dataclass(frozen=True, eq=False)
class Setting:
    """What the runs of one comparison share.

    Attributes
    ----------
    engine : Engine
        What computes, with the objective and the optimizer.
    rows : Rows
        The rows to train on.
    start : ndarray (n_parameters,)
        Where every run starts.
    learning_rate : float
        The rate to begin with.
    look : Rows
        The rows that losses are measured on: all, or a draw of `look_rows`.
    seed : int
        Seed of the start, of the draw, and of the orders.
    """

    engine: Engine
    rows: Rows
    start: np.ndarray
    learning_rate: float
    look: Rows
    seed: int

    @classmethod
    def of(
        cls,
        model: Subject | Network,
        loss: str | Loss | None,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        optimizer: str | Optimizer | None = None,
        learning_rate: float | None = None,
        start: Parameters | None = None,
        seed: int = 0,
        engine: str | Engine = "auto",
        look_rows: int = LOOK_ROWS,
    ) -> "Setting":
        """Take rows and rule from a subject, or from a network, a loss and arrays."""
        if isinstance(model, Subject):
            if any(one is not None for one in (loss, x, y, sample_weight)):
                raise InputError(
                    "loss, x, y and sample_weight must be left out with a Subject, which holds "
                    "them; got both. Pass a Network to give them."
                )
            subject = model
        elif isinstance(model, Network):
            if loss is None or x is None or y is None:
                raise InputError(
                    "loss, x and y must be given with a Network; got None. Pass them, or a Subject."
                )
            drawn = model.start(seed, _dtype(x)) if start is None else start
            rule = optimizers.get("sgd" if optimizer is None else optimizer)
            subject = Subject.of(
                Objective(model, loss),
                drawn,
                x,
                y,
                sample_weight,
                optimizer=rule,
                learning_rate=rule.learning_rate,
            )
        else:
            raise must_be("model", "a Subject or a Network", type(model).__name__)
        rule = subject.optimizer if optimizer is None else optimizers.get(optimizer)
        if learning_rate is None:
            same = rule == subject.optimizer
            learning_rate = subject.learning_rate if same else rule.learning_rate
        if not 0.0 < learning_rate < math.inf:
            raise must_be("learning_rate", "positive and finite", learning_rate)
        network = subject.objective.network
        if start is None:
            start = network.start(seed, subject.vector.dtype.name)
        elif start.layout != network.layout:
            raise InputError(
                f"start must be parameters of the network, {network.layout.shapes}; got "
                f"{start.layout.shapes}."
            )
        rows = subject.rows
        look = rows
        if len(rows) > look_rows:
            look = Rows(*rows.take(drawn_places(rows, look_rows, seed)))
        setting = cls(
            choose_engine(engine, subject.objective, rule),
            rows,
            np.asarray(start.vector, dtype=subject.vector.dtype),
            float(learning_rate),
            look,
            seed,
        )
        first = setting.loss(setting.start)
        if not math.isfinite(first):
            raise InputError(
                f"start must give a finite loss; got {first}. Start elsewhere, or scale inputs and "
                "targets."
            )
        return setting

    @property
    def objective(self) -> Objective:
        """Network, loss and penalties."""
        return self.engine.objective

    def loss(self, vector: np.ndarray) -> float:
        """Return the mean loss of the rows that are looked at, without penalties."""
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


def _dtype(x: Any) -> str:
    """Return the precision that suits the inputs: float32 stays, all else is float64."""
    return "float32" if getattr(x, "dtype", None) in (np.float32, np.float16) else "float64"


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
        """Make one step per rate and look at the loss; False where the run diverged."""
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
