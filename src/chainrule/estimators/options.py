"""The options of the classifier and of the regressor; `Options` are those that both have."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from chainrule.estimators.option import Option, option, options_of
from chainrule.estimators.rules import FLAG, SHARE, PassRule, Rule
from chainrule.estimators.shared_options import Options, loss_of
from chainrule.formulas.loss import Loss

__all__ = ["OPTIONS", "ClassifierOptions", "RegressorOptions"]


@dataclass(eq=False, repr=False)
class ClassifierOptions(Options):
    """The options of the classifier."""

    _: KW_ONLY
    loss: str | Loss | None = option(
        None,
        "str or Loss",
        "None takes ``binary_cross_entropy`` for two classes and for labels, else "
        "``categorical_cross_entropy``.",
        fixed=loss_of,
    )
    class_weight: Any = option(
        None,
        'dict, "balanced", or list of dict',
        "Weight of each label, times ``sample_weight``, in training and on held-out rows: a "
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
        pass_rule=PassRule(
            lambda value: not isinstance(value, str),
            "a dict",
            "It would count the rows of this call only: count all rows that will come, and pass "
            "{label: n_samples / (n_classes * n_of_label)}.",
        ),
    )
    label_smoothing: float = option(
        0.0,
        "float",
        "Share of every label that training spreads over all classes. Losses and scores on "
        "held-out rows take the labels as they are.",
        SHARE,
    )


@dataclass(eq=False, repr=False)
class RegressorOptions(Options):
    """The options of the regressor."""

    loss: str | Loss = option(
        "squared_error",
        "str or Loss",
        "A name from `chainrule.losses`: mse (squared_error), mae, huber, smooth_l1, quantile, "
        'poisson, or a record, as ``losses.get("quantile", q=0.9)``. With several levels, as '
        "``q=(0.1, 0.5, 0.9)``, one network answers all of them: see `predict_quantiles` and "
        "`predict_interval`.",
        fixed=loss_of,
    )
    _: KW_ONLY
    scale_target: bool = option(
        True,
        "bool",
        "Whether to train on standardised targets; for ``poisson``, on their ratio to the mean.",
        FLAG,
        fixed=lambda own: own.scale_target,
    )


OPTIONS: dict[str, Option] = {**options_of(RegressorOptions), **options_of(ClassifierOptions)}
