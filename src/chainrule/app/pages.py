"""The report of a fit: its network from all sides, and what the columns of the table are worth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from chainrule.app.problem import Part
from chainrule.app.table_models import TableModel
from chainrule.tables.questions.table_report import sections_of_table

__all__ = ["write_page"]


def write_page(
    path: Path, model: TableModel, trained: Part, tested: Part, facts: dict[str, Any]
) -> None:
    """Write the report of a fit; its quality, and what is asked of columns, is of the test rows."""
    estimator = model.estimator
    rows = tested.frame, tested.y, tested.weight
    if len(estimator.members_) > 1:
        estimator.report(*rows).save(path)
        return
    explanation = estimator.explain(trained.frame, trained.y, trained.weight, held_out=rows)
    record = replace(explanation.subject.training, **facts)
    subject = replace(explanation.subject, training=record)
    found = replace(explanation, subject=subject).report()
    more = sections_of_table(estimator, *rows)
    type(found)(found.title, found.summary, (*found.sections, *more)).save(path)
