"""The link of a loss, from scores to predictions, as machine code.

A link takes whole vectors of rows (of numbers, where it is elementwise), so fewer rows go through
buffers. A row has the same bits alone as among others.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.engines.compiled.formula_modules import ALONE
from chainrule.engines.compiled.memory import address_of
from chainrule.engines.compiled.passes import Pass, prediction_pass
from chainrule.engines.compiled.tables import ACTIVATION
from chainrule.engines.compiled.target import Target
from chainrule.formulas.loss import Loss
from chainrule.foundation.arrays import namespace
from chainrule.tracing.formulas import UntraceableError

__all__ = ["Predictions"]


class Predictions:
    """Predictions from the scores of a loss.

    Parameters
    ----------
    loss : Loss
        The formula.
    target : Target
        The processor.
    """

    def __init__(self, loss: Loss, target: Target) -> None:
        self._loss = loss
        self._target = target
        self._links: dict[Any, Callable[[np.ndarray], np.ndarray]] = {}

    def of(self, scores: np.ndarray) -> np.ndarray:
        """Return the predictions, of the shape (n, k) of the scores."""
        link = self._links.get(scores.dtype)
        if link is None:
            link = self._links[scores.dtype] = self._link(scores.dtype)
        return link(scores)

    def _link(self, dtype: np.dtype[Any]) -> Callable[[np.ndarray], np.ndarray]:
        if dtype not in (np.float32, np.float64):
            return self._formula
        try:
            found = prediction_pass(self._loss, self._target, dtype.itemsize)
        except UntraceableError:  # a user-defined formula that cannot be compiled
            return self._formula
        return np.copy if found.is_copy else _Link(found, self._target.lanes(dtype.itemsize))

    def _formula(self, scores: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            predictions: np.ndarray = self._loss.mean(namespace(scores), scores)
        return predictions


class _Link:
    """A pass for arrays of any number of rows."""

    def __init__(self, found: Pass, lanes: int) -> None:
        self._pass = found  # keeps the code
        self._lanes = lanes
        self._run = found.code.entry(ALONE, ACTIVATION).function()
        self._fields_at = address_of(found.fields)
        # by columns; popping and appending are atomic: no two threads ever have the same buffers
        self._free: dict[int, list[_Buffers]] = {}

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        rows, columns = scores.shape if self._pass.rowwise else (scores.size, 1)
        if rows < self._lanes:
            return self._few(scores, columns)
        scores = np.ascontiguousarray(scores)
        predictions = np.empty_like(scores)
        many = rows - rows % self._lanes
        self._run(*self._arguments(many, columns, scores, predictions))
        if many < rows:  # the last vector ends with the rows: some of them are written twice
            skipped = (rows - self._lanes) * columns * scores.itemsize
            self._run(*self._arguments(self._lanes, columns, scores, predictions, skipped))
        return predictions

    def _arguments(
        self,
        rows: int,
        columns: int,
        scores: np.ndarray,
        predictions: np.ndarray,
        skipped: int = 0,
    ) -> tuple[int, ...]:
        """Return the arguments of the pass, ``skipped`` bytes into both arrays."""
        return ACTIVATION.arranged(
            rows=rows,
            columns=columns,
            ld=columns,
            z=address_of(scores) + skipped,
            a=address_of(predictions) + skipped,
            fields=self._fields_at,
        )

    def _few(self, scores: np.ndarray, columns: int) -> np.ndarray:
        free = self._free.setdefault(columns, [])
        try:
            buffers = free.pop()
        except IndexError:
            buffers = _Buffers(self._lanes * columns, scores.dtype)
            arrays = buffers.scores, buffers.predictions
            buffers.arguments = self._arguments(self._lanes, columns, *arrays)
        buffers.scores[: scores.size] = scores.reshape(-1)
        self._run(*buffers.arguments)
        predictions: np.ndarray = buffers.predictions[: scores.size].copy()
        free.append(buffers)
        return predictions.reshape(scores.shape)


class _Buffers:
    """Buffers for a vector of rows, and the arguments of a call on them."""

    arguments: tuple[int, ...]

    def __init__(self, numbers: int, dtype: np.dtype[Any]) -> None:
        self.scores, self.predictions = np.zeros((2, numbers), dtype)
