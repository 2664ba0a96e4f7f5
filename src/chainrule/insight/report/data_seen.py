"""Section 2: the rows, the scale of their inputs, and the frequency of each class."""

from typing import Any

import numpy as np

from chainrule.foundation.short_numbers import share, short
from chainrule.insight.input_scales import look_at_columns, scale_words
from chainrule.insight.report.figures import Bars
from chainrule.insight.report.items import Advice, Sentence, Table
from chainrule.insight.report.material import Material
from chainrule.insight.report.sections import Item, Section

__all__ = ["data_seen"]

FEATURES_SHOWN, CLASSES_SHOWN = 16, 20
# A class with less than this share of an equal share of the rows is rare.
RARE_CLASS = 0.2


def data_seen(material: Material) -> Section:
    """Return the number of rows, the scale of their inputs, and the frequency of each class."""
    rows = material.subject.rows
    columns = look_at_columns(rows)
    held_out = 0 if material.held_out is None else len(material.held_out)
    said = f"{len(rows):,} rows of {len(material.input_names):,} inputs"
    if len(material.columns) != len(material.input_names):
        said += f", made of {len(material.columns):,} columns"
    said += f"; {held_out:,} more rows were held out." if held_out else "."
    items: list[Item] = [Sentence(said)]
    if columns.rows < len(rows):
        items.append(Sentence(f"{len(rows) - columns.rows:,} rows have weight 0 and are left out."))
    found = scale_words(columns, material.input_names)
    for kind, words in found:
        items.append(Sentence(f"{kind.capitalize()}: {words}.", "warning"))
    if not found:
        items.append(Sentence("The inputs have comparable scales, and none is constant.", "good"))
    shown = _shown(columns.typical)
    cells = [
        (
            material.input_names[column],
            short(float(columns.lowest[column])),
            short(float(columns.highest[column])),
            short(float(columns.typical[column])),
            share(float(columns.filled[column])),
        )
        for column in shown
    ]
    rest = len(columns.typical) - len(shown)
    which = f" (the {len(shown)} largest and smallest; {rest:,} more between)" if rest else ""
    head = ("input", "lowest", "highest", "typical size", "nonzero")
    caption = f"Inputs as the network sees them{which}; typical size is the root mean square"
    items.append(Table(caption, head, cells))
    balance = _balance(material)
    items += balance[0]
    advice = [_scale_advice(kind, words) for kind, words in found]
    record = {
        "rows": len(rows),
        "held_out": held_out,
        "inputs": [
            {"name": name, "lowest": low, "highest": high, "typical": size, "filled": filled}
            for name, low, high, size, filled in zip(
                material.input_names,
                columns.lowest,
                columns.highest,
                columns.typical,
                columns.filled,
                strict=True,
            )
        ],
        "findings": [{"kind": kind, "words": words} for kind, words in found],
        "targets": balance[1],
    }
    return Section("data", "Training data", items, record, tuple(advice))


def _shown(typical: np.ndarray) -> list[int]:
    if len(typical) <= FEATURES_SHOWN:
        return list(range(len(typical)))
    order = np.argsort(-typical, kind="stable")
    half = FEATURES_SHOWN // 2
    return [*order[:half].tolist(), *order[-half:].tolist()]


def _scale_advice(kind: str, words: str) -> Advice:
    if kind == "scales":
        return Advice(
            "Standardise the inputs before training, for example with scikit-learn's "
            "StandardScaler in a pipeline: one learning rate cannot suit both scales.",
            words,
            2,
            9.0,
        )
    if kind == "offset":
        return Advice(
            "Center the inputs before training, for example with scikit-learn's StandardScaler in "
            "a pipeline: a column so far from 0 acts as a second bias.",
            words,
            2,
            9.0,
        )
    return Advice("Drop the constant inputs.", words, 2, 2.0)


def _balance(material: Material) -> tuple[list[Item], list[dict[str, Any]]]:
    """Return the frequency of each class or label, or the spread of the targets."""
    rows = material.subject.rows
    y = np.asarray(rows.y, dtype=np.float64)
    weight = np.ones(len(y)) if rows.weight is None else np.asarray(rows.weight, np.float64)
    if material.task == "numbers":
        return _spread(material, y[weight > 0.0])
    if material.task == "classes" and y.shape[1] == 1:
        y = np.concatenate([1.0 - y, y], axis=1)
    shares = (weight @ y) / float(np.sum(weight))
    record = [
        {"name": name, "share": float(fraction)}
        for name, fraction in zip(material.classes, shares, strict=True)
    ]
    order = np.argsort(-shares, kind="stable")
    shown = order[:CLASSES_SHOWN] if len(order) > CLASSES_SHOWN else np.arange(len(order))
    what = "class" if material.task == "classes" else "label"
    few, many = material.classes[order[-1]], material.classes[order[0]]
    said = (
        f"The most frequent {what} is {many} ({share(shares[order[0]])} of the rows), the rarest "
        f"{few} ({share(shares[order[-1]])})."
    )
    rest = len(shares) - len(shown)
    chart = Bars(
        f"Frequency of each {what}" + (f" (the {len(shown)} most frequent)" if rest else ""),
        said,
        what,
        "share of the rows",
        [material.classes[k] for k in shown],
        [float(shares[k]) for k in shown],
        [share(float(shares[k])) for k in shown],
    )
    items: list[Item] = [chart]
    if material.task == "classes" and shares[order[-1]] * len(shares) < RARE_CLASS:
        items.append(
            Sentence(
                f"Rare: {said} Accuracy says little about a rare class; see its recall in "
                "section 8.",
                "warning",
            )
        )
    return items, record


def _spread(material: Material, y: np.ndarray) -> tuple[list[Item], list[dict[str, Any]]]:
    encoding = material.subject.encoding
    y = encoding.center + encoding.spread * y
    cells, record = [], []
    for name, column in zip(material.targets, y.T, strict=True):
        low, middle, high = (float(one) for one in np.percentile(column, (5, 50, 95)))
        numbers = (float(column.min()), low, middle, high, float(column.max()))
        cells.append((name, *(short(one, 4) for one in numbers)))
        keys = ("lowest", "5 %", "median", "95 %", "highest")
        record.append({"name": name, **dict(zip(keys, numbers, strict=True))})
    head = ("target", "lowest", "5 %", "median", "95 %", "highest")
    return [Table("Targets: range and percentiles", head, cells)], record
