"""What classifier and regressor share: options, the fitted network's numbers, and its scores."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from chainrule.engines.engine import Engine, Scorer
from chainrule.engines.prediction import Predictor
from chainrule.estimators.inputs import as_inputs
from chainrule.estimators.options import Options
from chainrule.estimators.samples import Samples
from chainrule.formulas.loss import Loss
from chainrule.foundation.errors import must_be
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.monitor import Metric
from chainrule.training.network import Network
from chainrule.training.sources import check_finite, check_range, check_scores, in_order
from chainrule.training.state import TrainingState

__all__ = ["BaseMLP"]

# What needs no conversion, native byte order included; a look into a set is ten times as fast as
# a comparison with types, and one row's prediction takes a few microseconds.
_PLAIN = frozenset({np.dtype(np.float32), np.dtype(np.float64)})
_CSR = frozenset({"csr_matrix", "csr_array"})


class BaseMLP(Options, BaseEstimator):  # type: ignore[misc]
    """A feed-forward network as a scikit-learn estimator: its options, numbers and scores."""

    network_: Network
    parameters_: Parameters
    objective_: Objective
    loss_: float
    train_loss_: float
    stopped_because_: str
    engine_: str | None
    best_loss_: float | None
    best_validation_score_: float | None
    n_iter_: int
    t_: int
    loss_curve_: list[float]
    penalty_curve_: list[float]
    learning_rate_curve_: list[float]
    # The clock is no part of the state: equal fits are equal files and hashes.
    fit_seconds_: float = 0.0
    validation_loss_curve_: list[float] | None
    validation_scores_: list[float] | None
    classes_: np.ndarray
    estimators_: list[Any]
    n_features_in_: int
    n_outputs_: int
    # What the options that training is built on meant when it began.
    _begun: dict[str, Any]
    _state: TrainingState
    _engine: Engine
    _predictor: Predictor

    # What a subclass says of its targets.

    def _learn_targets(
        self, y: Any, weight: np.ndarray | None, classes: Any = None
    ) -> tuple[Loss, int]:
        """Learn labels or scale from the first data; return the loss and the number of scores."""
        raise NotImplementedError

    def _prepared(self, y: Any, name: str = "y") -> np.ndarray:
        """Return targets as an array of the kind that the methods below take; once per call."""
        raise NotImplementedError

    def _check_continued(self, y: Any) -> None:
        """Refuse prepared targets that a warm start cannot go on with."""

    def _encode(self, y: Any, name: str = "y") -> np.ndarray:
        """Return targets as the loss takes them; refuse those that do not fit the first data."""
        raise NotImplementedError

    def _learn_weights(
        self, y: Any, weight: np.ndarray | None, anew: bool, classes: Any = None
    ) -> None:
        """Learn what a row counts besides its sample weight, from the rows of this call."""

    def _weighted(self, y: Any, weight: np.ndarray | None) -> np.ndarray | None:
        """Return sample weights times what the rows' targets count."""
        return weight

    def _strata(self, y: Any) -> np.ndarray | None:
        """Return the labels whose shares a split keeps, if any."""
        raise NotImplementedError

    def _metric(self, loss: Loss, weight: np.ndarray | None) -> Metric:
        """Return the score of this estimator as a function of scores and encoded targets."""
        raise NotImplementedError

    def _can_score(self, held: Samples) -> bool:
        """Say whether that score can tell good answers for these rows from bad ones."""
        return True

    def _fold(self, vector: np.ndarray) -> np.ndarray:
        """Return trained parameters in the user's units, in an array of their own."""
        return np.array(vector)

    def _unfold(self, vector: np.ndarray) -> np.ndarray:
        """Return the parameters that `_fold` turns into these."""
        return np.array(vector)

    def _fold_gradient(self, vector: np.ndarray) -> np.ndarray:
        """Return a gradient of the loss trained on as that of the loss in the user's units."""
        return vector

    # What is to be said of the data and the answers, as warnings.
    _remarks: Sequence[str] = ()
    # The loss in the user's units is this many times the loss trained on.
    _loss_factor = 1.0
    # About the loss trained on of the best constant answer: what `tol` is relative to.
    _loss_unit = 1.0

    # An option of classifiers only.
    label_smoothing: float = 0.0

    def _scores(self, X: Any) -> np.ndarray:
        """Return the network's scores (n, n_scores)."""
        if "parameters_" not in self.__dict__:
            check_is_fitted(self, "parameters_")  # raises, in scikit-learn's words
        return self._scores_of(self._inputs(X))

    def _scores_of(self, X: Any) -> np.ndarray:
        """Return the scores of checked inputs."""
        vector = self.parameters_.vector
        scores: np.ndarray = self._scorer().scores(vector, X)
        # one row by Python, in a tenth of the time of NumPy
        one = len(scores) == 1
        if not (isfinite(sum(scores.tolist()[0])) if one else np.isfinite(scores).all()):
            names = self.__dict__.get("feature_names_in_")
            check_scores(scores, X, self.objective_.loss, vector, "X", names)
        return scores

    def _predictions_of(self, scores: np.ndarray) -> np.ndarray:
        """Return what scores stand for: probabilities, or means."""
        predictions: np.ndarray = self._scorer().predictions(scores)
        return predictions

    def _inputs(self, X: Any) -> Any:
        plain = (
            (type(X) is np.ndarray or type(X).__name__ in _CSR)
            and X.ndim == 2
            and X.dtype in _PLAIN
            and X.shape[1] == self.n_features_in_
            and X.shape[0] > 0
            and "feature_names_in_" not in self.__dict__
        )
        if not plain:  # scikit-learn's own checks: names, shapes, conversions
            X = self._numbers_of(X, reset=False)
        if hasattr(X, "tocsr"):
            X = in_order(X, "X")
        names = self.__dict__.get("feature_names_in_")
        check_finite(X, "X", names)
        if X.dtype == np.float64 and "parameters_" in self.__dict__:
            check_range(X, self.parameters_.vector.dtype, "X", names)
        return X

    def _prepared_table(self, X: Any) -> Any:
        """Return the inputs of a raw table, where the model has learnt to prepare one."""
        preparation = self.__dict__.get("preparation_")
        if preparation is None:
            return X
        names = getattr(X, "column_names", getattr(X, "columns", None))
        if names is None or list(names) == list(preparation.feature_names):
            return X
        return preparation.transform(X)

    def _numbers_of(self, X: Any, reset: bool, name: str = "X") -> Any:
        """Return inputs of any kind as an array or CSR matrix; finiteness is seen later."""
        if not reset:
            X = self._prepared_table(X)
        X = as_inputs(X, None if reset else getattr(self, "feature_names_in_", None), name)
        plain = isinstance(X, np.ndarray) or hasattr(X, "tocsr")
        # where it is not X that is given; of X, and of frames, scikit-learn's words are known
        if name != "X" and plain and X.ndim == 2 and X.shape[1] != self.n_features_in_:
            raise must_be(name, f"of {self.n_features_in_} features, as X", X.shape[1])
        return validate_data(self, X, reset=reset, accept_sparse="csr", ensure_all_finite=False)

    def _scorer(self) -> Scorer:
        """Return what predicts: the engine that trained, for its memory, or a predictor."""
        known = self.__dict__
        if "_engine" in known:
            engine: Engine = known["_engine"]
            return engine
        if "_predictor" not in known:
            if not isinstance(self.engine, str):
                given: Engine = self.engine
                return given
            self._predictor = Predictor(
                self.network_, self.objective_.loss, self.engine, self.n_threads
            )
        return self._predictor

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Per layer, the weight (n_in, n_out): views of ``parameters_``, to read and to edit."""
        return [np.asarray(weight) for weight in self._fitted("coefs_").weights]

    @coefs_.setter
    def coefs_(self, weights: Any) -> None:
        _fill(self.coefs_, weights, "coefs_")

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Per layer, the bias (n_out,): views of ``parameters_``, to read and to edit."""
        return [np.asarray(bias) for bias in self._fitted("intercepts_").biases]

    @intercepts_.setter
    def intercepts_(self, biases: Any) -> None:
        _fill(self.intercepts_, biases, "intercepts_")

    def _fitted(self, name: str) -> Parameters:
        parameters: Parameters | None = self.__dict__.get("parameters_")
        if "estimators_" in self.__dict__:
            raise AttributeError(
                f"an ensemble has no {name!r} of its own; each network has: estimators_[0].{name}."
            )
        if parameters is None:
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r} before it is fitted. Call fit."
            )
        return parameters

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        for made_anew in ("_engine", "_predictor"):
            state.pop(made_anew, None)
        state.pop("fit_seconds_", None)
        return state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _fill(views: list[np.ndarray], values: Any, name: str) -> None:
    """Put other numbers in place of those of all layers; nothing is broadcast."""
    arrays = [np.asarray(value, dtype=np.float64) for value in values]
    shapes, given = [view.shape for view in views], [array.shape for array in arrays]
    if given != shapes:
        raise must_be(name, f"one array per layer, of the shapes {shapes}", given)
    for view, array in zip(views, arrays, strict=True):
        view[...] = array
