"""Scores of a few rows, on one thread, in calls that are prepared but for the rows.

A row of a small network takes about a microsecond, so Python around it dominates: rows are copied
to a buffer with a known address, and scores from one. The weights are read in place, or packed
again, in every call, so that an edited weight counts from the next call on.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from chainrule.engines.compiled.inputs import dense_source
from chainrule.engines.compiled.kernel_code import Kernels
from chainrule.engines.compiled.tables import GATHER, Job
from chainrule.engines.compiled.workspace import Workspace

__all__ = ["DIRECT_ROWS", "FewScores"]

# Rows up to which scores read the weights in the flat vector: packing takes as long as two to four
# rows. It pays from 5 rows on for 784-512-512-10, from 8 on for 128-256-128-10, from 24 on for
# 50-128-64-10.
DIRECT_ROWS = 8
# Inputs and scores, in numbers, up to which they are copied: that takes up to 10 microseconds, and
# 80 to prepare a call that reads them in place.
COPIED = 65_536
# Multiplications during which other threads of Python may wait: about 5 microseconds.
SHORT_WORK = 50_000
_KINDS = {np.dtype(np.float32), np.dtype(np.float64)}
Prepare = Callable[[np.dtype[Any]], tuple[Workspace, Kernels]]


class FewScores:
    """Scores of a few rows, in successive calls.

    Parameters
    ----------
    n_parameters, n_in, n_out : int
        Sizes of the network.
    rows : int
        Rows from which on one thread is not enough.
    """

    def __init__(self, n_parameters: int, n_in: int, n_out: int, rows: int) -> None:
        most = max(DIRECT_ROWS, min(rows - 1, COPIED // (n_in + n_out)))
        self._sizes = n_parameters, n_in, n_out, most
        # popping and appending are atomic: no two threads ever have the same one
        self._free: list[_Prepared] = []

    def scores(self, vector: Any, x: Any, prepare: Prepare) -> np.ndarray | None:
        """Return the scores of rows (n, n_in), or None for rows of an unusual kind.

        `prepare` gives a workspace of one thread, and the kernels, for a dtype of parameters.
        """
        try:
            prepared = self._free.pop()
        except IndexError:
            prepared = _Prepared(self._sizes)
        scores = None
        if (
            type(x) is ndarray
            and x.dtype is prepared.x_dtype
            and x.shape == prepared.x_shape
            and vector is prepared.vector
            and vector.dtype is prepared.dtype
        ) or prepared.suits(vector, x, prepare):
            prepared.inputs[...] = x
            prepared.run()
            scores = prepared.out.copy()
        self._free.append(prepared)
        return scores


class _Prepared:
    """Buffers for a few rows and their scores, and the arguments they are ready for."""

    vector: Any = None
    dtype: Any = None
    x_dtype: Any = None
    x_shape: tuple[int, ...] = ()
    inputs: np.ndarray
    out: np.ndarray
    run: Callable[[], Any]

    def __init__(self, sizes: tuple[int, int, int, int]) -> None:
        self._sizes = sizes
        self._jobs: dict[Any, _PreparedJob] = {}

    def suits(self, vector: Any, x: Any, prepare: Prepare) -> bool:
        """Get ready for these arguments; return whether they are of the usual kind."""
        n_parameters, n_in, n_out, most = self._sizes
        usual = (
            type(x) is ndarray
            and x.ndim == 2
            and x.shape[1] == n_in
            and 0 < x.shape[0] <= most
            and x.dtype in _KINDS
            and type(vector) is ndarray
            and vector.dtype in _KINDS
            and vector.shape == (n_parameters,)
            and vector.flags.c_contiguous
            and vector.flags.aligned
        )
        if usual:
            kinds = vector.dtype, x.dtype
            job = self._jobs.get(kinds)
            if job is None:
                work, kernels = prepare(vector.dtype)
                inputs, out = np.zeros((most, n_in), x.dtype), np.zeros((most, n_out), vector.dtype)
                job = self._jobs[kinds] = _PreparedJob(work, kernels, inputs, out)
            # the vector is kept: an array stays where it is
            self.vector, self.dtype = vector, vector.dtype
            self.x_dtype, self.x_shape = x.dtype, x.shape
            self.inputs, self.out = job.inputs[: len(x)], job.out[: len(x)]
            self.run = job.ready(vector, len(x))
        return usual


class _PreparedJob:
    """A job for one dtype of parameters and one of rows, and its buffers."""

    def __init__(
        self, work: Workspace, kernels: Kernels, inputs: np.ndarray, out: np.ndarray
    ) -> None:
        self._work, self.inputs, self.out = work, inputs, out
        job, gather = work.job, f"gather_{inputs.dtype.str[1:]}"
        job[Job.source_at], job[Job.order_at] = dense_source(inputs), None
        job[Job.gather] = kernels.entry(gather, GATHER)
        job[Job.out_at] = out
        self._short = kernels.builtin("score_here", work.job_address)
        score, address = kernels.function("score"), work.job_address
        self._long = lambda: score(address, 0)

    def ready(self, vector: np.ndarray, rows: int) -> Callable[[], Any]:
        """Return the function that writes the scores of the first rows."""
        self._work.set_arrays([vector], [])
        job = self._work.job
        job[Job.rows], job[Job.direct] = rows, rows <= DIRECT_ROWS
        if self._work.checked:
            self._work.check()
        return self._short if rows * len(vector) <= SHORT_WORK else self._long
