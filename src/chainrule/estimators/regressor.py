"""`MLPRegressor`: numbers in and out, in any unit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from chainrule.estimators.converting import ConvertibleMLP
from chainrule.estimators.dispatching import as_inputs_are
from chainrule.estimators.number_codec import NumberCodec, r2
from chainrule.estimators.option import documented
from chainrule.estimators.options import RegressorOptions
from chainrule.estimators.predictor import Wanted
from chainrule.estimators.quantiles import (
    interval_columns,
    level_columns,
    nearest_median,
    sorted_quantiles,
)
from chainrule.exports.program import Branch, Pick, Sort
from chainrule.formulas.loss import Loss, losses
from chainrule.formulas.losses import Quantile
from chainrule.formulas.target_scale import TargetScale
from chainrule.foundation.errors import must_be

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
class MLPRegressor(RegressorMixin, MultiOutputMixin, RegressorOptions, ConvertibleMLP):  # type: ignore[misc]
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
    n_iter_, t_, fit_seconds_, batch_size_, batch_size_reason_, stopped_because_, seed_
        The course of training, as in `MLPClassifier`.
    engine_, device_
        The course of training, as in `MLPClassifier`.
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

    _targets = NumberCodec

    target_scale_: TargetScale | None

    @as_inputs_are
    def predict(self, X: Any) -> np.ndarray:
        """Return the prediction of each row: (n,) for one target, (n, n_outputs) for several.

        With several quantiles it is the one nearest to the median.
        """
        answers = self._answers(X)
        return _predictions(self.objective_.loss, answers)

    def _wanted(self, method: str) -> Wanted:
        loss = self.objective_.loss
        if method == "predict_quantiles":
            self.predict_quantiles  # noqa: B018 - refused where the loss has no levels
            return Wanted(method, True, lambda p: sorted_quantiles(loss, p))
        if method != "predict":
            raise must_be("method", "predict or predict_quantiles", method)
        return Wanted(method, True, lambda p: _predictions(loss, p))

    @available_if(_has_levels)  # type: ignore[untyped-decorator]
    @as_inputs_are
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
        return sorted_quantiles(self.objective_.loss, self._answers(X))

    @available_if(_has_levels)  # type: ignore[untyped-decorator]
    @as_inputs_are
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
        loss = self.objective_.loss
        assert isinstance(loss, Quantile)
        answers = sorted_quantiles(loss, self._answers(X))
        return answers[:, interval_columns(loss.levels, coverage)]

    @available_if(_has_members)  # type: ignore[untyped-decorator]
    @as_inputs_are
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
        answers = self._member_answers(X)
        loss = self.objective_.loss
        if isinstance(loss, Quantile):
            answers = np.stack([nearest_median(loss, one) for one in answers])
        spread: np.ndarray = answers.std(axis=0, ddof=1)
        return spread[:, 0] if spread.ndim == 2 and spread.shape[1] == 1 else spread

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the (weighted) coefficient of determination R2 of the predictions."""
        predicted, targets, weight = self._compared(X, y, sample_weight)
        return r2(targets, predicted, weight)

    def _interval_branch(self, coverage: float) -> Branch:
        from chainrule.estimators.exporting import interval_branch

        pair = interval_columns(self._levels_for("interval", coverage), coverage)
        return interval_branch((Sort(), Pick(tuple(pair))), coverage, (2,))

    def _quantiles_branch(self, levels: Sequence[float]) -> Branch:
        from chainrule.estimators.exporting import quantiles_branch

        columns = level_columns(self._levels_for("quantiles", levels), levels, "quantiles")
        return quantiles_branch((Sort(), Pick(tuple(columns))), levels, (len(columns),))

    def _levels_for(self, name: str, asked: Any) -> tuple[float, ...]:
        """Return the levels of the loss; refuse an argument that asks for them in vain."""
        loss = self.objective_.loss
        if isinstance(loss, Quantile) and loss.scores_per_target > 1:
            return tuple(loss.levels)
        rule = f"left out for the loss {loss.name!r}, which has no quantiles"
        advice = 'Fit with losses.get("quantile", q=(0.1, 0.5, 0.9)).'
        if isinstance(loss, Quantile):
            rule = "left out for a loss of one quantile"
        raise must_be(name, rule, asked, advice)

    def _answers(self, X: Any) -> np.ndarray:
        if "estimators_" in self.__dict__:
            mean: np.ndarray = self._member_answers(X).mean(axis=0)
            return mean
        return self._predictions_of(self._scores(X))


def _predictions(loss: Loss, p: np.ndarray) -> np.ndarray:
    """Return the predictions (n,) or (n, n_outputs) from those of each score."""
    if isinstance(loss, Quantile):
        return nearest_median(loss, p)
    return p[:, 0] if p.shape[1] == 1 else p
