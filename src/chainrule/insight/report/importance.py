"""Permutation importance: the rise of the loss when the cells of a column are shuffled."""

from typing import Any

import numpy as np

from chainrule.foundation.arrays import namespace
from chainrule.foundation.seeds import Purpose, stream
from chainrule.foundation.short_numbers import share, short
from chainrule.insight.report.confusion import Found
from chainrule.insight.report.figures import Bars
from chainrule.insight.report.items import Advice, Sentence
from chainrule.insight.report.material import Material, rows_at
from chainrule.insight.report.sections import Item
from chainrule.model.network import Network
from chainrule.training.row_blocks import drawn_places

__all__ = ["importance"]

REPEATS = 3
SHOWN = 12
# Multiplications that the shuffles may take, and bounds of the rows.
WORK, FEWEST, MOST = 1e10, 200, 2000
# Columns that change the loss by less than this share of it have no effect.
WORTHLESS = 0.01
# Of fewer columns none is to spare, and of more most move little without being worth nothing.
FEWEST_COLUMNS, MOST_COLUMNS = 4, 200


def importance(material: Material) -> Found:
    """Return the columns whose shuffling raises the loss most.

    Only the weighted sums of the first layer change with a column, by the difference of its cells
    times its weights; so a shuffle costs the layers above only.
    """
    base, rises, rows = _rises(material)
    mean = rises.mean(axis=1)
    names = [name for name, _ in material.columns]
    order = np.argsort(-mean, kind="stable")
    shown = order[:SHOWN]
    record: dict[str, Any] = {
        "rows": rows,
        "loss": base,
        "columns": [{"name": names[k], "rise": float(mean[k]), "runs": rises[k]} for k in order],
    }
    if not np.all(np.isfinite(mean)) or not base > 0.0:
        said = f"Importance is not measured, because the loss is {short(base)}."
        return [Sentence(said, "note")], "importance", record, []
    first = names[order[0]]
    which = f" (the {len(shown)} most important of {len(names):,})" if len(names) > SHOWN else ""
    said = (
        f"Shuffling {first} among {rows:,} rows raises the loss from {short(base, 4)} by "
        f"{short(float(mean[order[0]]), 3)}, more than any other column. Columns with the same "
        "information share their importance, so each looks less important than it is."
    )
    chart = Bars(
        f"Rise of the loss when a column is shuffled{which}",
        said,
        "column",
        "rise of the loss",
        [names[k] for k in shown],
        mean[shown].tolist(),
        [
            f"{short(float(mean[k]))} ({short(float(rises[k].min()))} to "
            f"{short(float(rises[k].max()))})"
            for k in shown
        ],
    )
    items: list[Item] = [Sentence(said), chart]
    idle = [names[k] for k in order[::-1] if abs(mean[k]) < WORTHLESS * base]
    advice = []
    if idle and FEWEST_COLUMNS <= len(names) <= MOST_COLUMNS:
        listed = ", ".join(idle[:6]) + (f" and {len(idle) - 6} more" if len(idle) > 6 else "")
        because = (
            f"shuffling any one of {len(idle)} of {len(names)} columns ({listed}) changes the loss "
            f"by less than {share(WORTHLESS)}"
        )
        advice.append(Advice("Try without the columns that have no effect.", because, 8, 1.5))
    return items, "importance", record, advice


def _rises(material: Material) -> tuple[float, np.ndarray, int]:
    """Return the loss, its rise per column and shuffle, and the rows they are of."""
    subject = material.subject
    network, loss = subject.objective.network, subject.objective.loss
    found = material.predictions
    above = sum(one.n_in * one.n_out for one in network.layers[1:]) + network.layers[0].n_out
    count = int(np.clip(WORK / (len(material.columns) * REPEATS * above), FEWEST, MOST))
    indices = drawn_places(found.rows, count, material.seed)
    x, y, _ = rows_at(found.rows, indices).take(slice(None))
    weight = found.weight[indices]
    x = np.asarray(x.toarray() if hasattr(x, "toarray") else x)
    xp = namespace(x)
    first, bias = np.asarray(subject.parameters.weights[0]), subject.parameters.biases[0]
    first_layer, later = network.layers[0], network.layers[1:]
    z = np.asarray(first_layer.trace(xp, first, bias, x).z)
    rest = Network(*later) if later else None
    rest_vector = np.asarray(subject.vector)[network.layout.whole_layers[0].stop :]

    def mean_loss(z: np.ndarray) -> float:
        a = first_layer.activation.value(xp, z)
        if rest is not None:
            a = rest.trace(xp, rest.parameters(rest_vector), a).scores
        return float(np.average(np.asarray(loss.rows(xp, a, y), np.float64), weights=weight))

    factor = subject.encoding.loss_factor
    rises = np.zeros((len(material.columns), REPEATS))
    with np.errstate(all="ignore"):
        base = mean_loss(z)
        for number, (_, inputs) in enumerate(material.columns):
            own, w = x[:, list(inputs)], first[list(inputs)]
            for repeat in range(REPEATS):
                random = stream(material.seed, Purpose.SAMPLE, number, repeat)
                shuffled = own[random.permutation(len(own))]
                rises[number, repeat] = mean_loss(z + (shuffled - own) @ w) - base
    return factor * base, factor * rises, len(x)
