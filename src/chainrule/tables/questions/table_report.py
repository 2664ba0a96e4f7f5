"""The answers to all questions about a model of a table, as one page."""

from __future__ import annotations

from typing import Any

from chainrule.foundation.short_numbers import short
from chainrule.insight.report.document import Report
from chainrule.insight.report.items import Facts, Sentence, Table
from chainrule.insight.report.sections import Item, Section
from chainrule.tables.questions.asked import Asked, ask
from chainrule.tables.questions.calibration_curve import calibration
from chainrule.tables.questions.effect import Effect, effect
from chainrule.tables.questions.errors import error_name, mean_error
from chainrule.tables.questions.importance import importance
from chainrule.tables.questions.threshold import threshold
from chainrule.tables.questions.why import why
from chainrule.tables.questions.worst import worst

__all__ = ["TableReport", "sections_of_table", "table_report"]

# Columns whose effects are shown, the most important ones.
EFFECTS = 3


class TableReport(Report):
    """A report on a model of a table: its columns, their effects, and its errors."""


def table_report(
    model: Any, X: Any, y: Any, sample_weight: Any = None, *, row: int | None = None, seed: int = 0
) -> TableReport:
    """Return the answers to all questions as one page.

    Parameters
    ----------
    model : TabularClassifier or TabularRegressor
        Fitted.
    X, y, sample_weight
        The table of training, of which each row is answered by networks that have not seen it, or
        other rows.
    row : int, optional
        The row (from 1) whose answer is explained; None is the one predicted worst.
    seed : int
        Seed of all draws.
    """
    asked = ask(model, X, y, sample_weight)
    rest = sections_of_table(model, X, y, sample_weight, row=row, seed=seed)
    sections = (_card(model, asked), *rest)
    firsts = [section.items[0] for section in sections[:3]]
    summary = tuple(one for one in firsts if isinstance(one, Sentence))
    return TableReport(f"{type(model).__name__} on {len(asked):,} rows", summary, sections)


def sections_of_table(
    model: Any, X: Any, y: Any, sample_weight: Any = None, *, row: int | None = None, seed: int = 0
) -> list[Section]:
    """Return the answers to all questions as sections of a report."""
    columns = importance(model, X, y, sample_weight, seed=seed)
    effects = [effect(model, X, name, seed=seed) for name in columns.columns[:EFFECTS]]
    wrong = worst(model, X, y, sample_weight)
    explained = why(model, X, int(wrong.rows[0]) if row is None else row)
    sections = [columns.section(), _effects(effects)]
    if hasattr(model, "classes_"):
        sections.append(calibration(model, X, y, sample_weight).section())
        if len(model.classes_) == 2:
            decision = threshold(model, X, y, sample_weight, metric="balanced_accuracy")
            sections.append(decision.section())
    return [*sections, wrong.section(), explained.section()]


def _effects(effects: list[Effect]) -> Section:
    items: list[Item] = [item for one in effects for item in one.items()]
    record = {"columns": [one.section().record for one in effects]}
    return Section("effects", "How they count", items, record)


def _card(model: Any, asked: Asked) -> Section:
    assert asked.y is not None
    error, name = mean_error(asked.answers, asked.y, asked.weight), error_name(model)
    said = f"{name} {short(error, 4)} on {asked.where}."
    said = f"{said[0].upper()}{said[1:]}"
    networks = [str(one.estimator.network_.layout.arrows) for one in model.members_]
    facts = [
        (
            "networks",
            ", ".join(f"{networks.count(one)} x {one}" for one in dict.fromkeys(networks)),
        ),
        ("encoding of numbers", f"{model.encoding_}: {model.encoding_reason_}"),
        ("seed", str(model.seed_)),
    ]
    if model.loss_reason_:
        facts.insert(2, ("loss", model.loss_reason_))
    if hasattr(model, "classes_"):
        facts.append(("classes", ", ".join(map(str, model.classes_.tolist()[:12]))))
        facts.append(("temperature", short(model.temperature_)))
    table = Table(
        "What is done to each column",
        ("column", "kind", "prepared as"),
        [tuple(map(str, line)) for line in model.describe()],
        ("kind", "prepared as"),
        folded=True,
    )
    record = {"error": error, "error_name": name, "rows": len(asked), "networks": networks}
    return Section("model", "The model", [Sentence(said), Facts(facts), table], record)
