"""The engine of accelerators: what `Engine` asks for, by programs that JAX compiles."""

import math
from contextlib import AbstractContextManager, ExitStack
from functools import cache, cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from chainrule.engines.engine import GradientSum, Position, Rows, Totals, checked_order
from chainrule.engines.jax_engine.batches import Batches
from chainrule.engines.jax_engine.courses import Course, Pace, Recipe, given_back
from chainrule.engines.jax_engine.devices import called, device_of
from chainrule.engines.jax_engine.left import flat
from chainrule.engines.jax_engine.moving import inputs, padded
from chainrule.engines.jax_engine.networks import Question, make_steps
from chainrule.engines.jax_engine.programs import Data, loss_sum, penalty_of, row_sums, scores_of
from chainrule.engines.jax_engine.residents import BLOCK, Residents
from chainrule.engines.jax_engine.tracing import has_price, untraceable
from chainrule.engines.leaving import Left
from chainrule.engines.meeting import current_meeting
from chainrule.engines.resources import USUAL, Resources
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.arrays import Array, namespace, to_numpy
from chainrule.foundation.cache_folder import cache_folder
from chainrule.model.objective import Objective
from chainrule.tracing.formulas import UntraceableError

__all__ = ["JaxEngine"]


class JaxEngine:
    """Feedforward, loss, backpropagation and update in one compiled call for many steps.

    Rows stay on the device as long as a `Rows` does; do not change its arrays meanwhile. Numbers
    that come from NumPy go back to NumPy, those of a training state when they are read; arrays of
    JAX stay where they are.

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
        self._bare = Objective(objective.network, objective.loss)
        self._residents = Residents(self.placed)

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

    def row_scores(self, vector: Array, rows: Rows) -> Array:
        """Return the scores (n, n_out) of rows, which stay on the device for the next call."""
        network = self.objective.network
        with self.settings(vector):
            at, blocks = self.placed(vector), self._residents.blocks(rows, np.dtype(vector.dtype))
            found = [scores_of(network, at, block.x) for block in blocks]
            if not isinstance(vector, np.ndarray | Left):
                return jnp.concatenate(found)[: len(rows)]
            return np.concatenate([np.asarray(one) for one in found])[: len(rows)]

    @cached_property
    def _has_price(self) -> bool:
        return has_price(self.objective)

    def penalty(self, vector: Array) -> float:
        """Return the penalty of the weights."""
        recipe, objective = self._recipe, self.objective
        with self.settings(vector):
            if self._has_price:
                strengths = np.asarray(recipe.strengths, vector.dtype)
                return float(penalty_of(recipe.formulas, self.placed(vector), strengths))
            known = vector.home if isinstance(vector, Left) else vector
            return float(objective.penalty(namespace(known), objective.network.parameters(known)))

    def loss(self, vector: Array, rows: Rows) -> float:
        """Return the mean loss over all rows, without penalties."""
        with self.settings(vector):
            at, blocks = self.placed(vector), self._residents.blocks(rows, np.dtype(vector.dtype))
            sums = [loss_sum(self._bare, at, block) for block in blocks]
            weight = self._residents.weight(rows)
            return sum(map(float, sums)) / weight if weight else math.nan

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
        with self.settings(vector):
            at, blocks = self.placed(vector), self._residents.blocks(rows, np.dtype(vector.dtype))
            losses: list[Any] = []
            total = None if len(rows) <= BLOCK else (jnp.zeros_like(at), jnp.zeros_like(at))
            for block in blocks:
                loss, total = row_sums(self._bare, at, block, divisor, total)
                losses.append(loss)
            gradient = jnp.zeros_like(at) if total is None else total[0]
            weight = self._residents.weight(rows)
            return GradientSum(sum(map(float, losses)), weight, given_back(gradient, vector))

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
        self._residents.trained.add(rows)
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
        return self._residents.whole(rows, dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return JaxEngine, (self.objective, self.optimizer, self.resources)

    def placed(self, arrays: Any) -> Any:
        """Return arrays on the device; those of JAX that live elsewhere are copied to it.

        Those of NumPy are not bound to it, as JAX says, so that a program is not compiled twice:
        for results of its own, and for arrays that a call takes along.
        """

        def placed(array: Any) -> Any:
            if isinstance(array, Left):
                array = flat(array)
            if not isinstance(array, jax.Array):
                return jax.device_put(array)
            return array if array.devices() == {self._at} else jax.device_put(array, self._at)

        return jax.tree.map(placed, arrays)

    def settings(self, vector: Array) -> AbstractContextManager[Any]:
        """Compute on the device, with float64 where the parameters have it, in the precision."""
        there = jax.tree.leaves(vector.there) if isinstance(vector, Left) else [vector]
        device = device_of(self.resources.device, there[0])
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
