"""The protocol of engines."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import array_api_compat
import numpy as np

from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.arrays import Array, as_like, namespace
from chainrule.foundation.errors import must_be
from chainrule.foundation.showing import Shown
from chainrule.model.objective import Objective

__all__ = [
    "Engine",
    "GradientSum",
    "Position",
    "Rows",
    "Scorer",
    "Totals",
    "checked_order",
    "penalty_at",
    "row_scores",
]


@dataclass(frozen=True, eq=False, repr=False)
class Rows(Shown):
    """The rows an engine works on.

    Attributes
    ----------
    x : array (n, n_in), or SciPy CSR matrix
        Inputs, of any real dtype; each batch is converted to the parameters' dtype.
    y : array (n, n_out)
        Targets as the loss takes them (`Loss.encode`), of the parameters' dtype.
    weight : array (n,) or None
        Sample weights, scaled to mean 1 over all rows, of the parameters' dtype.
    """

    x: Array
    y: Array
    weight: Array | None = None

    def __len__(self) -> int:
        return int(self.y.shape[0])

    def __str__(self) -> str:
        weights = "" if self.weight is None else ", weighted"
        inputs, outputs = self.x.shape[1], self.y.shape[1]
        kind = f"{'sparse ' if hasattr(self.x, 'tocsr') else ''}{self.x.dtype}"
        return f"rows: {len(self):,} of {inputs:,} inputs ({kind}), {outputs:,} targets{weights}"

    def take(self, index: np.ndarray | slice) -> tuple[Array, Array, Array | None]:
        """Return inputs, targets and weights of some rows."""
        x = self.x[index] if hasattr(self.x, "tocsr") else _take(self.x, index)
        if x.dtype != self.y.dtype:
            dtype = self.y.dtype
            x = x.astype(dtype) if hasattr(x, "astype") else namespace(x).astype(x, dtype)
        weight = None if self.weight is None else _take(self.weight, index)
        return x, _take(self.y, index), weight


def _take(array: Array, index: np.ndarray | slice) -> Array:
    if isinstance(index, slice):
        return array[index, ...]
    if array_api_compat.is_numpy_array(array):
        return array[index]
    xp = namespace(array)
    return xp.take(array, as_like(index, array), axis=0)


def checked_order(order: np.ndarray, n: int) -> np.ndarray:
    """Return an order as int64, of numbers of ``n`` rows alone.

    Raises
    ------
    InputError
        If a number is below 0 or not below n.
    """
    order = np.ascontiguousarray(order, np.int64)
    # a negative number is a large one as unsigned
    if len(order) and order.view(np.uint64).max() >= n:
        wrong = order[(order < 0) | (order >= n)]
        raise must_be("order", f"of row numbers from 0 to {n - 1}", int(wrong[0]))
    return order


class Totals(NamedTuple):
    """The totals of a run of steps.

    Attributes
    ----------
    loss : float
        Sum over the rows seen of weight times loss; each row at the parameters of its own step.
    weight : float
        Sum of the weights of those rows.
    steps : int
        Steps made; fewer than asked for when a batch loss was not finite or above the limit.
    last_loss : float
        Mean loss of the last batch looked at, the one that stopped the run included.
    """

    loss: float
    weight: float
    steps: int
    last_loss: float


class GradientSum(NamedTuple):
    """The sums over some rows that make up the gradient of a mean loss.

    Attributes
    ----------
    loss : float
        Sum of w_i l_i.
    weight : float
        Sum of w_i; without sample weights the number of rows.
    vector : array (n_parameters,)
        Sum of w_i times the gradient of l_i, of the parameters' dtype.
    """

    loss: float
    weight: float
    vector: Array


class Position(Protocol):
    """The position of a run, which `Engine.epoch` moves forward."""

    vector: Array
    slots: tuple[Array, ...]
    step: int
    seed: int  # of the masks of dropout


class Scorer(Protocol):
    """Scores and predictions of a network; every engine is one."""

    def scores(self, vector: Array, x: Array) -> Array:
        """Return the scores (n, n_out) at a flat vector of parameters."""
        ...

    def predictions(self, scores: Array) -> Array:
        """Return what scores (n, k) stand for, by the link of the loss, of their shape."""
        ...


@runtime_checkable
class Engine(Scorer, Protocol):
    """The methods of every engine, for one objective and optimizer."""

    name: str
    objective: Objective
    optimizer: Optimizer

    def loss(self, vector: Array, rows: Rows) -> float:
        """Return the mean loss over all rows, without penalties."""
        ...

    def gradient(self, vector: Array, rows: Rows) -> tuple[float, Array]:
        """Return mean loss plus penalties over all rows, and its flat gradient."""
        ...

    def gradient_sum(self, vector: Array, rows: Rows) -> GradientSum:
        """Return the sums of w_i l_i, of w_i, and of w_i times the gradient of l_i.

        Code that splits a batch adds up the sums of its parts: workers that share a batch, rows
        that arrive in pieces, a device that holds some of them. Penalties are left out, as each
        part would count them again; `Objective.with_penalties` adds them once to the whole.
        """
        ...

    def epoch(
        self,
        position: Position,
        rows: Rows,
        order: np.ndarray,
        batch_size: int,
        rates: np.ndarray,
        limit: float,
    ) -> Totals:
        """Make ``len(rates)`` optimizer steps on consecutive batches of ``order``.

        Step k takes the rows ``order[k * batch_size : (k + 1) * batch_size]`` at ``rates[k]``. The
        gradient of a batch is the sum of w_i times the gradient of row i, divided by the number of
        its rows, plus the gradient of the penalties; a batch whose weights are all 0 is skipped,
        but counted. Where the optimizer has a ``clip_norm`` c, this gradient g is multiplied by
        min(1, c / abs(g)), with the norm over all parameters. With dropout, the rows of a batch go
        through the units that `chainrule.model.dropout` leaves them, by the seed and the step of
        the position and the place of a row in its batch. Decoupled decay comes before the
        optimizer's own step and is not clipped. The run stops before
        the update of a batch whose loss (the sum of w_i l_i over the number of its rows) is not
        finite or above ``limit``.

        Python is in charge about every tenth of a second, so that Ctrl-C always works. However the
        run ends, the position is the one after the last step that was made; where a step longer
        than that was cut, it is the one before the run.
        """
        ...


def penalty_at(engine: Engine, vector: Array) -> float:
    """Return the penalty of the weights at a flat vector of parameters.

    An engine on a device has a ``penalty`` of its own, for vectors that lie there.
    """
    own, objective = getattr(engine, "penalty", None), engine.objective
    if not objective.penalties:
        return 0.0
    if own is not None and not isinstance(vector, np.ndarray):
        return float(own(vector))
    return float(objective.penalty(namespace(vector), objective.network.parameters(vector)))


def row_scores(engine: Engine, vector: Array, rows: Rows) -> Array:
    """Return the scores of rows that are asked for again and again.

    An engine on a device has a ``row_scores`` of its own, by which the rows stay there.
    """
    own = getattr(engine, "row_scores", None)
    found: Array = engine.scores(vector, rows.x) if own is None else own(vector, rows)
    return found
