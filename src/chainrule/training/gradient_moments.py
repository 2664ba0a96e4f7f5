r"""Mean and scatter of the gradients of single rows, from one pass over the rows.

In a dense layer the gradient of row i is the outer product of its input a_i and its delta, so its
squared norm is (\|a_i\|^2 + 1) \|delta_i\|^2: no gradient of a single row is ever formed.
"""

import math
from dataclasses import dataclass

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.foundation.arrays import Array, namespace
from chainrule.foundation.errors import InputError
from chainrule.foundation.real_numbers import check_count
from chainrule.foundation.short_numbers import short
from chainrule.foundation.showing import Shown
from chainrule.model.objective import Objective
from chainrule.training.row_blocks import Block, row_blocks

__all__ = ["GradientSums", "LayerNoise", "Moments", "moments", "nearest_power_of_two"]


@dataclass(frozen=True, repr=False)
class LayerNoise(Shown):
    """The gradient and its noise in one layer; see `GradientNoise` for the terms.

    Attributes
    ----------
    layer : int
        From 1.
    trace, squared_gradient, noise_scale : float
        As for the whole network.
    """

    layer: int
    trace: float
    squared_gradient: float

    @property
    def noise_scale(self) -> float:
        return _ratio(self.trace, self.squared_gradient)

    def __str__(self) -> str:
        return (
            f"layer {self.layer}: noise scale {short(self.noise_scale)} rows (tr(Sigma) "
            f"{short(self.trace)} over |G|^2 {short(self.squared_gradient)})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Moments(Shown):
    r"""The mean gradient of all rows, and how much the gradients of single rows scatter around it.

    Attributes
    ----------
    n : int
        Number of rows N.
    gradient : ndarray (n_parameters,)
        Mean gradient of all rows, penalties included, float64.
    trace : float
        Unbiased tr(Sigma): mean squared distance of a row's gradient from the mean.
    squared_gradient : float
        Unbiased \|G\|^2 of the population: that of the rows minus tr(Sigma) / N. May be negative.
    layers : tuple of LayerNoise
        The same for each layer.
    """

    n: int
    gradient: np.ndarray
    trace: float
    squared_gradient: float
    layers: tuple[LayerNoise, ...]

    @property
    def noise_scale(self) -> float:
        r"""The simple noise scale tr(Sigma) / \|G\|^2, in rows.

        Much smaller batches waste steps on noise, much larger ones waste rows. Infinite where the
        gradient cannot be told from 0 with these rows. Source: McCandlish et al. (2018),
        arXiv:1812.06162, eq. 2.9.
        """
        return _ratio(self.trace, self.squared_gradient)

    def __str__(self) -> str:
        return (
            f"gradient of {self.n:,} rows: noise scale {short(self.noise_scale)} rows (tr(Sigma) "
            f"{short(self.trace)} over |G|^2 {short(self.squared_gradient)})"
        )


class GradientSums:
    """Sum of the gradients of rows and of their squared norms, block by block, in float64.

    Parameters
    ----------
    objective : Objective
        Network, loss and penalties.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.rows = 0
        self.total = np.zeros(objective.network.n_parameters)
        self.squares = np.zeros(len(objective.network.layers))

    def add(self, block: Block, norms: bool = True) -> None:
        """Add the rows of a block, with or without their squared norms."""
        self.rows += len(block)
        for number, (weight, bias) in enumerate(self.objective.network.layout.layers):
            a, dz = block.inputs[number], block.dz[number]
            self.total[weight.at] += np.asarray(a.T @ dz, dtype=np.float64).ravel()
            if bias is not None:
                self.total[bias.at] += np.sum(dz, axis=0, dtype=np.float64)
            if norms:
                size = _squared_norms(a) + (0.0 if bias is None else 1.0)
                self.squares[number] += float(size @ _squared_norms(dz))

    def gradient(self, vector: np.ndarray) -> np.ndarray:
        """Return the gradient of the mean loss plus penalties."""
        gradient = self.total / self.rows
        for penalty in self.objective.penalties:
            for span in self.objective.network.layout.decayed:
                values = vector[span.at].astype(np.float64)
                gradient[span.at] += penalty.gradient(namespace(values), values)
        return gradient


def moments(objective: Objective, vector: np.ndarray, rows: Rows) -> Moments:
    """Return mean and scatter of the gradients of all rows, without drawing batches."""
    n = len(rows)
    if n < 2:
        raise InputError(f"rows must be at least 2 to speak of noise; got {n}. Pass more rows.")
    sums = GradientSums(objective)
    with np.errstate(all="ignore"):
        for block in row_blocks(objective, vector, rows):
            sums.add(block)
        mean, gradient = sums.total / n, sums.gradient(vector)
        layers = []
        for number, span in enumerate(objective.network.layout.whole_layers):
            around = float(sums.squares[number]) / n - float(mean[span] @ mean[span])
            trace = max(around, 0.0) * n / (n - 1) if math.isfinite(around) else math.nan
            squared = float(gradient[span] @ gradient[span]) - trace / n
            layers.append(LayerNoise(number + 1, trace, squared))
    return Moments(
        n,
        gradient,
        sum(layer.trace for layer in layers),
        sum(layer.squared_gradient for layer in layers),
        tuple(layers),
    )


def nearest_power_of_two(size: float, low: int, high: int, n: int) -> int:
    """Return the power of two nearest ``size`` (by ratio) from low to high, and not above n.

    Examples
    --------
    >>> nearest_power_of_two(310.0, 32, 1024, 10_000), nearest_power_of_two(1e9, 32, 1024, 150)
    (256, 128)
    """
    for name, bound in (("low", low), ("high", high)):
        check_count(name, bound)
    first, last = math.ceil(math.log2(low)), math.floor(math.log2(high))
    if first > last:
        raise InputError(
            f"low and high must have a power of two between them; got {low} and {high}. Try 32 "
            "and 1024."
        )
    last = min(last, math.floor(math.log2(n)))
    first = min(first, last)
    if math.isnan(size) or size <= 0.0:
        return int(2**first)
    wanted = last if math.isinf(size) else round(math.log2(size))
    return int(2 ** min(max(wanted, first), last))


def _ratio(trace: float, squared_gradient: float) -> float:
    if trace == 0.0:
        return 0.0
    if math.isnan(trace) or math.isnan(squared_gradient):
        return math.nan
    return trace / squared_gradient if squared_gradient > 0.0 else math.inf


def _squared_norms(array: Array) -> np.ndarray:
    if hasattr(array, "tocsr"):
        squared = array.astype(np.float64)
        return np.asarray(squared.multiply(squared).sum(axis=1)).ravel()
    norms: np.ndarray = np.einsum("ij,ij->i", array, array, dtype=np.float64)
    return norms
