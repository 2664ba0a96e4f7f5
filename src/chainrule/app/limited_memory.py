"""A limit on memory: a command that exceeds it ends in a sentence, not in an abort.

Libraries in Rust and C++ end the process where they get no memory. Under ``ulimit -v``, which few
have set, the command therefore runs in a process of its own, and this one says what became of it.
What libraries themselves print goes to a file: as they die, it is of no use to anyone.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from chainrule.app.stopping import SIGNALS
from chainrule.foundation.memory import address_limit, memory_words

__all__ = [
    "MEMORY_ADVICE",
    "out_of_memory",
    "run_watched",
    "tells_of_memory",
    "too_little_to_begin",
]

MEMORY_ADVICE = (
    "Take fewer rows (--rows), fewer columns (--drop) or smaller layers (--hidden), stream the "
    "file (--memory 500MB), or raise the limit."
)
# What Rust says of an abort goes without a list of its calls.
PROGRAM = (
    "import os, sys; os.environ['RUST_BACKTRACE'] = '0'\n"
    "sys.stderr = open(int(sys.argv.pop(1)), 'w', buffering=1, errors='replace')\n"
    "from chainrule.app.__main__ import main; sys.exit(main(sys.argv[1:]))"
)
# Address space, which is what ``ulimit -v`` limits, that libraries take for each thread they might
# have; with these settings a small fit takes 1.1 GB, without them 2.1 GB on two cores.
SAVING = {"MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1"}
# The libraries alone take so much; OpenBLAS asks forever for what it does not get.
LIBRARIES = 800 * 10**6
# How polars, DuckDB, Arrow and Python say that they got no memory.
OUT_OF_MEMORY = re.compile(
    r"out ?of ?memory|bad.?alloc|memory allocation|failed to allocate|cannot allocate|"
    r"capacity overflow|allocation failed|failed to map segment|can't start new thread",
    re.IGNORECASE,
)
# How libraries end a process: abort, and what follows memory that was not given.
ENDS = tuple(
    -getattr(signal, name)
    for name in ("SIGABRT", "SIGSEGV", "SIGBUS", "SIGILL", "SIGTRAP", "SIGKILL")
    if hasattr(signal, name)
)


def run_watched(arguments: Sequence[str]) -> int | None:
    """Run the command line in a process of its own, and return its exit code.

    Returns
    -------
    int or None
        None where the process ended for lack of memory.
    """
    own = os.dup(sys.__stderr__.fileno() if sys.__stderr__ else 2)
    with tempfile.TemporaryFile() as said:
        try:
            code = _code_of(arguments, own, said)
        finally:
            os.close(own)
        said.seek(0)
        words = said.read().decode(errors="replace")
        if code not in ENDS and not OUT_OF_MEMORY.search(words):
            print(words, end="", file=sys.stderr)
    if code in ENDS:
        return None
    return code if code >= 0 else 128 - code


def _code_of(arguments: Sequence[str], own: int, said: Any) -> int:
    """Run the command with its words to one file, and what libraries say to another."""
    command = [sys.executable, "-c", PROGRAM, str(own), *arguments]
    with subprocess.Popen(  # noqa: S603 # the program is ours
        command, stderr=said, pass_fds=[own], env=SAVING | os.environ
    ) as child:
        heard = [one for one in SIGNALS if signal.getsignal(one) not in (signal.SIG_IGN, None)]

        def forward(number: int, frame: Any) -> None:
            child.send_signal(number)

        before = {one: signal.signal(one, forward) for one in heard}
        try:
            return child.wait()
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def tells_of_memory(error: BaseException) -> bool:
    """Say whether an error of any library means that it got no memory.

    Examples
    --------
    >>> tells_of_memory(RuntimeError("can't start new thread")), tells_of_memory(ValueError("a"))
    (True, False)
    """
    known: BaseException | None = error
    while known is not None:  # llvmlite says in other words what the loader says
        if isinstance(known, MemoryError) or getattr(known, "errno", None) == errno.ENOMEM:
            return True
        if OUT_OF_MEMORY.search(f"{type(known).__name__}: {known}"):
            return True
        known = known.__cause__ or known.__context__
    return False


def too_little_to_begin() -> str | None:
    """Return the sentence on a limit that leaves no room for the libraries; None if there is."""
    limit = address_limit()
    if limit is None or limit >= LIBRARIES:
        return None
    return (
        f"not enough memory: the command and its libraries take about {LIBRARIES / 1e9:.1f} GB of "
        f"address space, and this process may have {limit / 1e9:.1f} GB. Raise the limit: ulimit "
        f"-v {2 * LIBRARIES // 1000} leaves as much again for the table."
    )


def out_of_memory() -> str:
    """Return the sentence on a process that ended for lack of memory."""
    return f"not enough memory: {memory_words()}, and needs more. {MEMORY_ADVICE}"
