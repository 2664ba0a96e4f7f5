"""What a person sees: lines, a live bar on a terminal, and tables; errors apart, on stderr."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from chainrule.app.results import Score
    from chainrule.training.loop import Epoch

__all__ = ["Diverged", "EpochBar", "Interrupted", "Report", "fail", "written"]

# Without a terminal an epoch is a line, but not more often than this.
SECONDS_PER_LINE = 2.0
# Scores whose best value is 1; the others have the unit of the target, or none.
SHARES = ("accuracy", "AUC", "R2")


def written(value: float) -> str:
    """Return a number as people write it.

    Examples
    --------
    >>> written(0.97221), written(1234.56), written(3.2e-7), written(52.4)
    ('0.9722', '1,235', '3.2e-07', '52.40')
    """
    size = abs(value)
    if not math.isfinite(value) or (0 < size < 1e-3):
        return f"{value:.3g}"
    if size >= 1e9:
        return f"{value:.4g}"
    return f"{value:,.0f}" if size >= 1000 else f"{value:.2f}" if size >= 10 else f"{value:.4f}"


class Diverged(Exception):  # noqa: N818 (beside `Interrupted`)
    """Training that left the finite numbers; the message says what became of the model."""


class Interrupted(Exception):  # noqa: N818 (a person's wish is no error)
    """Ctrl-C during training; the message says what became of the model."""


class Report:
    """Where the sentences go.

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

        return Console(stderr=stderr, highlight=False, markup=False, emoji=False)

    def line(self, text: str = "", style: str | None = None) -> None:
        """Print one line."""
        if not self.quiet:
            self._console(self._stderr).print(text, style=style, soft_wrap=True)

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
        for place, name in enumerate(head):
            right = numbers and place > 0
            table.add_column(name, justify="right" if right else "left", overflow="fold")
        for row in rows:
            table.add_row(*row)
        self._console(self._stderr).print(table)

    def scores(self, scores: Sequence[Score], baseline: str) -> None:
        """Print the result table."""
        head = ("", "model", baseline)
        lines = []
        for score in scores:
            write = "{:z.4f}".format if score.name in SHARES else written
            lines.append((score.name, write(score.value), write(score.baseline)))
        self.table(head, lines, numbers=True)

    @contextmanager
    def epochs(self, total: int, limit: float | None) -> Iterator[EpochBar]:
        """Show training as it goes on: a live bar on a terminal, else a line now and then."""
        console = self._console(stderr=True)
        live = not self.quiet and console.is_terminal and not console.is_dumb_terminal
        progress = _progress(console) if live else None
        bar = EpochBar(self, progress, total, limit)
        if progress is None:
            yield bar
        else:
            with progress:
                yield bar


def _progress(console: Console) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

    columns: list[Any] = [
        TextColumn("epoch {task.completed:.0f}/{task.total:.0f}"),
        BarColumn(bar_width=max(8, min(30, console.width - 90))),
        TextColumn("{task.fields[now]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
    ]
    return Progress(*columns, console=console, transient=True, refresh_per_second=5)


class EpochBar:
    """The state of a training run on the screen."""

    def __init__(
        self, report: Report, progress: Progress | None, total: int, limit: float | None
    ) -> None:
        self._report = report
        self._progress = progress
        self._total = total
        self._limit = limit
        self._began = self._last_line = time.perf_counter()
        if progress is not None:
            self._task = progress.add_task("", total=total, now="starting")

    @property
    def seconds(self) -> float:
        """Seconds since training began."""
        return time.perf_counter() - self._began

    def show(self, epoch: Epoch) -> None:
        """Show one epoch."""
        parts = [f"loss {written(epoch.loss)}"]
        if epoch.validation_loss is not None:
            parts.append(f"validation {written(epoch.validation_loss)}")
        if math.isfinite(epoch.learning_rate):  # L-BFGS has no rate, and tells all at its end
            left = self.seconds / epoch.number * (self._total - epoch.number)
            if self._limit is not None:
                left = max(0.0, min(left, self._limit - self.seconds))
            parts = [f"{_clock(left)} left", *parts, f"rate {epoch.learning_rate:.1e}"]
        parts.append(f"{_short(epoch.rows / max(epoch.seconds, 1e-9))} rows/s")
        text = "  ".join(parts)
        if self._progress is not None:
            self._progress.update(self._task, completed=epoch.number, now=text)
            return
        now = time.perf_counter()
        if now - self._last_line >= SECONDS_PER_LINE or epoch.number in (1, self._total):
            self._last_line = now
            self._report.line(f"epoch {epoch.number}/{self._total}  {text}")


def _short(number: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.0f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def fail(message: str) -> None:
    """Print an error as one line on stderr."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
