"""Predicted probabilities against observed frequencies, in bins of equal size."""

from dataclasses import dataclass

import numpy as np

from chainrule.foundation.showing import Shown

__all__ = ["Reliability", "reliability"]

BINS = 10
# Standard deviations of a binomial frequency that count as chance.
CHANCE = 2.0


@dataclass(frozen=True, eq=False, repr=False)
class Reliability(Shown):
    """The bins, from the lowest probability to the highest.

    Attributes
    ----------
    stated : ndarray (n_bins,)
        The mean probability of each bin.
    seen : ndarray (n_bins,)
        The share of its rows that came true.
    weights : ndarray (n_bins,)
        The weight of its rows.
    rows : ndarray (n_bins,) of int
        The number of its rows.
    chance : ndarray (n_bins,)
        The distance from the predicted frequency that chance exceeds in one bin of twenty.
    """

    stated: np.ndarray
    seen: np.ndarray
    weights: np.ndarray
    rows: np.ndarray
    chance: np.ndarray

    def __str__(self) -> str:
        pairs = zip(self.stated, self.seen, strict=True)
        return "predicted > observed: " + ", ".join(f"{p:.3g} > {o:.3g}" for p, o in pairs)

    @property
    def gaps(self) -> np.ndarray:
        """The distances of predicted and observed."""
        apart: np.ndarray = np.abs(self.stated - self.seen)
        return apart

    @property
    def mean_distance(self) -> float:
        """The mean of the gaps by weight: the expected calibration error."""
        return float(self.weights @ self.gaps / self.weights.sum())

    @property
    def mean_difference(self) -> float:
        """The mean of stated minus seen: above 0 where probabilities claim too much."""
        return float(self.weights @ (self.stated - self.seen) / self.weights.sum())

    @property
    def outside(self) -> int:
        """The number of bins farther off than chance."""
        return int(np.count_nonzero(self.gaps > self.chance))

    @property
    def low(self) -> list[float]:
        """The lower ends of what chance does to the seen shares."""
        return [float(one) for one in np.maximum(0.0, self.seen - self.chance)]

    @property
    def high(self) -> list[float]:
        """The upper ends."""
        return [float(one) for one in np.minimum(1.0, self.seen + self.chance)]


def reliability(
    p: np.ndarray, hit: np.ndarray, weight: np.ndarray | None = None, bins: int = BINS
) -> Reliability:
    """Return what came true in bins of equally many rows, by probability.

    Parameters
    ----------
    p : ndarray (n,)
        Stated probabilities.
    hit : ndarray (n,)
        1 where it came true, else 0.
    weight : ndarray (n,), optional
        What each row counts.
    bins : int
        Number of bins.

    Examples
    --------
    >>> found = reliability(np.array([0.2] * 10 + [0.9] * 10), np.array([1, 0] * 10), bins=2)
    >>> found.stated.round(1), found.seen, round(found.mean_distance, 2)
    (array([0.2, 0.9]), array([0.5, 0.5]), 0.35)
    """
    weight = np.ones(len(p)) if weight is None else weight
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    stated = np.array([np.average(p[part], weights=weight[part]) for part in parts])
    seen = np.array([np.average(hit[part], weights=weight[part]) for part in parts])
    rows = np.array([len(part) for part in parts])
    weights = np.array([weight[part].sum() for part in parts])
    return Reliability(
        stated, seen, weights, rows, CHANCE * np.sqrt(stated * (1.0 - stated) / rows)
    )
