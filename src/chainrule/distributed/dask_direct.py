"""Workers of a Dask cluster that are called directly, past its scheduler.

The scheduler takes more than ten milliseconds for a task, and parameters go through it both ways; a
call of a worker takes a few. Dask's own shuffles move rows in this way.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import Any

import distributed
from distributed import Worker, WorkerPlugin
from distributed.protocol.serialize import Serialize, Serialized, serialize

from chainrule.distributed.dask_errors import meaning
from chainrule.distributed.dask_loading import ClusterShards, begin_loading
from chainrule.distributed.shards import Loading, Shard
from chainrule.distributed.tasks import Kind, Task, run_task
from chainrule.distributed.workers import Done, WorkerLostError
from chainrule.training.windows import AnyRows, StreamedRows

__all__ = ["DirectWorkers"]

# Seconds in which all workers must be reached for calls to be made, and forget a fit at its end.
PATIENCE = 5.0
# Seconds into a round after which the scheduler is asked who is there.
LOOK = 1.0
# Seconds after which a worker is asked again whether it answers: one that has just begun does not.
REPEAT = 0.5
# The answer of a worker that was begun again, under the same address.
LOST = "lost"


def _in_frames(content: Any) -> Any:
    """Return what goes into a message, whose arrays are not copied on the way."""
    return Serialize(content)  # type: ignore[no-untyped-call]


async def _content(hold: Any) -> Any:
    """Return what a message says of a shard: the key of one that a worker has put together."""
    if not isinstance(hold, distributed.Future):
        return _in_frames(hold)
    future: Any = hold
    await distributed.wait([future])  # type: ignore[no-untyped-call]
    if future.status == "finished":
        return future.key
    error = await future.exception()
    raise error if error is not None else WorkerLostError(future.status)


class _Answering(WorkerPlugin):
    """The part of a worker that holds shards of one fit, and trains on them."""

    def __init__(self, name: str) -> None:
        self.name = name

    def setup(self, worker: Worker) -> None:
        """Begin to answer calls."""
        shards: dict[int, Shard] = {}
        kinds: dict[int, Kind] = {}
        threads = worker.executors["default"]  # as many as tasks of Dask have

        async def answer(
            hold: Shard | Loading | str | None = None,
            kind: Kind | None = None,
            train: int | None = None,
            task: Task | None = None,
        ) -> Any:
            shard: Any = hold
            if isinstance(hold, str):  # it is among the worker's data
                shard = worker.data.get(hold)
                if shard is None:
                    return LOST
            elif isinstance(hold, Loading):
                shard = await asyncio.wrap_future(threads.submit(hold.shard))
            if shard is not None and kind is not None:
                shards[shard.number], kinds[shard.number] = shard, kind
            if train is None or task is None:
                return None
            if train not in shards:
                return LOST
            whole = replace(task, kind=kinds[train])
            made = threads.submit(run_task, shards[train], whole)
            return _in_frames(await asyncio.wrap_future(made))

        worker.handlers[self.name] = answer

    def teardown(self, worker: Worker) -> None:
        """Forget the shards."""
        worker.handlers.pop(self.name, None)


class DirectWorkers(ClusterShards):
    """The workers of a cluster, each of which holds its shards from the first round on."""

    def __init__(
        self,
        client: Any,
        rows: AnyRows,
        n_shards: int,
        seed: int,
        blocks: Sequence[Any] | None = None,
    ) -> None:
        super().__init__(client, rows, n_shards, seed, blocks)
        self._name = f"chainrule-{secrets.token_hex(6)}"
        self._threads: dict[str, int] = {}
        self._look()
        self._places: dict[int, str] = {}
        self._held: set[tuple[int, str]] = set()
        # calls without an answer, some of which nobody waits for any more
        self._calls: dict[Future[Any], str] = {}
        self._sent: tuple[Task, Serialized] | None = None
        client.register_plugin(_Answering(self._name), name=self._name)

    def can_be_reached(self) -> bool:
        """Return whether all workers can be called from here."""

        async def all_answer() -> bool:
            asked = [self._call(address) for address in self._threads]
            try:
                await asyncio.wait_for(asyncio.gather(*asked), PATIENCE)
            except (OSError, TimeoutError):
                return False
            return True

        return bool(self._client.sync(all_answer))

    @property
    def count(self) -> int:
        """The number of tasks that run at the same time."""
        if time.perf_counter() > self._looked + LOOK:
            self._look()
        return max(1, sum(self._threads.values()))

    def submit(self, shard: int, task: Task, again: bool = False) -> Future[Done]:
        """Begin a task where its shard is; ``again``, on another worker, with another copy."""
        address, self._looked = self._place(shard, again), time.perf_counter()
        hold = None if (shard, address) in self._held else self._part(shard, address)
        frames = self._frames(task)
        future: Future[Done] = Future()

        async def make() -> Any:
            if hold is not None:
                await self._answers(address)
                content, kind = await _content(hold), _in_frames(task.kind)
                if await self._call(address, hold=content, kind=kind) == LOST:
                    return LOST
                self._held.add((shard, address))
            return await self._call(address, train=shard, task=frames)

        call = asyncio.run_coroutine_threadsafe(make(), self._client.loop.asyncio_loop)
        self._calls[call] = address

        def ended(call: Future[Any]) -> None:
            del self._calls[call]
            error: BaseException | None = None
            try:
                trained = call.result()
                if trained == LOST:
                    error = WorkerLostError(f"{address} has lost its shards")
            except BaseException as found:
                error = meaning(found, shard)
            if error is None:
                future.set_result(Done(trained, address))
                return
            if isinstance(error, WorkerLostError):
                self._held.discard((shard, address))
                if self._places.get(shard) == address:
                    del self._places[shard]
            future.set_exception(error)

        call.add_done_callback(ended)
        return future

    def abandon(self, future: Future[Done]) -> None:
        """Take no more interest in a task; its worker counts as busy until it has answered."""

    def close(self) -> None:
        """Let the cluster forget the shards."""
        for call in list(self._calls):
            call.cancel()
        with suppress(TimeoutError):  # of a worker that is stopped
            self._client.sync(
                self._client._unregister_worker_plugin, self._name, callback_timeout=PATIENCE
            )

    def _frames(self, task: Task) -> Serialized:
        """Return a task as it is sent to all workers, which have its kind beside their shard."""
        if self._sent is None or self._sent[0] is not task:
            parts = serialize(replace(task, kind=None), on_error="raise")
            self._sent = task, Serialized(*parts)  # type: ignore[no-untyped-call]
        return self._sent[1]

    async def _call(self, address: str, **message: Any) -> Any:
        return await getattr(self._client.rpc(address), self._name)(**message)

    async def _answers(self, address: str) -> None:
        """Wait until a worker answers; one that does not know calls yet says nothing."""
        while True:
            with suppress(TimeoutError):
                return await asyncio.wait_for(self._call(address), REPEAT)

    def _part(self, shard: int, address: str) -> Any:
        """Return a shard, how a worker loads it, or the future of one."""
        part = self._parts[shard]
        if isinstance(self._rows, StreamedRows):
            loading = Loading(shard, self._rows.load, part)
            if self._blocks is None:
                return loading
            return begin_loading(self._client, loading, self._blocks, address)
        return self._shard_of(self._rows, shard)

    def _look(self) -> None:
        """Ask the scheduler who is there."""
        self._threads, self._looked = self._client.nthreads(), time.perf_counter()

    def _place(self, shard: int, again: bool) -> str:
        """Return the worker of a shard: it stays, unless that worker has more than it can do."""
        known = self._places.get(shard)
        held = Counter(self._places.values())
        if known is not None and not again and held[known] <= self._threads.get(known, 1):
            return known
        self._look()
        if not self._threads:
            self._client.wait_for_workers(1)
            self._look()
        if known is not None:
            held[known] -= 1
        calls = Counter(list(self._calls.values()))

        def order(one: str) -> tuple[Any, ...]:
            threads = self._threads[one]
            return calls[one] // threads, held[one] // threads, (one == known) == again, one

        # the least busy one; of several, the one where the shard is, or another where it is late
        address = min(self._threads, key=order)
        self._places[shard] = address
        return address
