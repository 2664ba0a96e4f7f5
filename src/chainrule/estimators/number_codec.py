"""Numbers as targets: trained at the scale of 1, and folded back into the user's unit."""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import column_or_1d

from chainrule.estimators.inputs import as_numbers
from chainrule.estimators.quantiles import nearest_median
from chainrule.estimators.target_codec import TargetCodec
from chainrule.formulas.loss import Loss, losses
from chainrule.formulas.losses import Quantile
from chainrule.formulas.target_scale import TargetScale, column_means
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import InputError, must_be
from chainrule.model.parameters import Layout, Parameters
from chainrule.training.monitor import Metric

__all__ = ["NumberCodec", "r2"]


@dataclass(frozen=True, eq=False, kw_only=True)
class NumberCodec(TargetCodec):
    """Columns of numbers, and the scale that they are trained at.

    Attributes
    ----------
    target_scale : TargetScale or None
        Center and spread of the targets, where they are scaled.
    """

    target_scale: TargetScale | None = None

    @classmethod
    def learn(
        cls, options: Any, y: np.ndarray, weight: np.ndarray | None, classes: Any = None
    ) -> Self:
        own_loss = losses.get(options.loss)
        if own_loss.rowwise:
            raise must_be(
                "loss",
                "one of numbers, not of classes",
                own_loss.name,
                "Take mse, mae, huber, quantile or poisson, or MLPClassifier.",
            )
        if own_loss.scores_per_target > 1 and y.shape[1] > 1:
            raise InputError(
                f"y must be one target for several quantiles; got {y.shape[1]}. Fit one regressor "
                "per target, for example with MultiOutputRegressor."
            )
        own_loss.checked(np.asarray(y, dtype=np.float64))
        scale = own_loss.target_scale.of(y, weight)
        rescaled = own_loss.rescaled(scale.spread) if options.scale_target else None
        loss, factor = (own_loss, 1.0) if rescaled is None else rescaled
        unit = None if rescaled is None else scale.loss_unit
        if unit is None:
            unit = _constant_loss(loss, y if rescaled is None else scale.apply(y), weight)
        return cls(
            loss=loss,
            own_loss=own_loss,
            n_scores=y.shape[1] * loss.scores_per_target,
            loss_factor=factor,
            loss_unit=unit if 0.0 < unit < math.inf else 1.0,
            target_scale=None if rescaled is None else scale,
        )

    @staticmethod
    def prepared(y: np.ndarray, name: str = "y") -> np.ndarray:
        """Return the targets (n, n_targets)."""
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if y.dtype.kind not in "fiub":
            y = as_numbers(y.astype(object), name)
        return y.reshape(-1, 1) if y.ndim == 1 else y

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"target_scale_": self.target_scale}

    def encode(self, y: np.ndarray, name: str, dtype: np.dtype[Any]) -> np.ndarray:
        n_targets = self.n_scores // self.loss.scores_per_target
        if y.shape[1] != n_targets:
            raise InputError(
                f"{name} must have {n_targets} target(s), as in the first fit; got {y.shape[1]}. "
                "Fit a new estimator to change their number."
            )
        # with room for weights that are multiplied by the spread of the targets
        limit, largest = float(np.finfo(dtype).max) / 1e6, float(np.abs(y).max())
        if largest > limit:
            raise must_be(
                name,
                f"at most {limit:.3g} in size for {dtype.name}",
                largest,
                "Take another unit" + (", or dtype='float64'." if dtype.itemsize < 8 else "."),
            )
        if self.target_scale is None:
            return y
        self.loss.checked(np.asarray(y, dtype=np.float64), name)  # in the user's unit
        return self.target_scale.apply(y)

    def metric(self, weight: np.ndarray | None) -> Metric:
        loss = self.loss

        def score(scores: np.ndarray, y: np.ndarray) -> float:
            p = loss.mean(namespace(scores), scores)
            if not np.all(np.isfinite(p)):
                return -np.inf
            if isinstance(loss, Quantile):
                y, p = y[:, :1], nearest_median(loss, p)
            return r2(y, p, weight)

        return score

    def can_score(self, y: np.ndarray, weight: np.ndarray | None) -> bool:
        y = y if weight is None else y[weight > 0.0]
        return bool(np.any(y != y[0]))

    def fold(self, vector: np.ndarray, layout: Layout) -> np.ndarray:
        folded = np.array(vector)
        if self.target_scale is not None:
            with np.errstate(all="ignore"):  # targets out of range are refused when encoded
                self.target_scale.fold(*_last_layer(folded, layout))
        return folded

    def unfold(self, vector: np.ndarray, layout: Layout) -> np.ndarray:
        unfolded = np.array(vector)
        if self.target_scale is not None:
            self.target_scale.unfold(*_last_layer(unfolded, layout))
        return unfolded

    def fold_gradient(self, vector: np.ndarray, layout: Layout) -> np.ndarray:
        folded = np.array(vector)
        if self.target_scale is not None:
            self.target_scale.fold_gradient(*_last_layer(folded, layout))
        return folded * self.loss_factor

    def remarks(self) -> list[str]:
        """Return the warning that the loss is beyond float64 in the unit of the targets."""
        factor, scale = self.loss_factor, self.target_scale
        if scale is None or sys.float_info.min <= factor < math.inf:
            return []
        value = "inf" if factor > 1.0 else "0"
        words = (
            f"y has a spread of {scale.spread:.3g}, and its loss in that unit is beyond float64: "
            f"loss_ and the curves say {value}. Training is at the scale of 1 and is right. Divide "
            f"y by {scale.spread:.3g} to see its losses."
        )
        return [words]


def _last_layer(vector: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    layers = Parameters(layout, vector)
    bias = layers.biases[-1]
    assert bias is not None
    return layers.weights[-1], bias


def _constant_loss(loss: Loss, y: np.ndarray, weight: np.ndarray | None) -> float:
    """Return the loss of the means of the columns, as a prediction for all rows."""
    mean = np.clip(column_means(y, weight), *loss.link.range)
    with np.errstate(all="ignore"):
        return float(loss(np.broadcast_to(mean, y.shape), y, weight))


def r2(y: np.ndarray, p: np.ndarray, weight: np.ndarray | None) -> float:
    """Return R2, which has no unit: powers of two bring targets near 1, where squares stay finite.

    Examples
    --------
    >>> y, p = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0])
    >>> [round(r2(unit * y, unit * p, None), 9) for unit in (1.0, 1e300, 1e-300)]
    [0.5, 0.5, 0.5]
    """
    from sklearn.metrics import r2_score

    y, p = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    power = -np.frexp(np.abs(y).max())[1]
    with np.errstate(all="ignore"):  # predictions far beyond the targets
        return float(r2_score(np.ldexp(y, power), np.ldexp(p, power), sample_weight=weight))
