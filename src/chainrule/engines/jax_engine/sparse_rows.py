"""Rows of a sparse matrix on the device: the nonzeros of each row, as many as the longest has."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["SparseRows"]


@jax.tree_util.register_pytree_node_class
class SparseRows:
    """Rows (n, n_in), by the columns and the values of their nonzeros.

    A row with fewer nonzeros than the longest is filled up with zeros in column 0, which change
    no product. It offers the two products that a layer asks for, ``x @ weight`` and ``x.T @ dz``.
    """

    def __init__(self, columns: Any, values: Any, n_in: int) -> None:
        self.columns = columns
        self.values = values
        self.n_in = n_in

    @classmethod
    def of(cls, x: Any, dtype: np.dtype[Any]) -> "SparseRows":
        """Return the rows of a CSR matrix."""
        lengths = np.diff(x.indptr)
        width = max(int(lengths.max(initial=0)), 1)
        there = np.arange(width) < lengths[:, None]
        columns = np.zeros(there.shape, np.int32)
        values = np.zeros(there.shape, dtype)
        columns[there], values[there] = x.indices, x.data
        return cls(columns, values, x.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and inputs."""
        return self.columns.shape[0], self.n_in

    def take(self, index: Any) -> "SparseRows":
        """Return some rows."""
        return SparseRows(self.columns[index], self.values[index], self.n_in)

    def astype(self, dtype: Any) -> "SparseRows":
        """Return the rows with values of a dtype."""
        return SparseRows(self.columns, self.values.astype(dtype), self.n_in)

    def __matmul__(self, weight: Any) -> Any:
        return jnp.einsum("nk,nko->no", self.values, weight[self.columns])

    @property
    def T(self) -> "Transposed":  # noqa: N802, the name of arrays
        """The transposed rows, for the gradient of a weight."""
        return Transposed(self)

    def tree_flatten(self) -> tuple[tuple[Any, Any], int]:
        """Return the arrays, and what is fixed when a function is compiled."""
        return (self.columns, self.values), self.n_in

    @classmethod
    def tree_unflatten(cls, n_in: int, arrays: tuple[Any, Any]) -> "SparseRows":
        """Return the rows of what `tree_flatten` gave."""
        return cls(*arrays, n_in)


class Transposed(NamedTuple):
    """The transpose of sparse rows; it is multiplied, and nothing else."""

    rows: SparseRows

    def __matmul__(self, dz: Any) -> Any:
        rows = self.rows
        products = rows.values[:, :, None] * dz[:, None, :]
        return jnp.zeros((rows.n_in, dz.shape[1]), dz.dtype).at[rows.columns].add(products)
