"""The numbers behind the picture: units and edges, the boundary, the curve of losses, health."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.app.play.plane import MOST_POINTS, Plane, dense
from chainrule.app.play.run import Run
from chainrule.app.play.settings import Problem
from chainrule.foundation.arrays import namespace
from chainrule.foundation.short_numbers import short
from chainrule.insight.health import health
from chainrule.insight.plane_grid import plane_grid
from chainrule.insight.report.charts import drawing_of
from chainrule.insight.report.figures import Curve, Lines
from chainrule.insight.subject import Subject
from chainrule.training.row_blocks import row_blocks

__all__ = [
    "Units",
    "boundary",
    "ending_of",
    "heat_maps",
    "layer_health",
    "loss_chart",
    "points",
]

GRID, CURVE, HEAT, SMALL, LEVELS = 64, 200, 20, 32, 255
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Units:
    """The mean of z, a and delta of every unit over some rows, and the gradient there."""

    subject: Subject

    @cached_property
    def gradient(self) -> np.ndarray:
        """The gradient of the mean loss of the rows, with penalties."""
        _, gradient = self.subject.engine.gradient(self.subject.vector, self.subject.rows)
        return np.asarray(gradient, dtype=np.float64)

    @cached_property
    def means(self) -> Arrays:
        """Per name ``a0``, ``z1``, ``a1``, ``d1``, ...: one number for each unit of the layer."""
        n, sums = len(self.subject.rows), dict[str, np.ndarray]()

        def add(name: str, values: Any) -> None:
            values = np.asarray(values, dtype=np.float64)
            sums[name] = sums.get(name, 0.0) + np.sum(values, axis=0) / n

        for block in row_blocks(self.subject.objective, self.subject.vector, self.subject.rows):
            x = block.inputs[0]
            add("a0", x.toarray() if hasattr(x, "toarray") else x)
            for layer, (z, a, dz) in enumerate(zip(block.z, block.a, block.dz, strict=True), 1):
                add(f"z{layer}", z)
                add(f"a{layer}", a)
                add(f"d{layer}", dz)
        return sums


def _predicted(problem: Problem, vector: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the predictions (n, k) for inputs."""
    engine = problem.subject.engine
    scores = engine.scores(vector, x.astype(vector.dtype))
    return np.asarray(engine.predictions(scores), dtype=np.float64)


def points(run: Run) -> Arrays:
    """Return the rows to draw: their place and their target or class."""
    x, y = dense(run.rows.x)[:MOST_POINTS], np.asarray(run.rows.y)[:MOST_POINTS]
    plane = run.plane
    target = np.argmax(y, axis=1) if y.shape[1] > 1 else y[:, 0]
    found = {
        "points": plane.places(x).astype(np.float32),
        "targets": np.asarray(target, dtype=np.float32),
    }
    held_out = run.problem.held_out
    if held_out is not None:
        x, y = dense(held_out.x)[:MOST_POINTS], np.asarray(held_out.y)[:MOST_POINTS]
        target = np.argmax(y, axis=1) if y.shape[1] > 1 else y[:, 0]
        found["apart"] = plane.places(x).astype(np.float32)
        found["apart_targets"] = np.asarray(target, dtype=np.float32)
    return found


def boundary(run: Run) -> tuple[dict[str, Any], Arrays]:
    """Return the prediction over the plane as levels from 0 to 255, or as a curve of one input."""
    return boundary_of(run.problem, run.plane, run.moment.vector)


def boundary_of(
    problem: Problem, plane: Plane, vector: np.ndarray, count: int = GRID
) -> tuple[dict[str, Any], Arrays]:
    """Return the prediction of given parameters over the plane, on ``count`` places each way."""
    subject = problem.subject
    x = dense(subject.rows.x)[:MOST_POINTS]
    record: dict[str, Any] = {"names": list(plane.names), "words": plane.words}
    if subject.objective.network.n_in == 1:
        low, high = float(x.min()), float(x.max())
        room = 0.1 * (high - low) or 1.0
        grid = np.linspace(low - room, high + room, CURVE)
        p = _predicted(problem, vector, grid[:, None])[:, 0]
        return {**record, "kind": "curve"}, {"curve": np.stack([grid, p])}
    x1, x2, grid = plane_grid(plane.places(x), count)
    p = _predicted(problem, vector, plane.rows(grid))
    record["range"] = [float(x1[0]), float(x1[-1]), float(x2[0]), float(x2[-1])]
    if p.shape[1] > 1:
        best = np.argmax(p, axis=1)
        strength = np.max(p, axis=1)
        record |= {"kind": "classes", "classes": list(subject.encoding.classes or [])}
        return record, {"level": _levels(strength, 0.0, 1.0), "class": best.astype(np.uint8)}
    low, high = 0.0, 1.0
    if problem.kind == "numbers":
        y = np.asarray(subject.rows.y, dtype=np.float64)
        low, high = float(min(y.min(), p.min())), float(max(y.max(), p.max()))
        if not (np.isfinite(low) and low < high < np.inf):
            low, high = low - 0.5, low + 0.5
    record |= {"kind": "value", "low": low, "high": high}
    return record, {"level": _levels(p[:, 0], low, high)}


def ending_of(problem: Problem, plane: Plane, vector: np.ndarray) -> dict[str, Any]:
    """Return a small picture of what parameters predict, and the same in words."""
    x, y = dense(problem.subject.rows.x), np.asarray(problem.subject.rows.y)
    with np.errstate(all="ignore"):
        p = _predicted(problem, vector, x)
        record, arrays = boundary_of(problem, plane, vector, SMALL)
    if not np.isfinite(p).all():
        return {"words": "At the end the predictions are not finite."}
    words = []
    if problem.kind != "numbers":
        one = p.shape[1] == 1
        found, known = (k > 0.5 if one else np.argmax(k, axis=1) for k in (p, y))
        words.append(f"{short(100.0 * float(np.mean(found == known)), 3)} % of the rows are right")
    if record["kind"] == "curve":
        values = arrays["curve"][1]
        words.append(f"the curve runs from {short(values[0])} to {short(values[-1])}")
        title = "Prediction at the end"
        curve = Curve("prediction", arrays["curve"][0].tolist(), values.tolist())
        chart = Lines(title, f"{title}.", plane.names[0], "prediction", (curve,))
        return {"words": _sentence(words), "svg": drawing_of(chart, "ending")}
    level = arrays["level"].ravel()
    if problem.kind == "numbers":
        words.append(f"the map goes from {short(record['low'])} to {short(record['high'])}")
    else:
        regions = arrays.get("class", (level > LEVELS / 2).astype(np.uint8))
        shares = np.bincount(regions) / len(regions)
        names = problem.subject.encoding.classes or ()
        parts = (f"{names[k]} holds {100.0 * share:.0f} %" for k, share in enumerate(shares))
        words.append("of the map " + ", ".join(parts))
    pictured = {name: one.ravel().tolist() for name, one in arrays.items()}
    return {"words": _sentence(words), "map": pictured}


def _sentence(words: list[str]) -> str:
    return f"At the end {'; '.join(words)}."


def heat_maps(run: Run) -> Arrays:
    """Return the output of every unit over the plane, as bytes: 128 is 0, 255 the largest.

    Nothing is returned for a network of one input, or of more than two.
    """
    network = run.objective.network
    if network.n_in != 2:
        return {}
    dtype = run.moment.vector.dtype
    _, _, grid = plane_grid(dense(run.rows.x)[:MOST_POINTS], HEAT)
    vector = run.moment.vector
    with np.errstate(all="ignore"):
        tape = network.trace(namespace(vector), network.parameters(vector), grid.astype(dtype))
        maps = np.concatenate([np.asarray(one.a, np.float64).T for one in tape.layers])
        maps = np.nan_to_num(maps, nan=0.0, posinf=0.0, neginf=0.0)
        largest = np.max(np.abs(maps), axis=1, keepdims=True)
        share = np.divide(maps, largest, out=np.zeros_like(maps), where=largest > 0.0)
    return {"heat": np.round(127.5 + 127.5 * share).astype(np.uint8)}


def _levels(values: np.ndarray, low: float, high: float) -> np.ndarray:
    share = np.nan_to_num((values - low) / (high - low), nan=0.5)
    levels = np.round(LEVELS * np.clip(share, 0.0, 1.0)).astype(np.uint8)
    return levels.reshape(math.isqrt(values.size), -1)


def loss_chart(run: Run) -> dict[str, Any]:
    """Return the curve of losses as a drawing, a sentence and a table."""
    steps = [one.step for one in run.losses]
    train = [one.loss for one in run.losses]
    curves = [Curve("rows to train on", steps, train)]
    apart = [one.held_out for one in run.losses if one.held_out is not None]
    first, last = short(train[0], 4), short(train[-1], 4)
    words = f"The loss is {last} after step {steps[-1]:,}; it was {first} after step {steps[0]:,}."
    if len(steps) == 1:
        words = f"The loss is {last} before the first step."
    if apart and len(apart) == len(steps):
        curves.append(Curve("rows held out", steps, apart, dashed=True))
        words += f" On the rows held out it is {short(apart[-1], 4)}."
    positive = all(0.0 < loss < np.inf for loss in train + apart)
    wide = positive and max(train) > 20.0 * min(train)
    chart = Lines(
        "Loss by step", words, "step", "loss", tuple(curves), log_y=wide,
    )  # fmt: skip
    table = chart.table()
    return {
        "svg": drawing_of(chart, "losses"),
        "words": words,
        "head": list(table.head),
        "rows": [list(row) for row in table.rows],
    }


def layer_health(run: Run, subject: Subject) -> list[dict[str, Any]]:
    """Return the health of each layer, in numbers and words."""
    found = health(subject)
    return [
        {
            "layer": one.layer,
            "activation": one.activation,
            "units": one.units,
            "dead": len(one.dead),
            "saturated": one.saturated,
            "gradient": one.gradient_norm,
            "update": one.update_ratio,
            "verdict": one.verdict,
            "fine": not one.findings,
        }
        for one in found.layers
    ]
