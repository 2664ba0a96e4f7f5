"""A prepared callable that answers for one raw row of a table."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.foundation.errors import must_be
from chainrule.foundation.showing import Shown
from chainrule.interop.one_row import OneRow

if TYPE_CHECKING:
    from chainrule.tables.members import Member

__all__ = ["RowPredictor"]


class RowPredictor(Shown):
    """The answers of a fitted estimator of tables, for one raw row at a time.

    It belongs to the fit at hand: a later `fit` does not change it. Any number of threads may call
    it at the same time.

    Parameters
    ----------
    members : list of Member
        The networks of the fit.
    columns : list of str
        The columns of the training table.
    combined : callable
        Gives the answer of all networks, from pairs of a network and its inputs.
    method : str
        The method that gives the same answers.
    finish : callable
        Makes the answers for rows from those of the networks.
    """

    def __init__(
        self,
        members: list[Member],
        columns: list[str],
        combined: Callable[[Any], np.ndarray],
        method: str,
        finish: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        self.method, self.columns = method, list(columns)
        self._members = [(one, OneRow(one.preparation)) for one in members]
        self._combined, self._finish = combined, finish

    def __call__(self, row: Mapping[str, Any] | tuple[Any, ...] | list[Any]) -> Any:
        """Return the answer for one row.

        Parameters
        ----------
        row : dict, tuple or list
            The cells by the names of their columns, or in the order of the training table; None is
            a missing one.

        Raises
        ------
        InputError
            If a column is missing, or a cell is of another kind than at training.
        """
        if not isinstance(row, Mapping):
            if len(row) != len(self.columns):
                rule = f"a dict, or {len(self.columns)} cells in the order of the training table"
                raise must_be("row", rule, f"{len(row)} cells")
            row = dict(zip(self.columns, row, strict=True))
        answers = self._combined((one, prepare(row)) for one, prepare in self._members)
        return self._finish(answers)[0]

    def __str__(self) -> str:
        count = len(self._members)
        networks = "one network" if count == 1 else f"{count} networks"
        return f"predictor: {self.method} of {networks}, for raw rows of {len(self.columns)} cells"


def snapshot_of(estimator: Any) -> Any:
    """Return a copy that a later fit does not change."""
    found = copy.copy(estimator)
    found.members_ = list(estimator.members_)
    return found
