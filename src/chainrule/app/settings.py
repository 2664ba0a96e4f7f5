"""The settings of the command line, their rules, and their meaning for the fit."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from chainrule.app.flags import NETWORK, flag, flag_of, in_flags, read_flag, spelled
from chainrule.estimators.ingredients import LBFGS_NAME
from chainrule.estimators.rules import OPEN_SHARE, Rule, is_integer, one_of
from chainrule.formulas.initializers import initializers
from chainrule.formulas.loss import losses
from chainrule.formulas.optimizers import optimizers
from chainrule.formulas.records import activations
from chainrule.formulas.schedules import schedules
from chainrule.foundation.errors import InputError, must_be, suggest
from chainrule.tables.recipes import WIDTHS, presets

if TYPE_CHECKING:
    from chainrule.app.targets import Task

__all__ = [
    "ROWS",
    "Settings",
    "command_line",
    "network_options",
    "parse_hidden",
    "searching",
]

NUMBERS = one_of("auto", "scale", "target", "quantiles")
SEED = Rule(lambda value: is_integer(value) and value >= 0, "at least 0")
ROWS = (
    "Take only the rows for which a condition holds, as in SQL's where: \"age > 30 and city = "
    "'Bern'\"."
)
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
# Options of the estimator of tables itself.
OF_THE_TABLE = ("random_state", "n_threads", "early_stopping", "validation_fraction", "validation")
# Options that only one of the tasks has.
OF_CLASSES = ("class_weight", "label_smoothing")


def _names(catalogue: Any) -> str:
    return ", ".join(catalogue)


def _numbers(text: str) -> float | list[float]:
    """Return one number, or the list of several.

    Examples
    --------
    >>> _numbers("0.1"), _numbers("0.1, 0.2")
    (0.1, [0.1, 0.2])
    """
    numbers = [float(part) for part in text.split(",")]
    return numbers[0] if len(numbers) == 1 else numbers


def _batch(text: str) -> int | str:
    return text if text in ("auto", "noise") else int(text)


def _weights(text: str) -> str | dict[str, float]:
    """Return ``balanced``, or the weights by label of ``yes=5,no=1``.

    Examples
    --------
    >>> _weights("yes=5, no=1")
    {'yes': 5.0, 'no': 1.0}
    """
    if text == "balanced":
        return text
    pairs = [part.rpartition("=") for part in text.split(",")]
    if not all(label.strip() for label, _, _ in pairs):
        raise ValueError(text)
    return {label.strip(): float(weight) for label, _, weight in pairs}


CLASS_WEIGHT = Rule(
    lambda value: value == "balanced" or isinstance(value, Mapping),
    "balanced, or a weight per label, as in yes=5,no=1",
)


@dataclass(frozen=True)
class Settings:
    """The options of ``chainrule fit``; None stands for "what suits the data"."""

    test_fraction: float = flag(
        0.2, "", "Share of the rows to test on, never trained on.", panel=None, own_rule=OPEN_SHARE
    )
    seed: int = flag(
        0,
        "random_state",
        "Seed of the split, the start and the orders.",
        panel=None,
        own_rule=SEED,
    )
    groups: str | None = flag(
        None,
        "",
        "The column that names the group of each row, as a patient or a shop: no group is both "
        "trained and tested on.",
        panel=None,
        metavar="COLUMN",
    )
    weight: str | None = flag(
        None,
        "",
        "The column that says how much each row counts, in training and in every result.",
        panel=None,
        metavar="COLUMN",
    )
    rows: str | None = flag(None, "", ROWS, panel=None, metavar="WHERE")
    memory: str | None = flag(
        None,
        "",
        "Memory that the fit may take, as 500MB: a file that takes more is streamed. Half of what "
        "is free if left out.",
        panel=None,
        metavar="SIZE",
    )
    preset: str = flag(
        "fast",
        "",
        "The recipe: fast, one network; balanced, a bag of five; best, a search for settings. "
        "Other flags change it.",
        panel=None,
        metavar="NAME",
    )
    numbers: str = flag(
        "auto",
        "",
        "How numbers reach the network: scale, or by steps too, at splits of the target or at "
        "quantiles; auto tries them in short runs.",
        panel=None,
        metavar="scale|target|quantiles|auto",
        own_rule=NUMBERS,
    )
    hidden: str | None = flag(
        None,
        "hidden_layer_sizes",
        "Units per hidden layer, as 128,64, or none; 128,64 if left out.",
        panel=NETWORK,
        metavar="WIDTHS",
    )
    activation: str | None = flag(
        None,
        "activation",
        f"One name, or one per hidden layer: {_names(activations)}; silu if left out.",
        panel=NETWORK,
        metavar="NAMES",
    )
    initializer: str | None = flag(
        None,
        "initializer",
        f"How weights start: {_names(initializers)}; what suits each activation if left out.",
        panel=NETWORK,
        metavar="NAME",
    )
    loss: str | None = flag(
        None,
        "loss",
        f"What training makes small: {_names(losses)}; cross-entropy for classes and mse for "
        "numbers if left out.",
        panel=NETWORK,
        metavar="NAME",
    )
    n_folds: int | None = flag(
        None,
        "",
        "Networks, each validated on a fold of its own, in place of the preset's; 0 is one that "
        "all rows train.",
        panel=NETWORK,
        own_rule=SEED,
        also=("--n-estimators",),
    )
    solver: str | None = flag(
        None, "solver", f"{_names(optimizers)} or lbfgs; adamw if left out.", metavar="NAME"
    )
    learning_rate: float | None = flag(
        None,
        "learning_rate_init",
        "Full rate of the schedule; what suits the solver if left out.",
    )
    schedule: str | None = flag(
        None,
        "learning_rate",
        f"How the rate moves: {_names(schedules)}; one_cycle if left out.",
        metavar="NAME",
    )
    batch_size: str | None = flag(
        None,
        "batch_size",
        "Rows per step, or noise, which measures them; by the size of the table if left out.",
        metavar="ROWS",
        read=_batch,
    )
    epochs: int | None = flag(
        None, "max_iter", "Most passes over the rows; by the size of the table if left out."
    )
    l2: float | None = flag(None, "alpha", also=("--alpha",))
    l1: float | None = flag(None, "l1")
    weight_decay: float | None = flag(None, "weight_decay")
    dropout: str | None = flag(None, "dropout", metavar="SHARES", read=_numbers)
    label_smoothing: float | None = flag(None, "label_smoothing")
    class_weight: str | None = flag(
        None,
        "class_weight",
        "How much each class counts: balanced, or a weight per label, as in yes=5,no=1.",
        metavar="WEIGHTS",
        read=_weights,
        own_rule=CLASS_WEIGHT,
    )
    momentum: float | None = flag(None, "momentum")
    clip_norm: float | None = flag(None, "clip_norm")
    averaging: float | None = flag(None, "averaging")
    early_stopping: bool = flag(
        True,
        "early_stopping",
        "Hold out validation rows, and keep the best epoch.",
    )
    monitor: str | None = flag(
        None,
        "monitor",
        "What is watched on validation rows: loss, score (accuracy or R2), or the name of a "
        "scikit-learn scorer, as roc_auc; the loss if left out.",
        metavar="NAME",
    )
    patience: int | None = flag(
        None,
        "n_iter_no_change",
        "Epochs without improvement before training stops; never if left out.",
    )
    validation_fraction: float | None = flag(
        None,
        "validation_fraction",
        "Share of the training rows that a single network is validated on; 0.15 if left out.",
        own_rule=OPEN_SHARE,
    )
    validation: str = flag(
        "random",
        "validation",
        "Which rows are held out, to validate and to test on: random ones, or the last ones, for "
        "rows in order of time.",
        metavar="NAME",
        own_rule=one_of("random", "last"),
    )
    time_limit: float | None = flag(
        None,
        "time_limit",
        "Seconds after which training stops, and a search with --preset best.",
        metavar="SECONDS",
    )
    dtype: str | None = flag(
        None, "dtype", "float32 or float64; float32 if left out.", metavar="NAME"
    )
    engine: str | None = flag(None, "engine", "What computes.", metavar="NAME")
    device: str | None = flag(
        None, "device", "Where to compute: cpu, gpu, tpu, or one such as cuda:1.", metavar="NAME"
    )
    matmul_precision: str | None = flag(
        None,
        "matmul_precision",
        "Least precision of products: highest, high or default on an accelerator, bfloat16 there "
        "or on a CPU that has it.",
        metavar="NAME",
    )
    n_threads: int | None = flag(
        None,
        "n_threads",
        "Most threads; all cores that the process may use if left out.",
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be before any file is read."""
        widths = WIDTHS if self.hidden is None else parse_hidden(self.hidden)
        if self.activation is not None:
            _parse_activation(self.activation, len(widths))
        if self.loss is not None:
            losses.get(self.loss)
        if self.initializer is not None:
            initializers.get(self.initializer)
        if self.schedule is not None:
            schedules.get(self.schedule)
        presets.get(self.preset)
        solvers = [*optimizers, LBFGS_NAME]
        if self.solver is not None and self.solver not in solvers:
            advice = suggest(self.solver, solvers)
            raise must_be("--solver", f"one of {', '.join(solvers)}", self.solver, advice)
        for setting in fields(self):
            value = getattr(self, setting.name)
            if value is not None and setting.name not in ("hidden", "activation"):
                read_flag(setting.name, flag_of(setting), value)
        if self.dtype not in (None, "float32", "float64"):
            advice = suggest(self.dtype, ["float32", "float64"])
            raise must_be("--dtype", "float32 or float64", self.dtype, advice)
        if self.monitor is not None:
            from chainrule.estimators.monitoring import checked_scorer

            try:
                checked_scorer(self.monitor)
            except InputError as error:
                raise InputError(in_flags(str(error), Settings)) from None
        if self.groups is not None and self.validation == "last":
            raise InputError(
                "--groups must be left out with --validation last, which may cut a group in two; "
                f"got {self.groups!r}. Take --validation random."
            )
        if self.weight is not None and self.weight == self.groups:
            raise must_be("--weight", "another column than that of --groups", self.weight)


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
            words += (spelled(name), str(value))
    return shlex.join(words)


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


def network_options(settings: Settings, task: Task) -> dict[str, Any]:
    """Return the options of networks that flags change; the others are those of the recipe."""
    options: dict[str, Any] = {}
    for setting in fields(settings):
        known, value = flag_of(setting), getattr(settings, setting.name)
        if value is None or not known.option or known.option in OF_THE_TABLE:
            continue
        if known.option in OF_CLASSES and task == "regression":
            rule = "left out for a regression, which has no classes"
            raise must_be(spelled(setting.name), rule, value, "Or is it --task classification?")
        options[known.option] = read_flag(setting.name, known, value)
    widths: tuple[int, ...] = WIDTHS
    if settings.hidden is not None:
        options["hidden_layer_sizes"] = widths = parse_hidden(settings.hidden)
    if settings.activation is not None:
        options["activation"] = _parse_activation(settings.activation, len(widths))
    return options


def searching(settings: Settings, time: str) -> Settings:
    """Return the settings of a search that ends after a time like ``60s``.

    Examples
    --------
    >>> searching(Settings(), "2m").time_limit, searching(Settings(), "45").preset
    (120.0, 'best')
    """
    number, unit = (time[:-1], time[-1]) if time[-1:] in UNITS else (time, "s")
    try:
        seconds = float(number) * UNITS[unit]
    except ValueError:
        seconds = math.nan
    if not 0.0 < seconds < math.inf:
        raise must_be("--time-limit", "a time, as 60s, 10m or 1h", time)
    return replace(settings, preset="best", time_limit=seconds)
