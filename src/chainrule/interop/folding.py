"""The steps of a foreign network as dense layers, with the parameters that these share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

import numpy as np

from chainrule.formulas.records import Activation, activations
from chainrule.foundation.errors import InputError
from chainrule.insight.sharing import SharedArray, Use, listed
from chainrule.interop.steps import Affine, Foreign, Function, Product

__all__ = ["Folded", "Layers", "fold"]

Layers = list[tuple[np.ndarray, np.ndarray | None, Activation]]


@dataclass(frozen=True, eq=False)
class Folded:
    """A foreign network as dense layers.

    Attributes
    ----------
    layers : list of (weight, bias, activation)
        The layers, with every factor and shift folded in.
    shared : tuple of SharedArray
        The parameters that several of them use.
    """

    layers: Layers
    shared: tuple[SharedArray, ...]


@dataclass
class _Layer:
    """A layer while it is folded: z = ((x s + t) W + b) r + c."""

    product: Product
    weight: np.ndarray = field(init=False)
    bias: np.ndarray | None = field(init=False)
    activation: Activation = activations.linear

    def __post_init__(self) -> None:
        self.weight, self.bias = self.product.weight, self.product.bias
        n_in, n_out = self.weight.shape
        self.scale, self.shift, self.after = np.ones(n_in), np.zeros(n_in), np.ones(n_out)

    @property
    def folded(self) -> bool:
        """True if its weight differs from that of the foreign layer."""
        return bool(np.any(self.scale != 1.0) or np.any(self.shift) or np.any(self.after != 1.0))

    def put_after(self, affine: Affine) -> None:
        """Fold in what comes before: (x s + t) W + b = x (s W) + (t W + b)."""
        n_in = len(self.weight)
        self.scale, self.shift = (
            np.broadcast_to(part, n_in) for part in (affine.scale, affine.shift)
        )
        if np.any(self.shift):
            self.bias = self.shift @ self.weight + (0.0 if self.bias is None else self.bias)
        self.weight = self.weight * self.scale[:, None]

    def put_before(self, affine: Affine) -> None:
        """Fold in what comes after: (x W + b) r + c = x (W r) + (b r + c)."""
        self.after = self.after * affine.scale
        shift = 0.0 if self.bias is None else self.bias * affine.scale
        self.weight, self.bias = self.weight * affine.scale, shift + affine.shift


def fold(foreign: Foreign) -> Folded:
    """Return dense layers; each factor and shift becomes part of the layer before or after it."""
    layers: list[_Layer] = []
    waiting: Affine | None = None
    exact = foreign.narrow
    for step in foreign.steps:
        if isinstance(step, Product):
            layers.append(_Layer(step))
            if waiting is not None:
                layers[-1].put_after(waiting)
                foreign.notes.append(_folded(waiting, len(layers)))
                waiting = None
        elif isinstance(step, Affine):
            exact = False
            if waiting is None and layers and layers[-1].activation.name == "linear":
                layers[-1].put_before(step)
                foreign.notes.append(_folded(step, len(layers)))
            elif waiting is None:
                waiting = step
            else:
                name = f"{waiting.name} and {step.name}"
                shift = waiting.shift * step.scale + step.shift
                waiting = Affine(name, waiting.scale * step.scale, shift)
        elif isinstance(step, Function):
            _set_activation(layers, step, waiting)
    if not layers:
        raise InputError("model must have at least one dense layer; got none.")
    if waiting is not None:
        raise InputError(
            f"model must have a dense layer beside {waiting.name}, to fold it into; it stands "
            "after the last activation."
        )
    shared = (*_shared(layers, "weight"), *_shared(layers, "bias"))
    foreign.notes = list(dict.fromkeys([*foreign.notes, *_notes(layers, shared)]))
    dtype = np.float32 if exact else np.float64
    found: Layers = [
        (
            one.weight.astype(dtype),
            None if one.bias is None else one.bias.astype(dtype),
            one.activation,
        )
        for one in layers
    ]
    return Folded(found, shared)


def _shared(layers: Sequence[_Layer], kind: Literal["weight", "bias"]) -> list[SharedArray]:
    """Return the arrays of a kind that more than one layer uses."""
    uses: dict[int, list[int]] = {}
    for number, layer in enumerate(layers):
        owner = getattr(layer.product, f"{kind}_owner")
        if owner is not None:
            uses.setdefault(id(owner), []).append(number)
    found = []
    for numbers in uses.values():
        if len(numbers) > 1:
            places = [
                Use(number + 1, one.scale, one.shift, one.after)
                for number, one in ((number, layers[number]) for number in numbers)
            ]
            values = getattr(layers[numbers[0]].product, kind)
            found.append(SharedArray(kind, values, tuple(places)))
    return found


def _notes(layers: Sequence[_Layer], shared: Sequence[SharedArray]) -> list[str]:
    """Return a sentence for each set of layers that share parameters."""
    in_order = sorted(shared, key=lambda one: one.layers)
    notes = []
    for of, arrays in groupby(in_order, key=lambda one: one.layers):
        names = {"weight": "weights", "bias": "biases"}
        what = " and ".join(names[one.kind] for one in arrays)
        folded = any(layers[number - 1].folded for number in of)
        notes.append(
            f"{listed(of)} share their {what} ({layers[of[0] - 1].product.name}): a gradient is "
            f"the sum over these layers, and a step moves all of them"
            + ("; what is folded into one of them is a factor there" if folded else "")
        )
    return notes


def _folded(step: Affine, layer: int) -> str:
    return f"{step.name} is folded into layer {layer}: weights and gradients are those of the two"


def _set_activation(layers: Sequence[_Layer], step: Function, waiting: Affine | None) -> None:
    if not layers:
        raise InputError(f"model must begin with a dense layer; {step.name} comes first.")
    if waiting is not None:
        raise InputError(
            f"model must have a dense layer beside {waiting.name}, to fold it into; it stands "
            "between two activations."
        )
    if layers[-1].activation.name != "linear":
        raise InputError(f"model must have one activation per layer; {step.name} is a second one.")
    layers[-1].activation = step.activation
