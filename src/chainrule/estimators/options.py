"""The options that both estimators take: what each may be, and what it means.

An option stands in one record here; the classes' signatures name it with its default, and their
documentation is put together from both.
"""

import inspect
import math
import numbers
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

__all__ = ["OPTIONS", "Option", "Rule", "described", "is_count", "is_integer"]


class Rule(NamedTuple):
    """What a value must be: as a test, and in words."""

    holds: Callable[[Any], bool]
    words: str


def is_integer(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool | np.bool_)


def is_count(value: Any) -> bool:
    return is_integer(value) and value >= 1


def _is_real(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _between(low: float, high: float, words: str) -> Rule:
    """Return the rule of numbers from ``low``, included, to below ``high``."""
    return Rule(lambda value: _is_real(value) and low <= value < high, words)


def _or_none(rule: Rule) -> Rule:
    return Rule(lambda value: value is None or rule.holds(value), f"None or {rule.words}")


def _one_of(*names: str) -> Rule:
    words = " or ".join(repr(name) for name in names)
    return Rule(lambda value: isinstance(value, str) and value in names, words)


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


TINY = math.ulp(0.0)
FLAG = Rule(_is_flag, "True or False")
COUNT = Rule(is_count, "a positive integer")
POSITIVE = _between(TINY, math.inf, "a positive number")
NOT_NEGATIVE = _between(0.0, math.inf, "a number of at least 0")
SHARE = _between(0.0, 1.0, "at least 0 and below 1")
OPEN_SHARE = _between(TINY, 1.0, "between 0 and 1, both excluded")
BATCH = Rule(
    lambda value: is_count(value) or (isinstance(value, str) and value in ("auto", "noise")),
    "'auto', 'noise' or a positive integer",
)
PATIENCE = Rule(
    lambda value: is_count(value) or (_is_real(value) and value == math.inf),
    "a positive integer, or infinity",
)
DROPOUT = Rule(
    lambda value: all(map(SHARE.holds, value if isinstance(value, list | tuple) else [value])),
    "at least 0 and below 1, or a list with one such number per hidden layer",
)
VERBOSITY = Rule(
    lambda value: _is_flag(value) or (is_integer(value) and value >= 0),
    "True, False or an integer of at least 0",
)


@dataclass(frozen=True)
class Option:
    """One argument of the constructors.

    Attributes
    ----------
    kind : str
        Its type or its values, as documentation names them.
    text : str
        What it means.
    rule : Rule, optional
        What a value must be; None where it is looked up in a catalogue, which refuses.
    """

    kind: str
    text: str
    rule: Rule | None = None


OPTIONS: dict[str, Option] = {
    "hidden_layer_sizes": Option(
        "int or sequence of int",
        "Units per hidden layer; ``()`` is a network without hidden layers.",
    ),
    "activation": Option(
        "str, Activation, or list of them",
        "A name from `chainrule.activations` for all hidden layers, or a list with one per layer.",
    ),
    "solver": Option(
        '{"adam", "sgd", "adamw", "rmsprop", "lbfgs"} or Optimizer',
        "The update rule; ``lbfgs`` is SciPy's, on all rows at once.",
    ),
    "alpha": Option(
        "float",
        "Strength of the l2 penalty on weights (not biases), whatever the batch size.",
        NOT_NEGATIVE,
    ),
    "batch_size": Option(
        'int, "auto" or "noise"',
        'Rows per step; ``"auto"`` is min(200, n_samples), ``"noise"`` measures the noise of the '
        "gradient and takes the power of two from 32 to 1024 where more rows stop paying.",
        BATCH,
    ),
    "learning_rate": Option("str or Schedule", "A name from `chainrule.schedules`."),
    "learning_rate_init": Option("float", "The rate that the schedule starts from.", POSITIVE),
    "power_t": Option("float", "Power of the ``invscaling`` schedule.", NOT_NEGATIVE),
    "max_iter": Option("int", "Most epochs (iterations, for ``lbfgs``).", COUNT),
    "time_limit": Option(
        "float or None",
        "Seconds after which no epoch is begun; at least one is made. How many are made then "
        "depends on the machine, and so does the result.",
        _or_none(POSITIVE),
    ),
    "shuffle": Option("bool", "Whether each epoch has an order of its own.", FLAG),
    "random_state": Option(
        "int, generator or None",
        "Seed of the start, the orders and the split; the seed used is kept in ``seed_``.",
    ),
    "tol": Option(
        "float",
        "Improvement of the watched value that counts: of a score as it is, or of a loss in the "
        "unit of the best constant answer's (1 for classes, the variance for squared errors).",
        NOT_NEGATIVE,
    ),
    "verbose": Option(
        "bool or int",
        "True shows a progress bar where stderr is a terminal and the package rich is installed, "
        "else a line per epoch; an integer k above 1 prints a line for every k-th epoch.",
        VERBOSITY,
    ),
    "callbacks": Option(
        "callable or list of callables",
        "What is called with the `Epoch` after each epoch, its losses in the unit of y, when the "
        "estimator is already fitted. Returning True ends training; an error ends it too, and "
        "leaves the estimator as it is after that epoch.",
        Rule(
            lambda value: value is None or all(map(callable, _listed(value))),
            "None, a function of an epoch, or a list of them",
        ),
    ),
    "warm_start": Option("bool", "Whether `fit` goes on from where the last one ended.", FLAG),
    "momentum": Option("float", "Momentum of ``sgd``.", SHARE),
    "nesterovs_momentum": Option("bool", "Whether that momentum looks ahead.", FLAG),
    "early_stopping": Option(
        "bool",
        "Whether to hold out a share of the rows, stop when what ``monitor`` names no longer gets "
        "better on them, and keep the best parameters.",
        FLAG,
    ),
    "validation_fraction": Option("float", "That share.", OPEN_SHARE),
    "validation": Option(
        '{"random", "last"}',
        'Which rows are held out: ``"random"`` ones, with the shares of the classes kept, or whole '
        '``groups`` where `fit` is given them; or the ``"last"`` ones, for rows in order of time.',
        _one_of("random", "last"),
    ),
    "beta_1": Option(
        "float", "Share of the mean gradient that ``adam`` and ``adamw`` keep per step.", SHARE
    ),
    "beta_2": Option("float", "Share of the mean squared gradient that they keep.", SHARE),
    "epsilon": Option(
        "float",
        "Added to the root in ``adam``, ``adamw`` and ``rmsprop``, against division by 0.",
        POSITIVE,
    ),
    "n_iter_no_change": Option(
        "int or infinity", "Epochs without improvement before training stops.", PATIENCE
    ),
    "max_fun": Option("int", "Most evaluations of the gradient by ``lbfgs``.", COUNT),
    "dtype": Option(
        '{"float32", "float64"}', "Precision of parameters and computation; None follows X."
    ),
    "engine": Option(
        "str or Engine",
        "What computes: the compiled engine where it can, else the reference engine.",
    ),
    "class_weight": Option(
        'dict, "balanced", or list of dict',
        "How much each label counts, times ``sample_weight``, in training and on held-out rows: a "
        'dict by label, all labels named; ``"balanced"`` is n / (k n_c) for class c of k, counted '
        "with sample weights. For multilabel targets a list with a dict over 0 and 1 per label: a "
        "row then counts by the product over its labels, as in scikit-learn.",
        Rule(
            lambda value: (
                value == "balanced"
                if isinstance(value, str)
                else value is None or isinstance(value, Mapping | list | tuple)
            ),
            "None, 'balanced', a dict by label, or a list of dicts for multilabel targets",
        ),
    ),
    "n_threads": Option(
        "int",
        "Most threads of the compiled engine; None is all cores the process may use. The result "
        "has the same bits for any number.",
        _or_none(COUNT),
    ),
    "n_estimators": Option(
        "int",
        "Networks of different seeds, trained side by side on the threads; their mean answer is "
        "that of the estimator. Each holds out rows of its own.",
        COUNT,
    ),
    "weight_decay": Option(
        "float",
        "Decoupled decay of the optimizer; None takes the solver's own (0.01 for ``adamw``).",
        _or_none(NOT_NEGATIVE),
    ),
    "monitor": Option(
        "str or scorer",
        'What is watched on held-out rows: ``"score"`` (accuracy or R2), ``"loss"``, the name of a '
        'scikit-learn scorer, as ``"roc_auc"``, or a scorer ``f(estimator, X, y)``, of which more '
        "is better.",
    ),
    "l1": Option(
        "float",
        "Strength of the l1 penalty on weights (not biases), which draws small weights to 0.",
        NOT_NEGATIVE,
    ),
    "dropout": Option(
        "float or list of float",
        "Share of the units of every hidden layer, or of each, that a step of training leaves out; "
        "``loss_curve_`` is of such steps, all else of the whole network.",
        DROPOUT,
    ),
    "clip_norm": Option(
        "float",
        "Largest norm of the gradient of all parameters together; a longer one is shortened to it.",
        _or_none(POSITIVE),
    ),
    "averaging": Option(
        "float",
        "Share of a running average of the parameters that each step keeps, such as 0.99; the "
        "average is what is measured and shown, and 0 is none.",
        SHARE,
    ),
    "label_smoothing": Option(
        "float",
        "Share of every label that training spreads over all classes; losses and scores on "
        "held-out rows are of the labels themselves.",
        SHARE,
    ),
}


def described(signature: inspect.Signature) -> str:
    """Return the numpydoc lines of the options in a signature, in its order."""
    lines = []
    for name, parameter in signature.parameters.items():
        if name in OPTIONS:
            option, default = OPTIONS[name], parameter.default
            value = f'"{default}"' if isinstance(default, str) else default
            lines.append(f"{name} : {option.kind}, default={value}")
            lines.append(textwrap.indent(textwrap.fill(option.text, 92), "    "))
    return "\n".join(lines)
