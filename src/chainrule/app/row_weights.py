"""The weight of each row of a table, from one of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from chainrule.app.targets import Task, column_beside
from chainrule.foundation.errors import InputError
from chainrule.foundation.wording import counted
from chainrule.interop.cells import Tell, first_row, numbers_of

__all__ = ["check_split", "known_weights", "weight_column", "weight_name"]


def weight_column(frame: pl.DataFrame, name: str, target: str) -> np.ndarray:
    """Return the weight of each row; refuse a column that is not there, or holds something else.

    Raises
    ------
    InputError
        The column is not there, is the target, or a cell is missing, no number, infinite or below
        zero; or all are zero.

    Examples
    --------
    >>> weight_column(pl.DataFrame({"w": ["1", "2.5"], "y": [0, 1]}), "w", "y").tolist()
    [1.0, 2.5]
    """
    series = column_beside(frame, name, target, "--weight")
    try:
        values = numbers_of(series)
    except InputError as error:
        words = str(error).replace(", as at training", "").partition(". ")[0]
        raise InputError(f"--weight: {words}. Correct it, or take another column.") from None
    bad = ~(np.isfinite(values) & (values >= 0.0))
    if bad.any():
        row = first_row(bad)
        value = series[row - 1]
        what = "a missing cell" if np.isnan(values[row - 1]) else repr(value)
        raise InputError(
            f"--weight {name} must hold a finite number of at least 0 in every row; got {what} in "
            f"row {row} ({counted(int(bad.sum()), 'such cell')}). Correct the cells, or leave the "
            "rows out with --rows."
        )
    if not values.any():
        raise InputError(f"--weight {name} must be above 0 in some row; all are 0.")
    return values


def check_split(
    weight: np.ndarray, y: np.ndarray, task: Task, train: np.ndarray, test: np.ndarray, name: str
) -> None:
    """Refuse weights that leave no row to test on, or none of some class to train on."""
    advice = "Leave rows that do not count out with --rows, or take another --seed."
    if not weight[test].any():
        raise InputError(
            f"--weight {name} must be above 0 in some of the {counted(len(test), 'row')} to test "
            f"on; all are 0. {advice}"
        )
    counts = y[train][weight[train] > 0.0]
    if counts.size == 0:
        raise InputError(
            f"--weight {name} must be above 0 in some of the {counted(len(train), 'row')} to train "
            f"on; all are 0. {advice}"
        )
    unseen = np.setdiff1d(y, counts) if task == "classification" else counts[:0]
    if unseen.size:
        raise InputError(
            f"--weight {name} must be above 0 in some row of each class to train on; all of "
            f"{unseen[0].item()!r} are 0. {advice}"
        )


def weight_name(training: Mapping[str, Any]) -> str | None:
    """Return the column of weights that a model was trained with, as its file says."""
    settings = training.get("settings")
    name = settings.get("weight") if isinstance(settings, Mapping) else None
    return name if isinstance(name, str) else None


def known_weights(
    frame: pl.DataFrame, name: str | None, target: str, rows: np.ndarray, tell: Tell
) -> np.ndarray | None:
    """Return the weights of the given rows of a table to be compared with its targets.

    A model may have been trained with weights that this table lacks, or holds otherwise: then each
    row counts once, and a sentence says so.
    """
    if name is None:
        return None
    reason = f"the table has no column {name!r}"
    if name in frame.columns:
        try:
            return weight_column(frame.filter(rows), name, target)
        except InputError as error:
            reason = str(error).rstrip(".")
    tell(f"each row counts once in the result, though training had weights: {reason}")
    return None
