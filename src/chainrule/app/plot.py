"""The loss curves of a fit as a picture; imported only where one is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from chainrule.app.report import written
from chainrule.foundation.files import write_whole

__all__ = ["draw_losses"]

INK, MUTED, TRAIN, VALIDATION = "#1f2933", "#7b8794", "#8fa8c8", "#c2410c"


def draw_losses(
    path: Path,
    train: list[float],
    validation: list[float] | None,
    *,
    best: int | None,
    title: str,
    subtitle: str,
    loss: str,
) -> None:
    """Draw training and validation loss by epoch to a PNG file, the best epoch marked."""
    figure = Figure(figsize=(7.2, 4.4), dpi=160, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    epochs = np.arange(1, len(train) + 1)
    curves = [np.array(train)] + ([np.array(validation)] if validation else [])
    marker = "o" if len(train) < 2 else None
    axes.plot(epochs, curves[0], color=TRAIN, linewidth=1.8, marker=marker, label="training")
    if validation:
        axes.plot(
            epochs, curves[1], color=VALIDATION, linewidth=1.8, marker=marker, label="validation"
        )
    values = np.concatenate(curves)
    values = values[np.isfinite(values)]
    if values.size and values.min() > 0 and values.max() / values.min() > 8:
        axes.set_yscale("log")
    if validation and best is not None:
        lowest = validation[best - 1]
        axes.plot([best], [lowest], "o", color=VALIDATION, markersize=6, zorder=3)
        axes.annotate(
            f"kept: epoch {best}, {written(lowest)}",
            (best, lowest),
            xytext=(0, 10),
            textcoords="offset points",
            ha="right"
            if best > 0.6 * len(train)
            else "left"
            if best < 0.2 * len(train)
            else "center",
            va="bottom",
            fontsize=9,
            color=INK,
        )
        axes.margins(y=0.14)
    axes.set_xlabel("epoch", color=INK)
    axes.set_ylabel(loss, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
    axes.tick_params(which="both", colors=MUTED, labelcolor=INK)
    axes.legend(frameon=False, loc="upper right", labelcolor=INK)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold", color=INK)
    axes.set_title(subtitle, loc="left", fontsize=10, color=MUTED)
    write_whole(path, lambda file: figure.savefig(file, format="png"))
