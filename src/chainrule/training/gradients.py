"""The gradient of a network's mean loss, on arrays of any library."""

from typing import Any

import array_api_compat
import numpy as np

from chainrule.engines.reference import ReferenceEngine
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import sgd
from chainrule.foundation.arrays import Array
from chainrule.foundation.errors import InputError
from chainrule.model.network import Network
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.sources import make_rows

__all__ = ["gradient_of"]


def gradient_of(
    network: Network,
    parameters: Parameters,
    x: Any,
    y: Any,
    loss: str | Loss,
    sample_weight: Any,
) -> Parameters:
    """Return what `Network.gradient` does: the derivative of the mean loss by each parameter."""
    if parameters.layout != network.layout:
        raise InputError(
            f"parameters must be those of the network, {network.layout.shapes}; got "
            f"{parameters.layout.shapes}."
        )
    objective, vector = Objective(network, loss), _untracked(parameters.vector)
    x, y = _as_array(x), _as_array(y)
    if tuple(x.shape) == (network.n_in,):  # one row, and its target
        x, y = x[None, :], y[None, ...]
    rows = make_rows(objective, x, y, sample_weight, like=vector)
    _, gradient = ReferenceEngine(objective, sgd).gradient(vector, rows)
    return network.parameters(gradient)


def _as_array(values: Any) -> Array:
    known = hasattr(values, "tocsr") or array_api_compat.is_array_api_obj(values)
    return _untracked(values) if known else np.asarray(values)


def _untracked(values: Array) -> Array:
    """Return a tensor of PyTorch without its history: the derivative is our own."""
    return values.detach() if hasattr(values, "detach") else values
