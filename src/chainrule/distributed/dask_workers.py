"""Workers of a Dask cluster. A shard stays where it is, and parameters go there and back."""

from __future__ import annotations

import itertools
import secrets
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any

import numpy as np

from chainrule.distributed.shards import Shard, joined, parts_of, sizes_of
from chainrule.distributed.tasks import Task, Trained, run_task
from chainrule.distributed.workers import Done, WorkerLostError
from chainrule.engines.engine import Rows
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.version import __version__
from chainrule.training.windows import AnyRows, StreamedRows

__all__ = ["DaskWorkers", "check_source_class", "cluster_threads"]

# Errors of Dask, by name, about a worker or data that are gone.
LOST = ("KilledWorker", "FutureCancelledError", "CancelledError", "CommClosedError")


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


class DaskWorkers:
    """The workers of a cluster.

    Arrays are cut here and sent out; the blocks of a source are loaded where they are needed, so
    that the workers must reach its files.

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
    """

    def __init__(self, client: Any, rows: AnyRows, n_shards: int, seed: int) -> None:
        self._client, self._rows = client, rows
        self._parts = parts_of(rows, n_shards, seed)
        self.sizes = sizes_of(rows, self._parts)
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
                future.set_exception(self._said(shard, data, error))
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
        address = addresses[shard % len(addresses)]
        if isinstance(self._rows, StreamedRows):
            key = f"chainrule-{self._key}-rows-{shard}-{next(self._numbers)}"
            data = self._client.submit(
                _loaded, self._rows.load, self._parts[shard], shard, key=key, pure=False,
                workers=[address], allow_other_workers=True,
            )  # fmt: skip
        else:
            part = Shard(shard, Rows(*self._rows.take(self._parts[shard])))
            data = self._client.scatter(part, workers=[address], hash=False, direct=False)
        self._placed[shard] = data, address
        return data, address

    def _said(self, shard: int, data: Any, error: BaseException) -> BaseException:
        """Return what an error of a task means here."""
        name = type(error).__name__
        if name in LOST or isinstance(error, CancelledError):
            known = self._placed.get(shard)
            if known is not None and known[0] is data:
                del self._placed[shard]
            return WorkerLostError(f"{name}: {error}")
        if isinstance(error, MemoryError):
            return InputError(
                f"a shard must fit into the memory of a worker; shard {shard} does not. Take more "
                "shards by n_shards, or workers with more memory."
            )
        if isinstance(error, ModuleNotFoundError):
            return InputError(
                f"all workers must have the packages of the driver; one says: {error}. Install "
                "them everywhere."
            )
        return error


def _named_task(shard: Shard, task: Task) -> tuple[Trained, str]:
    from distributed import get_worker

    return run_task(shard, task), str(get_worker().address)


def _loaded(load: Callable[[int], Rows], blocks: np.ndarray, number: int) -> Shard:
    return Shard(number, joined([load(block) for block in blocks.tolist()]))
