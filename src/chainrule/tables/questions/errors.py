"""The error of answers, row by row: the log loss of classes, the squared error of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["error_name", "mean_error", "row_errors"]

# The log loss of a probability of 0 is that of the least float64 above it.
LEAST = np.finfo(np.float64).tiny


def error_name(model: Any) -> str:
    """Return what `mean_error` is called for the answers of a model."""
    return "log loss" if hasattr(model, "classes_") else "RMSE"


def row_errors(answers: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return -log p of the class that came true, or the squared error.

    Parameters
    ----------
    answers : ndarray (n, n_classes) or (n,)
        Probabilities, or numbers.
    y : ndarray (n,)
        Class numbers, or numbers.

    Examples
    --------
    >>> row_errors(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([0, 1])).round(3) + 0.0
    array([0.   , 0.693])
    >>> row_errors(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    array([0., 4.])
    """
    if answers.ndim == 2:
        found: np.ndarray = -np.log(np.maximum(answers[np.arange(len(y)), y], LEAST))
        return found
    squared: np.ndarray = (answers - y) ** 2
    return squared


def mean_error(answers: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return the log loss, or the root mean square error.

    Examples
    --------
    >>> mean_error(np.array([1.0, 3.0]), np.array([1.0, 1.0]), np.array([3.0, 1.0]))
    1.0
    """
    mean = float(np.average(row_errors(answers, y), weights=weight))
    return mean if answers.ndim == 2 else mean**0.5
