"""Statistics of the input columns: scale, offset, and constant columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.foundation.arrays import Array
from chainrule.foundation.short_numbers import short

__all__ = ["Columns", "look_at_columns", "scale_words"]

# Sizes of two features that differ by more than this factor are a finding.
SCALE_FACTOR = 100.0
# A feature whose mean is more than so many times its spread is a finding. Measured on standardised
# tables moved off 0: at 10 spreads a relu network loses a tenth of its accuracy, at 30 a third.
OFFSET_FACTOR = 30.0
# It also lies this many times its whole range away from 0: a feature of rare ones does not.
RANGES_AWAY = 2.0
# A feature that is 0 in all rows but this share has too little weight to be one: pixels at the edge
# of pictures, rare words.
RARE = 0.1
BLOCK_SIZE = 2**20


@dataclass(frozen=True, eq=False)
class Columns:
    """Per column of the inputs, over the rows whose weight is positive.

    Attributes
    ----------
    lowest, highest : ndarray (n_in,)
        Smallest and largest value.
    typical : ndarray (n_in,)
        Root mean square.
    mean : ndarray (n_in,)
        Mean.
    filled : ndarray (n_in,)
        Share of nonzero rows.
    rows : int
        The number of rows.
    """

    lowest: np.ndarray
    highest: np.ndarray
    typical: np.ndarray
    mean: np.ndarray
    filled: np.ndarray
    rows: int

    @property
    def constant(self) -> np.ndarray:
        """The indices of constant columns."""
        return np.flatnonzero(self.lowest == self.highest) if self.rows > 1 else np.arange(0)

    @np.errstate(over="ignore")
    def farthest_offset(self) -> tuple[int, float, float] | None:
        """Return the column farthest from 0 (column, mean, spread), if beyond the threshold."""
        nearest = np.maximum(np.maximum(self.lowest, -self.highest), 0.0)
        away = nearest > RANGES_AWAY * (self.highest - self.lowest)
        share = np.divide(self.mean, self.typical, where=self.typical > 0.0, out=0.0 * self.mean)
        spread = self.typical * np.sqrt(np.maximum(1.0 - share**2, 0.0))
        found = away & (self.lowest < self.highest)
        found &= np.abs(self.mean) > OFFSET_FACTOR * spread
        columns = np.flatnonzero(found)
        if not len(columns):
            return None
        with np.errstate(divide="ignore"):
            farthest = columns[np.argmax(np.abs(self.mean[columns]) / spread[columns])]
        return int(farthest), float(self.mean[farthest]), float(spread[farthest])

    @np.errstate(over="ignore")
    def farthest_scales(self) -> tuple[int, int, float] | None:
        """Return the columns of the most different scales (small, large, factor), if any.

        Both the typical and the largest size must differ, so that neither a column of rare ones
        nor a single outlier counts; the factor is the smaller of the two.
        """
        largest = np.maximum(np.abs(self.lowest), np.abs(self.highest))
        changing = (self.lowest != self.highest) & (self.typical > 0.0)
        columns = np.flatnonzero(changing & (self.filled >= RARE))
        if len(columns) < 2:
            return None
        columns = columns[np.argsort(self.typical[columns], kind="stable")]
        typical, largest = self.typical[columns], largest[columns]
        # the smallest of the columns up to each place of the order
        so_far = np.minimum.accumulate(largest)
        bounds = np.searchsorted(typical, typical / SCALE_FACTOR, side="left")
        found = [
            (large, bound)
            for large, bound in enumerate(bounds)
            if bound > 0 and largest[large] > SCALE_FACTOR * so_far[bound - 1]
        ]
        if not found:
            return None
        best = max(
            (
                (
                    min(typical[large] / typical[small], largest[large] / largest[small]),
                    int(columns[small]),
                    int(columns[large]),
                )
                for large, bound in found
                for small in (0, int(np.argmin(largest[:bound])))
            ),
        )
        return best[1], best[2], float(best[0])


def look_at_columns(rows: Rows) -> Columns:
    """Measure the input columns, a block of rows at a time."""
    n, n_in = rows.x.shape
    sparse = hasattr(rows.x, "tocsr")
    lowest, highest = np.full(n_in, np.inf), np.full(n_in, -np.inf)
    mean, norm, filled, seen = np.zeros(n_in), np.zeros(n_in), np.zeros(n_in), 0
    length = max(16, BLOCK_SIZE // n_in)
    with np.errstate(over="ignore"):
        for start in range(0, n, length):
            x = rows.x[start : start + length]
            if rows.weight is not None:
                x = x[rows.weight[start : start + length] > 0.0]
            if x.shape[0] == 0:
                continue
            seen += x.shape[0]
            low, high = _along_rows(x, "min"), _along_rows(x, "max")
            lowest, highest = np.minimum(lowest, low), np.maximum(highest, high)
            # as shares of the largest, whose squares neither overflow nor vanish
            size = np.maximum(np.abs(low.astype(np.float64)), np.abs(high.astype(np.float64)))
            size[size < np.finfo(np.float64).tiny] = 1.0
            x = x.astype(np.float64)
            x = x.multiply(1.0 / size) if sparse else x / size
            filled += np.asarray((x != 0.0).sum(axis=0)).ravel()
            mean += np.asarray(x.sum(axis=0)).ravel() * (size / n)
            squared = x.multiply(x) if sparse else x * x
            norm = np.hypot(norm, size * np.sqrt(np.asarray(squared.sum(axis=0)).ravel()))
        share = seen / n
        return Columns(lowest, highest, norm / np.sqrt(seen), mean / share, filled / seen, seen)


def scale_words(columns: Columns, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the findings on the inputs, as (kind, sentence)."""
    findings = []
    constant = columns.constant
    if len(constant):
        named = ", ".join(f"{names[i]} is {short(float(columns.lowest[i]))}" for i in constant[:5])
        more = f", and {len(constant) - 5} more" if len(constant) > 5 else ""
        verb = "is" if len(constant) == 1 else "are"
        words = f"{len(constant)} of {len(names)} features {verb} constant ({named}{more})"
        findings.append(("constant", words))
    far = columns.farthest_scales()
    if far is not None:
        small, large, factor = far
        sizes = [short(float(columns.typical[one])) for one in (large, small)]
        words = (
            f"{names[large]} is {short(factor)} times the size of {names[small]} ({sizes[0]} "
            f"against {sizes[1]}, root mean squares), more than {SCALE_FACTOR:g} times: "
            "standardise the features"
        )
        findings.append(("scales", words))
    off = columns.farthest_offset()
    if off is not None:
        column, mean, spread = off
        words = (
            f"{names[column]} lies far from 0, with mean {short(mean)} and spread {short(spread)}, "
            f"more than {OFFSET_FACTOR:g} spreads: standardise the features"
        )
        findings.append(("offset", words))
    return findings


def _along_rows(x: Array, what: str) -> np.ndarray:
    values = getattr(x, what)(axis=0)
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values).ravel()
