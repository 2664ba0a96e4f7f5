"""Several quantiles of one target: sorted, the middle one, and the bounds of an interval."""

from collections.abc import Sequence

import numpy as np

from chainrule.formulas.loss import Loss
from chainrule.formulas.losses import Quantile
from chainrule.foundation.errors import InputError, must_be

__all__ = [
    "interval_columns",
    "level_columns",
    "median_place",
    "nearest_median",
    "sorted_quantiles",
]


def sorted_quantiles(loss: Loss, answers: np.ndarray) -> np.ndarray:
    """Return the quantiles of each row in increasing order, so that they never cross.

    Of a loss with one level, columns are targets, and stay as they are.
    """
    return answers if loss.scores_per_target == 1 else np.sort(answers, axis=1)


def nearest_median(loss: Quantile, answers: np.ndarray) -> np.ndarray:
    """Return the answers (n,) of the level nearest to 0.5, or all columns of several targets.

    Examples
    --------
    >>> nearest_median(Quantile((0.1, 0.4, 0.9)), np.array([[1.0, 3.0, 2.0]]))
    array([2.])
    """
    if loss.scores_per_target == 1:
        return answers[:, 0] if answers.shape[1] == 1 else answers
    column: np.ndarray = sorted_quantiles(loss, answers)[:, median_place(loss)]
    return column


def median_place(loss: Quantile) -> int:
    """Return the place of the level nearest to 0.5."""
    return int(np.argmin(np.abs(np.asarray(loss.levels) - 0.5)))


def interval_columns(levels: tuple[float, ...], coverage: float | None) -> list[int]:
    """Return the indices of the levels around a central share; None gives the outermost two.

    Examples
    --------
    >>> interval_columns((0.1, 0.5, 0.9), 0.8)
    [0, 2]
    """
    if len(levels) < 2:
        raise InputError(
            f"an interval needs two levels of the loss; got {levels}. Take, for example, "
            'losses.get("quantile", q=(0.1, 0.5, 0.9)).'
        )
    if coverage is None:
        return [0, len(levels) - 1]
    if not 0.0 < coverage < 1.0:
        raise must_be("coverage", "between 0 and 1, both excluded", coverage)
    columns: list[int] = []
    for level in (0.5 - coverage / 2.0, 0.5 + coverage / 2.0):
        near = np.flatnonzero(np.isclose(levels, level, rtol=0.0, atol=1e-9))
        if not len(near):
            raise InputError(
                f"coverage={coverage:g} needs the levels {0.5 - coverage / 2:.6g} and "
                f"{0.5 + coverage / 2:.6g}; the loss has {levels}. Fit with these levels."
            )
        columns.append(int(near[0]))
    return columns


def level_columns(known: Sequence[float], levels: Sequence[float], name: str) -> list[int]:
    """Return the indices of levels of the loss; refuse others by the name of the argument.

    Examples
    --------
    >>> level_columns((0.1, 0.5, 0.9), [0.9, 0.5], "levels")
    [2, 1]
    """
    own = list(known)
    for level in levels:
        if level not in own:
            raise must_be(name, f"among those of the loss, {', '.join(map(str, own))}", level)
    return [own.index(level) for level in levels]
