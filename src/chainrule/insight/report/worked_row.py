"""Section 6: one prediction step by step, from its inputs to the chain rule of its weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.foundation.errors import must_be
from chainrule.foundation.short_numbers import share, short
from chainrule.insight.chain import Chain, chain
from chainrule.insight.place import place_at
from chainrule.insight.report.items import Equations, Sentence, Table
from chainrule.insight.report.material import Material
from chainrule.insight.report.sections import Item, Section
from chainrule.insight.sharing import gathered
from chainrule.insight.trace import RowTrace

__all__ = ["worked_row"]

CHAINS, UNITS_SHOWN, OUTPUTS_SHOWN = 3, 8, 10


def worked_row(material: Material) -> Section:
    """Return the forward pass of a row, and the chain rule of its largest gradients."""
    row, why = _chosen(material)
    trace = RowTrace(material.subject, row)
    items: list[Item] = [Sentence(f"Row {row + 1:,} of the rows given: {why}.")]
    items += [_inputs(material, trace), *_layers(trace), _outputs(material, trace)]
    factor = material.subject.encoding.loss_factor
    scale = (
        "" if factor == 1.0 else f"; {short(factor * trace.loss, 4)} in the scale of the targets"
    )
    items.append(Sentence(f"The loss is {short(trace.loss, 4)}{scale}."))
    chains = _chains(material, row)
    longest = len(chains) > CHAINS
    items.append(
        Sentence(
            f"Below is the chain rule of the {min(len(chains), CHAINS)} weights with the largest "
            "gradients of this loss"
            + (", and of one in the first layer, whose chain is the longest" if longest else "")
            + ". z is a weighted sum, a the output of a unit, L the loss; the upper index is the "
            "layer, the lower ones count units from 1."
        )
    )
    items += [Equations(one) for one in chains]
    record = {
        "row": row + 1,
        "why": why,
        "inputs": trace.a[0],
        "z": trace.z,
        "a": trace.a[1:],
        "prediction": trace.prediction,
        "target": trace.y[0],
        "loss": trace.loss,
        "chains": [one.to_dict(depth=3) for one in chains],
    }
    return Section("row", "One prediction, step by step", items, record)


def _chosen(material: Material) -> tuple[int, str]:
    n = len(material.subject.rows)
    if material.row is not None:
        if not 0 <= material.row < n:
            raise must_be("row", f"from 1 to {n}", material.row + 1)
        return material.row, "as requested"
    rows = material.looked_at.rows
    losses = material.predict(Rows(rows.x, rows.y)).losses
    if np.isnan(losses).all():
        return 0, "the first, because every loss is NaN"
    worst = int(np.nanargmax(losses))
    said = "the row with the largest loss"
    drawn = f" of {len(rows):,} sampled rows" if len(rows) < n else ""
    return int(material.row_indices[worst]), said + drawn


def _chains(material: Material, row: int) -> list[Chain]:
    """Return the chains of the largest derivatives, and of the largest in the first layer."""
    subject, layout = material.subject, material.subject.objective.network.layout
    x, y, _ = subject.rows.take(slice(row, row + 1))
    _, gradient = subject.engine.gradient(subject.vector, Rows(x, y))
    gradient = gathered(subject.shared, layout, np.asarray(gradient, dtype=np.float64))
    size = np.abs(gradient)
    size[~np.isfinite(size)] = np.inf
    for _, bias in layout.layers:
        if bias is not None:
            size[bias.at] = -1.0
    order = np.argsort(-size, kind="stable")[: min(CHAINS, int(np.count_nonzero(size >= 0.0)))]
    places = [int(one) for one in order]
    first, _ = layout.layers[0]
    longest = first.start + int(np.argmax(size[first.at]))
    if not any(first.start <= one < first.stop for one in places):
        places.append(longest)
    return [chain(subject, place_at(subject, one), row) for one in places]


def _inputs(material: Material, trace: RowTrace) -> Table:
    values = trace.a[0]
    order = np.argsort(-np.abs(values), kind="stable")
    filled = int(np.count_nonzero(values))
    shown = np.sort(order[: min(filled, 2 * UNITS_SHOWN)])
    rest = filled - len(shown)
    cells = [(material.input_names[k], short(float(values[k]), 4)) for k in shown]
    which = f" (the {len(shown)} largest; {rest:,} more)" if rest else ""
    if filled < len(values):
        which += f"; {len(values) - filled:,} are zero"
    return Table(f"Inputs{which}", ("input", "value"), cells)


def _layers(trace: RowTrace) -> list[Item]:
    """Return the largest outputs of each hidden layer."""
    items: list[Item] = []
    for layer in range(1, len(trace.weights)):
        z, a = trace.z[layer - 1], trace.a[layer]
        shown = np.sort(np.argsort(-np.abs(a), kind="stable")[:UNITS_SHOWN])
        rest = len(a) - len(shown)
        which = f" (the {len(shown)} largest outputs; {rest:,} more units)" if rest else ""
        cells = [(str(k + 1), short(float(z[k]), 4), short(float(a[k]), 4)) for k in shown]
        head = ("unit", "weighted sum z", "output a")
        items.append(Table(f"Layer {layer}{which}", head, cells))
    return items


def _outputs(material: Material, trace: RowTrace) -> Table:
    names: Sequence[str] = material.classes if material.task != "numbers" else material.targets
    p, y, s = trace.prediction, trace.y[0], trace.scores
    shown: Sequence[int]
    if material.task == "classes" and len(p) == 1:
        cells = [(names[1], short(float(s[0]), 4), share(float(p[0])), _truth(y[0]))]
        return Table("Score, probability and truth", HEAD, cells, ("truth",))
    order = np.argsort(-np.maximum(p, y), kind="stable")
    shown = np.sort(order[:OUTPUTS_SHOWN]).tolist()
    rest = f" (the {len(shown)} largest)" if len(shown) < len(p) else ""
    if material.task != "numbers":
        cells = [(names[k], short(float(s[k]), 4), share(float(p[k])), _truth(y[k])) for k in shown]
        return Table(f"Scores, probabilities and truth{rest}", HEAD, cells, ("truth",))
    encoding = material.subject.encoding
    p, y = (encoding.center + encoding.spread * one for one in (p, y))
    numbers = [
        (names[k], *(short(float(one[k]), 5) for one in (p, y)), short(float(p[k] - y[k]), 4))
        for k in shown
    ]
    return Table(f"Prediction and truth{rest}", ("output", "prediction", "truth", "error"), numbers)


HEAD = ("output", "score", "probability", "truth")


def _truth(value: Any) -> str:
    return {0.0: "no", 1.0: "yes"}.get(float(value), short(float(value)))
