"""What a person may turn on the command line, checked, and what each setting means for the fit."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chainrule.app.targets import Task
from chainrule.estimators.ingredients import LBFGS_NAME
from chainrule.formulas.loss import losses
from chainrule.formulas.optimizers import optimizers
from chainrule.formulas.records import activations
from chainrule.formulas.schedules import schedules
from chainrule.foundation.errors import must_be, suggest

__all__ = ["Settings", "command_line", "estimator_options", "parse_hidden"]

# The rate each solver starts from (the peak, with one_cycle).
RATES = {"sgd": 0.02, "rmsprop": 1e-3}
RATE = 3e-3


@dataclass(frozen=True)
class Settings:
    """The options of ``chainrule fit``; None stands for "what suits the data"."""

    hidden: str = "128,64"
    activation: str = "relu"
    loss: str | None = None
    solver: str = "adam"
    learning_rate: float | None = None
    schedule: str = "one_cycle"
    batch_size: int | None = None
    epochs: int | None = None
    l2: float = 1e-3
    momentum: float = 0.9
    early_stopping: bool = True
    patience: int | None = None
    validation_fraction: float = 0.15
    test_fraction: float = 0.2
    time_limit: float | None = None
    seed: int = 0
    dtype: str = "float32"
    engine: str = "auto"

    def __post_init__(self) -> None:
        """Refuse what cannot be before any file is read."""
        parse_hidden(self.hidden)
        _parse_activation(self.activation, len(parse_hidden(self.hidden)))
        if self.loss is not None:
            losses.get(self.loss)
        schedules.get(self.schedule)
        solvers = [*optimizers, LBFGS_NAME]
        if self.solver not in (*solvers, *optimizers):
            advice = suggest(self.solver, solvers)
            raise must_be("--solver", f"one of {', '.join(solvers)}", self.solver, advice)
        for name, (right, rule) in RULES.items():
            value = getattr(self, name)
            if value is not None and not right(value):
                raise must_be(f"--{name.replace('_', '-')}", rule, value)
        if self.dtype not in ("float32", "float64"):
            advice = suggest(self.dtype, ["float32", "float64"])
            raise must_be("--dtype", "float32 or float64", self.dtype, advice)


def command_line(data: str, target: str | None, settings: Settings, task: str | None) -> str:
    """Return the command that trains the same model again.

    Examples
    --------
    >>> command_line("my data.csv", "price", Settings(epochs=5, early_stopping=False), None)
    "chainrule fit 'my data.csv' --target price --no-early-stopping --epochs 5"
    """
    words = ["chainrule", "fit", data, *(() if target is None else ("--target", target))]
    words += () if task is None else ("--task", task)
    usual = Settings()
    if settings.early_stopping != usual.early_stopping:
        words.append("--early-stopping" if settings.early_stopping else "--no-early-stopping")
    for name, value in vars(settings).items():
        if value != getattr(usual, name) and name != "early_stopping":
            words += (f"--{name.replace('_', '-')}", str(value))
    return shlex.join(words)


def _positive(value: float) -> bool:
    return 0.0 < value < math.inf


def _not_negative(value: float) -> bool:
    return 0.0 <= value < math.inf


def _share(value: float) -> bool:
    return 0.0 < value < 1.0


RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "learning_rate": (_positive, "a positive number"),
    "batch_size": (_positive, "at least 1"),
    "epochs": (_positive, "at least 1"),
    "patience": (_positive, "at least 1"),
    "l2": (_not_negative, "a number of at least 0"),
    "momentum": (lambda value: 0.0 <= value < 1.0, "at least 0 and below 1"),
    "validation_fraction": (_share, "between 0 and 1, both excluded"),
    "test_fraction": (_share, "between 0 and 1, both excluded"),
    "time_limit": (_positive, "a positive number of seconds"),
    "seed": (_not_negative, "at least 0"),
}


def parse_hidden(text: str) -> tuple[int, ...]:
    """Return the widths of the hidden layers.

    Examples
    --------
    >>> parse_hidden("128, 64"), parse_hidden("none")
    ((128, 64), ())
    """
    if text.strip().lower() in ("none", ""):
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        advice = "Give one width per hidden layer, as in 128,64, or none."
        raise must_be("--hidden", "whole numbers of at least 1, separated by commas", text, advice)
    return tuple(int(part) for part in parts)


def _parse_activation(text: str, n_hidden: int) -> str | list[str]:
    names = [part.strip() for part in text.split(",")]
    for name in names:
        activations.get(name)
    if len(names) == 1:
        return names[0]
    if len(names) != n_hidden:
        advice = f"--hidden has {n_hidden} of them."
        raise must_be("--activation", "one name, or one per hidden layer", text, advice)
    return names


def estimator_options(settings: Settings, task: Task, rows: int) -> dict[str, Any]:
    """Return the estimator's arguments for so many training rows.

    Small tables get many epochs of small batches, large ones few epochs of large batches: some
    thousands of steps in each case. The peak of the schedule lies early, so the watched value may
    worsen for a while: patience is half the epochs at least.
    """
    batch_size = settings.batch_size
    if batch_size is None:
        batch_size = next(size for limit, size in BATCHES if rows < limit)
    epochs = settings.epochs
    if epochs is None:
        epochs = next(number for limit, number in EPOCHS if rows < limit)
        epochs = 500 if settings.solver == LBFGS_NAME else epochs
    patience: float | None = settings.patience
    if patience is None:
        patience = max(10, epochs // 2) if settings.early_stopping else math.inf
    rate = settings.learning_rate
    options: dict[str, Any] = {
        "hidden_layer_sizes": parse_hidden(settings.hidden),
        "activation": _parse_activation(settings.activation, len(parse_hidden(settings.hidden))),
        "initializer": None,  # the rates here suit the start that goes with each activation
        "solver": settings.solver,
        "alpha": settings.l2,
        "max_iter": epochs,
        "time_limit": settings.time_limit,
        "random_state": settings.seed,
        "momentum": settings.momentum,
        "early_stopping": settings.early_stopping,
        "n_iter_no_change": patience,
        "dtype": settings.dtype,
        "engine": settings.engine,
    }
    steps, usual = settings.solver != LBFGS_NAME, Settings()
    # what has no effect is passed on only where a person asked for it, and is then warned of
    if steps or settings.batch_size is not None:
        options["batch_size"] = min(batch_size, rows)
    if steps or settings.schedule != usual.schedule:
        options["learning_rate"] = settings.schedule
    if steps or rate is not None:
        options["learning_rate_init"] = RATES.get(settings.solver, RATE) if rate is None else rate
    if settings.early_stopping:
        options["monitor"] = "loss"
    if settings.early_stopping or settings.validation_fraction != usual.validation_fraction:
        options["validation_fraction"] = settings.validation_fraction
    if settings.loss is not None:
        options["loss"] = settings.loss
    return options


# (rows below, batch size) and (rows below, epochs).
BATCHES = ((5_000, 32), (20_000, 128), (200_000, 256), (1_000_000, 512), (math.inf, 1024))
EPOCHS = ((5_000, 60), (200_000, 30), (1_000_000, 15), (math.inf, 8))
