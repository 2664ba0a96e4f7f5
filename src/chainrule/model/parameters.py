"""The parameters of a network: one flat, contiguous vector, and named views of it per layer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from chainrule.foundation.arrays import Array, Namespace, as_floating, as_like, namespace
from chainrule.foundation.errors import InputError
from chainrule.foundation.showing import Shown

__all__ = ["LateParameters", "Layout", "Parameters", "Span"]


@dataclass(frozen=True)
class Span:
    """A part of the flat vector: the weight or the bias of one layer.

    Attributes
    ----------
    layer : int
        The layer's number, from 0.
    name : {"weight", "bias"}
        The part of the layer.
    start, stop : int
        Where it begins and ends in the vector.
    shape : tuple of int
        Shape of the part as an array, row by row.
    rate_factor : float
        Factor of the learning rate for this part.
    """

    layer: int
    name: Literal["weight", "bias"]
    start: int
    stop: int
    shape: tuple[int, ...]
    rate_factor: float = 1.0

    @property
    def at(self) -> slice:
        """The slice of the vector."""
        return slice(self.start, self.stop)

    @property
    def decays(self) -> bool:
        """True for weights, on which penalties and weight decay act; False for biases."""
        return self.name == "weight"


@dataclass(frozen=True)
class Layout:
    """The parts of the flat vector: where each layer's weight and bias stand.

    Layouts of the same shapes are equal, whatever their rate factors.

    Parameters
    ----------
    shapes : tuple of (n_in, n_out, bias)
        Per layer: the weight's shape, and whether a bias of ``n_out`` numbers follows it.
    rate_factors : tuple of (weight, bias), optional
        Per layer: factors of the learning rate; all are 1 where none are given.

    Examples
    --------
    >>> for span in Layout(((2, 3, True), (3, 1, False))).spans:
    ...     print(span.layer, span.name, span.at, span.shape, span.decays)
    0 weight slice(0, 6, None) (2, 3) True
    0 bias slice(6, 9, None) (3,) False
    1 weight slice(9, 12, None) (3, 1) True
    """

    shapes: tuple[tuple[int, int, bool], ...]
    rate_factors: tuple[tuple[float, float], ...] = field(default=(), compare=False)

    @cached_property
    def layers(self) -> tuple[tuple[Span, Span | None], ...]:
        """Per layer, the span of the weight and of the bias, if any."""
        layers: list[tuple[Span, Span | None]] = []
        factors = self.rate_factors or ((1.0, 1.0),) * len(self.shapes)
        end = 0
        for number, ((n_in, n_out, has_bias), (of_weight, of_bias)) in enumerate(
            zip(self.shapes, factors, strict=True)
        ):
            start, end = end, end + n_in * n_out
            weight = Span(number, "weight", start, end, (n_in, n_out), of_weight)
            bias = None
            if has_bias:
                start, end = end, end + n_out
                bias = Span(number, "bias", start, end, (n_out,), of_bias)
            layers.append((weight, bias))
        return tuple(layers)

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """All parts, in their order in the vector."""
        return tuple(span for layer in self.layers for span in layer if span is not None)

    @cached_property
    def decayed(self) -> tuple[Span, ...]:
        """The parts that penalties and weight decay act on."""
        return tuple(span for span in self.spans if span.decays)

    @cached_property
    def whole_layers(self) -> tuple[slice, ...]:
        """Per layer, the slice of the vector that holds its weight and its bias."""
        return tuple(
            slice(weight.start, weight.stop if bias is None else bias.stop)
            for weight, bias in self.layers
        )

    def span_of(self, index: int) -> Span:
        """Return the part that a number of the vector belongs to."""
        return next(span for span in self.spans if span.start <= index < span.stop)

    def decay_mask(self, xp: Namespace, like: Array) -> Array:
        """Return a vector of 1 where penalties and decay act and 0 elsewhere, of a dtype."""
        mask = np.zeros(self.size)
        for span in self.decayed:
            mask[span.at] = 1.0
        return as_like(mask, like, like.dtype)

    @cached_property
    def distinct_rate_factors(self) -> tuple[float, ...]:
        """The rate factors that differ, in the order in which they first appear."""
        return tuple(dict.fromkeys(span.rate_factor for span in self.spans))

    @cached_property
    def size(self) -> int:
        """The number of parameters."""
        return sum(n_in * n_out + n_out * bias for n_in, n_out, bias in self.shapes)

    @property
    def widths(self) -> tuple[int, ...]:
        """The number of inputs, and of units of each layer."""
        return (self.shapes[0][0], *(n_out for _, n_out, _ in self.shapes)) if self.shapes else ()

    @property
    def arrows(self) -> str:
        """The widths as text.

        Examples
        --------
        >>> Layout(((784, 256, True), (256, 10, True))).arrows
        '784 > 256 > 10'
        """
        return " > ".join(map(str, self.widths))


@dataclass(frozen=True, eq=False, repr=False)
class Parameters(Shown):
    """The flat vector of all parameters, and per-layer views that share its memory.

    Parameters
    ----------
    layout : Layout
        Where each layer stands.
    vector : array of shape (layout.size,)
        The numbers, of any array library, or a list of them.

    Examples
    --------
    >>> p = Parameters.from_arrays([[[1.0], [2.0]]], [[3.0]])
    >>> p.vector
    array([1., 2., 3.])
    >>> p.weights[0][1, 0] = 5.0
    >>> p.vector
    array([1., 5., 3.])
    """

    layout: Layout
    vector: Array

    def __post_init__(self) -> None:
        if not hasattr(self.vector, "shape"):  # a list of numbers
            object.__setattr__(self, "vector", as_floating(self.vector))
        if tuple(self.vector.shape) != (self.layout.size,):
            raise InputError(
                f"parameters must be a vector of {self.layout.size} numbers for this network; "
                f"got shape {tuple(self.vector.shape)}."
            )

    def __str__(self) -> str:
        shape, kind = self.layout.arrows, str(self.vector.dtype)
        return (
            f"parameters {shape}: {self.layout.size:,} numbers in {kind.removeprefix('torch.')}"
            f"{_reach(self.vector)}"
        )

    @cached_property
    def weights(self) -> tuple[Array, ...]:
        """Per layer, the weight (n_in, n_out)."""
        xp = namespace(self.vector)
        return tuple(
            xp.reshape(self.vector[weight.at], weight.shape) for weight, _ in self.layout.layers
        )

    @cached_property
    def biases(self) -> tuple[Array | None, ...]:
        """Per layer, the bias (n_out,), or None for a layer without."""
        return tuple(
            None if bias is None else self.vector[bias.at] for _, bias in self.layout.layers
        )

    @classmethod
    def from_arrays(
        cls,
        weights: Sequence[Array],
        biases: Sequence[Array | None] | None = None,
        dtype: str = "float64",
    ) -> "Parameters":
        """Build the vector from weights (n_in, n_out) and biases (n_out,) per layer.

        Without ``biases`` no layer has one, as in ``Dense(2, 1, bias=False)``.
        """
        biases = [None] * len(weights) if biases is None else biases
        parts, shapes = [], []
        for weight, bias in zip(weights, biases, strict=True):
            weight = np.asarray(weight, dtype=dtype)
            shapes.append((*weight.shape, bias is not None))
            parts.append(weight.ravel())
            if bias is not None:
                parts.append(np.asarray(bias, dtype=dtype).ravel())
        return cls(Layout(tuple(shapes)), np.concatenate(parts))


class LateParameters(Parameters):
    """Parameters whose vector is made when it is first read.

    Examples
    --------
    >>> LateParameters(Layout(((1, 1, True),)), lambda: np.zeros(2)).weights[0]
    array([[0.]])
    """

    def __init__(self, layout: Layout, make: Callable[[], Array]) -> None:
        object.__setattr__(self, "layout", layout)
        object.__setattr__(self, "_make", make)

    @cached_property
    def vector(self) -> Array:
        """The numbers."""
        make: Callable[[], Array] = vars(self)["_make"]
        return make()

    def __reduce__(self) -> tuple[Any, ...]:
        return Parameters, (self.layout, self.vector)


def _reach(vector: Array) -> str:
    """Return the smallest and the largest number, of an array that lies where Python can see it."""
    if not isinstance(vector, np.ndarray) or vector.size == 0:
        return ""
    return f", from {vector.min():.3g} to {vector.max():.3g}"
