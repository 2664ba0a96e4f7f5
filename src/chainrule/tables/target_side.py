"""The side of the targets in an estimator of tables: classes or numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.tables.members import Member, Table

__all__ = ["TargetSide"]


class TargetSide:
    """The methods that tell the classifier from the regressor; subclasses write them."""

    options: Mapping[str, Any] | None

    def _learn_targets(self, y: Any) -> np.ndarray:
        """Return targets as networks take them: class numbers, or float64."""
        raise NotImplementedError

    def _options_of_networks(self) -> dict[str, Any]:
        """Return the options given, in terms of the targets that networks see."""
        return dict(self.options or {})

    def _strata(self, y: np.ndarray) -> np.ndarray | None:
        raise NotImplementedError

    def encode_targets(self, y: Any) -> np.ndarray:
        """Return targets as networks take them, checked against the fit."""
        raise NotImplementedError

    @property
    def n_targets(self) -> int:
        """The number of labels, or of numbers, that a row has."""
        raise NotImplementedError

    def _loss(self, y: np.ndarray, answers: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the loss that a search makes small."""
        raise NotImplementedError

    def _finish(self, table: Table, oof: np.ndarray, known: np.ndarray) -> None:
        """Learn from the answers for rows that the answering network was not trained on."""
        raise NotImplementedError

    def targets_to_file(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what a file holds of the targets."""
        raise NotImplementedError

    def targets_from_file(self, description: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Take what a file holds of the targets."""
        raise NotImplementedError

    def _answers_of(self, member: Member, X: np.ndarray) -> np.ndarray:
        """Return what one network answers to its own inputs, in terms of the targets."""
        raise NotImplementedError
