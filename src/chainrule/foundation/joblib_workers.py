"""The workers of joblib's backend, where it has some: those of Dask, or processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

__all__ = ["Spread", "workers_of_joblib"]

Spread: TypeAlias = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], Iterator[Any]]


def workers_of_joblib() -> Spread | None:
    """Return what calls a function in joblib's workers, and yields the results in order.

    None stands for threads of this process: no backend was chosen, or one of threads, or this is
    such a worker.

    Examples
    --------
    >>> workers_of_joblib() is None
    True
    >>> import joblib
    >>> with joblib.parallel_config(backend="loky", n_jobs=2):
    ...     list(workers_of_joblib()(pow, [(2, 3), (3, 2)]))
    [8, 9]
    """
    joblib = sys.modules.get("joblib")
    if joblib is None or _in_a_worker_of_dask():
        return None
    from joblib.parallel import get_active_backend

    backend, n_jobs = get_active_backend()
    here = getattr(backend, "supports_sharedmem", False) or backend.nesting_level
    if here or backend.effective_n_jobs(n_jobs) < 2:
        return None

    def spread(function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        tasks = (joblib.delayed(function)(*call) for call in calls)
        found: Iterator[Any] = joblib.Parallel(batch_size=1, return_as="generator")(tasks)
        return found

    return spread


def _in_a_worker_of_dask() -> bool:
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    try:
        distributed.get_worker()
    except ValueError:
        return False
    return True
