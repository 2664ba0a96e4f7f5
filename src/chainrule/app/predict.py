"""From a model file and a table to predictions, and to a result where the target is known."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from chainrule.app.conditions import rows_where
from chainrule.app.large_files import large_table
from chainrule.app.places import check_outputs
from chainrule.app.reading import AS_FOUND, Reading
from chainrule.app.report import Report
from chainrule.app.results import Baseline, Score, scores_of
from chainrule.app.row_weights import known_weights, weight_name
from chainrule.app.streamed_predict import Judged, predict_streamed
from chainrule.app.table_models import TableModel, read_table_model
from chainrule.app.tables import read_table, write_table, writer_of
from chainrule.app.wanted import Wanted
from chainrule.foundation.errors import FileFormatError, InputError, must_be, suggest
from chainrule.foundation.wording import counted
from chainrule.interop.cells import Tell, numbers_of, text_of
from chainrule.tables.classifier import TabularClassifier

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
    interval: float | None = None,
    quantiles: Sequence[float] = (),
    threshold: float | None = None,
    as_json: bool = False,
    memory: str | None = None,
) -> None:
    """Predict every row of a table, and write the predictions to a file or to stdout.

    With ``rows``, a condition, only the rows for which it holds. A file that takes more than the
    ``memory`` is read in blocks.

    Raises
    ------
    InputError
        Before anything is written.
    """
    if out is not None:
        writer_of(out)
        check_outputs({"--out": out}, [model_path, data], force=force)
    if as_json and out is not None:
        advice = "The ending of the file says the format: name it p.jsonl."
        raise must_be("--json", "left out with --out", str(out), advice)
    if Path(data).suffix == ".chainrule" != Path(model_path).suffix:
        raise InputError(
            f"the model comes first, then the data: chainrule predict {data} {model_path}."
        )
    model = read_table_model(model_path)
    wanted = Wanted(proba, threshold, interval, tuple(quantiles))
    wanted.check(model)
    large = None if rows is not None else large_table(data, memory)
    if large is not None:
        judged = predict_streamed(
            model,
            large,
            wanted,
            out=out,
            reading=reading,
            keep=keep,
            strict=strict,
            as_json=as_json,
            report=report,
        )
        if judged is not None:
            _tell_result(model, judged, threshold, report)
        return
    frame = read_table(data, reading=reading, texts=model.texts, tell=report.note)
    frame = rows_where(frame, rows, report.note)
    kept = [named_column(frame, name) for name in keep]
    surprises: list[str] = []
    answers = model.answers(frame, surprises.append, keep)
    if strict and surprises:
        raise InputError(
            f"the table must be like that of training, as --strict asks; {surprises[0]}"
            + (f", and {len(surprises) - 1} more." if len(surprises) > 1 else ".")
        )
    for surprise in surprises:
        report.note(surprise)
    columns = wanted.columns(model, frame, answers)
    predicted = columns["prediction"]
    predictions = pl.DataFrame([*kept, *pl.DataFrame(columns).get_columns()])
    if out is None:
        sys.stdout.write(predictions.write_ndjson() if as_json else predictions.write_csv())
        sys.stdout.flush()
    else:
        write_table(predictions, out)
        report.line(f"{counted(frame.height, 'prediction')} in {out}")
    if model.target in frame.columns:
        _tell_result(model, Judged(frame, answers, predicted, frame.height), threshold, report)


def _tell_result(
    model: TableModel, judged: Judged, threshold: float | None, report: Report
) -> None:
    """Tell how good the predictions are, where targets are known."""
    frame = judged.frame
    result = _compare(model, judged.answers, judged.predicted, frame, threshold, report.note)
    if result is None:
        return
    if frame.height < judged.rows:
        report.note(f"the result is that of {frame.height:,} of {judged.rows:,} rows, drawn evenly")
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


def known_targets(model: TableModel, target: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the targets known at training, and which rows they are."""
    if isinstance(model.estimator, TabularClassifier):
        classes = model.estimator.classes_
        y = _as_labels(target, classes)
        known: np.ndarray = np.isin(y, classes)
        return y[known].astype(classes.dtype), known
    values = numbers_of(target, lenient=True)
    known = np.isfinite(values)
    return values[known], known


def _compare(
    model: TableModel,
    answers: np.ndarray,
    predicted: np.ndarray,
    frame: pl.DataFrame,
    threshold: float | None,
    tell: Tell,
) -> Result | None:
    """Return how good the predictions are; None where no row has a target known at training."""
    assert model.target is not None
    y, known = known_targets(model, frame[model.target])
    if not known.any() or "baseline" not in model.training:
        return None
    name = weight_name(model.training)
    weight = known_weights(frame, name, model.target, known, tell)
    by = "" if weight is None else f", by the weights of {name!r}"
    classes = getattr(model.estimator, "classes_", None)
    try:
        baseline = Baseline.from_dict(model.training["baseline"])
        scores = scores_of(answers[known], y, baseline, weight, classes)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FileFormatError(
            "the model file holds no whole baseline. Train the model again."
        ) from error
    if threshold is not None:
        right = np.average(predicted[known] == y, weights=weight)
        scores = [replace(scores[0], value=float(right)), *scores[1:]]
    words = f"a known {model.target!r}{by}"
    return Result(words, int(known.sum()), scores, baseline)


def _as_labels(target: pl.Series, classes: np.ndarray) -> np.ndarray:
    """Return the cells in the type of the classes; a cell that does not fit is an unknown label."""
    if classes.dtype.kind in "US":
        return np.array(text_of(target).fill_null("").to_list(), dtype=str)
    return numbers_of(target, lenient=True)
