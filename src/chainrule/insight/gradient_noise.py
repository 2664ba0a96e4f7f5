r"""How far the gradient of a batch is from that of all rows, from one pass over the rows.

In a dense layer the gradient of row i is the outer product of its input a_i and its delta, so its
squared norm is (\|a_i\|^2 + 1) \|delta_i\|^2: no gradient of a single row is ever formed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.foundation.arrays import Array, namespace
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.seeds import Purpose, stream
from chainrule.foundation.showing import Shown
from chainrule.insight.json_values import as_record
from chainrule.insight.row_blocks import Block, row_blocks
from chainrule.insight.subject import Subject
from chainrule.insight.text_table import short, text_table
from chainrule.model.objective import Objective

__all__ = [
    "GradientNoise",
    "GradientSums",
    "LayerNoise",
    "MeasuredError",
    "gradient_noise",
    "moments",
    "nearest_power_of_two",
]

BATCH_SIZES = (32, 64, 128, 256, 512, 1024)


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


@dataclass(frozen=True, repr=False)
class MeasuredError(Shown):
    """How far gradients of drawn batches were from the gradient of all rows.

    Attributes
    ----------
    batch_size : int
        Rows per batch, drawn without replacement.
    expected : float
        Root mean square of the relative error by the exact law.
    error, lowest, highest : float
        Root mean square, smallest and largest relative error of the draws.
    draws : int
        How many batches were drawn.
    """

    batch_size: int
    expected: float
    error: float
    lowest: float
    highest: float
    draws: int

    def __str__(self) -> str:
        return (
            f"{self.draws} batches of {self.batch_size:,} rows: relative error of the gradient "
            f"{short(self.error)} (from {short(self.lowest)} to {short(self.highest)}), "
            f"{short(self.expected)} expected"
        )


@dataclass(frozen=True, eq=False, repr=False)
class GradientNoise(Shown):
    r"""The gradient of all rows, and how much the gradients of single rows scatter around it.

    The gradient of a batch is a mean over B rows, so its variance falls as 1 / B, its error as
    1 / sqrt(B): four times the batch halves the error. For batches drawn from N rows without
    replacement the law is exact,

    .. math:: \operatorname{Var}(g_B) = \frac{\operatorname{tr}(S)}{B} \cdot \frac{N - B}{N - 1}

    with S the covariance over the rows (divided by N).

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
    measured : tuple of MeasuredError
        What drawn batches showed, where it was asked for.
    """

    n: int
    gradient: np.ndarray
    trace: float
    squared_gradient: float
    layers: tuple[LayerNoise, ...]
    measured: tuple[MeasuredError, ...] = ()

    @property
    def noise_scale(self) -> float:
        r"""The simple noise scale tr(Sigma) / \|G\|^2, in rows.

        Much smaller batches waste steps on noise, much larger ones waste rows. Infinite where the
        gradient cannot be told from 0 with these rows. Source: McCandlish et al. (2018),
        arXiv:1812.06162, eq. 2.9.
        """
        return _ratio(self.trace, self.squared_gradient)

    def variance(self, batch_size: int) -> float:
        """Return the exact variance of the gradient of a batch drawn without replacement."""
        if not 1 <= batch_size <= self.n:
            raise must_be("batch_size", f"from 1 to the {self.n} rows", batch_size)
        # trace * (n - 1) / n is the variance over the rows, divided by N
        return self.trace / batch_size * (self.n - batch_size) / self.n

    def relative_error(self, batch_size: int) -> float:
        """Return the root of `variance` over the norm of the gradient of all rows."""
        norm = float(np.linalg.norm(self.gradient))
        error = math.sqrt(max(self.variance(batch_size), 0.0))
        return error / norm if norm > 0.0 else (math.inf if error > 0.0 else 0.0)

    def choose(self, low: int = 32, high: int = 1024) -> tuple[int, str]:
        """Return the power of two nearest the noise scale within bounds, and why.

        It depends on rows and parameters only, not on the machine: a fit that takes it can be
        repeated.
        """
        scale = self.noise_scale
        size = nearest_power_of_two(scale, low, high, self.n)
        if math.isinf(scale):
            why = f"the gradient cannot be told from 0 with {self.n:,} rows"
        elif math.isnan(scale):
            why = "the gradient is not finite"
        else:
            why = f"the noise scale is {short(scale)} rows; larger batches repeat what they know"
        return size, f"batch size {size}: {why}; powers of two from {low} to {high} allowed"

    @property
    def summary(self) -> str:
        """What it means, in words."""
        # few of the rows, so that four times as many are drawn much as if there were no end of them
        size = max(1, min(self.n // 16, 256))
        if math.isinf(self.noise_scale):
            return (
                f"the gradient of all {self.n:,} rows cannot be told from 0: its squared norm "
                f"{short(float(self.gradient @ self.gradient))} is no more than its own noise "
                f"{short(self.trace / self.n)}. Here batches of any size are mostly noise."
            )
        return (
            f"noise scale {short(self.noise_scale)} rows (tr(Sigma) {short(self.trace)} over "
            f"|G|^2 {short(self.squared_gradient)}). A batch of {size} rows has a gradient error "
            f"of {short(self.relative_error(size))} times the gradient; four times the batch "
            "halves it."
        )

    def __str__(self) -> str:
        lines = [self.summary]
        if self.measured:
            head = ("batch size", "expected error", "measured error", "lowest", "highest")
            cells = [
                (f"{m.batch_size:,}", *map(short, (m.expected, m.error, m.lowest, m.highest)))
                for m in self.measured
            ]
            lines.append(text_table(head, cells))
        per_layer = [
            (f"{one.layer}", *map(short, (one.trace, one.squared_gradient, one.noise_scale)))
            for one in self.layers
        ]
        lines.append(text_table(("layer", "tr(Sigma)", "|G|^2", "noise scale"), per_layer))
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return all but the gradient itself, as JSON can hold it."""
        return as_record(
            {
                "rows": self.n,
                "trace": self.trace,
                "squared_gradient": self.squared_gradient,
                "noise_scale": self.noise_scale,
                "layers": [vars(one) | {"noise_scale": one.noise_scale} for one in self.layers],
                "measured": [dict(vars(one)) for one in self.measured],
            }
        )


def gradient_noise(
    subject: Subject, batch_sizes: Sequence[int] = BATCH_SIZES, draws: int = 20, seed: int = 0
) -> GradientNoise:
    """Return the noise of the gradient at the subject's parameters, by the law and by drawing.

    Parameters
    ----------
    subject : Subject
        Network, parameters and rows.
    batch_sizes : sequence of int
        Which batches to draw; those larger than the number of rows are left out.
    draws : int
        Batches drawn of each size; 0 draws none.
    seed : int
        Seed of the draws.

    Examples
    --------
    The batch numbers of a linear network at 0 on four rows, y = x1 + x2:

    >>> from chainrule import Dense, Network, Objective, Parameters
    >>> start = Parameters.from_arrays([np.zeros((2, 1))], [None])
    >>> x, y = [[1, 2], [3, 4], [5, 6], [7, 8]], [3, 7, 11, 15]
    >>> objective = Objective(Network(Dense(2, 1, bias=False)), "mse")
    >>> noise = gradient_noise(Subject.of(objective, start, x, y), (1, 2), draws=3)
    >>> [noise.variance(size) for size in (1, 2, 3, 4)]  # 6036 + 7476 for one row
    [13512.0, 4504.0, 1501.33..., 0.0]
    """
    rows, objective = subject.rows, subject.objective
    found = moments(objective, subject.vector, rows)
    if draws == 0:
        return found
    engine = ReferenceEngine(objective, subject.optimizer)
    measured = []
    for size in batch_sizes:
        if not isinstance(size, int | np.integer) or size < 1:
            raise must_be("batch_sizes", "positive integers", size)
        if size > len(rows):
            continue
        errors = []
        for draw in range(draws):
            random = stream(seed, Purpose.SAMPLE, size, draw)
            index = np.sort(random.choice(len(rows), size, replace=False))
            batch = Rows(*rows.take(index))
            _, gradient = engine.gradient(subject.vector, batch)
            distance = np.linalg.norm(gradient.astype(np.float64) - found.gradient)
            errors.append(_relative(float(distance), found.gradient))
        root = math.sqrt(sum(error * error for error in errors) / draws)
        measured.append(
            MeasuredError(
                int(size), found.relative_error(size), root, min(errors), max(errors), draws
            )
        )
    return GradientNoise(
        found.n, found.gradient, found.trace, found.squared_gradient, found.layers, tuple(measured)
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


def moments(objective: Objective, vector: np.ndarray, rows: Rows) -> GradientNoise:
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
    return GradientNoise(
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
        if isinstance(bound, bool) or not isinstance(bound, int | np.integer) or bound < 1:
            raise must_be(name, "a positive integer", bound)
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


def _relative(distance: float, gradient: np.ndarray) -> float:
    norm = float(np.linalg.norm(gradient))
    return distance / norm if norm > 0.0 else (math.inf if distance > 0.0 else 0.0)


def _squared_norms(array: Array) -> np.ndarray:
    if hasattr(array, "tocsr"):
        squared = array.astype(np.float64)
        return np.asarray(squared.multiply(squared).sum(axis=1)).ravel()
    norms: np.ndarray = np.einsum("ij,ij->i", array, array, dtype=np.float64)
    return norms
