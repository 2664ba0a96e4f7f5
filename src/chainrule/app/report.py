"""Output on the terminal: lines, a live bar on a terminal, and tables; errors apart, on stderr."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from chainrule.estimators.progress import EpochBar, EpochLines, epoch_bar, written

if TYPE_CHECKING:
    from rich.console import Console

    from chainrule.app.results import Score

__all__ = [
    "SHARES",
    "Diverged",
    "Interrupted",
    "Report",
    "escaped",
    "fail",
    "leave_stdout",
    "written",
]

# Characters that move the cursor, change colours or ring; a new line is none of them.
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
# Scores whose best value is 1; the others have the unit of the target, or none.
SHARES = ("accuracy", "AUC", "R2")


class Diverged(Exception):  # noqa: N818 (beside `Interrupted`)
    """Training that left the finite numbers; the message says what became of the model."""


class Interrupted(Exception):  # noqa: N818 (a person's wish is no error)
    """Ctrl-C during training; the message says what became of the model."""


class Report:
    """The receiver of all sentences.

    Parameters
    ----------
    quiet : bool
        Whether to say nothing but errors.
    stderr : bool
        Whether lines and tables go to stderr, where stdout is for data.
    """

    def __init__(self, *, quiet: bool = False, stderr: bool = False) -> None:
        self.quiet = quiet
        if quiet:
            logging.getLogger("chainrule").setLevel(logging.ERROR)
        self._stderr = stderr

    def _console(self, stderr: bool) -> Console:
        from rich.console import Console

        class Raising(Console):
            """A console that leaves a closed pipe to its caller; rich itself ends the process."""

            def on_broken_pipe(self) -> None:
                raise BrokenPipeError

        return Raising(stderr=stderr, highlight=False, markup=False, emoji=False)

    @property
    def stream(self) -> Any:
        """The stream of the lines."""
        return sys.stderr if self._stderr else sys.stdout

    def line(self, text: str = "", style: str | None = None) -> None:
        """Print one line; a reader that has seen enough ends the printing, not the work."""
        self._print(escaped(text), style=style, soft_wrap=True)

    def _print(self, what: Any, **how: Any) -> None:
        if self.quiet:
            return
        try:
            self._console(self._stderr).print(what, **how)
        except BrokenPipeError:
            self.quiet = True
            leave_stdout()

    def note(self, sentence: str) -> None:
        """Print a guess or a repair."""
        self.line(f"note: {sentence}", style="yellow")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool) -> None:
        """Print a table; all columns but the first to the right where they are numbers."""
        if self.quiet:
            return
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for place, name in enumerate(map(escaped, head)):
            right = numbers and place > 0
            table.add_column(name, justify="right" if right else "left", overflow="fold")
        for row in rows:
            table.add_row(*map(escaped, row))
        self._print(table)

    def scores(self, scores: Sequence[Score], baseline: str) -> None:
        """Print the result table."""
        head = ("", "model", baseline)
        lines = []
        for score in scores:
            write = "{:z.4f}".format if score.name in SHARES else written
            lines.append((score.name, write(score.value), write(score.baseline)))
        self.table(head, lines, numbers=True)

    @contextmanager
    def epochs(self, total: int, limit: float | None) -> Iterator[EpochBar | EpochLines]:
        """Show training as it goes on: a live bar on a terminal, else a line now and then."""
        console = None if self.quiet else self._console(stderr=True)
        with epoch_bar(console, total, limit, transient=True) as bar:
            yield bar or EpochLines(self.line, total, limit)


def fail(message: str) -> None:
    """Print an error as one line on stderr."""
    print(f"error: {escaped(' '.join(message.split()))}", file=sys.stderr)


def escaped(text: str) -> str:
    """Return a text whose control characters a terminal shows instead of obeying.

    Examples
    --------
    >>> escaped("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def leave_stdout() -> None:
    """Write the rest of stdout to nowhere: its reader is gone."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
