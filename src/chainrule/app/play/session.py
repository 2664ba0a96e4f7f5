"""One reader's session: actions of the page, and the frame that answers each of them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np

from chainrule.app.play.code import program_of
from chainrule.app.play.failure import explain_failure
from chainrule.app.play.frames import encode_frame
from chainrule.app.play.own_rows import of_text
from chainrule.app.play.panel import Path, chain_of, check_of, find_node, panel_of
from chainrule.app.play.phases import Phases
from chainrule.app.play.picture import (
    Units,
    accuracy,
    boundary,
    layer_health,
    loss_chart,
    points,
)
from chainrule.app.play.run import Failure, Run
from chainrule.app.play.settings import LIVE, Settings
from chainrule.engines.engine import Rows
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.real_numbers import is_real
from chainrule.insight.chain import Chain
from chainrule.insight.place import Place
from chainrule.insight.subject import Subject

__all__ = ["Session"]

# Steps, and seconds, of one call: the page asks again.
MOST_STEPS, MOST_SECONDS = 20_000, 0.1
# Networks with wider layers are shown as matrices.
WIDEST = 20
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
    def words(self) -> str:
        """The rows in view, in words."""
        n = len(self.numbers)
        if isinstance(self.scope, int):
            return f"row {self.scope + 1}"
        rows = "the only row" if n == 1 else f"the mean of {n:,} rows"
        return f"the next batch: {rows}" if self.scope == "batch" else f"all rows: {rows}"


class Session:
    """A network that learns on the page.

    Parameters
    ----------
    settings : Settings
        The settings to begin with.

    Examples
    --------
    >>> session = Session()
    >>> header, arrays = session.answer({"action": "select", "layer": 1, "unit": 0, "to": 0})
    >>> round(header["panel"]["gradient"], 4)
    -0.0428
    >>> header, arrays = session.answer({"action": "step"})
    >>> header["step"]
    1
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.version = 0
        self.said = ""
        self._begin()

    def _begin(self) -> None:
        self.run = Run(self.settings.problem())
        self.version += 1
        self.place: Place | None = None
        self.opened: set[Path] = set()
        self.scope: str | int = "batch"
        self.corner = (1, 0, 0)
        self.phases = Phases(len(self.run.objective.network.layers))
        self._explained: tuple[Failure, dict[str, Any] | None] | None = None

    def frame(self, request: Mapping[str, Any]) -> bytes:
        """Return the answer to a request, encoded."""
        return encode_frame(*self.answer(request))

    def answer(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Do what a request asks, and return the header and the arrays of its frame.

        Parameters
        ----------
        request : mapping
            ``action`` and its arguments; ``known``, the version of the data that the page has; and
            ``want``, the parts of the frame that it can use.

        Raises
        ------
        InputError
            If there is no such action, or an argument is not what it takes; nothing has changed.
        """
        action = request.get("action", "look")
        if not isinstance(action, str) or action not in ACTIONS:
            raise must_be("action", f"one of {', '.join(ACTIONS)}", action)
        self.said = ""
        more = ACTIONS[action](self, request)
        header, arrays = self._frame(request)
        return {**header, **(more or {})}, arrays

    # actions

    def look(self, request: Mapping[str, Any]) -> None:
        """Change nothing."""

    def change(self, request: Mapping[str, Any]) -> None:
        """Change settings: at once where the network can go on, else with a new start."""
        changes = request.get("settings")
        if not isinstance(changes, dict):
            raise must_be("settings", "names with their values", changes)
        before, after = self.settings, self.settings.changed(**changes)
        differing = {k for k, v in after.to_dict().items() if before.to_dict()[k] != v}
        if not differing:
            return
        self.settings = after
        if differing <= set(LIVE):
            tuned = {name: getattr(after, name) for name in differing}
            self.run.tune(tuned, after.objective)
            return
        self._begin()
        self.said = "The network began again."

    def step(self, request: Mapping[str, Any]) -> None:
        """Make one step."""
        self.phases.clear()
        if self.run.step():
            self.said = f"Step {self.run.moment.step:,}."

    def substep(self, request: Mapping[str, Any]) -> None:
        """Go on to the next part of a step; the last part makes it."""
        if self.phases.advance() and self.run.step():
            self.said = f"Step {self.run.moment.step:,}."

    def epoch(self, request: Mapping[str, Any]) -> None:
        """Make the steps to the end of the epoch, or as many as one call may take."""
        self.phases.clear()
        start, began = self.run.moment.epoch, perf_counter()
        while self.run.moment.epoch == start and self.run.step():
            if perf_counter() - began > 10.0 * MOST_SECONDS:
                break
        self.said = f"Epoch {self.run.moment.epoch:,}, step {self.run.moment.step:,}."

    def advance(self, request: Mapping[str, Any]) -> None:
        """Make some steps, or as many as fit into a tenth of a second."""
        steps = _whole(request, "steps", 1, MOST_STEPS)
        until = _whole(request, "until", 0, 10**9) if "until" in request else None
        self.phases.clear()
        began = perf_counter()
        for _ in range(steps):
            if until is not None and self.run.moment.epoch >= until:
                break
            if not self.run.step() or perf_counter() - began > MOST_SECONDS:
                break

    def back(self, request: Mapping[str, Any]) -> None:
        """Go back."""
        self.phases.clear()
        if self.run.back(_whole(request, "steps", 1, 10_000)):
            self.said = f"Back at step {self.run.moment.step:,}."
        else:
            self.said = "There is no earlier step to go back to."

    def reset(self, request: Mapping[str, Any]) -> None:
        """Go to the same start."""
        self.phases.clear()
        self.run.reset()
        self.said = "Back at the same start."

    def select(self, request: Mapping[str, Any]) -> None:
        """Choose the weight, or the bias where ``unit`` is None, that the panel explains."""
        layer, unit, to = (request.get(name) for name in ("layer", "unit", "to"))
        whole = all(type(one) is int for one in (layer, to)) and type(unit) in (int, type(None))
        if not whole:
            raise must_be("a place", "layer, unit and to as integers", [layer, unit, to])
        place = Place(layer, unit, to)  # type: ignore[arg-type]
        place.index(self.run.subject)
        if place != self.place:
            self.opened.clear()
        self.place = place

    def close(self, request: Mapping[str, Any]) -> None:
        """Close the panel."""
        self.place = None

    def view(self, request: Mapping[str, Any]) -> None:
        """Choose the rows in view: the next batch, all, or one (from 0)."""
        scope: Any = request.get("scope")
        row = type(scope) is int and 0 <= scope < len(self.run.rows)
        if row or (isinstance(scope, str) and scope in ("batch", "all")):
            self.scope = scope
        else:
            rule = f"'batch', 'all', or a row from 0 to {len(self.run.rows) - 1}"
            raise must_be("scope", rule, scope)
        self.opened.clear()

    def unfold(self, request: Mapping[str, Any]) -> None:
        """Open a factor, or close it."""
        path = request.get("path")
        if not isinstance(path, list) or not all(type(one) is int for one in path):
            raise must_be("path", "a list of integers", path)
        found = self._chain_now()
        node = find_node(found.tree, tuple(path))
        if node is None:
            raise must_be("path", "that of a factor of this weight", path)
        if tuple(path) in self.opened:
            self.opened.discard(tuple(path))
        elif len(self.opened) < MOST_OPEN:
            self.opened.add(tuple(path))

    def check(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Compare the derivative with finite differences."""
        return {"check": check_of(self._chain_now())}

    def edit(self, request: Mapping[str, Any]) -> None:
        """Set the chosen weight."""
        given = request.get("value")
        value = float(given) if given is not None and is_real(given) else math.nan
        if not math.isfinite(value):
            raise must_be("value", "a finite number", given)
        place = self._place()
        self.phases.clear()
        self.run.edit(place.index(self.run.subject), value)
        self.said = f"{place.symbol.text} is {value:.6g} now."

    def freeze(self, request: Mapping[str, Any]) -> None:
        """Hold the chosen weight where it is, or let it go."""
        place = self._place()
        frozen = request.get("frozen") is True
        self.run.freeze(place.index(self.run.subject), frozen)
        self.said = f"{place.symbol.text} {'stays as it is' if frozen else 'learns again'}."

    def copy(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the chain rule as text and LaTeX."""
        found = self._chain_now()
        return {"copy": {"text": str(found), "latex": found.to_latex()}}

    def program(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the program that repeats what was done."""
        return {"copy": {"python": program_of(self.settings, self.run)}}

    def table(self, request: Mapping[str, Any]) -> None:
        """Learn from a pasted table."""
        text, target = request.get("text"), request.get("target")
        if not isinstance(text, str) or not isinstance(target, str | None):
            raise must_be("text", "separated values", text)
        self.settings = self.settings.with_own(of_text(text, target or None))
        self._begin()
        self.said = f"A new network for your {len(self.settings.arrays[0]):,} rows."

    def tile(self, request: Mapping[str, Any]) -> None:
        """Choose the part of a wide layer that is shown, by its first weight; or find the largest.

        With ``largest`` it is the part around the weight of the layer with the largest gradient.
        """
        widths = self.run.objective.network.layout.widths
        layer = _whole(request, "layer", 1, len(widths) - 1)
        if request.get("largest") is True:
            gradient = Look(self.run, self.scope).units.gradient
            span, _ = self.run.objective.network.layout.layers[layer - 1]
            index = int(np.argmax(np.abs(gradient[span.at])))
            unit, to = divmod(index, widths[layer])
            self.place = Place(layer, unit, to)
            self.opened.clear()
            corner = (unit - TILE[0] // 2, to - TILE[1] // 2)
        else:
            corner = (
                _whole(request, "unit", 0, widths[layer - 1] - 1),
                _whole(request, "to", 0, widths[layer] - 1),
            )
        self.corner = (layer, *self._inside(layer, corner))

    def _inside(self, layer: int, corner: tuple[int, int]) -> tuple[int, int]:
        """Return the corner moved so that the tile lies within the layer."""
        widths = self.run.objective.network.layout.widths
        sizes = zip(corner, widths[layer - 1 : layer + 1], TILE, strict=True)
        unit, to = (max(0, min(at, width - size)) for at, width, size in sizes)
        return unit, to

    # frames

    def _failure(self) -> dict[str, Any] | None:
        """Return the explanation of the failure, which is made once."""
        failure = self.run.failure
        if failure is None:
            self._explained = None
        elif self._explained is None or self._explained[0] is not failure:
            self._explained = (failure, explain_failure(self.run))
        return None if self._explained is None else self._explained[1]

    def _place(self) -> Place:
        if self.place is None:
            raise InputError("a weight must be chosen first. Click one in the picture.")
        return self.place

    def _chain_now(self) -> Chain:
        place = self._place()
        return chain_of(Look(self.run, self.scope).subject, place, None)

    def _frame(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        run, moment = self.run, self.run.moment
        want = request.get("want")
        want = set(want) if isinstance(want, list) and set(want) <= PARTS else PARTS
        look = Look(run, self.scope)
        if run.losses[-1][0] != moment.step:
            run.measure()
        _, loss, apart = run.losses[-1]
        layers = run.objective.network.layers
        header: dict[str, Any] = {
            "version": self.version,
            "step": moment.step,
            "epoch": moment.epoch,
            "batch": {"place": moment.place, "of": run.plan.steps},
            "past": len(run.past),
            "loss": loss,
            "held_out": apart,
            "accuracy": accuracy(run, run.rows),
            "held_out_accuracy": accuracy(run, run.problem.held_out),
            "settings": self.settings.to_dict(),
            "kind": run.problem.kind,
            "widths": [layers[0].n_in, *(one.n_out for one in layers)],
            "activations": [one.activation.name for one in layers],
            "link": run.objective.loss.link.name,
            "scope": self.scope,
            "scope_words": look.words,
            "rows": len(run.rows),
            "phase": self.phases.to_dict(),
            "failure": self._failure(),
            "said": self.said,
            "notes": list(run.problem.subject.notes),
            "frozen": sorted(run.frozen),
            "biases": [one.bias for one in layers],
        }
        arrays: dict[str, np.ndarray] = {}
        if request.get("known") != self.version:
            header["choices"] = self.settings.choices()
            header["input_names"] = list(run.problem.subject.input_names)
            arrays |= points(run)
        self._add_network(header, arrays, look)
        if "boundary" in want:
            record, levels = boundary(run)
            header["boundary"] = record
            arrays |= levels
        if "losses" in want:
            header["losses"] = loss_chart(run)
        if "health" in want:
            header["health"] = layer_health(run, run.subject)
        if self.place is not None and "panel" in want:
            found = chain_of(look.subject, self.place, None)
            header["panel"] = panel_of(found, self.opened, look.numbers)
            header["panel"]["frozen"] = self.place.index(run.subject) in run.frozen
        return header, arrays

    def _add_network(
        self, header: dict[str, Any], arrays: dict[str, np.ndarray], look: Look
    ) -> None:
        run = self.run
        vector = np.asarray(run.moment.vector, dtype=np.float64)
        narrow = max(header["widths"]) <= WIDEST
        header["drawn"] = narrow
        before = run.past[-1].vector if run.past else vector
        whole = {"weight": vector, "gradient": look.units.gradient, "update": vector - before}
        if narrow:
            arrays |= whole | look.units.means
            return
        layer, unit, to = self.corner
        span, _ = run.objective.network.layout.layers[layer - 1]
        header["tile"] = {"layer": layer, "unit": unit, "to": to, "largest": {}}
        for name, values in whole.items():
            matrix = values[span.at].reshape(span.shape)
            tile = matrix[unit : unit + TILE[0], to : to + TILE[1]]
            header["tile"] |= {"rows": tile.shape[0], "columns": tile.shape[1]}
            finite = np.abs(matrix[np.isfinite(matrix)])
            header["tile"]["largest"][name] = float(finite.max(initial=0.0))
            arrays[f"tile_{name}"] = tile


def _whole(request: Mapping[str, Any], name: str, low: int, high: int) -> int:
    value = request.get(name)
    if type(value) is not int or not low <= value <= high:
        raise must_be(name, f"an integer from {low} to {high}", value)
    return value


Answer = Callable[[Session, Mapping[str, Any]], dict[str, Any] | None]
PARTS = {"boundary", "losses", "health", "panel"}
ACTIONS: dict[str, Answer] = {
    "look": Session.look,
    "change": Session.change,
    "step": Session.step,
    "substep": Session.substep,
    "epoch": Session.epoch,
    "advance": Session.advance,
    "back": Session.back,
    "reset": Session.reset,
    "select": Session.select,
    "close": Session.close,
    "view": Session.view,
    "unfold": Session.unfold,
    "check": Session.check,
    "edit": Session.edit,
    "freeze": Session.freeze,
    "copy": Session.copy,
    "program": Session.program,
    "table": Session.table,
    "tile": Session.tile,
}
