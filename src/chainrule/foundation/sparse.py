"""CSR matrices: checks, since machine code reads them without bounds checks, and stacking."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.foundation.errors import InputError, must_be

__all__ = ["check_entries", "check_order", "stacked"]


def check_entries(x: Any, name: str) -> None:
    """Refuse a CSR matrix with entries outside of it: machine code would look there."""
    starts, places = x.indptr, x.indices
    if len(starts) != x.shape[0] + 1 or len(places) != len(x.data):
        rule = f"a CSR matrix of {x.shape[0] + 1} row starts, and an index for each of its numbers"
        raise must_be(name, rule, (len(starts), len(places), len(x.data)))
    if int(starts[0]) or np.diff(starts).min(initial=0) < 0 or starts[-1] > len(places):
        wrong = (np.diff(starts, prepend=0) < 0) | (starts > len(places))
        at = int(np.argmax(wrong)) if not starts[0] else 0
        rule = f"a CSR matrix whose indptr rises from 0 to {len(places)}"
        raise must_be(name, rule, int(starts[at]), f"It stands in indptr[{at}].")
    low, high = places.min(initial=0), places.max(initial=0)
    if low < 0 or (high >= x.shape[1] and len(places)):
        columns = f"a CSR matrix of columns 0 to {x.shape[1] - 1}"
        raise must_be(name, columns, int(low if low < 0 else high), "Look at its indices.")


def check_order(x: Any, name: str) -> None:
    """Refuse a CSR matrix whose columns do not ascend within rows, whatever its flag says."""
    places = x.indices[: int(x.indptr[-1])]
    begins = np.zeros(len(places) + 1, np.bool_)
    begins[x.indptr] = True
    falls = places[1:] < places[:-1]
    if np.any(falls & ~begins[1:-1]):
        raise InputError(
            f"{name} must be a CSR matrix whose columns ascend within rows; its indices were "
            "edited. Call sort_indices() on it first."
        )


def stacked(parts: Sequence[Any]) -> Any:
    """Return matrices of the same columns as one, row after row: an array, or a CSR matrix."""
    if not hasattr(parts[0], "tocsr"):
        return np.concatenate(parts)
    from scipy import sparse

    return sparse.vstack(parts, format="csr")
