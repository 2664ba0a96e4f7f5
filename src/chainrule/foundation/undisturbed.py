"""Work with LLVM, and late imports, that neither Ctrl-C nor a fork can cut.

A signal interrupts the main thread alone, between any two lines: an exception inside of llvmlite
leaves its lock taken, or an object that is freed twice, and inside of an import Python may drop it
(in a callback of a weak reference). So the main thread leaves this work to another, and only
waits. A fork waits until nobody is at work.
"""

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["undisturbed"]

T = TypeVar("T")
_lock = threading.RLock()


def undisturbed(work: Callable[[], T]) -> T:
    """Call a function undisturbed: one at a time, and to its end even if the caller is interrupted.

    An interrupted caller leaves at once. The work goes on behind it.
    """
    if threading.current_thread() is not threading.main_thread():
        with _lock:
            return work()
    outcome: list[Any] = []
    # a bare lock: taking and freeing it are single steps, which no signal can cut
    done = threading.Lock()
    done.acquire()

    def run() -> None:
        try:
            with _lock:
                outcome.extend((work(), None))
        except BaseException as error:
            outcome.extend((None, error))
        finally:
            done.release()

    # the interpreter waits for it at its end: LLVM must not run while that is torn down
    try:
        threading.Thread(target=run, name="chainrule-compiler").start()
    except RuntimeError:  # no new thread at the interpreter's end, or none left
        run()
    done.acquire()
    result, error = outcome
    if error is not None:
        try:
            raise error
        finally:
            outcome.clear()
            del error  # else it would keep the frames alive that hold it
    return result  # type: ignore[no-any-return]


def _before_fork() -> None:
    while True:
        try:
            _lock.acquire()
        except BaseException:  # noqa: S112 - a signal; Python would drop it here as well
            continue
        return


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _lock.release(),
        after_in_child=_after_fork_in_child,
    )
