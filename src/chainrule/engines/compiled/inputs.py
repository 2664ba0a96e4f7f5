"""Inputs described to a kernel, which reads them where they lie."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.engines.compiled.gathers import DENSE_KINDS
from chainrule.engines.compiled.structs import Table
from chainrule.engines.compiled.tables import DenseSource, SparseSource

__all__ = ["Inputs", "dense_source"]


@dataclass(frozen=True, eq=False)
class Inputs:
    """A matrix that one of the gather functions can read.

    Attributes
    ----------
    kind : str
        Of its numbers, and before them of the indices of a CSR matrix: ``gather_`` before it names
        the function, and for CSR ``list_`` one that lists nonzeros.
    source : Table
        The `DenseSource` or `SparseSource`.
    x : array or sparse matrix
        The matrix that was described.
    """

    kind: str
    source: Table
    x: Any

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
        return cls(kind, dense_source(x), x)

    @classmethod
    def _sparse(cls, x: Any, dtype: np.dtype[Any]) -> "Inputs":
        index = np.int32 if x.indices.dtype == np.int32 == x.indptr.dtype else np.int64
        indptr = np.ascontiguousarray(x.indptr, index)
        indices = np.ascontiguousarray(x.indices, index)
        kind = x.data.dtype.str if x.data.dtype.isnative else ""
        data = np.ascontiguousarray(x.data, None if kind[1:] in ("f4", "f8") else dtype)
        source = Table(SparseSource, dtype)
        source[SparseSource.row_starts_at] = indptr
        source[SparseSource.columns_at] = indices
        source[SparseSource.values_at] = data
        return cls(f"{np.dtype(index).str[1:]}_{data.dtype.str[1:]}", source, x)

    @classmethod
    def converted(cls, x: Any, index: Any, dtype: np.dtype[Any]) -> "Inputs":
        """Describe some rows, converted to the parameters' dtype."""
        rows = np.ascontiguousarray(np.asarray(x[index]).astype(dtype))
        inputs = cls.of(rows, dtype)
        assert inputs is not None
        return inputs


def dense_source(x: np.ndarray) -> Table:
    """Return the description of a dense array."""
    source = Table(DenseSource, x.dtype)
    source[DenseSource.base_at] = x
    source[DenseSource.row_stride], source[DenseSource.column_stride] = x.strides
    return source
