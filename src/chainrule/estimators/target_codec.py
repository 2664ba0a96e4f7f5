"""Targets in the user's terms and in those of a loss: learned once, from the first rows."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from chainrule.estimators.shared_options import Options
from chainrule.formulas.loss import Loss
from chainrule.model.parameters import Layout
from chainrule.training.monitor import Metric

__all__ = ["TargetCodec"]


@dataclass(frozen=True, eq=False, kw_only=True)
class TargetCodec(ABC):
    """The meaning of targets and scores for one fitted estimator.

    Attributes
    ----------
    loss : Loss
        The loss trained on.
    own_loss : Loss
        The loss in the user's units.
    n_scores : int
        Outputs of the network.
    loss_factor : float
        The loss in the user's units divided by the loss trained on.
    loss_unit : float
        About the loss trained on of the best constant answer: ``tol`` is relative to it.
    """

    loss: Loss
    own_loss: Loss
    n_scores: int
    loss_factor: float = 1.0
    loss_unit: float = 1.0

    @classmethod
    @abstractmethod
    def learn(
        cls, options: Options, y: np.ndarray, weight: np.ndarray | None, classes: Any = None
    ) -> Self:
        """Return the codec of prepared targets; ``classes`` are labels that may come later."""

    @staticmethod
    @abstractmethod
    def prepared(y: np.ndarray, name: str = "y") -> np.ndarray:
        """Return targets as an array of the kind that the other methods take."""

    @staticmethod
    def strata(y: np.ndarray) -> np.ndarray | None:
        """Return the labels whose shares a split keeps, if any."""
        return None

    @abstractmethod
    def encode(self, y: np.ndarray, name: str, dtype: np.dtype[Any]) -> np.ndarray:
        """Return prepared targets as the loss takes them; refuse those that do not fit."""

    def check_continued(self, y: np.ndarray) -> None:  # noqa: B027 - not all kinds refuse
        """Refuse prepared targets that do not fit a warm start."""

    def for_call(self, options: Options, y: np.ndarray, weight: np.ndarray | None) -> Self:
        """Return the codec for a later call, with what it learns from the rows of each call."""
        return self

    def weighted(self, y: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        """Return sample weights times the weights of the rows' targets."""
        return weight

    @abstractmethod
    def metric(self, weight: np.ndarray | None) -> Metric:
        """Return the score of the estimator as a function of scores and encoded targets."""

    def can_score(self, y: np.ndarray, weight: np.ndarray | None) -> bool:
        """Return whether that score can tell good answers for these rows from bad ones."""
        return True

    def fold(self, vector: np.ndarray, layout: Layout) -> np.ndarray:
        """Return trained parameters in the user's units, as a copy."""
        return np.array(vector)

    def unfold(self, vector: np.ndarray, layout: Layout) -> np.ndarray:
        """Return the parameters that `fold` turns into these."""
        return np.array(vector)

    def fold_gradient(self, vector: np.ndarray, layout: Layout) -> np.ndarray:
        """Return a gradient of the loss trained on as that of the loss in the user's units."""
        return vector

    def remarks(self) -> list[str]:
        """Return the warnings about the targets."""
        return []

    @property
    def one_score_for_two(self) -> bool:
        """True if one score stands for the second of two classes."""
        return False

    @property
    @abstractmethod
    def attributes(self) -> Mapping[str, Any]:
        """The attributes of a fitted estimator that are learned from targets."""
