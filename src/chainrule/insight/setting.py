"""The setting of short training runs, from what a report is given."""

import math
from typing import Any

import numpy as np

from chainrule.engines.choice import choose_engine
from chainrule.engines.engine import Engine, Rows
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer, optimizers
from chainrule.foundation.errors import InputError, must_be
from chainrule.insight.subject import Subject
from chainrule.model.network import Network
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.row_blocks import drawn_places
from chainrule.training.trials import Setting

__all__ = ["LOOK_ROWS", "setting_of"]

# Rows that a loss is measured on; one draw, the same for all runs.
LOOK_ROWS = 1024


def setting_of(
    model: Subject | Network,
    loss: str | Loss | None,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    optimizer: str | Optimizer | None = None,
    learning_rate: float | None = None,
    start: Parameters | None = None,
    seed: int = 0,
    engine: str | Engine = "auto",
    look_rows: int = LOOK_ROWS,
) -> Setting:
    """Return the setting of a subject, or of a network, a loss and arrays."""
    if isinstance(model, Subject):
        if any(one is not None for one in (loss, x, y, sample_weight)):
            raise InputError(
                "loss, x, y and sample_weight must be left out with a Subject, which holds "
                "them; got both. Pass a Network to give them."
            )
        subject = model
    elif isinstance(model, Network):
        if loss is None or x is None or y is None:
            raise InputError(
                "loss, x and y must be given with a Network; got None. Pass them, or a Subject."
            )
        drawn = model.start(seed, _dtype(x)) if start is None else start
        rule = optimizers.get("sgd" if optimizer is None else optimizer)
        subject = Subject.of(
            Objective(model, loss),
            drawn,
            x,
            y,
            sample_weight,
            optimizer=rule,
            learning_rate=rule.learning_rate,
        )
    else:
        raise must_be("model", "a Subject or a Network", type(model).__name__)
    rule = subject.optimizer if optimizer is None else optimizers.get(optimizer)
    if learning_rate is None:
        same = rule == subject.optimizer
        learning_rate = subject.learning_rate if same else rule.learning_rate
    if not 0.0 < learning_rate < math.inf:
        raise must_be("learning_rate", "positive and finite", learning_rate)
    network = subject.objective.network
    if start is None:
        start = network.start(seed, subject.vector.dtype.name)
    elif start.layout != network.layout:
        raise InputError(
            f"start must be parameters of the network, {network.layout.shapes}; got "
            f"{start.layout.shapes}."
        )
    rows = subject.rows
    look = rows
    if len(rows) > look_rows:
        look = Rows(*rows.take(drawn_places(rows, look_rows, seed)))
    setting = Setting(
        choose_engine(engine, subject.objective, rule),
        rows,
        np.asarray(start.vector, dtype=subject.vector.dtype),
        float(learning_rate),
        look,
        seed,
    )
    first = setting.loss(setting.start)
    if not math.isfinite(first):
        raise InputError(
            f"start must give a finite loss; got {first}. Start elsewhere, or scale inputs and "
            "targets."
        )
    return setting


def _dtype(x: Any) -> str:
    """Return the precision that suits the inputs: float32 stays, all else is float64."""
    return "float32" if getattr(x, "dtype", None) in (np.float32, np.float16) else "float64"
