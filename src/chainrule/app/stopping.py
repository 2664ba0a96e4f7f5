"""Signals that end a command: the first stops training, and what was trained is written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Stop", "stoppable", "wake_on_signals"]

# Ctrl-C, what `kill` sends, and a terminal that is closed.
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Stop:
    """A request to stop, which may still interrupt the work or only be noted.

    Attributes
    ----------
    interrupts : bool
        Whether a signal raises KeyboardInterrupt. The first one ends that, so that nothing cuts
        the writing of a model.
    asked : bool
        Whether any signal came.
    """

    def __init__(self) -> None:
        self.interrupts = True
        self.asked = False

    def __call__(self, number: int, frame: Any) -> None:
        self.asked = True
        if self.interrupts:
            self.interrupts = False
            raise KeyboardInterrupt


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Hear the signals that end a process; where this is not the main thread, change nothing."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    # a signal that was ignored when the process began, as nohup does, stays so
    heard = [one for one in SIGNALS if signal.getsignal(one) not in (signal.SIG_IGN, None)]
    before = {one: signal.signal(one, stop) for one in heard}
    try:
        yield stop
    except (ImportError, SystemError):
        if not stop.asked:
            raise
        raise KeyboardInterrupt from None  # a module cut short in its import says something else
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def wake_on_signals() -> None:
    """Let signals end a wait for data.

    Polars, when it is imported, sets a handler of its own for Ctrl-C, after which the system
    begins an interrupted read again (SA_RESTART), and Python hears of the signal with the next
    data.
    """
    if hasattr(signal, "siginterrupt"):  # not on Windows
        for one in SIGNALS:
            signal.siginterrupt(one, True)
