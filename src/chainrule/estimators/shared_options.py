"""The options that both estimators have: each a field with its type, default and record.

The constructors are made from these fields, and so is the documentation of the options.
"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

from chainrule.engines.engine import Engine
from chainrule.engines.resources import DEVICE_WORDS, PRECISIONS, Resources, is_device
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
    by_name,
)
from chainrule.estimators.ingredients import hidden_widths, solver_of
from chainrule.estimators.option import option
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
    PassRule,
    Rule,
    listed,
    one_of,
    or_none,
)
from chainrule.formulas.initializers import Initializer, initializers
from chainrule.formulas.loss import Loss, losses
from chainrule.formulas.optimizers import Optimizer
from chainrule.formulas.rate_factors import RateFactors, rate_factors
from chainrule.formulas.records import Activation, activations
from chainrule.formulas.schedules import Schedule, schedules
from chainrule.foundation.arrays import floating_dtype

__all__ = ["Options", "loss_of", "resources_of"]


def loss_of(own: Any) -> Loss | None:
    """Return the record of a loss that was asked for; None where the estimator chooses."""
    return None if own.loss is None else losses.get(own.loss)


def resources_of(own: Any) -> Resources:
    """Return threads, device and precision that an estimator gives to its engine."""
    return Resources(own.n_threads, own.device, own.matmul_precision)


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


@dataclass(eq=False, repr=False)
class Options:
    """The options of both estimators, in the order of the constructors.

    ``loss`` stands first, where the regressor takes it by position, as scikit-learn's does.
    """

    loss: Any = option(None, "str or Loss", "", fixed=loss_of)
    hidden_layer_sizes: Any = option(
        (100,),
        "int or sequence of int",
        "Units per hidden layer; ``()`` is a network without hidden layers.",
        fixed=lambda own: hidden_widths(own.hidden_layer_sizes),
    )
    activation: str | Activation | list[str | Activation] = option(
        "relu",
        "str, Activation, or list of them",
        "A name from `chainrule.activations` for all hidden layers, or a list with one per layer.",
        acts=HIDDEN,
        fixed=_activations,
    )
    _: KW_ONLY
    solver: str | Optimizer = option(
        "adam",
        '{"adam", "sgd", "adamw", "rmsprop", "lbfgs"} or Optimizer',
        "The update rule; ``lbfgs``, a quasi-Newton method, takes all rows at once.",
        fixed=solver_of,
    )
    alpha: float = option(
        0.0001,
        "float",
        "Strength of the l2 penalty on weights (not biases), whatever the batch size.",
        NOT_NEGATIVE,
    )
    batch_size: int | str = option(
        "auto",
        'int, "auto" or "noise"',
        'Rows per step; ``"auto"`` is min(200, n_samples), ``"noise"`` measures the noise of the '
        "gradient and takes the power of two from 32 to 1024 where more rows stop paying.",
        BATCH,
        acts=STEPS,
    )
    learning_rate: str | Schedule = option(
        "constant",
        "str or Schedule",
        "A name from `chainrule.schedules`.",
        acts=RATE,
        pass_rule=PassRule(
            lambda value: not schedules.get(value).needs_total,
            "a schedule without a planned end",
            "Choose 'constant', or call fit.",
        ),
    )
    learning_rate_init: float = option(
        0.001, "float", "The rate that the schedule starts from.", POSITIVE, acts=STEPS
    )
    power_t: float = option(
        0.5, "float", "Power of the ``invscaling`` schedule.", NOT_NEGATIVE, acts=INVSCALING
    )
    max_iter: int = option(200, "int", "Most epochs (iterations, for ``lbfgs``).", COUNT)
    time_limit: float | None = option(
        None,
        "float or None",
        "Seconds after which no epoch is begun; at least one is made. How many are made then "
        "depends on the machine, and so does the result. Several networks share them out.",
        or_none(POSITIVE),
        in_passes=NEVER_IN_PASSES,
    )
    shuffle: bool = option(
        True, "bool", "Whether to shuffle the rows in each epoch.", FLAG, acts=STEPS
    )
    random_state: Any = option(
        None,
        "int, generator or None",
        "Seed of the initial parameters, the orders and the split; the seed used is ``seed_``.",
        fixed=lambda own: own.random_state,
    )
    tol: float = option(
        1e-4,
        "float",
        "Improvement of the watched value that counts: of a score as it is, or of a loss in the "
        "unit of the best constant answer's (1 for classes, the variance for squared errors).",
        NOT_NEGATIVE,
        acts=TOLERANT,
        in_passes=IN_PASSES,
    )
    verbose: int = option(
        False,
        "bool or int",
        "True shows a progress bar where stderr is a terminal and the package rich is installed, "
        "else a line per epoch; an integer k above 1 prints a line for every k-th epoch.",
        VERBOSITY,
        in_members=False,
    )
    callbacks: Any = option(
        None,
        "callable or list of callables",
        "Functions called with the `Epoch` after each epoch, its losses in the unit of y, when the "
        "estimator is already fitted. Returning True ends training; an error ends it too, and "
        "leaves the estimator as it is after that epoch. With several networks they are called "
        "for one epoch at a time, ``epoch.member`` is its network, and True ends that network.",
        Rule(
            lambda value: value is None or all(map(callable, listed(value))),
            "None, a function of an epoch, or a list of them",
        ),
        in_members=False,
    )
    warm_start: bool = option(
        False, "bool", "Whether `fit` goes on from where the last one ended.", FLAG
    )
    momentum: float = option(0.9, "float", "Momentum of ``sgd``.", SHARE, acts=by_name("sgd"))
    nesterovs_momentum: bool = option(
        True, "bool", "Whether to use Nesterov's momentum.", FLAG, acts=MOMENTUM
    )
    early_stopping: bool = option(
        False,
        "bool",
        "Whether to hold out a share of the rows, stop when the value that ``monitor`` names no "
        "longer improves on them, and keep the best parameters.",
        FLAG,
        acts=NO_OWN_ROWS,
        pass_rule=PassRule(
            lambda value: not value,
            "False",
            "It sees no rows to hold out: set it to False, or call fit.",
        ),
    )
    validation_fraction: float = option(
        0.1, "float", "Share of the rows to hold out.", OPEN_SHARE, acts=FRACTION
    )
    validation: str = option(
        "random",
        '{"random", "last"}',
        'The rows to hold out: ``"random"`` ones, with the shares of the classes kept, or whole '
        '``groups`` where `fit` is given them; or the ``"last"`` ones, for rows in order of time.',
        one_of("random", "last"),
        acts=SHARE_HELD_OUT,
    )
    beta_1: float = option(
        0.9,
        "float",
        "Share of the mean gradient that ``adam`` and ``adamw`` keep per step.",
        SHARE,
        acts=by_name("adam", "adamw"),
    )
    beta_2: float = option(
        0.999,
        "float",
        "Share of the mean squared gradient that ``adam`` and ``adamw`` keep per step.",
        SHARE,
        acts=by_name("adam", "adamw"),
    )
    epsilon: float = option(
        1e-8,
        "float",
        "Added to the root in ``adam``, ``adamw`` and ``rmsprop``, against division by 0.",
        POSITIVE,
        acts=by_name("adam", "adamw", "rmsprop"),
    )
    n_iter_no_change: float = option(
        10,
        "int or infinity",
        "Epochs without improvement before training stops; infinity makes all epochs, and still "
        "keeps the best parameters on held-out rows.",
        PATIENCE,
        acts=PATIENT,
        in_passes=IN_PASSES,
    )
    max_fun: int = option(
        15000, "int", "Most evaluations of the gradient by ``lbfgs``.", COUNT, acts=LBFGS
    )
    dtype: Any = option(
        None,
        '{"float32", "float64"}',
        "Precision of parameters and computation; None follows X.",
        fixed=lambda own: own.dtype if own.dtype is None else str(floating_dtype(own.dtype)),
    )
    engine: str | Engine = option(
        "auto",
        "str or Engine",
        'Name of an engine; ``"auto"`` is the compiled engine where it can do the work, else '
        "the reference engine.",
    )
    n_threads: int | None = option(
        None,
        "int",
        "Most threads of the compiled engine; None is all cores the process may use. The result "
        "has the same bits for any number.",
        or_none(COUNT),
        acts=COMPILED,
    )
    device: str = option(
        "auto",
        "str",
        'Where to compute: ``"cpu"``, ``"gpu"``, ``"tpu"``, or one by its number, as ``"cuda:1"``. '
        '``"auto"`` is the CPU, or with ``engine="jax"`` the first device that JAX sees.',
        Rule(is_device, DEVICE_WORDS),
    )
    matmul_precision: str = option(
        "highest",
        '{"highest", "high", "default", "bfloat16"}',
        "The least precision of products of float32 matrices in training: lower ones are faster "
        'where a device has units for them; ``"highest"`` is float32. The compiled engine takes '
        '``"bfloat16"`` too, on processors with avx512_bf16.',
        one_of(*PRECISIONS),
    )
    initializer: str | Initializer | None = option(
        "glorot_with_biases",
        "str, Initializer or None",
        # after 12 epochs, on rows held out of training, He's start left 0.0262 of the variance of
        # the prices of diamonds, and Glorot's 0.0221; on Adult and flights they were level. Biases
        # drawn, over 50 seeds, left 0.00035 +- 0.00006 less than biases 0 after 10 epochs
        "Initial parameters: a name from `chainrule.initializers` for all layers, or None for the "
        "one that suits each activation. The default draws biases as it draws weights, as "
        "scikit-learn does; with another name, or None, biases start at 0.",
        fixed=lambda own: own.initializer and initializers.get(own.initializer),
    )
    rate_factors: str | RateFactors | Sequence[str | RateFactors] = option(
        "constant",
        "str, RateFactors, or list of them",
        "Factors of the learning rate of each layer's weight and bias: a name from "
        "`chainrule.rate_factors` or a record for all layers, or a list with one per layer, the "
        "last one included. Decoupled decay follows the rate of each weight.",
        acts=STEPS,
        fixed=_rate_factors,
    )
    weight_decay: float | None = option(
        None,
        "float",
        "Decoupled decay of the optimizer; None takes the solver's own (0.01 for ``adamw``).",
        or_none(NOT_NEGATIVE),
        acts=NAMED_STEPS,
    )
    monitor: Any = option(
        "score",
        "str or scorer",
        'Value to watch on held-out rows: ``"score"`` (accuracy or R2; the loss, where all their '
        'targets are equal), ``"loss"``, the name of a scikit-learn scorer, as ``"roc_auc"``, or a '
        "scorer ``f(estimator, X, y)``, of which more is better. Of two classes that are words, "
        "the last one is positive, as in ``predict_proba``.",
        acts=HELD_OUT,
    )
    l1: float = option(
        0.0,
        "float",
        "Strength of the l1 penalty on weights (not biases), which moves small weights to 0.",
        NOT_NEGATIVE,
    )
    dropout: Any = option(
        0.0,
        "float or list of float",
        "Share of the units of every hidden layer, or of each, that a step of training leaves out; "
        "``loss_curve_`` is of such steps, all other values are of the whole network.",
        DROPOUT,
        acts=HIDDEN_STEPS,
    )
    clip_norm: float | None = option(
        None,
        "float",
        "Largest norm of the gradient of all parameters together; a longer one is scaled to it.",
        or_none(POSITIVE),
        acts=NAMED_STEPS,
    )
    averaging: float = option(
        0.0,
        "float",
        "Share of a running average of the parameters that each step keeps, such as 0.99; the "
        "average is measured and shown. 0 is no average.",
        SHARE,
        acts=NAMED_STEPS,
    )
    n_estimators: int = option(
        1,
        "int",
        "Networks of different seeds, trained side by side on the threads; their mean answer is "
        "that of the estimator. Each holds out rows of its own. After Ctrl-C the estimator is of "
        "those that have made an epoch; with ``warm_start`` the others begin when it goes on.",
        COUNT,
        in_members=False,
    )
