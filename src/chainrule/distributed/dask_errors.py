"""The errors of Dask, as those of a fit."""

from __future__ import annotations

from concurrent.futures import CancelledError

from chainrule.distributed.workers import WorkerLostError
from chainrule.foundation.errors import InputError

__all__ = ["meaning"]

# Errors of Dask, by name, about a worker or data that are gone.
LOST = ("KilledWorker", "FutureCancelledError", "CancelledError", "CommClosedError")


def meaning(error: BaseException, shard: int) -> BaseException:
    """Return what an error of a task on a shard means to a fit."""
    name = type(error).__name__
    if name in LOST or isinstance(error, CancelledError | ConnectionError | TimeoutError):
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
