"""Greedy ensemble selection: the weights with which several models answer best together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["greedy_weights"]

# Models of an ensemble, each counted as often as it is taken.
ROUNDS = 25
# The loss must fall by this share of itself for another round.
BETTER = 1e-4


def greedy_weights(
    answers: Sequence[np.ndarray], loss: Callable[[np.ndarray], float]
) -> np.ndarray:
    r"""Return the weights (n,), of sum 1, of the models with these answers.

    Begin with the best model; add, with replacement, the one whose answers make the loss of the
    mean least, as long as that falls.

    Source: R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, "Ensemble selection from libraries
    of models", ICML 2004, section 2.

    Parameters
    ----------
    answers : sequence of ndarray
        The answers of each model, for the same rows held out.
    loss : callable
        The loss of answers for these rows.

    Examples
    --------
    >>> y = np.array([1.0, 2.0, 3.0])
    >>> models = [y + 1.0, y - 1.0, y + 5.0]
    >>> greedy_weights(models, lambda p: float(np.mean((p - y) ** 2)))
    array([0.5, 0.5, 0. ])
    """
    counts = np.zeros(len(answers))
    total = np.zeros_like(answers[0])
    least = np.inf
    for size in range(1, ROUNDS + 1):
        losses = [loss((total + one) / size) for one in answers]
        best = int(np.argmin(losses))
        if counts.any() and not losses[best] < least * (1.0 - np.sign(least) * BETTER):
            break
        counts[best] += 1.0
        total, least = total + answers[best], losses[best]
    weights: np.ndarray = counts / counts.sum()
    return weights
