"""Collections of Dask in blocks: a partition is a block, computed where it is asked for.

Dask itself is not imported: whoever has a collection has it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import Any

import numpy as np

from chainrule.foundation.errors import InputError, must_be, suggest
from chainrule.foundation.wording import listed

__all__ = ["DaskSource", "Partitions", "at_hand", "is_collection"]

# Blocks that a worker has received, by number: a source takes them from here.
_received: ContextVar[dict[int, Any] | None] = ContextVar("received blocks of Dask", default=None)


def is_collection(value: Any) -> bool:
    """Say whether a value is a dask.array or a dask.dataframe.

    Examples
    --------
    >>> is_collection(np.zeros(3))
    False
    """
    package = type(value).__module__.partition(".")[0]
    return package in ("dask", "dask_expr") and hasattr(value, "to_delayed")


@contextmanager
def at_hand(blocks: dict[int, Any]) -> Iterator[None]:
    """Let sources take blocks from those that were computed already."""
    token = _received.set(blocks)
    try:
        yield
    finally:
        _received.reset(token)


class Partitions:
    """Collections of the same rows, cut at the same places.

    Parameters
    ----------
    names : sequence of str
        What errors call them.
    collections : sequence of collections
        A data frame or an array (n, ...) each, with one row of partitions.

    Attributes
    ----------
    rows : tuple of int
        Rows of each partition that has any.
    futures : list of dask.distributed.Future or None
        The partitions on the workers of a cluster, where they are kept there.
    """

    def __init__(self, names: Sequence[str], collections: Sequence[Any]) -> None:
        collections = _cut_alike(names, [_in_one_column(one) for one in collections])
        parts = [_delayed(one) for one in collections]
        if len({len(one) for one in parts}) > 1:
            raise InputError(
                f"{' and '.join(names)} must have the same partitions; they have "
                f"{' and '.join(str(len(one)) for one in parts)}. Call repartition or rechunk."
            )
        sizes = [_lengths(one, own) for one, own in zip(collections, parts, strict=True)]
        for name, other in zip(names[1:], sizes[1:], strict=True):
            if other != sizes[0]:
                i = next(i for i, (a, b) in enumerate(zip(sizes[0], other, strict=True)) if a != b)
                raise InputError(
                    f"{names[0]} and {name} must have the same rows in each partition; partition "
                    f"{i} has {sizes[0][i]:,} and {other[i]:,}. Call repartition or rechunk."
                )
        self._parts = [own for own, n in zip(zip(*parts, strict=True), sizes[0], strict=True) if n]
        self.rows = tuple(n for n in sizes[0] if n)
        self.futures: list[Any] | None = None
        if not self.rows:
            raise InputError(f"{names[0]} must have at least one row; got none.")

    def __getstate__(self) -> dict[str, Any]:
        """Return what is sent to workers, which receive the partitions themselves."""
        return {"rows": self.rows, "_parts": None, "futures": None}

    def load(self, i: int) -> tuple[Any, ...]:
        """Return a partition of each collection, counted from 0."""
        received = _received.get()
        if received is not None and i in received:
            found: tuple[Any, ...] = received[i]
            return found
        if self._parts is None:
            raise RuntimeError(f"partition {i} has not been sent here")
        computed: tuple[Any, ...]
        if self.futures is not None:
            computed = self.futures[i].result()
        else:
            computed = _dask().compute(*self._parts[i])
        return computed

    def persist(self, client: Any) -> None:
        """Compute all partitions on the workers of a cluster, and keep them there."""
        together = _dask().delayed(tuple)
        self.futures = list(client.compute([together(list(part)) for part in self._parts]))


class DaskSource:
    """Collections of Dask as a source of blocks.

    Parameters
    ----------
    X : dask.dataframe.DataFrame or dask.array.Array (n, n_features)
        Inputs; with the target among the columns, where y is a name.
    y : str or collection
        The column to predict, or the targets.
    weight : str or collection, optional
        The weights of the rows, likewise.

    Raises
    ------
    InputError
        Rows are cut at different places, a column is not there, or one holds no numbers.
    """

    def __init__(self, X: Any, y: Any, weight: Any = None) -> None:
        columns = list(X.columns) if hasattr(X, "columns") else None
        asked = {"y": y} if weight is None else {"y": y, "sample_weight": weight}
        for name, one in asked.items():
            check_part(name, one, columns)
        self._names = {k: one for k, one in asked.items() if isinstance(one, str)}
        collections = {k: one for k, one in asked.items() if k not in self._names}
        self._features = None
        self.feature_names: tuple[str, ...] | None = None
        if columns is not None:
            aside = set(self._names.values())
            self._features = [one for one in columns if one not in aside]
            self.feature_names = tuple(map(str, self._features))
            _check_numbers(X, self._features)
        elif X.ndim != 2:
            raise must_be("X", "an array of two dimensions", f"one of {X.ndim}")
        self._weighted = weight is not None
        self._given = list(collections)
        self.partitions = Partitions(["X", *collections], [X, *collections.values()])
        self.block_rows = self.partitions.rows
        self.n_blocks = len(self.block_rows)

    @property
    def resident(self) -> bool:
        """True if the blocks are kept on workers, which mix their rows in memory."""
        return self.partitions.futures is not None

    def load(self, i: int) -> tuple[Any, ...]:
        """Return block i as ``(X, y)`` or ``(X, y, weights)``."""
        X, *others = self.partitions.load(i)
        found = dict(zip(self._given, map(np.asarray, others), strict=True))
        for name, column in self._names.items():
            found[name] = X[column].to_numpy()
        if self._features is not None:
            kinds = {X[one].dtype for one in self._features}
            narrow = kinds == {np.dtype(np.float32)}
            dtype = np.float32 if narrow else np.float64
            X = X[self._features].to_numpy(dtype=dtype, na_value=np.nan)
        if not self._weighted:
            return X, found["y"]
        return X, found["y"], found["sample_weight"]


def check_part(name: str, value: Any, columns: list[Any] | None) -> None:
    """Refuse a target or weights that are neither a column nor a collection."""
    if isinstance(value, str) and columns is not None:
        if value not in columns:
            names = list(map(str, columns))
            advice = f"{suggest(value, names)} Columns: {listed(names)}.".strip()
            raise must_be(name, "a column of X", value, advice)
    elif not is_collection(value):
        rule = "a collection of Dask, as X is" + (", or a column of it" if columns else "")
        raise must_be(name, rule, type(value).__name__ if value is not None else None)


def _check_numbers(X: Any, features: list[Any]) -> None:
    types = import_module("pandas.api.types")
    for name in features:
        kind = X.dtypes[name]
        if not types.is_numeric_dtype(kind) and not types.is_bool_dtype(kind):
            raise InputError(
                f"X must hold numbers; column {name!r} is of {kind}. Leave it out, or take "
                "TabularClassifier or TabularRegressor, which prepare such columns."
            )


def _in_one_column(collection: Any) -> Any:
    """Return an array whose chunks hold whole rows."""
    chunks = getattr(collection, "chunks", None)
    if chunks is None or all(len(one) == 1 for one in chunks[1:]):
        return collection
    return collection.rechunk(dict.fromkeys(range(1, len(chunks)), -1))


def _cut_alike(names: Sequence[str], collections: list[Any]) -> list[Any]:
    """Return arrays whose chunks are known cut as the first one is."""
    if any(getattr(one, "chunks", None) is None for one in collections):
        return collections
    rows = collections[0].chunks[0]
    if any(math.isnan(n) for one in collections for n in one.chunks[0]):
        return collections
    for name, one in zip(names[1:], collections[1:], strict=True):
        if sum(one.chunks[0]) != sum(rows):
            counts = f"{sum(rows):,} and {sum(one.chunks[0]):,}"
            raise InputError(f"{names[0]} and {name} must have the same rows; got {counts}.")
    return [one if one.chunks[0] == rows else one.rechunk({0: rows}) for one in collections]


def _delayed(collection: Any) -> list[Any]:
    """Return the partitions of a collection, each a delayed value."""
    return list(np.ravel(np.array(collection.to_delayed(), dtype=object)))


def _lengths(collection: Any, parts: list[Any]) -> list[int]:
    """Return the rows of each partition; they are counted where Dask does not know them."""
    chunks = getattr(collection, "chunks", None)
    if chunks is not None and not any(math.isnan(n) for n in chunks[0]):
        return [int(n) for n in chunks[0]]
    dask = _dask()
    return list(dask.compute(*[dask.delayed(len)(part) for part in parts]))


def _dask() -> Any:
    return import_module("dask")
