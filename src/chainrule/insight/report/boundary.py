"""A map of the prediction over two inputs, with rows drawn on it."""

from itertools import pairwise

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.foundation.short_numbers import share, short
from chainrule.insight.plane_grid import plane_grid
from chainrule.insight.report.confusion import Found
from chainrule.insight.report.figures import Plane
from chainrule.insight.report.material import Material
from chainrule.training.row_blocks import drawn_places

__all__ = ["boundary"]

GRID, POINTS, LEVELS = 64, 160, 8
MOST_CLASSES = 6


def boundary(material: Material) -> Found:
    """Return the map of what is predicted over the two inputs."""
    found = material.predictions
    points = found.rows.x
    points = np.asarray(points.toarray() if hasattr(points, "toarray") else points, np.float64)
    x1, x2, grid = plane_grid(points, GRID)
    n_out = material.subject.objective.network.n_out
    dtype = material.subject.vector.dtype
    predicted = material.predict(Rows(grid.astype(dtype), np.zeros((len(grid), n_out), dtype))).p
    shown = drawn_places(found.rows, POINTS, material.seed)
    if material.task == "classes" and 2 < len(material.classes) <= MOST_CLASSES:
        levels = np.argmax(predicted, axis=1)
        names, what, graded = material.classes, "class predicted", False
        groups, group = material.classes, np.argmax(found.y, axis=1)
    else:
        value = predicted[:, -1]
        lowest, highest = (0.0, 1.0) if material.task != "numbers" else _range(value)
        edges = np.linspace(lowest, highest, LEVELS + 1)
        levels = np.clip(np.searchsorted(edges, value, side="right") - 1, 0, LEVELS - 1)
        write = share if material.task != "numbers" else short
        names = tuple(f"{write(float(a))} to {write(float(b))}" for a, b in pairwise(edges))
        last = material.classes[-1] if material.task != "numbers" else material.targets[-1]
        what = f"probability of {last}" if material.task != "numbers" else f"predicted {last}"
        graded = True
        truth = found.y[:, -1]
        if material.task == "numbers":
            middle = float(np.median(truth))
            groups, group = ("truth below its median", "above"), (truth > middle).astype(int)
        else:
            groups = material.classes if len(material.classes) == 2 else (f"not {last}", last)
            group = (truth > 0.5).astype(int)
    one, two = material.input_names
    said = (
        f"The {what} over {one} and {two}; {len(shown):,} rows of {found.where} are drawn on it, "
        "their shape shows the truth."
    )
    chart = Plane(
        f"Map of the {what}",
        said,
        one,
        two,
        x1.tolist(),
        x2.tolist(),
        levels.reshape(GRID, GRID).tolist(),
        names,
        [(float(points[k, 0]), float(points[k, 1]), int(group[k])) for k in shown],
        groups,
        graded,
    )
    record = {"x": x1, "y": x2, "what": what, "prediction": predicted.tolist()}
    return [chart], "boundary", record, []


def _range(value: np.ndarray) -> tuple[float, float]:
    low, high = float(value.min()), float(value.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)
