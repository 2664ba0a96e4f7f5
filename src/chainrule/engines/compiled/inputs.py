"""What a kernel needs to know to read the inputs where they are."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.engines.compiled.gathers import DENSE_KINDS
from chainrule.engines.compiled.memory import address_of

__all__ = ["Inputs"]


@dataclass(frozen=True, eq=False)
class Inputs:
    """A matrix that one of the gather functions can read.

    Attributes
    ----------
    kind : str
        Of its numbers, and before them of the indices of a CSR matrix: ``gather_`` before it names
        the function, and for CSR ``list_`` one that gives what is not 0.
    table : array of int64
        What it reads, as `tables.Source` says.
    keep : tuple
        The arrays the table points into.
    """

    kind: str
    table: np.ndarray
    keep: tuple[Any, ...]

    @classmethod
    def of(cls, x: Any, dtype: np.dtype[Any]) -> "Inputs | None":
        """Describe a matrix without a copy; None for a kind that has to be converted first."""
        if hasattr(x, "tocsr"):
            return cls._sparse(x.tocsr(), dtype)
        if not isinstance(x, np.ndarray) or not x.flags.aligned or not x.dtype.isnative:
            return None
        kind = "u1" if x.dtype == np.bool_ else x.dtype.str[1:]
        if kind not in DENSE_KINDS:
            return None
        table = np.array([address_of(x), *x.strides], np.int64)
        return cls(kind, table, (x,))

    @classmethod
    def _sparse(cls, x: Any, dtype: np.dtype[Any]) -> "Inputs":
        index = np.int32 if x.indices.dtype == np.int32 == x.indptr.dtype else np.int64
        indptr = np.ascontiguousarray(x.indptr, index)
        indices = np.ascontiguousarray(x.indices, index)
        kind = x.data.dtype.str if x.data.dtype.isnative else ""
        data = np.ascontiguousarray(x.data, None if kind[1:] in ("f4", "f8") else dtype)
        arrays = (indptr, indices, data)
        kinds = f"{np.dtype(index).str[1:]}_{data.dtype.str[1:]}"
        table = np.array([address_of(a) for a in arrays], np.int64)
        return cls(kinds, table, (x, *arrays))

    @classmethod
    def converted(cls, x: Any, index: Any, dtype: np.dtype[Any]) -> "Inputs":
        """Describe some rows, converted to the parameters' dtype."""
        rows = np.ascontiguousarray(np.asarray(x[index]).astype(dtype))
        inputs = cls.of(rows, dtype)
        assert inputs is not None
        return inputs
