"""Scores and predictions as machine code; training builds on them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from chainrule.engines.compiled import planning
from chainrule.engines.compiled.blocks import rows_of_block, shared_rows_of_block
from chainrule.engines.compiled.few_scores import DIRECT_ROWS, FewScores
from chainrule.engines.compiled.inputs import Inputs
from chainrule.engines.compiled.kernel_code import Kernels
from chainrule.engines.compiled.objective_code import NetworkCode
from chainrule.engines.compiled.planning import Planning
from chainrule.engines.compiled.predictions import Predictions
from chainrule.engines.compiled.rounding import Rounding, rows_together
from chainrule.engines.compiled.rules import TRAINING
from chainrule.engines.compiled.tables import GATHER, LIST, Job
from chainrule.engines.compiled.target import Target, host_target
from chainrule.engines.compiled.threads import run_team
from chainrule.engines.compiled.workspace import Workspace
from chainrule.engines.compiled.workspaces import Workspaces
from chainrule.engines.compiled.zeros import Zeros
from chainrule.formulas.loss import Loss
from chainrule.foundation.arrays import Array
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.sparse import check_entries, check_order
from chainrule.foundation.threads import check_threads
from chainrule.model.network import Network

__all__ = ["CompiledScores", "check_lists", "same_shape"]

# Rows that are converted at once, and summed to a gradient at once.
GRADIENT_ROWS = 4096
# Operations from which on a call is watched for Ctrl-C, about 0.025 s: on a slow or busy processor
# they may take a second.
WATCHED_OPERATIONS = 1.25e9


class CompiledScores:
    """Scores and predictions of a network as machine code for this processor.

    Parameters
    ----------
    network : Network
        The layers.
    loss : Loss
        The loss whose link gives predictions.
    n_threads : int, optional
        Threads; None takes all cores that this process may use, within the limits in force. The
        numbers do not depend on it.
    target : Target, optional
        The processor to make code for, instead of this one as it is.
    """

    # Rates of dropout of the hidden layers, and how products are rounded, in training.
    _dropout: tuple[float, ...] = ()
    _rounding: Rounding | None = None

    def __init__(
        self,
        network: Network,
        loss: Loss,
        n_threads: int | None = None,
        *,
        target: Target | None = None,
    ) -> None:
        self.network = network
        self.n_threads = n_threads
        check_threads(n_threads)
        self._target = target or host_target()
        self._code: dict[str, NetworkCode] = {}
        self._planning = Planning(network, n_threads, self._target.speed)
        widths = [layer.n_out for layer in network.layers]
        self._row_numbers = network.n_in + sum(widths) + max(widths)
        self._workspaces = Workspaces()
        sizes = network.n_parameters, network.n_in, network.n_out
        work = planning.CALL_WORK * self._target.speed
        self._few = FewScores(*sizes, -(-work // network.n_parameters))
        self.predictions = Predictions(loss, self._target).of

    def _code_for(self, dtype: np.dtype[Any]) -> NetworkCode:
        code = self._code.get(dtype.char)
        if code is None:
            code = self._code[dtype.char] = NetworkCode.of(
                self.network, self._target, dtype.itemsize
            )
        return code

    def few_scores(self, vector: Array, x: Array) -> Array | None:
        """Return the scores of a few rows, or None for rows of an unusual kind."""
        return self._few.scores(vector, x, self._few_rows)

    def scores(self, vector: Array, x: Array) -> Array:
        """Return the scores (n, n_out) at a flat vector of parameters."""
        few = self.few_scores(vector, x)
        if few is not None:
            return few
        vector, dtype = self._checked(vector)
        same_shape("x", x, (x.shape[0], self.network.n_in))
        out = np.empty((x.shape[0], self.network.n_out), dtype)
        for start, stop, inputs in self._chunks(x, dtype):
            if stop > start:
                self._score(vector, inputs, out[start:stop])
        return out

    def _checked(self, vector: Array) -> tuple[np.ndarray, np.dtype[Any]]:
        """Refuse parameters of the wrong dtype or shape: kernels look at no shapes."""
        if not isinstance(vector, np.ndarray) or vector.dtype.char not in "fd":
            raise InputError(
                "parameters must be a NumPy vector of float32 or float64 for the compiled engine; "
                f'got {type(vector).__name__} of {vector.dtype}. Use engine="reference".'
            )
        same_shape("parameters", vector, (self.network.n_parameters,))
        dtype = np.dtype(vector.dtype.char)
        return np.ascontiguousarray(vector, dtype), dtype

    def _chunks(self, x: Any, dtype: np.dtype[Any]) -> Iterator[tuple[int, int, Inputs]]:
        """Give all rows at once where they can be read in place, else converted chunks."""
        n = x.shape[0]
        check_lists(x)
        inputs = Inputs.of(x, dtype)
        if inputs is not None:
            yield 0, n, inputs
            return
        for start in range(0, n, GRADIENT_ROWS):
            stop = min(start + GRADIENT_ROWS, n)
            yield start, stop, Inputs.converted(x, slice(start, stop), dtype)

    def _score(self, vector: np.ndarray, inputs: Inputs, out: np.ndarray) -> None:
        block = self._rows_of_block(len(out), vector.itemsize)
        threads, zeros = self._planning.of(vector, inputs.x, block, len(out))
        with self._lent("score", vector.dtype, block, 0, threads, zeros) as work:
            work.job[Job.rows] = len(out)
            work.job[Job.out_at] = out
            work.job[Job.direct] = len(out) <= DIRECT_ROWS
            self._set_inputs(work, inputs)
            work.set_arrays([vector], [])
            self._run("score", vector.dtype, work, self._is_long(2.0, len(out)))

    def _rows_of_block(self, rows: int, itemsize: int) -> int:
        """Return the block size for one thread."""
        return rows_of_block(rows, self._target.lanes(itemsize), self._row_numbers * itemsize)

    def _set_inputs(self, work: Workspace, inputs: Inputs) -> None:
        kernels = self._code_for(work.dtype).kernels
        if work.listed:
            work.job[Job.gather_list] = kernels.entry(f"list_{inputs.kind}", LIST)
        else:
            work.job[Job.gather] = kernels.entry(f"gather_{inputs.kind}", GATHER)
        work.job[Job.source_at] = inputs.source
        work.job[Job.order_at] = None

    def _is_long(self, operations: float, rows: int) -> bool:
        """Return whether so many operations per parameter and row are to be watched."""
        return operations * self.network.n_parameters * rows > WATCHED_OPERATIONS

    def _kernels_for(self, work: Workspace) -> Kernels:
        """Return the kernels that run a kind of call."""
        return self._code_for(work.dtype).kernels

    def _run(self, name: str, dtype: Any, work: Workspace, watched: bool = False) -> None:
        kernels = self._kernels_for(work)
        work.job[Job.give_way] = kernels.give_way
        if work.checked:
            work.check()
        function, job = kernels.function(name), work.job_address
        run_team(function, job, work.threads, work.counters, watched)

    def _new_workspace(
        self,
        kind: str,
        dtype: Any,
        rows: int,
        n_slots: int,
        threads: int,
        zeros: Zeros | None = None,
    ) -> Workspace:
        training = kind in TRAINING
        lanes, row_bytes = self._target.lanes(dtype.itemsize), self._row_numbers * dtype.itemsize
        rounding = self._rounding if kind == "train" else None
        least = rows_together(rounding, lanes)
        return Workspace(
            self.network,
            self._code_for(dtype).activations,
            self._target,
            dtype,
            kind=kind,
            rows=rows,
            block=shared_rows_of_block(rows, threads, least, row_bytes) if training else rows,
            n_slots=n_slots,
            threads=threads,
            dropout=self._dropout if kind == "train" else (),
            zeros=zeros,
            rounding=rounding,
        )

    def _lent(self, *kind: Any) -> AbstractContextManager[Workspace]:
        return self._workspaces.lent(self._new_workspace, *kind)

    def _few_rows(self, dtype: np.dtype[Any]) -> tuple[Workspace, Kernels]:
        block = self._rows_of_block(planning.CALL_WORK, dtype.itemsize)
        work, kernels = (
            self._new_workspace("few", dtype, block, 0, 1),
            self._code_for(dtype).kernels,
        )
        work.job[Job.give_way] = kernels.give_way
        if work.checked:
            work.poison()
        return work, kernels


def same_shape(name: str, array: Any, shape: tuple[int, ...]) -> None:
    """Refuse an array of another shape."""
    if tuple(array.shape) != shape:
        raise must_be(name, f"of shape {shape}", tuple(array.shape))


def check_lists(x: Any) -> None:
    """Check a sparse matrix again: a callback may have edited it."""
    if hasattr(x, "tocsr"):
        lists = x.tocsr()
        check_entries(lists, "x")
        check_order(lists, "x")
