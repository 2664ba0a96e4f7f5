"""Kernels as functions of Python, and the team of threads of one call.

A team is of ordinary Python threads that leave the interpreter alone. They live as long as a call
lasts, so that nothing is left to go wrong in a forked child. No setting of the process is changed.
"""

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.engines.compiled.teamwork import ABORT
from chainrule.foundation.errors import must_be

__all__ = [
    "PYTHON_FUNCTIONS",
    "Kernel",
    "available_threads",
    "builtin_at",
    "check_threads",
    "give_way_address",
    "kernel_at",
    "run_team",
]

_LIMITS = ("OMP_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
Kernel = Callable[[int, int], None]
# What machine code calls of Python: functions of its stable ABI.
PYTHON_FUNCTIONS = ("PyLong_AsVoidPtr", "Py_NewRef")
_METH_NOARGS = 4


def check_threads(n_threads: int | None) -> None:
    """Refuse what is no number of threads."""
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


@lru_cache(maxsize=1)
def _pools() -> list[Any]:
    """Return the thread pools whose limits count; finding them takes milliseconds, once.

    BLIS is not among them: it has one thread unless someone asks for more.
    """
    from threadpoolctl import ThreadpoolController

    found = ThreadpoolController().lib_controllers
    return [pool for pool in found if pool.internal_api in ("openblas", "mkl", "openmp")]


def kernel_at(address: int) -> Kernel:
    """Return a kernel as a Python function; the interpreter's lock is free while it runs."""
    kernel: Any = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(address)
    return kernel  # type: ignore[no-any-return]


class _Definition(ctypes.Structure):
    """A function as Python wants it described: `PyMethodDef` of the stable ABI."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("text", ctypes.c_char_p),
    )


def builtin_at(address: int, job: int) -> Callable[[], Any]:
    """Return a kernel as a builtin function of Python that runs one job and returns its address.

    A call takes a twentieth of one through ctypes, which converts arguments for 0.8 us. The
    interpreter's lock is held, so it is for work of microseconds.
    """
    definition = _Definition(b"kernel", address, _METH_NOARGS, None)
    make = ctypes.pythonapi.PyCFunction_NewEx
    signature = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object
    )
    # in place of the name of a module the definition itself, which has to live as long
    made: Callable[[], Any] = signature(ctypes.cast(make, ctypes.c_void_p).value or 0)(
        ctypes.addressof(definition), job, definition
    )
    return made


def give_way_address() -> int:
    """Return the address of the system's function that lets other threads run."""
    if sys.platform == "win32":
        function = ctypes.windll.kernel32.SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def run_team(kernel: Kernel, job: int, threads: int, counters: np.ndarray) -> None:
    """Run a kernel on so many threads, this one included."""
    counters[:] = 0
    if threads == 1:
        kernel(job, 0)
        return
    begin = threading.Event()

    def member(number: int) -> None:
        begin.wait()
        kernel(job, number)

    team = [
        threading.Thread(target=member, args=(number,), daemon=True) for number in range(1, threads)
    ]
    started = []
    try:
        for thread in team:
            thread.start()
            started.append(thread)
        begin.set()
        kernel(job, 0)
        for thread in started:
            thread.join()
    except BaseException:
        # no thread may wait for one that will not come
        counters[ABORT] = 1
        begin.set()
        for thread in started:
            thread.join()
        raise
