"""The beginning of a run: arrays and options, checked once, as engine, rows, state and plan."""

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from chainrule.engines.choice import choose_engine
from chainrule.engines.engine import Engine, Rows
from chainrule.engines.resources import Resources
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer, optimizers
from chainrule.formulas.schedules import Schedule, constant
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.real_numbers import check_count, is_real
from chainrule.model.network import Network
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.batches import Plan
from chainrule.training.sources import make_rows
from chainrule.training.state import TrainingState

__all__ = ["Beginning", "Setup", "StepOptions", "begin", "clock_limit", "make_plan"]


@dataclass(frozen=True, eq=False)
class Setup:
    """The problem of a run and its start; the fields are arguments of `train`."""

    loss: str | Loss
    optimizer: str | Optimizer
    l2: float
    l1: float
    label_smoothing: float
    dropout: float | Sequence[float]
    seed: int
    dtype: Any
    parameters: Parameters | None
    state: TrainingState | None
    engine: str | Engine
    resources: Resources


@dataclass(frozen=True)
class StepOptions:
    """The steps of a run; the fields are arguments of `train`.

    Examples
    --------
    >>> StepOptions(learning_rate=0.1, batch_size=0)
    Traceback (most recent call last):
    ...
    chainrule.foundation.errors.InputError: batch_size must be a positive integer; got 0.
    """

    learning_rate: float
    batch_size: int
    schedule: Schedule = constant
    shuffle: bool = True
    drop_last: bool = False

    def __post_init__(self) -> None:
        check_count("batch_size", self.batch_size)
        rate = self.learning_rate
        if not isinstance(rate, float | int | np.floating | np.integer) or not (
            0.0 < rate <= sys.float_info.max
        ):
            raise must_be("learning_rate", "positive and finite", rate)


class Beginning(NamedTuple):
    """Objective, engine, rows, the state to move on, and the rate where none is given."""

    objective: Objective
    engine: Engine
    rows: Rows
    state: TrainingState
    learning_rate: float


def begin(network: Network, x: Any, y: Any, sample_weight: Any, setup: Setup) -> Beginning:
    """Check arrays against a network and its loss."""
    objective = Objective.with_strengths(
        network, setup.loss, l2=setup.l2, l1=setup.l1, dropout=setup.dropout
    )
    rule, state = optimizers.get(setup.optimizer), setup.state
    if state is None:
        state = TrainingState.start(
            network, rule, seed=setup.seed, dtype=setup.dtype, parameters=setup.parameters, x=x
        )
    smoothing = setup.label_smoothing
    rows = make_rows(objective, x, y, sample_weight, like=state.vector, label_smoothing=smoothing)
    chosen = choose_engine(setup.engine, objective, rule, setup.resources)
    return Beginning(objective, chosen, rows, state, rule.learning_rate)


def make_plan(
    engine: Engine, n_rows: int, state: TrainingState, steps: StepOptions, epochs: int
) -> Plan:
    """Return the plan of the epochs; refuse a state that belongs to another run."""
    check_count("epochs", epochs)
    if state.optimizer != engine.optimizer.to_dict():
        raise InputError(
            f"optimizer must be the one the state belongs to, {state.optimizer}; got "
            f"{engine.optimizer.to_dict()}. Start a new run to change it."
        )
    if state.network != engine.objective.network:
        raise InputError(
            f"network must be the one the state belongs to, {state.network}; got "
            f"{engine.objective.network}."
        )
    batch_size = min(steps.batch_size, n_rows)
    whole, rest = divmod(n_rows, batch_size)
    return Plan(
        steps.learning_rate,
        batch_size,
        steps=whole if steps.drop_last or not rest else whole + 1,
        last_epoch=state.epoch + epochs,
        schedule=steps.schedule,
        shuffle=steps.shuffle,
    )


def clock_limit(time_limit: float | None) -> float:
    """Return the reading of the clock after which no epoch is begun."""
    if time_limit is None:
        return math.inf
    if not (is_real(time_limit) and time_limit > 0.0):
        raise must_be("time_limit", "None or a positive number of seconds", time_limit)
    return time.perf_counter() + time_limit
