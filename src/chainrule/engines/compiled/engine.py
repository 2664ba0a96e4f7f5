"""The engine behind the protocol: it prepares a job for the kernels, and runs it."""

from functools import partial
from typing import Any

import numpy as np

from chainrule.engines.compiled import orders, passes, scoring
from chainrule.engines.compiled.inputs import Inputs
from chainrule.engines.compiled.kernel_code import Kernels
from chainrule.engines.compiled.memory import round_up
from chainrule.engines.compiled.objective_code import ObjectiveCode
from chainrule.engines.compiled.rounding import missing_for_rounding, rounding_of
from chainrule.engines.compiled.scoring import CompiledScores, check_lists, same_shape
from chainrule.engines.compiled.tables import Job
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.teamwork import ABORT
from chainrule.engines.compiled.workspace import Workspace
from chainrule.engines.engine import GradientSum, Position, Rows, Totals, checked_order
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.arrays import Array, floating_dtype, namespace
from chainrule.foundation.errors import must_be
from chainrule.model.dropout import step_keys
from chainrule.model.objective import Objective
from chainrule.tracing.constants import StepConstants

__all__ = ["CompiledEngine"]

# Operations of one call of a kernel at a speed of 1, about a tenth of a second, and the overhead of
# a step. Python is in charge between calls; counted by work and not by time, so that a run is
# reproducible.
CALL_OPERATIONS = 5e9
STEP_OPERATIONS = 1e6


class CompiledEngine(CompiledScores):
    """Training and prediction as machine code for this processor.

    Subnormal numbers, below 1.2e-38 in float32 and 2.2e-308 in float64, count as 0 in kernels.

    Parameters
    ----------
    objective : Objective
        The loss, penalties and network to minimise.
    optimizer : Optimizer
        The update rule.
    n_threads : int, optional
        Threads; None takes all cores that this process may use, within the limits in force. The
        numbers do not depend on it.
    target : Target, optional
        The processor to make code for, instead of this one as it is.
    matmul_precision : {"highest", "bfloat16"}
        "bfloat16" rounds the operands of products in steps of float32; sums stay float32, and so
        do products of layers with up to four outputs, products with rows of CSR matrices, and all
        that is measured or predicted.

    Raises
    ------
    InputError
        If this processor has no products in bfloat16.
    """

    name = "compiled"

    def __init__(
        self,
        objective: Objective,
        optimizer: Optimizer,
        n_threads: int | None = None,
        *,
        target: Target | None = None,
        matmul_precision: str = "highest",
    ) -> None:
        super().__init__(objective.network, objective.loss, n_threads, target=target)
        self.matmul_precision = matmul_precision
        if matmul_precision == "bfloat16":
            lacks = missing_for_rounding(self._target)
            if lacks is not None:
                advice = f"{lacks} Use matmul_precision='highest'."
                raise must_be("matmul_precision", "'highest' here", matmul_precision, advice)
            self._rounding = rounding_of(self._target)
        self.objective = objective
        self.optimizer = optimizer
        self._dropout = objective.dropout
        self._training_code: dict[str, ObjectiveCode] = {}
        self._constants = StepConstants(optimizer, objective.network.layout.distinct_rate_factors)

    def prepare(self, dtype: Any) -> None:
        """Compile or load all code for parameters of a dtype.

        Raises
        ------
        InputError
            If a formula cannot be compiled.
        """
        dtype = floating_dtype(dtype)
        self._code_for(dtype)
        self._training_code_for(dtype)
        self._training_kernels(dtype)

    def _training_code_for(self, dtype: np.dtype[Any]) -> ObjectiveCode:
        code = self._training_code.get(dtype.char)
        if code is None:
            code = self._training_code[dtype.char] = ObjectiveCode.of(
                self.objective, self.optimizer, self._target, dtype.itemsize
            )
        return code

    def _training_kernels(self, dtype: np.dtype[Any]) -> Kernels:
        """Return the kernels that make steps."""
        if self._rounding is None:
            return self._code_for(dtype).kernels
        if dtype.itemsize != 4:
            rule = f"'highest' for parameters of {dtype}"
            advice = "Or use dtype='float32'."
            raise must_be("matmul_precision", rule, self.matmul_precision, advice)
        return Kernels.of(self._target, dtype.itemsize, rounding=self._rounding)

    def _kernels_for(self, work: Workspace) -> Kernels:
        steps = work.kind == "train"
        return self._training_kernels(work.dtype) if steps else super()._kernels_for(work)

    def loss(self, vector: Array, rows: Rows) -> float:
        """Return the mean loss over all rows, without penalties."""
        vector, dtype = self._checked(vector)
        y, weight = self._targets(rows, dtype)
        losses = np.empty(len(rows))
        for start, stop, inputs in self._chunks(rows.x, dtype):
            some = None if weight is None else weight[start:stop]
            losses[start:stop] = self._losses(vector, inputs, y[start:stop], some)
        total = len(rows) if weight is None else np.sum(weight, dtype=np.float64)
        return float(np.sum(losses) / total)

    def gradient(self, vector: Array, rows: Rows) -> tuple[float, Array]:
        """Return mean loss plus penalties over all rows, and its flat gradient."""
        vector, _ = self._checked(vector)
        n = len(rows)
        total, _, gradient = self._summed(vector, rows, n)
        parameters = self.objective.network.parameters(vector)
        with np.errstate(all="ignore"):
            gradient = self.objective.with_penalties(parameters, gradient)
            price = self.objective.penalty(namespace(vector), parameters)
        return float(total / n + price), gradient

    def gradient_sum(self, vector: Array, rows: Rows) -> GradientSum:
        """Return the sums of w_i l_i, of w_i, and of w_i times the gradient of l_i."""
        return self._summed(self._checked(vector)[0], rows, 1)

    def _summed(self, vector: np.ndarray, rows: Rows, divisor: int) -> GradientSum:
        """Return the sums over all rows; that of the gradients over a divisor."""
        y, weight = self._targets(rows, vector.dtype)
        total, gradient = 0.0, np.zeros(len(vector))
        for start, stop, inputs in self._chunks(rows.x, vector.dtype):
            some = None if weight is None else weight[start:stop]
            loss, sums = self._accumulate(vector, inputs, y[start:stop], some, divisor)
            total += loss
            gradient += sums
        whole = len(rows) if weight is None else np.sum(weight, dtype=np.float64)
        return GradientSum(float(total), float(whole), gradient.astype(vector.dtype))

    def permutation(self, generator: np.random.Generator, n: int) -> np.ndarray:
        """Return what ``generator.permutation(n)`` would be, of a generator that is new."""
        for code in self._code.values():
            return orders.permutation(code.kernels, generator, n)
        return generator.permutation(n)

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
        vector, dtype = self._checked(position.vector)
        slots = [np.ascontiguousarray(slot, dtype) for slot in position.slots]
        for slot in slots:
            same_shape("slots", slot, vector.shape)
        y, weight = self._targets(rows, dtype)
        check_lists(rows.x)
        order = checked_order(order[: len(rates) * batch_size], len(y))
        batch = min(batch_size, max(len(order), 1))
        per_step = STEP_OPERATIONS + 6.0 * len(vector) * batch
        watched = self._is_long(6.0, batch)
        per_call = min(
            max(1, int(CALL_OPERATIONS * self._target.speed / per_step)), max(1, len(rates))
        )
        new = [np.empty_like(vector) for _ in range(1 + len(slots))]
        code = self._training_code_for(dtype)
        panels = len(slots) + (code.clipped is not None)
        threads, zeros = self._planning.of(vector, rows.x, batch, batch, per_call, moves=True)
        if self._rounding and zeros and not zeros.listed:
            zeros = None  # whether an input is rounded depends on its kind, not on its values
        with self._lent("train", dtype, batch, panels, threads, zeros) as work:
            self._set_update(work, code.update)
            if code.clipped is not None and self.optimizer.clip_norm is not None:
                work.set_clipping(code.clipped, self.optimizer.clip_norm)
            work.set_arrays([vector, *slots], new)
            work.begin(limit)
            try:
                for first in range(0, len(rates), per_call):
                    span = slice(first, first + per_call)
                    some = order[first * batch_size : (first + per_call) * batch_size]
                    constants = self._constants.table(rates[span], position.step + 1 + first)
                    if self.objective.dropout:
                        at, layers = position.step + first, len(self.objective.network.layers)
                        work.set_keys(step_keys(position.seed, at, len(constants), layers))
                    work.job[Job.pack] = first == 0
                    work.job[Job.unpack] = span.stop >= len(rates)
                    self._make_steps(work, rows.x, y, weight, some, batch, constants, watched)
                    if work.totals.steps < min(span.stop, len(rates)):
                        break
            finally:
                # after an interruption, too, the position is that of the last complete step; a step
                # that was cut leaves nothing behind
                totals = work.totals
                if work.counters[ABORT]:
                    totals = Totals(0.0, 0.0, 0, np.nan)
                if 0 < totals.steps < len(rates):
                    self._code_for(dtype).kernels.function("unpack_all")(work.job_address, 0)
                if totals.steps:
                    position.vector, position.slots = new[0], tuple(new[1:])
                    position.step += totals.steps
        return totals

    def _make_steps(
        self,
        work: Workspace,
        x: Any,
        y: np.ndarray,
        weight: np.ndarray | None,
        order: np.ndarray,
        batch: int,
        constants: np.ndarray,
        watched: bool,
    ) -> None:
        """Make some steps in the panels of a workspace."""
        inputs, n_rows = Inputs.of(x, work.dtype), len(order)
        if inputs is None:
            inputs = Inputs.converted(x, order, work.dtype)
            y = np.ascontiguousarray(y[order])
            weight = None if weight is None else weight[order]
            order = order[:0]  # the rows are in order now
        self._set_rows(work, inputs, y, weight)
        work.job[Job.order_at] = order if len(order) else None
        work.job[Job.rows], work.job[Job.batch] = n_rows, batch
        work.set_constants(constants)
        self._run("train", work.dtype, work, watched)

    def __reduce__(self) -> tuple[Any, ...]:
        made = partial(CompiledEngine, matmul_precision=self.matmul_precision)
        return made, (self.objective, self.optimizer, self.n_threads)

    def _targets(self, rows: Rows, dtype: np.dtype[Any]) -> tuple[np.ndarray, np.ndarray | None]:
        n, network = len(rows), self.objective.network
        y = np.ascontiguousarray(rows.y, dtype)
        weight = None if rows.weight is None else np.ascontiguousarray(rows.weight, dtype)
        same_shape("y", y, (n, network.n_out))
        same_shape("x", rows.x, (n, network.n_in))
        if weight is not None:
            same_shape("weight", weight, (n,))
        return y, weight

    def _losses(
        self, vector: np.ndarray, inputs: Inputs, y: np.ndarray, weight: np.ndarray | None
    ) -> np.ndarray:
        block = self._rows_of_block(len(y), vector.itemsize)
        losses = np.empty(round_up(len(y), block))
        threads, zeros = self._planning.of(vector, inputs.x, block, len(y))
        with self._lent("measure", vector.dtype, block, 0, threads, zeros) as work:
            self._set_rows(work, inputs, y, weight)
            work.job[Job.rows] = len(y)
            work.job[Job.losses_at] = losses
            work.set_arrays([vector], [])
            self._run("measure", vector.dtype, work, self._is_long(2.0, len(y)))
        return losses[: len(y)]

    def _accumulate(
        self,
        vector: np.ndarray,
        inputs: Inputs,
        y: np.ndarray,
        weight: np.ndarray | None,
        divisor: int,
    ) -> tuple[float, np.ndarray]:
        """Return the sum of the rows' losses, and that of their gradients over a divisor."""
        n = len(y)
        batch = min(n, scoring.GRADIENT_ROWS)
        steps = -(-n // batch)
        gradient = np.empty_like(vector)
        threads, zeros = self._planning.of(vector, inputs.x, batch, batch, steps, moves=True)
        with self._lent("gradient", vector.dtype, batch, 1, threads, zeros) as work:
            job, sums = work.job, work.panels[1]
            sums[:] = 0.0
            self._set_rows(work, inputs, y, weight)
            self._set_update(work, self._training_code_for(vector.dtype).accumulation)
            job[Job.rows], job[Job.batch], job[Job.divisor] = n, batch, divisor
            job[Job.target_at] = sums
            job[Job.pack] = job[Job.unpack] = 1
            factors = self.objective.network.layout.distinct_rate_factors
            work.set_constants(np.zeros((steps, len(factors), 1)))
            work.set_arrays([vector], [gradient], first_out=1)
            work.begin(np.nan)
            self._run("train", vector.dtype, work, self._is_long(6.0, n))
            return work.totals.loss, gradient

    def _set_rows(
        self, work: Workspace, inputs: Inputs, y: np.ndarray, weight: np.ndarray | None
    ) -> None:
        self._set_inputs(work, inputs)
        loss = self._training_code_for(work.dtype).loss
        work.job[Job.loss], work.job[Job.loss_fields_at] = loss.entry, loss.fields
        work.job[Job.y_at], work.job[Job.weight_at] = y, weight

    def _set_update(self, work: Workspace, update: passes.Pass) -> None:
        work.job[Job.update], work.job[Job.update_fields_at] = update.entry, update.fields
