"""All numbers of the chain rule in float64: of one row with exact sums, and of many rows."""

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.foundation.arrays import Namespace, namespace
from chainrule.insight.subject import Subject
from chainrule.training.row_blocks import Block, row_blocks

__all__ = ["RowTrace", "contributions"]


def _blocks(subject: Subject, rows: slice) -> Iterator[Block]:
    """Yield the blocks of some rows, each of weight 1, in float64."""
    x, y = subject.rows.x[rows], np.asarray(subject.rows.y[rows], dtype=np.float64)
    return row_blocks(subject.objective, np.asarray(subject.vector, np.float64), Rows(x, y))


def _dense(x: Any) -> np.ndarray:
    return np.asarray(x.toarray() if hasattr(x, "toarray") else x)


class RowTrace:
    """Feedforward and backpropagation of one row; every sum over units is rounded once.

    Parameters
    ----------
    subject : Subject
        Network, parameters and rows.
    row : int
        The row, counted from 0.
    """

    def __init__(self, subject: Subject, row: int) -> None:
        self.subject = subject
        self.row = row
        self.weights = [np.asarray(w, dtype=np.float64) for w in subject.parameters.weights]
        (block,) = _blocks(subject, slice(row, row + 1))
        self.y = np.asarray(subject.rows.y[row : row + 1], dtype=np.float64)
        self.xp: Namespace = namespace(self.y)
        self.z: list[np.ndarray] = [z[0] for z in block.z]
        self.a: list[np.ndarray] = [_dense(block.inputs[0])[0], *(a[0] for a in block.a)]
        self._da: dict[int, np.ndarray] = {}

    @property
    def scores(self) -> np.ndarray:
        """The output of the last layer."""
        return self.a[-1]

    @cached_property
    def prediction(self) -> np.ndarray:
        """The prediction that the scores stand for."""
        with np.errstate(all="ignore"):
            mean: np.ndarray = self.subject.objective.loss.mean(self.xp, self.scores[None, :])[0]
        return mean

    @cached_property
    def loss(self) -> float:
        """The loss of this row."""
        with np.errstate(all="ignore"):
            rows = self.subject.objective.loss.rows(self.xp, self.scores[None, :], self.y)
        return float(rows[0])

    @cached_property
    def dscores(self) -> np.ndarray:
        """The derivative of this row's loss by its scores."""
        loss = self.subject.objective.loss
        with np.errstate(all="ignore"):
            gradient: np.ndarray = loss.rows_gradient(self.xp, self.scores[None, :], self.y)[0]
        return gradient

    def slopes(self, layer: int) -> np.ndarray:
        """The slope of each unit of a layer (from 1)."""
        activation = self.subject.objective.network.layers[layer - 1].activation
        z, a = self.z[layer - 1][None, :], self.a[layer][None, :]
        with np.errstate(all="ignore"):
            slope: np.ndarray = activation.slope(self.xp, z, a)[0]
        return slope

    def jacobian(self, layer: int) -> np.ndarray:
        """For a row-wise activation, da_m / dz_j of a layer (from 1) at [m, j]."""
        activation = self.subject.objective.network.layers[layer - 1].activation
        z, a = self.z[layer - 1], self.a[layer]
        units = len(z)
        rows = np.broadcast_to(z, (units, units)), np.broadcast_to(a, (units, units))
        with np.errstate(all="ignore"):
            jacobian: np.ndarray = activation.pullback(self.xp, *rows, np.eye(units))
        return jacobian

    def da(self, layer: int) -> np.ndarray:
        """The derivative of this row's loss by the outputs of a layer; 0 is the input."""
        if layer not in self._da:
            if layer == len(self.weights):
                self._da[layer] = self.dscores
            else:
                terms = self.weights[layer] * self.dz(layer + 1)
                self._da[layer] = _exact_sums(terms)
        return self._da[layer]

    def dz(self, layer: int) -> np.ndarray:
        """The derivative of this row's loss by the weighted sums of a layer (from 1)."""
        with np.errstate(all="ignore"):
            if self.subject.objective.network.layers[layer - 1].activation.rowwise:
                terms = self.jacobian(layer) * self.da(layer)[:, None]
                return _exact_sums(terms.T)
            dz: np.ndarray = self.slopes(layer) * self.da(layer)
            return dz


def _exact_sums(terms: np.ndarray) -> np.ndarray:
    """Return the sum of each row, rounded once; NaN and infinity keep their meaning."""
    if np.all(np.isfinite(terms)):
        try:
            return np.array([math.fsum(row) for row in terms.tolist()])
        except OverflowError:
            pass
    with np.errstate(all="ignore"):
        sums: np.ndarray = np.sum(terms, axis=1)
        return sums


def contributions(subject: Subject, layer: int, unit: int | None, to: int) -> np.ndarray:
    """Return the derivative of each row's loss by one weight, or bias where ``unit`` is None.

    Parameters
    ----------
    layer : int
        From 1.
    unit, to : int
        From which input to which unit of the layer, from 0.
    """
    parts = []
    with np.errstate(all="ignore"):
        for block in _blocks(subject, slice(None)):
            part = block.dz[layer - 1][:, to]
            if unit is not None:
                part = part * _dense(block.inputs[layer - 1][:, [unit]])[:, 0]
            parts.append(part)
    return np.concatenate(parts)
