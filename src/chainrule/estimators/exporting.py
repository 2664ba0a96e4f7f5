"""A fitted estimator of arrays as a program in another language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.estimators.class_codec import ClassCodec
from chainrule.estimators.quantiles import median_place
from chainrule.estimators.target_codec import TargetCodec
from chainrule.exports.networks import layer_steps, link_steps
from chainrule.exports.program import Affine, Branch, Labels, Member, Pick, Program, Sort, Step
from chainrule.formulas.activations import sigmoid
from chainrule.formulas.loss import Loss
from chainrule.formulas.losses import Quantile

__all__ = ["interval_branch", "network_steps", "program_of", "quantiles_branch"]


def program_of(estimator: Any, codec: TargetCodec) -> Program:
    """Return the program of a fitted `MLPClassifier` or `MLPRegressor`, ensembles included."""
    members = getattr(estimator, "estimators_", [estimator])
    first = members[0]
    steps = [network_steps(one, codec) for one in members]
    names = tuple(map(str, getattr(estimator, "feature_names_in_", ())))
    labels = None
    if isinstance(codec, ClassCodec):
        labels = Labels(codec.classes.tolist(), codec.multilabel)
    members_of = tuple(Member(tuple(one), share=1.0 / len(members)) for one in steps)
    prepared = getattr(estimator, "preparation_", None)
    if prepared is not None:
        part = prepared.as_formulas()
        members_of = tuple(replace(one, features=part.features) for one in members_of)
    several = f"mean of {len(members)} networks, the first " if len(members) > 1 else ""
    return Program(
        f"{type(estimator).__name__}: {several}{first.network_.layout.arrows}",
        members_of,
        np.dtype(first.parameters_.vector.dtype),
        n_in=first.network_.n_in,
        labels=labels,
        input_names=names,
        after=_middle_steps(codec.loss),
        sources=() if prepared is None else part.sources,
        cells=() if prepared is None else part.cells,
    )


def network_steps(estimator: Any, codec: TargetCodec) -> list[Step]:
    """Return the steps from the inputs of one network to its probabilities or numbers."""
    found = layer_steps(estimator.network_, estimator.parameters_)
    link, dtype = link_steps(codec.loss), estimator.parameters_.vector.dtype
    if not isinstance(codec, ClassCodec):
        return [*found, *link]
    if codec.one_class:
        ones = Affine(np.zeros((1, 1), dtype), np.ones(1, dtype), "certainty")
        return [*found, Pick((None,)), ones]
    if not codec.one_score_for_two:
        return [*found, *link]
    if codec.loss.link is sigmoid:  # 1 - p would lose the digits of a small rest
        both = Affine(np.array([[-1.0, 1.0]], dtype), None, "both classes")
        return [*found, both, *link]
    rest = Affine(np.array([[-1.0, 1.0]], dtype), np.array([1.0, 0.0], dtype), "both classes")
    return [*found, *link, rest]


def interval_branch(steps: Sequence[Step], coverage: float, shape: tuple[int, ...]) -> Branch:
    """Return the branch of the ends of intervals."""
    words = f"the lower and the upper end of the interval of {coverage:g} of each target"
    return Branch("interval", tuple(steps), shape, words)


def quantiles_branch(
    steps: Sequence[Step], levels: Sequence[float], shape: tuple[int, ...]
) -> Branch:
    """Return the branch of quantiles."""
    words = f"the quantiles {', '.join(f'{level:g}' for level in levels)} of each target"
    return Branch("quantiles", tuple(steps), shape, words)


def _middle_steps(loss: Loss) -> tuple[Step, ...]:
    """Return the steps from several quantiles to the one nearest to the median."""
    if isinstance(loss, Quantile) and loss.scores_per_target > 1:
        return Sort(), Pick((median_place(loss),))
    return ()
