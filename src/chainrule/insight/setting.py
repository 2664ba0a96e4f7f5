"""The setting of short training runs, from the arguments of a report."""

import math
from dataclasses import dataclass
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

__all__ = ["LOOK_ROWS", "Problem", "RunOptions", "setting_of"]

# Rows to measure a loss on; one draw, the same for all runs.
LOOK_ROWS = 1024


@dataclass(frozen=True, eq=False)
class Problem:
    """A network to train, with its loss and rows.

    Attributes
    ----------
    model : Subject or Network
        A subject holds loss, rows, optimizer and rate; a network needs ``loss``, ``x`` and ``y``.
    loss, x, y, sample_weight
        As in `chainrule.train`, with a Network.
    """

    model: Subject | Network
    loss: str | Loss | None = None
    x: Any = None
    y: Any = None
    sample_weight: Any = None


@dataclass(frozen=True, eq=False)
class RunOptions:
    """The options of short training runs.

    Attributes
    ----------
    optimizer, learning_rate : optional
        Instead of those of the subject.
    start : Parameters, optional
        The start of every run; by default drawn from the seed, as in training.
    seed : int
        Seed of start, sampled rows and orders.
    engine : str or Engine
        The engine that computes.
    look_rows : int
        Number of rows to measure losses on.
    """

    optimizer: str | Optimizer | None = None
    learning_rate: float | None = None
    start: Parameters | None = None
    seed: int = 0
    engine: str | Engine = "auto"
    look_rows: int = LOOK_ROWS


def setting_of(problem: Problem, options: RunOptions | None = None) -> Setting:
    """Return the setting of training runs; refuse layers that share parameters."""
    options = options or RunOptions()
    subject = _subject(problem, options)
    subject.check_trainable()
    optimizer, learning_rate, start = options.optimizer, options.learning_rate, options.start
    rule = subject.optimizer if optimizer is None else optimizers.get(optimizer)
    if learning_rate is None:
        same = rule == subject.optimizer
        learning_rate = subject.learning_rate if same else rule.learning_rate
    if not 0.0 < learning_rate < math.inf:
        raise must_be("learning_rate", "positive and finite", learning_rate)
    network = subject.objective.network
    if start is None:
        start = network.start(options.seed, subject.vector.dtype.name)
    elif start.layout != network.layout:
        raise InputError(
            f"start must be parameters of the network, {network.layout.shapes}; got "
            f"{start.layout.shapes}."
        )
    rows = subject.rows
    look = rows
    if len(rows) > options.look_rows:
        look = Rows(*rows.take(drawn_places(rows, options.look_rows, options.seed)))
    setting = Setting(
        choose_engine(options.engine, subject.objective, rule),
        rows,
        np.asarray(start.vector, dtype=subject.vector.dtype),
        float(learning_rate),
        look,
        options.seed,
    )
    first = setting.loss(setting.start)
    if not math.isfinite(first):
        raise InputError(
            f"start must give a finite loss; got {first}. Start elsewhere, or scale inputs and "
            "targets."
        )
    return setting


def _subject(problem: Problem, options: RunOptions) -> Subject:
    """Return the subject given, or that of the network and arrays given."""
    model, loss, x, y = problem.model, problem.loss, problem.x, problem.y
    if isinstance(model, Subject):
        if any(one is not None for one in (loss, x, y, problem.sample_weight)):
            raise InputError(
                "loss, x, y and sample_weight must be left out with a Subject, which holds "
                "them; got both. Pass a Network to give them."
            )
        return model
    if isinstance(model, Network):
        if loss is None or x is None or y is None:
            raise InputError(
                "loss, x and y must be given with a Network; got None. Pass them, or a Subject."
            )
        start = options.start
        drawn = model.start(options.seed, _dtype(x)) if start is None else start
        rule = optimizers.get("sgd" if options.optimizer is None else options.optimizer)
        return Subject.of(
            Objective(model, loss),
            drawn,
            x,
            y,
            problem.sample_weight,
            optimizer=rule,
            learning_rate=rule.learning_rate,
        )
    raise must_be("model", "a Subject or a Network", type(model).__name__)


def _dtype(x: Any) -> str:
    """Return the precision that suits the inputs: float32 stays, all else is float64."""
    return "float32" if getattr(x, "dtype", None) in (np.float32, np.float16) else "float64"
