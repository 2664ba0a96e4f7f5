"""Choose a batch size from the gradient noise of the first steps; the same on every machine."""

import math

import numpy as np

from chainrule.engines.engine import Engine, Rows
from chainrule.foundation.short_numbers import short
from chainrule.training.gradient_moments import moments, nearest_power_of_two
from chainrule.training.row_blocks import drawn_places
from chainrule.training.trials import Setting, Trial

__all__ = ["noise_batch_size", "noise_of_first_steps"]

# Steps of the trial, and how often the noise is measured on the way.
STEPS, STATIONS = 300, 5
# Rows that the noise is measured on.
NOISE_ROWS = 8192


def noise_batch_size(
    engine: Engine,
    rows: Rows,
    vector: np.ndarray,
    *,
    learning_rate: float,
    low: int = 32,
    high: int = 1024,
    seed: int = 0,
) -> tuple[int, str]:
    """Return the power of two nearest the noise scale of a fit's first steps, and why.

    The noise scale is small at the start, where all rows agree, and grows; so the median of five
    places on a trial of 300 steps with the smallest batch is taken. Parameters are not changed,
    and no clock is read: the same seed gives the same size.

    Parameters
    ----------
    engine : Engine
        With the objective and the optimizer.
    rows : Rows
        The rows of the fit.
    vector : ndarray
        The parameters it starts from.
    learning_rate : float
        Its rate.
    low, high : int
        Bounds; with fewer rows than ``low`` the batch is all rows.
    seed : int
        Seed of the trial.

    Examples
    --------
    >>> from chainrule import Network, Objective, optimizers
    >>> from chainrule.engines.reference import ReferenceEngine
    >>> x = np.linspace(-1.0, 1.0, 1000)[:, None]
    >>> network = Network.of_widths([1, 8, 1], "tanh")
    >>> engine = ReferenceEngine(Objective(network, "mse"), optimizers.adam)
    >>> size, why = noise_batch_size(
    ...     engine, Rows(x, np.sin(5.0 * x)), network.start(0).vector, learning_rate=0.01)
    >>> print(why)
    batch size ...: the noise scale is ... rows (median on the first 300 steps, from ... to ...);
    larger batches repeat what they know; powers of two from 32 to 1024 allowed
    """
    n = len(rows)
    nearest_power_of_two(1.0, low, high, max(n, low))  # checks the bounds
    if n < max(low, 2):
        return n, f"batch size {n}: all rows, which are fewer than {low}"
    smallest = nearest_power_of_two(1.0, low, high, n)
    scales, steps = noise_of_first_steps(
        engine, rows, vector, learning_rate=learning_rate, batch_size=smallest, seed=seed
    )
    scale = float(np.median(scales))
    size = nearest_power_of_two(scale, low, high, n)
    if math.isfinite(scale):
        found = (
            f"the noise scale is {short(scale)} rows (median on the first {steps} steps, "
            f"from {short(min(scales))} to {short(max(scales))}); larger batches repeat what they "
            "know"
        )
    else:
        found = f"the gradient cannot be told from its noise on the first {steps} steps"
    return size, f"batch size {size}: {found}; powers of two from {low} to {high} allowed"


def noise_of_first_steps(
    engine: Engine,
    rows: Rows,
    vector: np.ndarray,
    *,
    learning_rate: float,
    batch_size: int,
    seed: int,
    measured_rows: int = NOISE_ROWS,
) -> tuple[list[float], int]:
    """Return the noise scale at five places of a trial's first 300 steps, and the steps made."""
    sample = rows
    if len(rows) > measured_rows:
        sample = Rows(*rows.take(drawn_places(rows, measured_rows, seed)))
    # one row is enough: the loss itself does not matter here
    x, y, _ = rows.take(slice(0, 1))
    look = Rows(x, y)
    trial = Trial(Setting(engine, rows, vector, learning_rate, look, seed), batch_size)
    scales = [moments(engine.objective, trial.vector, sample).noise_scale]
    for _ in range(STATIONS - 1):
        if not trial.advance(np.full(STEPS // (STATIONS - 1), learning_rate)):
            break
        scales.append(moments(engine.objective, trial.vector, sample).noise_scale)
    return scales, trial.steps
