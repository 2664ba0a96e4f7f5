"""The task, classes or numbers: decided from the target column and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl

from chainrule.foundation.errors import InputError, must_be, suggest
from chainrule.foundation.wording import counted, listed, unknown_column
from chainrule.interop.cells import (
    MISSING_WORDS,
    Tell,
    first_row,
    looks_like_numbers,
    numbers_of,
    text_of,
)

__all__ = [
    "TASKS",
    "Task",
    "column_beside",
    "decide_task",
    "encode_target",
    "target_column",
    "with_target",
]

Task: TypeAlias = Literal["classification", "regression"]
TASKS: tuple[Task, Task] = ("classification", "regression")
# Whole numbers are classes where there are few of them, each in several rows.
MOST_CLASSES = 20
ROWS_PER_CLASS = 5


def target_column(frame: pl.DataFrame, target: str | None, data: str) -> pl.Series:
    """Return the target, or say which column may have been meant."""
    if frame.width < 2:
        raise InputError(
            f"{data} must have at least two columns, a target and one to learn from; got only "
            f"{frame.columns[0]!r}. Check the separator of the file."
        )
    names = frame.columns
    if target is None:
        raise InputError(
            f"--target must name the column to predict. Columns of {data}: {listed(names)}."
        )
    if target not in names:
        advice = suggest(target, names)
        raise InputError(
            f"--target must be a column of {data}; got {target!r}. {advice}{' ' if advice else ''}"
            f"Columns: {listed(names)}."
        )
    return frame[target]


def column_beside(frame: pl.DataFrame, name: str, target: str, flag: str) -> pl.Series:
    """Return the column that a flag names, which is none to predict."""
    if name not in frame.columns:
        raise unknown_column(flag, name, frame.columns)
    if name == target:
        raise must_be(flag, "another column than the target", name)
    return frame[name]


def with_target(frame: pl.DataFrame, target: str, tell: Tell) -> pl.DataFrame:
    """Return the rows whose target is known, words for a missing cell included."""
    series = frame[target]
    missing = _is_missing(series)
    if series.dtype in (pl.String, pl.Categorical, pl.Enum):
        missing |= text_of(series).str.to_lowercase().is_in(MISSING_WORDS).fill_null(False)
    count = int(missing.sum())
    if count in (0, frame.height):
        return frame
    tell(
        f"left out {counted(count, 'row')} whose target {target!r} is missing, the first is row "
        f"{first_row(missing)}; rows are counted without them, and --missing-target error refuses "
        "them"
    )
    return frame.filter(~missing)


def decide_task(series: pl.Series, asked: str | None = None) -> tuple[Task, str]:
    """Return the task and the reason, in words; what was ``asked`` for goes first."""
    if asked is not None:
        for task in TASKS:
            if task == asked:
                return task, "as --task says"
        raise must_be("--task", " or ".join(TASKS), asked, suggest(asked, list(TASKS)))
    dtype = series.dtype
    if dtype.is_temporal() or dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise InputError(
            f"the target {series.name!r} must hold classes or numbers; got {dtype}. "
            "Convert it to a number, for example days since a date."
        )
    if dtype == pl.Boolean:
        return "classification", "it holds true and false"
    values: Any
    if dtype.is_numeric():
        values = series.drop_nulls()
    else:
        text = text_of(series)
        if not looks_like_numbers(text):
            return "classification", f"it holds {counted(text.n_unique(), 'different text')}"
        values = pl.Series(numbers_of(series, lenient=True)).drop_nans()
        if text.drop_nulls().cast(pl.Float64, strict=False).null_count():
            return "regression", "it holds numbers with a currency, a unit or another decimal mark"
    distinct = values.n_unique()
    whole = values.dtype.is_integer() or bool((values == values.round()).all())
    if not whole:
        return "regression", "it holds numbers that are not whole"
    if distinct <= 2:
        return "classification", "it holds two different numbers"
    # a column of floats says that its whole numbers are measured
    if distinct <= min(MOST_CLASSES, len(values) / ROWS_PER_CLASS) and not dtype.is_float():
        return "classification", f"it holds {distinct} different whole numbers"
    return "regression", f"it holds {distinct:,} different numbers"


def encode_target(series: pl.Series, task: Task) -> np.ndarray:
    """Return labels or numbers of every row; refuse a target that cannot be learnt.

    Raises
    ------
    InputError
        A cell is missing, holds text where numbers are needed, all cells are one value, or a class
        has a single row.
    """
    _refuse_missing(series)
    y = _labels(series) if task == "classification" else _numbers(series)
    values, counts = np.unique(y, return_counts=True)
    if len(values) == 1:
        all_rows = f"all {len(y):,} rows hold" if len(y) > 1 else "the only row holds"
        raise InputError(
            f"the target {series.name!r} must hold at least two different values; {all_rows} "
            f"{values[0].item()!r}. Choose another target, or add rows."
        )
    if task == "classification":
        _refuse_single(series.name, y, values, counts)
    return y


def _labels(series: pl.Series) -> np.ndarray:
    """Return the labels as bools, whole numbers or texts."""
    if series.dtype.is_float():
        fraction = (series != series.round()).to_numpy()
        if fraction.any():
            row = first_row(fraction)
            raise InputError(
                f"the target {series.name!r} must hold classes for classification; got "
                f"{series[row - 1]!r} in row {row}. Use --task regression."
            )
    if series.dtype == pl.Boolean or series.dtype.is_numeric():
        return series.to_numpy()
    return np.array(text_of(series).to_list(), dtype=str)


def _numbers(series: pl.Series) -> np.ndarray:
    text_given = not (series.dtype.is_numeric() or series.dtype == pl.Boolean)
    try:
        values = numbers_of(series)
    except InputError:
        row, cell = _first_text(series)
        raise InputError(
            f"the target {series.name!r} must hold numbers for regression; got {cell!r} in row "
            f"{row}. Correct the cell, or use --task classification."
        ) from None
    if text_given and np.isnan(values).any():
        raise _missing(series.name, np.isnan(values))
    infinite = np.isinf(values)
    if infinite.any():
        raise InputError(
            f"the target {series.name!r} must hold finite numbers; got infinity in row "
            f"{first_row(infinite)} ({counted(int(infinite.sum()), 'such cell')}). Remove or "
            "correct these rows."
        )
    return values


def _first_text(series: pl.Series) -> tuple[int, Any]:
    if series.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return 1, series[0]
    text = text_of(series)
    stray = text.cast(pl.Float64, strict=False).is_null() & text.is_not_null()
    stray &= ~text.str.to_lowercase().is_in(MISSING_WORDS).fill_null(False)
    row = first_row(stray)
    return row, series[row - 1]


def _refuse_missing(series: pl.Series) -> None:
    missing = _is_missing(series)
    if missing.any():
        raise _missing(series.name, missing.to_numpy())


def _is_missing(series: pl.Series) -> pl.Series:
    if series.dtype.is_float():
        return series.is_null() | series.is_nan().fill_null(True)
    if series.dtype in (pl.String, pl.Categorical, pl.Enum):
        return text_of(series).is_null()
    return series.is_null()


def _missing(name: str, missing: np.ndarray) -> InputError:
    return InputError(
        f"the target {name!r} must hold a value in every row; {counted(int(missing.sum()), 'cell')}"
        f" of {len(missing):,} missing, the first in row {first_row(missing)}. Remove these rows, "
        "or fill the cells."
    )


def _refuse_single(name: str, y: np.ndarray, values: np.ndarray, counts: np.ndarray) -> None:
    single: Sequence[Any] = values[counts == 1].tolist()
    if not single:
        return
    row = int(np.argmax(y == np.asarray(single[0], dtype=y.dtype))) + 1
    more = len(single) - 1
    others = f"{more:,} more classes like it" if more > 1 else "one more class like it" * more
    numbers = y.dtype.kind in "iuf" and len(single) > 1
    raise InputError(
        f"each class of the target {name!r} must have at least 2 rows, one to train on and one to "
        f"test on; {single[0]!r} (row {row}) has 1{f', and {others}' if others else ''}. "
        f"Remove or merge {'these classes' if others else 'the class'}, or add rows"
        f"{', or use --task regression' if numbers else ''}."
    )
