"""A training that goes forward step by step, and back: each moment is kept, none is changed."""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.app.play.moments import (
    Done,
    Drawn,
    Edit,
    Failure,
    Measured,
    Moment,
    Point,
    Rule,
    Stretch,
)
from chainrule.app.play.plane import Plane
from chainrule.app.play.settings import Problem
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.formulas.loss import weighted_mean
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import DivergenceError
from chainrule.insight.subject import Subject
from chainrule.model.objective import Objective
from chainrule.training.batches import Plan, pass_by_steps
from chainrule.training.preparing import StepOptions
from chainrule.training.snapshot import Snapshot
from chainrule.training.state import TrainingState
from chainrule.training.windows import pass_order

__all__ = ["Run"]

# Moments to go back to: as many as fit into this memory, and not fewer than the second number.
MEMORY, FEWEST, MOST = 2**26, 200, 2000


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
        self.optimizer: Optimizer = subject.optimizer
        self.learning_rate = subject.learning_rate
        self.schedule, self.epochs = problem.schedule, problem.epochs
        self.batch_size = problem.batch_size
        self.frozen: dict[int, float] = {}
        self._prepare()
        self.failure: Failure | None = None
        self.start = self.moment = _start_of(problem)
        size = self.start.vector.nbytes * (1 + len(self.start.slots))
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
            optimizer=self.optimizer,
            learning_rate=self.rate,
            batch_size=self.batch_size,
        )

    @property
    def rate(self) -> float:
        """The rate of the next step, by the schedule."""
        steps = self.plan.steps
        rates = self.schedule.rates(
            self.learning_rate, self.moment.step, 1, steps, self.epochs * steps
        )
        return float(rates[0])

    @property
    def finished(self) -> bool:
        """True where a schedule that ends is at its end."""
        return self.schedule.needs_total and self.moment.epoch >= self.epochs

    @property
    def next_batch(self) -> np.ndarray:
        """The numbers of the rows of the next step."""
        n = len(self.rows)
        size, place = min(self.batch_size, n), self.moment.place
        return pass_order(self.problem.seed, self.moment.epoch, n)[
            place * size : (place + 1) * size
        ]

    def step(self) -> bool:
        """Make one step; return False where it diverged, or a schedule is at its end."""
        if self.finished:
            return False
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
                self.optimizer,
                self.problem,
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
            if self.moment.losses:
                self.losses = list(self.moment.losses)
        self._take(self.moment.problem)
        self.moment = self._tuned(replace(self.moment, losses=()))
        if not self._goes_on(self.moment):
            # the program that repeats it begins the pass again
            self.moment = replace(self.moment, place=0)
        while self.losses and self.losses[-1].step > self.moment.step:
            self.losses.pop()
        self.measure()
        return moved

    def reset(self) -> None:
        """Go to the same start, with the options as they are now."""
        self.failure = None
        self.past.clear()
        self.moment, self.losses = self._tuned(self.start), []
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

    def draw(self, problem: Problem, point: Point) -> bool:
        """Learn other rows from here on; return False where the network had to begin again.

        The pass over the rows begins again. Its numbers stay, unless the outputs are others.
        """
        self.failure = None
        moment, before = self.moment, self.problem
        self._take(problem)
        goes_on = len(self.start.vector) == len(moment.vector)
        if goes_on:
            log = (*moment.log, Drawn(before, point))
            self._go_to(
                replace(moment, problem=problem, log=log, place=0, batch=None, batch_loss=None)
            )
            self.losses = [one for one in self.losses if one.step < moment.step]
        else:
            self._go_to(self._tuned(self.start))
            self.past[-1] = replace(moment, losses=tuple(self.losses))
            self.losses = []
        self.measure()
        return goes_on

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
        for name in ("learning_rate", "batch_size", "schedule", "epochs", "optimizer"):
            setattr(self, name, changes.get(name, getattr(self, name)))
        self.objective = objective
        self._prepare()
        self.moment = replace(self._tuned(self.moment), place=0)
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

    def state(self, moment: Moment | None = None) -> TrainingState:
        """Return a moment, by default this one, as a training state."""
        moment, subject = moment or self.moment, self.problem.subject
        return TrainingState(
            subject.objective.network,
            moment.vector,
            moment.slots,
            moment.optimizer.to_dict(),
            self.problem.seed,
            moment.step,
            moment.epoch,
            self.learning_rate,
            moment.first_loss,
        )

    def _take(self, problem: Problem) -> None:
        """Take the rows of a problem, and its network; the options stay as they are now."""
        if problem is self.problem:
            return
        self.problem = problem
        described = problem.subject.objective
        if described.network.n_out != self.objective.network.n_out:
            self.frozen.clear()
        self.objective = replace(self.objective, network=described.network, loss=described.loss)
        self.start = _start_of(problem)
        self.__dict__.pop("plane", None)
        self._prepare()

    @property
    def before(self) -> np.ndarray:
        """The parameters of the moment before; those of now where there is none."""
        vector = self.past[-1].vector if self.past else self.moment.vector
        return vector if len(vector) == len(self.moment.vector) else self.moment.vector

    @property
    def base(self) -> Problem:
        """The problem at the start of what is logged."""
        drawn = [one for one in self.moment.log if isinstance(one, Drawn)]
        return drawn[0].before if drawn else self.problem

    def _prepare(self) -> None:
        """Make the engine and the plan of an epoch, for the options as they are now."""
        #: The engine that makes the steps: the one whose numbers are explained.
        self.engine = ReferenceEngine(self.objective, self.optimizer)
        rows = len(self.rows)
        size = min(StepOptions(self.learning_rate, self.batch_size).batch_size, rows)
        self.plan = Plan(
            self.learning_rate, size, -(-rows // size), self.epochs, self.schedule, shuffle=True
        )

    def _tuned(self, moment: Moment) -> Moment:
        """Return a moment with the optimizer as it is now."""
        if moment.optimizer == self.optimizer:
            return moment
        state = self.state(moment).tuned(self.optimizer)
        return replace(
            moment,
            vector=np.asarray(state.vector),
            slots=tuple(state.slots),
            optimizer=self.optimizer,
            log=(*moment.log, Rule(self.optimizer)),
        )

    def _go_to(self, moment: Moment) -> None:
        self.failure = None
        self.past.append(self.moment)
        self.moment = moment

    @property
    def _stretch(self) -> Stretch:
        """The options as they are now, with no steps yet."""
        strengths = {one.name: one.strength for one in self.objective.penalties}
        return Stretch(
            0,
            self.learning_rate,
            self.schedule,
            self.epochs,
            self.batch_size,
            strengths.get("l1", 0.0),
            strengths.get("l2", 0.0),
            self.objective.dropout,
            tuple(sorted(self.frozen.items())),
        )

    def _goes_on(self, moment: Moment) -> bool:
        """Return True if the last steps to a moment had the options of now."""
        last = moment.log[-1] if moment.log else None
        return isinstance(last, Stretch) and replace(last, steps=0) == self._stretch

    def _logged(self) -> tuple[Done, ...]:
        """Return the log with one more step."""
        log = self.moment.log
        if self._goes_on(self.moment) and not self._begins_again():
            last = log[-1]
            assert isinstance(last, Stretch)
            return (*log[:-1], replace(last, steps=last.steps + 1))
        return (*log, replace(self._stretch, steps=1))

    def _begins_again(self) -> bool:
        """Return True where the pass began again before its end, as after a change and back."""
        log, place = self.moment.log, self.moment.place
        last = log[-1]
        assert isinstance(last, Stretch)
        return place == 0 and last.steps % self.plan.steps != 0


def _start_of(problem: Problem) -> Moment:
    """Return the moment before the first step."""
    subject = problem.subject
    state = TrainingState.start(
        subject.objective.network,
        subject.optimizer,
        seed=problem.seed,
        dtype=subject.vector.dtype,
        parameters=subject.parameters,
    )
    slots = subject.slots or state.slots
    vector = np.asarray(state.vector)
    return Moment(vector, slots, subject.optimizer, problem, step=subject.step)
