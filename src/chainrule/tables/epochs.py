"""The epoch that each network of a bag keeps: chosen by the rows that the other ones hold out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.estimators.base import keep_epoch, run_of

__all__ = ["Course", "Snapshots", "chosen_epochs", "keep_unseen"]

# The snapshots of one network take at most so many bytes.
MOST_BYTES = 2**25


class Snapshots:
    """The trained vectors after every epoch of a network, or after every second, fourth, ...

    Their distance doubles where they would take more memory than ``most`` bytes.

    Examples
    --------
    >>> kept = Snapshots(most=40)
    >>> for epoch in range(1, 8):
    ...     kept.add(epoch, np.full(2, epoch, float))
    >>> sorted(kept.vectors)
    [4]
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.vectors: dict[int, np.ndarray] = {}
        self._most, self._distance = most, 1

    def arrays(self) -> dict[str, np.ndarray]:
        """Return them as a file holds them."""
        vectors = {str(epoch): vector for epoch, vector in self.vectors.items()}
        return {"distance": np.array(self._distance), **vectors}

    def put_back(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Put back what `arrays` returned."""
        self._distance = int(arrays["distance"])
        self.vectors = {int(name): one for name, one in arrays.items() if name.isdecimal()}

    def add(self, epoch: int, vector: Any) -> None:
        """Keep a copy of the vector after an epoch, counted from 1."""
        if epoch % self._distance:
            return
        self.vectors[epoch] = np.array(vector)
        while len(self.vectors) > 1 and len(self.vectors) * self.vectors[epoch].nbytes > self._most:
            self._distance *= 2
            self.vectors = {
                one: kept for one, kept in self.vectors.items() if one % self._distance == 0
            }
            if epoch not in self.vectors:
                break


@dataclass(frozen=True)
class Course:
    """The epochs of one network.

    Attributes
    ----------
    values : ndarray (n,)
        The value that each epoch made is judged by, less is better.
    total : int
        The epochs that were to be made.
    candidates : sequence of int
        Epochs, from 1, that the network can keep.
    """

    values: np.ndarray
    total: int
    candidates: Sequence[int]

    def at(self, shares: np.ndarray) -> np.ndarray:
        """Return the values after shares of all epochs; after the last one made they stay."""
        made = np.arange(1, len(self.values) + 1) / self.total
        found: np.ndarray = np.interp(shares, made, self.values)
        return found


def chosen_epochs(courses: Sequence[Course]) -> list[int | None]:
    r"""Return the epoch of each network that ranks best by the rows of all other networks.

    With :math:`r_i(e)` the rank of epoch e among those of network i, by the value of the rows that
    i holds out,

    .. math:: e_k = \operatorname{argmin}_e \sum_{i \ne k} r_i(e)

    so that the rows of network k stay unseen. The best epoch of its own rows makes answers for them
    look better than they are, and most so where there is nothing to learn. Ranks, because a few
    rows far off would decide a mean of losses.

    Networks of other numbers of epochs are compared at the same share of all. None stands for a
    network without candidates, or without others.

    Examples
    --------
    >>> values = [3.0, 1.0, 2.0], [3.0, 2.0, 1.0], [3.0, 2.5, 1.0]
    >>> chosen_epochs([Course(np.array(one), 3, [1, 2, 3]) for one in values])
    [3, 2, 2]
    """
    from scipy.stats import rankdata

    found: list[int | None] = []
    for own in courses:
        shares = np.array(own.candidates, dtype=float) / own.total
        ranks = [
            rankdata(np.nan_to_num(one.at(shares), nan=np.inf))
            for one in courses
            if one is not own and len(one.values)
        ]
        known = ranks and len(shares)
        found.append(own.candidates[int(np.argmin(np.sum(ranks, axis=0)))] if known else None)
    return found


def keep_unseen(estimators: Sequence[Any], snapshots: Sequence[Mapping[int, np.ndarray]]) -> None:
    """Put each network back to the epoch that the rows of the others choose."""
    courses = [_course(one, kept) for one, kept in zip(estimators, snapshots, strict=True)]
    for estimator, epoch, kept in zip(estimators, chosen_epochs(courses), snapshots, strict=True):
        if epoch is not None:
            keep_epoch(estimator, epoch, kept[epoch])


def _course(estimator: Any, snapshots: Mapping[int, np.ndarray]) -> Course:
    losses, scores = estimator.validation_loss_curve_, estimator.validation_scores_
    total = max(estimator.max_iter, len(losses or ()))
    if not losses or estimator.stopped_because_ == "divergence":
        return Course(np.empty(0), total, ())
    by_loss = run_of(estimator).watches_loss(estimator.monitor)
    values = np.array(losses) if by_loss else -np.array(scores)
    return Course(values, total, sorted(snapshots))
