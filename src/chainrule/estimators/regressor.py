"""`MLPRegressor`: numbers in, numbers out, whatever their unit."""

from typing import Any

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import column_or_1d

from chainrule.engines.engine import Engine
from chainrule.estimators.fitting import FittingMLP
from chainrule.estimators.target_scale import TargetScale
from chainrule.formulas.loss import Loss, losses
from chainrule.formulas.optimizers import Optimizer
from chainrule.formulas.records import Activation
from chainrule.formulas.schedules import Schedule
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import InputError, must_be
from chainrule.training.monitor import Metric

__all__ = ["MLPRegressor"]


class MLPRegressor(RegressorMixin, MultiOutputMixin, FittingMLP):  # type: ignore[misc]
    r"""A feed-forward network for one or several numeric targets.

    Training makes small

    .. math:: \frac{\sum_i w_i l_i}{\sum_i w_i} + \frac{\alpha}{2} \sum W^2

    With a loss that allows it (all but ``poisson``), the network is trained on targets of mean 0
    and spread 1, and the scale is folded into the last layer: the fit does not depend on the unit
    of y, and ``coefs_``, losses and predictions are in that unit.

    Parameters
    ----------
    loss : str or Loss, default="squared_error"
        A name from `chainrule.losses`: mse (squared_error), mae, huber, quantile, poisson, or a
        record, as ``losses.get("quantile", q=0.9)``.
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init,
    power_t, max_iter, shuffle, random_state, tol, verbose, warm_start, momentum,
    nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon,
    n_iter_no_change, max_fun, dtype, engine, n_threads, weight_decay
        As in `MLPClassifier`; the rows held out are not stratified.
    monitor : {"score", "loss"}, default="score"
        What is watched on held-out rows: R2, or the loss.
    scale_target : bool, default=True
        Whether to train on standardised targets.

    Attributes
    ----------
    coefs_, intercepts_, parameters_, network_, objective_, loss_, best_loss_, loss_curve_,
    penalty_curve_, validation_loss_curve_, validation_scores_, best_validation_score_, n_iter_,
    t_, stopped_because_, seed_, n_layers_, n_outputs_, out_activation_, n_features_in_,
    feature_names_in_
        As in `MLPClassifier`; scores are R2.
    target_scale_ : TargetScale or None
        Center and spread of the targets, where they were standardised.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(hidden_layer_sizes=(16,), learning_rate="cosine",
    ...                      learning_rate_init=0.01, max_iter=60, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.5
    True
    >>> model.predict(X[:2]).shape
    (2,)
    """

    target_scale_: TargetScale | None

    def __init__(
        self,
        loss: str | Loss = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str | Activation | list[str | Activation] = "relu",
        *,
        solver: str | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dtype: Any = None,
        engine: str | Engine = "auto",
        n_threads: int | None = None,
        weight_decay: float | None = None,
        monitor: str = "score",
        scale_target: bool = True,
    ) -> None:
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            loss=loss,
            dtype=dtype,
            engine=engine,
            n_threads=n_threads,
            weight_decay=weight_decay,
            monitor=monitor,
        )
        self.scale_target = scale_target

    def predict(self, X: Any) -> np.ndarray:
        """Return the prediction of each row: (n,) for one target, (n, n_outputs) for several."""
        s = self._scores(X)
        with np.errstate(all="ignore"):
            p: np.ndarray = self.objective_.loss.mean(namespace(s), s)
        return p[:, 0] if p.shape[1] == 1 else p

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
        scale = TargetScale.of(y, weight)
        rescaled = loss.rescaled(scale.spread) if self.scale_target else None
        self.target_scale_ = None if rescaled is None else scale
        if rescaled is None:
            self._loss_factor = 1.0
            constant = np.broadcast_to(np.clip(scale.center, *loss.link.range), y.shape)
            self._loss_unit = float(loss(constant, y, weight)) or 1.0
        else:
            loss, self._loss_factor = rescaled
            self._loss_unit = 1.0
        return loss, y.shape[1]

    def _prepared(self, y: Any) -> np.ndarray:
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        try:
            y = y.astype(np.float64) if y.dtype.kind not in "fiub" else y
        except (TypeError, ValueError) as error:
            raise must_be(
                "y", "numbers", y.dtype, "Convert the targets, or take MLPClassifier for labels."
            ) from error
        columns: np.ndarray = y.reshape(-1, 1) if y.ndim == 1 else y
        return columns

    def _encode(self, y: Any) -> np.ndarray:
        if y.shape[1] != self.n_outputs_:
            raise InputError(
                f"y must have {self.n_outputs_} target(s), as in the first fit; got {y.shape[1]}. "
                "Fit anew to change their number."
            )
        dtype = self._state.vector.dtype
        # with room for weights that are multiplied by the spread of the targets
        limit, largest = float(np.finfo(dtype).max) / 1e6, float(np.abs(y).max())
        if largest > limit:
            raise must_be(
                "y",
                f"at most {limit:.3g} in size for {dtype.name}",
                largest,
                "Take another unit" + (", or dtype='float64'." if dtype.itemsize < 8 else "."),
            )
        targets: np.ndarray = y
        return targets if self.target_scale_ is None else self.target_scale_.apply(y)

    def _strata(self, y: Any) -> np.ndarray | None:
        return None

    def _metric(self, loss: Loss, weight: np.ndarray | None) -> Metric:
        from sklearn.metrics import r2_score

        def r2(scores: np.ndarray, y: np.ndarray) -> float:
            p = loss.mean(namespace(scores), scores)
            if not np.all(np.isfinite(p)):
                return -np.inf
            score: float = r2_score(y, p, sample_weight=weight)
            return score

        return r2

    def _fold(self, vector: np.ndarray) -> np.ndarray:
        scale = self.target_scale_
        return np.array(vector) if scale is None else scale.fold(self._state.network, vector)

    def _unfold(self, vector: np.ndarray) -> np.ndarray:
        scale = self.target_scale_
        return np.array(vector) if scale is None else scale.unfold(self._state.network, vector)
