"""Shards that the workers of a Dask cluster put together from blocks."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from chainrule.blocks.dask_collections import at_hand
from chainrule.distributed.shards import Loading, Shard

__all__ = ["begin_loading"]


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
