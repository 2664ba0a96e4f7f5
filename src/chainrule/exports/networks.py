"""The steps of a network: weighted sums and activations, and the link of the loss."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from chainrule.exports.program import Affine, Formula, Step
from chainrule.formulas.loss import Loss
from chainrule.formulas.records import Activation, written
from chainrule.foundation.errors import InputError
from chainrule.model.network import Network
from chainrule.model.parameters import Parameters
from chainrule.tracing.formulas import (
    Traced,
    UntraceableError,
    activation_graph,
    link_graph,
)

__all__ = ["layer_steps", "link_steps"]


def layer_steps(network: Network, parameters: Parameters) -> list[Step]:
    """Return the steps from the inputs of a network to its scores.

    Raises
    ------
    InputError
        If a formula cannot be expressed as a graph; the message names it.
    """
    found: list[Step] = []
    layers = zip(network.layers, parameters.weights, parameters.biases, strict=True)
    for number, (layer, weight, bias) in enumerate(layers, start=1):
        name = f"layer {number}"
        own_bias = None if bias is None else np.asarray(bias)
        found.append(Affine(np.asarray(weight), own_bias, name))
        try:
            traced = activation_graph(layer.activation)
        except UntraceableError as error:
            raise _inexpressible(f"the activation of {name}", layer.activation, error) from error
        if not traced.is_copy:
            found.append(_formula(layer.activation, traced, _native(layer.activation)))
    return found


def link_steps(loss: Loss) -> list[Step]:
    """Return the step from scores to predictions; none where they are the same."""
    try:
        traced = link_graph(loss)
    except UntraceableError as error:
        raise _inexpressible("the link of the loss", loss, error) from error
    # no operator: a small probability may be tempered, and must keep its digits
    return [] if traced.is_copy else [_formula(loss.link, traced, None)]


def _formula(
    record: Activation, traced: Traced, native: tuple[str, Mapping[str, float]] | None
) -> Formula:
    lines = str(record).splitlines()
    words = lines[1].strip() if len(lines) > 1 else ""
    return Formula(record.name, traced, {}, words, record.source, native)


def _native(record: Activation) -> tuple[str, Mapping[str, float]] | None:
    """Return the operator of ONNX that a record names, and its attributes."""
    own = next(kind for kind in type(record).__mro__ if "value" in vars(kind))
    text = vars(own).get("onnx", "")  # that of a parent is of the parent's formula
    if not text:
        return None
    name, _, rest = written(record, text).partition("(")
    pairs = re.findall(r"(\w+)=([^,)]+)", rest)
    return name, {key: float(value) for key, value in pairs}


def _inexpressible(what: str, record: object, error: UntraceableError) -> InputError:
    return InputError(f"{what}, {record!r}, cannot be exported. {error}")
