"""The entry of the command line: every failure becomes one line on stderr and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from chainrule.app.limited_memory import (
    MEMORY_ADVICE,
    out_of_memory,
    run_watched,
    tells_of_memory,
    too_little_to_begin,
)
from chainrule.app.stopping import stoppable
from chainrule.foundation.errors import InputError
from chainrule.foundation.interruption import INTERRUPTED
from chainrule.foundation.memory import address_limit, memory_words

__all__ = ["main"]

BAD_INPUT, DIVERGED = 2, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands after ``chainrule``; by default those of the process.

    Examples
    --------
    >>> main(["--version"])
    chainrule ...
    0
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal may lack the letters of a column's name
            stream.reconfigure(errors="replace")
    if arguments is None and address_limit() is not None:
        small = too_little_to_begin()
        if small is not None:
            print(f"error: {small}", file=sys.stderr)
            return BAD_INPUT
        code = run_watched(sys.argv[1:])
        if code is None:
            print(f"error: {out_of_memory()}", file=sys.stderr)
        return BAD_INPUT if code is None else code
    try:
        with stoppable():
            return _run(arguments)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return INTERRUPTED
    except ModuleNotFoundError as error:
        name = str(error.name).partition(".")[0]
        print(
            f"error: the command line needs {name}. Install it: pip install 'chainrule[app]'",
            file=sys.stderr,
        )
        return BAD_INPUT
    except BaseException as error:
        if not tells_of_memory(error):
            raise
        print(f"error: {out_of_memory()}", file=sys.stderr)
        return BAD_INPUT


def _run(arguments: Sequence[str] | None) -> int:
    import typer

    from chainrule.app.report import Diverged, Interrupted, fail, leave_stdout
    from chainrule.app.trial_commands import app

    # The base of all errors of usage, in typer's own click or in the one beside it.
    usage_error: Any = typer.BadParameter.__bases__[0]
    command = typer.main.get_command(app)
    try:
        code = command.main(
            None if arguments is None else list(arguments), "chainrule", standalone_mode=False
        )
        if code == INTERRUPTED:  # how some versions of typer report Ctrl-C
            fail("interrupted")
        sys.stdout.flush()
        return int(code or 0)
    except usage_error as error:
        fail(f"{error.format_message().rstrip('.')}. Try --help.")
        return BAD_INPUT
    except InputError as error:
        fail(str(error))
        return BAD_INPUT
    except Diverged as error:
        fail(str(error))
        return DIVERGED
    except (Interrupted, typer.Abort) as error:
        fail(str(error) or "interrupted")
        return INTERRUPTED
    except MemoryError as error:
        fail(_of_memory(error))
        return BAD_INPUT
    except BrokenPipeError:  # the reader of stdout has seen enough
        leave_stdout()
        return 0
    except OSError as error:
        if error.filename is not None or tells_of_memory(error):
            raise
        leave_stdout()  # what is left in its buffer can be written no better
        fail(f"cannot write the output: {error.strerror or error}. Free some space.")
        return BAD_INPUT


def _of_memory(error: MemoryError) -> str:
    """Say how much memory is needed where that is known, how much there is, and what to reduce."""
    words = str(error) or "more is needed"
    if words.endswith("."):  # a sentence of our own, with its advice
        return f"not enough memory: {words}"
    return f"not enough memory: {words}, and {memory_words()}. {MEMORY_ADVICE}"


if __name__ == "__main__":
    sys.exit(main())
