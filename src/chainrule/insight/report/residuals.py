"""The errors of numeric predictions: their distribution, and their size by prediction."""

from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.foundation.short_numbers import share, short
from chainrule.insight.report.confusion import Found
from chainrule.insight.report.figures import Bars, Curve, Lines
from chainrule.insight.report.items import Advice, Sentence
from chainrule.insight.report.material import Material
from chainrule.insight.report.sections import Item

__all__ = ["residuals"]

BINS = 12
OUTPUTS_SHOWN = 3
# A mean error of this share of the typical error is a drift.
DRIFT = 0.25
# The mean of fewer errors is off by more than a tenth of their spread by chance alone.
FEWEST_ROWS = 50


def residuals(material: Material) -> Found:
    """Return the errors' spread, and truth against prediction, for the first few targets."""
    found = material.predictions
    items: list[Item] = []
    record: list[dict[str, Any]] = []
    advice: list[Advice] = []
    for name, p, y in zip(material.targets, found.p.T, found.y.T, strict=True):
        error = p - y
        low, middle, high = (float(one) for one in np.percentile(error, (5, 50, 95)))
        mean = found.mean(error)
        typical = found.mean(np.abs(error))
        record.append({"name": name, "5 %": low, "median": middle, "95 %": high, "mean": mean})
        if len(record) > OUTPUTS_SHOWN:
            continue
        of = "" if len(material.targets) == 1 else f" of {name}"
        items.append(
            Sentence(
                f"Errors{of} (prediction minus truth): median {short(middle, 3)}, 90 % between "
                f"{short(low, 3)} and {short(high, 3)}, mean {short(mean, 3)}."
            )
        )
        items += [_histogram(error, of), _against(p, y, of)]
        if _means(material) and abs(mean) > DRIFT * typical and len(found) >= FEWEST_ROWS:
            advice.append(
                Advice(
                    "Look for differences between training and these rows: the predictions are "
                    "biased.",
                    f"the mean error{of} is {short(mean, 3)}, {share(abs(mean) / typical)} of the "
                    f"typical error {short(typical, 3)}, more than {share(DRIFT)}",
                    8,
                    4.0,
                )
            )
    items += _coverage(material, record)
    if len(record) > OUTPUTS_SHOWN:
        rest = len(record) - OUTPUTS_SHOWN
        items.append(Sentence(f"{rest} more targets are in to_dict().", "note"))
    return items, "residuals", record, advice


def _means(material: Material) -> bool:
    """Return True if the loss aims at the mean, so that a mean error is meaningful."""
    return material.subject.objective.loss.name in ("mse", "poisson")


def _coverage(material: Material, record: list[dict[str, Any]]) -> list[Item]:
    """Return the share of rows below their prediction, for a loss of quantiles."""
    levels = getattr(material.subject.objective.loss, "levels", None)
    if levels is None:
        return []
    aim = ", ".join(map(share, levels))
    below = [
        material.predictions.mean(y <= p)
        for p, y in zip(material.predictions.p.T, material.predictions.y.T, strict=True)
    ]
    for one, fraction in zip(record, below, strict=True):
        one["share below"] = fraction
    said = ", ".join(share(fraction) for fraction in below)
    return [Sentence(f"Truth at or below the prediction: {said}; the loss aims at {aim}.")]


def _histogram(error: np.ndarray, of: str) -> Bars:
    low, high = (float(one) for one in np.percentile(error, (1, 99)))
    if not low < high:
        low, high = float(error.min()) - 0.5, float(error.max()) + 0.5
    edges = np.linspace(low, high, BINS + 1)
    counts, _ = np.histogram(np.clip(error, low, high), edges)
    most = int(np.argmax(counts))
    names = [f"{short(a)} to {short(b)}" for a, b in pairwise(edges)]
    fractions = counts / len(error)
    said = (
        f"{share(float(fractions[most]))} of the errors lie from {names[most]}; the outermost bars "
        "include everything beyond."
    )
    return Bars(
        f"Errors{of}: prediction minus truth",
        said,
        "error",
        "share of the rows",
        names,
        fractions.tolist(),
        [share(float(one)) for one in fractions],
    )


def _against(p: np.ndarray, y: np.ndarray, of: str) -> Lines:
    bins = [rows for rows in np.array_split(np.argsort(p, kind="stable"), BINS) if len(rows)]
    x = [float(np.mean(p[rows])) for rows in bins]
    middle = [float(np.mean(y[rows])) for rows in bins]
    low, high = ([float(np.percentile(y[rows], q)) for rows in bins] for q in (10, 90))
    off = max(range(len(bins)), key=lambda k: abs(x[k] - middle[k]))
    said = (
        "Rows in bins of equal size by prediction. On the diagonal, the mean truth equals the "
        "prediction; a bar spans 80 % of the rows of its bin. Largest difference: prediction "
        f"{short(x[off], 3)}, mean truth {short(middle[off], 3)}."
    )
    curve = Curve("mean truth", x, middle, low, high, dots=True)
    title = f"Truth against prediction{of}"
    return Lines(title, said, "prediction", "truth", (curve,), diagonal=True)
