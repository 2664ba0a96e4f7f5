"""The steps of a foreign network, compared with what it computes."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.formulas.records import Activation, activations
from chainrule.foundation.errors import InputError

__all__ = [
    "Affine",
    "Foreign",
    "Function",
    "Product",
    "Same",
    "compare",
    "known",
]

# How far a sum or a function may be off, per unit of what it is made of. A library's softplus
# leaves the formula at z = 20, where that changes the tenth digit.
ROUNDING = {"float64": 1e-9, "float32": 3e-5, "float16": 2e-2, "bfloat16": 1e-1}
ADVICE = "Pass a list of (weight, bias, activation) of what it computes."


@dataclass(frozen=True, eq=False)
class Product:
    """A dense layer without its activation: z = x W + b, with W (n_in, n_out).

    Attributes
    ----------
    name : str
        The name of the layer or module.
    weight, bias : ndarray
        Its parameters, in float64.
    weight_owner, bias_owner : object
        Their owners in the foreign library: layers with the same owner share the parameter.
        None where each layer has its own.
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray | None
    weight_owner: object = None
    bias_owner: object = None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        z: np.ndarray = x @ self.weight
        return z if self.bias is None else np.asarray(z + self.bias)

    def size(self, x: np.ndarray) -> np.ndarray:
        """Return the sum of the sizes of the terms, to which rounding is relative."""
        size: np.ndarray = np.abs(x) @ np.abs(self.weight)
        return size if self.bias is None else np.asarray(size + np.abs(self.bias))


@dataclass(frozen=True)
class Affine:
    """A factor and a shift per column: normalization with statistics that stay."""

    name: str
    scale: np.ndarray
    shift: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        moved: np.ndarray = x * self.scale + self.shift
        return moved

    def size(self, x: np.ndarray) -> np.ndarray:
        """Return the sum of the sizes of both terms."""
        return np.asarray(np.abs(x * self.scale) + np.abs(self.shift))


@dataclass(frozen=True)
class Function:
    """An activation; ``log`` is the logarithm of softmax, which only the loss tells apart."""

    name: str
    activation: Activation
    log: bool = False

    def __call__(self, x: np.ndarray) -> np.ndarray:
        if self.log:
            x = x - x.max(axis=-1, keepdims=True)
            return np.asarray(x - np.log(np.exp(x).sum(axis=-1, keepdims=True)))
        return np.asarray(self.activation(x))

    def size(self, x: np.ndarray) -> np.ndarray:
        """Return the size of its input."""
        size: np.ndarray = np.abs(x)
        return size


@dataclass(frozen=True)
class Same:
    """A module without effect in evaluation: dropout, or the flattening of rows."""

    name: str

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return x

    def size(self, x: np.ndarray) -> np.ndarray:
        """Return the size of its input."""
        size: np.ndarray = np.abs(x)
        return size


Step = Product | Affine | Function | Same


@dataclass
class Foreign:
    """A network as it was read, with its own results.

    Attributes
    ----------
    steps : list of Step
        Its operations on a row, in order.
    trace : list of ndarray
        Its own results after each step; empty where only its outputs are available.
    outputs : ndarray
        Its own outputs.
    notes : list of str
        Sentences that every output repeats.
    precision : str
        The dtype it computed in.
    narrow : bool
        True if float32 holds all its parameters.
    flattens : bool
        True if it flattens each row first.
    """

    steps: list[Step] = field(default_factory=list)
    trace: list[np.ndarray] = field(default_factory=list)
    outputs: np.ndarray = field(default_factory=lambda: np.empty(0))
    notes: list[str] = field(default_factory=list)
    precision: str = "float64"
    narrow: bool = False
    flattens: bool = False


def known(name: str, what: str, **parameters: Any) -> Activation:
    """Return the activation of the catalogue, or refuse by name."""
    if name not in activations:
        raise InputError(
            f"model must have activations that the catalogue has; {what} has {name!r}."
        )
    try:
        return activations.get(activations[name], **parameters)
    except InputError as error:
        sentence = "model must have activations that the catalogue has"
        raise InputError(f"{sentence}; {what}: {error}") from error


def compare(foreign: Foreign, x: np.ndarray) -> None:
    """Refuse a network that computes something other than its layers.

    Each step starts from the network's own result of the step before, so that roundings do not
    add up, and the first that differs is the one to name.
    """
    steps, trace = foreign.steps, foreign.trace
    rounding = ROUNDING[foreign.precision]
    value = x = x.astype(np.float64)
    size = np.abs(x)
    with np.errstate(all="ignore"):
        for number, step in enumerate(steps):
            size, value = step.size(value), step(value)
            if trace:
                theirs = _rows(trace[number], len(x))
                _agree(theirs, value, rounding * (size + np.abs(value)), f"begins at {step.name}")
                value = theirs
    where = "begins outside its layers" if trace else "is in its outputs"
    theirs = _rows(foreign.outputs, len(x))
    _agree(theirs, value, rounding * (size + np.abs(value)), where)


def _rows(values: np.ndarray, n: int) -> np.ndarray:
    values = np.asarray(values, np.float64)
    return values.reshape(n, -1) if values.ndim and len(values) == n else values


def _agree(theirs: np.ndarray, ours: np.ndarray, bound: np.ndarray, where: str) -> None:
    if theirs.shape != ours.shape:
        found = f"its values are of shape {theirs.shape}, and not {ours.shape}; this"
        raise InputError(f"model must compute what its layers say; {found} {where}. {ADVICE}")
    far = np.abs(theirs - ours)
    same = (theirs == ours) | (np.isnan(theirs) & np.isnan(ours)) | (far <= bound)
    if not same.all():
        largest = np.nan if np.isnan(far[~same]).all() else np.nanmax(far[~same])
        raise InputError(
            "model must compute what its layers say; on these rows it differs by up to "
            f"{largest:.3g}, which {where}. A hook, a method of its own, or an operation between "
            f"layers does that. {ADVICE}"
        )
