"""The confusion matrix, and the recall and precision of each class or label."""

from typing import Any

import numpy as np

from chainrule.foundation.short_numbers import share, short
from chainrule.insight.report.items import Advice, Sentence, Table
from chainrule.insight.report.material import Material, Predictions
from chainrule.insight.report.sections import Item

__all__ = ["Found", "confusion"]

Found = tuple[list[Item], str, Any, list[Advice]]

MOST_CLASSES = 16
PAIRS_SHOWN = 10
# A class found in less than this share of its rows is often missed.
RECALL = 0.5
# A pair of classes that holds this share of all errors.
PAIR_SHARE = 0.25
# Rows of a class, and errors, from which on their shares say something.
FEWEST_ROWS, FEWEST_ERRORS = 10, 10


def confusion(material: Material) -> Found:
    """Return counts of truth against prediction, and precision and recall."""
    found = material.predictions
    if material.task == "labels":
        return _of_labels(material, found)
    p = _both(found.p)
    said, true = np.argmax(p, axis=1), np.argmax(_both(found.y), axis=1)
    k = p.shape[1]
    counts = np.zeros((k, k))
    np.add.at(counts, (true, said), 1.0)
    recall = _ratio(np.diag(counts), counts.sum(axis=1))
    precision = _ratio(np.diag(counts), counts.sum(axis=0))
    names = material.classes
    items: list[Item] = []
    if k <= MOST_CLASSES:
        shades = _ratio(counts, counts.sum(axis=1, keepdims=True))
        cells = [(names[t], *(f"{int(n):,}" for n in counts[t])) for t in range(k)]
        caption = "Confusion matrix: truth down, prediction across; the diagonal is correct"
        head = ("truth", *names)
        items.append(Table(caption, head, cells, (), np.nan_to_num(shades).tolist()))
    items.append(_per_class(names, counts, precision, recall))
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong.ravel(), kind="stable")[:PAIRS_SHOWN]
    pairs = [(int(one) // k, int(one) % k) for one in order if wrong.ravel()[one] > 0]
    if k > 2 and pairs:
        cells = [
            (
                f"{names[t]} → {names[s]}",
                f"{int(wrong[t, s]):,}",
                share(wrong[t, s] / counts[t].sum()),
            )
            for t, s in pairs
        ]
        head = ("truth → prediction", "rows", "of this class")
        items.append(Table("The most frequent confusions", head, cells))
    record = {"classes": names, "counts": counts, "precision": precision, "recall": recall}
    return items, "confusion", record, _advice(names, counts, recall, wrong)


def _both(p: np.ndarray) -> np.ndarray:
    return np.concatenate([1.0 - p, p], axis=1) if p.shape[1] == 1 else p


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    out = np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan)
    shares: np.ndarray = np.divide(part, whole, out=out, where=whole > 0)
    return shares


def _per_class(
    names: tuple[str, ...], counts: np.ndarray, precision: np.ndarray, recall: np.ndarray
) -> Table:
    order = np.arange(len(names))
    which = ""
    if len(names) > MOST_CLASSES:
        order = np.argsort(np.nan_to_num(recall, nan=2.0), kind="stable")[:MOST_CLASSES]
        which = f" (the {MOST_CLASSES} with the lowest recall of {len(names)})"
    cells = [
        (names[k], f"{int(counts[k].sum()):,}", _share(recall[k]), _share(precision[k]))
        for k in order
    ]
    caption = (
        f"Each class{which}: recall is the share of its rows that is found, precision the share of "
        "its predictions that is correct"
    )
    return Table(caption, ("class", "rows", "recall", "precision"), cells)


def _share(value: float) -> str:
    return "-" if np.isnan(value) else share(float(value))


def _advice(
    names: tuple[str, ...], counts: np.ndarray, recall: np.ndarray, wrong: np.ndarray
) -> list[Advice]:
    advice = []
    rows = counts.sum(axis=1)
    if np.any(rows > 0):
        missed = int(np.nanargmin(recall))
        if recall[missed] < RECALL and rows[missed] >= FEWEST_ROWS:
            because = (
                f"only {share(float(recall[missed]))} of the {int(rows[missed]):,} rows of "
                f"{names[missed]} are found, less than {share(RECALL)}"
            )
            do = (
                f"If {names[missed]} matters, give its rows more weight (sample_weight in fit) or "
                "lower its decision threshold."
            )
            advice.append(Advice(do, because, 8, 4.5))
    errors = float(wrong.sum())
    if len(names) > 2 and errors >= FEWEST_ERRORS:
        either = wrong + wrong.T
        t, s = np.unravel_index(int(np.argmax(np.triu(either))), either.shape)
        fraction = float(either[t, s]) / errors
        if fraction > PAIR_SHARE:
            because = (
                f"{int(either[t, s]):,} of {int(errors):,} errors ({share(fraction)}) mistake "
                f"{names[t]} and {names[s]} for each other, more than {share(PAIR_SHARE)}"
            )
            do = f"Look for inputs that tell {names[t]} from {names[s]}, and check their labels."
            advice.append(Advice(do, because, 8, 3.8))
    return advice


def _of_labels(material: Material, found: Predictions) -> Found:
    said, true = found.p > 0.5, found.y > 0.5
    both = np.sum(said & true, axis=0)
    recall, precision = _ratio(both, true.sum(axis=0)), _ratio(both, said.sum(axis=0))
    order = np.argsort(np.nan_to_num(recall, nan=2.0), kind="stable")[:MOST_CLASSES]
    rest = len(recall) - len(order)
    which = f" (the {len(order)} with the lowest recall; {rest} more)" if rest else ""
    cells = [
        (
            material.classes[k],
            f"{int(true[:, k].sum()):,}",
            f"{int(said[:, k].sum()):,}",
            _share(recall[k]),
            _share(precision[k]),
        )
        for k in (sorted(order) if not rest else order)
    ]
    head = ("label", "rows with it", "predicted", "recall", "precision")
    caption = (
        f"Each label{which}: recall is the share of its rows that is found, precision the share of "
        "its predictions that is correct"
    )
    items: list[Item] = [Table(caption, head, cells)]
    usual = int(np.median(true.sum(axis=1)))
    items.append(Sentence(f"A row has {short(float(true.sum(axis=1).mean()))} labels on average, "
                           f"{usual} in the median."))  # fmt: skip
    record = {"labels": material.classes, "precision": precision, "recall": recall}
    return items, "confusion", record, []
