"""The outer step: what the driver makes of the parameters that a round has brought."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.foundation.errors import must_be
from chainrule.foundation.real_numbers import is_real

__all__ = ["OuterStep", "weighted_average"]

# Numbers that are computed with at a time, while a cache holds what comes in between.
BLOCK = 2**14


@dataclass(frozen=True)
class OuterStep:
    r"""Nesterov's step along the mean difference of a round.

    .. math::
        \Delta = \theta - \frac{\sum_k w_k \theta_k}{\sum_k w_k}, \qquad
        u \leftarrow \mu u + \Delta, \qquad
        \theta \leftarrow \theta - \eta (\Delta + \mu u)

    All shards k begin a round at the parameters :math:`\theta` and end it at :math:`\theta_k`;
    :math:`w_k` is the sum of the weights of the rows that shard k was trained on, which is their
    number where rows have no weights. The parameters and u have the same unit, and eta and mu have
    none. With eta = 1 and mu = 0 the new parameters are the average.

    The average of K shards moves about as far as one of them, and each of them makes a K-th of the
    steps of an epoch. Momentum makes up for it: along a lasting direction the differences add up to
    eta / (1 - mu) times themselves.

    Source: Douillard et al. (2023), DiLoCo, arXiv 2311.08105, algorithm 1, whose values are
    eta = 0.7 and mu = 0.9; averages alone are local SGD, Stich (2018), arXiv 1805.09767.

    Parameters
    ----------
    rate : float
        eta, above 0.
    momentum : float
        mu, from 0 to below 1.

    Examples
    --------
    >>> step = OuterStep(rate=0.5, momentum=0.0)
    >>> step.apply(np.array([1.0]), [np.array([2.0]), np.array([4.0])], [1, 1], np.array([0.0]))
    (array([2.]), array([-2.]))
    """

    rate: float = 0.7
    momentum: float = 0.8

    def __post_init__(self) -> None:
        if not is_real(self.rate) or not 0.0 < self.rate < np.inf:
            raise must_be("outer_rate", "a positive number", self.rate)
        if not is_real(self.momentum) or not 0.0 <= self.momentum < 1.0:
            raise must_be("outer_momentum", "a number from 0 to below 1", self.momentum)

    def apply(
        self,
        vector: np.ndarray,
        ends: Sequence[np.ndarray],
        weights: Sequence[Any],
        velocity: np.ndarray,
        into: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the new parameters, of the dtype of the old ones, and u in float64.

        Parameters
        ----------
        vector : array (n,)
            The parameters at which all shards began; the new ones take their place, where it can
            be written to.
        ends, weights : sequences
            Those at which each shard ended, and the sum of the weights of its rows.
        velocity : array (n,), float64
            u.
        into : array (n,), float64, optional
            The place of the new u, which may not be that of the old one.
        """
        moved = vector if vector.flags.writeable else np.empty_like(vector)
        moving = np.empty(vector.shape) if into is None else into
        buffer = np.empty(min(len(vector), BLOCK))
        for part, average in _averages(ends, weights):
            difference, along = buffer[: len(average)], moving[part]
            difference[:] = vector[part]
            if self.rate == 1.0 and self.momentum == 0.0:  # to the last bit
                np.subtract(difference, average, out=along)
                moved[part] = average
                continue
            difference -= average
            np.multiply(velocity[part], self.momentum, out=along)
            along += difference
            step = np.multiply(along, self.momentum, out=average)
            step += difference
            step *= self.rate
            difference[:] = vector[part]
            difference -= step
            moved[part] = difference
        return moved, moving


def weighted_average(
    arrays: Sequence[np.ndarray], weights: Sequence[Any], into: np.ndarray | None = None
) -> np.ndarray:
    """Return the average, computed in float64 and summed in the order given.

    With ``into``, it takes the place of that array, where that can be written to, in its dtype.

    Examples
    --------
    >>> weighted_average([np.array([1.0]), np.array([4.0])], [2, 1])
    array([2.])
    """
    if into is None:
        into = np.empty(arrays[0].shape)
    found = into if into.flags.writeable else np.empty_like(into)
    for part, average in _averages(arrays, weights):
        found[part] = average
    return found


def _averages(
    arrays: Sequence[np.ndarray], weights: Sequence[Any]
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the average of each part, in float64; its place is that of the next one, too."""
    n, total = len(arrays[0]), float(sum(float(weight) for weight in weights))
    first, *others = arrays
    share, *shares = (float(weight) / total for weight in weights)
    sums, products = np.empty(min(n, BLOCK)), np.empty(min(n, BLOCK))
    for start in range(0, n, BLOCK):
        part = slice(start, min(n, start + BLOCK))
        found, product = sums[: part.stop - start], products[: part.stop - start]
        found[:] = first[part]
        if others:
            found *= share
            found += 0.0  # a sum of one number that is -0.0 is 0.0
        for array, own in zip(others, shares, strict=True):
            product[:] = array[part]
            product *= own
            found += product
        yield part, found
