"""Pictures of a fit in scikit-learn's form: ``from_estimator``, ``plot``, and artists to change."""

import math
from collections.abc import Sequence
from textwrap import fill
from typing import Any, Self

import numpy as np

from chainrule.foundation.errors import must_be
from chainrule.foundation.short_numbers import share, short
from chainrule.insight.drawing import BLUE, GREY, VERMILION, axes_for, fitted, pyplot, subject_of
from chainrule.insight.health import Health, health
from chainrule.insight.measured_displays import GradientNoiseDisplay, LearningRateDisplay
from chainrule.insight.network_displays import ActivationDisplay, DecisionBoundaryDisplay

__all__ = [
    "ActivationDisplay",
    "DecisionBoundaryDisplay",
    "GradientNoiseDisplay",
    "HealthDisplay",
    "LearningRateDisplay",
    "LossCurveDisplay",
    "WeightsDisplay",
]


class LossCurveDisplay:
    """Training and validation loss by epoch, the best epoch marked.

    Parameters
    ----------
    loss_curve : sequence of float
        Training loss of each epoch.
    validation_loss_curve : sequence of float, optional
        Loss on the validation rows after each epoch.
    best_epoch : int, optional
        The epoch whose parameters were kept, from 1; needs a validation curve.
    loss_name : str
        The label of the axis.

    Attributes
    ----------
    line_, validation_line_, best_ : artists
        The curves, and the mark of the best epoch; None where not drawn.
    ax_, figure_
        The axes and the figure.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("Agg")
    >>> display = LossCurveDisplay([1.0, 0.5, 0.4], [1.1, 0.7, 0.8], best_epoch=2).plot()
    >>> int(display.best_.get_xdata()[0])
    2
    """

    def __init__(
        self,
        loss_curve: Sequence[float],
        validation_loss_curve: Sequence[float] | None = None,
        best_epoch: int | None = None,
        loss_name: str = "loss",
    ) -> None:
        self.loss_curve = list(loss_curve)
        self.validation_loss_curve = list(validation_loss_curve or ()) or None
        self.best_epoch = best_epoch
        self.loss_name = loss_name

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Draw the curves of a fitted estimator."""
        curve = fitted(estimator, "loss_curve_")
        validation = getattr(estimator, "validation_loss_curve_", None)
        scores = getattr(estimator, "validation_scores_", None)
        best = None
        if validation:
            by_score = getattr(estimator, "monitor", "loss") != "loss"
            best = 1 + int(np.argmax(scores) if scores and by_score else np.argmin(validation))
        objective = getattr(estimator, "objective_", None)
        name = "loss" if objective is None else objective.loss.name.replace("_", " ")
        return cls(curve, validation, best, name).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw on ``ax``, or on a new figure."""
        self.ax_, self.figure_ = axes_for(ax)
        epochs = np.arange(1, len(self.loss_curve) + 1)
        marker = "o" if len(epochs) == 1 else None
        (self.line_,) = self.ax_.plot(
            epochs, self.loss_curve, color=BLUE, linestyle="--", marker=marker, label="training"
        )
        self.validation_line_ = self.best_ = None
        values = list(self.loss_curve)
        if self.validation_loss_curve is not None:
            values += self.validation_loss_curve
            (self.validation_line_,) = self.ax_.plot(
                epochs,
                self.validation_loss_curve,
                color=VERMILION,
                marker=marker,
                label="validation",
            )
            if self.best_epoch is not None:
                lowest = self.validation_loss_curve[self.best_epoch - 1]
                (self.best_,) = self.ax_.plot(
                    [self.best_epoch],
                    [lowest],
                    "o",
                    color=VERMILION,
                    markeredgecolor="black",
                    label=f"kept: epoch {self.best_epoch}, {short(lowest, 4)}",
                )
        finite = [value for value in values if math.isfinite(value)]
        if finite and min(finite) > 0.0 and max(finite) > 8.0 * min(finite):
            self.ax_.set_yscale("log")
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        self.ax_.set(xlabel="epoch", ylabel=self.loss_name)
        self.ax_.legend(frameon=False)
        return self


class HealthDisplay:
    """Dead units, small slopes and shares of the gradient, layer by layer, with the verdicts.

    Parameters
    ----------
    health : Health
        The result of `chainrule.insight.health.health`.

    Attributes
    ----------
    bars_ : dict of BarContainer
        ``dead``, ``saturated`` and ``gradient share``.
    verdicts_ : list of Text
        One per layer.
    ax_, figure_
        The axes and the figure.
    """

    def __init__(self, health: Health) -> None:
        self.health = health

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, *, ax: Any = None) -> Self:
        """Draw the health of a fitted estimator on some rows."""
        return cls(health(subject_of(estimator, X, y))).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw on ``ax``, or on a new figure."""
        layers = self.health.layers
        self.ax_, self.figure_ = axes_for(ax, (7.5, 1.2 + 1.3 * len(layers)))
        place = np.arange(len(layers), dtype=np.float64)
        kinds = {
            "dead": ([len(one.dead) / one.units for one in layers], VERMILION, ""),
            "saturated": ([one.saturated or 0.0 for one in layers], "#F0C9A8", "///"),
            "gradient share": ([one.gradient_share or 0.0 for one in layers], BLUE, ""),
        }
        labels = {"dead": "dead units", "saturated": "slopes under 1 % of the largest"}
        self.bars_ = {}
        for number, (kind, (values, colour, hatch)) in enumerate(kinds.items()):
            self.bars_[kind] = self.ax_.barh(
                place + 0.22 * (number - 1),
                [100.0 * value if math.isfinite(value) else 0.0 for value in values],
                height=0.2,
                color=colour,
                edgecolor="#333333",
                linewidth=0.5,
                hatch=hatch,
                label=labels.get(kind, "share of the squared gradient"),
            )
            self.ax_.bar_label(self.bars_[kind], [share(value) for value in values], padding=3)
        self.verdicts_ = []
        for spot, one in zip(place, layers, strict=True):
            ratio = (
                "" if one.update_ratio is None else f"; update/weights {short(one.update_ratio)}"
            )
            text = self.ax_.text(
                0.5,
                spot - 0.34,
                fill(one.verdict + ratio, 80, max_lines=2, placeholder=" ..."),
                va="bottom",
                fontsize="small",
                color="black" if one.findings else GREY,
            )
            self.verdicts_.append(text)
        names = [f"layer {one.layer}\n{one.units} {one.activation}" for one in layers]
        self.ax_.set_yticks(place, names)
        self.ax_.set_ylim(len(layers) - 0.5, -0.75)
        self.ax_.set_xlim(0.0, 112.0)
        self.ax_.set_xlabel(f"per cent, on {self.health.rows:,} rows")
        self.ax_.legend(
            frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, fontsize="small"
        )
        return self


class WeightsDisplay:
    """The weight matrices as heat maps, one per layer, on one scale around 0 each.

    Dark is negative and light positive, in grey as in colour.

    Parameters
    ----------
    weights : sequence of array (n_in, n_out)
        One per layer.

    Attributes
    ----------
    images_ : list of AxesImage
        One per layer.
    axes_ : ndarray of Axes
        The axes; ``ax_`` is the first.
    figure_ : Figure
        The figure they are on.
    """

    def __init__(self, weights: Sequence[np.ndarray]) -> None:
        self.weights = [np.asarray(weight) for weight in weights]

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Draw the weights of a fitted estimator."""
        return cls(fitted(estimator, "coefs_")).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw on as many axes as there are layers, or on a new figure."""
        count = len(self.weights)
        if ax is None:
            plt = pyplot()
            self.figure_, axes = plt.subplots(
                1, count, figsize=(1.0 + 3.2 * count, 3.4), layout="constrained", squeeze=False
            )
        else:
            axes = np.asarray(ax, dtype=object)
        self.axes_ = axes.ravel()
        if len(self.axes_) != count:
            raise must_be("ax", f"one axes per layer ({count})", len(self.axes_))
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure
        self.images_ = []
        for number, (one, weight) in enumerate(zip(self.axes_, self.weights, strict=True), start=1):
            finite = np.abs(weight[np.isfinite(weight)])
            limit = float(finite.max()) if finite.size and finite.max() > 0.0 else 1.0
            image = one.imshow(
                weight, cmap="cividis", vmin=-limit, vmax=limit, aspect="auto", interpolation="none"
            )
            self.images_.append(image)
            self.figure_.colorbar(image, ax=one)
            one.set(
                title=f"layer {number}: {weight.shape[0]} x {weight.shape[1]}",
                xlabel="to unit",
                ylabel="from input" if number == 1 else f"from unit of layer {number - 1}",
            )
            for axis in (one.xaxis, one.yaxis):
                axis.get_major_locator().set_params(integer=True)
        return self
