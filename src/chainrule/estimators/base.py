"""A fitted network as a scikit-learn estimator: its numbers, its scores and its explanation."""

import copy
import threading
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from chainrule.engines.engine import Rows, Scorer
from chainrule.engines.prediction import Predictor
from chainrule.estimators.history import best_epoch
from chainrule.estimators.inputs import as_targets, checked_samples, numbers_of, weight_of_rows
from chainrule.estimators.recipe import Recipe
from chainrule.estimators.run import Run
from chainrule.estimators.samples import Samples
from chainrule.estimators.shared_options import Options, resources_of
from chainrule.estimators.target_codec import TargetCodec
from chainrule.exports.exportable import Exportable
from chainrule.exports.program import Program
from chainrule.formulas.loss import relative_weight
from chainrule.foundation.arrays import to_numpy
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.side_by_side import side_by_side
from chainrule.foundation.threads import thread_shares
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.network import Network
from chainrule.training.sources import check_finite, check_range, check_scores, in_order

if TYPE_CHECKING:
    from chainrule.insight.explanation import Explanation

__all__ = [
    "BaseMLP",
    "best_epoch_of",
    "check_scores_of",
    "codec_of",
    "inputs_of",
    "keep_epoch",
    "put_codec",
    "put_run",
    "run_of",
    "snapshot_of",
]

# Fewer rows are answered by one thread.
ROWS_FOR_THREADS = 1000
NAMES = ("X", "y", "sample_weight")
HELD_OUT_NAMES = ("X held out", "y held out", "sample_weight held out")
# Inputs that need no conversion, of native byte order. One row is predicted in a few microseconds,
# and looking into a set is ten times as fast as comparing types.
_PLAIN = frozenset({np.dtype(np.float32), np.dtype(np.float64)})
_CSR = frozenset({"csr_matrix", "csr_array"})


class BaseMLP(Exportable, Options, BaseEstimator):  # type: ignore[misc]
    """A feed-forward network as a scikit-learn estimator: its options, numbers and scores."""

    network_: Network
    parameters_: Parameters
    objective_: Objective
    loss_: float
    train_loss_: float
    stopped_because_: str
    engine_: str | None
    device_: str | None
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

    # The codec of the kind of targets that the estimator is for.
    _targets: type[TargetCodec]
    _run: Run
    _predictor: Predictor

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
            X = numbers_of(self, X, reset=False)
        if hasattr(X, "tocsr"):
            X = in_order(X, "X")
        names = self.__dict__.get("feature_names_in_")
        check_finite(X, "X", names)
        if X.dtype == np.float64 and "parameters_" in self.__dict__:
            check_range(X, self.parameters_.vector.dtype, "X", names)
        return X

    def _scorer(self) -> Scorer:
        """Return what predicts: the engine that trained, for its memory, or a predictor."""
        known = self.__dict__
        run: Run | None = known.get("_run")
        if run is not None and run.engine is not None:
            return run.engine
        if "_predictor" not in known:
            if not isinstance(self.engine, str):
                return self.engine
            self._predictor = Predictor(
                self.network_, self.objective_.loss, self.engine, resources_of(self)
            )
        return self._predictor

    def _member_scores(self, X: Any) -> list[np.ndarray]:
        """Return the scores (n, n_scores) of every network of an ensemble."""
        X = self._inputs(X)
        members = self.estimators_

        def scores(number: int, stop: threading.Event) -> np.ndarray:
            found: np.ndarray = members[number]._scores_of(X)
            return found

        many = X.shape[0] >= ROWS_FOR_THREADS
        workers = thread_shares(len(members), self.n_threads)[0] if many else 1
        return side_by_side(scores, len(members), workers)

    def _member_answers(self, X: Any) -> np.ndarray:
        """Return the answers (n_estimators, n, n_outputs) of every network."""
        return np.stack([self._predictions_of(s) for s in self._member_scores(X)])

    @property
    def _codec(self) -> Any:  # of the kind of `_targets`
        """The codec of the targets; the networks of an ensemble have the same."""
        known = self.__dict__
        if not ("_run" in known or "estimators_" in known):
            check_is_fitted(self, "parameters_")  # raises, in scikit-learn's words
        run: Run = (known["estimators_"][0] if "estimators_" in known else self)._run
        return run.codec

    def explain(
        self, X: Any, y: Any, sample_weight: Any = None, *, held_out: tuple[Any, ...] | None = None
    ) -> "Explanation":
        """Return the chain rule of any weight on these rows, the checks, and the report.

        The network is explained as it was trained: on standardised or smoothed targets, with the
        memory of the optimizer at its next step.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; preferably the rows of training.
        held_out : (X, y) or (X, y, sample_weight), optional
            Rows that were not trained on: the report judges the predictions by them.

        Returns
        -------
        Explanation
            ``explain(X, y).weight(layer=1, unit=1, to=1)`` is one weight's chain rule, and
            ``explain(X, y).save("report.html")`` writes the report.
        """
        from chainrule.estimators.explaining import explanation_of

        self._check_single("explain")
        if held_out is not None and len(held_out) not in (2, 3):
            raise InputError(
                f"held_out must be (X, y) or (X, y, sample_weight); got {len(held_out)} arrays."
            )
        recipe = Recipe.of(self)
        rows = self._rows_of((X, y, sample_weight), NAMES, recipe.label_smoothing)
        held = None if held_out is None else self._rows_of(held_out, HELD_OUT_NAMES)
        return explanation_of(self, self._run, recipe, rows, held)

    def gradient(
        self, X: Any, y: Any, sample_weight: Any = None, *, penalties: bool = False
    ) -> Parameters:
        """Return the derivative of the mean loss of these rows by every weight and bias.

        The loss is in the units of ``y``, and the derivative is by the numbers in ``coefs_`` and
        ``intercepts_``. Class weights and smoothed labels count, as in training.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        penalties : bool
            Whether to add the gradient of the penalties (``alpha``, ``l1``), as a step does.

        Returns
        -------
        Parameters
            ``weights`` and ``biases`` per layer, and all of them as ``vector``.
        """
        self._check_single("gradient")
        recipe = Recipe.of(self)
        rows = self._rows_of((X, y, sample_weight), NAMES, recipe.label_smoothing)
        return self._run.gradient(recipe, rows, self.parameters_, penalties)

    def _program(self) -> Program:
        from chainrule.estimators.exporting import program_of

        if "estimators_" not in self.__dict__:
            check_is_fitted(self, "parameters_")
        return program_of(self, self._codec)

    def _check_single(self, call: str) -> None:
        if "estimators_" in self.__dict__:
            raise InputError(
                f"{call} is of one network, and this is an ensemble. Call "
                f"estimators_[0].{call}(X, y) for its first one."
            )
        check_is_fitted(self, "parameters_")

    def _rows_of(
        self, given: Sequence[Any], names: tuple[str, str, str], label_smoothing: float = 0.0
    ) -> Rows:
        """Return arrays as rows of the fitted network; refuse what `fit` refuses."""
        run, codec = self._run, self._codec
        samples = checked_samples(self, codec.prepared, given, reset=False, names=names)
        weight = codec.weighted(samples.y, samples.weight)
        samples = Samples(samples.X, samples.y, weight)
        return run.rows(samples, names, self.__dict__.get("feature_names_in_"), label_smoothing)

    def _compared(
        self, X: Any, y: Any, sample_weight: Any
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return predictions, targets and weights, of one shape, to compare row by row."""
        predicted = to_numpy(self.predict(X))
        targets = self._targets.prepared(as_targets(y))
        if predicted.ndim == 1 and targets.ndim == 2 and targets.shape[1] == 1:
            targets = targets[:, 0]
        if targets.shape != predicted.shape:
            raise InputError(
                f"y must be of the shape of the predictions, {predicted.shape}; got "
                f"{targets.shape}. Pass one target per row of X, as in fit."
            )
        weight = weight_of_rows(sample_weight, len(predicted), "sample_weight")
        return predicted, targets, None if weight is None else relative_weight(weight, weight)

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
        for name in ("_predictor", "fit_seconds_"):
            state.pop(name, None)
        return state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _fill(views: list[np.ndarray], values: Any, name: str) -> None:
    """Replace the numbers of all layers; nothing is broadcast."""
    arrays = [np.asarray(value, dtype=np.float64) for value in values]
    shapes, given = [view.shape for view in views], [array.shape for array in arrays]
    if given != shapes:
        raise must_be(name, f"one array per layer, of the shapes {shapes}", given)
    for view, array in zip(views, arrays, strict=True):
        view[...] = array


def run_of(estimator: BaseMLP) -> Run:
    """Return the run of a fitted estimator of one network."""
    return estimator._run


def codec_of(estimator: BaseMLP) -> TargetCodec:
    """Return the codec of the targets of a fitted estimator."""
    codec: TargetCodec = estimator._codec
    return codec


def inputs_of(estimator: BaseMLP, X: Any) -> Any:
    """Return inputs that were checked as for a prediction."""
    return estimator._inputs(X)


def check_scores_of(estimator: BaseMLP, X: Any) -> None:
    """Refuse checked inputs whose scores overflow to NaN."""
    estimator._scores_of(X)


def snapshot_of(estimator: BaseMLP, *, named: bool = True) -> BaseMLP:
    """Return a copy with parameters of its own; without the names of the inputs if not ``named``.

    Later calls of `fit` do not change it, and threads may share it.
    """
    found = copy.copy(estimator)
    if "parameters_" in found.__dict__:
        found.parameters_ = found.network_.parameters(np.array(found.parameters_.vector))
        found._run = replace(found._run, engine=None)
    if not named:
        found.__dict__.pop("feature_names_in_", None)
    return found


def put_run(estimator: BaseMLP, run: Run) -> None:
    """Make the network of a run, and its parameters, those of the estimator."""
    for former in ("estimators_", "_predictor"):
        estimator.__dict__.pop(former, None)
    estimator._run = run
    estimator.__dict__.update(run.attributes)
    estimator.parameters_ = run.parameters()


def put_codec(estimator: BaseMLP, codec: TargetCodec) -> None:
    """Make a codec that of the estimator: other names of the same targets."""
    estimator._run = replace(estimator._run, codec=codec)
    estimator.__dict__.update(codec.attributes)


def keep_epoch(estimator: BaseMLP, epoch: int, vector: Any = None) -> None:
    """Make an epoch, from 1, the one whose parameters are kept, where other rows have chosen it.

    ``vector`` is the trained vector after it; None where the estimator has these parameters. The
    loss of all rows at them is not known.
    """
    estimator.__dict__["kept_epoch_"] = epoch
    if vector is not None:
        estimator._run.state.best = vector
        estimator.parameters_ = estimator._run.parameters()
        estimator.train_loss_ = nan
        estimator.__dict__.pop("_predictor", None)


def best_epoch_of(estimator: BaseMLP) -> int | None:
    """Return the epoch whose parameters were kept, from 1, where one was chosen."""
    return best_epoch(estimator, estimator._run.watches_loss(estimator.monitor))
