"""All parameters of a network are one flat, contiguous vector; layers see named views of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chainrule.foundation.arrays import Array, namespace
from chainrule.foundation.errors import InputError
from chainrule.foundation.showing import Shown

__all__ = ["Layout", "Parameters"]


@dataclass(frozen=True)
class Layout:
    """Where each layer's weight and bias stand in the vector.

    Parameters
    ----------
    shapes : tuple of (n_in, n_out, bias)
        Per layer: the weight's shape, and whether a bias of ``n_out`` numbers follows it.
    """

    shapes: tuple[tuple[int, int, bool], ...]

    @cached_property
    def spans(self) -> tuple[tuple[slice, slice | None], ...]:
        """Per layer, the span of the weight and of the bias, if any."""
        spans: list[tuple[slice, slice | None]] = []
        end = 0
        for n_in, n_out, bias in self.shapes:
            weight = slice(end, end + n_in * n_out)
            end = weight.stop + (n_out if bias else 0)
            spans.append((weight, slice(weight.stop, end) if bias else None))
        return tuple(spans)

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
        The numbers, of any array library.

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
            xp.reshape(self.vector[weight], shape[:2])
            for shape, (weight, _) in zip(self.layout.shapes, self.layout.spans, strict=True)
        )

    @cached_property
    def biases(self) -> tuple[Array | None, ...]:
        """Per layer, the bias (n_out,), or None for a layer without."""
        return tuple(None if bias is None else self.vector[bias] for _, bias in self.layout.spans)

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


def _reach(vector: Array) -> str:
    """Return the smallest and the largest number, of an array that lies where Python can see it."""
    if not isinstance(vector, np.ndarray) or vector.size == 0:
        return ""
    return f", from {vector.min():.3g} to {vector.max():.3g}"
