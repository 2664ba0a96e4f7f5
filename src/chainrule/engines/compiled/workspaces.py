"""Workspaces kept for the next call of their kind."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chainrule.engines.compiled.workspace import Workspace

__all__ = ["Workspaces"]

# Kinds of calls whose workspaces are kept.
KINDS = 8


class Workspaces:
    """A pool of workspaces; two calls at the same time have one each."""

    def __init__(self) -> None:
        self._free: dict[Any, list[Workspace]] = {}
        self._process = os.getpid()
        self._lock = threading.Lock()

    @contextmanager
    def lent(self, make: Callable[..., Workspace], *kind: Any) -> Iterator[Workspace]:
        """Lend a workspace, made for the arguments that say its kind; it comes back."""
        if os.getpid() != self._process:
            # in a forked child nobody will ever free a lock that was held in the parent
            self._process, self._lock, self._free = os.getpid(), threading.Lock(), {}
        with self._lock:
            waiting = self._free.get(kind)
            work = waiting.pop() if waiting else None
        if work is None:
            work = make(*kind)
        if work.checked:
            work.poison()
        yield work
        # a call that failed does not get here: its threads may still hold the memory
        work.release()
        with self._lock:
            if kind not in self._free and len(self._free) >= KINDS:
                self._free.clear()
            self._free.setdefault(kind, []).append(work)
