"""The steps, rows and seconds to a target loss, by batch size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.short_numbers import short
from chainrule.foundation.showing import Shown
from chainrule.insight.gradient_noise import GradientNoise, gradient_noise
from chainrule.insight.subject import Subject
from chainrule.training.trials import Setting, Trial

__all__ = ["Payoff", "Target", "find_target", "measure_payoff", "noise_along", "tuned_payoffs"]

# The target is this share of the decrease of the loss in the pilot run.
TARGET_FALL = 0.95
# Looks at the loss are so far apart, relative to the steps made.
LOOK_EVERY = 0.05
PILOT_PASSES = 5
FEWEST_STEPS, MOST_STEPS = 300, 3000
# A run ends without its target after so many times the pilot's steps, or so much work: rows, or
# rows times parameters.
PATIENCE = 2
MOST_ROWS = 4_000_000
MOST_WORK = 3e10
# Where on the way to the target the noise is measured, as shares of the steps.
STATIONS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, repr=False)
class Target(Shown):
    """The target loss of all runs of a comparison.

    Attributes
    ----------
    loss : float
        The target: given, or after 95 % of the decrease of a pilot run.
    start_loss, pilot_loss : float
        The loss at the start, and the lowest of the pilot.
    batch_size, pilot_steps : int
        Rows per step of the pilot, and its steps.
    most_rows : int
        Rows after which a run is stopped.
    """

    loss: float
    start_loss: float
    pilot_loss: float
    batch_size: int
    pilot_steps: int
    most_rows: int

    def most_steps(self, batch_size: int) -> int:
        """Return the number of steps after which a run is stopped."""
        return max(20, min(PATIENCE * self.pilot_steps, self.most_rows // batch_size))

    def __str__(self) -> str:
        return (
            f"target: loss {short(self.loss, 4)}, from {short(self.start_loss, 4)} at the start; a "
            f"pilot of {self.pilot_steps:,} steps of {self.batch_size:,} rows reached "
            f"{short(self.pilot_loss, 4)}"
        )


@dataclass(frozen=True, repr=False)
class Payoff(Shown):
    """The cost of reaching the target with one batch size.

    Attributes
    ----------
    batch_size : int
        Rows per step.
    learning_rate : float
        The rate of all its runs.
    steps : float or None
        Mean steps to the target over the repeats; None where some run did not reach it.
    fewest, most : float or None
        The smallest and the largest of the repeats.
    seconds : float or None
        Median seconds in the engine.
    reached, repeats, given_up : int
        Runs that reached the target, all runs, and the steps after which a run is stopped.
    """

    batch_size: int
    learning_rate: float
    steps: float | None
    fewest: float | None
    most: float | None
    seconds: float | None
    reached: int
    repeats: int
    given_up: int

    @property
    def rows(self) -> float | None:
        """Mean rows to the target."""
        return None if self.steps is None else self.steps * self.batch_size

    def __str__(self) -> str:
        setting = f"batch size {self.batch_size:,} at rate {self.learning_rate:g}"
        runs = f"{self.reached} of {self.repeats} runs"
        if self.steps is None:
            return f"{setting}: {runs} reached the target within {self.given_up:,} steps"
        return (
            f"{setting}: {short(self.steps, 4)} steps to the target (from {short(self.fewest, 4)} "
            f"to {short(self.most, 4)} in {runs}), {short(self.rows, 4)} rows, "
            f"{short(self.seconds)} s"
        )


def find_target(setting: Setting, batch_size: int, wanted: float | None = None) -> Target:
    """Run a pilot of 5 passes (300 to 3,000 steps), and return the target.

    Raises
    ------
    InputError
        If the loss does not fall, diverges, or does not reach the target given.
    """
    passes = PILOT_PASSES * len(setting.rows) // batch_size
    steps = min(max(FEWEST_STEPS, passes), MOST_STEPS)
    trial = Trial(setting, batch_size)
    lowest, fine = trial.start_loss, True
    while fine and trial.steps < steps:
        fine = trial.advance(_rates(trial, setting.learning_rate, steps))
        if fine:
            lowest = min(lowest, trial.loss)
    if not fine or not lowest < trial.start_loss:
        what = "diverged" if not fine else "did not fall"
        raise InputError(
            f"learning_rate must make the loss fall; at {setting.learning_rate:g} it {what} within "
            f"{trial.steps} steps of {batch_size} rows (first {short(trial.start_loss)}, lowest "
            f"{short(lowest)}). Find a rate with learning_rate_report."
        )
    loss = trial.start_loss - TARGET_FALL * (trial.start_loss - lowest)
    if wanted is not None:
        if not lowest <= wanted < trial.start_loss:
            raise must_be(
                "target",
                f"below the first loss {short(trial.start_loss)} and at least "
                f"{short(lowest)}, the lowest that {steps:,} steps of {batch_size} rows reach",
                wanted,
            )
        loss = float(wanted)
    work = MOST_WORK / setting.objective.network.n_parameters
    most = int(min(MOST_ROWS, max(work, PATIENCE * steps * batch_size)))
    return Target(loss, trial.start_loss, lowest, batch_size, steps, most)


def measure_payoff(
    setting: Setting, batch_size: int, rate: float, target: Target, repeats: int
) -> Payoff:
    """Run to the target with each of the orders, and return the cost."""
    runs = [_run(setting, batch_size, rate, repeat, target) for repeat in range(repeats)]
    reached = [run for run in runs if run is not None]
    given_up = target.most_steps(batch_size)
    if len(reached) < repeats:
        return Payoff(batch_size, rate, None, None, None, None, len(reached), repeats, given_up)
    steps = [run[0] for run in reached]
    return Payoff(
        batch_size,
        rate,
        float(np.mean(steps)),
        min(steps),
        max(steps),
        float(np.median([run[1] for run in reached])),
        len(reached),
        repeats,
        given_up,
    )


def tuned_payoffs(
    setting: Setting, batch_sizes: Sequence[int], target: Target, repeats: int
) -> list[Payoff]:
    """Return the payoff of each size, in rising order, at the rate that needs the fewest steps.

    The search doubles or halves from the best rate of the size before.
    """
    rate = setting.learning_rate
    found = []
    for size in batch_sizes:
        best = measure_payoff(setting, size, rate, target, repeats)
        for factor in (2.0, 0.5):
            turned = measure_payoff(setting, size, factor * rate, target, repeats)
            if not _fewer(turned, best):
                continue
            while _fewer(turned, best):
                best, rate = turned, turned.learning_rate
                turned = measure_payoff(setting, size, factor * rate, target, repeats)
            break
        found.append(best)
    return found


def _fewer(one: Payoff, other: Payoff) -> bool:
    return one.steps is not None and (other.steps is None or one.steps < other.steps)


def noise_along(
    setting: Setting, batch_size: int, rate: float, steps: float, drawn: Sequence[int] = ()
) -> list[tuple[int, GradientNoise]]:
    """Return the noise at five stations of a run of so many steps, the start and end included.

    The first of them is measured with drawn batches too.
    """
    trial = Trial(setting, batch_size)
    found: list[tuple[int, GradientNoise]] = []
    for station in sorted({round(share * steps) for share in STATIONS}):
        if station > trial.steps:
            trial.advance(np.full(station - trial.steps, rate))
        subject = Subject(setting.objective, trial.vector, setting.rows)
        sizes = () if found else drawn
        found.append((station, gradient_noise(subject, sizes, seed=setting.seed)))
    return found


def _rates(trial: Trial, rate: float, most: int) -> np.ndarray:
    count = max(1, math.ceil(LOOK_EVERY * trial.steps))
    return np.full(min(count, most - trial.steps), rate)


def _run(
    setting: Setting, batch_size: int, rate: float, repeat: int, target: Target
) -> tuple[float, float] | None:
    """Return steps and seconds to the target, between two looks in proportion; None without."""
    trial = Trial(setting, batch_size, repeat)
    most = target.most_steps(batch_size)
    while trial.steps < most:
        steps, seconds, loss = trial.steps, trial.seconds, trial.loss
        if not trial.advance(_rates(trial, rate, most)):
            return None
        if trial.loss <= target.loss:
            part = (loss - target.loss) / (loss - trial.loss)
            return (
                steps + part * (trial.steps - steps),
                seconds + part * (trial.seconds - seconds),
            )
    return None
