"""End quietly on Ctrl-C while a command still loads its modules.

A library leaves signals to the program that loads it; only a process that is the command line is
touched, and only until the command hears them itself.
"""

import os
import signal
import sys

__all__ = ["INTERRUPTED", "end_quietly", "is_command"]

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


def is_command(argv: list[str], original: list[str]) -> bool:
    """Say whether a process is the command line, from ``sys.argv`` and ``sys.orig_argv``.

    Examples
    --------
    >>> is_command(["/usr/bin/chainrule", "fit"], ["python3", "/usr/bin/chainrule", "fit"])
    True
    >>> is_command(["-m", "fit"], ["python3", "-m", "chainrule", "fit"])
    True
    >>> is_command(["-m", "tests"], ["python3", "-m", "pytest", "tests"])
    False
    """
    if argv[:1] == ["-m"]:  # while the package of `python -m` is imported
        module = original[original.index("-m") + 1 :][:1] if "-m" in original else []
        return any(name.partition(".")[0] == "chainrule" for name in module)
    name = os.path.basename(argv[0]) if argv else ""
    return os.path.splitext(name)[0] in ("chainrule", "chainrule-script")


def end_quietly() -> None:
    """End the process at Ctrl-C, if it is the command line and no other handler is set."""
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual and is_command(sys.argv, sys.orig_argv):
        signal.signal(signal.SIGINT, _end)


def _end(number: int, frame: object) -> None:
    # no module that is being imported may turn this into an error of its own
    os.write(2, b"error: interrupted\n")
    os._exit(INTERRUPTED)
