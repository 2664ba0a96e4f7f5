"""The user's own rows: arrays, a table, or separated values pasted into the page."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.app.play.data import MOST_ROWS, Arrays, Kind
from chainrule.foundation.errors import InputError, must_be
from chainrule.insight.explanation import Explanation

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "BUILT_IN",
    "OwnRows",
    "built_in_rows",
    "moved_point",
    "of_arrays",
    "of_explanation",
    "of_table",
    "of_text",
    "sentences",
    "with_point",
    "without_point",
]

# Targets of so few different whole numbers are classes.
MOST_CLASSES = 10
# The sets that scikit-learn ships, in words.
BUILT_IN = {
    "iris": "iris: 150 flowers of three kinds",
    "wine": "wine: 178 wines of three growers",
    "breast_cancer": "breast cancer: 569 samples",
    "digits": "digits: 1,797 small pictures",
    "diabetes": "diabetes: 442 patients, a number",
}


@dataclass(frozen=True, eq=False)
class OwnRows:
    """Rows that the user brought.

    Attributes
    ----------
    x, y : ndarray
        Inputs (n, n_in), and targets (n,): class numbers, or numbers.
    kind : {"two classes", "classes", "numbers"}
        The kind of targets.
    input_names : tuple of str
        The names of the inputs; empty for x1, x2, ...
    classes : tuple of str
        The labels.
    notes : tuple of str
        What was done with the rows, in sentences.
    explanation : Explanation or None
        The trained model that they came with.
    """

    x: np.ndarray
    y: np.ndarray
    kind: Kind
    input_names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    explanation: Explanation | None = None

    @property
    def arrays(self) -> Arrays:
        """Inputs and targets."""
        return self.x, self.y


def of_arrays(X: Any, y: Any) -> OwnRows:
    """Return arrays as rows of the page; whole numbers of few values, and texts, are classes.

    Examples
    --------
    >>> rows = of_arrays([[0.0], [1.0], [2.0]], ["no", "yes", "yes"])
    >>> rows.kind, rows.y.tolist(), rows.classes
    ('two classes', [0, 1, 1], ('no', 'yes'))
    """
    names = tuple(map(str, getattr(X, "columns", ())))
    try:
        x = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("X must hold numbers; got other values. Encode its columns.") from error
    y = np.asarray(y)
    if x.ndim != 2 or not x.size or y.shape != (len(x),):
        raise InputError(
            f"X must be of shape (n, n_in) and y of shape (n,); got {x.shape} and {y.shape}."
        )
    if not np.isfinite(x).all():
        raise InputError("X must hold finite numbers; got NaN or infinity. Fill or drop them.")
    values = np.unique(y)
    whole = y.dtype.kind in "OUSbiu" and len(values) <= max(MOST_CLASSES, 2)
    if y.dtype.kind in "OUS" or whole:
        return _of_classes(x, y, names)
    if not np.isfinite(y.astype(np.float64)).all():
        raise InputError("y must hold finite numbers; got NaN or infinity. Drop those rows.")
    return OwnRows(x, y.astype(np.float64), "numbers", names)


def _of_classes(
    x: np.ndarray, y: np.ndarray, names: tuple[str, ...], notes: tuple[str, ...] = ()
) -> OwnRows:
    values, numbers = np.unique(y, return_inverse=True)
    if not 2 <= len(values) <= 50:
        raise must_be("y", "of 2 to 50 classes", f"{len(values)} classes")
    kind: Kind = "two classes" if len(values) == 2 else "classes"
    return OwnRows(x, numbers, kind, names, tuple(map(str, values.tolist())), notes)


def of_table(frame: pl.DataFrame, target: str | None, name: str) -> OwnRows:
    """Return a table as rows: each column prepared as in a fit, numbers of the target scaled."""
    from chainrule.app.targets import decide_task, encode_target, target_column, with_target
    from chainrule.interop.preparation import Preparation

    notes: list[str] = []
    series = target_column(frame, target, name)
    frame = with_target(frame, series.name, notes.append)
    if frame.height > MOST_ROWS:
        notes.append(f"the first {MOST_ROWS:,} of {frame.height:,} rows are used")
        frame = frame.head(MOST_ROWS)
    task, _ = decide_task(frame[series.name])
    y = encode_target(frame[series.name], task)
    preparation = Preparation.fit(frame, target=series.name, tell=notes.append)
    x = preparation.transform(frame).astype(np.float64)
    names = preparation.feature_names
    notes.append("numbers are scaled, and each category is an input of its own")
    if task == "classification":
        return _of_classes(x, y, names, sentences(notes))
    center, spread = float(np.mean(y)), float(np.std(y)) or 1.0
    notes.append(f"the target is (value - {center:.4g}) / {spread:.4g}")
    return OwnRows(x, (y - center) / spread, "numbers", names, (), sentences(notes))


@lru_cache(maxsize=len(BUILT_IN))
def built_in_rows(name: str) -> OwnRows:
    """Return a set of `BUILT_IN` as rows."""
    from chainrule.app.tables import TARGET, built_in_table

    return of_table(built_in_table(name), TARGET, name)


def of_text(text: str, target: str | None = None) -> OwnRows:
    """Return separated values as rows; the last column is the target if none is named."""
    from chainrule.app.tables import read_table

    if not text.strip():
        raise InputError("the table must have a line of names and some rows; got an empty text.")
    name = "the pasted table"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "pasted.csv"
        place.write_text(text, encoding="utf-8")
        try:
            frame = read_table(str(place))
        except InputError as error:
            raise InputError(str(error).replace(str(place), name)) from None
    return of_table(frame, target or frame.columns[-1], name)


def with_point(rows: OwnRows, place: list[float], target: float) -> OwnRows:
    """Return the rows with one more; a target of classes is the number of one, or the next."""
    if len(rows.x) >= MOST_ROWS:
        raise InputError(f"the data must have at most {MOST_ROWS:,} rows; one more is too many.")
    x, y = np.vstack([rows.x, [place]]), np.append(rows.y, target)
    if rows.kind == "numbers":
        return replace(rows, x=x, y=y)
    found = _of_classes(x, y.astype(np.intp), rows.input_names, rows.notes)
    known = (*rows.classes, f"class {len(rows.classes)}")
    return replace(found, classes=known[: len(found.classes)])


def moved_point(rows: OwnRows, row: int, place: list[float], target: float) -> OwnRows:
    """Return the rows with one in another place; a number as its target moves with it."""
    x, y = rows.x.copy(), rows.y.copy()
    x[row] = place
    if rows.kind == "numbers":
        y[row] = target
    return replace(rows, x=x, y=y)


def without_point(rows: OwnRows, row: int) -> OwnRows:
    """Return the rows without one."""
    x, y = np.delete(rows.x, row, axis=0), np.delete(rows.y, row)
    if not len(x):
        raise InputError("the data must have at least one row; this is the last one.")
    if rows.kind != "numbers" and len(np.unique(y)) < len(rows.classes):
        raise InputError("each class must have at least one row; this is the last of its class.")
    return replace(rows, x=x, y=y)


def of_explanation(explanation: Explanation) -> OwnRows:
    """Return a trained model's rows with it."""
    subject = explanation.subject
    loss = subject.objective.loss
    y = np.asarray(subject.rows.y)
    classes = tuple(map(str, subject.encoding.classes or ()))
    kind: Kind = "numbers"
    if loss.link.range == (0.0, 1.0):
        kind = "classes" if loss.rowwise else "two classes"
    inputs = subject.rows.x
    x = np.asarray(inputs.toarray() if hasattr(inputs, "toarray") else inputs)
    return OwnRows(x, y, kind, subject.input_names, classes, subject.notes, explanation)


def sentences(notes: Iterable[str]) -> tuple[str, ...]:
    """Return notes as sentences."""
    return tuple(f"{one[0].upper()}{one[1:].rstrip('.')}." for one in notes)
