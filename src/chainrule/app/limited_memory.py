"""A limit on memory: a command that exceeds it ends in a sentence, not in an abort.

Libraries in Rust and C++ end the process where they get no memory. Under ``ulimit -v``, which few
have set, the command therefore runs in a process of its own, and this one says what became of it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from chainrule.app.stopping import SIGNALS
from chainrule.foundation.memory import memory_words

__all__ = ["MEMORY_ADVICE", "out_of_memory", "run_watched"]

MEMORY_ADVICE = (
    "Take fewer rows (--rows), fewer columns (--drop) or smaller layers (--hidden), stream the "
    "file (--memory 500MB), or raise the limit."
)
# What Rust says of an abort goes without a list of its calls.
PROGRAM = (
    "import os, sys; os.environ['RUST_BACKTRACE'] = '0'\n"
    "from chainrule.app.__main__ import main; sys.exit(main(sys.argv[1:]))"
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
    command = [sys.executable, "-c", PROGRAM, *arguments]
    with subprocess.Popen(command) as child:  # noqa: S603 # the program is ours
        heard = [one for one in SIGNALS if signal.getsignal(one) not in (signal.SIG_IGN, None)]

        def forward(number: int, frame: Any) -> None:
            child.send_signal(number)

        before = {one: signal.signal(one, forward) for one in heard}
        try:
            code = child.wait()
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)
    if code in ENDS:
        return None
    return code if code >= 0 else 128 - code


def out_of_memory() -> str:
    """Return the sentence on a process that ended for lack of memory."""
    return f"not enough memory: {memory_words()}, and needs more. {MEMORY_ADVICE}"
