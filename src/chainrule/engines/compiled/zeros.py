"""Whether to pass over inputs that are 0, and how: by what share of them is not."""

from typing import Any, NamedTuple
from weakref import ref

import numpy as np

__all__ = ["ENTRY_STRIP", "Fillings", "Zeros"]

# Rows of a dense matrix that are looked at; fewer are not worth a look.
SAMPLE = 256

# Inputs whose weights to a panel stay near the core while rows go by: a multiple of 64. Where fewer
# of them are not 0, strips are wider: a row and a strip cost as much as some of those.
ENTRY_STRIP, ENTRIES = 128, 16
# Share of the inputs that are not 0 up to which wide layers gain, and what one such input costs
# besides the arithmetic of its columns, in columns. Measured at shares of 0.05 to 0.5: 16 columns
# gain up to 0.16, 100 up to 0.35 or 0.45, 512 up to 0.5; at 0.1 a step of 784-512-10 takes 0.3 of
# the time.
LARGEST_SHARE, COLUMNS_OF_COST = 0.48, 32
# Inputs that may be kept at once: 128 MiB for their lists in single precision.
MOST_KEPT = 1 << 23


class Filling(NamedTuple):
    """How much of a matrix is not 0.

    Attributes
    ----------
    share : float
        What is not 0 of all its numbers.
    longest : int
        How many there may be in a row.
    listed : bool
        Whether rows are lists of them, whose columns ascend.
    """

    share: float
    longest: int
    listed: bool = False

    @classmethod
    def of(cls, x: Any) -> "Filling":
        """Count in all of a sparse matrix, and in rows of a dense one at equal distances."""
        n, columns = x.shape
        if hasattr(x, "tocsr"):
            x = x.tocsr()
            longest = int(np.diff(x.indptr).max(initial=0))
            return cls(x.nnz / max(n * columns, 1), longest, bool(x.has_canonical_format))
        if n < SAMPLE:
            return cls(1.0, columns)
        some = x[:: n // SAMPLE]
        return cls(float(np.count_nonzero(some) / some.size), columns)


class Fillings:
    """The fillings of matrices that come up in one call after the other.

    A dense one is looked at once: a look at 256 rows of 784 columns takes half a millisecond, 2 %
    of an epoch of 8 steps. What is remembered goes with the matrix; if that is edited, only the
    speed may be another. Of a sparse one the longest row is what memory is made for, so it is
    looked at in every call.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Filling]] = {}

    def of(self, x: Any) -> Filling:
        """Return the filling of a matrix."""
        if hasattr(x, "tocsr"):
            return Filling.of(x)
        key, known = id(x), self._known
        found = known.get(key)
        if found is None or found[0]() is not x:
            found = known[key] = ref(x, lambda _: known.pop(key, None)), Filling.of(x)
        return found[1]


class Zeros(NamedTuple):
    """How the first layer passes over inputs that are 0.

    Attributes
    ----------
    row_length : int
        Room for what is not 0 of a row.
    strip_inputs : int
        Inputs of a strip.
    listed : bool
        Whether rows come as lists of what is not 0.
    """

    row_length: int
    strip_inputs: int = ENTRY_STRIP
    listed: bool = False

    @classmethod
    def of(cls, filling: Filling, n_in: int, n_out: int, rows: int) -> "Zeros | None":
        """Return how to pass over the zeros of so many rows at once; None for not at all."""
        length = filling.longest
        if filling.listed:  # of few different sizes, for they are kept for other matrices
            length = 1 << max(length - 1, 63).bit_length()
        if not worth_skipping(filling.share, n_out, rows * length):
            return None
        if not filling.listed:
            return cls(length)
        inputs = int(min(ENTRIES / max(filling.share, 1e-9), n_in))
        return cls(length, -(-max(inputs, 1) // ENTRY_STRIP) * ENTRY_STRIP, True)


def worth_skipping(share: float, n_out: int, size: int) -> bool:
    """Return whether a layer is faster over the inputs that are not 0, if they are this share.

    ``size`` is how many inputs there is room for at once, and twice.
    """
    return size <= MOST_KEPT and share * (n_out + COLUMNS_OF_COST) < LARGEST_SHARE * n_out
