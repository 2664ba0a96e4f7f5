"""Pictures of measurements: gradient noise and learning rates."""

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from chainrule.foundation.errors import must_be
from chainrule.foundation.short_numbers import short
from chainrule.insight.drawing import BLUE, GREY, VERMILION, axes_for, subject_of
from chainrule.insight.gradient_noise import BATCH_SIZES, GradientNoise, gradient_noise
from chainrule.insight.learning_rate import learning_rate_report
from chainrule.insight.learning_rate_results import LearningRateReport

__all__ = ["GradientNoiseDisplay", "LearningRateDisplay"]


class GradientNoiseDisplay:
    """The relative error of a batch's gradient against its size, drawn and by the law.

    Parameters
    ----------
    noise : GradientNoise
        With measured errors.

    Attributes
    ----------
    law_, measured_, scale_ : artists
        The line of the law, the points of the draws (bars from lowest to highest), and the line at
        the noise scale; None where it lies outside.
    ax_, figure_
        The axes and the figure.
    """

    def __init__(self, noise: GradientNoise) -> None:
        if not noise.measured:
            raise must_be("noise", "one with measured errors", "none", "Pass draws of 1 or more.")
        self.noise = noise

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        batch_sizes: Sequence[int] = BATCH_SIZES,
        draws: int = 20,
        seed: int = 0,
        ax: Any = None,
    ) -> Self:
        """Draw the noise of a fitted estimator's gradient on some rows."""
        return cls(gradient_noise(subject_of(estimator, X, y), batch_sizes, draws, seed)).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw on ``ax``, or on a new figure."""
        self.ax_, self.figure_ = axes_for(ax)
        measured = self.noise.measured
        sizes = np.array([one.batch_size for one in measured], dtype=np.float64)
        grid = np.unique(np.geomspace(sizes[0], sizes[-1], 50).round().astype(int))
        law = [self.noise.relative_error(int(size)) for size in grid]
        (self.law_,) = self.ax_.plot(
            grid, law, color=GREY, linestyle="--", label="law: 1/sqrt(B), without replacement"
        )
        middle = np.array([one.error for one in measured])
        low = middle - np.array([one.lowest for one in measured])
        high = np.array([one.highest for one in measured]) - middle
        self.measured_ = self.ax_.errorbar(
            sizes,
            middle,
            yerr=np.maximum([low, high], 0.0),
            color=BLUE,
            fmt="o",
            capsize=3,
            label=f"{measured[0].draws} drawn batches, lowest to highest",
        )
        self.ax_.set_xscale("log", base=2)
        self.ax_.set_yscale("log")
        self.ax_.set_xticks(sizes, [f"{int(size):,}" for size in sizes])
        scale = self.noise.noise_scale
        self.scale_ = None
        if sizes[0] <= scale <= sizes[-1]:
            self.scale_ = self.ax_.axvline(
                scale, color=VERMILION, linestyle=":", label=f"noise scale {short(scale)} rows"
            )
        self.ax_.set(xlabel="batch size B", ylabel="error of the gradient / its norm")
        self.ax_.legend(frameon=False, fontsize="small")
        return self


class LearningRateDisplay:
    """The loss of each rate from the same start on the same batches, with its verdict.

    Parameters
    ----------
    report : LearningRateReport
        The result of `learning_rate_report`.

    Attributes
    ----------
    lines_ : list of Line2D
        One per rate, the smallest first.
    range_line_, band_ : artists
        Of `plot_range`: the smoothed loss, and the suggested band (None without).
    ax_, figure_
        The axes and the figure.
    """

    def __init__(self, report: LearningRateReport) -> None:
        self.report = report

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, ax: Any = None, **options: Any
    ) -> Self:
        """Compare rates for an estimator's network and rows; see `learning_rate_report`."""
        return cls(learning_rate_report(subject_of(estimator, X, y), **options)).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the losses on ``ax``, or on a new figure."""
        self.ax_, self.figure_ = axes_for(ax, (7.0, 4.2))
        styles = ((0, (1, 3)), (0, (1, 1)), (0, (4, 2)), (0, (8, 2)), (0, (6, 2, 1, 2)))
        marks = ("v", "s", "o", "^", "D")
        self.lines_ = []
        first = self.report.runs[0].losses[0]
        for number, run in enumerate(self.report.runs):
            good = run.verdict == "good"
            bad = run.verdict.startswith(("diverged", "oscillates", "too large"))
            # beyond ten times the start, the size of a loss carries no information
            losses = [loss if abs(loss) <= 10.0 * abs(first) else math.nan for loss in run.losses]
            (line,) = self.ax_.plot(
                losses,
                color=BLUE if good else VERMILION if bad else GREY,
                linestyle="-" if good else styles[number % 5],
                linewidth=2.0 if run is self.report.best else 1.2,
                marker=marks[number % 5],
                markevery=max(1, len(losses) // 8),
                markersize=4,
                label=f"{run.learning_rate:g}: {run.verdict}",
            )
            self.lines_.append(line)
        if min(loss for run in self.report.runs for loss in run.losses) > 0.0:
            self.ax_.set_yscale("log")
        self.ax_.set(
            xlabel=f"step ({self.report.optimizer}, {self.report.batch_size} rows each)",
            ylabel="loss",
        )
        self.ax_.legend(frameon=False, fontsize="small", title="learning rate")
        return self

    def plot_range(self, ax: Any = None) -> Self:
        """Draw the range test on ``ax``, or on a new figure."""
        self.ax_, self.figure_ = axes_for(ax)
        test = self.report.test
        (self.range_line_,) = self.ax_.plot(
            test.rates, test.smooth, color=BLUE, label="smoothed loss"
        )
        self.band_ = None
        if test.low is not None and test.high is not None:
            self.band_ = self.ax_.axvspan(
                test.low,
                test.high,
                facecolor="#F7E0CC",
                edgecolor=VERMILION,
                label=f"suggested: {short(test.low)} to {short(test.high)}",
            )
        self.ax_.set_xscale("log")
        self.ax_.set(xlabel="learning rate, rising step by step", ylabel="loss")
        self.ax_.legend(frameon=False, fontsize="small")
        return self
