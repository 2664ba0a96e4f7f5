"""Intervals around answers, from the errors for rows out of fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.real_numbers import is_real

__all__ = [
    "FEWEST_ROWS",
    "bag_factor",
    "checked_coverage",
    "conformal_quantiles",
    "conformal_shift",
    "interval_levels",
    "quantiles_of",
    "residual_intervals",
    "residual_quantiles",
]

# Fewer rows out of fold say too little of how far answers are off.
FEWEST_ROWS = 50


def checked_coverage(
    coverage: float, rows: int, name: str = "coverage", of: str = "predict_interval"
) -> float:
    """Return the coverage; refuse one that is no share, or that too few rows out of fold tell.

    ``name`` is the argument's, ``of`` the method's.
    """
    if not is_real(coverage) or not 0.0 < coverage < 1.0:
        raise must_be(name, "between 0 and 1, both excluded", coverage)
    if rows < FEWEST_ROWS:
        raise InputError(
            f"{of} must have the errors of {FEWEST_ROWS} rows out of fold; got "
            f'{rows}. Fit the preset "balanced", whose folds cover all rows, or more rows.'
        )
    return float(coverage)


def bag_factor(answers: np.ndarray, weights: np.ndarray, errors: np.ndarray) -> np.ndarray:
    r"""Return what errors of single networks are multiplied by to be of the size of a bag's.

    The bag's mean squared error is that of its networks less the variance of their answers,

    .. math:: (y - \bar f)^2 = \sum_k w_k (y - f_k)^2 - \sum_k w_k (f_k - \bar f)^2

    and the factor is the root of its share.

    Source: A. Krogh, J. Vedelsby, "Neural network ensembles, cross validation, and active
    learning", NIPS 1994, eq. 6.

    Parameters
    ----------
    answers : ndarray (m, n) or (m, n, k)
        The answers of each network, for any rows.
    weights : ndarray (m,)
        Their shares, of sum 1.
    errors : ndarray (p,) or (p, k)
        Errors of single networks, for rows that they were not trained on.

    Returns
    -------
    ndarray () or (k,)
        From 0.5 to 1.

    Examples
    --------
    >>> float(bag_factor(np.array([[-1.0], [1.0]]), np.array([0.5, 0.5]), np.array([2.0, -2.0])))
    0.8660254037844386
    """
    mean = np.tensordot(weights, answers, axes=1)
    spread = np.tensordot(weights, (answers - mean) ** 2, axes=1).mean(axis=0)
    of_one = np.mean(errors**2, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(of_one > 0.0, 1.0 - spread / of_one, 1.0)
    # more than three quarters are never the networks' disagreement on rows they have seen
    return np.sqrt(np.maximum(share, 0.25))


def residual_intervals(answers: np.ndarray, errors: np.ndarray, coverage: float) -> np.ndarray:
    """Return answers plus two quantiles of the errors: (n, 2), or (n, k, 2) of several targets.

    Source: R. Barber, E. Candes, A. Ramdas, R. Tibshirani, "Predictive inference with the
    jackknife+", Annals of Statistics 49(1), 2021 (the CV variant, without its correction).

    Examples
    --------
    >>> residual_intervals(np.array([10.0]), np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), 0.5)
    array([[ 9., 11.]])
    """
    return residual_quantiles(answers, errors, interval_levels(coverage))


def interval_levels(coverage: float) -> tuple[float, float]:
    """Return the levels of the two ends of an interval."""
    return (1.0 - coverage) / 2.0, (1.0 + coverage) / 2.0


def residual_quantiles(
    answers: np.ndarray, errors: np.ndarray, levels: Sequence[float]
) -> np.ndarray:
    """Return answers plus quantiles of the errors, along a last axis.

    Examples
    --------
    >>> residual_quantiles(np.array([10.0]), np.array([-2.0, 0.0, 2.0]), [0.5, 1.0])
    array([[10., 12.]])
    """
    found: np.ndarray = answers[..., None] + quantiles_of(errors, levels)
    return found


def quantiles_of(errors: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Return quantiles of errors, along a last axis: (n_levels,), or (n_targets, n_levels)."""
    return np.moveaxis(np.quantile(errors, levels, axis=0), 0, -1)


def conformal_quantiles(ends: np.ndarray, errors: np.ndarray, coverage: float) -> np.ndarray:
    r"""Return intervals (n, 2) between quantiles, moved so that they cover what they should.

    With the quantiles :math:`q_l` and :math:`q_u` of a row, the share c lies between
    :math:`q_l - t` and :math:`q_u + t`, for t the quantile c of

    .. math:: \max(q_l - y, y - q_u)

    over the rows out of fold.

    Source: Y. Romano, E. Patterson, E. Candes, "Conformalized quantile regression", NeurIPS 2019,
    eq. 6 and 7.

    Parameters
    ----------
    ends : ndarray (n, 2)
        The quantiles of the rows to answer.
    errors : ndarray (m, 2)
        The quantiles less the targets, of the rows out of fold.
    coverage : float
        The share c.

    Examples
    --------
    >>> errors = np.array([[-1.0, 1.0]] * 8 + [[0.5, 2.0]] * 2)  # two targets lie below
    >>> conformal_quantiles(np.array([[4.0, 6.0]]), errors, 0.9)
    array([[3.5, 6.5]])
    """
    # a negative t may draw the ends past each other
    return np.sort(ends + conformal_shift(errors, coverage), axis=1)


def conformal_shift(errors: np.ndarray, coverage: float) -> np.ndarray:
    """Return -t and t of `conformal_quantiles`."""
    outside = np.maximum(errors[:, 0], -errors[:, 1])
    t = float(np.quantile(outside, coverage, method="higher"))
    return np.array([-t, t])
