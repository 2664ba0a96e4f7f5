"""The chain rule of one weight as the page shows it: symbols, numbers, sources, check, update."""

from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.formulas.plain_text import plain
from chainrule.formulas.records import equations
from chainrule.foundation.arrays import namespace
from chainrule.insight.chain import Chain, chain
from chainrule.insight.notation import mathml, number
from chainrule.insight.place import Place
from chainrule.insight.report.charts import drawing_of
from chainrule.insight.report.figures import Curve, Lines
from chainrule.insight.subject import Subject
from chainrule.insight.trace import contributions
from chainrule.insight.tree import Node

__all__ = ["check_of", "chain_of", "find_node", "lines_of", "panel_of"]

DIGITS = 6
BARS = 12
POINTS = 61
Path = tuple[int, ...]
# In a path, the longer way to the same number.
ALTERNATIVE = -1


def chain_of(subject: Subject, place: Place, row: int | None) -> Chain:
    """Return the chain rule for one row (an index) or all rows; a single row stands for all."""
    return chain(subject, place, 0 if len(subject.rows) == 1 else row)


def panel_of(found: Chain, opened: Collection[Path], rows: np.ndarray) -> dict[str, Any]:
    """Return everything that the panel shows, but what takes long: see `check_of`.

    Parameters
    ----------
    found : Chain
        The chain rule.
    opened : collection of tuple of int
        The nodes whose parts are shown, as paths of numbers of parts.
    rows : ndarray of int
        The numbers, among the rows to train on, of the rows of the subject.
    """
    place, symbol = found.place, found.parameter.symbol
    update = found.update
    return {
        "name": symbol.text,
        "symbol": symbol_of(symbol.latex),
        "layer": place.layer,
        "unit": place.unit,
        "to": place.to,
        "value": found.weight,
        "tree": _node(found.tree, (), {(), *opened}),
        "penalty": found.penalty,
        "gradient": found.gradient,
        "rows": _rows(found, rows),
        "update": {
            "rule": lines_of(update.latex),
            "words": update.words(symbol.text, DIGITS),
            "before": update.before,
            "after": update.after,
            "learning_rate": update.learning_rate * update.rate_factor,
            "gradient": update.gradient,
            "memory": {name: list(pair) for name, pair in update.memory.items()},
        },
    }


@lru_cache(maxsize=4096)
def symbol_of(latex: str, display: str = "inline") -> str:
    """Return LaTeX as MathML within a line."""
    return mathml(latex).replace('display="block"', f'display="{display}"')


def lines_of(latex: str) -> str:
    """Return the equations of LaTeX as MathML, one in a line."""
    return "".join(f"<div>{symbol_of(one)}</div>" for one in equations(latex))


def _node(node: Node, path: Path, opened: Collection[Path]) -> dict[str, Any]:
    longer = node.alternative
    record: dict[str, Any] = {
        "path": list(path),
        "text": node.name.text,
        "symbol": "" if node.nameless else symbol_of(node.name.latex),
        "value": node.value,
        "shown": number(node.value, DIGITS),
        "operation": node.operation,
        "origin": node.origin,
        "opens": node.operation != "number" or longer is not None,
    }
    if node.formula:
        record["formula"] = symbol_of(node.formula)
        record["formula_text"] = plain(node.formula)
        record["inputs"] = [
            {"name": name, "value": value, "shown": number(value, DIGITS)}
            for name, value in node.inputs
        ]
    # a nameless term of a sum is shown with its factors
    if path in opened or node.nameless:
        record["parts"] = [_node(one, (*path, k), opened) for k, one in enumerate(node.parts)]
        if node.rest is not None:
            rest = node.rest
            words = f"{rest.count:,} more" if rest.count else "rounding"
            record["rest"] = {
                "words": words,
                "value": rest.value,
                "shown": number(rest.value, DIGITS),
            }
        if longer is not None:
            record["longer"] = _node(longer, (*path, ALTERNATIVE), {*opened, (*path, ALTERNATIVE)})
    return record


def find_node(tree: Node, path: Path) -> Node | None:
    """Return the node at a path, or None where there is none."""
    node: Node | None = tree
    for step in path:
        if node is None:
            return None
        if step == ALTERNATIVE:
            node = node.alternative
        else:
            node = node.parts[step] if 0 <= step < len(node.parts) else None
    return node


def _rows(found: Chain, numbers: np.ndarray) -> dict[str, Any] | None:
    """Return the pull of each row on the weight, the largest ones of many."""
    if found.row is not None or found.parameter.shared:
        return None
    place = found.place
    pulls = contributions(found.subject, place.layer, place.unit, place.to)
    largest = np.sort(np.argsort(-np.abs(pulls), kind="stable")[:BARS])
    left = len(pulls) - len(largest)
    return {
        "bars": [
            {
                "row": int(numbers[k]),
                "place": int(k) + 1,
                "value": float(pulls[k]),
                "shown": number(pulls[k], DIGITS),
            }
            for k in largest
        ],
        "left": left,
        "rule": f"The mean of {len(pulls):,} rows is the derivative of the loss.",
    }


def check_of(found: Chain) -> dict[str, Any]:
    """Return the verdict of finite differences, and the loss along the weight."""
    verdict = found.check
    return {
        "status": verdict.status,
        "words": str(verdict),
        "gradient": verdict.gradient,
        "difference": verdict.difference,
        "error": verdict.error,
        "reason": verdict.reason,
        **_along(found),
    }


def _along(found: Chain) -> dict[str, Any]:
    """Return the loss as a function of the weight alone, with the tangent at its value."""
    subject = found.subject
    if found.row is not None:
        x, y, _ = subject.rows.take(slice(found.row - 1, found.row))
        subject = replace(subject, rows=Rows(x, y))
    objective, engine = subject.objective, subject.engine
    reach = max(2.0, 2.0 * abs(found.weight))
    at, name = found.weight, found.parameter.symbol.text
    places = np.linspace(at - reach, at + reach, POINTS)

    def loss(value: float) -> float:
        vector = np.array(subject.vector, dtype=np.float64)
        for index, term in zip(found.parameter.indices, found.parameter.terms, strict=True):
            vector[index] += term.factor * (value - at)
        penalty = objective.penalty(namespace(vector), objective.network.parameters(vector))
        return engine.loss(vector, subject.rows) + float(penalty)

    here, values = loss(at), [loss(float(value)) for value in places]
    short = np.abs(places - at) <= reach / 3.0
    tangent = (here + found.gradient * (places[short] - at)).tolist()
    title = f"Loss along {name}"
    slope = number(found.gradient, 4)
    chart = Lines(
        title,
        f"The loss is {number(here, 4)} at {name} = {number(at, 4)}, and its tangent there has the "
        f"slope {slope}.",
        name,
        "loss",
        (
            Curve("loss", places.tolist(), values),
            Curve(f"tangent, slope {slope}", places[short].tolist(), tangent, dashed=True),
        ),
        mark=(at, here, number(at, 4)),
    )
    return {
        "curve": drawing_of(chart, "along"),
        "curve_words": chart.description,
        "low": float(places[0]),
        "high": float(places[-1]),
    }
