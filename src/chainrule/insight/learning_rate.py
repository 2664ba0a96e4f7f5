"""Learning rates compared: five from one start, a range test, and the limit of the curvature."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.engines.engine import Engine
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.short_numbers import short
from chainrule.insight.curvature import curvature_at
from chainrule.insight.learning_rate_results import LearningRateReport, RangeTest, RateRun
from chainrule.insight.setting import LOOK_ROWS, Problem, RunOptions, setting_of
from chainrule.insight.subject import Subject
from chainrule.model.network import Network
from chainrule.model.parameters import Parameters
from chainrule.training.trials import Setting, Trial

__all__ = ["learning_rate_report", "range_test"]

# The five rates as multiples of the initial one; and the fewest steps with a tail to judge by.
FACTORS, FEWEST_STEPS = (0.01, 0.1, 1.0, 10.0, 100.0), 10
# A decrease of this share of the best one counts as good.
GOOD_FALL = 0.9
# Steps that point back by more than this (mean cosine) undo each other.
TURNING_BACK = -0.5
# Ups and downs of the loss, per step, over its whole fall; and the share of steps that go up.
ROUGH, RISING = 0.05, 0.3
# A loss that ends this share above its start has diverged.
RISEN = 0.1
# A range test smooths losses with this weight of the newest, and ends this share above its start.
NEWEST, RANGE_STOP = 0.3, 0.5
# The band begins where this share of the fall is made, and ends at the rate of the lowest loss over
# this: a rate that is held has to be well below the one at which the loss turns up.
BAND_BEGINS, BAND_ENDS = 0.1, 3.0


def learning_rate_report(
    model: Subject | Network,
    loss: str | Loss | None = None,
    x: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    *,
    rates: Sequence[float] | None = None,
    steps: int = 100,
    batch_size: int | None = None,
    optimizer: str | Optimizer | None = None,
    learning_rate: float | None = None,
    start: Parameters | None = None,
    seed: int = 0,
    engine: str | Engine = "auto",
    look_rows: int = LOOK_ROWS,
) -> LearningRateReport:
    """Compare learning rates from the same start and on the same batches, with verdicts in words.

    Parameters
    ----------
    model : Subject or Network
        A subject holds loss, rows, optimizer and rate; a network needs ``loss``, ``x`` and ``y``.
    loss, x, y, sample_weight
        As in `chainrule.train`, with a Network.
    rates : sequence of float, optional
        By default the initial rate times 0.01, 0.1, 1, 10 and 100.
    steps : int
        Steps of each run.
    batch_size : int, optional
        Rows per step; by default that of the subject, or 32.
    optimizer, learning_rate : optional
        Instead of those of the subject.
    start : Parameters, optional
        The start of every run; by default drawn from the seed, as in training.
    seed, look_rows : int
        Seed of start and batches; number of rows to measure losses on.
    engine : str or Engine
        The engine that computes.

    Examples
    --------
    The chapter's line y = 3 x, for which every rate above 0.12 diverges:

    >>> from chainrule import Dense, Network, Parameters
    >>> start = Parameters.from_arrays([[[0.0]]], [[0.0]])
    >>> report = learning_rate_report(
    ...     Network(Dense(1, 1)), "mse", [[1.0], [2.0], [3.0], [4.0]], [3.0, 6.0, 9.0, 12.0],
    ...     start=start, batch_size=4, rates=[0.0001, 0.01, 0.1, 0.13, 1.0])
    >>> [run.verdict for run in report.runs]
    ['too small', 'good', 'good', 'diverged at step 1', 'diverged at step 1']
    >>> round(report.curvature.limit, 4)
    0.1198
    """
    setting = setting_of(
        Problem(model, loss, x, y, sample_weight),
        RunOptions(optimizer, learning_rate, start, seed, engine, look_rows),
    )
    if rates is None:
        rates = [setting.learning_rate * factor for factor in FACTORS]
    for rate in rates:
        if not 0.0 < rate < math.inf:
            raise must_be("rates", "positive and finite", rate)
    if batch_size is None:
        batch_size = (model.batch_size if isinstance(model, Subject) else None) or 32
    (size,) = setting.checked_sizes([min(batch_size, len(setting.rows))])
    if steps < FEWEST_STEPS:
        raise must_be("steps", f"at least {FEWEST_STEPS}", steps)
    runs = [_run(setting, float(rate), steps, size) for rate in sorted(rates)]
    return LearningRateReport(
        tuple(_judged(runs)),
        range_test(setting, batch_size=size),
        curvature_at(setting.objective, setting.start, setting.look),
        steps,
        size,
        setting.engine.optimizer.name,
    )


def range_test(
    setting: Setting,
    low: float = 1e-6,
    high: float = 100.0,
    steps: int = 160,
    batch_size: int = 32,
) -> RangeTest:
    """Raise the rate exponentially, a step at a time, until the loss leaves its range.

    Parameters
    ----------
    setting : Setting
        Start, rows and engine.
    low, high : float
        The first and the last rate.
    steps, batch_size : int
        The number of rates, and rows per step.
    """
    if not 0.0 < low < high < math.inf:
        raise InputError(f"low must be positive and below high; got {low} and {high}.")
    trial = Trial(setting, min(batch_size, len(setting.rows)))
    rates = np.geomspace(low, high, steps)
    losses: list[float] = []
    smooth: list[float] = []
    mean, weight, stopped = 0.0, 0.0, False
    for rate in rates:
        fine = trial.advance(np.array([rate]))
        if not fine or not math.isfinite(trial.loss):
            stopped = True
            break
        mean = (1.0 - NEWEST) * mean + NEWEST * trial.loss
        weight = (1.0 - NEWEST) * weight + NEWEST
        losses.append(trial.loss)
        smooth.append(mean / weight)
        if losses[-1] > trial.start_loss + RANGE_STOP * abs(trial.start_loss):
            stopped = True
            break
    band_low, band_high = _band(rates[: len(smooth)], np.array(smooth), trial.start_loss)
    made = rates[: len(losses)].tolist()
    return RangeTest(tuple(made), tuple(losses), tuple(smooth), band_low, band_high, stopped)


def _band(rates: np.ndarray, smooth: np.ndarray, start: float) -> tuple[float | None, float | None]:
    if len(smooth) == 0 or not smooth.min() < start:
        return None, None
    lowest = int(np.argmin(smooth))
    fallen = start - smooth >= BAND_BEGINS * (start - smooth[lowest])
    begins = float(rates[int(np.argmax(fallen))])
    ends = float(rates[lowest]) / BAND_ENDS
    return min(begins, ends), ends


def _run(setting: Setting, rate: float, steps: int, batch_size: int) -> RateRun:
    trial = Trial(setting, batch_size)
    losses, cosines = [trial.start_loss], []
    before, last = trial.vector.astype(np.float64), None
    for _ in range(steps):
        fine = trial.advance(np.array([rate]))
        losses.append(trial.loss)
        if not fine:
            break
        now = trial.vector.astype(np.float64)
        step = now - before
        if last is not None:
            lengths = float(np.linalg.norm(step) * np.linalg.norm(last))
            cosines.append(float(step @ last) / lengths if lengths > 0.0 else 0.0)
        before, last = now, step
    tail = losses[-max(1, len(losses) // 10) :]
    half = cosines[len(cosines) // 2 :]
    above = [not loss <= losses[0] for loss in losses]
    end = float(np.mean(tail))
    diverged = None
    if not end <= losses[0] + RISEN * abs(losses[0]):
        # after the last loss that was no higher than the first
        diverged = len(losses) - above[::-1].index(False)
    cosine = float(np.mean(half)) if half else 0.0
    vector = np.array(trial.vector)
    return RateRun(rate, tuple(losses), end, cosine, diverged, vector=vector)


def _judged(runs: list[RateRun]) -> list[RateRun]:
    alive = [run for run in runs if run.diverged_at is None]
    best = min(alive, key=lambda run: run.end) if alive else None
    return [_with_verdict(run, best) for run in runs]


def _with_verdict(run: RateRun, best: RateRun | None) -> RateRun:
    first = run.losses[0]
    if run.diverged_at is not None or best is None:
        last = run.losses[-1]
        verdict = f"diverged at step {run.diverged_at}"
        why = f"the loss rose from {short(first, 4)} to {short(last)}"
        return _with(run, verdict, why + ("" if math.isfinite(last) else ", which is not finite"))
    fall, best_fall = first - run.end, first - best.end
    if not best_fall > 0.0:
        return _with(run, "none learns", f"the loss stays at {short(first, 4)} for every rate")
    changes = np.diff(run.losses[len(run.losses) // 2 :])
    rising = float(np.mean(changes > 0.0))
    rough = float(np.mean(np.abs(changes))) / best_fall
    numbers = f"the loss fell from {short(first, 4)} to {short(run.end, 4)}"
    if rising >= RISING and rough > ROUGH:
        why = (
            f"the loss goes up and down by {short(rough * best_fall)} a step, "
            f"{100 * rough:.0f} % of the best fall (more than {100 * ROUGH:.0f} %)"
        )
        return _with(run, "oscillates", why)
    if fall >= GOOD_FALL * best_fall:
        turning = f"; its steps turn back (mean cosine {run.cosine:.2f})"
        return _with(run, "good", numbers + (turning if run.cosine < TURNING_BACK else ""))
    part = (
        f"{numbers}: {100 * fall / best_fall:.0f} % of the fall at {best.learning_rate:g} (less "
        f"than {100 * GOOD_FALL:.0f} %)"
    )
    if run.learning_rate < best.learning_rate:
        return _with(run, "too small", part)
    if run.cosine < TURNING_BACK:
        why = f"each step turns back (mean cosine {run.cosine:.2f}); {part}"
        return _with(run, "oscillates", why)
    return _with(run, "too large", part)


def _with(run: RateRun, verdict: str, why: str) -> RateRun:
    return RateRun(**{**vars(run), "verdict": verdict, "why": why})
