"""Measure learning rates and batch sizes on the page's rows, beside the page, until cancelled."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chainrule.app.play.own_rows import sentences
from chainrule.app.play.picture import ending_of
from chainrule.app.play.plane import Plane
from chainrule.app.play.run import Run
from chainrule.app.play.settings import Problem
from chainrule.engines.engine import Position, Rows, Totals
from chainrule.engines.reference import ReferenceEngine
from chainrule.foundation.arrays import Array
from chainrule.foundation.errors import InputError
from chainrule.foundation.short_numbers import short
from chainrule.insight.batch_size import BatchSizeReport, batch_size_report
from chainrule.insight.learning_rate import learning_rate_report
from chainrule.insight.report.charts import drawing_of
from chainrule.insight.report.figures import Curve, Lines
from chainrule.insight.subject import Subject
from chainrule.model.parameters import Parameters

__all__ = ["KINDS", "Measurement"]

RATE_STEPS, REPEATS = 60, 2
SIZES = (8, 16, 32, 64, 128, 256, 512, 1024)
FEWEST_ROWS = 16


class Cancelled(Exception):  # noqa: N818 (no error: it was asked for)
    """The reader did not want to wait."""


class _Counting(ReferenceEngine):
    """An engine that counts its steps, and ends where it is cancelled."""

    def __init__(self, subject: Subject, cancelled: threading.Event) -> None:
        super().__init__(subject.objective, subject.optimizer)
        self.cancelled = cancelled
        self.steps = 0

    def epoch(self, position: Position, *work: Any) -> Totals:
        """Make steps as the engine does."""
        if self.cancelled.is_set():
            raise Cancelled
        totals = super().epoch(position, *work)
        self.steps += totals.steps
        return totals

    def loss(self, vector: Array, rows: Rows) -> float:
        """Measure a loss as the engine does."""
        if self.cancelled.is_set():
            raise Cancelled
        return super().loss(vector, rows)


class Measurement:
    """A comparison that is made in a thread of its own.

    Parameters
    ----------
    kind : {"rates", "sizes"}
        Learning rates, or batch sizes.
    run : Run
        The network and its start; the training that is shown goes on untouched.

    Examples
    --------
    >>> from chainrule.app.play.settings import Settings
    >>> run = Run(Settings().changed(data="moons").problem())
    >>> measurement = Measurement("rates", run)
    >>> measurement.wait()
    >>> len(measurement.to_dict()["charts"])
    5
    """

    def __init__(self, kind: str, run: Run) -> None:
        subject = replace(
            run.subject,
            vector=run.start.vector,
            slots=(),
            step=0,
            learning_rate=run.learning_rate,
        )
        if kind == "sizes" and len(subject.rows) < FEWEST_ROWS:
            raise InputError(
                f"the data must have at least {FEWEST_ROWS} rows to compare batch sizes; got "
                f"{len(subject.rows)}. Choose another data set."
            )
        subject.check_trainable()
        self.kind = kind
        self.result: dict[str, Any] | None = None
        self.failure = ""
        self._began = time.perf_counter()
        self._seconds: float | None = None
        self._cancelled = threading.Event()
        self._engine = _Counting(subject, self._cancelled)
        start = subject.objective.network.parameters(run.start.vector)
        arguments = (subject, start, run.problem, run.plane)
        self._thread = threading.Thread(target=self._work, args=arguments, daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Stop at the next step."""
        self._cancelled.set()
        self._thread.join()

    def wait(self) -> None:
        """Wait for the end."""
        self._thread.join()

    def _work(self, subject: Subject, start: Parameters, problem: Problem, plane: Plane) -> None:
        try:
            self.result = KINDS[self.kind](subject, start, problem, plane, self._engine)
        except Cancelled:
            self.failure = "Cancelled."
        except InputError as error:
            self.failure = str(error)
        finally:
            self._seconds = time.perf_counter() - self._began

    def to_dict(self) -> dict[str, Any]:
        """Return the progress, and the result once it is there."""
        seconds = self._seconds
        running = seconds is None
        record = {
            "kind": self.kind,
            "running": running,
            "steps": self._engine.steps,
            "seconds": time.perf_counter() - self._began if seconds is None else seconds,
            "failure": self.failure,
        }
        return record | (self.result or {})


def _rates(
    subject: Subject,
    start: Parameters,
    problem: Problem,
    plane: Plane,
    engine: ReferenceEngine,
) -> dict[str, Any]:
    found = learning_rate_report(
        subject,
        start=start,
        seed=problem.seed,
        engine=engine,
        steps=RATE_STEPS,
        batch_size=min(subject.batch_size or 32, len(subject.rows)),
    )
    charts: list[dict[str, Any]] = []
    for run in found.runs:
        finite = [loss for loss in run.losses if math.isfinite(loss)]
        title = f"Rate {run.learning_rate:g}: {run.verdict}"
        positive = bool(finite) and min(finite) > 0.0 and max(finite) > 20.0 * min(finite)
        chart = Lines(
            title,
            f"{title}; {run.why}.",
            "step",
            "loss",
            (Curve("loss", range(len(run.losses)), run.losses),),
            log_y=positive,
        )
        assert run.vector is not None
        ending = ending_of(problem, plane, run.vector)
        name = f"rate-{len(charts)}"
        charts.append(_drawn(chart, name, rate=run.learning_rate, ending=ending))
    how = f"{found.steps} steps of {found.batch_size} rows with {found.optimizer}"
    told = (
        f"{how}, from the same start, on the same batches: {found.summary}",
        found.test.summary,
        found.curvature.summary,
    )
    return {
        "title": "Five learning rates",
        "charts": charts,
        "sentences": list(sentences(filter(None, told))),
    }


def _sizes(
    subject: Subject,
    start: Parameters,
    problem: Problem,
    plane: Plane,
    engine: ReferenceEngine,
) -> dict[str, Any]:
    found = batch_size_report(
        subject,
        start=start,
        seed=problem.seed,
        engine=engine,
        repeats=REPEATS,
        batch_sizes=[size for size in SIZES if size <= len(subject.rows)],
    )
    charts = [_drawn(chart, f"sizes-{k}") for k, chart in enumerate(_size_charts(found))]
    return {
        "title": "When does a bigger batch stop paying?",
        "charts": charts,
        # what is said to programs is left out
        "sentences": list(
            sentences(one.partition(": tune=")[0] for one in found.conclusions if one)
        ),
    }


def _size_charts(found: BatchSizeReport) -> list[Lines]:
    noise = found.noise[0][1].measured
    sizes = [one.batch_size for one in noise]
    guide = [noise[0].error * math.sqrt(sizes[0] / size) for size in sizes]
    reached = [run for run in found.payoffs if run.steps is not None]
    steps = [float(run.steps or 0.0) for run in reached]
    ideal = [steps[0] * reached[0].batch_size / run.batch_size for run in reached]
    cost = found.cost
    per_step = [1e6 * seconds for seconds in cost.seconds]
    charts = [
        Lines(
            "Noise of the gradient",
            "The relative error of a batch's gradient, measured; the guide falls with the root of "
            "the batch size: four times the rows halve the noise.",
            "batch size",
            "relative error",
            (
                Curve("measured", sizes, [one.error for one in noise], dots=True),
                Curve("1 / root of the size", sizes, guide, dashed=True),
            ),
            log_x=True,
            log_y=True,
        ),
        Lines(
            "Time of a step",
            f"The time of one step on this machine, measured: {cost.summary}.",
            "batch size",
            "microseconds",
            (Curve("per step", cost.batch_sizes, per_step, dots=True),),
            log_x=True,
            log_y=True,
        ),
    ]
    if steps:
        charts.append(
            Lines(
                "Steps to the same loss",
                f"Steps until the loss is {short(found.target.loss, 4)}, measured; the ideal line "
                "halves the steps where the batch doubles.",
                "batch size",
                "steps",
                (
                    Curve("measured", [run.batch_size for run in reached], steps, dots=True),
                    Curve("ideal", [run.batch_size for run in reached], ideal, dashed=True),
                ),
                log_x=True,
                log_y=True,
            )
        )
    return charts


def _drawn(chart: Lines, name: str, **more: Any) -> dict[str, Any]:
    table = chart.table()
    return {
        "title": chart.title,
        "words": chart.description,
        "svg": drawing_of(chart, name),
        "head": list(table.head),
        "rows": [list(row) for row in table.rows],
        **more,
    }


Measure = Callable[[Subject, Parameters, Problem, Plane, ReferenceEngine], dict[str, Any]]
KINDS: dict[str, Measure] = {
    "rates": _rates,
    "sizes": _sizes,
}
