"""Kernels as functions of Python, and the team of threads of one call.

A team is of ordinary Python threads that leave the interpreter alone. They live as long as a call
lasts, so that nothing is left to go wrong in a forked child. No setting of the process is changed.
"""

import ctypes
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from chainrule.engines.compiled.kinds import EntryPoint, Signature
from chainrule.engines.compiled.tables import BUILTIN
from chainrule.engines.compiled.teamwork import ABORT

__all__ = [
    "PYTHON_FUNCTIONS",
    "Kernel",
    "builtin_at",
    "give_way",
    "run_team",
]

Kernel = Callable[[int, int], None]
# Functions of the stable ABI of Python that machine code calls.
PYTHON_FUNCTIONS = ("PyLong_AsVoidPtr", "Py_NewRef")
_METH_NOARGS = 4
# The state of a thread of a team: in the kernel, or kept out of it.
ENTERED, LEFT_OUT = "entered", "left out"


class _Definition(ctypes.Structure):
    """The description of a builtin function: `PyMethodDef` of the stable ABI."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("text", ctypes.c_char_p),
    )


# A builtin reads its definition until it is freed itself, and the collector may free a definition
# first, whatever holds it. So they stay: one for each entry point.
_definitions: dict[int, _Definition] = {}


def builtin_at(entry: EntryPoint, job: int) -> Callable[[], Any]:
    """Return a kernel as a builtin function of Python that runs one job and returns its address.

    A call through ctypes would convert its arguments. The interpreter's lock is held, so it is for
    work of microseconds.
    """
    assert entry.signature == BUILTIN, f"the interpreter calls ({BUILTIN})"
    new = _Definition(b"kernel", entry.address, _METH_NOARGS, None)
    definition = _definitions.setdefault(entry.address, new)
    made: Callable[[], Any] = _new_builtin()(ctypes.addressof(definition), job, None)
    return made


@cache
def _new_builtin() -> Callable[..., Any]:
    """Return the interpreter's function that makes a builtin; each `PYFUNCTYPE` is a new class."""
    make = ctypes.pythonapi.PyCFunction_NewEx
    signature = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object
    )
    return signature(ctypes.cast(make, ctypes.c_void_p).value or 0)


def give_way() -> EntryPoint:
    """Return the system's function that lets other threads run."""
    if sys.platform == "win32":
        function = ctypes.windll.kernel32.SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return EntryPoint(ctypes.cast(function, ctypes.c_void_p).value or 0, Signature())


def run_team(
    kernel: Kernel, job: int, threads: int, counters: np.ndarray, watched: bool = False
) -> None:
    """Run a kernel on a number of threads, this one included.

    Where it is watched, none of them is the main thread, which waits: a signal that arrives then
    calls the team off, and what it has made is to be thrown away.
    """
    counters[:] = 0
    watched = watched and threading.current_thread() is threading.main_thread()
    if threads == 1 and not watched:
        kernel(job, 0)
        return
    begin = threading.Event()
    # bare locks: taking and freeing one is a single step, which no signal can cut
    done = [threading.Lock() for _ in range(0 if watched else 1, threads)]
    states: dict[int, str] = {}
    errors: list[BaseException] = []

    def member(number: int, end: Any) -> None:
        try:
            begin.wait()
            if states.setdefault(number, ENTERED) == ENTERED:
                kernel(job, number)
        except BaseException as error:
            errors.append(error)
            counters[ABORT] = 1
        finally:
            end.release()

    members: dict[int, Any] = {}
    try:
        for number, end in enumerate(done, threads - len(done)):
            thread = threading.Thread(target=member, args=(number, end), daemon=True)
            end.acquire()
            members[number] = end
            thread.start()
        begin.set()
        if not watched:
            kernel(job, 0)
        for end in members.values():
            end.acquire()
            end.release()
    except BaseException:
        _call_off(members, states, counters, begin)
        raise
    if errors:
        raise errors[0]


def _call_off(
    members: dict[int, Any], states: dict[int, str], counters: np.ndarray, begin: threading.Event
) -> None:
    """Keep out threads that have not entered the kernel, and wait for those that have.

    They write to memory of the caller. Whether a thread has been started cannot be known where a
    signal cut its start; who comes first at ``states``, in one step of the interpreter, decides.
    """
    waiting = dict(members)
    while True:
        try:
            # no thread may wait for one that will not come
            counters[ABORT] = 1
            begin.set()
            while waiting:
                number = next(iter(waiting))
                if states.setdefault(number, LEFT_OUT) == ENTERED:
                    waiting[number].acquire()
                del waiting[number]
        except BaseException:  # noqa: S112 - another signal; the caller is about to raise the first
            continue
        return
