"""The benefit of larger batches, measured: noise, cost per step, and steps to a loss."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.engines.engine import Engine
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.errors import must_be
from chainrule.foundation.short_numbers import share, short
from chainrule.foundation.showing import Shown
from chainrule.insight.gradient_noise import BATCH_SIZES, GradientNoise
from chainrule.insight.json_values import as_record
from chainrule.insight.setting import Problem, RunOptions, setting_of
from chainrule.insight.step_cost import StepCost, measure_step_cost
from chainrule.insight.steps_to_target import (
    Payoff,
    Target,
    find_target,
    measure_payoff,
    noise_along,
    tuned_payoffs,
)
from chainrule.insight.subject import Subject
from chainrule.insight.text_table import text_table
from chainrule.model.network import Network
from chainrule.model.parameters import Parameters
from chainrule.training.gradient_moments import nearest_power_of_two

__all__ = ["BatchSizeReport", "batch_size_report"]

# A doubling that saves less than this share of the steps is not worth its rows.
WORTH_SAVING = 0.1
# Timed too, because the fixed cost of a step shows in small batches.
SMALL_SIZES = (1, 8)


@dataclass(frozen=True, eq=False, repr=False)
class BatchSizeReport(Shown):
    """Noise, cost per step, and steps, rows and seconds to a loss, against the batch size.

    Attributes
    ----------
    n : int
        Rows.
    optimizer : str
        Name of the rule.
    target : Target
        The target loss of all runs.
    fixed : tuple of Payoff
        Per batch size, at one learning rate for all: unfair to large batches.
    tuned : tuple of Payoff
        Per batch size, at its best learning rate; empty unless ``tune``.
    noise : tuple of (int, GradientNoise)
        At five stations (steps) of the run with the smallest batch, from the start to the target.
    cost : StepCost
        Seconds per step on this machine.
    """

    n: int
    optimizer: str
    target: Target
    fixed: tuple[Payoff, ...]
    tuned: tuple[Payoff, ...]
    noise: tuple[tuple[int, GradientNoise], ...]
    cost: StepCost

    @property
    def payoffs(self) -> tuple[Payoff, ...]:
        """The tuned comparison, if made, else the one at a fixed rate."""
        return self.tuned or self.fixed

    @property
    def noise_scale(self) -> float:
        """The median of the simple noise scale on the way to the target, in rows."""
        return float(np.median([noise.noise_scale for _, noise in self.noise]))

    @property
    def measured_noise_scale(self) -> float:
        """The B_c of steps = fewest (1 + B_c / B), fitted to the runs; NaN below 2 of them.

        Source: McCandlish et al. (2018), arXiv:1812.06162, eq. 2.7.
        """
        from scipy.optimize import nnls

        runs = [(run.batch_size, run.steps) for run in self.payoffs if run.steps is not None]
        if len(runs) < 2:
            return math.nan
        sizes, steps = np.array(runs, dtype=np.float64).T
        design = np.stack([np.ones(len(runs)), 1.0 / sizes], axis=1) / steps[:, None]
        (fewest, slope), _ = nnls(design, np.ones(len(runs)))
        return float(slope / fewest) if fewest > 0.0 else math.inf

    @property
    def best_by_throughput(self) -> float:
        """The batch size B* = sqrt(a B_noise / b) of the fewest seconds, for a step of a + b B.

        It makes fewest (1 + B_noise / B) (a + b B) smallest.
        """
        a, b = self.cost.fixed, self.cost.per_row
        if b == 0.0:
            return math.inf
        return math.sqrt(a * self.noise_scale / b)

    @property
    def diminishing(self) -> int | None:
        """The first batch size whose doubling saves less than 10 % of the steps, if any.

        So do, on average, the doublings after it: one lucky run does not end the returns.
        """
        return _diminishing(self.payoffs)

    @property
    def quickest(self) -> Payoff | None:
        """The run with the fewest seconds to the target."""
        reached = [run for run in self.payoffs if run.seconds is not None]
        return min(reached, key=lambda run: run.seconds or 0.0) if reached else None

    def choose(self, low: int = 32, high: int = 1024) -> tuple[int, str]:
        """Return the power of two nearest B* within bounds, and the sentence why.

        It depends on the speed of this machine; `GradientNoise.choose` does not.
        """
        best = self.best_by_throughput
        size = nearest_power_of_two(best, low, high, self.n)
        if math.isinf(self.noise_scale):
            why = "the gradient is indistinguishable from its noise on the way to the target"
        elif self.cost.fixed == 0.0:
            why = "a step costs no more than its rows, so small batches reach the target first"
        elif math.isinf(best):
            why = "a step costs the same for every batch size that was measured"
        else:
            why = (
                f"the fewest seconds are expected near sqrt(a B_noise / b) = {short(best)}, with "
                f"a = {short(1e6 * self.cost.fixed)} and b = {short(1e6 * self.cost.per_row)} "
                f"microseconds per step and per row, and a noise scale of "
                f"{short(self.noise_scale)} rows"
            )
        return size, f"batch size {size}: {why}; powers of two from {low} to {high} allowed"

    @property
    def conclusions(self) -> tuple[str, ...]:
        """The conclusions, one sentence each."""
        found = [self._returns(self.fixed, "at one learning rate for all")]
        if self.tuned:
            found.append(self._returns(self.tuned, "with the rate tuned for each size"))
        else:
            found.append(
                "One rate for all is unfair to large batches, which tolerate a higher one: "
                "tune=True compares each size at its best rate"
            )
        first, last = self.noise[0][1].noise_scale, self.noise[-1][1].noise_scale
        found.append(
            f"Noise scale {short(self.noise_scale)} rows on the way ({short(first)} at the start, "
            f"{short(last)} at the target), a prediction for plain descent; the runs themselves "
            f"give {short(self.measured_noise_scale)} rows"
        )
        found.append(f"On cost, {self.cost.summary}")
        if self.quickest is not None and self.quickest.seconds is not None:
            found.append(
                f"Fewest seconds to the target, measured: batch size {self.quickest.batch_size} "
                f"({short(self.quickest.seconds)} s)"
            )
        found.append(f"By noise and cost, {self.choose()[1]}")
        return tuple(found)

    def _returns(self, runs: Sequence[Payoff], how: str) -> str:
        start = _diminishing(runs)
        reached = [run.batch_size for run in runs if run.steps is not None]
        if not reached:
            return f"No batch size reached the target {how}"
        if start is None:
            return (
                f"Larger batches keep saving steps up to {reached[-1]} rows {how}: each "
                f"doubling saves at least {share(WORTH_SAVING)}"
            )
        sizes = [run.batch_size for run in runs]
        one = runs[sizes.index(start)]
        two = runs[sizes.index(start) + 1]
        saved = _saved(one, two)
        assert saved is not None
        if two.steps is None:
            what = f"{two.batch_size} rows do not reach the target in {two.given_up:,} steps"
        elif saved < 0.0:
            what = f"doubling it costs {share(-saved)} more steps"
        else:
            what = f"doubling it saves {share(saved)} of the steps"
        return (
            f"Diminishing returns start here: batch size {start} {how}; {what} (less than "
            f"{share(WORTH_SAVING)} saved)"
        )

    def __str__(self) -> str:
        title = (
            f"batch sizes on {self.n:,} rows ({self.optimizer}): steps, rows and seconds from loss "
            f"{short(self.target.start_loss, 4)} to {short(self.target.loss, 4)}"
        )
        lines = [title, self._table(self.fixed)]
        if self.tuned:
            lines += ["with the learning rate tuned for each size", self._table(self.tuned)]
        return "\n".join([*lines, *(f"{sentence}." for sentence in self.conclusions)])

    def _table(self, runs: Sequence[Payoff]) -> str:
        errors = {m.batch_size: m for m in self.noise[0][1].measured}
        costs = dict(zip(self.cost.batch_sizes, self.cost.seconds, strict=True))
        head = (
            "batch size",
            "gradient error",
            "us per step",
            "us per row",
            "rate",
            "steps",
            "range",
            "rows",
            "seconds",
            "saved by doubling",
        )
        cells = []
        for run, after in zip(runs, [*runs[1:], None], strict=True):
            size, error = run.batch_size, errors.get(run.batch_size)
            reached = run.steps is not None
            between = f"{short(run.fewest, 4)} to {short(run.most, 4)}" if reached else "-"
            cells.append(
                (
                    f"{size:,}",
                    short(None if error is None else error.error),
                    short(1e6 * costs[size]),
                    short(1e6 * costs[size] / size),
                    f"{run.learning_rate:g}",
                    short(run.steps, 4) if reached else f"over {run.given_up:,}",
                    between,
                    short(run.rows, 4),
                    short(run.seconds),
                    "" if after is None else share(_saved(run, after)),
                )
            )
        return text_table(head, cells)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return as_record(
            {
                "rows": self.n,
                "optimizer": self.optimizer,
                "target": dict(vars(self.target)),
                "fixed": [vars(run) | {"rows": run.rows} for run in self.fixed],
                "tuned": [vars(run) | {"rows": run.rows} for run in self.tuned],
                "noise": [{"step": step, **noise.to_dict()} for step, noise in self.noise],
                "noise_scale": self.noise_scale,
                "measured_noise_scale": self.measured_noise_scale,
                "cost": dict(vars(self.cost)),
                "best_by_throughput": self.best_by_throughput,
                "diminishing": self.diminishing,
                "conclusions": list(self.conclusions),
            }
        )


def batch_size_report(
    model: Subject | Network,
    loss: str | Loss | None = None,
    x: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    repeats: int = 3,
    tune: bool = False,
    target: float | None = None,
    optimizer: str | Optimizer | None = None,
    learning_rate: float | None = None,
    start: Parameters | None = None,
    seed: int = 0,
    engine: str | Engine = "auto",
) -> BatchSizeReport:
    """Measure the benefit and cost of larger batches for this network, rows and machine.

    All runs start from the same parameters and have the same target loss.

    Parameters
    ----------
    model : Subject or Network
        A subject holds loss, rows, optimizer and rate; a network needs ``loss``, ``x`` and ``y``.
    loss, x, y, sample_weight
        As in `chainrule.train`, with a Network.
    batch_sizes : sequence of int
        The sizes to compare; those larger than the number of rows are left out.
    repeats : int
        Runs per batch size, each with its own order of rows.
    tune : bool
        True to compare also at the best rate of each size; takes several times as long.
    target : float, optional
        The target loss, without penalties; by default the loss after 95 % of the decrease of a
        pilot run with the smallest batch.
    optimizer, learning_rate : optional
        Instead of those of the subject.
    start : Parameters, optional
        The start of every run; by default drawn from the seed, as in training.
    seed : int
        Seed of start and orders.
    engine : str or Engine
        The engine that computes.

    Raises
    ------
    InputError
        If the learning rate does not make the loss fall.

    Examples
    --------
    >>> x = np.linspace(-1.0, 1.0, 400)[:, None]
    >>> report = batch_size_report(
    ...     Network.of_widths([1, 8, 1], "tanh"), "mse", x, np.sin(3.0 * x),
    ...     batch_sizes=(32, 64, 128), repeats=2, learning_rate=0.05, engine="reference")
    >>> [run.batch_size for run in report.fixed if run.steps is not None]
    [32, 64, 128]
    >>> report.diminishing
    32
    """
    setting = setting_of(
        Problem(model, loss, x, y, sample_weight),
        RunOptions(optimizer, learning_rate, start, seed, engine),
    )
    sizes = setting.checked_sizes(batch_sizes)
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
        raise must_be("repeats", "a positive integer", repeats)
    cost = measure_step_cost(setting, (*SMALL_SIZES, *sizes), repeats)
    goal = find_target(setting, sizes[0], target)
    rate = setting.learning_rate
    fixed = [measure_payoff(setting, size, rate, goal, repeats) for size in sizes]
    tuned = tuned_payoffs(setting, sizes, goal, repeats) if tune else []
    steps = fixed[0].steps or goal.pilot_steps
    noise = noise_along(setting, sizes[0], rate, steps, sizes)
    return BatchSizeReport(
        len(setting.rows),
        setting.engine.optimizer.name,
        goal,
        tuple(fixed),
        tuple(tuned),
        tuple(noise),
        cost,
    )


def _diminishing(runs: Sequence[Payoff]) -> int | None:
    for one, two in pairwise(runs):
        saved, later = _saved(one, two), _saved(one, runs[-1])
        if saved is not None and later is not None and max(saved, later) < WORTH_SAVING:
            return one.batch_size
    return None


def _saved(one: Payoff, two: Payoff) -> float | None:
    """Return the share of steps saved per doubling from one size to another, where known."""
    if one.steps is None:
        return None
    if two.steps is None:
        return -math.inf
    doublings = math.log2(two.batch_size / one.batch_size)
    return float(1.0 - (two.steps / one.steps) ** (1.0 / doublings))
