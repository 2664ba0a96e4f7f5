"""One implementation per kind of array, created when the first array of its kind is seen."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np

from chainrule.engines.engine import Scorer
from chainrule.engines.leaving import Left
from chainrule.foundation.arrays import Array, library_of

__all__ = ["ByDtype"]

Answering = TypeVar("Answering", bound=Scorer)


def _nothing(vector: Array, x: Array) -> None:
    return None


class ByDtype(Generic[Answering]):
    """Scores and predictions by what a subclass makes for NumPy's float32, float64, or the rest."""

    def __init__(self) -> None:
        # of a few rows, by one that is quick with them; None says to ask `scores`
        self.few_scores: Callable[[Array, Array], Array | None] = _nothing
        self._made: dict[Any, Answering] = {}

    def _make(self, dtype: np.dtype[Any] | None, library: str) -> Answering:
        """Return what answers for arrays of a library; the dtype is None for other than NumPy's."""
        raise NotImplementedError

    def _for(self, array: Array) -> Answering:
        known = type(array) is np.ndarray or isinstance(array, Left)
        if known and array.dtype in self._made:
            return self._made[array.dtype]
        kind, library = getattr(array, "dtype", None), library_of(array)
        if not isinstance(array, np.ndarray) or kind not in (np.float32, np.float64):
            kind = None
        key = kind or library
        if key not in self._made:
            made = self._made[key] = self._make(kind, library)
            self.few_scores = getattr(made, "few_scores", self.few_scores)
        return self._made[key]

    def scores(self, vector: Array, x: Array) -> Array:
        """Return the scores (n, n_out) at a flat vector of parameters."""
        few = self.few_scores(vector, x)
        return self._for(vector).scores(vector, x) if few is None else few

    def predictions(self, scores: Array) -> Array:
        """Return what scores (n, k) stand for, by the link of the loss, of their shape."""
        return self._for(scores).predictions(scores)
