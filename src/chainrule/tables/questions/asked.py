"""The rows that a question is about, and the networks that answer each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from chainrule.estimators.inputs import as_weights
from chainrule.formulas.loss import checked_weight
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.seeds import Purpose, stream
from chainrule.interop.columns import Column
from chainrule.tables.members import Member

__all__ = ["Asked", "Group", "ask", "check_one_target", "spans_of"]

# Rows of each network whose kept answers tell whether a table is that of training.
COMPARED = 20
# Answers of other processors differ in the last digits.
ALIKE = 1e-4


def spans_of(member: Member) -> dict[str, slice]:
    """Return the inputs that each column of the table becomes."""
    found, start = {}, 0
    for column in member.preparation.columns:
        found[column.name] = slice(start, start + len(column.outputs))
        start += len(column.outputs)
    return found


@dataclass(frozen=True, eq=False)
class Group:
    """Rows with the networks that answer them.

    Attributes
    ----------
    rows : ndarray of int
        Places in the table of the question, from 0.
    members : tuple of int
        The numbers of the networks, from 0.
    """

    rows: np.ndarray
    members: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Asked:
    """Rows of a table, and who answers them.

    On the table of training each row is answered by the networks that have not seen it; rows of
    another table are answered by all.

    Attributes
    ----------
    model : TabularClassifier or TabularRegressor
        Fitted.
    frame : polars.DataFrame
        The rows.
    numbers : ndarray of int
        Which rows of the given table they are, from 0.
    groups : tuple of Group
        The rows by who answers them.
    out_of_fold : bool
        Whether the table is that of training.
    y : ndarray (n,), optional
        Class numbers, or numbers.
    weight : ndarray (n,), optional
        What each row counts.
    """

    model: Any
    frame: pl.DataFrame
    numbers: np.ndarray
    groups: tuple[Group, ...]
    out_of_fold: bool
    y: np.ndarray | None = None
    weight: np.ndarray | None = None
    _inputs: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return self.frame.height

    @property
    def where(self) -> str:
        """The rows, in words."""
        if self.out_of_fold:
            return f"{len(self):,} rows, each answered by networks that have not seen it"
        return f"{len(self):,} rows given"

    @property
    def members(self) -> list[Member]:
        """All networks."""
        found: list[Member] = self.model.members_
        return found

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns that some network uses, in the order of the table."""
        used = {
            column.name: column
            for member in reversed(self.members)
            for column in member.preparation.columns
        }
        return {name: used[name] for name in self.frame.columns if name in used}

    @cached_property
    def spans(self) -> list[dict[str, slice]]:
        """Per network, the inputs that each column becomes."""
        return [spans_of(member) for member in self.members]

    def inputs(self, number: int) -> np.ndarray:
        """Return what a network sees of all the rows."""
        if number not in self._inputs:
            self._inputs[number] = self.members[number].inputs(self.frame)
        return self._inputs[number]

    @cached_property
    def answers(self) -> np.ndarray:
        """Probabilities (n, n_classes) or numbers (n,)."""
        return self.answered(lambda number, rows: self.inputs(number)[rows])

    def shuffled(self, sources: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the answers where the cells of columns come from other rows.

        Parameters
        ----------
        sources : mapping
            Per column, the row (n,) that each cell comes from.
        """

        def inputs(number: int, rows: np.ndarray) -> np.ndarray:
            own = self.inputs(number)
            found: np.ndarray = own[rows]
            for name, source in sources.items():
                span = self.spans[number].get(name)
                if span is not None:
                    found[:, span] = own[source[rows], span]
            return found

        return self.answered(inputs)

    def with_cell(self, cell: pl.Series) -> np.ndarray:
        """Return the answers where one column has the same cell in every row."""
        one = self.frame[:1].with_columns(cell)
        written = [member.inputs(one) for member in self.members]

        def inputs(number: int, rows: np.ndarray) -> np.ndarray:
            found: np.ndarray = self.inputs(number)[rows]
            span = self.spans[number].get(cell.name)
            if span is not None:
                found[:, span] = written[number][:, span]
            return found

        return self.answered(inputs)

    def answered(self, inputs: Callable[[int, np.ndarray], np.ndarray]) -> np.ndarray:
        """Return the answers, where a network (by its number) sees these inputs of some rows."""
        out: np.ndarray | None = None
        for group in self.groups:
            asked = [(self.members[one], inputs(one, group.rows)) for one in group.members]
            found = self.model.combined(asked)
            if out is None:
                out = np.empty((len(self), *found.shape[1:]))
            out[group.rows] = found
        assert out is not None
        return out


def check_one_target(model: Any) -> None:
    """Refuse a model of several labels or numbers per row.

    Raises
    ------
    InputError
        If it is one.
    """
    if model.n_targets > 1:
        raise InputError(
            f"questions must be of a model with one target; this one has {model.n_targets}. Fit "
            "one estimator per column of y to ask about it."
        )


def ask(
    model: Any,
    X: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    rows: int | None = None,
    seed: int = 0,
) -> Asked:
    """Return the rows of a question, at most so many of them, drawn by the seed.

    Raises
    ------
    InputError
        If y or the weights are not of the rows of X, or no row is left.
    """
    frame = model.frame_of(X)
    check_one_target(model)
    targets = None
    if y is not None:
        targets = model.encode_targets(y)
        if len(targets) != frame.height:
            raise must_be("y", f"one target per row of X ({frame.height:,})", len(targets))
    weight = None
    if sample_weight is not None:
        weight = checked_weight(as_weights(sample_weight, "sample_weight"), frame.height)
    out_of_fold = _is_table_of_training(model, frame)
    groups = _unseen(model, frame.height) if out_of_fold else None
    if groups is None:
        groups = [Group(np.arange(frame.height), tuple(range(len(model.members_))))]
    known = np.sort(np.concatenate([group.rows for group in groups]))
    if weight is not None:
        known = known[weight[known] > 0.0]
        if not len(known):
            raise InputError("sample_weight must be positive for some row; got none.")
    if rows is not None and len(known) > rows:
        known = np.sort(stream(seed, Purpose.SAMPLE).choice(known, rows, replace=False))
    places = np.full(frame.height, -1)
    places[known] = np.arange(len(known))
    kept = [Group(places[g.rows][places[g.rows] >= 0], g.members) for g in groups]
    return Asked(
        model,
        frame[known],
        known,
        tuple(group for group in kept if len(group.rows)),
        out_of_fold,
        None if targets is None else targets[known],
        None if weight is None else weight[known],
    )


def _unseen(model: Any, rows: int) -> list[Group]:
    """Return the rows held out, by the networks that have not seen them."""
    unseen = np.zeros((rows, len(model.members_)), dtype=bool)
    for number, member in enumerate(model.members_):
        unseen[member.held, number] = True
    sets, which = np.unique(unseen, axis=0, return_inverse=True)
    which = which.ravel()
    return [
        Group(np.flatnonzero(which == number), tuple(np.flatnonzero(one).tolist()))
        for number, one in enumerate(sets)
        if one.any()
    ]


def _is_table_of_training(model: Any, frame: pl.DataFrame) -> bool:
    """Say whether networks answer rows they have not seen as they did at the end of training."""
    kept: np.ndarray = getattr(model, "oof_prediction_", np.empty(0))
    if len(kept) != frame.height or not any(len(one.held) for one in model.members_):
        return False
    for group in _unseen(model, frame.height):
        rows = group.rows[:: max(1, len(group.rows) // COMPARED)]
        part = frame[rows]
        found = model.combined(
            [(model.members_[one], model.members_[one].inputs(part)) for one in group.members]
        )
        if not np.allclose(found, kept[rows], rtol=ALIKE, atol=ALIKE * np.abs(kept[rows]).max()):
            return False
    return True
