"""Distance of the gradient of a batch from that of all rows, by its exact law and by drawing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.foundation.errors import must_be
from chainrule.foundation.seeds import Purpose, stream
from chainrule.foundation.short_numbers import short
from chainrule.foundation.showing import Shown
from chainrule.insight.json_values import as_record
from chainrule.insight.subject import Subject
from chainrule.insight.text_table import text_table
from chainrule.training.gradient_moments import Moments, moments, nearest_power_of_two

__all__ = [
    "GradientNoise",
    "MeasuredError",
    "gradient_noise",
]

BATCH_SIZES = (32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True, repr=False)
class MeasuredError(Shown):
    """The errors of the gradients of drawn batches.

    Attributes
    ----------
    batch_size : int
        Rows per batch, drawn without replacement.
    expected : float
        Root mean square of the relative error by the exact law.
    error, lowest, highest : float
        Root mean square, smallest and largest relative error of the draws.
    draws : int
        The number of batches drawn.
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
class GradientNoise(Moments):
    r"""The gradient of all rows, and how much the gradients of single rows scatter around it.

    The gradient of a batch is a mean over B rows, so its variance falls as 1 / B, its error as
    1 / sqrt(B): four times the batch halves the error. For batches drawn from N rows without
    replacement the law is exact,

    .. math:: \operatorname{Var}(g_B) = \frac{\operatorname{tr}(S)}{B} \cdot \frac{N - B}{N - 1}

    with S the covariance over the rows (divided by N).

    Attributes
    ----------
    n, gradient, trace, squared_gradient, layers, noise_scale
        As in `Moments`.
    measured : tuple of MeasuredError
        The errors of drawn batches, if requested.
    """

    measured: tuple[MeasuredError, ...] = ()

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
        """The noise scale and its meaning in words."""
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
        The batch sizes; those larger than the number of rows are left out.
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
    found = GradientNoise(**vars(moments(objective, subject.vector, rows)))
    engine = ReferenceEngine(objective, subject.optimizer)
    measured = []
    for size in batch_sizes if draws else ():
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
    return replace(found, measured=tuple(measured))


def _relative(distance: float, gradient: np.ndarray) -> float:
    norm = float(np.linalg.norm(gradient))
    return distance / norm if norm > 0.0 else (math.inf if distance > 0.0 else 0.0)
