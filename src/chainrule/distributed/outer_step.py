"""The outer step: what the driver makes of the parameters that a round has brought."""

from __future__ import annotations

from collections.abc import Sequence
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
    >>> step.apply(np.array([1.0]), np.array([3.0]), np.array([0.0]))
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
        self, vector: np.ndarray, average: np.ndarray, velocity: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the new parameters, of the dtype of the old ones, and u in float64."""
        if self.rate == 1.0 and self.momentum == 0.0:  # to the last bit
            return average.astype(vector.dtype), vector.astype(np.float64) - average
        moved, moving = np.empty_like(vector), np.empty(vector.shape)
        for start in range(0, len(vector), BLOCK):
            part = slice(start, start + BLOCK)
            difference = vector[part].astype(np.float64) - average[part]
            moving[part] = self.momentum * velocity[part] + difference
            moved[part] = vector[part] - self.rate * (difference + self.momentum * moving[part])
        return moved, moving


def weighted_average(arrays: Sequence[np.ndarray], weights: Sequence[Any]) -> np.ndarray:
    """Return the average in float64, summed in the order given.

    Examples
    --------
    >>> weighted_average([np.array([1.0]), np.array([4.0])], [2, 1])
    array([2.])
    """
    if len(arrays) == 1:
        return arrays[0].astype(np.float64)
    total = float(sum(float(weight) for weight in weights))
    found, part = np.zeros(arrays[0].shape), np.empty(arrays[0].shape)
    for array, weight in zip(arrays, weights, strict=True):
        found += np.multiply(array, float(weight) / total, out=part, dtype=np.float64)
    return found
