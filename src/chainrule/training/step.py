"""One step of training, as a loop or a hook sees it: batch, loss and gradient."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.engines.engine import Engine, Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.formulas.optimizers import sgd
from chainrule.foundation.arrays import Array, namespace, to_numpy
from chainrule.foundation.errors import InputError
from chainrule.foundation.showing import Shown
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.network import Network, own
from chainrule.training.state import TrainingState

__all__ = ["OnStep", "Start", "Step", "made", "predictions"]


@dataclass(eq=False)
class Start:
    """The position before a step, as `ReferenceEngine.step_gradient` takes it."""

    vector: Array
    seed: int
    step: int
    slots: tuple[Array, ...] = ()

    @classmethod
    def of(cls, state: TrainingState) -> "Start":
        xp = namespace(state.vector)
        return cls(xp.asarray(state.vector, copy=True), state.seed, state.step)


@dataclass(frozen=True, eq=False, repr=False)
class Step(Shown):
    """One step of training: its rows, loss, rate and gradient.

    Attributes
    ----------
    number : int
        Steps made so far, this one included, counted over epochs and resumes.
    epoch : int
        The epoch it belongs to, from 1.
    batch : ndarray of int
        The numbers of its rows, from 0, in the order of the batch.
    loss : float
        The loss of the batch before the step, without penalties: the sum of w l over the number of
        its rows, with weights of mean 1 over all rows. NaN where all its weights are 0, and no step
        is made.
    learning_rate : float
        Its rate.
    state : TrainingState
        The live state, after the step.

    Examples
    --------
    >>> from chainrule import Network, steps
    >>> for step in steps(Network.of_widths([1, 1]), [[1.0], [2.0], [3.0]], [3.0, 6.0, 9.0],
    ...                   batch_size=2, learning_rate=0.1):
    ...     print(step.number, len(step.batch), step.gradient.weights[0].shape)
    1 2 (1, 1)
    2 1 (1, 1)
    """

    number: int
    epoch: int
    batch: np.ndarray
    loss: float
    learning_rate: float
    state: TrainingState
    _start: Start
    _rows: Rows
    _objective: Objective

    @property
    def network(self) -> Network:
        """The network that is trained."""
        return own(self.state.network)

    @property
    def before(self) -> Parameters:
        """The parameters before the step: those that loss and gradient belong to."""
        return self.network.parameters(self._start.vector)

    @property
    def parameters(self) -> Parameters:
        """The parameters after the step; their average, where the optimizer keeps one."""
        return self.state.parameters

    @cached_property
    def gradient(self) -> Parameters:
        """The gradient of the batch that the optimizer was given, computed when first asked for.

        Penalties are in it, and units that dropout left out have none; clipping and decay come
        after it. Where all weights of the batch are 0 it is 0.
        """
        weight = self._rows.weight
        if weight is not None and not bool(np.any(to_numpy(weight)[self.batch] > 0.0)):
            return self.network.parameters(namespace(weight).zeros_like(self._start.vector))
        engine = ReferenceEngine(self._objective, sgd)
        return self.network.parameters(engine.step_gradient(self._start, self._rows, self.batch))

    def predict(self, x: Any) -> Array:
        """Return predictions for inputs after the step: see `Epoch.predict`."""
        return predictions(self._objective, self.parameters, x)

    def __str__(self) -> str:
        rows = f"{len(self.batch):,} row{'s' if len(self.batch) != 1 else ''}"
        return f"step {self.number}  epoch {self.epoch}  {rows}  loss {self.loss:.6g}"


OnStep = Callable[[Step], object]


def predictions(objective: Objective | None, parameters: Parameters, x: Any) -> Array:
    """Return the scores of inputs through the link of the loss."""
    if objective is None:
        raise InputError(
            "predict must be asked of an epoch of train; this one is of an estimator, which may "
            "have scaled its targets. Call predict or predict_proba of the estimator."
        )
    scores = own(objective.network).predict(parameters, x)
    with np.errstate(all="ignore"):
        return objective.loss.mean(namespace(scores), scores)


def made(
    engine: Engine,
    rows: Rows,
    state: TrainingState,
    start: Start,
    batch: np.ndarray,
    rate: float,
    loss: float,
) -> Step:
    """Return the step that an engine has just made."""
    return Step(
        state.step, state.epoch + 1, batch, loss, rate, state, start, rows, engine.objective
    )
