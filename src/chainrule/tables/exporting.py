"""A fitted model of tables as a program in another language: columns, networks and their mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from chainrule.estimators.base import codec_of
from chainrule.estimators.exporting import network_steps
from chainrule.exports.columns import merged
from chainrule.exports.exportable import Exportable
from chainrule.exports.program import Formula, InDtype, Labels, Pick, Program, Sort, Step
from chainrule.exports.program import Member as Part
from chainrule.foundation.arrays import Array, Namespace
from chainrule.tables.calibration import as_shares, tempered_label, tempered_row
from chainrule.tables.members import Member
from chainrule.tracing.formulas import formula_graph

__all__ = [
    "ExportedTable",
    "around",
    "shifted",
    "steps_of_classes",
    "steps_of_numbers",
    "within",
]

DOUBLE = InDtype(np.dtype(np.float64))


class ExportedTable(Exportable):
    """A fitted model of tables that can be written in another language.

    Subclasses say what becomes of the answer of each network, and of their mean.
    """

    members_: list[Member]
    columns_: Sequence[str]

    def _answer_steps(self, member: Member) -> list[Step]:
        """Return the steps from the answer of a network to its part in the mean."""
        raise NotImplementedError

    def _last_steps(self) -> tuple[Step, ...]:
        """Return the steps from the mean to the answer."""
        return ()

    @property
    def _labels(self) -> Labels | None:
        """The labels that the answer decides between, if any."""
        return None

    def _program(self) -> Program:
        check_is_fitted(self, "members_")
        members = self.members_
        prepared = merged([one.preparation.as_formulas() for one in members], self.columns_)
        total = sum(one.weight for one in members)
        parts = []
        for member, own in zip(members, prepared, strict=True):
            steps = network_steps(member.estimator, codec_of(member.estimator))
            whole = (*steps, *self._answer_steps(member))
            parts.append(Part(whole, own.features, member.weight / total))
        arrows = members[0].estimator.network_.layout.arrows
        several = f"mean of {len(members)} networks, the first " if len(members) > 1 else ""
        return Program(
            f"{type(self).__name__}: {several}{arrows}",
            tuple(parts),
            np.dtype(members[0].estimator.parameters_.vector.dtype),
            sources=prepared[0].sources,
            cells=prepared[0].cells,
            after=self._last_steps(),
            labels=self._labels,
        )


def steps_of_classes(
    own: Sequence[int],
    n_classes: int,
    dtype: np.dtype[Any],
    *,
    temperature: float,
    several: bool,
) -> list[Step]:
    """Return the steps from the probabilities of a network to its part in the mean.

    Parameters
    ----------
    own : sequence of int
        The numbers of the classes that the network has seen.
    n_classes : int
        The number of all classes.
    dtype : dtype
        Of the network.
    temperature : float
        The temperature.
    several : bool
        Whether a row has several labels.
    """
    steps: list[Step] = [DOUBLE]
    if temperature != 1.0:
        # a logarithm tells a subnormal probability from 0, which it is to the engine
        tiny = float(np.finfo(dtype).tiny)
        steps.append(_formula("normal", _normal, "p; 0 if subnormal", tiny))
    if several:
        if temperature != 1.0:
            words = "p^(1/T) / (p^(1/T) + (1 - p)^(1/T))"
            steps.append(_formula("tempered", tempered_label, words, temperature))
        return steps
    steps.append(_formula("shares", as_shares, "p_i / sum_j p_j"))
    if list(own) != list(range(n_classes)):
        place = {number: at for at, number in enumerate(own)}
        steps.append(Pick(tuple(place.get(number) for number in range(n_classes))))
    if temperature != 1.0:
        words = "p_i^(1/T) / sum_j p_j^(1/T)"
        steps.append(_formula("tempered", tempered_row, words, temperature))
    return steps


def steps_of_numbers(levels: Sequence[float]) -> list[Step]:
    """Return the steps from the predictions of a network, or its quantiles, to its part."""
    return [Sort(), DOUBLE] if levels else [DOUBLE]


def around(ends: np.ndarray) -> tuple[Step, ...]:
    """Return the steps from predictions to each plus its own of these (n_ends,), one after another.

    For several targets ``ends`` is (n_targets, n_ends).
    """
    count = ends.shape[-1]
    return Pick(tuple(number // count for number in range(ends.size))), shifted(ends.reshape(-1))


def shifted(shift: np.ndarray) -> Formula:
    """Return the step that adds a number to each column."""
    words = "y plus quantiles of the errors out of fold"
    return Formula("shifted", formula_graph(_shifted, "z", "shift"), {"shift": shift}, words)


def within(low: np.ndarray, high: np.ndarray) -> Formula:
    """Return the step that keeps answers within the range of the training targets."""
    traced = formula_graph(_within, "z", "low", "high")
    words = "y between low and high, the range of the training targets"
    return Formula("within", traced, {"low": low, "high": high}, words)


def _within(xp: Namespace, z: Array, low: Any, high: Any) -> Array:
    return xp.minimum(xp.maximum(z, low), high)


def _shifted(xp: Namespace, z: Array, shift: Any) -> Array:
    return z + shift


def _normal(xp: Namespace, p: Array, tiny: Any) -> Array:
    return xp.where(p < tiny, 0.0, p)


def _formula(name: str, formula: Any, words: str, *numbers: float) -> Formula:
    def of(xp: Namespace, z: Array) -> Array:
        return formula(xp, z, *numbers)

    return Formula(name, formula_graph(of, "z"), {}, words)
