"""`MLPRegressor`: numbers in, numbers out, whatever their unit."""

import math
from typing import Any

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import column_or_1d

from chainrule.estimators.ensemble import mean_answers, member_answers
from chainrule.estimators.fitting import FittingMLP
from chainrule.estimators.inputs import as_numbers
from chainrule.estimators.option import documented
from chainrule.estimators.options import RegressorOptions
from chainrule.estimators.quantiles import interval_columns, nearest_median, sorted_quantiles
from chainrule.estimators.samples import Samples
from chainrule.formulas.loss import Loss, losses
from chainrule.formulas.losses import Quantile
from chainrule.formulas.target_scale import TargetScale, column_means
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import InputError, must_be
from chainrule.model.parameters import Parameters
from chainrule.training.monitor import Metric

__all__ = ["MLPRegressor"]


def _has_levels(estimator: "MLPRegressor") -> bool:
    loss = losses.get(estimator.loss)
    if not isinstance(loss, Quantile):
        raise AttributeError(
            f"quantiles need the loss 'quantile'; this one is {loss.name!r}. Take "
            'losses.get("quantile", q=(0.1, 0.5, 0.9)).'
        )
    return True


def _has_members(estimator: "MLPRegressor") -> bool:
    if estimator.n_estimators == 1:
        raise AttributeError("predict_std needs several networks; n_estimators is 1.")
    return True


@documented
class MLPRegressor(RegressorMixin, MultiOutputMixin, RegressorOptions, FittingMLP):  # type: ignore[misc]
    r"""A feed-forward network for one or several numeric targets.

    Training makes small

    .. math:: \frac{\sum_i w_i l_i}{\sum_i w_i} + \frac{\alpha}{2} \sum W^2 + l_1 \sum |W|

    The network is trained on targets of mean 0 and spread 1, or divided by their mean for
    ``poisson``, and the scale is folded into the last layer: the fit does not depend on the unit of
    y, and ``coefs_``, losses and predictions are in that unit.

    Parameters
    ----------
    {options}

    Attributes
    ----------
    coefs_, intercepts_, parameters_, network_, objective_, estimators_
        The network as in `MLPClassifier`, or the networks; weights are in the unit of y.
    loss_, best_loss_, train_loss_, loss_curve_, penalty_curve_, learning_rate_curve_
        Losses, penalties and rates as in `MLPClassifier`, in the unit of the loss of y itself.
    validation_loss_curve_, validation_scores_, best_validation_score_
        The same on held-out rows; scores are R2, or those of the scorer in ``monitor``.
    n_iter_, t_, fit_seconds_, batch_size_, batch_size_reason_, stopped_because_, seed_, engine_
        How training went, as in `MLPClassifier`.
    n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As in scikit-learn.
    target_scale_ : TargetScale or None
        Center and spread of the targets, where ``scale_target``; for ``poisson`` 0 and the mean.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(hidden_layer_sizes=(16,), learning_rate="cosine",
    ...                      learning_rate_init=0.01, max_iter=100, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.5
    True
    >>> model.predict(X[:2]).shape
    (2,)
    """

    target_scale_: TargetScale | None

    def predict(self, X: Any) -> np.ndarray:
        """Return the prediction of each row: (n,) for one target, (n, n_outputs) for several.

        With several quantiles it is the one nearest to the median.
        """
        p = self._answers(X)
        if isinstance(self.objective_.loss, Quantile):
            return nearest_median(self.objective_.loss, p)
        return p[:, 0] if p.shape[1] == 1 else p

    @available_if(_has_levels)  # type: ignore[untyped-decorator]
    def predict_quantiles(self, X: Any) -> np.ndarray:
        """Return the quantiles (n, n_levels) of each row, in the order of the levels of the loss.

        Each row is sorted, so that a higher level never has a lower answer; sorting can only bring
        the quantiles nearer to the true ones (Chernozhukov, Fernandez-Val & Galichon 2010,
        Econometrica 78(3)).

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> loss = losses.get("quantile", q=(0.1, 0.5, 0.9))
        >>> model = MLPRegressor(loss, (16,), learning_rate="cosine", learning_rate_init=0.01,
        ...                      random_state=0).fit(X, y)
        >>> model.predict_quantiles(X).shape
        (442, 3)
        >>> low, high = model.predict_interval(X, coverage=0.8).T
        >>> bool(0.7 < ((low <= y) & (y <= high)).mean() < 0.9)
        True
        """
        return sorted_quantiles(self._answers(X))

    @available_if(_has_levels)  # type: ignore[untyped-decorator]
    def predict_interval(self, X: Any, coverage: float | None = None) -> np.ndarray:
        """Return lower and upper bound (n, 2) of an interval that holds a share of the targets.

        Parameters
        ----------
        X : array (n_samples, n_features)
            Inputs.
        coverage : float, optional
            The share, as 0.8 between the levels 0.1 and 0.9; None takes the outermost levels of the
            loss. It is met as far as the quantiles are: check it on rows that were held out.

        Raises
        ------
        InputError
            If the loss has not the two levels.
        """
        answers = sorted_quantiles(self._answers(X))
        loss = self.objective_.loss
        assert isinstance(loss, Quantile)
        return answers[:, interval_columns(loss.levels, coverage)]

    @available_if(_has_members)  # type: ignore[untyped-decorator]
    def predict_std(self, X: Any) -> np.ndarray:
        """Return the standard deviation of the networks' predictions, of the shape of `predict`.

        It says where the networks disagree, mostly far from the rows trained on. It is no interval
        for the target, which holds its noise too: for that see `predict_interval`.

        Examples
        --------
        >>> X = np.linspace(-1.0, 1.0, 50)[:, None]
        >>> model = MLPRegressor(hidden_layer_sizes=(16,), solver="lbfgs", n_estimators=5,
        ...                      max_iter=5000, random_state=0).fit(X, np.sin(3.0 * X[:, 0]))
        >>> near, far = model.predict_std([[0.0], [5.0]])
        >>> bool(near < far)
        True
        """
        answers = member_answers(self, X)
        loss = self.objective_.loss
        if isinstance(loss, Quantile):
            answers = np.stack([nearest_median(loss, one) for one in answers])
        spread: np.ndarray = answers.std(axis=0, ddof=1)
        return spread[:, 0] if spread.ndim == 2 and spread.shape[1] == 1 else spread

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the (weighted) coefficient of determination R2 of the predictions."""
        predicted, targets, weight = self._compared(X, y, sample_weight)
        return _r2(targets, predicted, weight)

    def _answers(self, X: Any) -> np.ndarray:
        if "estimators_" in self.__dict__:
            return mean_answers(self, X)
        return self._predictions_of(self._scores(X))

    def _learn_targets(
        self, y: Any, weight: np.ndarray | None, classes: Any = None
    ) -> tuple[Loss, int]:
        loss = losses.get(self.loss)
        if loss.rowwise:
            raise must_be(
                "loss",
                "one of numbers, not of classes",
                loss.name,
                "Take mse, mae, huber, quantile or poisson, or MLPClassifier.",
            )
        if loss.scores_per_target > 1 and y.shape[1] > 1:
            raise InputError(
                f"y must be one target for several quantiles; got {y.shape[1]}. Fit one regressor "
                "per target, for example with MultiOutputRegressor."
            )
        loss.checked(np.asarray(y, dtype=np.float64))
        scale = loss.target_scale.of(y, weight)
        rescaled = loss.rescaled(scale.spread) if self.scale_target else None
        self.target_scale_ = None if rescaled is None else scale
        loss, self._loss_factor = (loss, 1.0) if rescaled is None else rescaled
        unit = None if rescaled is None else scale.loss_unit
        if unit is None:
            unit = _constant_loss(loss, y if rescaled is None else scale.apply(y), weight)
        self._loss_unit = unit if 0.0 < unit < math.inf else 1.0
        return loss, y.shape[1] * loss.scores_per_target

    def _prepared(self, y: Any, name: str = "y") -> np.ndarray:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if y.dtype.kind not in "fiub":
            y = as_numbers(y.astype(object), name)
        columns: np.ndarray = y.reshape(-1, 1) if y.ndim == 1 else y
        return columns

    def _encode(self, y: Any, name: str = "y") -> np.ndarray:
        n_targets = self.n_outputs_ // self.objective_.loss.scores_per_target
        if y.shape[1] != n_targets:
            raise InputError(
                f"{name} must have {n_targets} target(s), as in the first fit; got {y.shape[1]}. "
                "Fit anew to change their number."
            )
        dtype = self._state.vector.dtype
        # with room for weights that are multiplied by the spread of the targets
        limit, largest = float(np.finfo(dtype).max) / 1e6, float(np.abs(y).max())
        if largest > limit:
            raise must_be(
                name,
                f"at most {limit:.3g} in size for {dtype.name}",
                largest,
                "Take another unit" + (", or dtype='float64'." if dtype.itemsize < 8 else "."),
            )
        targets: np.ndarray = y
        if self.target_scale_ is None:
            return targets
        self.objective_.loss.checked(np.asarray(y, dtype=np.float64), name)  # in people's unit
        return self.target_scale_.apply(targets)

    def _strata(self, y: Any) -> np.ndarray | None:
        return None

    def _metric(self, loss: Loss, weight: np.ndarray | None) -> Metric:
        def r2(scores: np.ndarray, y: np.ndarray) -> float:
            p = loss.mean(namespace(scores), scores)
            if not np.all(np.isfinite(p)):
                return -np.inf
            if isinstance(loss, Quantile):
                y, p = y[:, :1], nearest_median(loss, p)
            return _r2(y, p, weight)

        return r2

    def _can_score(self, held: Samples) -> bool:
        y = held.y if held.weight is None else held.y[held.weight > 0.0]
        return bool(np.any(y != y[0]))

    def _fold(self, vector: np.ndarray) -> np.ndarray:
        folded = np.array(vector)
        if self.target_scale_ is not None:
            with np.errstate(all="ignore"):  # targets out of range are refused when encoded
                self.target_scale_.fold(*self._last_layer(folded))
        return folded

    def _unfold(self, vector: np.ndarray) -> np.ndarray:
        unfolded = np.array(vector)
        if self.target_scale_ is not None:
            self.target_scale_.unfold(*self._last_layer(unfolded))
        return unfolded

    def _fold_gradient(self, vector: np.ndarray) -> np.ndarray:
        folded = np.array(vector)
        if self.target_scale_ is not None:
            self.target_scale_.fold_gradient(*self._last_layer(folded))
        return folded * self._loss_factor

    def _last_layer(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        layers = Parameters(self._state.network.layout, vector)
        bias = layers.biases[-1]
        assert bias is not None
        return layers.weights[-1], bias


def _constant_loss(loss: Loss, y: np.ndarray, weight: np.ndarray | None) -> float:
    """Return the loss of the means of the columns, as a prediction for all rows."""
    mean = np.clip(column_means(y, weight), *loss.link.range)
    with np.errstate(all="ignore"):
        return float(loss(np.broadcast_to(mean, y.shape), y, weight))


def _r2(y: np.ndarray, p: np.ndarray, weight: np.ndarray | None) -> float:
    """Return R2, which has no unit: powers of two bring targets near 1, where squares stay finite.

    Examples
    --------
    >>> y, p = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0])
    >>> [round(_r2(unit * y, unit * p, None), 9) for unit in (1.0, 1e300, 1e-300)]
    [0.5, 0.5, 0.5]
    """
    from sklearn.metrics import r2_score

    y, p = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    power = -np.frexp(np.abs(y).max())[1]
    with np.errstate(all="ignore"):  # predictions far beyond the targets
        return float(r2_score(np.ldexp(y, power), np.ldexp(p, power), sample_weight=weight))
