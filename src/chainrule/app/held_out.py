"""The split of a table into rows to train and to test on: at random, in order, by groups."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from chainrule.app.flags import in_flags
from chainrule.app.settings import Settings
from chainrule.app.targets import Task, column_beside
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.wording import counted
from chainrule.interop.cells import first_row, text_of
from chainrule.training.splits import held_out_groups, held_out_rows, last_rows

__all__ = ["group_column", "split"]


def group_column(frame: pl.DataFrame, name: str, target: str) -> np.ndarray:
    """Return the group of each row as text; refuse a column that is not there, or has gaps."""
    series = column_beside(frame, name, target, "--groups")
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
        raise must_be("--groups", f"a column of names or numbers, not of {series.dtype}", name)
    missing = series.is_null().to_numpy()
    if missing.any():
        raise InputError(
            f"--groups {name} must name a group in every row; "
            f"{counted(int(missing.sum()), 'cell')} of {len(missing):,} missing, the first in row "
            f"{first_row(missing)}. Fill the cells, or remove these rows."
        )
    return np.array(text_of(series.cast(pl.String)).fill_null("").to_list(), dtype=str)


def split(
    y: np.ndarray, task: Task, settings: Settings, groups: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train on and those to test on; classes keep their shares at random."""
    n = len(y)
    classes = len(np.unique(y)) if task == "classification" else 1
    held = math.ceil(n * settings.test_fraction)
    least = max(2, classes)
    if held < least or n - held < least:
        raise InputError(
            f"--test-fraction must leave at least {least} rows to test on and {least} to train on; "
            f"{settings.test_fraction:g} of {n:,} rows is {held:,}. Change it, or add rows."
        )
    train, test = _held_out(y, task, settings, settings.test_fraction, groups)
    if task == "classification":
        unseen = np.setdiff1d(y[test], y[train])
        if unseen.size:
            raise InputError(
                f"the rows to train on must hold every class; {unseen[0].item()!r} is only in the "
                f"{len(test):,} last rows, which --validation last tests on. Take --validation "
                "random, or another --test-fraction."
            )
    return train, test


def _held_out(
    y: np.ndarray, task: Task, settings: Settings, fraction: float, groups: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    labels = y if task == "classification" else None
    try:
        if groups is not None:
            return held_out_groups(groups, fraction, settings.seed, labels)
        if settings.validation == "last":
            return last_rows(len(y), fraction)
        return held_out_rows(len(y), fraction, settings.seed, labels)
    except InputError as error:
        text = str(error).replace("Pass X_val and y_val, more rows, or", "Add rows, or take")
        raise InputError(in_flags(text, Settings)) from error
