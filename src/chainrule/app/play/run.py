"""A training that goes forward step by step, and back: each moment is kept, none is changed."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.app.play.plane import Plane
from chainrule.app.play.settings import Problem
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.formulas.loss import weighted_mean
from chainrule.formulas.schedules import constant
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import DivergenceError
from chainrule.insight.subject import Subject
from chainrule.model.objective import Objective
from chainrule.training.batches import Plan, pass_by_steps, pass_order
from chainrule.training.preparing import StepOptions
from chainrule.training.snapshot import Snapshot
from chainrule.training.state import TrainingState

__all__ = ["Edit", "Failure", "Measured", "Moment", "Run", "Stretch"]

# Moments to go back to: as many as fit into this memory, and not fewer than the second number.
MEMORY, FEWEST, MOST = 2**26, 200, 2000


@dataclass(frozen=True)
class Stretch:
    """Steps with the same options, for the program that repeats them."""

    steps: int
    learning_rate: float
    batch_size: int
    l1: float
    l2: float
    dropout: tuple[float, ...]
    frozen: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Edit:
    """A parameter that was set by hand, by its index in the flat vector."""

    index: int
    value: float


@dataclass(frozen=True, eq=False)
class Moment:
    """Everything that a step changes.

    Attributes
    ----------
    vector, slots
        The parameters and the optimizer's memory.
    step, epoch, place : int
        Steps and epochs made, and batches made of the current epoch.
    first_loss : float
        The measure of divergence.
    log : tuple of Stretch or Edit
        How the moment was reached from the start.
    batch : ndarray or None
        The rows of the step that led here.
    batch_loss : float or None
        Their loss before it.
    """

    vector: np.ndarray
    slots: tuple[np.ndarray, ...]
    step: int = 0
    epoch: int = 0
    place: int = 0
    first_loss: float = float("nan")
    log: tuple[Stretch | Edit, ...] = ()
    batch: np.ndarray | None = None
    batch_loss: float | None = None


@dataclass(frozen=True)
class Measured:
    """Losses and accuracies of all rows after a step.

    Attributes
    ----------
    step : int
        The step.
    loss, held_out : float or None
        The losses of the rows to train on, and of those held out.
    right, held_out_right : float or None
        Shares of rows whose class is right.
    """

    step: int
    loss: float
    right: float | None
    held_out: float | None
    held_out_right: float | None


@dataclass(frozen=True)
class Failure:
    """A step that diverged: the training stands before it."""

    error: DivergenceError
    step: int


class Run:
    """A training of one problem.

    Parameters
    ----------
    problem : Problem
        Network, start and rows.

    Examples
    --------
    >>> from chainrule.app.play.settings import Settings
    >>> run = Run(Settings().problem())
    >>> run.step(), run.moment.step, run.back(), run.moment.step
    (True, 1, True, 0)
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        subject = problem.subject
        self.objective: Objective = subject.objective
        self.learning_rate = subject.learning_rate
        self.batch_size = problem.batch_size
        self.frozen: dict[int, float] = {}
        self._prepare()
        self.failure: Failure | None = None
        state = TrainingState.start(
            subject.objective.network,
            subject.optimizer,
            seed=problem.seed,
            dtype=subject.vector.dtype,
            parameters=subject.parameters,
        )
        slots = subject.slots or state.slots
        self.start = Moment(np.asarray(state.vector), slots, step=subject.step)
        self.moment = self.start
        size = subject.vector.nbytes * (1 + len(slots))
        self.past: deque[Moment] = deque(maxlen=max(FEWEST, min(MOST, MEMORY // max(size, 1))))
        self.losses: list[Measured] = []
        self.measure()

    @property
    def rows(self) -> Rows:
        """The rows to train on."""
        return self.problem.subject.rows

    @property
    def subject(self) -> Subject:
        """The network at this moment, as an explanation takes it."""
        return replace(
            self.problem.subject,
            objective=self.objective,
            vector=self.moment.vector,
            slots=self.moment.slots,
            step=self.moment.step,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
        )

    @property
    def next_batch(self) -> np.ndarray:
        """The numbers of the rows of the next step."""
        n = len(self.rows)
        size, place = min(self.batch_size, n), self.moment.place
        return pass_order(self.problem.seed, self.moment.epoch, n)[
            place * size : (place + 1) * size
        ]

    def step(self) -> bool:
        """Make one step; return False where training diverged and stands before it."""
        self.problem.subject.check_trainable()
        state, moment, plan = self.state(), self.moment, self.plan
        start = Snapshot.of(state)
        passing = pass_by_steps(
            self.engine, self.rows, state, plan, start, start, made_before=moment.place
        )
        try:
            made = next(passing)
        except DivergenceError as error:
            self.failure = Failure(error, moment.step + 1)
            return False
        passing.close()
        vector = np.asarray(state.vector)
        for index, value in self.frozen.items():
            vector[index] = value
        ended = moment.place + 1 == plan.steps
        self._go_to(
            Moment(
                vector,
                tuple(state.slots),
                moment.step + 1,
                moment.epoch + ended,
                0 if ended else moment.place + 1,
                state.first_loss,
                self._logged(),
                made.batch,
                made.loss,
            )
        )
        return True

    def back(self, steps: int = 1) -> bool:
        """Go back some moments; return False where there are none."""
        self.failure = None
        moved = False
        for _ in range(steps):
            if not self.past:
                break
            self.moment, moved = self.past.pop(), True
        while self.losses and self.losses[-1].step > self.moment.step:
            self.losses.pop()
        self.measure()
        return moved

    def reset(self) -> None:
        """Go to the same start, with the options as they are now."""
        self.failure = None
        self.past.clear()
        self.moment, self.losses = self.start, []
        self.frozen.clear()
        self.measure()

    def edit(self, index: int, value: float) -> None:
        """Set one parameter by hand."""
        self.failure = None
        vector = self.moment.vector.copy()
        vector[index] = value
        if index in self.frozen:
            self.frozen[index] = value
        edited = Edit(index, float(vector[index]))
        # an edit begins the pass again, as the program that repeats it does
        log = (*self.moment.log, edited)
        self._go_to(replace(self.moment, vector=vector, log=log, place=0))
        self.measure()

    def freeze(self, index: int, frozen: bool) -> None:
        """Hold a parameter where it is, or let it go."""
        if frozen:
            self.frozen[index] = float(self.moment.vector[index])
        else:
            self.frozen.pop(index, None)
        self.moment = replace(self.moment, place=0)

    def tune(self, changes: Mapping[str, Any], objective: Objective) -> None:
        """Go on with other options: the rate at once, and the rows from their first batch."""
        self.failure = None
        self.learning_rate = changes.get("learning_rate", self.learning_rate)
        self.batch_size = changes.get("batch_size", self.batch_size)
        self.objective = objective
        self._prepare()
        self.moment = replace(self.moment, place=0)
        self.losses = [one for one in self.losses if one.step < self.moment.step]
        self.measure()

    def measure(self) -> None:
        """Note losses and accuracies of all rows at this moment."""
        step = self.moment.step
        if self.losses and self.losses[-1].step == step:
            self.losses.pop()
        loss, right = self._measured(self.rows)
        held_out = self.problem.held_out
        apart = (None, None) if held_out is None else self._measured(held_out)
        self.losses.append(Measured(step, loss, right, *apart))

    def _measured(self, rows: Rows) -> tuple[float, float | None]:
        """Return the mean loss, and the share of rows whose class is right; None for numbers."""
        scores = self.engine.scores(self.moment.vector, rows.x)
        xp, record = namespace(scores), self.objective.loss
        with np.errstate(all="ignore"):
            loss = float(weighted_mean(xp, record.rows(xp, scores, rows.y), rows.weight))
        if self.problem.kind == "numbers":
            return loss, None
        p, y = np.asarray(self.engine.predictions(scores)), np.asarray(rows.y)
        if p.shape[1] == 1:
            return loss, float(np.mean((p[:, 0] > 0.5) == (y[:, 0] > 0.5)))
        return loss, float(np.mean(np.argmax(p, axis=1) == np.argmax(y, axis=1)))

    @cached_property
    def plane(self) -> Plane:
        """The plane that its rows are drawn on."""
        return Plane.of(self.problem.subject)

    def state(self) -> TrainingState:
        """Return the moment as a training state."""
        moment, subject = self.moment, self.problem.subject
        return TrainingState(
            subject.objective.network,
            moment.vector,
            moment.slots,
            self._optimizer,
            self.problem.seed,
            moment.step,
            moment.epoch,
            self.learning_rate,
            moment.first_loss,
        )

    def _prepare(self) -> None:
        """Make the engine and the plan of an epoch, for the options as they are now."""
        rule = self.problem.subject.optimizer
        #: The engine that makes the steps: the one whose numbers are explained.
        self.engine = ReferenceEngine(self.objective, rule)
        rows = len(self.rows)
        size = min(StepOptions(self.learning_rate, self.batch_size).batch_size, rows)
        # the pass that is going on has no end of its own: epochs are not counted here
        self.plan = Plan(self.learning_rate, size, -(-rows // size), 1, constant, True)
        self._optimizer = rule.to_dict()

    def _go_to(self, moment: Moment) -> None:
        self.failure = None
        self.past.append(self.moment)
        self.moment = moment

    def _logged(self) -> tuple[Stretch | Edit, ...]:
        """Return the log with one more step."""
        strengths = {one.name: one.strength for one in self.objective.penalties}
        stretch = Stretch(
            0,
            self.learning_rate,
            self.batch_size,
            strengths.get("l1", 0.0),
            strengths.get("l2", 0.0),
            self.objective.dropout,
            tuple(sorted(self.frozen.items())),
        )
        log = self.moment.log
        goes_on = log and isinstance(log[-1], Stretch) and replace(log[-1], steps=0) == stretch
        if goes_on and not self._begins_again():
            last = log[-1]
            assert isinstance(last, Stretch)
            return (*log[:-1], replace(last, steps=last.steps + 1))
        return (*log, replace(stretch, steps=1))

    def _begins_again(self) -> bool:
        """Return True where the pass began again before its end, as after a change and back."""
        log, place = self.moment.log, self.moment.place
        last = log[-1]
        assert isinstance(last, Stretch)
        return place == 0 and last.steps % self.plan.steps != 0
