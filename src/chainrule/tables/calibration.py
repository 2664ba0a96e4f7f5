"""Temperature: one number that makes probabilities as sure as they are right."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.foundation.arrays import Array, Namespace, namespace

__all__ = [
    "as_shares",
    "of_labels",
    "temperature_of",
    "tempered",
    "tempered_label",
    "tempered_labels",
    "tempered_row",
]

# A temperature outside this range says that a table has no signal, or too few rows to tell.
COLDEST, HOTTEST = 0.25, 8.0
# No probability is taken for smaller, so that one wrong row cannot set the temperature alone.
LEAST = 1e-7


def tempered(p: np.ndarray, temperature: float) -> np.ndarray:
    r"""Return probabilities (n, k) at another temperature.

    .. math:: p_i \leftarrow \frac{p_i^{1/T}}{\sum_j p_j^{1/T}}

    Examples
    --------
    >>> tempered(np.array([[0.9, 0.1]]), 2.0).round(2)
    array([[0.75, 0.25]])
    """
    if temperature == 1.0:
        return p
    with np.errstate(divide="ignore"):
        found: np.ndarray = tempered_row(namespace(p), p, temperature)
    return found


def tempered_row(xp: Namespace, p: Array, temperature: Any) -> Array:
    """Return the formula of `tempered`, for arrays of any library."""
    logs = xp.log(p) / temperature
    powers = xp.exp(logs - xp.max(logs, axis=-1, keepdims=True))
    return as_shares(xp, powers)


def as_shares(xp: Namespace, p: Array) -> Array:
    """Return rows of numbers as shares of their sum."""
    return p / xp.sum(p, axis=-1, keepdims=True)


def tempered_labels(p: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities (n, k) of k labels, each yes or no, at another temperature.

    Examples
    --------
    >>> tempered_labels(np.array([[0.9, 1.0]]), 2.0).round(2)
    array([[0.75, 1.  ]])
    """
    if temperature == 1.0:
        return p
    with np.errstate(divide="ignore"):
        found: np.ndarray = tempered_label(namespace(p), p, temperature)
    return found


def tempered_label(xp: Namespace, p: Array, temperature: Any) -> Array:
    """Return the formula of `tempered_labels`, for arrays of any library."""
    yes, no = xp.log(p) / temperature, xp.log(1.0 - p) / temperature
    top = xp.maximum(yes, no)
    for_it, against = xp.exp(yes - top), xp.exp(no - top)
    return for_it / (against + for_it)


def of_labels(p: np.ndarray) -> np.ndarray:
    """Return the chances (n k, 2) of no and yes, of the probabilities (n, k) of k labels.

    Examples
    --------
    >>> of_labels(np.array([[0.25, 1.0]])).tolist()
    [[0.75, 0.25], [0.0, 1.0]]
    """
    yes = p.reshape(-1)
    return np.stack([1.0 - yes, yes], axis=1)


def temperature_of(p: np.ndarray, codes: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return the temperature at which probabilities of rows never trained on have least log loss.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks",
    ICML 2017, section 4.2.

    Parameters
    ----------
    p : ndarray (n, k)
        Probabilities.
    codes : ndarray (n,) of int
        The class that came true.
    weight : ndarray (n,), optional
        What each row counts.

    Examples
    --------
    >>> p = np.array([[0.99, 0.01]] * 10)
    >>> temperature_of(p, np.array([0] * 8 + [1] * 2)) > 2.0
    True
    """
    from scipy.optimize import minimize_scalar

    p = np.clip(p.astype(np.float64), LEAST, 1.0)
    rows = np.arange(len(codes))

    def log_loss(log_temperature: float) -> float:
        chances = tempered(p, float(np.exp(log_temperature)))[rows, codes]
        return float(np.average(-np.log(np.maximum(chances, LEAST)), weights=weight))

    ends = (float(np.log(COLDEST)), float(np.log(HOTTEST)))
    return float(np.exp(minimize_scalar(log_loss, bounds=ends, method="bounded").x))
