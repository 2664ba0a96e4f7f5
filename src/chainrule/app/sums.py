"""Rows of sums or means without a label: told by their numbers, left out with a note.

A model must not learn from a row that adds up the others. Rows with a label such as ``Total`` are
found among the lines of a text file (`footers`); these have none, or another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.app.footers import is_total
from chainrule.foundation.wording import listed
from chainrule.interop.batches import like_numbers, numbers_of_columns
from chainrule.interop.cells import TEXT, Tell

__all__ = ["without_sums"]

# Sums of fewer rows may be right by chance.
FEWEST_ABOVE = 4
# Where a cell names the row, so many columns must add up, and all of them.
FEWEST_NAMED = 3
# A look at so many cells tells whether text is numbers with a currency or a decimal comma.
LOOK = 20
# Up to so many rows without any text are compared with the rows above.
MOST_LOOKED_AT = 1000


def without_sums(frame: pl.DataFrame, name: str, tell: Tell) -> pl.DataFrame:
    """Return a table without the rows that hold the sums or the means of the rows above.

    The last row is looked at, and each row before it whose texts and dates are all missing. Such a
    row holds sums where at least two columns add up, and more than half of those that could; or
    where the only number in it does. A last row with a text holds sums where three columns or more
    could add up, and all do.

    Parameters
    ----------
    frame : DataFrame
        A table as it was read.
    name : str
        What the file is called.
    tell : callable
        Receives one sentence with the rows left out.

    Examples
    --------
    >>> table = pl.DataFrame(
    ...     {"city": [*"abcd", None], "men": [1, 2, 3, 5, 11], "women": [2, 2, 4, 1, 9]}
    ... )
    >>> without_sums(table, "towns.csv", print).height
    towns.csv: row 5 holds the sums of the rows above and is left out (--skip-footer 0 keeps all)
    4
    """
    if frame.height <= FEWEST_ABOVE:
        return frame
    able = _like_numbers(frame)
    if not able or _cannot_add_up(frame, able):
        return frame
    numbers = dict(numbers_of_columns(able))
    if not numbers:
        return frame
    others = [one for one in frame.columns if one not in numbers]
    named = _named(frame, others)
    values = np.column_stack(list(numbers.values()))
    last = frame.height - 1
    looked = [int(row) for row in np.flatnonzero(named == 0)[:MOST_LOOKED_AT] if others]
    found: dict[int, str] = {}
    above = np.ones(frame.height, dtype=bool)
    for row in sorted({*looked, last}):
        since = max(found, default=-1) + 1
        for start in dict.fromkeys((0, since)):
            items = above[start:row]
            rows = values[start:row][items]
            # a row that nobody names is told from the others only where these have names
            bare = not named[row] and (not others or bool(named[start:row][items].all()))
            bare |= row == last and any(is_total(str(frame[one][row])) for one in others)
            if not bare and row < last:
                continue
            what = _adds_up(values[row], rows, bare, bool(others))
            if what:
                found[row], above[row] = what, False
                break
    if not found:
        return frame
    places = [str(row + 1) for row in found]
    kinds = " or ".join(sorted(set(found.values()), reverse=True))
    one = len(places) == 1
    which = f"row {places[0]} holds" if one else f"rows {listed(places)} hold"
    tell(
        f"{name}: {which} the {kinds} of the rows above and {'is' if one else 'are'} left out "
        "(--skip-footer 0 keeps all)"
    )
    return frame.filter(pl.Series(above))


def _like_numbers(frame: pl.DataFrame) -> list[pl.Series]:
    """Return the columns that may hold numbers; of text, where its last cell may be one too."""
    last = frame.row(-1)
    columns = [
        series
        for series, cell in zip(frame, last, strict=True)
        if series.dtype.is_numeric()
        or (series.dtype in TEXT and any(mark.isdigit() for mark in str(cell)))
    ]
    return like_numbers(columns, LOOK)


def _named(frame: pl.DataFrame, others: Sequence[str]) -> NDArray[np.float64]:
    """Return how many cells of each row are there in some columns."""
    if not others:
        return np.zeros(frame.height)
    texts = frame.select(pl.sum_horizontal(pl.col(others).is_not_null()))
    counts: NDArray[np.float64] = texts.to_series().to_numpy().astype(np.float64)
    return counts


def _cannot_add_up(frame: pl.DataFrame, able: Sequence[pl.Series]) -> bool:
    """Say, from some columns, that only the last row may hold sums, and does not.

    Where each row has a text, and that of the last is no label of a total, all columns must add up.
    """
    inner = {one.name for one in able}
    others = [one for one in frame.columns if one not in inner]
    if any(is_total(str(frame[one][-1])) for one in others) or not _named(frame, others).all():
        return False
    for series in able[:LOOK]:
        for _, cells in numbers_of_columns([series]):
            could, fits, _ = _sums(cells[-1:], cells[:-1, None])
            if could[0] and not fits[0]:
                return True
    return False


def _adds_up(
    row: NDArray[np.float64], above: NDArray[np.float64], bare: bool, others: bool
) -> str | None:
    """Say what a row holds of the rows above: their sums, their means, or neither."""
    if len(above) < FEWEST_ABOVE:
        return None
    able, fits, sums = _sums(row, above)
    known = np.isfinite(above)
    filled = np.where(known, above, 0.0)
    counts = known.sum(axis=0)
    many, most = int(fits.sum()), int(able.sum())
    if (np.abs(row[fits]) > np.abs(filled).max(axis=0)[fits]).any() and (
        (bare and 2 * many > most and many >= 2)
        or (bare and others and many == np.isfinite(row).sum())
        or (many == most and many >= FEWEST_NAMED)
    ):
        return "sums"
    if not (bare and others):
        return None
    means = sums / np.maximum(counts, 1)
    able &= np.ptp(np.where(known, above, means), axis=0) > 0
    fits = able & (np.abs(row - means) <= _rounding(row, np.zeros_like(means)))
    many, most = int(fits.sum()), int(able.sum())
    return "means" if many == most and many >= 2 else None


def _sums(
    row: NDArray[np.float64], above: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
    """Return which columns could add up to a row, which do, and to what."""
    known = np.isfinite(above)
    with np.errstate(over="ignore", invalid="ignore"):
        sums: NDArray[np.float64] = np.where(known, above, 0.0).sum(axis=0)
    counts = known.sum(axis=0)
    # zeros add up to what a cell may hold anyway
    able = np.isfinite(row) & np.isfinite(sums) & (sums != 0) & (counts >= FEWEST_ABOVE)
    fits = able & (np.abs(row - sums) <= _rounding(row, np.sqrt(counts)))
    return able, fits, sums


def _rounding(row: NDArray[np.float64], cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far a result may be off that was rounded as it is written, as its cells were."""
    units = np.array([_unit(value) for value in row])
    return units * (0.5 + cells) + 1e-12 * np.abs(np.where(np.isfinite(row), row, 0.0))


def _unit(value: float) -> float:
    """Return the unit of the last digit that a number is written with; 0 for whole numbers."""
    text = repr(float(value))
    if "e" in text or not np.isfinite(value) or value == round(value):
        return 0.0
    return float(10.0 ** -len(text.partition(".")[2]))
