"""Verdicts on the numbers of a layer: each is one rule, with its threshold in the words."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from chainrule.formulas.records import Activation
from chainrule.foundation.arrays import namespace
from chainrule.foundation.short_numbers import share, short
from chainrule.foundation.showing import Shown

__all__ = [
    "SMALL_SLOPE",
    "Finding",
    "LayerHealth",
    "Slopes",
    "layer_findings",
    "slopes_of",
    "vanishing_findings",
]

# A slope below this share of the largest counts as flat.
SMALL_SLOPE = 0.01
# Shares above which a verdict is given.
DEAD_SHARE = 0.25
SATURATED_SHARE = 0.5
# A rectifier has one flat side: most units may be inactive on most rows.
RESTING_SHARE = 0.95
UPDATE_RATIO = 0.1
# Gradient per weight, over that of the layer with the largest.
VANISHING_RATIO = 1e-3
# A slope that is larger far from 0 by this factor goes on growing: its largest is not known.
GROWING = 1.1
# An update above this multiple of the weights is stated as a multiple, not in per cent.
TOLD_IN_TIMES = 10.0


@dataclass(frozen=True, repr=False)
class Finding(Shown):
    """A finding in words.

    Attributes
    ----------
    kind : str
        ``dead``, ``saturated``, ``vanishing``, ``large update``, ``constant``, ``scales``,
        ``offset``, ``not finite`` or ``diverged``.
    words : str
        The observation, with the threshold that it exceeds.
    layer : int or None
        The layer, from 1; None for the inputs and the training.
    """

    kind: str
    words: str
    layer: int | None = None

    def __str__(self) -> str:
        where = "" if self.layer is None else f"layer {self.layer}: "
        kind = "" if self.words.startswith(self.kind) else f"{self.kind}: "
        return f"{where}{kind}{self.words}"


@dataclass(frozen=True, repr=False)
class LayerHealth(Shown):
    """The numbers of one layer over all rows.

    Attributes
    ----------
    layer : int
        From 1.
    activation : str
        Its name.
    units : int
        Their number.
    mean, spread : float
        Mean and standard deviation of the activations, over rows and units.
    dead : tuple of int
        The units, from 0, whose output and slope are 0 on every row, so that they cannot learn.
    saturated : float or None
        Share of rows and units whose slope is under 1 % of the activation's largest; None for an
        activation whose slope has no bound.
    gradient_norm : float
        Norm of the gradient by the layer's weights, penalties included.
    weight_norm : float
        Norm of the weights.
    update_ratio : float or None
        Norm of the next update of the weights over `weight_norm`; None where all weights are 0.
    gradient_share : float or None
        Share of the layer's squared gradient, bias included, in that of the network.
    findings : tuple of Finding
        The findings on this layer.
    """

    layer: int
    activation: str
    units: int
    mean: float
    spread: float
    dead: tuple[int, ...]
    saturated: float | None
    gradient_norm: float
    weight_norm: float
    update_ratio: float | None
    gradient_share: float | None
    findings: tuple[Finding, ...] = ()

    @property
    def verdict(self) -> str:
        """All findings in words, or ``fine``."""
        return "; ".join(finding.words for finding in self.findings) or "fine"

    def __str__(self) -> str:
        return (
            f"layer {self.layer}, {self.units:,} {self.activation} units: {self.verdict}\n"
            f"  activations {short(self.mean)} on average, spread {short(self.spread)}; "
            f"{len(self.dead):,} dead, {share(self.saturated)} of slopes small\n"
            f"  norms: weights {short(self.weight_norm)}, gradient {short(self.gradient_norm)} "
            f"({share(self.gradient_share)} of the square); update / weights "
            f"{short(self.update_ratio)}"
        )


@dataclass(frozen=True)
class Slopes:
    """The range of the slope of an activation.

    Attributes
    ----------
    largest : float or None
        The largest size of the slope; None where it grows without bound.
    flat_sides : int
        The number of sides, far from 0, where it is under 1 % of the largest.
    """

    largest: float | None
    flat_sides: int


@lru_cache(maxsize=64)
def slopes_of(activation: Activation) -> Slopes:
    """Measure the slope of an activation from its formula, on a grid.

    Examples
    --------
    >>> from chainrule import activations
    >>> slopes_of(activations.sigmoid), slopes_of(activations.relu)
    (Slopes(largest=0.25, flat_sides=2), Slopes(largest=1.0, flat_sides=1))
    """
    grid = np.linspace(-20.0, 20.0, 8001)
    z = np.stack([grid, np.zeros_like(grid)], axis=1)  # a second column for row-wise functions
    xp = namespace(z)
    with np.errstate(all="ignore"):
        slope = np.abs(activation.slope(xp, z, activation.value(xp, z))[:, 0])
    middle = float(np.max(slope[np.abs(grid) <= 10.0]))
    largest = float(np.max(slope))
    if not math.isfinite(largest) or largest > GROWING * middle:
        return Slopes(None, 0)
    ends = (slope[grid <= -10.0], slope[grid >= 10.0])
    return Slopes(largest, sum(float(np.max(end)) < SMALL_SLOPE * largest for end in ends))


def layer_findings(one: LayerHealth, slopes: Slopes, rows: int) -> Iterator[Finding]:
    """Yield the findings on the units and the update of one layer."""
    dead = len(one.dead) / one.units
    if dead > DEAD_SHARE:
        words = (
            f"{len(one.dead)} of {one.units} {one.activation} units are 0 on all {rows:,} rows: "
            f"{share(dead)} dead, more than {share(DEAD_SHARE)}"
        )
        yield Finding("dead", words, one.layer)
    limit = SATURATED_SHARE if slopes.flat_sides == 2 else RESTING_SHARE
    if one.saturated is not None and one.saturated > limit and dead <= DEAD_SHARE:
        words = (
            f"saturated: {share(one.saturated)} of slopes are under {share(SMALL_SLOPE)} of the "
            f"largest, more than {share(limit)}"
        )
        yield Finding("saturated", words, one.layer)
    if one.update_ratio is not None and one.update_ratio > UPDATE_RATIO:
        size = f"{short(one.update_ratio)} times" if one.update_ratio > TOLD_IN_TIMES else ""
        words = (
            f"the next update is {size or share(one.update_ratio) + ' of'} the weights, more than "
            f"{share(UPDATE_RATIO)}"
        )
        yield Finding("large update", words, one.layer)


def vanishing_findings(sizes: list[float]) -> Iterator[Finding]:
    """Yield the layers with a vanishing gradient, from the gradient per weight of each."""
    largest = max(sizes)
    for layer, size in enumerate(sizes, start=1):
        if not size < VANISHING_RATIO * largest:
            continue
        other = f"that of layer {sizes.index(largest) + 1}"
        found = f"1/{short(largest / size)} of {other}" if size > 0.0 else f"0, {other} is not"
        words = (
            f"vanishing: its gradient per weight is {found}; less than 1/{1.0 / VANISHING_RATIO:g}"
        )
        yield Finding("vanishing", words, layer)
