"""The time of a training step on this machine: a fixed cost and a cost per row."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.foundation.short_numbers import short
from chainrule.foundation.showing import Shown
from chainrule.training.trials import Setting, Trial

__all__ = ["StepCost", "fit_cost", "measure_step_cost"]

# Seconds of a measurement, long against the clock's resolution and task switches.
SECONDS = 0.02
# The learning rate of the timed steps, which leave the parameters as they are.
STANDING_STILL = 1e-12


@dataclass(frozen=True, repr=False)
class StepCost(Shown):
    """Seconds per step: fixed + per_row * B, fitted to measurements with equal relative errors.

    Attributes
    ----------
    batch_sizes : tuple of int
        The batch sizes measured.
    seconds : tuple of float
        Seconds per step, the shortest of the repeats.
    slowest : tuple of float
        The longest.
    fixed, per_row : float
        The fit, both at least 0.
    engine : str
        The name of the engine.
    """

    batch_sizes: tuple[int, ...]
    seconds: tuple[float, ...]
    slowest: tuple[float, ...]
    fixed: float
    per_row: float
    engine: str

    def of(self, batch_size: int) -> float:
        """Return the seconds of a step by the fit."""
        return self.fixed + self.per_row * batch_size

    @property
    def summary(self) -> str:
        """The fit in words."""
        text = (
            f"a step costs {short(1e6 * self.fixed)} microseconds and "
            f"{short(1e6 * self.per_row)} more per row (engine {self.engine}, this machine)"
        )
        if self.per_row > 0.0 and self.fixed > 0.0:
            knee = self.fixed / self.per_row
            text += f": the fixed cost is that of {short(knee)} rows"
        return text

    def __str__(self) -> str:
        measured = ", ".join(
            f"{size:,} rows {short(1e6 * one)}"
            for size, one in zip(self.batch_sizes, self.seconds, strict=True)
        )
        return f"{self.summary}\nmeasured, in microseconds: {measured}"


def measure_step_cost(setting: Setting, batch_sizes: Sequence[int], repeats: int = 3) -> StepCost:
    """Measure the seconds of a step for each batch size, and fit fixed cost and cost per row."""
    sizes = setting.checked_sizes(batch_sizes)
    fastest, slowest = [], []
    for size in sizes:
        trial = Trial(setting, size)
        trial.advance(np.array([STANDING_STILL]))  # compiles, and warms the caches
        count, began = 1, time.perf_counter()
        while time.perf_counter() - began < SECONDS:
            before = trial.seconds
            trial.advance(np.full(count, STANDING_STILL))
            if trial.seconds - before > SECONDS / 2.0:
                break
            count *= 2
        found = []
        for _ in range(repeats):
            before = trial.seconds
            trial.advance(np.full(count, STANDING_STILL))
            found.append((trial.seconds - before) / count)
        fastest.append(min(found))
        slowest.append(max(found))
    fixed, per_row = fit_cost(sizes, fastest)
    return StepCost(sizes, tuple(fastest), tuple(slowest), fixed, per_row, setting.engine.name)


def fit_cost(sizes: Sequence[int], seconds: Sequence[float]) -> tuple[float, float]:
    """Return a and b, not negative, of seconds = a + b B, with equal relative errors.

    Examples
    --------
    >>> a, b = fit_cost([1, 10, 100], [3e-6, 12e-6, 102e-6])
    >>> round(1e6 * a, 6), round(1e6 * b, 6)
    (2.0, 1.0)
    """
    from scipy.optimize import nnls

    measured = np.asarray(seconds, dtype=np.float64)
    design = np.stack([np.ones(len(measured)), np.asarray(sizes, dtype=np.float64)], axis=1)
    (fixed, per_row), _ = nnls(design / measured[:, None], np.ones(len(measured)))
    return float(fixed), float(per_row)
