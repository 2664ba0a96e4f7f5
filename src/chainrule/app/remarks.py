"""Remarks on a table before a fit, and on the answers after it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import polars as pl

from chainrule.app.flags import in_flags
from chainrule.app.report import Report
from chainrule.app.settings import Settings
from chainrule.app.targets import Task
from chainrule.estimators.data_warnings import FEWEST_ROWS, MOST_OF_ONE_CLASS, SAME
from chainrule.foundation.errors import DataWarning
from chainrule.interop.cells import Tell

__all__ = ["tell_of_answers", "tell_of_target", "tell_warnings"]

# A target that is one value in so many rows has few others to learn from.
NEARLY_ALL = 0.95
# Rows looked at for columns that give the target away, evenly spread over all.
MOST_ROWS = 2000
# Of its spread, what a straight line through the target may leave.
STRAIGHT = 1e-6
# So many texts may be bins of a number.
MOST_BINS = 20


def tell_of_target(
    frame: pl.DataFrame, target: str, y: np.ndarray, task: Task, settings: Settings, tell: Tell
) -> None:
    """Tell where the target is nearly always one value, and which columns give it away."""
    if len(y) < FEWEST_ROWS:
        return
    values, counts = np.unique(y, return_counts=True)
    most = int(np.argmax(counts))
    if counts[most] >= NEARLY_ALL * len(y):
        helps = task == "classification" and settings.class_weight is None
        advice = "; --class-weight balanced makes the others count as much" if helps else ""
        tell(
            f"the target {target!r} is {values[most].item()!r} in {counts[most]:,} of {len(y):,} "
            f"rows to train on ({100 * counts[most] / len(y):.1f} %): there are few others to "
            f"learn from{advice}"
        )
    step = max(1, frame.height // MOST_ROWS)
    looked, known = frame.gather_every(step), y[::step]
    for name, how in _giving_away(looked, target, known, task):
        tell(
            f"column {name!r} gives the target {target!r} away: {how} in all {looked.height:,} "
            "rows looked at; leave it out if it is not known when you predict"
        )


def _giving_away(
    frame: pl.DataFrame, target: str, y: np.ndarray, task: Task
) -> Iterator[tuple[str, str]]:
    """Yield the columns that hold the target in other words, and how they do."""
    flat = [
        series.name
        for series in frame
        if series.name != target
        and not (series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object))
    ]
    # one question for all columns: there may be thousands
    absent = frame.select(pl.col(flat).null_count()).row(0)
    different = frame.select(pl.col(flat).n_unique()).row(0)
    classes = frame[target].n_unique()
    for name, missing, many in zip(flat, absent, different, strict=True):
        if missing:
            how = _by_absence(frame[name], y, task)
        elif task == "classification":
            how = _by_value(frame, name, target) if many == classes else None
        elif not frame.schema[name].is_numeric():
            how = _by_bins(frame[name], y) if 2 < many <= MOST_BINS else None
        else:
            how = _by_line(frame[name].to_numpy().astype(np.float64), y)
        if how:
            yield name, how


def _by_value(frame: pl.DataFrame, name: str, target: str) -> str | None:
    """Say whether each value stands for one class; there are as many values as classes."""
    pairs = frame.select(pl.struct(name, target).n_unique()).item()
    return "each of its values stands for one class" if pairs == frame[name].n_unique() else None


def _by_line(x: np.ndarray, y: np.ndarray) -> str | None:
    """Say whether the target, or its logarithm, is on a straight line over the numbers."""
    if not np.isfinite(x).all() or np.all(x == x[0]) or np.all(y == y[0]):
        return None
    if _standardised_gap(x, y) < STRAIGHT:
        return "it is the target in another unit"
    if y.min() > 0 and _standardised_gap(x, np.log(y)) < STRAIGHT:
        return "it is the logarithm of the target"
    if x.min() > 0 and _standardised_gap(np.log(x), y) < STRAIGHT:
        return "the target is its logarithm"
    return None


def _standardised_gap(x: np.ndarray, y: np.ndarray) -> float:
    """Return what a straight line through ``y`` leaves of its spread."""
    if np.all(x == x[0]) or np.all(y == y[0]):
        return 1.0
    x, y = _standardised(x), _standardised(y)
    return float(np.std(y - np.mean(x * y) * x))


def _by_absence(series: pl.Series, y: np.ndarray, task: Task) -> str | None:
    absent = series.is_null().to_numpy()
    if task != "classification" or absent.all():
        return None
    values = np.unique(y)
    if len(values) != 2:
        return None
    alike = any(np.array_equal(absent, y == value) for value in values)
    return "it is missing in just the rows of one class" if alike else None


def _by_bins(series: pl.Series, y: np.ndarray) -> str | None:
    """Say whether each text stands for a range of the target of its own."""
    table = pl.DataFrame({"bin": series.cast(pl.String), "y": y}).group_by("bin")
    ranges = table.agg(pl.col("y").min().alias("low"), pl.col("y").max().alias("high"), pl.len())
    ranges = ranges.sort("low")
    if ranges["len"].min() == 1 or not (ranges["high"][:-1] < ranges["low"][1:]).all():
        return None
    return "each of its values stands for a range of the target"


def _standardised(values: np.ndarray) -> np.ndarray:
    values = values / np.abs(values).max()  # squares of large numbers overflow
    scaled: np.ndarray = (values - values.mean()) / max(values.std(), np.finfo(np.float64).tiny)
    return scaled


def tell_of_answers(predicted: np.ndarray, y: np.ndarray, task: Task, tell: Tell) -> None:
    """Tell where a model answers the same for all test rows, though their targets differ."""
    if len(y) < FEWEST_ROWS:
        return
    advice = "try another --learning-rate, a smaller --l2, more --epochs or other columns"
    if task == "regression":
        if 0.0 <= np.std(predicted) < SAME * np.std(y):
            tell(
                f"the model answers about {np.mean(predicted):.4g} for all {len(y):,} test rows, "
                f"whose targets go from {y.min():.4g} to {y.max():.4g}: {advice}"
            )
        return
    share = float(np.mean(y == predicted[0]))
    if np.all(predicted == predicted[0]) and share < MOST_OF_ONE_CLASS:
        tell(
            f"the model answers {predicted[0].item()!r} for all {len(y):,} test rows, of which "
            f"{100 * share:.0f} % are: {advice}; --class-weight balanced makes rare classes count "
            "as much as others"
        )


@contextmanager
def tell_warnings(report: Report) -> Iterator[None]:
    """Tell what the estimators warn of as notes, options by their flags.

    What they say of the data is told here in other words, of the table's own columns and rows.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for text in dict.fromkeys(
                str(one.message) for one in caught if not issubclass(one.category, DataWarning)
            ):
                report.note(in_flags(text, Settings).rstrip("."))
