"""Run several tasks on several threads; if one fails, stop the others."""

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait
from typing import TypeVar

__all__ = ["side_by_side"]

Result = TypeVar("Result")
# Seconds after which a wait looks up: one without an end is deaf to Ctrl-C on Windows, and wherever
# another thread gets the signal.
TICK = 0.1


def side_by_side(
    work: Callable[[int, threading.Event], Result], count: int, workers: int
) -> list[Result]:
    """Return the results of ``work(number, stop)``; ``stop`` is set where one of them failed.

    Work that ends early because of it may raise `CancelledError`.

    Examples
    --------
    >>> side_by_side(lambda number, stop: number * number, count=4, workers=2)
    [0, 1, 4, 9]
    """
    stop = threading.Event()
    if workers == 1:
        return [work(number, stop) for number in range(count)]

    def one(number: int) -> Result:
        if stop.is_set():
            raise CancelledError
        try:
            return work(number, stop)
        except BaseException:
            stop.set()
            raise

    with ThreadPoolExecutor(workers) as pool:
        try:
            futures = [pool.submit(one, number) for number in range(count)]
            while wait(futures, TICK, FIRST_EXCEPTION).not_done and not stop.is_set():
                pass
            errors = [future.exception() for future in futures]
            # one that was told to stop says so; what failed is what is raised
            failed = [one for one in errors if one and not isinstance(one, CancelledError)]
            if failed:
                raise failed[0]
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            raise
