"""The reader's view: a weight with its opened factors, some rows, a part of a wide layer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.app.play.panel import Path, chain_of, find_node
from chainrule.app.play.phases import Phases
from chainrule.app.play.picture import Units
from chainrule.app.play.run import Run
from chainrule.engines.engine import Rows
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.short_numbers import short
from chainrule.insight.chain import Chain
from chainrule.insight.place import Place
from chainrule.insight.subject import Subject

__all__ = ["TILE", "Look", "Looking", "whole_number"]

MOST_OPEN = 200
# Weights of a wide layer that are shown at once: from so many units to so many.
TILE = (20, 16)


@dataclass(frozen=True, eq=False)
class Look:
    """The rows that a frame explains, at one moment."""

    run: Run
    scope: str | int

    @cached_property
    def numbers(self) -> np.ndarray:
        """The numbers of the rows in view, among those to train on."""
        if isinstance(self.scope, int):
            return np.array([self.scope])
        return self.run.next_batch if self.scope == "batch" else np.arange(len(self.run.rows))

    @cached_property
    def subject(self) -> Subject:
        """The network on these rows."""
        x, y, weight = self.run.rows.take(self.numbers)
        weight = None if isinstance(self.scope, int) else weight
        return replace(self.run.subject, rows=Rows(x, y, weight))

    @cached_property
    def units(self) -> Units:
        """The means over the rows, and the gradient."""
        return Units(self.subject)

    @property
    def answer(self) -> str:
        """The target and the prediction of the one row in view; nothing for more rows."""
        if not isinstance(self.scope, int):
            return ""
        subject = self.subject
        scores = subject.engine.scores(subject.vector, subject.rows.x)
        p = np.asarray(subject.engine.predictions(scores), dtype=np.float64)[0]
        y = np.asarray(subject.rows.y, dtype=np.float64)[0]
        start, classes = f"Row {self.scope + 1}: the target is", subject.encoding.classes
        if self.run.problem.kind == "numbers" or not classes:
            given, found = (", ".join(short(one, 4) for one in values) for values in (y, p))
            return f"{start} {given}, the prediction {found}."
        if len(p) == 1:
            given, probability = classes[int(y[0] > 0.5)], short(float(p[0]), 4)
            return f"{start} {given}, the probability of {classes[1]} {probability}."
        best = int(np.argmax(p))
        return (
            f"{start} {classes[int(np.argmax(y))]}, the prediction {classes[best]}, with "
            f"probability {short(float(p[best]), 4)}."
        )

    @property
    def words(self) -> str:
        """The rows in view, in words."""
        n = len(self.numbers)
        if isinstance(self.scope, int):
            return f"row {self.scope + 1}"
        rows = "the only row" if n == 1 else f"the mean of {n:,} rows"
        return f"the next batch: {rows}" if self.scope == "batch" else f"all rows: {rows}"


class Looking:
    """The place of the reader in one network.

    Parameters
    ----------
    layers : int
        The number of layers.
    """

    def __init__(self, layers: int) -> None:
        self.place: Place | None = None
        self.opened: set[Path] = set()
        self.scope: str | int = "batch"
        self.corner = (1, 0, 0)
        self.phases = Phases(layers)

    def chosen(self) -> Place:
        """Return the chosen weight; refuse where there is none."""
        if self.place is None:
            raise InputError("a weight must be chosen first. Click one in the picture.")
        return self.place

    def at(self, run: Run) -> Look:
        """Return the rows in view, at the moment of a run."""
        return Look(run, self.scope)

    def chain(self, run: Run) -> Chain:
        """Return the chain rule of the chosen weight."""
        return chain_of(self.at(run).subject, self.chosen(), None)

    def choose(self, run: Run, place: Place) -> None:
        """Choose a weight."""
        place.index(run.subject)
        if place != self.place:
            self.opened.clear()
        self.place = place

    def forget(self, run: Run) -> None:
        """Leave what is no longer there, after the rows of a run have become others."""
        if isinstance(self.scope, int) and self.scope >= len(run.rows):
            self.scope = "batch"
        if self.place is None:
            return
        try:
            self.place.index(run.subject)
        except InputError:
            self.place = None
        self.opened.clear()

    def select(self, run: Run, request: Mapping[str, Any]) -> None:
        """Choose the weight, or bias, that a request names."""
        layer, unit, to = (request.get(name) for name in ("layer", "unit", "to"))
        whole = all(type(one) is int for one in (layer, to)) and type(unit) in (int, type(None))
        if not whole:
            raise must_be("a place", "layer, unit and to as integers", [layer, unit, to])
        self.choose(run, Place(layer, unit, to))  # type: ignore[arg-type]

    def view(self, run: Run, request: Mapping[str, Any]) -> None:
        """Choose the rows in view: the next batch, all, or one (from 0)."""
        scope: Any = request.get("scope")
        row = type(scope) is int and 0 <= scope < len(run.rows)
        if row or (isinstance(scope, str) and scope in ("batch", "all")):
            self.scope = scope
        else:
            rule = f"'batch', 'all', or a row from 0 to {len(run.rows) - 1}"
            raise must_be("scope", rule, scope)
        self.opened.clear()

    def unfold(self, run: Run, request: Mapping[str, Any]) -> None:
        """Open a factor, or close it."""
        path = request.get("path")
        if not isinstance(path, list) or not all(type(one) is int for one in path):
            raise must_be("path", "a list of integers", path)
        if find_node(self.chain(run).tree, tuple(path)) is None:
            raise must_be("path", "that of a factor of this weight", path)
        if tuple(path) in self.opened:
            self.opened.discard(tuple(path))
        elif len(self.opened) < MOST_OPEN:
            self.opened.add(tuple(path))

    def tile(self, run: Run, request: Mapping[str, Any]) -> None:
        """Choose the part of a wide layer that is shown, by its first weight; or find the largest.

        With ``largest`` it is the part around the weight of the layer with the largest gradient.
        """
        layout = run.objective.network.layout
        widths = layout.widths
        layer = whole_number(request, "layer", 1, len(widths) - 1)
        if request.get("largest") is True:
            span, _ = layout.layers[layer - 1]
            size = np.abs(self.at(run).units.gradient[span.at])
            unit, to = divmod(int(np.argmax(size)), widths[layer])
            self.choose(run, Place(layer, unit, to))
            unit, to = unit - TILE[0] // 2, to - TILE[1] // 2
        else:
            unit = whole_number(request, "unit", 0, widths[layer - 1] - 1)
            to = whole_number(request, "to", 0, widths[layer] - 1)
        # the part lies within the layer
        sizes = zip((unit, to), widths[layer - 1 : layer + 1], TILE, strict=True)
        unit, to = (max(0, min(at, width - size)) for at, width, size in sizes)
        self.corner = (layer, unit, to)


def whole_number(request: Mapping[str, Any], name: str, low: int, high: int) -> int:
    """Return an integer of a request; refuse any other value."""
    value = request.get(name)
    if type(value) is not int or not low <= value <= high:
        raise must_be(name, f"an integer from {low} to {high}", value)
    return value
