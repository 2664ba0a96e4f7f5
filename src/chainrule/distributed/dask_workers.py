"""Workers of a Dask cluster. A shard stays where it is, and parameters go there and back."""

from __future__ import annotations

import itertools
import secrets
import sys
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chainrule.distributed.dask_errors import meaning
from chainrule.distributed.dask_loading import ClusterShards, begin_loading
from chainrule.distributed.shards import Loading, Shard
from chainrule.distributed.tasks import Task, Trained, run_task
from chainrule.distributed.workers import Done, WorkerLostError
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.version import __version__
from chainrule.training.windows import AnyRows, StreamedRows

if TYPE_CHECKING:
    from chainrule.distributed.dask_direct import DirectWorkers

__all__ = ["DaskWorkers", "check_source_class", "cluster_threads", "workers_of"]

# Seconds until a worker has taken a shard, and the bytes per second that it takes at least.
PATIENCE, SLOWEST = 30.0, 1e6


def cluster_threads(client: Any) -> int:
    """Return the number of tasks that a cluster makes at the same time.

    Raises
    ------
    InputError
        There is no cluster, or a worker has no package, or another version of it.
    """
    if not all(hasattr(client, name) for name in ("submit", "scatter", "nthreads", "run")):
        raise must_be("client", "a dask.distributed.Client", type(client).__name__)
    client.wait_for_workers(1)

    def version() -> str | None:  # goes to the workers as code: they may not have the package
        try:
            from chainrule.foundation.version import __version__
        except ImportError:
            return None
        return __version__

    for address, found in client.run(version).items():
        if found != __version__:
            what = "does not have it" if found is None else f"has {found}"
            raise InputError(
                f"all workers must have chainrule {__version__}, as the driver has; {address} "
                f"{what}. Install the same version everywhere."
            )
    return max(1, int(sum(client.nthreads().values())))


def check_source_class(client: Any, source: Any) -> None:
    """Refuse a source whose class a worker lacks: the cluster would lose that worker, and wait."""
    name, kind = type(source).__module__, type(source).__name__
    pickles = sys.modules.get("cloudpickle")
    by_value = (
        {"__main__"} if pickles is None else {"__main__", *pickles.list_registry_pickle_by_value()}
    )
    if name in by_value or name.startswith("chainrule."):
        return

    def reason(name: str) -> str | None:
        import importlib

        try:
            importlib.import_module(name)
        except ImportError as error:
            return str(error)
        return None

    for address, found in client.run(reason, name).items():
        if found is not None:
            raise InputError(
                f"the worker at {address} cannot take a source of the class {kind!r} ({found}). "
                "Install the module that defines it on every worker, or define it in the program "
                "that you run."
            )


def workers_of(
    client: Any, rows: AnyRows, n_shards: int, seed: int, blocks: Sequence[Any] | None = None
) -> DaskWorkers | DirectWorkers:
    """Return the workers of a cluster, which are called directly where that can be done.

    Each shard has a thread of its own then. More shards than threads are tasks of the scheduler,
    which gives the next one to whoever is free. ``blocks`` are futures of the blocks of the rows,
    where workers hold them.
    """
    from chainrule.distributed.dask_direct import DirectWorkers

    if n_shards <= cluster_threads(client):
        workers = DirectWorkers(client, rows, n_shards, seed, blocks)
        if workers.can_be_reached():
            return workers
        workers.close()
    return DaskWorkers(client, rows, n_shards, seed, blocks)


class DaskWorkers(ClusterShards):
    """The workers of a cluster, to which its scheduler gives tasks.

    Arrays are cut here and sent out; the blocks of a source are loaded where they are needed, so
    that the workers must reach its files.
    """

    def __init__(
        self,
        client: Any,
        rows: AnyRows,
        n_shards: int,
        seed: int,
        blocks: Sequence[Any] | None = None,
    ) -> None:
        super().__init__(client, rows, n_shards, seed, blocks)
        self._key, self._numbers = secrets.token_hex(6), itertools.count()
        self._placed: dict[int, tuple[Any, str]] = {}
        self._remote: dict[Future[Done], Any] = {}
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """The number of tasks that run at the same time."""
        return max(1, int(sum(self._client.nthreads().values())))

    def submit(self, shard: int, task: Task, again: bool = False) -> Future[Done]:
        """Begin a task where its shard is; ``again``, on another worker, with another copy."""
        data, address = self._place(shard, again)
        key = f"chainrule-{self._key}-shard-{shard}-{next(self._numbers)}"
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")
            remote = self._client.submit(
                _named_task, data, task, key=key, pure=False,
                workers=[address], allow_other_workers=True,
            )  # fmt: skip
        future: Future[Done] = Future()
        with self._lock:
            self._remote[future] = remote

        def ended(remote: Any) -> None:
            try:
                trained, worker = remote.result()
            except BaseException as error:
                said = meaning(error, shard)
                known = self._placed.get(shard)
                if isinstance(said, WorkerLostError) and known is not None and known[0] is data:
                    del self._placed[shard]
                future.set_exception(said)
            else:
                future.set_result(Done(trained, worker))

        remote.add_done_callback(ended)
        return future

    def abandon(self, future: Future[Done]) -> None:
        """Cancel a task; one that runs goes on to its end, and nobody hears of it."""
        with self._lock:
            remote = self._remote.pop(future, None)
        if remote is not None:
            remote.cancel()

    def close(self) -> None:
        """Let the cluster forget the shards."""
        self._remote.clear()
        self._placed.clear()

    def _place(self, shard: int, again: bool) -> tuple[Any, str]:
        """Return a shard at a worker, and the address of that worker."""
        known = self._placed.get(shard)
        addresses = sorted(self._client.nthreads())
        if known is not None and not again and known[0].status in ("finished", "pending"):
            return known
        if known is not None and len(addresses) > 1:
            addresses = [one for one in addresses if one != known[1]]
        if not addresses:
            self._client.wait_for_workers(1)
            addresses = sorted(self._client.nthreads())
        first = shard % len(addresses)
        if isinstance(self._rows, StreamedRows):
            address = addresses[first]
            loading = Loading(shard, self._rows.load, self._parts[shard])
            data = begin_loading(self._client, loading, self._blocks, address)
        else:
            part = self._shard_of(self._rows, shard)
            data, address = self._sent(part, addresses[first:] + addresses[:first])
        self._placed[shard] = data, address
        return data, address

    def _sent(self, part: Shard, addresses: Sequence[str]) -> tuple[Any, str]:
        """Return a shard at the first of the workers that takes it, and its address.

        A call that sends to a worker that ends or is stopped meanwhile may never return.
        """
        arrays = part.rows.x, part.rows.y, part.rows.weight
        nbytes = sum(one.data.nbytes for one in arrays if one is not None)
        for address in addresses:
            sent: Future[Any] = Future()

            def send(address: str = address, sent: Future[Any] = sent) -> None:
                try:
                    how = {"workers": [address], "hash": False, "direct": False}
                    sent.set_result(self._client.scatter(part, **how))
                except Exception as error:
                    sent.set_exception(error)

            threading.Thread(target=send, daemon=True).start()
            with suppress(TimeoutError, OSError, KeyError):  # late, gone, or no longer known
                return sent.result(PATIENCE + nbytes / SLOWEST), address
        raise InputError(
            f"client must have a worker that takes {nbytes / 1e6:.3g} MB of rows; of "
            f"{len(addresses)} none did. Look whether they run and have memory."
        )


def _named_task(shard: Shard, task: Task) -> tuple[Trained, str]:
    from distributed import get_worker

    return run_task(shard, task), str(get_worker().address)
