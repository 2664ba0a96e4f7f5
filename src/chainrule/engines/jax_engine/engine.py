"""The engine of accelerators: what `Engine` asks for, by programs that JAX compiles."""

from contextlib import AbstractContextManager, ExitStack
from functools import cache, partial
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np

from chainrule.engines.engine import GradientSum, Position, Rows, Totals, checked_order
from chainrule.engines.jax_engine.batches import Batches
from chainrule.engines.jax_engine.courses import Course, Pace, Recipe, given_back
from chainrule.engines.jax_engine.devices import called, device_of
from chainrule.engines.jax_engine.moving import inputs, padded
from chainrule.engines.jax_engine.networks import Question, make_steps
from chainrule.engines.jax_engine.programs import Data, row_sums, scores_of
from chainrule.engines.jax_engine.tracing import untraceable
from chainrule.engines.meeting import current_meeting
from chainrule.engines.resources import USUAL, Resources
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.arrays import Array, namespace, to_numpy
from chainrule.foundation.cache_folder import cache_folder
from chainrule.model.objective import Objective
from chainrule.tracing.formulas import UntraceableError

__all__ = ["JaxEngine"]

# Rows of a block of scores, losses or gradients; bounds the memory of hidden layers.
BLOCK = 4096


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
        self.pace = Pace()
        self._recipe = Recipe.of(objective, optimizer)
        self._resident: WeakKeyDictionary[Rows, Any] = WeakKeyDictionary()

    def scores(self, vector: Array, x: Array) -> Array:
        """Return the scores (n, n_out) at a flat vector of parameters."""
        network, n, blocks = self.objective.network, x.shape[0], []
        with self.settings(vector):
            at, dtype = self.placed(vector), np.dtype(vector.dtype)
            for start in range(0, n, BLOCK):
                some = self.placed(inputs(x[start : start + BLOCK], dtype))
                blocks.append(scores_of(network, at, padded(some))[: some.shape[0]])
            scores = jnp.concatenate(blocks) if blocks else jnp.zeros((0, network.n_out), dtype)
            return given_back(scores, vector)

    def predictions(self, scores: Array) -> Array:
        """Return the predictions (n, k) of scores (n, k), by the link of the loss."""
        with np.errstate(all="ignore"):
            return self.objective.loss.mean(namespace(scores), scores)

    def loss(self, vector: Array, rows: Rows) -> float:
        """Return the mean loss over all rows, without penalties."""
        scores = self.scores(vector, rows.x)
        xp = namespace(scores)
        with self.settings(vector):
            weight = None if rows.weight is None else xp.asarray(rows.weight)
            return self.objective.mean_loss(scores, xp.asarray(rows.y), weight)

    def gradient(self, vector: Array, rows: Rows) -> tuple[float, Array]:
        """Return mean loss plus penalties over all rows, and its flat gradient."""
        found = self._summed(vector, rows, float(len(rows)))
        with self.settings(vector), np.errstate(all="ignore"):
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
        with self.settings(vector):
            dtype = np.dtype(vector.dtype)
            at = self.placed(vector)
            for start in range(0, n, BLOCK):
                x, y, weight = rows.take(slice(start, start + BLOCK))
                weight = np.ones(len(y), dtype) if weight is None else weight
                weights += float(np.sum(np.asarray(weight, np.float64)))
                arrays = inputs(x, dtype), jnp.asarray(y, dtype), jnp.asarray(weight, dtype)
                data = self.placed(Data(*map(padded, arrays)))
                loss, part = row_sums(self.objective, at, data, divisor)
                total += float(loss)
                gradient += np.asarray(part, np.float64)
            found = given_back(jnp.asarray(gradient.astype(dtype)), vector)
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
        weight = None if rows.weight is None else to_numpy(rows.weight)
        batches = Batches.of(order, batch_size, n)
        course = Course(self._recipe, position, batches, rates, limit, weight)
        question = Question(self, course, rows)
        meeting = current_meeting()
        if meeting is None:
            make_steps([question], {})
        else:
            answers = partial(make_steps, memory=meeting.memory, stopped=meeting.is_stopped)
            meeting.answer(question, answers)
        return course.totals

    def on_device(self, rows: Rows, dtype: np.dtype[Any]) -> Data:
        """Return rows on the device, moved there when they are first seen."""
        kept = self._resident.get(rows)
        if kept is None or kept[0] != dtype:
            weight = None if rows.weight is None else jnp.asarray(rows.weight, dtype)
            x, y = inputs(rows.x, dtype), jnp.asarray(rows.y, dtype)
            data = self.placed(Data(x, y, weight))
            kept = self._resident[rows] = (dtype, data)
        found: Data = kept[1]
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return JaxEngine, (self.objective, self.optimizer, self.resources)

    def placed(self, arrays: Any) -> Any:
        """Return arrays on the device; those of JAX that live elsewhere are copied to it.

        Those of NumPy are not bound to it, as JAX says, so that a program is not compiled twice:
        for results of its own, and for arrays that a call takes along.
        """

        def placed(array: Any) -> Any:
            if not isinstance(array, jax.Array):
                return jax.device_put(array)
            return array if array.devices() == {self._at} else jax.device_put(array, self._at)

        return jax.tree.map(placed, arrays)

    def settings(self, vector: Array) -> AbstractContextManager[Any]:
        """Compute on the device, with float64 where the parameters have it, in the precision."""
        device = device_of(self.resources.device, vector)
        self.device, self._at = called(device), device
        stack = ExitStack()
        stack.enter_context(jax.default_device(device))
        stack.enter_context(jax.enable_x64(bool(vector.dtype == np.float64)))
        stack.enter_context(jax.default_matmul_precision(self.resources.matmul_precision))
        return stack


@cache
def _keep_programs() -> None:
    """Keep compiled programs with the other code of the package, if the user chose no folder."""
    config: Any = jax.config
    folder = cache_folder()
    if config.jax_compilation_cache_dir is None and folder is not None:
        config.update("jax_compilation_cache_dir", str(folder / "jax"))
        # JAX keeps what it compiled for a second; most of our programs take half of one
        config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
