"""Shards for the workers of a Dask cluster, sent to them or put together from blocks."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from chainrule.blocks.dask_collections import at_hand
from chainrule.distributed.shards import Loading, Shard, parts_of, sizes_of
from chainrule.engines.engine import Rows
from chainrule.training.windows import AnyRows

__all__ = ["ClusterShards", "begin_loading"]


def begin_loading(client: Any, loading: Loading, blocks: Sequence[Any] | None, address: str) -> Any:
    """Return a shard as a future, which a worker puts together from blocks."""
    key = f"chainrule-rows-{secrets.token_hex(8)}"
    where = {"workers": [address], "allow_other_workers": True, "pure": False, "key": key}
    if blocks is None:
        return client.submit(loading.shard, **where)
    return client.submit(_joined, loading, [blocks[i] for i in loading.blocks.tolist()], **where)


def _joined(loading: Loading, blocks: list[Any]) -> Shard:
    with at_hand(dict(zip(loading.blocks.tolist(), blocks, strict=True))):
        return loading.shard()


class ClusterShards:
    """The rows of a fit, cut into shards for the workers of a cluster.

    Parameters
    ----------
    client : dask.distributed.Client
        The cluster.
    rows : Rows or StreamedRows
        The rows to train on.
    n_shards : int
        Parts that they are cut into.
    seed : int
        What they are cut by.
    blocks : sequence of dask.distributed.Future, optional
        The blocks of rows that are streamed, where workers hold them.
    """

    def __init__(
        self,
        client: Any,
        rows: AnyRows,
        n_shards: int,
        seed: int,
        blocks: Sequence[Any] | None = None,
    ) -> None:
        self._client, self._rows, self._blocks = client, rows, blocks
        self._parts = parts_of(rows, n_shards, seed)
        self.sizes = sizes_of(rows, self._parts)

    def _shard_of(self, rows: Rows, number: int) -> Shard:
        """Return a shard of rows in memory."""
        return Shard(number, Rows(*rows.take(self._parts[number])))
