"""From a model file and a table to predictions, and to a result where the target is known."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from chainrule.app.conditions import rows_where
from chainrule.app.places import check_outputs
from chainrule.app.reading import AS_FOUND, Reading
from chainrule.app.report import Report
from chainrule.app.results import Baseline, Score, scores_of
from chainrule.app.row_weights import known_weights, weight_name
from chainrule.app.tables import read_table, write_table, writer_of
from chainrule.estimators.classifier import MLPClassifier
from chainrule.foundation.errors import FileFormatError, InputError, must_be, suggest
from chainrule.interop.cells import Tell, numbers_of, text_of
from chainrule.interop.columns import counted
from chainrule.interop.model_file import Model, read_model

__all__ = ["known_targets", "predict"]


def predict(
    model_path: str,
    data: str,
    *,
    out: Path | None,
    proba: bool,
    report: Report,
    reading: Reading = AS_FOUND,
    keep: Sequence[str] = (),
    strict: bool = False,
    force: bool = False,
    rows: str | None = None,
) -> None:
    """Predict every row of a table, and write the predictions to a file or to stdout.

    With ``rows``, a condition, only the rows for which it holds.

    Raises
    ------
    InputError
        Before anything is written.
    """
    if out is not None:
        writer_of(out)
        check_outputs({"--out": out}, [model_path, data], force=force)
    model = read_model(model_path)
    estimator, preparation = model.estimator, model.preparation
    if preparation is None:
        raise InputError(
            f"{model_path} must be a model of a table; this one was trained on plain arrays. Use "
            "it from Python: chainrule.load(path).predict(X)."
        )
    if proba and not isinstance(estimator, MLPClassifier):
        raise InputError("--proba must be left out for a regression, which has no classes.")
    frame = read_table(data, reading=reading, texts=preparation.texts, tell=report.note)
    frame = rows_where(frame, rows, report.note)
    kept = [named_column(frame, name) for name in keep]
    surprises: list[str] = []
    X = preparation.transform(frame, tell=surprises.append)
    if strict and surprises:
        raise InputError(
            f"the table must be like that of training, as --strict asks; {surprises[0]}"
            + (f", and {len(surprises) - 1} more." if len(surprises) > 1 else ".")
        )
    for surprise in surprises:
        report.note(surprise)
    columns: dict[str, Any] = {"prediction": estimator.predict(X)}
    if isinstance(estimator, MLPClassifier) and proba:
        p = estimator.predict_proba(X)
        columns |= {f"probability of {c}": p[:, n] for n, c in enumerate(estimator.classes_)}
    predictions = pl.DataFrame([*kept, *pl.DataFrame(columns).get_columns()])
    result = _compare(model, X, frame, report.note) if preparation.target in frame.columns else None
    if out is None:
        sys.stdout.write(predictions.write_csv())
        sys.stdout.flush()
    else:
        write_table(predictions, out)
        report.line(f"{counted(frame.height, 'prediction')} in {out}")
    if result is not None:
        if result.known < frame.height:
            unknown = counted(frame.height - result.known, "row")
            report.note(f"the result leaves out {unknown} without a target known at training")
        report.line(f"\nresult on {counted(result.known, 'row')} with {result.words}:\n")
        report.scores(result.scores, result.baseline.name)


def named_column(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return a column to be kept beside the predictions."""
    if name not in frame.columns:
        raise must_be("--keep", "a column of the table", name, suggest(name, frame.columns))
    return frame[name]


@dataclass(frozen=True)
class Result:
    """The scores on the rows whose target is known."""

    words: str
    known: int
    scores: list[Score]
    baseline: Baseline


def known_targets(model: Model, target: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the targets known at training, and which rows they are."""
    estimator = model.estimator
    if isinstance(estimator, MLPClassifier):
        y = _as_labels(target, estimator.classes_)
        known: np.ndarray = np.isin(y, estimator.classes_)
        return y[known].astype(estimator.classes_.dtype), known
    values = numbers_of(target, lenient=True)
    known = np.isfinite(values)
    return values[known], known


def _compare(model: Model, X: np.ndarray, frame: pl.DataFrame, tell: Tell) -> Result | None:
    """Return how good the predictions are; None where no row has a target known at training."""
    estimator, preparation = model.estimator, model.preparation
    assert preparation is not None
    assert preparation.target is not None
    y, known = known_targets(model, frame[preparation.target])
    if not known.any():
        return None
    name = weight_name(model.training)
    weight = known_weights(frame, name, preparation.target, known, tell)
    by = "" if weight is None else f", by the weights of {name!r}"
    try:
        record = model.training["baseline"]
        baseline = Baseline(str(record["name"]), [float(value) for value in record["values"]])
        scores = scores_of(estimator, X[known], y, baseline, weight)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FileFormatError(
            "the model file holds no whole baseline. Train the model again."
        ) from error
    words = f"a known {preparation.target!r}{by}"
    return Result(words, int(known.sum()), scores, baseline)


def _as_labels(target: pl.Series, classes: np.ndarray) -> np.ndarray:
    """Return the cells in the type of the classes; a cell that does not fit is an unknown label."""
    if classes.dtype.kind in "US":
        return np.array(text_of(target).fill_null("").to_list(), dtype=str)
    return numbers_of(target, lenient=True)
