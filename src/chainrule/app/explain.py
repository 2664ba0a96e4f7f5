"""From a model file and a table to the chain rule of its weights, printed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from chainrule.app.conditions import rows_where
from chainrule.app.places import check_outputs
from chainrule.app.predict import known_targets
from chainrule.app.reading import AS_FOUND, Reading
from chainrule.app.report import Report
from chainrule.app.results import networks_of
from chainrule.app.row_weights import known_weights, weight_name
from chainrule.app.tables import read_table
from chainrule.foundation.errors import InputError, must_be
from chainrule.insight.explanation import Explanation
from chainrule.interop.columns import counted
from chainrule.interop.model_file import Model, read_model

__all__ = ["explain", "read_place"]


def explain(
    model_path: str,
    data: str,
    *,
    row: int | None,
    weight: str | None,
    page: Path | None,
    report: Report,
    reading: Reading = AS_FOUND,
    force: bool = False,
    rows: str | None = None,
) -> None:
    """Print the gradient check, and the chain rule of one weight or of those that pull hardest.

    With ``page``, write the report there instead; with ``rows``, a condition, of the rows for
    which it holds. Rows count as at training, where the table has the column of their weights.

    Raises
    ------
    InputError
        If the table lacks the target, the weight or the row is not there, or the page cannot be
        written.
    """
    place = None if weight is None else read_place(weight)
    if page is not None:
        if weight is not None:
            raise must_be("--weight", "left out with --report, which chooses its own", weight)
        check_outputs({"--report": page}, [model_path, data], force=force)
    model = read_model(model_path)
    if model.preparation is None:
        raise InputError(
            f"{model_path} must be a model of a table; this one was trained on plain arrays. Use "
            "it from Python: chainrule.load(path).explain(X, y)."
        )
    networks = len(networks_of(model.estimator))
    if networks > 1:
        raise InputError(
            f"{model_path} must be a model of one network to be explained; it holds {networks}. "
            "Fit one without --n-estimators, or use Python: "
            "chainrule.load(path).estimators_[0].explain(X, y)."
        )
    frame = read_table(data, reading=reading, texts=model.preparation.texts, tell=report.note)
    frame = rows_where(frame, rows, report.note)
    name = model.preparation.target
    if name is None or name not in frame.columns:
        raise InputError(
            f"the table must hold the target {name!r} to explain a loss; it has: "
            f"{', '.join(frame.columns)}."
        )
    y, known = known_targets(model, frame[name])
    if row is not None and not 1 <= row <= frame.height:
        raise must_be("--row", f"from 1 to {frame.height}", row)
    if row is not None and not known[row - 1]:
        raise must_be("--row", "a row with a target known at training", row)
    if not known.any():
        raise InputError(f"the table must hold a known {name!r} in some row; it has none.")
    X = model.preparation.transform(frame, tell=report.note)[known]
    sample = None if row is None else int(np.count_nonzero(known[:row]))
    counts = weight_name(model.training)
    row_weight = known_weights(frame, counts, name, known, report.note)
    explanation = model.estimator.explain(X, y, row_weight)
    if page is not None:
        _with_training(explanation, model).report(row=sample).save(page)
        report.line(f"report {page}")
        return
    by = "" if row_weight is None else f", by the weights of {counts!r}"
    report.line(f"{model_path} on {counted(len(y), 'row')} of {data}{by}\n")
    check = explanation.check(20)
    report.line(f"gradient check: {check.summary}\n")
    if place is not None:
        chains = [explanation.weight(*place, sample=sample)]
    else:
        largest = explanation.largest(3)
        chains = [chain if sample is None else chain.of_row(sample) for chain in largest]
        report.line("the three weights that pull hardest\n")
    for chain in chains:
        report.line(f"{chain}\n")


def _with_training(explanation: Explanation, model: Model) -> Explanation:
    """Return the explanation with what the model file says of the training."""
    subject, said = explanation.subject, model.training
    record = replace(
        subject.training,
        seconds=said.get("seconds", subject.training.seconds),
        best_epoch=said.get("best_epoch", subject.training.best_epoch),
        stopped_because=said.get("stopped", subject.training.stopped_because),
    )
    return replace(explanation, subject=replace(subject, training=record))


def read_place(text: str) -> tuple[int, int, int]:
    """Return layer, unit and to of ``LAYER:UNIT:TO``, which count from 1.

    Examples
    --------
    >>> read_place("1:3:2")
    (1, 3, 2)
    """
    parts = text.split(":")
    if len(parts) != 3 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise must_be(
            "--weight",
            "LAYER:UNIT:TO, three numbers from 1",
            text,
            "1:3:2 leads from input 3 to unit 2 of layer 1, and prints as w1[3,2].",
        )
    layer, unit, to = (int(part) for part in parts)
    return layer, unit, to
