"""One reader's session: actions of the page, and the frame that answers each of them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from chainrule.app.play.checking import gradients_of
from chainrule.app.play.choices import choices_of
from chainrule.app.play.code import program_of, program_of_chain
from chainrule.app.play.drawing import drawn_settings, words_of
from chainrule.app.play.failure import explain_failure
from chainrule.app.play.forms import CATALOGUES, rule_of
from chainrule.app.play.frames import encode_frame
from chainrule.app.play.framing import PARTS, frame_of
from chainrule.app.play.keeping import as_file, state_file
from chainrule.app.play.looking import Looking, whole_number
from chainrule.app.play.measuring import KINDS, Measurement
from chainrule.app.play.moments import Failure, Moment
from chainrule.app.play.own_rows import of_text
from chainrule.app.play.panel import check_of
from chainrule.app.play.program_files import archive_of, files_of
from chainrule.app.play.run import Run
from chainrule.app.play.settings import LIVE, Settings
from chainrule.app.play.stalls import explain_stall
from chainrule.app.play.tour import STOPS, Tour
from chainrule.foundation.errors import must_be
from chainrule.foundation.real_numbers import is_real
from chainrule.foundation.threads import one_blas_thread
from chainrule.insight.explanation import Explanation

__all__ = ["Session"]

# Steps, and seconds, of one call: the page asks again.
MOST_STEPS, MOST_SECONDS, EPOCH_SECONDS = 20_000, 0.1, 1.0
Request = Mapping[str, Any]
Arrays = dict[str, np.ndarray]


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
        self.tour = Tour()
        self.measurement: Measurement | None = None
        self._begin()

    def _begin(self) -> None:
        self._stop_measuring()
        self.run = Run(self.settings.problem())
        if self.run.optimizer != self.settings.optimizer:  # of a trained model
            self.run.tune({"optimizer": self.settings.optimizer}, self.run.objective)
        self.version += 1
        self.looking = Looking(len(self.run.objective.network.layers))
        self._noticed: tuple[Moment, dict[str, Any] | None] | None = None
        self._explained: tuple[Failure, dict[str, Any] | None] | None = None

    def _stop_measuring(self) -> None:
        if self.measurement is not None:
            self.measurement.cancel()
            self.measurement = None

    def frame(self, request: Request) -> bytes:
        """Return the answer to a request, encoded."""
        return encode_frame(*self.answer(request))

    def answer(self, request: Request) -> tuple[dict[str, Any], Arrays]:
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
        # numbers that leave their range are shown as infinite, and need no warning
        with np.errstate(all="ignore"), one_blas_thread():
            return self._answer(action, request)

    def _answer(self, action: str, request: Request) -> tuple[dict[str, Any], Arrays]:
        more, extra = ACTIONS[action](self, request) or ({}, {})
        self.tour.note(action, request)
        want = request.get("want")
        known = isinstance(want, list) and all(isinstance(one, str) for one in want)
        whole = request.get("known") != self.version
        header, arrays = frame_of(
            self.run, self.looking, PARTS & set(want or ()) if known else PARTS, whole=whole
        )
        header |= {
            "version": self.version,
            "settings": self.settings.to_dict(),
            "rules": {name: rule_of(getattr(self.settings, name)) for name in CATALOGUES},
            "said": self.said,
            "failure": self._failure(),
            "tour": self.tour.to_dict(),
            "measured": None if self.measurement is None else self.measurement.to_dict(),
        }
        if not known:  # a part of a frame leaves the words of the last whole one
            header["notice"] = self._notice()
        if whole:
            header["choices"] = choices_of(self.settings)
        return header | more, arrays | extra

    def look(self, request: Request) -> None:
        """Change nothing."""

    def change(self, request: Request) -> None:
        """Change settings: at once where the network can go on, else with a new start."""
        changes = request.get("settings")
        if not isinstance(changes, dict):
            raise must_be("settings", "names with their values", changes)
        self._turn_to(self.settings.changed(**changes))

    def link(self, request: Request) -> None:
        """Go to the settings of a link; those that it leaves out are the usual ones."""
        given = request.get("settings")
        if not isinstance(given, dict):
            raise must_be("settings", "names with their values", given)
        self._turn_to(Settings(own=self.settings.own).changed(**given))

    def _turn_to(self, after: Settings) -> None:
        before = self.settings
        if before.to_dict() == after.to_dict():
            return
        self.settings = after
        if before.goes_on(after):
            names = [
                name for name in before.to_dict() if getattr(before, name) != getattr(after, name)
            ]
            self.run.tune({name: getattr(after, name) for name in names}, after.objective)
            return
        self._begin()
        self.said = "The network began again."

    def step(self, request: Request) -> None:
        """Make one step."""
        self.looking.phases.clear()
        made = self.run.step()
        self.said = f"Step {self.run.moment.step:,}." if made else self._end()

    def substep(self, request: Request) -> None:
        """Go on to the next part of a step; the last part makes it."""
        if self.looking.phases.advance() and self.run.step():
            self.said = f"Step {self.run.moment.step:,}."

    def epoch(self, request: Request) -> None:
        """Make the steps to the end of the epoch, or as many as one call may take."""
        self.looking.phases.clear()
        start, began = self.run.moment.epoch, perf_counter()
        while self.run.moment.epoch == start and self.run.step():
            if perf_counter() - began > EPOCH_SECONDS:
                break
        self.said = (
            self._end() or f"Epoch {self.run.moment.epoch:,}, step {self.run.moment.step:,}."
        )

    def advance(self, request: Request) -> None:
        """Make some steps, or as many as fit into a tenth of a second."""
        steps = whole_number(request, "steps", 1, MOST_STEPS)
        until = whole_number(request, "until", 0, 10**9) if "until" in request else None
        self.looking.phases.clear()
        began = perf_counter()
        for _ in range(steps):
            if until is not None and self.run.moment.epoch >= until:
                break
            if not self.run.step() or perf_counter() - began > MOST_SECONDS:
                break

    def back(self, request: Request) -> None:
        """Go back."""
        steps = whole_number(request, "steps", 1, 10_000)
        self.looking.phases.clear()
        problem = self.run.problem
        if not self.run.back(steps):
            self.said = "There is no earlier step to go back to."
            return
        self.said = f"Back at step {self.run.moment.step:,}."
        if self.run.problem is not problem:
            self._rows_are_others()
            self.said = f"Back at step {self.run.moment.step:,}, with {len(self.run.rows):,} rows."

    def reset(self, request: Request) -> None:
        """Go to the same start."""
        self.looking.phases.clear()
        self.run.reset()
        self.said = "Back at the same start."

    def select(self, request: Request) -> None:
        """Choose the weight, or the bias where ``unit`` is None, that the panel explains."""
        self.looking.select(self.run, request)

    def close(self, request: Request) -> None:
        """Close the panel."""
        self.looking.place = None

    def view(self, request: Request) -> None:
        """Choose the rows in view."""
        self.looking.view(self.run, request)

    def unfold(self, request: Request) -> None:
        """Open a factor, or close it."""
        self.looking.unfold(self.run, request)

    def tile(self, request: Request) -> None:
        """Choose the part of a wide layer that is shown."""
        self.looking.tile(self.run, request)

    def check(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        """Compare the derivative with finite differences."""
        return {"check": check_of(self.looking.chain(self.run))}, {}

    def gradients(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        """Check some weights of every layer."""
        subject = self.looking.at(self.run).subject
        return {"gradients": gradients_of(subject, self.settings.seed)}, {}

    def edit(self, request: Request) -> None:
        """Set the chosen weight."""
        given = request.get("value")
        value = float(given) if given is not None and is_real(given) else math.nan
        if not math.isfinite(value):
            raise must_be("value", "a finite number", given)
        place = self.looking.chosen()
        self.looking.phases.clear()
        self.run.edit(place.index(self.run.subject), value)
        self.said = f"{place.symbol.text} is {value:.6g} now."

    def freeze(self, request: Request) -> None:
        """Hold the chosen weight where it is, or let it go."""
        place = self.looking.chosen()
        frozen = request.get("frozen") is True
        self.run.freeze(place.index(self.run.subject), frozen)
        self.said = f"{place.symbol.text} {'stays as it is' if frozen else 'learns again'}."

    def copy(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        """Return the chain rule as text and LaTeX, or as a program where that is the kind."""
        found = self.looking.chain(self.run)
        if request.get("kind") == "python":
            return {"copy": {"python": program_of_chain(found)}}, {}
        return {"copy": {"text": str(found), "latex": found.to_latex()}}, {}

    def program(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        """Return the program that repeats what was done, and the names of the files it loads."""
        text, files = program_of(self.settings, self.run), files_of(self.run)
        return {"copy": {"python": text}, "files": list(files)}, {}

    def archive(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        """Return that program with its files."""
        text = program_of(self.settings, self.run)
        return as_file("program.zip", archive_of(text, files_of(self.run)))

    def table(self, request: Request) -> None:
        """Learn from a pasted table."""
        text, target = request.get("text"), request.get("target")
        if not isinstance(text, str) or not isinstance(target, str | None):
            raise must_be("text", "separated values", text)
        self.settings = self.settings.with_own(of_text(text, target or None))
        self._begin()
        self.said = f"A new network for your {len(self.settings.arrays[0]):,} rows."

    def point(self, request: Request) -> None:
        """Add a point to the data, move one, or take one out."""
        before = self.settings
        after, point = drawn_settings(before, request)
        problem = after.problem()
        self._stop_measuring()
        goes_on = self.run.draw(problem, point)
        self.looking.phases.clear()
        self._rows_are_others()
        self.said = words_of(point, before, self.run, goes_on=goes_on)

    def _rows_are_others(self) -> None:
        """Follow the run to other rows."""
        now = {name: getattr(self.settings, name) for name in (*LIVE, "optimizer")}
        self.settings = replace(self.run.problem.settings, **now)
        self.version += 1
        self.looking.forget(self.run)

    def visit(self, request: Request) -> None:
        """Go to a stop of the tour, which sets the page up; 0 leaves it."""
        stop, task = self.tour.go_to(request.get("stop"), request.get("part")), self.tour.task
        if stop is None or task is None:
            return
        self.said = f"Stop {self.tour.number} of {len(STOPS)}."
        self.settings = Settings(own=self.settings.own).changed(**task.settings)
        self._begin()
        if stop.place is not None:
            self.looking.choose(self.run, stop.place)

    def measure(self, request: Request) -> None:
        """Begin to compare learning rates or batch sizes."""
        kind = request.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise must_be("kind", f"one of {', '.join(KINDS)}", kind)
        measurement = Measurement(kind, self.run)
        if self.measurement is not None:
            self.measurement.cancel()
        self.measurement = measurement

    def cancel(self, request: Request) -> None:
        """End the comparison."""
        if self.measurement is not None:
            self.measurement.cancel()

    def save(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        """Return the training state as a file, which `chainrule.load_state` reads."""
        return as_file("network.state", state_file(self.run.state()))

    def report(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        """Return the report on the network as it is now, as one HTML page."""
        page = Explanation(self.run.subject, self.run.problem.held_out).report().to_html()
        return as_file("report.html", page.encode())

    def _end(self) -> str:
        """Return that a schedule is at its end, or nothing."""
        if not self.run.finished:
            return ""
        return (
            f"The schedule {self.settings.schedule.name} ends after the {self.settings.epochs:,} "
            "epochs that are planned. Plan more, or choose another schedule."
        )

    def _notice(self) -> dict[str, Any] | None:
        """Return what keeps the network from learning, which is looked for once at a moment."""
        if self.run.failure is not None:
            return None
        if self._noticed is None or self._noticed[0] is not self.run.moment:
            found = explain_stall(self.run, self.settings.activations)
            if found is not None and self.settings.model is not None:
                found["change"] = {k: v for k, v in (found["change"] or {}).items() if k in LIVE}
            self._noticed = (self.run.moment, found)
        return self._noticed[1]

    def _failure(self) -> dict[str, Any] | None:
        """Return the explanation of the failure, which is made once."""
        failure = self.run.failure
        if failure is None:
            self._explained = None
        elif self._explained is None or self._explained[0] is not failure:
            self._explained = (failure, explain_failure(self.run))
        return None if self._explained is None else self._explained[1]


Answer = Callable[[Session, Request], tuple[dict[str, Any], Arrays] | None]
ACTIONS: dict[str, Answer] = {
    name: getattr(Session, name)
    for name in (
        "look", "change", "link", "step", "substep", "epoch", "advance", "back", "reset",
        "select", "close", "view", "unfold", "tile", "check", "gradients", "edit",
        "freeze", "copy", "program", "archive", "table", "point", "visit", "measure",
        "cancel", "save", "report",
    )
}  # fmt: skip
