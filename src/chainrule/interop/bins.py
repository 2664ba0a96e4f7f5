"""Encodings of a number: its scale alone, or steps between edges beside it.

A step goes from 0 to 1 between two neighbouring edges, so that a first layer can bend the effect of
a number at every edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule.foundation.arrays import namespace
from chainrule.foundation.catalogue import Catalogue
from chainrule.interop.feature_formulas import step

__all__ = [
    "BOUND",
    "MOST_STEPS",
    "SIGNIFICANT",
    "Encoding",
    "edge_words",
    "encodings",
    "step_bounds",
    "steps",
]

# How far the first and the last step go on beyond their edges, in lengths of the step.
BOUND = 3.0
# Steps of a number; more only where a split of a tree takes from the sum of squares so many times
# what it takes by chance. Of 51,000 flights the days of the year have a hundred such.
MOST_STEPS, SIGNIFICANT, MOST_SIGNIFICANT = 16, 10.0, 256
# Rows of a leaf: a hundredth of all, but no more than 64.
ROW_SHARE, ENOUGH_ROWS = 100, 64
# Rows that edges are learnt from, evenly spread over all: a tree of more would be the same one.
MOST_ROWS = 200_000


@dataclass(frozen=True)
class Encoding:
    """A rule for the edges of a number's steps; without edges the number is only scaled."""

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    by_significance: ClassVar[bool] = False

    def edges(
        self,
        values: NDArray[np.float64],
        y: NDArray[Any],
        classes: bool,
        significant: float = SIGNIFICANT,
    ) -> tuple[float, ...]:
        """Return the edges, ascending, or none.

        Parameters
        ----------
        values : ndarray (n,)
            The numbers of one column in the training rows, finite.
        y : ndarray (n,) or (n, k)
            The targets of these rows.
        classes : bool
            Whether the targets are classes.
        significant : float
            How many times what chance does a step beyond the usual number must do.
        """
        return ()


encodings: Catalogue[Encoding] = Catalogue("encoding of numbers", Encoding, "encodings")


@dataclass(frozen=True)
class ScaleOnly(Encoding):
    """No steps: the number and its scale alone."""

    name = "scale"


scale_only = encodings.add(ScaleOnly())


@dataclass(frozen=True)
class TargetSteps(Encoding):
    """Edges where a decision tree of this one column splits the targets: into 16 leaves.

    More, up to 256, where each split is beyond chance. A leaf holds a hundredth of the rows, but no
    more than 64 need be in it.

    Examples
    --------
    >>> x = np.arange(200.0)
    >>> TargetSteps().edges(x, (x > 49.5) * 1.0, classes=True)
    (0.0, 49.5, 199.0)
    """

    name = "target"
    aliases = ("tree",)
    by_significance = True

    def edges(
        self,
        values: NDArray[np.float64],
        y: NDArray[Any],
        classes: bool,
        significant: float = SIGNIFICANT,
    ) -> tuple[float, ...]:
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        every = max(1, len(values) // MOST_ROWS)
        values, y = values[::every], y[::every]
        kind = DecisionTreeClassifier if classes else DecisionTreeRegressor
        least = max(1, min(ENOUGH_ROWS, len(values) // ROW_SHARE))
        # the tree sees float32, which must not overflow
        center, reach = values.min() / 2 + values.max() / 2, values.max() / 2 - values.min() / 2
        if not 0.0 < reach < np.inf:
            return ()
        x = ((values - center) / reach).reshape(-1, 1)
        how = {"min_samples_leaf": least, "random_state": 0}
        splits = kind(max_leaf_nodes=MOST_STEPS, **how).fit(x, y).tree_
        if splits.n_leaves == MOST_STEPS:
            least_gain = significant * splits.impurity[0] / len(values)
            fine = kind(max_leaf_nodes=MOST_SIGNIFICANT, ccp_alpha=least_gain, **how)
            found = fine.fit(x, y).tree_
            splits = found if found.n_leaves > MOST_STEPS else splits
        # in float64 again: halfway between two neighbouring values
        known = np.unique(values)
        split = splits.threshold[splits.feature >= 0]
        above = np.clip(np.searchsorted((known - center) / reach, split), 1, len(known) - 1)
        inner = known[above - 1] / 2 + known[above] / 2
        return _ascending([values.min(), *inner, values.max()], values)


target_steps = encodings.add(TargetSteps())


@dataclass(frozen=True)
class QuantileSteps(Encoding):
    """Edges at 16 quantiles of the rows and 16 of the distinct values; the target is not used.

    Examples
    --------
    >>> len(QuantileSteps().edges(np.arange(100.0), np.zeros(100), classes=False))
    17
    """

    name = "quantiles"

    def edges(
        self,
        values: NDArray[np.float64],
        y: NDArray[Any],
        classes: bool,
        significant: float = SIGNIFICANT,
    ) -> tuple[float, ...]:
        levels = np.linspace(0.0, 1.0, MOST_STEPS + 1)
        found = [np.quantile(part, levels) for part in (values, np.unique(values))]
        return _ascending(np.concatenate(found), values)


quantile_steps = encodings.add(QuantileSteps())


def _ascending(
    edges: Sequence[float] | NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[float, ...]:
    """Return edges without those too near to each other; none where two values are all there is."""
    found = np.unique(np.asarray(edges, dtype=np.float64))
    found = found[np.isfinite(found)]
    least = (values.max() / 2 - values.min() / 2) * 1e-9
    kept = found[:1].tolist()
    for edge in found[1:].tolist():
        if edge / 2 - kept[-1] / 2 > least:
            kept.append(edge)
    return tuple(kept) if len(kept) > 2 else ()


def steps(values: NDArray[np.float64], edges: Sequence[float]) -> NDArray[np.float64]:
    r"""Return the steps (n, len(edges) - 1) of finite or infinite values.

    .. math:: e_j(x) = \min(1, \max(0, \frac{x - b_j}{b_{j+1} - b_j}))

    for the edges b_0 to b_k; the first step has no lower end and the last one no upper end, up to
    `BOUND`.

    Source: Y. Gorishniy, I. Rubachev, A. Babenko, "On embeddings for numerical features in tabular
    deep learning", NeurIPS 2022, section 3.1.

    Examples
    --------
    >>> steps(np.array([0.0, 5.0, 15.0, 25.0]), (0.0, 10.0, 20.0))
    array([[0. , 0. ],
           [0.5, 0. ],
           [1. , 0.5],
           [1. , 1.5]])
    """
    ends = np.asarray(edges, np.float64)
    low, high = step_bounds(len(ends) - 1)
    with np.errstate(over="ignore"):
        found: NDArray[np.float64] = step(
            namespace(values), values[:, None], ends[:-1], ends[1:] - ends[:-1], low, high
        )
    return found


def step_bounds(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and the highest value of so many steps."""
    low, high = np.zeros(count), np.ones(count)
    low[0], high[-1] = -BOUND, BOUND
    return low, high


def edge_words(edges: Sequence[float]) -> list[str]:
    """Return edges in as few digits as tell them apart.

    Examples
    --------
    >>> edge_words((0.0, 41.5, 90.0)), edge_words((1000001.0, 1000002.0))
    (['0', '41.5', '90'], ['1000001', '1000002'])
    """
    for digits in range(4, 18):
        words = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(words)) == len(words):
            return words
    return [repr(edge) for edge in edges]
