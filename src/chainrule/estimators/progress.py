"""Progress of a training: a live bar on a terminal, else lines."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from chainrule.training.epoch import Epoch

__all__ = ["EpochBar", "EpochLines", "epoch_bar", "shown", "written"]

# Without a terminal, the least time between two lines.
SECONDS_PER_LINE = 2.0


@contextmanager
def shown(verbose: int, total: int, limit: float | None) -> Iterator[Callable[[Epoch], None]]:
    """Yield the function that shows an epoch: by a bar, by lines, or not at all."""
    console = _terminal() if verbose == 1 and total > 1 else None
    made: Counter[int | None] = Counter()

    def line(epoch: Epoch) -> None:
        made[epoch.member] += 1
        if verbose and made[epoch.member] % verbose == 0:
            print(epoch)

    with epoch_bar(console, total, limit, transient=False) as bar:
        yield line if bar is None else bar.show


def _terminal() -> Console | None:
    """Return stderr as a terminal, where rich is installed."""
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return None
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


@contextmanager
def epoch_bar(
    console: Console | None, total: int, limit: float | None, *, transient: bool
) -> Iterator[EpochBar | None]:
    """Yield a live bar where the console is a terminal without another live display, else None."""
    if console is None or not console.is_terminal or console.is_dumb_terminal:
        yield None
        return
    from rich.errors import LiveError

    progress = _progress(console, transient)
    try:
        progress.start()
    except LiveError:
        yield None
        return
    try:
        yield EpochBar(progress, total, limit)
    finally:
        progress.stop()


def _progress(console: Console, transient: bool) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

    columns: list[Any] = [
        TextColumn("epoch {task.completed:.0f}/{task.total:.0f}"),
        BarColumn(bar_width=max(8, min(30, console.width - 90))),
        TextColumn("{task.fields[now]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
    ]
    return Progress(*columns, console=console, transient=transient, refresh_per_second=5)


class EpochCount:
    """The progress of a run in words."""

    def __init__(self, total: int, limit: float | None) -> None:
        self.total = total
        self.made = 0
        self._limit = limit
        self._began = time.perf_counter()
        self._first = self._began

    @property
    def seconds(self) -> float:
        """Seconds since training began."""
        return time.perf_counter() - self._began

    def count(self, epoch: Epoch) -> str:
        """Count one epoch, and return its results and the time left, in words."""
        if not self.made:  # what came before, as trials do, comes once
            self._first = time.perf_counter() - epoch.seconds
        self.made += 1
        self.total = getattr(epoch, "planned", self.total)  # rounds are counted once they begin
        parts = [f"loss {written(epoch.loss)}"]
        if epoch.validation_loss is not None:
            parts.append(f"validation {written(epoch.validation_loss)}")
        if math.isfinite(epoch.learning_rate):  # L-BFGS has no rate, and ends when it likes
            passed = time.perf_counter() - self._first
            left = passed / self.made * (self.total - self.made)
            if self._limit is not None:
                left = max(0.0, min(left, self._limit - self.seconds))
            parts = [f"{_clock(left)} left", *parts, f"rate {epoch.learning_rate:.1e}"]
        parts.append(f"{_short(epoch.rows / max(epoch.seconds, 1e-9))} rows/s")
        return "  ".join(parts)


class EpochBar(EpochCount):
    """A run as a live bar."""

    def __init__(self, progress: Progress, total: int, limit: float | None) -> None:
        super().__init__(total, limit)
        self._progress = progress
        self._task = progress.add_task("", total=total, now="starting")

    def show(self, epoch: Epoch) -> None:
        """Show one epoch."""
        now = self.count(epoch)
        self._progress.update(self._task, completed=self.made, total=self.total, now=now)


class EpochLines(EpochCount):
    """A run as a line every few seconds."""

    def __init__(self, say: Callable[[str], None], total: int, limit: float | None) -> None:
        super().__init__(total, limit)
        self._say = say
        self._last = 0.0

    def show(self, epoch: Epoch) -> None:
        """Show one epoch, if the last line is old enough."""
        text = self.count(epoch)
        if self.seconds - self._last >= SECONDS_PER_LINE or self.made in (1, self.total):
            self._last = self.seconds
            self._say(f"epoch {self.made}/{self.total}  {text}")


def written(value: float) -> str:
    """Return a number with four digits or so.

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


def _short(number: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.0f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
