"""Predictions of a network: scores by the first engine that can compute them, and their link."""

from typing import Any

import numpy as np

from chainrule.engines.by_dtype import ByDtype
from chainrule.engines.choice import check_engine, registry
from chainrule.engines.engine import Scorer
from chainrule.engines.resources import USUAL, Resources
from chainrule.formulas.loss import Loss, losses
from chainrule.foundation.arrays import Array, as_floating, namespace
from chainrule.foundation.errors import InputError
from chainrule.model.network import Network
from chainrule.model.parameters import Parameters

__all__ = ["Predictor"]


class Predictor(ByDtype[Scorer]):
    """Scores of a network at parameters that may be others in every call, and what they stand for.

    Parameters
    ----------
    network : Network
        The layers.
    loss : str or Loss, default="mse"
        Whose link predictions go through; that of "mse" changes nothing.
    engine : str, default="auto"
        A name from the registry.
    resources : Resources
        Threads, device and precision.

    Examples
    --------
    >>> from chainrule import Dense, Network
    >>> network = Network(Dense(2, 1))
    >>> predictor = Predictor(network, "binary_cross_entropy")
    >>> scores = predictor.scores(network.start(0).vector * 0.0, np.ones((1, 2)))
    >>> scores, predictor.predictions(scores)
    (array([[0.]]), array([[0.5]]))
    """

    def __init__(
        self,
        network: Network,
        loss: str | Loss = "mse",
        engine: str = "auto",
        resources: Resources = USUAL,
    ) -> None:
        super().__init__()
        check_engine(engine)
        self.network = network
        self.loss: Loss = losses.get(loss)
        self.engine = engine
        self.resources = resources

    def scores_of(self, parameters: Parameters, x: Any) -> Array:
        """Return the scores of a user's inputs: numbers of any kind, of many rows or one.

        They are of the library and the dtype of the parameters.
        """
        if type(x) is not np.ndarray or x.dtype.kind not in "fiub":
            x = as_floating(x)
        n_in, vector = self.network.n_in, parameters.vector
        if x.shape == (n_in,):
            return self.scores_of(parameters, x[None, :])[0]
        if x.ndim != 2 or x.shape[1] != n_in:
            raise InputError(
                f"x must be of shape (n, {n_in}) for this network; got {tuple(x.shape)}."
            )
        if type(x) is np.ndarray and type(vector) is np.ndarray:
            return self.scores(vector, x)
        xp = namespace(vector)
        with np.errstate(all="ignore"):
            return self.network.forward(xp, parameters, xp.asarray(x, dtype=vector.dtype))[0]

    def _make(self, dtype: np.dtype[Any] | None, library: str) -> Scorer:
        """Return what scores by the engine asked for, or by the first one that can."""
        names = [name for name in registry if name != "auto"]
        for name in names if self.engine == "auto" else [self.engine]:
            scorer = registry[name].scorer(self.network, self.loss, dtype, self.resources)
            if scorer is not None:
                return scorer
        raise InputError(
            f'engine="{self.engine}" cannot predict for this network and {dtype} parameters. Use '
            'engine="reference".'
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Predictor, (self.network, self.loss, self.engine, self.resources)
