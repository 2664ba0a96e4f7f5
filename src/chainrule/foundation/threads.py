"""The number of threads that this process may use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.foundation.errors import must_be

__all__ = ["available_threads", "check_threads", "one_blas_thread", "thread_shares"]

_LIMITS = ("OMP_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


def check_threads(n_threads: int | None) -> None:
    """Refuse an invalid number of threads."""
    if n_threads is not None:
        integer = isinstance(n_threads, int | np.integer) and not isinstance(n_threads, bool)
        if not integer or n_threads < 1:
            raise must_be("n_threads", "a positive integer or None", n_threads)


def available_threads(n_threads: int | None) -> int:
    """Return how many threads to use: those asked for, or the cores this process may run on.

    Limits that joblib and others set in a worker's environment are kept, and so are those in force
    on the threads of BLAS and OpenMP, such as ``threadpoolctl.threadpool_limits`` sets.
    """
    if n_threads is not None:
        return int(n_threads)
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    for name in _LIMITS:
        value = os.environ.get(name, "").split(",")[0].strip()
        if value.isdigit() and int(value) > 0:
            cores = min(cores, int(value))
    for pool in _pools():
        cores = min(cores, max(pool.num_threads or cores, 1))
    return cores


def thread_shares(count: int, n_threads: int | None) -> tuple[int, int]:
    """Return how many of so many tasks run at a time, and the threads of each."""
    threads = available_threads(n_threads)
    workers = min(count, threads)
    return workers, max(1, threads // workers)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS at one thread within a block: products so small keep others only waiting.

    Examples
    --------
    >>> with one_blas_thread():
    ...     float(np.ones((8, 8)).sum())
    64.0
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield


@lru_cache(maxsize=1)
def _controller() -> Any:
    """Return the control of the thread pools; finding them takes milliseconds, once."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _pools() -> list[Any]:
    """Return the thread pools whose limits count.

    BLIS is not among them: it has one thread unless someone asks for more.
    """
    found = _controller().lib_controllers
    return [pool for pool in found if pool.internal_api in ("openblas", "mkl", "openmp")]
