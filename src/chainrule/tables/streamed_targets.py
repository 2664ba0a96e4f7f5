"""Targets of a table in files, counted block by block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl

from chainrule.estimators.first_pass import FEWEST_TO_COMPARE, SORTED_SHARE, SORTED_SPREAD
from chainrule.interop.cells import numbers_of, text_of

__all__ = ["Targets", "read_targets"]


class Targets:
    """The targets of the rows to train on, counted as they come."""

    def __init__(self, name: str, classes: bool, weight: str | None) -> None:
        self.name, self.classes, self.weight = name, classes, weight
        self.sizes: dict[Any, float] = {}
        self.low, self.high, self.sum, self.rows = math.inf, -math.inf, 0.0, 0.0
        self._squares, self._first = 0.0, dict[Any, float]()

    def read(self, series: pl.Series) -> np.ndarray:
        """Return targets as the estimator takes them."""
        return read_targets(series, self.classes)

    def add(self, frame: pl.DataFrame) -> None:
        """Count the targets of more rows."""
        y = self.read(frame[self.name])
        weight = None if self.weight is None else frame[self.weight].to_numpy()
        if self.classes:
            labels, places = np.unique(y, return_inverse=True)
            sums = np.bincount(places, weight, minlength=len(labels))
            for label, size in zip(labels.tolist(), sums.tolist(), strict=True):
                self.sizes[label] = self.sizes.get(label, 0.0) + size
        elif len(y):
            self.low, self.high = min(self.low, float(y.min())), max(self.high, float(y.max()))
            each = np.ones(len(y)) if weight is None else weight
            self.sum += float((y * each).sum())
            self._squares += float((y * y * each).sum())
            self.rows += float(each.sum())
        if not self._first and len(y) >= FEWEST_TO_COMPARE:
            self._first = dict(self.sizes)
            if not self.classes:
                self._first = {"mean": self.sum / self.rows, "spread": self._spread}

    @property
    def _spread(self) -> float:
        mean = self.sum / self.rows
        return math.sqrt(max(0.0, self._squares / self.rows - mean * mean))

    @property
    def are_sorted(self) -> bool:
        """True if the first rows have other targets than all of them."""
        if not self._first:
            return False
        if not self.classes:
            mean, spread = self.sum / self.rows, self._spread
            far = abs(self._first["mean"] - mean) > SORTED_SPREAD * spread
            return far or self._first["spread"] < spread / 2.0
        total, of_first = sum(self.sizes.values()), sum(self._first.values())
        gaps = [
            abs(self._first.get(label, 0.0) / of_first - size / total)
            for label, size in self.sizes.items()
        ]
        return sum(gaps) / 2.0 > SORTED_SHARE

    @property
    def typical(self) -> np.ndarray:
        """Targets that teach what all of them do: each label, or both ends."""
        if self.classes:
            return np.array(sorted(self.sizes) * 4)
        return np.array([self.low, self.high])


def read_targets(series: pl.Series, classes: bool) -> np.ndarray:
    """Return the targets in a column: labels, or float64."""
    if not classes:
        return numbers_of(series)
    if series.dtype == pl.Boolean or series.dtype.is_numeric():
        return series.to_numpy()
    return np.array(text_of(series).to_list(), dtype=str)
