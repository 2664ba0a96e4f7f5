"""What predicts for a network: scores by the first engine that can, and their link."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.engines.choice import check_engine, registry
from chainrule.engines.engine import Scorer
from chainrule.formulas.loss import Loss, losses
from chainrule.foundation.arrays import Array, as_floating, namespace
from chainrule.foundation.errors import InputError
from chainrule.model.network import Network
from chainrule.model.parameters import Parameters

__all__ = ["Predictor"]


def _nothing(vector: Array, x: Array) -> None:
    return None


class Predictor:
    """Scores of a network at parameters that may be others in every call, and what they stand for.

    Parameters
    ----------
    network : Network
        The layers.
    loss : str or Loss, default="mse"
        Whose link predictions go through; that of "mse" changes nothing.
    engine : str, default="auto"
        A name from the registry.
    n_threads : int, optional
        Threads; None takes all cores.

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
        n_threads: int | None = None,
    ) -> None:
        check_engine(engine)
        self.network = network
        self.loss: Loss = losses.get(loss)
        self.engine = engine
        self.n_threads = n_threads
        # of a few rows, by an engine that is quick with them; None says to ask `scores`
        self.few_scores: Callable[[Array, Array], Array | None] = _nothing
        self._scorers: dict[Any, Scorer] = {}

    def scores(self, vector: Array, x: Array) -> Array:
        """Return the scores (n, n_out) at a flat vector of parameters."""
        few = self.few_scores(vector, x)
        return self._scorer_for(vector).scores(vector, x) if few is None else few

    def predictions(self, scores: Array) -> Array:
        """Return what scores (n, k) stand for, by the link of the loss, of their shape."""
        return self._scorer_for(scores).predictions(scores)

    def scores_of(self, parameters: Parameters, x: Any) -> Array:
        """Return the scores of people's inputs: of any kind that is numbers, of many rows or one.

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

    def _scorer_for(self, array: Array) -> Scorer:
        if type(array) is np.ndarray and array.dtype in self._scorers:
            return self._scorers[array.dtype]
        kind = getattr(array, "dtype", None)
        if not isinstance(array, np.ndarray) or kind not in (np.float32, np.float64):
            kind = None
        if kind not in self._scorers:
            self._scorers[kind] = self._made(kind)
        return self._scorers[kind]

    def _made(self, dtype: np.dtype[Any] | None) -> Scorer:
        names = [name for name in registry if name != "auto"]
        for name in names if self.engine == "auto" else [self.engine]:
            scorer = registry[name].scorer(self.network, self.loss, dtype, self.n_threads)
            if scorer is not None:
                self.few_scores = getattr(scorer, "few_scores", self.few_scores)
                return scorer
        raise InputError(
            f'engine="{self.engine}" cannot predict for this network and {dtype} parameters. Use '
            'engine="reference".'
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Predictor, (self.network, self.loss, self.engine, self.n_threads)
