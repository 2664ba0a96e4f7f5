"""A fitted estimator as a callable for single rows, and as a network of another library."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from chainrule.estimators.base import codec_of
from chainrule.estimators.class_codec import ClassCodec
from chainrule.estimators.keras_models import keras_model
from chainrule.estimators.outward import Outward
from chainrule.estimators.predictor import PreparedPredictor, Wanted
from chainrule.estimators.scikit_learn_models import scikit_learn_model
from chainrule.estimators.stepwise import StepwiseMLP
from chainrule.estimators.torch_modules import torch_module
from chainrule.formulas.loss import Loss
from chainrule.foundation.errors import InputError, must_be

__all__ = ["ConvertibleMLP"]


class ConvertibleMLP(StepwiseMLP):
    """A fitted network that answers row by row, and that other libraries can take over."""

    def _wanted(self, method: str) -> Wanted:
        """Return the kind of answer of a method."""
        raise NotImplementedError

    def predictor(self, method: str = "predict", *, validate: bool = True) -> PreparedPredictor:
        """Return a prepared callable with the answers of a method, for a row in microseconds.

        It holds a copy of the parameters: later calls of `fit` do not change it. Any number of
        threads may call it at the same time.

        Parameters
        ----------
        method : {"predict", "predict_proba", "predict_quantiles"}
            The method whose answers it gives: of a classifier one of the first two, of a regressor
            the first, or the last where the loss has levels.
        validate : bool
            True refuses rows that the method refuses. False checks the width alone: the answer for
            a row with NaN, for example, means nothing.

        Returns
        -------
        callable
            From one row (n_features,) or rows (n, n_features) to the answer or the answers.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from chainrule import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = MLPClassifier((8,), solver="lbfgs", random_state=0).fit(X, y)
        >>> predict_proba = model.predictor("predict_proba")
        >>> predict_proba
        predictor: predict_proba of one network, for checked rows of 4 numbers
        >>> bool((predict_proba(X[0]) == model.predict_proba(X[:1])[0]).all())
        True
        >>> int(model.predictor()(X[0]))
        0
        """
        check_is_fitted(self)
        return PreparedPredictor(self, self._wanted(method), validate)

    def to_sklearn(self) -> Any:
        """Return a fitted `MLPClassifier` or `MLPRegressor` of scikit-learn, of the same numbers.

        Its ``partial_fit``, or ``fit`` with ``warm_start=True``, trains on from there. Options that
        scikit-learn has are those of this estimator; the others, such as ``dropout``, are left out.

        Raises
        ------
        InputError
            If scikit-learn cannot express the network: several networks, an activation or a loss
            that it lacks, layers of different activations, two softmax scores.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from chainrule import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = MLPClassifier((8,), solver="lbfgs", random_state=0).fit(X, y)
        >>> theirs = model.to_sklearn()
        >>> type(theirs).__module__.partition(".")[0]
        'sklearn'
        >>> bool((theirs.predict(X) == model.predict(X)).all())
        True
        """
        return scikit_learn_model(self, self._outward("to_sklearn"), codec_of(self))

    def to_torch(self, *, scores: bool = False) -> Any:
        """Return the network as a ``torch.nn.Sequential`` of ``Linear`` layers and activations.

        From rows (n, n_features) it gives the predictions: probabilities (n, n_classes), for two
        classes or several labels (n, n_scores) of one sigmoid each; or numbers (n, n_outputs).

        Parameters
        ----------
        scores : bool
            True leaves out the last sigmoid, softmax or exponential, as the losses
            ``CrossEntropyLoss`` and ``BCEWithLogitsLoss`` want it.

        Raises
        ------
        InputError
            If PyTorch is not installed, or has no module for an activation or the link of the loss.

        Examples
        --------
        >>> import pytest
        >>> torch = pytest.importorskip("torch")
        >>> from chainrule import MLPRegressor
        >>> X = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
        >>> model = MLPRegressor(hidden_layer_sizes=(2,), activation="tanh", solver="lbfgs",
        ...                      alpha=0.1, random_state=0).fit(X, [1.0, 2.0, 3.0])
        >>> module = model.to_torch()
        >>> module
        Sequential(
          (0): Linear(in_features=2, out_features=2, bias=True)
          (1): Tanh()
          (2): Linear(in_features=2, out_features=1, bias=True)
        )
        >>> theirs = module(torch.tensor(X, dtype=torch.float64)).detach().numpy()[:, 0]
        >>> bool(abs(theirs - model.predict(X)).max() < 1e-12)
        True
        """
        module: Any = torch_module(self._outward("to_torch", linked=not scores))
        return module

    def to_keras(self, *, scores: bool = False) -> Any:
        """Return the network as a ``keras.Sequential`` of ``Dense`` layers, on the user's backend.

        It gives what `to_torch` gives. In float64, Keras computes some of it in float32 all the
        same: all layers on PyTorch, gelu and leaky_relu on TensorFlow, tanh on JAX.

        Parameters
        ----------
        scores : bool
            True leaves out the last sigmoid, softmax or exponential, as losses with
            ``from_logits=True`` want it.

        Raises
        ------
        InputError
            If Keras or its backend is not installed, or Keras lacks an activation or the link of
            the loss.
        """
        return keras_model(self._outward("to_keras", linked=not scores))

    def _outward(self, call: str, linked: bool = True) -> Outward:
        """Return the layers, the last with the link of the loss; refuse what no library has."""
        if "estimators_" in self.__dict__:
            raise InputError(
                f"{call} is of one network, and this is an ensemble. Call "
                f"estimators_[0].{call}() for its first one."
            )
        check_is_fitted(self, "parameters_")
        loss, codec = self.objective_.loss, codec_of(self)
        if linked and type(loss).mean is not Loss.mean:
            raise must_be(
                "loss",
                f"one whose link is an activation, for {call}",
                loss.name,
                "Pass scores=True.",
            )
        if linked and isinstance(codec, ClassCodec) and codec.one_class:
            raise must_be(
                "y", f"of two classes or more, for {call}", codec.classes.tolist(), "Fit on more."
            )
        parameters = self.parameters_
        records = [layer.activation for layer in self.network_.layers]
        if linked:
            records[-1] = loss.link
        return Outward(
            [np.array(weight) for weight in parameters.weights],
            [np.array(bias) for bias in parameters.biases],
            records,
            loss,
            linked,
        )
