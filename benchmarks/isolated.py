"""A function in a fresh interpreter, so that a measurement leaves nothing to the next."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def isolated(function: Callable[..., Any], *arguments: Any, threads: int | None = None) -> Any:
    """Return what the function returns; with a limit, it sees so many cores and threads."""
    before = {name: os.environ.get(name) for name in LIMITS}
    if threads is not None:
        os.environ.update(dict.fromkeys(LIMITS, str(threads)))
    try:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, context, initializer=_begin, initargs=(threads,)) as pool:
            return pool.submit(function, *arguments).result()
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _begin(threads: int | None) -> None:
    import warnings

    warnings.simplefilter("ignore")
    if threads is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
