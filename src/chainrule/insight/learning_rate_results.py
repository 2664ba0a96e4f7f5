"""The results of comparing learning rates: a run, a range test, and the report of both."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.foundation.short_numbers import short
from chainrule.foundation.showing import Shown
from chainrule.insight.curvature import Curvature
from chainrule.insight.json_values import as_record
from chainrule.insight.text_table import text_table

__all__ = ["LearningRateReport", "RangeTest", "RateRun"]


@dataclass(frozen=True, repr=False)
class RateRun(Shown):
    """A run at one learning rate.

    Attributes
    ----------
    learning_rate : float
        The rate.
    losses : tuple of float
        Mean loss of the sampled rows, before the first step and after each.
    end : float
        Mean of the last tenth of them.
    cosine : float
        Mean cosine between one step and the next, in the second half; -1 turns straight back.
    diverged_at : int or None
        The step after which the loss stayed above its start, or was not finite.
    verdict : str
        ``too small``, ``good``, ``oscillates``, ``too large``, ``diverged at step n`` or ``none
        learns``.
    why : str
        The numbers behind the verdict.
    vector : ndarray or None
        The parameters at the end.
    """

    learning_rate: float
    losses: tuple[float, ...]
    end: float
    cosine: float
    diverged_at: int | None
    verdict: str = ""
    why: str = ""
    vector: np.ndarray | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"rate {self.learning_rate:g}: {self.verdict or 'not judged'}" + (
            f"; {self.why}" if self.why else ""
        )


@dataclass(frozen=True, repr=False)
class RangeTest(Shown):
    """The loss while the rate rises exponentially, one step per rate.

    Attributes
    ----------
    rates, losses : tuple of float
        The rate of each step, and the loss after it.
    smooth : tuple of float
        The losses, exponentially smoothed (Smith, 2017, WACV, arXiv:1506.01186).
    low, high : float or None
        The suggested band: from the rate where a tenth of the fall is made to a third of the rate
        of the lowest loss. None where the loss never fell.
    stopped : bool
        True if the loss left its range before the last rate.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smooth: tuple[float, ...]
    low: float | None
    high: float | None
    stopped: bool

    @property
    def summary(self) -> str:
        """The band in words."""
        if self.low is None or self.high is None:
            return (
                f"range test: the loss never fell between the rates {short(self.rates[0])} and "
                f"{short(self.rates[-1])}"
            )
        lowest = int(np.argmin(self.smooth))
        end = "and left its range" if self.stopped else "and the test ended"
        return (
            f"range test: rates from {short(self.low)} to {short(self.high)}; the loss was lowest "
            f"({short(self.smooth[lowest], 4)}) at {short(self.rates[lowest])} {end} at "
            f"{short(self.rates[-1])}"
        )

    def __str__(self) -> str:
        return self.summary


@dataclass(frozen=True, repr=False)
class LearningRateReport(Shown):
    """Rates compared from the same start on the same batches.

    Attributes
    ----------
    runs : tuple of RateRun
        One per rate, the smallest first.
    test : RangeTest
        The range test from the same start.
    curvature : Curvature
        Of the loss of all rows at the start.
    steps, batch_size : int
        Steps of each run, and rows per step.
    optimizer : str
        Name of the rule.
    """

    runs: tuple[RateRun, ...]
    test: RangeTest
    curvature: Curvature
    steps: int
    batch_size: int
    optimizer: str

    @property
    def best(self) -> RateRun | None:
        """The run with the lowest loss at its end; None where no rate learns."""
        good = [run for run in self.runs if run.verdict == "good"]
        return min(good, key=lambda run: run.end) if good else None

    @property
    def summary(self) -> str:
        """The conclusion in words."""
        if self.best is None:
            return "no rate made the loss fall; try rates between these, or check health()"
        good = [run.learning_rate for run in self.runs if run.verdict == "good"]
        rates = " and ".join(f"{rate:g}" for rate in good)
        return (
            f"use {self.best.learning_rate:g}: after {self.steps} steps the loss is "
            f"{short(self.best.end, 4)}, from {short(self.best.losses[0], 4)} (good: {rates}); "
            "in longer runs, smaller rates catch up"
        )

    def __str__(self) -> str:
        cells = [
            (
                f"{run.learning_rate:g}",
                short(run.losses[0], 4),
                short(run.end, 4),
                run.verdict,
                run.why,
            )
            for run in self.runs
        ]
        head = ("rate", "first loss", "last loss", "verdict", "why")
        title = (
            f"learning rates ({self.optimizer}, {self.steps} steps of {self.batch_size} rows, same "
            "start, same batches)"
        )
        table = text_table(head, cells, left=("verdict", "why"))
        return "\n".join([title, table, self.summary, self.test.summary, self.curvature.summary])

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return as_record(
            {
                "optimizer": self.optimizer,
                "steps": self.steps,
                "batch_size": self.batch_size,
                "runs": [
                    {name: value for name, value in vars(run).items() if name != "vector"}
                    for run in self.runs
                ],
                "range_test": dict(vars(self.test)),
                "curvature": dict(vars(self.curvature)),
                "summary": self.summary,
            }
        )
