"""What a run begins with: arrays and options, checked once, as engine, rows, state and plan."""

import math
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.engines.choice import choose_engine
from chainrule.engines.engine import Engine, Rows
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer, optimizers
from chainrule.formulas.schedules import Schedule
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.real_numbers import is_real
from chainrule.model.network import Network
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.batches import Plan
from chainrule.training.sources import make_rows
from chainrule.training.state import TrainingState

__all__ = ["Beginning", "begin", "make_plan"]


class Beginning(NamedTuple):
    """Objective, engine, rows, the state to move on, and the rate where none is given."""

    objective: Objective
    engine: Engine
    rows: Rows
    state: TrainingState
    learning_rate: float


def begin(
    network: Network,
    x: Any,
    y: Any,
    sample_weight: Any,
    *,
    loss: str | Loss,
    optimizer: str | Optimizer,
    l2: float,
    l1: float,
    label_smoothing: float,
    dropout: float | Sequence[float],
    seed: int,
    dtype: Any,
    parameters: Parameters | None,
    state: TrainingState | None,
    engine: str | Engine,
    n_threads: int | None,
) -> Beginning:
    """Check arrays against a network and its loss; the arguments are those of `train`."""
    objective = Objective.with_strengths(network, loss, l2=l2, l1=l1, dropout=dropout)
    rule = optimizers.get(optimizer)
    if state is None:
        state = TrainingState.start(network, rule, seed=seed, dtype=dtype, parameters=parameters)
    rows = make_rows(
        objective, x, y, sample_weight, like=state.vector, label_smoothing=label_smoothing
    )
    chosen = choose_engine(engine, objective, rule, n_threads)
    return Beginning(objective, chosen, rows, state, rule.learning_rate)


def make_plan(
    engine: Engine,
    rows: Rows,
    state: TrainingState,
    *,
    learning_rate: float,
    batch_size: int,
    epochs: int,
    schedule: Schedule,
    shuffle: bool = True,
    drop_last: bool = False,
    patience: float | None = None,
    tolerance: float = 0.0,
    time_limit: float | None = None,
) -> Plan:
    """Check the options of a run, and return what stays the same from epoch to epoch."""
    counts: dict[str, Any] = {"batch_size": batch_size, "epochs": epochs}
    if patience is not None and patience != math.inf:
        counts["patience"] = patience
    for name, count in counts.items():
        integer = isinstance(count, int | np.integer) and not isinstance(count, bool)
        if not integer or count < 1:
            raise must_be(name, "a positive integer", count)
    if not isinstance(learning_rate, float | int | np.floating | np.integer) or not (
        0.0 < learning_rate <= sys.float_info.max
    ):
        raise must_be("learning_rate", "positive and finite", learning_rate)
    if not is_real(tolerance) or not 0.0 <= tolerance < math.inf:
        raise must_be("tolerance", "a number of at least 0", tolerance)
    if time_limit is not None and not (is_real(time_limit) and time_limit > 0.0):
        raise must_be("time_limit", "None or a positive number of seconds", time_limit)
    if state.optimizer != engine.optimizer.to_dict():
        raise InputError(
            f"optimizer must be the one the state belongs to, {state.optimizer}; got "
            f"{engine.optimizer.to_dict()}. Start anew to change it."
        )
    if state.network != engine.objective.network:
        raise InputError(
            f"network must be the one the state belongs to, {state.network}; got "
            f"{engine.objective.network}."
        )
    batch_size = min(batch_size, len(rows))
    whole, rest = divmod(len(rows), batch_size)
    return Plan(
        learning_rate,
        batch_size,
        steps=whole if drop_last or not rest else whole + 1,
        last_epoch=state.epoch + epochs,
        schedule=schedule,
        shuffle=shuffle,
    )
