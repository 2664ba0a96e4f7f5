"""The public network: a description with predictions and gradients on arrays."""

from functools import cached_property
from typing import Any

from chainrule.engines.prediction import Predictor
from chainrule.formulas.loss import Loss
from chainrule.foundation.arrays import Array
from chainrule.model import network as model
from chainrule.model.parameters import Parameters
from chainrule.training.gradients import gradient_of

__all__ = ["Network", "own"]


class Network(model.Network):
    """Dense layers, one after the other.

    The output of the last layer is the score that the loss takes; the loss owns the last step from
    score to prediction, so a classifier ends in a linear layer.

    Parameters
    ----------
    *layers : Dense
        At least one; each takes as many inputs as the one before has units.

    Examples
    --------
    >>> from chainrule import Dense
    >>> network = Network(Dense(2, 3, "sigmoid"), Dense(3, 1))
    >>> print(network.summary())
    layer  inputs  units  activation  initializer     parameters
        1       2      3  sigmoid     glorot_uniform           9
        2       3      1  linear      glorot_uniform           4
    total                                                     13
    >>> parameters = network.start(seed=0)
    >>> network(parameters, [[1.0, 1.0], [0.0, 1.0]]).shape
    (2, 1)
    >>> network(parameters, [1.0, 1.0]).shape
    (1,)
    """

    def predict(self, parameters: Parameters, x: Array) -> Array:
        """Return the output of the last layer (n, n_out) for inputs (n, n_in).

        One row (n_in,) gives one row (n_out,), with the same bits alone as among others. Parameters
        are read where they are, so an edited weight counts from the next call on.
        """
        predictor = self._predictor
        few = predictor.few_scores(parameters.vector, x)
        return predictor.scores_of(parameters, x) if few is None else few

    def __call__(self, parameters: Parameters, x: Array) -> Array:
        """Return what `predict` does: a network is a function of its parameters and inputs."""
        return self.predict(parameters, x)

    def gradient(
        self,
        parameters: Parameters,
        x: Array,
        y: Array,
        *,
        loss: str | Loss = "mse",
        sample_weight: Array | None = None,
    ) -> Parameters:
        """Return the derivative of the mean loss of some rows by every weight and bias.

        Parameters
        ----------
        parameters : Parameters
            Where to take it. NumPy, PyTorch and JAX arrays all do; the gradient is of their library
            and dtype, and so are the computations: ``network.parameters(vector)`` makes them.
        x : array (n, n_in)
            Inputs; (n_in,) is one row.
        y : array (n,) or (n, n_out)
            Targets, as `train` takes them; for one row, those of that row.
        loss : str or Loss
            A name from `chainrule.losses`, or a record. It applies its own link to the scores.
        sample_weight : array (n,), optional
            Weights of the rows: the loss is sum(w l) / sum(w).

        Returns
        -------
        Parameters
            ``weights`` and ``biases`` per layer, and all of them as ``vector``.

        Examples
        --------
        >>> from chainrule import Dense
        >>> network = Network(Dense(2, 1))
        >>> at = Parameters.from_arrays([[[0.5], [0.25]]], [[0.0]])
        >>> gradient = network.gradient(at, [[1.0, -2.0]], [3.0])
        >>> gradient.weights[0], gradient.biases[0]
        (array([[-6.],
               [12.]]), array([-6.]))
        """
        return gradient_of(self, parameters, x, y, loss, sample_weight)

    @cached_property
    def _predictor(self) -> Predictor:
        return Predictor(self)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        state.pop("_predictor", None)  # holds addresses; created again when needed
        return state


def own(network: model.Network) -> Network:
    """Return a public network unchanged, and any other description as a public network."""
    return network if isinstance(network, Network) else Network(*network.layers)
