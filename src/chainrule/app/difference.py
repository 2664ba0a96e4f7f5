"""The difference of two model files: options, data, results, and the distance of their weights."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.app.model_description import Shown, read_shown, record_of
from chainrule.app.report import Report, written
from chainrule.foundation.errors import shown
from chainrule.insight.json_values import as_record

__all__ = ["diff", "difference"]

MODEL = ("model", "networks", "epochs", "stopped", "loss", "engine", "seed", "encoding", "version")
DATA = ("data", "source", "target", "task", "rows")


def diff(one: str, other: str, report: Report, as_json: bool = False) -> None:
    """Print in what two model files differ."""
    found = difference(read_shown(one), read_shown(other))
    if as_json:
        print(json.dumps(as_record({"a": one, "b": other, **found}), ensure_ascii=False))
        return
    report.line(f"a: {one}\nb: {other}\n")
    for part in ("model", "options", "data", "columns"):
        report.line(part, style="bold")
        rows = [(name, shown(a), shown(b)) for name, (a, b) in found[part].items()]
        if rows:
            report.table(("", "a", "b"), rows, numbers=False)
        else:
            report.line("  the same")
        report.line()
    report.line("results", style="bold")
    results = [(name, *map(_number, pair)) for name, pair in found["results"].items()]
    if results:
        report.table(("", "a", "b"), results, numbers=True)
    else:
        report.line("  none are recorded")
    report.line()
    report.line("weights", style="bold")
    report.line(f"  {_words(found['weights'])}")


def difference(one: Shown, other: Shown) -> dict[str, Any]:
    """Return the difference as a record; a part that is the same is an empty mapping.

    The distance of weights is :math:`\\lVert a - b \\rVert`, and relative to
    :math:`\\lVert a \\rVert`.
    """
    a, b = record_of(one), record_of(other)
    return {
        "model": _changed({name: a[name] for name in MODEL}, {name: b[name] for name in MODEL}),
        "options": _changed(a["options"], b["options"]),
        "data": _changed(*({name: two.get(name) for name in DATA} for two in _notes(one, other))),
        "columns": _changed(_columns(a), _columns(b)),
        "results": _results(one, other),
        "weights": _weights(one, other),
    }


def _changed(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, list[Any]]:
    names = dict.fromkeys([*one, *other])
    pairs = {name: [one.get(name), other.get(name)] for name in names}
    return {name: pair for name, pair in pairs.items() if repr(pair[0]) != repr(pair[1])}


def _notes(one: Shown, other: Shown) -> tuple[dict[str, Any], dict[str, Any]]:
    return one.training, other.training


def _columns(record: Mapping[str, Any]) -> dict[str, str]:
    return {name: f"{kind}, {done}" for name, kind, done in record["columns"] or ()}


def _results(one: Shown, other: Shown) -> dict[str, list[float | None]]:
    """Return each result that either file records."""
    found: list[dict[str, float]] = []
    for model in (one, other):
        own = {
            str(score["name"]): float(score["value"])
            for score in model.training.get("results", [])
            if isinstance(score, dict) and {"name", "value"} <= set(score)
        }
        score = getattr(model.estimator, "oof_score_", math.nan)
        if math.isfinite(score):
            own["on rows out of fold"] = float(score)
        own["training loss"] = float(np.mean([one.train_loss_ for one in model.networks]))
        found.append(own)
    names = dict.fromkeys([*found[0], *found[1]])
    return {name: [found[0].get(name), found[1].get(name)] for name in names}


def _weights(one: Shown, other: Shown) -> dict[str, Any]:
    a, b = ([np.asarray(net.parameters_.vector) for net in two.networks] for two in (one, other))
    layers = [[net.network_.layout.shapes for net in two.networks] for two in (one, other)]
    if layers[0] != layers[1]:
        return {"comparable": False}
    whole = [np.concatenate(vectors).astype(np.float64) for vectors in (a, b)]
    apart, size = whole[1] - whole[0], float(np.linalg.norm(whole[0]))
    distance = float(np.linalg.norm(apart))
    return {
        "comparable": True,
        "parameters": apart.size,
        "equal": int(np.count_nonzero(apart == 0.0)),
        "distance": distance,
        "relative": distance / size if size else None,
        "largest": float(np.abs(apart).max(initial=0.0)),
    }


def _number(value: float | None) -> str:
    return "" if value is None else written(value)


def _words(weights: Mapping[str, Any]) -> str:
    if not weights["comparable"]:
        return "of other layers: they cannot be compared one by one"
    count = weights["parameters"]
    if weights["equal"] == count:
        return f"all {count:,} are equal"
    relative = weights["relative"]
    share = "" if relative is None else f", {100 * relative:.3g} % of the length of those of a"
    return (
        f"{count - weights['equal']:,} of {count:,} differ; distance {weights['distance']:.4g}"
        f"{share}; largest difference {weights['largest']:.4g}"
    )
