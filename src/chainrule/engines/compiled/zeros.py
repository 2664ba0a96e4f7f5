"""Decide whether the first layer skips zero inputs, from the density of the matrix."""

from typing import Any, NamedTuple
from weakref import ref

import numpy as np

__all__ = ["ENTRY_STRIP", "Densities", "Zeros"]

# Rows of a dense matrix that are sampled; a matrix with fewer rows is not.
SAMPLE = 256

# Inputs of a strip, whose weights to a panel stay near the core while rows go by: a multiple of 64.
# Strips are wider at a lower density: a row of a strip costs as much as some nonzeros.
ENTRY_STRIP, ENTRIES = 128, 16
# Density up to which wide layers gain, and the overhead of one nonzero, in columns. Measured at
# densities of 0.05 to 0.5: 16 columns gain up to 0.16, 100 up to 0.35 or 0.45, 512 up to 0.5; at
# 0.1 a step of 784-512-10 takes 0.3 of the time.
LARGEST_SHARE, COLUMNS_OF_COST = 0.48, 32
# Nonzeros that lists have room for: 128 MiB in single precision.
MOST_KEPT = 1 << 23


class Density(NamedTuple):
    """The density of a matrix.

    Attributes
    ----------
    share : float
        Nonzeros divided by all its numbers.
    longest : int
        Bound on the nonzeros of a row.
    listed : bool
        Whether rows are lists of nonzeros, whose columns ascend.
    """

    share: float
    longest: int
    listed: bool = False

    @classmethod
    def of(cls, x: Any) -> "Density":
        """Count the nonzeros of a sparse matrix, or of evenly spaced rows of a dense one."""
        n, columns = x.shape
        if hasattr(x, "tocsr"):
            x = x.tocsr()
            longest = int(np.diff(x.indptr).max(initial=0))
            return cls(x.nnz / max(n * columns, 1), longest, bool(x.has_canonical_format))
        if n < SAMPLE:
            return cls(1.0, columns)
        some = x[:: n // SAMPLE]
        return cls(float(np.count_nonzero(some) / some.size), columns)


class Densities:
    """The densities of the matrices of successive calls.

    A dense matrix is sampled once, since that takes time. The entry is dropped with the matrix; if
    the matrix is edited, only the speed changes. The longest row of a sparse matrix sizes the
    buffers, so it is counted in every call.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Density]] = {}

    def of(self, x: Any) -> Density:
        """Return the density of a matrix."""
        if hasattr(x, "tocsr"):
            return Density.of(x)
        key = id(x)
        found = self._known.get(key)
        if found is None or found[0]() is not x:
            owner = ref(self)  # no strong one: an engine goes with its last holder

            def forget(_: Any) -> None:
                densities = owner()
                if densities is not None:
                    densities._known.pop(key, None)

            found = self._known[key] = ref(x, forget), Density.of(x)
        return found[1]


class Zeros(NamedTuple):
    """The plan of a first layer that skips zero inputs.

    Attributes
    ----------
    row_length : int
        Room for the nonzeros of a row.
    strip_inputs : int
        Inputs of a strip.
    listed : bool
        Whether rows come as lists of nonzeros.
    """

    row_length: int
    strip_inputs: int = ENTRY_STRIP
    listed: bool = False

    @classmethod
    def of(cls, density: Density, n_in: int, n_out: int, rows: int) -> "Zeros | None":
        """Return the plan for so many rows at once; None for a layer that takes all inputs."""
        length = density.longest
        if density.listed:  # a power of two: buffers serve other matrices too
            length = 1 << max(length - 1, 63).bit_length()
        if not worth_skipping(density.share, n_out, rows * length):
            return None
        if not density.listed:
            return cls(length)
        inputs = int(min(ENTRIES / max(density.share, 1e-9), n_in))
        return cls(length, -(-max(inputs, 1) // ENTRY_STRIP) * ENTRY_STRIP, True)


def worth_skipping(share: float, n_out: int, size: int) -> bool:
    """Return whether a layer gains by skipping zeros at a density.

    ``size`` is the number of nonzeros that each of the two sets of lists has room for.
    """
    return size <= MOST_KEPT and share * (n_out + COLUMNS_OF_COST) < LARGEST_SHARE * n_out
