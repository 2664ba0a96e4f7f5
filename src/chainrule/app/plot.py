"""The loss curves of a fit as a picture; imported only where one is drawn."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from chainrule.app.report import written
from chainrule.foundation.files import write_whole

__all__ = ["draw_losses"]

LACKING = re.compile(r"Glyph (\d+) .*missing from font")
INK, MUTED, TRAIN, VALIDATION = "#1f2933", "#7b8794", "#8fa8c8", "#c2410c"


def draw_losses(
    path: Path,
    train: list[list[float]],
    validation: list[list[float]],
    *,
    best: int | None,
    title: str,
    subtitle: str,
    loss: str,
) -> str:
    """Draw the losses of one network or several by epoch, the best epoch of one marked.

    Returns the letters that the font of the picture lacks, which are boxes in it.
    """
    figure = Figure(figsize=(7.2, 4.4), dpi=160, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    curves = [np.array(curve) for curve in (*train, *validation)]
    looks = [(TRAIN, "training")] * len(train) + [(VALIDATION, "validation")] * len(validation)
    width = 1.8 if len(train) == 1 else 0.8
    for number, (curve, (color, label)) in enumerate(zip(curves, looks, strict=True)):
        axes.plot(
            np.arange(1, len(curve) + 1),
            curve,
            color=color,
            linewidth=width,
            marker="o" if len(curve) < 2 else None,
            label=label if number in (0, len(train)) else None,
        )
    values = np.concatenate(curves)
    values = values[np.isfinite(values)]
    if values.size and values.min() > 0 and values.max() / values.min() > 8:
        axes.set_yscale("log")
    if validation and best is not None:
        lowest, made = validation[0][best - 1], len(train[0])
        axes.plot([best], [lowest], "o", color=VALIDATION, markersize=6, zorder=3)
        axes.annotate(
            f"kept: epoch {best}, {written(lowest)}",
            (best, lowest),
            xytext=(0, 10),
            textcoords="offset points",
            ha="right" if best > 0.6 * made else "left" if best < 0.2 * made else "center",
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
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write_whole(path, lambda file: figure.savefig(file, format="png"))
    lacking = (LACKING.match(str(one.message)) for one in caught)
    return "".join(dict.fromkeys(chr(int(found[1])) for found in lacking if found))
