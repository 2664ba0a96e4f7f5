"""The engine of accelerators: what `Engine` asks for, by programs that JAX compiles."""

import math
import time
from contextlib import AbstractContextManager, ExitStack
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np

from chainrule.engines.engine import GradientSum, Position, Rows, Totals, checked_order
from chainrule.engines.jax_engine.batches import FEWEST, Batches, filled, power_of_two
from chainrule.engines.jax_engine.devices import called, device_of
from chainrule.engines.jax_engine.programs import Data, Plan, Run, row_sums, scores_of, train
from chainrule.engines.jax_engine.sparse_rows import SparseRows
from chainrule.engines.jax_engine.tracing import untraceable
from chainrule.engines.resources import USUAL, Resources
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.arrays import Array, namespace
from chainrule.foundation.cache_folder import cache_folder
from chainrule.model.dropout import step_keys
from chainrule.model.objective import Objective
from chainrule.tracing.constants import StepConstants
from chainrule.tracing.formulas import UntraceableError

__all__ = ["JaxEngine"]

# Rows of a block of scores, losses or gradients; bounds the memory of hidden layers.
BLOCK = 4096
# Seconds that a call of many steps takes, between which Python hears of Ctrl-C.
CALL_SECONDS = 0.1


class JaxEngine:
    """Feedforward, loss, backpropagation and update in one compiled call for many steps.

    Rows stay on the device as long as a `Rows` does; do not change its arrays meanwhile. Numbers
    that come from NumPy go back to NumPy; arrays of JAX stay where they are.

    Parameters
    ----------
    objective : Objective
        The objective to minimize.
    optimizer : Optimizer
        The update rule.
    resources : Resources
        The device, and the precision of products; threads are those of JAX.

    Raises
    ------
    UntraceableError
        If JAX cannot compile a formula; the message names it.
    """

    name = "jax"

    def __init__(
        self, objective: Objective, optimizer: Optimizer, resources: Resources = USUAL
    ) -> None:
        _keep_programs()
        reason = untraceable(objective, optimizer)
        if reason is not None:
            raise UntraceableError(reason)
        self.objective = objective
        self.optimizer = optimizer
        self.resources = resources
        self._at = device_of(resources.device)
        self.device = called(self._at)
        self._constants = StepConstants(optimizer, objective.network.layout.distinct_rate_factors)
        self._resident: WeakKeyDictionary[Rows, Any] = WeakKeyDictionary()

    def scores(self, vector: Array, x: Array) -> Array:
        """Return the scores (n, n_out) at a flat vector of parameters."""
        network, n, blocks = self.objective.network, x.shape[0], []
        with self._set(vector):
            at, dtype = self._placed(vector), np.dtype(vector.dtype)
            for start in range(0, n, BLOCK):
                some = self._placed(_inputs(x[start : start + BLOCK], dtype))
                blocks.append(scores_of(network, at, _padded(some))[: some.shape[0]])
            scores = jnp.concatenate(blocks) if blocks else jnp.zeros((0, network.n_out), dtype)
            return _given_back(scores, vector)

    def predictions(self, scores: Array) -> Array:
        """Return the predictions (n, k) of scores (n, k), by the link of the loss."""
        with np.errstate(all="ignore"):
            return self.objective.loss.mean(namespace(scores), scores)

    def loss(self, vector: Array, rows: Rows) -> float:
        """Return the mean loss over all rows, without penalties."""
        scores = self.scores(vector, rows.x)
        xp = namespace(scores)
        with self._set(vector):
            weight = None if rows.weight is None else xp.asarray(rows.weight)
            return self.objective.mean_loss(scores, xp.asarray(rows.y), weight)

    def gradient(self, vector: Array, rows: Rows) -> tuple[float, Array]:
        """Return mean loss plus penalties over all rows, and its flat gradient."""
        found = self._summed(vector, rows, float(len(rows)))
        with self._set(vector), np.errstate(all="ignore"):
            parameters = self.objective.network.parameters(vector)
            price = self.objective.penalty(namespace(vector), parameters)
            gradient = self.objective.with_penalties(parameters, found.vector)
        return float(found.loss / len(rows) + price), gradient

    def gradient_sum(self, vector: Array, rows: Rows) -> GradientSum:
        """Return the sums of w_i l_i, of w_i, and of w_i times the gradient of l_i."""
        return self._summed(vector, rows, 1.0)

    def _summed(self, vector: Array, rows: Rows, divisor: float) -> GradientSum:
        """Return the sums over all rows; that of the gradients over a divisor."""
        total, weights, gradient, n = 0.0, 0.0, np.zeros(len(vector)), len(rows)
        with self._set(vector):
            dtype = np.dtype(vector.dtype)
            at = self._placed(vector)
            for start in range(0, n, BLOCK):
                x, y, weight = rows.take(slice(start, start + BLOCK))
                weight = np.ones(len(y), dtype) if weight is None else weight
                weights += float(np.sum(np.asarray(weight, np.float64)))
                arrays = _inputs(x, dtype), jnp.asarray(y, dtype), jnp.asarray(weight, dtype)
                data = self._placed(Data(*map(_padded, arrays)))
                loss, part = row_sums(self.objective, at, data, divisor)
                total += float(loss)
                gradient += np.asarray(part, np.float64)
            found = _given_back(jnp.asarray(gradient.astype(dtype)), vector)
        return GradientSum(total, weights, found)

    def epoch(
        self,
        position: Position,
        rows: Rows,
        order: np.ndarray,
        batch_size: int,
        rates: np.ndarray,
        limit: float,
    ) -> Totals:
        """Make ``len(rates)`` optimizer steps on consecutive batches of ``order``."""
        n, steps = len(rows), len(rates)
        order = checked_order(order[: steps * batch_size], n)
        batches = Batches.of(order, steps, batch_size, n)
        loss, weight, done, last = 0.0, 0.0, 0, math.nan
        count = FEWEST
        with self._set(position.vector):
            data = self._on_device(rows, np.dtype(position.vector.dtype))
            while done < steps:
                count = min(count, steps - done)
                begin = time.perf_counter()
                span = slice(done, done + count)
                plan = self._plan(position, batches.some(span), rates[span], limit)
                run = self._run(position, data, plan)
                made = int(run.made)
                done += made
                loss += float(np.sum(np.asarray(run.losses, np.float64)))
                weight += float(np.sum(np.asarray(run.weights, np.float64)))
                if not math.isnan(run.last_loss) or made < count:
                    last = float(run.last_loss)
                if made < count:
                    break
                seconds = max(time.perf_counter() - begin, 1e-6)
                count = int(count * min(8.0, CALL_SECONDS / seconds))
                count = min(max(count, 1), batches.room)
        return Totals(loss, weight, done, last)

    def _run(self, position: Position, data: Data, plan: Plan) -> Run:
        """Make the steps of a plan, and move the position."""
        # the program writes its results over what it is given: copies, never the caller's arrays
        vector, *slots = (
            self._placed(jnp.array(array, copy=True))
            for array in (position.vector, *position.slots)
        )
        run: Run = train(self.objective, self.optimizer, vector, tuple(slots), data, plan)
        made = int(run.made)
        if made:
            before = position.vector
            position.vector = _given_back(run.vector, before)
            position.slots = tuple(_given_back(slot, before) for slot in run.slots)
            position.step += made
        return run

    def _plan(self, position: Position, batches: Batches, rates: np.ndarray, limit: float) -> Plan:
        """Return the next steps, in arrays with the room that all calls of a fit have."""
        steps, dtype = len(rates), np.dtype(position.vector.dtype)
        numbers = self._constants.table(rates, position.step + 1).astype(dtype)
        layers = len(self.objective.dropout)
        keys = np.zeros((steps, 0, 2), np.uint32)
        if layers:
            keys = step_keys(position.seed, position.step, steps, layers)
        # a finite limit stays finite, so that an infinite loss is above it
        if math.isfinite(limit):
            limit = min(limit, float(np.finfo(dtype).max))
        room = batches.room
        return Plan(
            order=filled(batches.order, room),
            counts=filled(batches.counts, room),
            constants=filled(numbers, room),
            keys=filled(keys, room),
            steps=np.int32(steps),
            limit=np.asarray(limit, dtype),
        )

    def _on_device(self, rows: Rows, dtype: np.dtype[Any]) -> Data:
        """Return rows on the device, moved there when they are first seen."""
        kept = self._resident.get(rows)
        if kept is None or kept[0] != dtype:
            weight = None if rows.weight is None else jnp.asarray(rows.weight, dtype)
            x, y = _inputs(rows.x, dtype), jnp.asarray(rows.y, dtype)
            data = self._placed(Data(x, y, weight))
            kept = self._resident[rows] = (dtype, data)
        found: Data = kept[1]
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return JaxEngine, (self.objective, self.optimizer, self.resources)

    def _placed(self, arrays: Any) -> Any:
        """Return arrays on the device; those of JAX that live elsewhere are copied to it."""

        def placed(array: Any) -> Any:
            there = isinstance(array, jax.Array) and array.devices() == {self._at}
            return array if there else jax.device_put(array, self._at)

        return jax.tree.map(placed, arrays)

    def _set(self, vector: Array) -> AbstractContextManager[Any]:
        """Compute on the device, with float64 where the parameters have it, in the precision."""
        device = device_of(self.resources.device, vector)
        self.device, self._at = called(device), device
        stack = ExitStack()
        stack.enter_context(jax.default_device(device))
        stack.enter_context(jax.enable_x64(np.dtype(vector.dtype) == np.float64))
        precision = self.resources.matmul_precision
        stack.enter_context(jax.default_matmul_precision(precision))
        return stack


@cache
def _keep_programs() -> None:
    """Keep compiled programs with the other code of the package, if the user chose no folder."""
    config: Any = jax.config
    folder = cache_folder()
    if config.jax_compilation_cache_dir is None and folder is not None:
        config.update("jax_compilation_cache_dir", str(folder / "jax"))


def _given_back(found: Any, like: Array) -> Array:
    """Return numbers in the library of the parameters."""
    return np.array(found) if isinstance(like, np.ndarray) else found


def _inputs(x: Any, dtype: np.dtype[Any]) -> Any:
    """Return inputs on the device, in their own dtype where it fits one."""
    if hasattr(x, "tocsr"):
        return jax.device_put(SparseRows.of(x.tocsr(), dtype))
    # without 64-bit numbers JAX would cut large integers
    wide = isinstance(x, np.ndarray) and x.dtype.itemsize > 4
    return jnp.asarray(x, dtype) if wide else jnp.asarray(x)


def _padded(rows: Any) -> Any:
    """Return rows with zeros below them, so that a few shapes stand for all."""
    missing = power_of_two(rows.shape[0]) - rows.shape[0]

    def padded(array: Any) -> Any:
        return jnp.pad(array, ((0, missing), *[(0, 0)] * (array.ndim - 1)))

    return jax.tree.map(padded, rows) if missing else rows
