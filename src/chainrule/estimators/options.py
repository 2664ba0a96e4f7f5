"""The options that both estimators take: what each may be, and what it means.

An option stands in one record here; the classes' signatures name it with its default, and their
documentation is put together from both.
"""

import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chainrule.estimators.conditions import (
    COMPILED,
    FRACTION,
    HELD_OUT,
    HIDDEN,
    HIDDEN_STEPS,
    IN_PASSES,
    INVSCALING,
    LBFGS,
    MOMENTUM,
    NAMED_STEPS,
    NEVER_IN_PASSES,
    NO_OWN_ROWS,
    PATIENT,
    RATE,
    SHARE_HELD_OUT,
    STEPS,
    TOLERANT,
    Condition,
    by_name,
)
from chainrule.estimators.ingredients import hidden_widths, solver_of
from chainrule.estimators.rules import (
    BATCH,
    COUNT,
    DROPOUT,
    FLAG,
    NOT_NEGATIVE,
    OPEN_SHARE,
    PATIENCE,
    POSITIVE,
    SHARE,
    VERBOSITY,
    Rule,
    listed,
    one_of,
    or_none,
)
from chainrule.formulas.initializers import initializers
from chainrule.formulas.loss import losses
from chainrule.formulas.rate_factors import RateFactors, rate_factors
from chainrule.formulas.records import Activation, activations
from chainrule.foundation.arrays import floating_dtype

__all__ = ["OPTIONS", "Option", "described"]


def _activations(own: Any) -> list[Activation]:
    widths = hidden_widths(own.hidden_layer_sizes)
    if isinstance(own.activation, str | Activation):
        return [activations.get(own.activation)] * len(widths)
    return [activations.get(activation) for activation in own.activation]


def _rate_factors(own: Any) -> list[RateFactors]:
    asked = own.rate_factors
    if isinstance(asked, str | RateFactors):
        return [rate_factors.get(asked)] * (len(hidden_widths(own.hidden_layer_sizes)) + 1)
    return [rate_factors.get(one) for one in asked]


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
    acts : Condition, optional
        When it has an effect; None is always.
    in_passes : Condition, optional
        When it has an effect in ``partial_fit``, where that differs from ``acts``.
    fixed : callable, optional
        What it means, from the estimator, for an option that training is built on: it may not
        change once training has begun. None where a change is used from then on.
    """

    kind: str
    text: str
    rule: Rule | None = None
    acts: Condition | None = None
    in_passes: Condition | None = None
    fixed: Callable[[Any], Any] | None = None


OPTIONS: dict[str, Option] = {
    # each class documents its own
    "loss": Option(
        "", "", fixed=lambda own: own.loss if own.loss is None else losses.get(own.loss)
    ),
    "hidden_layer_sizes": Option(
        "int or sequence of int",
        "Units per hidden layer; ``()`` is a network without hidden layers.",
        fixed=lambda own: hidden_widths(own.hidden_layer_sizes),
    ),
    "activation": Option(
        "str, Activation, or list of them",
        "A name from `chainrule.activations` for all hidden layers, or a list with one per layer.",
        acts=HIDDEN,
        fixed=_activations,
    ),
    "initializer": Option(
        "str, Initializer or None",
        # after 12 epochs, on rows held out of training, He's start left 0.0262 of the variance of
        # the prices of diamonds, and Glorot's 0.0221; on Adult and flights they were level. Biases
        # drawn, over 50 seeds, left 0.00035 +- 0.00006 less than biases 0 after 10 epochs
        "How layers start: a name from `chainrule.initializers` for all of them, or None for the "
        "one that suits each activation. The default draws biases as it draws weights, as "
        "scikit-learn does; with another name, or None, biases start at 0.",
        fixed=lambda own: own.initializer and initializers.get(own.initializer),
    ),
    "rate_factors": Option(
        "str, RateFactors, or list of them",
        "What each layer multiplies the learning rate of its weight and its bias by: a name from "
        "`chainrule.rate_factors` or a record for all layers, or a list with one per layer, the "
        "last one included. Decoupled decay follows the rate of each weight.",
        acts=STEPS,
        fixed=_rate_factors,
    ),
    "solver": Option(
        '{"adam", "sgd", "adamw", "rmsprop", "lbfgs"} or Optimizer',
        "The update rule; ``lbfgs``, a quasi-Newton method, takes all rows at once.",
        fixed=solver_of,
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
        acts=STEPS,
    ),
    "learning_rate": Option("str or Schedule", "A name from `chainrule.schedules`.", acts=RATE),
    "learning_rate_init": Option(
        "float", "The rate that the schedule starts from.", POSITIVE, acts=STEPS
    ),
    "power_t": Option(
        "float", "Power of the ``invscaling`` schedule.", NOT_NEGATIVE, acts=INVSCALING
    ),
    "max_iter": Option("int", "Most epochs (iterations, for ``lbfgs``).", COUNT),
    "time_limit": Option(
        "float or None",
        "Seconds after which no epoch is begun; at least one is made. How many are made then "
        "depends on the machine, and so does the result. Several networks share them out.",
        or_none(POSITIVE),
        in_passes=NEVER_IN_PASSES,
    ),
    "shuffle": Option("bool", "Whether each epoch has an order of its own.", FLAG, acts=STEPS),
    "random_state": Option(
        "int, generator or None",
        "Seed of the start, the orders and the split; the seed used is kept in ``seed_``.",
        fixed=lambda own: own.random_state,
    ),
    "tol": Option(
        "float",
        "Improvement of the watched value that counts: of a score as it is, or of a loss in the "
        "unit of the best constant answer's (1 for classes, the variance for squared errors).",
        NOT_NEGATIVE,
        acts=TOLERANT,
        in_passes=IN_PASSES,
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
        "leaves the estimator as it is after that epoch. With several networks they are told of "
        "one epoch at a time, ``epoch.member`` says whose it is, and True ends that network.",
        Rule(
            lambda value: value is None or all(map(callable, listed(value))),
            "None, a function of an epoch, or a list of them",
        ),
    ),
    "warm_start": Option("bool", "Whether `fit` goes on from where the last one ended.", FLAG),
    "momentum": Option("float", "Momentum of ``sgd``.", SHARE, acts=by_name("sgd")),
    "nesterovs_momentum": Option("bool", "Whether that momentum looks ahead.", FLAG, acts=MOMENTUM),
    "early_stopping": Option(
        "bool",
        "Whether to hold out a share of the rows, stop when what ``monitor`` names no longer gets "
        "better on them, and keep the best parameters.",
        FLAG,
        acts=NO_OWN_ROWS,
    ),
    "validation_fraction": Option("float", "That share.", OPEN_SHARE, acts=FRACTION),
    "validation": Option(
        '{"random", "last"}',
        'Which rows are held out: ``"random"`` ones, with the shares of the classes kept, or whole '
        '``groups`` where `fit` is given them; or the ``"last"`` ones, for rows in order of time.',
        one_of("random", "last"),
        acts=SHARE_HELD_OUT,
    ),
    "beta_1": Option(
        "float",
        "Share of the mean gradient that ``adam`` and ``adamw`` keep per step.",
        SHARE,
        acts=by_name("adam", "adamw"),
    ),
    "beta_2": Option(
        "float",
        "Share of the mean squared gradient that they keep.",
        SHARE,
        acts=by_name("adam", "adamw"),
    ),
    "epsilon": Option(
        "float",
        "Added to the root in ``adam``, ``adamw`` and ``rmsprop``, against division by 0.",
        POSITIVE,
        acts=by_name("adam", "adamw", "rmsprop"),
    ),
    "n_iter_no_change": Option(
        "int or infinity",
        "Epochs without improvement before training stops; with infinity all are made, and the "
        "best parameters on held-out rows are kept all the same.",
        PATIENCE,
        acts=PATIENT,
        in_passes=IN_PASSES,
    ),
    "max_fun": Option("int", "Most evaluations of the gradient by ``lbfgs``.", COUNT, acts=LBFGS),
    "dtype": Option(
        '{"float32", "float64"}',
        "Precision of parameters and computation; None follows X.",
        fixed=lambda own: own.dtype if own.dtype is None else str(floating_dtype(own.dtype)),
    ),
    "engine": Option(
        "str or Engine",
        "What computes: the compiled engine where it can, else the reference engine.",
    ),
    "class_weight": Option(
        'dict, "balanced", or list of dict',
        "How much each label counts, times ``sample_weight``, in training and on held-out rows: a "
        'dict by label, where others count 1; ``"balanced"`` is n / (k n_c) for class c of k, '
        "counted with sample weights. For multilabel targets a list with a dict over 0 and 1 per "
        "label: a row then counts by the product over its labels, as in scikit-learn.",
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
        or_none(COUNT),
        acts=COMPILED,
    ),
    "n_estimators": Option(
        "int",
        "Networks of different seeds, trained side by side on the threads; their mean answer is "
        "that of the estimator. Each holds out rows of its own. After Ctrl-C the estimator is of "
        "those that have made an epoch; with ``warm_start`` the others begin when it goes on.",
        COUNT,
    ),
    "weight_decay": Option(
        "float",
        "Decoupled decay of the optimizer; None takes the solver's own (0.01 for ``adamw``).",
        or_none(NOT_NEGATIVE),
        acts=NAMED_STEPS,
    ),
    "monitor": Option(
        "str or scorer",
        'What is watched on held-out rows: ``"score"`` (accuracy or R2; the loss, where all their '
        'targets are equal), ``"loss"``, the name of a scikit-learn scorer, as ``"roc_auc"``, or a '
        "scorer ``f(estimator, X, y)``, of which more is better. Of two classes that are words, "
        "the last one is positive, as in ``predict_proba``.",
        acts=HELD_OUT,
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
        acts=HIDDEN_STEPS,
    ),
    "clip_norm": Option(
        "float",
        "Largest norm of the gradient of all parameters together; a longer one is shortened to it.",
        or_none(POSITIVE),
        acts=NAMED_STEPS,
    ),
    "averaging": Option(
        "float",
        "Share of a running average of the parameters that each step keeps, such as 0.99; the "
        "average is what is measured and shown, and 0 is none.",
        SHARE,
        acts=NAMED_STEPS,
    ),
    "scale_target": Option(
        "bool",
        "Whether to train on standardised targets, or on their ratio to the mean for ``poisson``.",
        FLAG,
        fixed=lambda own: own.scale_target,
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
        if name in OPTIONS and OPTIONS[name].text:
            option, default = OPTIONS[name], parameter.default
            value = f'"{default}"' if isinstance(default, str) else default
            lines.append(f"{name} : {option.kind}, default={value}")
            lines.append(textwrap.indent(textwrap.fill(option.text, 92), "    "))
    return "\n".join(lines)
