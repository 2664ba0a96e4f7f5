"""What classifier and regressor share: options, the fitted network's numbers, and its scores."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from chainrule.engines.engine import Engine, choose_engine
from chainrule.estimators.options import make_optimizer
from chainrule.model.network import Network
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.sources import check_finite
from chainrule.training.state import TrainingState

__all__ = ["BaseMLP"]

# What needs no conversion, native byte order included; a look into a set is ten times as fast as
# a comparison with types, and one row's prediction takes a few microseconds.
_PLAIN = frozenset({np.dtype(np.float32), np.dtype(np.float64)})


class BaseMLP(BaseEstimator):  # type: ignore[misc]
    """A feed-forward network as a scikit-learn estimator: its options, numbers and scores."""

    network_: Network
    parameters_: Parameters
    objective_: Objective
    loss_curve_: list[float]
    penalty_curve_: list[float]
    validation_loss_curve_: list[float] | None
    validation_scores_: list[float] | None
    n_features_in_: int
    n_outputs_: int
    _state: TrainingState
    _engine: Engine

    def __init__(
        self,
        *,
        hidden_layer_sizes: Any,
        activation: Any,
        solver: Any,
        alpha: float,
        batch_size: int | str,
        learning_rate: Any,
        learning_rate_init: float,
        power_t: float,
        max_iter: int,
        shuffle: bool,
        random_state: Any,
        tol: float,
        verbose: bool,
        warm_start: bool,
        momentum: float,
        nesterovs_momentum: bool,
        early_stopping: bool,
        validation_fraction: float,
        beta_1: float,
        beta_2: float,
        epsilon: float,
        n_iter_no_change: float,
        max_fun: int,
        loss: Any,
        dtype: Any,
        engine: Any,
        n_threads: int | None,
        weight_decay: float | None,
        monitor: str,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.loss = loss
        self.dtype = dtype
        self.engine = engine
        self.n_threads = n_threads
        self.weight_decay = weight_decay
        self.monitor = monitor

    def _scores(self, X: Any) -> np.ndarray:
        """Return the network's scores (n, n_scores)."""
        if "parameters_" not in self.__dict__:
            check_is_fitted(self, "parameters_")  # raises, in scikit-learn's words
        X = self._inputs(X)
        scores: np.ndarray = self._scoring_engine().scores(self.parameters_.vector, X)
        return scores

    def _inputs(self, X: Any) -> Any:
        plain = (
            type(X) is np.ndarray
            and X.ndim == 2
            and X.dtype in _PLAIN
            and X.shape[1] == self.n_features_in_
            and X.shape[0] > 0
            and "feature_names_in_" not in self.__dict__
        )
        if not plain:  # scikit-learn's own checks: names, shapes, conversions
            X = validate_data(self, X, reset=False, accept_sparse="csr", ensure_all_finite=False)
        check_finite(X, "X", self.__dict__.get("feature_names_in_"))
        return X

    def _scoring_engine(self) -> Engine:
        if "_engine" not in self.__dict__:
            self._engine = choose_engine(
                self.engine, self.objective_, make_optimizer(self), self.n_threads
            )
        return self._engine

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Per layer, the weight (n_in, n_out): views of ``parameters_``, to read and to edit."""
        return [np.asarray(weight) for weight in self._fitted("coefs_").weights]

    @coefs_.setter
    def coefs_(self, weights: Any) -> None:
        for view, weight in zip(self.coefs_, weights, strict=True):
            view[...] = weight

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Per layer, the bias (n_out,): views of ``parameters_``, to read and to edit."""
        return [np.asarray(bias) for bias in self._fitted("intercepts_").biases]

    @intercepts_.setter
    def intercepts_(self, biases: Any) -> None:
        for view, bias in zip(self.intercepts_, biases, strict=True):
            view[...] = bias

    def _fitted(self, name: str) -> Parameters:
        parameters: Parameters | None = self.__dict__.get("parameters_")
        if parameters is None:
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r} before it is fitted. Call fit."
            )
        return parameters

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_engine", None)  # made anew where it is needed
        return state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
