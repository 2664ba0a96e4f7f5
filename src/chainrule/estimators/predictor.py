"""A prepared callable that answers for single rows in microseconds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import isfinite, ndarray

from chainrule.engines.prediction import Predictor
from chainrule.estimators.base import (
    BaseMLP,
    check_scores_of,
    codec_of,
    inputs_of,
    snapshot_of,
)
from chainrule.estimators.class_codec import NO_AND_YES, ClassCodec
from chainrule.estimators.shared_options import resources_of
from chainrule.estimators.target_codec import TargetCodec
from chainrule.formulas.activations import sigmoid
from chainrule.formulas.loss import Loss
from chainrule.foundation.showing import Shown
from chainrule.model.network import Dense
from chainrule.model.parameters import Parameters
from chainrule.training.network import Network

__all__ = ["PreparedPredictor", "Wanted", "as_they_are"]

Step = Callable[[ndarray], ndarray]
_float32, _float64 = np.dtype(np.float32), np.dtype(np.float64)
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Wanted:
    """The kind of answer that a predictor gives.

    Attributes
    ----------
    method : str
        The method of the estimator that gives the same answers.
    linked : bool
        True if they are made from predictions, after the link; False if from scores.
    finish : callable
        Makes the answers for rows from these.
    finish_one : callable, optional
        Makes the answer for one row from its own, of shape (1, n), if there is a shorter way.
    """

    method: str
    linked: bool
    finish: Step
    finish_one: Callable[[ndarray], Any] | None = None


def as_they_are(found: ndarray) -> ndarray:
    """Return predictions that are answers already."""
    return found


class PreparedPredictor(Shown):
    """The answers of a fitted network, prepared for a row, or a few rows, at a time.

    It holds a copy of the parameters: training the estimator further does not change it. Any number
    of threads may call it at the same time.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        A fitted estimator, of one network or several.
    wanted : Wanted
        The kind of answer.
    validate : bool
        True refuses rows of another width, and NaN, infinite and overflowing numbers. False checks
        nothing but the width: the answers for such rows mean nothing.
    """

    def __init__(self, estimator: Any, wanted: Wanted, validate: bool = True) -> None:
        members = estimator.__dict__.get("estimators_", [estimator])
        self.method, self.validate = wanted.method, bool(validate)
        self.n_in: int = members[0].network_.n_in
        self._shape = (self.n_in,)
        self._networks = [_Answers(one, wanted.linked) for one in members]
        self._finish = wanted.finish
        self._finish_one = wanted.finish_one or (lambda found: wanted.finish(found)[0])
        self._answers = self._networks[0] if len(members) == 1 else self._mean
        # where one number of an answer is NaN, all are
        self._alike = self._networks[0].alike
        self._frames, self._arrays = snapshot_of(estimator), snapshot_of(estimator, named=False)
        self._members = list(map(snapshot_of, members))
        dtype = self._networks[0].vector.dtype
        self._dtype = _float32 if dtype == _float32 else _float64
        self(np.zeros(self.n_in, dtype))  # compiles or loads the code

    def __call__(self, x: Any) -> Any:
        """Return the answer for one row (n_in,), or the answers for rows (n, n_in).

        Parameters
        ----------
        x : array, list, tuple or frame
            Numbers. The fastest is a NumPy array of float32 or float64.

        Returns
        -------
        scalar or ndarray
            What the method gives for these rows; for one row without its first axis.

        Raises
        ------
        InputError
            If ``validate``, and the row is of another width, or holds NaN, infinite or too large
            numbers.
        """
        if type(x) is not ndarray:
            x = self._as_array(x)
        if x.shape != self._shape:
            answers = self._of_rows(x if x.ndim != 1 else x[None])
            return answers[0] if x.ndim == 1 else answers
        rows = x[None]
        if not self.validate:
            return self._finish_one(self._answers(rows))
        if x.dtype is not self._dtype or 0 in isfinite(x).tobytes():
            rows = self._checked(x)
        found = self._answers(rows)
        # by Python, in a tenth of the time of NumPy
        told = found.item(0) if self._alike else sum(found[0].tolist())
        if told != told:
            self._check(rows)
        return self._finish_one(found)

    def _checked(self, x: ndarray) -> Any:
        rows = x[None]
        # rows of the other dtype, or of one that is equal to one of these and not the same object
        if x.dtype in (_float32, _float64) and 0 not in (np.abs(x) <= LARGEST).tobytes():
            return rows
        return inputs_of(self._arrays, rows)

    def _of_rows(self, rows: ndarray) -> Any:
        if not self.validate:
            return self._finish(self._answers(rows))
        rows = inputs_of(self._arrays, rows)
        found = self._answers(rows)
        if np.isnan(found).any():
            self._check(rows)
        return self._finish(found)

    def _check(self, rows: ndarray) -> None:
        """Refuse rows whose answers are NaN because sums of finite inputs overflow."""
        for member in self._members:
            check_scores_of(member, rows)

    def __str__(self) -> str:
        count = len(self._networks)
        networks = "one network" if count == 1 else f"{count} networks"
        checks = "checked" if self.validate else "unchecked"
        return f"predictor: {self.method} of {networks}, for {checks} rows of {self.n_in} numbers"

    def _as_array(self, x: Any) -> ndarray:
        if hasattr(x, "columns") or hasattr(x, "tocsr"):
            found: ndarray = inputs_of(self._frames, x)
            return found
        return np.asarray(x)

    def _mean(self, x: ndarray) -> ndarray:
        mean: ndarray = np.mean([network(x) for network in self._networks], axis=0)
        return mean


class _Answers:
    """Scores of one network at parameters of its own, or predictions where they are linked.

    The link becomes the activation of the last layer, so that one call of machine code gives both.
    """

    def __init__(self, estimator: BaseMLP, linked: bool) -> None:
        network, loss, codec = estimator.network_, estimator.objective_.loss, codec_of(estimator)
        parameters = network.parameters(np.array(estimator.parameters_.vector))
        self._link: Step | None = None
        if linked:
            own_mean = type(loss).mean is not Loss.mean
            if own_mean or (isinstance(codec, ClassCodec) and _has_more_than_link(codec)):
                self._link = self._link_of(codec)
            else:
                network, parameters = _with_link(network, parameters, loss, codec)
        last = network.layers[-1]
        self.alike = last.activation.rowwise or last.n_out == 1 or codec.one_score_for_two
        engine = estimator.engine if isinstance(estimator.engine, str) else "auto"
        self.vector: ndarray = parameters.vector
        self._predictor = Predictor(network, loss, engine, resources_of(estimator))
        self._predictor.scores(self.vector, np.zeros((1, network.n_in), self.vector.dtype))
        self._few = self._predictor.few_scores

    def __call__(self, x: ndarray) -> ndarray:
        found: ndarray | None = self._few(self.vector, x)
        if found is None:
            found = self._predictor.scores(self.vector, x)
        return found if self._link is None else self._link(found)

    def _link_of(self, codec: TargetCodec) -> Step:
        """Return the step from scores to predictions, as a call of its own."""
        if isinstance(codec, ClassCodec):
            return lambda scores: codec.probabilities(scores, self._predictor.predictions)
        return lambda scores: self._predictor.predictions(scores)


def _has_more_than_link(codec: ClassCodec) -> bool:
    """Return whether probabilities are made by more than the link of the scores."""
    return codec.one_class or (codec.one_score_for_two and codec.loss.link is not sigmoid)


def _with_link(
    network: Network, parameters: Parameters, loss: Loss, codec: TargetCodec
) -> tuple[Network, Parameters]:
    """Return the network that ends in the link of a loss, with a score for each of two classes."""
    *hidden, last = network.layers
    weights, biases = list(parameters.weights), list(parameters.biases)
    n_out = last.n_out
    if codec.one_score_for_two:
        n_out = 2
        weights[-1] = weights[-1] * NO_AND_YES
        biases[-1] = np.asarray(biases[-1]) * NO_AND_YES
    end = Dense(last.n_in, n_out, loss.link)
    dtype = str(parameters.vector.dtype)
    return Network(*hidden, end), Parameters.from_arrays(weights, biases, dtype)
