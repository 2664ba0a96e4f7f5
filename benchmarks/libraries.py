"""Networks of ours as models of other libraries: what each can express, and what it answers."""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from drawn import Drawing, Drawn

from chainrule import InputError, MLPClassifier, activations, from_network, losses

PROBABILITIES = ("binary_cross_entropy", "categorical_cross_entropy")
# What Keras computes in single precision, whatever the dtype: on PyTorch the products of layers.
COARSE_IN_KERAS = {
    "tensorflow": ("gelu", "leaky_relu"),
    "jax": ("tanh",),
    "torch": tuple(activations),
}


@dataclass(frozen=True)
class Library:
    """A library that takes networks over.

    Attributes
    ----------
    name : str
        Its name on the page.
    package : str
        What must be installed.
    drawing : Drawing
        Networks that it can express.
    answers : callable
        From a fitted estimator and rows to what the library's model answers, of the shape of the
        network's outputs.
    coarse : tuple of str
        Activations that it computes in single precision, whatever the dtype.
    """

    name: str
    package: str
    drawing: Drawing
    answers: Callable[[Any, np.ndarray], np.ndarray]
    coarse: tuple[str, ...] = ()

    @property
    def is_installed(self) -> bool:
        return find_spec(self.package) is not None

    def is_coarse(self, network: Drawn) -> bool:
        """Return whether a network has an activation that it computes in single precision."""
        return any(layer.activation.name in self.coarse for layer in network.network.layers)


def estimator_of(network: Any) -> Any:
    """Return a drawn network as a fitted estimator of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return from_network((network.network, network.parameters), network.x, loss=network.loss)


def refusals(library: Library) -> dict[str, list[str]]:
    """Return, of every pair of an activation and a loss, those that a library is refused."""
    found: dict[str, list[str]] = {"taken over": [], "refused": []}
    every = Drawing(alike=True, biased=True, fewest=3)
    for number, pair in enumerate(every.pairs):
        network = Drawn(number, every)
        try:
            library.answers(estimator_of(network), network.x)
        except InputError:
            found["refused"].append(" and ".join(pair))
        else:
            found["taken over"].append(" and ".join(pair))
    return found


def scikit_learn(estimator: Any, rows: np.ndarray) -> np.ndarray:
    theirs = estimator.to_sklearn()
    if not isinstance(estimator, MLPClassifier):
        return theirs.predict(rows).reshape(len(rows), -1)
    found: np.ndarray = theirs.predict_proba(rows)
    return found[:, 1:] if estimator.n_outputs_ == 1 else found


def pytorch(estimator: Any, rows: np.ndarray) -> np.ndarray:
    import torch

    poisson = estimator.objective_.loss.name == "poisson"
    module = estimator.to_torch(scores=poisson).eval()
    with torch.inference_mode():
        found = module(torch.from_numpy(rows))
        return (torch.exp(found) if poisson else found).numpy()


def keras(estimator: Any, rows: np.ndarray) -> np.ndarray:
    import keras

    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    return keras.ops.convert_to_numpy(estimator.to_keras()(rows))


LIBRARIES = (
    Library(
        "scikit-learn",
        "sklearn",
        Drawing(
            activations=("linear", "sigmoid", "tanh", "relu"),
            losses=(*PROBABILITIES, "mse", "poisson"),
            alike=True,
            biased=True,
            fewest=3,
        ),
        scikit_learn,
    ),
    Library(
        "PyTorch",
        "torch",
        Drawing(
            activations=tuple(name for name in activations if name != "exponential"),
            biased=True,
            fewest=2,
        ),
        pytorch,
    ),
    Library(
        f"Keras on {os.environ['KERAS_BACKEND']}",
        "keras",
        Drawing(losses=tuple(losses), biased=True, fewest=2),
        keras,
        COARSE_IN_KERAS[os.environ["KERAS_BACKEND"]],
    ),
)
