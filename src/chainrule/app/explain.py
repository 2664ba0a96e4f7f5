"""Print the columns that made an answer, and the chain rule of a model's weights."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from chainrule.app.conditions import rows_where
from chainrule.app.places import check_outputs
from chainrule.app.predict import known_targets
from chainrule.app.reading import AS_FOUND, Reading
from chainrule.app.report import Report
from chainrule.app.row_weights import known_weights, weight_name
from chainrule.app.table_models import TableModel, read_table_model
from chainrule.app.tables import read_table
from chainrule.foundation.errors import InputError, must_be, suggest
from chainrule.foundation.wording import counted
from chainrule.insight.explanation import Explanation
from chainrule.insight.json_values import as_record
from chainrule.tables.questions.table_report import sections_of_table

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
    against: int | None = None,
    label: str | None = None,
    network: int | None = None,
    as_json: bool = False,
) -> None:
    """Print which columns made the answer for one row, or the chain rule of weights.

    With ``row`` alone, what each column adds to the answer; with ``weight``, the chain rule of one
    weight; with neither, the gradient check and the weights that pull hardest. With ``page``, write
    the report there instead; with ``rows``, a condition, of the rows for which it holds. Rows count
    as at training, where the table has the column of their weights.

    Raises
    ------
    InputError
        If the table lacks the target, the weight or the row is not there, or the page cannot be
        written.
    """
    place = None if weight is None else read_place(weight)
    columns = row is not None and weight is None and page is None
    _check_flags(columns, page, weight, against, label, network, as_json)
    if page is not None:
        check_outputs({"--report": page}, [model_path, data], force=force)
    model = read_table_model(model_path)
    members = len(model.estimator.members_)
    if network is not None and not 1 <= network <= members:
        raise must_be("--network", f"from 1 to {members}", network)
    frame = read_table(data, reading=reading, texts=model.texts, tell=report.note)
    frame = rows_where(frame, rows, report.note)
    if row is not None and not 1 <= row <= frame.height:
        raise must_be("--row", f"from 1 to {frame.height}", row)
    if columns:
        assert row is not None
        _columns(model, frame, row, against, label, report, as_json)
        return
    known = _known(model, frame, data, row, report)
    sample = None if row is None else int(np.count_nonzero(known.which[:row]))
    if page is not None:
        _page(model, known, sample, network, page)
        report.line(f"report {page}")
        return
    explanation = _of_network(model, known, network)
    report.line(f"{model_path} on {counted(len(known.y), 'row')} of {data}{known.by}\n")
    check = explanation.check(20)
    report.line(f"gradient check: {check.summary}\n")
    if place is not None:
        chains = [explanation.weight(*place, sample=sample)]
    else:
        chains = explanation.largest(3)
        report.line("the three weights that pull hardest\n")
    for chain in chains:
        report.line(f"{chain}\n")


def _check_flags(
    columns: bool,
    page: Path | None,
    weight: str | None,
    against: int | None,
    label: str | None,
    network: int | None,
    as_json: bool,
) -> None:
    """Refuse flags that have no effect together."""
    if page is not None and weight is not None:
        raise must_be("--weight", "left out with --report, which chooses its own", weight)
    of_columns = {"--against": against, "--class": label, "--json": as_json or None}
    for name, value in of_columns.items():
        if value is not None and not columns:
            rule = "given with --row, and without --weight and --report"
            raise must_be(name, rule, "flag" if value is True else value)
    if columns and network is not None:
        advice = "What each column adds goes through all networks."
        raise must_be("--network", "left out with --row alone", network, advice)


def _columns(
    model: TableModel,
    frame: pl.DataFrame,
    row: int,
    against: int | None,
    label: str | None,
    report: Report,
    as_json: bool,
) -> None:
    """Print what each column adds to the answer for one row."""
    if against is not None and not 1 <= against <= frame.height:
        raise must_be("--against", f"a row, from 1 to {frame.height}", against)
    chosen: Any = None
    if label is not None:
        if not model.classes:
            raise InputError("--class must be left out for a regression, which has no classes.")
        by_text = {str(one): one for one in model.estimator.classes_.tolist()}
        if label not in by_text:
            raise must_be("--class", "a class of the model", label, suggest(label, list(by_text)))
        chosen = by_text[label]
    found = model.estimator.why(frame, row, label=chosen, baseline=against)
    if as_json:
        print(json.dumps(as_record(found.section().record), ensure_ascii=False, default=str))
    else:
        report.line(str(found))


@dataclass(frozen=True)
class Known:
    """The rows whose target the model knows."""

    frame: pl.DataFrame
    y: np.ndarray
    which: np.ndarray
    weight: np.ndarray | None
    by: str


def _known(
    model: TableModel, frame: pl.DataFrame, data: str, row: int | None, report: Report
) -> Known:
    name = model.target
    if name is None or name not in frame.columns:
        wanted = "the target" if name is None else f"the target {name!r}"
        raise InputError(
            f"the table must hold {wanted} to explain a loss; it has: "
            f"{', '.join(frame.columns)}. Ask for --row alone to see what each column adds."
        )
    y, known = known_targets(model, frame[name])
    if row is not None and not known[row - 1]:
        raise must_be("--row", "a row with a target known at training", row)
    if not known.any():
        raise InputError(f"the table must hold a known {name!r} in some row; it has none.")
    counts = weight_name(model.training)
    weight = known_weights(frame, counts, name, known, report.note)
    by = "" if weight is None else f", by the weights of {counts!r}"
    return Known(frame.filter(known), y, known, weight, by)


def _of_network(model: TableModel, known: Known, network: int | None) -> Explanation:
    return model.estimator.explain(known.frame, known.y, known.weight, member=network or 1)


def _page(
    model: TableModel, known: Known, sample: int | None, network: int | None, page: Path
) -> None:
    """Write the report of one network, and what its columns are worth."""
    explanation = _with_training(_of_network(model, known, network), model)
    found = explanation.report(row=sample)
    more = sections_of_table(model.estimator, known.frame, known.y, known.weight, row=sample)
    type(found)(found.title, found.summary, (*found.sections, *more)).save(page)


def _with_training(explanation: Explanation, model: TableModel) -> Explanation:
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
