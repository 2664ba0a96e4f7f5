"""The report of a fit: its first network from all sides, and what the columns are worth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.app.problem import Part
from chainrule.app.table_models import TableModel
from chainrule.tables.questions.table_report import sections_of_table

__all__ = ["write_page"]


def write_page(
    path: Path, model: TableModel, trained: Part, tested: Part, facts: dict[str, Any]
) -> None:
    """Write the report of a fit; its quality, and what is asked of columns, is of the test rows.

    A bag is followed by the sections of its first network, on that network's own training rows.
    """
    estimator = model.estimator
    rows = tested.frame, tested.y, tested.weight
    seen = np.setdiff1d(np.arange(trained.frame.height), estimator.members_[0].held)
    weight = None if trained.weight is None else trained.weight[seen]
    explanation = estimator.explain(trained.frame[seen], trained.y[seen], weight, held_out=rows)
    record = replace(explanation.subject.training, **facts)
    subject = replace(explanation.subject, training=record)
    found = replace(explanation, subject=subject).report()
    if len(estimator.members_) == 1:
        more = sections_of_table(estimator, *rows)
        type(found)(found.title, found.summary, (*found.sections, *more)).save(path)
        return
    whole = estimator.report(*rows)
    of_one = [replace(one, title=f"Network 1: {one.title}") for one in found.sections]
    type(whole)(whole.title, whole.summary, (*whole.sections, *of_one)).save(path)
