"""Convert and check a user's arrays once, as the rows an engine works on."""

import math
from collections.abc import Callable
from typing import Any

import array_api_compat
import numpy as np

from chainrule.engines.engine import Rows
from chainrule.formulas.loss import Loss, checked_weight, relative_weight
from chainrule.foundation.arrays import Array, as_like, namespace, to_numpy
from chainrule.foundation.errors import InputError
from chainrule.foundation.sparse import check_entries
from chainrule.model.objective import Objective

__all__ = [
    "check_finite",
    "check_range",
    "check_scores",
    "in_order",
    "make_rows",
    "overflowing_input",
]


# So many numbers are looked at one by one, without the sum that saves a temporary array.
FEW = 10_000


def make_rows(
    objective: Objective,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    like: Array,
    names: tuple[str, str] = ("x", "y"),
    columns: Any = None,
    label_smoothing: float = 0.0,
) -> Rows:
    """Check inputs and targets against a network and its loss, and return them as rows.

    Parameters
    ----------
    objective : Objective
        The network and the loss the rows are for.
    x : array (n, n_in), or SciPy sparse matrix
        Inputs; neither copied nor converted as a whole, but for sparse ones whose columns do not
        ascend within rows.
    y : array
        Targets as `Loss.encode` takes them.
    sample_weight : array (n,), optional
        Weights, not negative; they are scaled to mean 1.
    like : array
        The parameters: their library and dtype are those of the rows.
    names : tuple of str
        What the messages call x and y.
    columns : sequence of str, optional
        The names of the columns of x.
    label_smoothing : float
        The share of `Loss.smoothed`, for rows to train on.

    Raises
    ------
    InputError
        If shapes do not fit, or an input is NaN or infinite; the message names row and column.
    """
    xp = namespace(like)
    if hasattr(x, "tocsr"):
        x = in_order(x.tocsr(), names[0])
        values = x.data
    else:
        if not array_api_compat.is_array_api_obj(x):
            x = np.asarray(x)
        x = values = (
            x if array_api_compat.array_namespace(x) is _library(like) else as_like(x, like)
        )
    n_in = objective.network.n_in
    if x.ndim != 2 or x.shape[1] != n_in:
        raise InputError(
            f"{names[0]} must be of shape (n, {n_in}) for this network; got {tuple(x.shape)}."
        )
    if x.shape[0] == 0:
        raise InputError(f"{names[0]} must have at least one row; got shape {tuple(x.shape)}.")
    if not _is_of(values, "biuf", ("real floating", "integral", "bool")):
        raise InputError(
            f"{names[0]} must hold real numbers; got {values.dtype}. Convert or encode the columns."
        )
    check_finite(x, names[0], columns)
    check_range(x, like.dtype, names[0], columns)
    targets = objective.loss.encode(y, objective.network.n_out, like, names[1])
    targets = objective.loss.smoothed(targets, label_smoothing)
    if targets.shape[0] != x.shape[0]:
        raise InputError(
            f"{names[0]} and {names[1]} must have the same number of rows; got {x.shape[0]} and "
            f"{targets.shape[0]}."
        )
    weight = None
    if sample_weight is not None:
        weight = relative_weight(checked_weight(sample_weight, int(x.shape[0])), like)
        weight = weight / xp.mean(weight)
        x = _without_absent(x, weight, float(xp.finfo(like.dtype).max))
    return Rows(x, targets, weight)


def _without_absent(x: Any, weight: Array, largest: float) -> Any:
    """Return inputs whose absent rows cannot overflow: x, or a copy where those rows are 0.

    A row of weight 0 adds 0 to every gradient, unless its products are infinite: 0 times infinity
    is NaN. Only placeholders for missing values are that large.
    """
    if not bool(namespace(weight).any(weight == 0.0)):
        return x
    # the fourth root: a number of that size goes through some layers unharmed
    limit = largest**0.25
    if hasattr(x, "tocsr"):
        absent = to_numpy(weight) == 0.0
        rows = x[np.flatnonzero(absent)]
        if max(float(rows.max()), -float(rows.min())) <= limit:
            return x
        x = x.copy()
        x.data[np.repeat(absent, np.diff(x.indptr))] = 0
        return x
    xp = namespace(x)
    gone = as_like(weight, x) == 0.0
    rows = xp.take(x, xp.nonzero(gone)[0], axis=0)
    if max(float(xp.max(rows)), -float(xp.min(rows))) <= limit:
        return x
    return xp.where(xp.reshape(gone, (-1, 1)), xp.zeros_like(x[:1, :1]), x)


def _library(like: Array) -> Any:
    return array_api_compat.array_namespace(like)


def in_order(x: Any, name: str) -> Any:
    """Return a CSR matrix whose columns ascend within rows, as engines want them: x, or a copy.

    One whose entries lie outside it is refused: machine code would look there.
    """
    check_entries(x, name)
    return x if x.has_sorted_indices else x.sorted_indices()


def check_finite(x: Array, name: str, columns: Any = None) -> None:
    """Refuse NaN and infinity in an input, and name the first cell that holds one."""
    # as bytes: a sixth of the time of `all`, which counts where one row is predicted
    if _few(x) and 0 not in np.isfinite(x).tobytes():
        return
    values = x.data if hasattr(x, "tocsr") else x
    if not _is_of(values, "f", "real floating"):
        return
    xp = np if isinstance(values, np.ndarray) else namespace(values)
    with np.errstate(all="ignore"):
        # The sum first: one pass without a temporary, right unless the sum overflows.
        if bool(xp.isfinite(xp.sum(values))) or bool(xp.all(xp.isfinite(values))):
            return
    cell = _first_cell(x, lambda values: ~np.isfinite(values), columns)
    raise InputError(
        f"{name} must be finite, without NaN and inf; got {cell}, counted from 0. Remove such "
        "rows, or fill the cells."
    )


def check_range(x: Array, dtype: Any, name: str, columns: Any = None) -> None:
    """Refuse finite numbers that the parameters' dtype cannot hold, and name the first such cell.

    Inputs are converted batch by batch; there such a number would become infinite.
    """
    values = x.data if hasattr(x, "tocsr") else x
    if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or not values.size:
        return
    if values.dtype.itemsize <= np.dtype(dtype).itemsize:
        return
    limit = float(np.finfo(dtype).max)
    if _few(x) and 0 not in (np.abs(x) <= limit).tobytes():
        return
    if max(values.max(), -values.min()) <= limit:
        return
    cell = _first_cell(x, lambda values: np.abs(values) > limit, columns)
    raise InputError(
        f"{name} must be within {limit:.2g} for {np.dtype(dtype).name}; got {cell}, counted from "
        "0. Scale the column, or train in float64."
    )


def check_scores(
    scores: np.ndarray, x: Any, loss: Loss, vector: np.ndarray, name: str, columns: Any = None
) -> None:
    """Refuse finite inputs so large that sums of them overflow, where the answer would be NaN.

    An infinite score whose answer is right stays: a probability of 1. So does a NaN that parameters
    are the reason of.
    """
    if not np.isfinite(vector).all():
        return
    with np.errstate(all="ignore"):
        lost = np.isnan(scores) | np.isnan(loss.mean(namespace(scores), scores))
    if not np.any(lost):
        return
    row = int(np.argwhere(lost)[0, 0])
    value, column = _largest_input(x[row : row + 1], columns)
    kind = vector.dtype.name
    wanted = (
        f"squares {kind}" if _square_overflows(value, kind) else f"sums {kind} and this network"
    )
    raise InputError(
        f"{name} must hold numbers whose {wanted} can hold; got {value} in row {row}, {column}, "
        "counted from 0, and the answer for that row overflows to NaN. Scale the column."
    )


def overflowing_input(x: Any, dtype: Any, columns: Any = None) -> tuple[float, str] | None:
    """Return the largest input and its column in words, where its square is out of range."""
    value, column = _largest_input(x, columns)
    return (value, column) if _square_overflows(value, dtype) else None


def _square_overflows(value: float, dtype: Any) -> bool:
    return abs(value) > math.sqrt(float(np.finfo(dtype).max))


def _largest_input(x: Any, columns: Any) -> tuple[float, str]:
    high, low = x.max(axis=0), x.min(axis=0)
    if hasattr(x, "tocsr"):
        high, low = high.toarray(), low.toarray()
    extremes = np.stack((np.ravel(high), np.ravel(low))).astype(np.float64)
    side, column = np.unravel_index(np.abs(extremes).argmax(), extremes.shape)
    return float(extremes[side, column]), _column(int(column), columns)


def _is_of(values: Array, letters: str, kind: str | tuple[str, ...]) -> bool:
    """Say whether an array is of a kind, as NumPy's letters or the array API standard name it."""
    if isinstance(values, np.ndarray):
        return values.dtype.kind in letters
    return bool(namespace(values).isdtype(values.dtype, kind))


def _few(x: Array) -> bool:
    return isinstance(x, np.ndarray) and x.size < FEW and x.dtype.kind == "f"


def _first_cell(x: Array, wrong: Callable[[np.ndarray], np.ndarray], columns: Any) -> str:
    if hasattr(x, "tocsr"):
        entries = x.tocoo()
        place = int(np.argmax(wrong(entries.data)))
        row, column = int(entries.row[place]), int(entries.col[place])
        value = float(entries.data[place])
    else:
        row, column = (int(i) for i in np.argwhere(wrong(to_numpy(x)))[0])
        value = float(x[row, column])
    return f"{value} in row {row}, {_column(column, columns)}"


def _column(column: int, columns: Any) -> str:
    named = f" ({str(columns[column])!r})" if columns is not None else ""
    return f"column {column}{named}"
