"""Parameters that several layers of a foreign network share: their gradient and their steps.

The network that is explained has a copy of a shared array in each layer that uses it. A use may
scale and shift its input, and scale its output, where a normalization is folded into the layer:
z = ((x s + t) W + b) r, so that the layer's own weight is s W r, and its own bias (t W + b) r + c.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from chainrule.foundation.showing import Shown
from chainrule.model.parameters import Layout

__all__ = ["SharedArray", "Use", "gathered", "listed", "spread", "values_of"]


@dataclass(frozen=True, eq=False, repr=False)
class Use(Shown):
    """One layer that uses a shared array.

    Attributes
    ----------
    layer : int
        The layer, from 1.
    scale, shift : ndarray (n_in,)
        The factor s and the shift t of its inputs.
    after : ndarray (n_out,)
        The factor r of its outputs.
    """

    layer: int
    scale: np.ndarray
    shift: np.ndarray
    after: np.ndarray

    def __str__(self) -> str:
        return f"layer {self.layer}, a use of a shared array"


@dataclass(frozen=True, eq=False, repr=False)
class SharedArray(Shown):
    """A weight or a bias that several layers use.

    Attributes
    ----------
    kind : {"weight", "bias"}
        The kind of array.
    values : ndarray, (n_in, n_out) or (n_out,)
        Its numbers, without what is folded into its layers.
    uses : tuple of Use
        The layers that use it, in order.
    """

    kind: Literal["weight", "bias"]
    values: np.ndarray
    uses: tuple[Use, ...]

    def __str__(self) -> str:
        shape = " x ".join(map(str, self.values.shape))
        return (
            f"{self.kind} of {shape} numbers, shared by layers {', '.join(map(str, self.layers))}"
        )

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers that use it, from 1."""
        return tuple(use.layer for use in self.uses)


def listed(layers: Sequence[int]) -> str:
    """Return the layers in words.

    Examples
    --------
    >>> listed((1, 2, 4))
    'layers 1, 2 and 4'
    """
    *first, last = map(str, layers)
    return f"layers {', '.join(first)} and {last}"


def gathered(shared: Sequence[SharedArray], layout: Layout, gradient: np.ndarray) -> np.ndarray:
    """Return the gradient by the parameters themselves, from that by the copies in the layers.

    The sum over the uses of a shared array stands in the span of its first layer; the spans of its
    other layers are 0.
    """
    if not shared:
        return gradient
    sums = gradient.copy()
    for array in shared:
        total = np.zeros(array.values.shape)
        for use in array.uses:
            weight, bias = layout.layers[use.layer - 1]
            if array.kind == "weight":
                own = gradient[weight.at].reshape(array.values.shape)
                total += use.scale[:, None] * own * use.after
                if bias is not None and np.any(use.shift):
                    total += np.outer(use.shift, gradient[bias.at] * use.after)
                sums[weight.at] = 0.0
            else:
                assert bias is not None
                total += gradient[bias.at] * use.after
                sums[bias.at] = 0.0
        sums[_span(array, array.uses[0], layout)] = total.ravel()
    return sums


def values_of(shared: Sequence[SharedArray], layout: Layout, vector: np.ndarray) -> np.ndarray:
    """Return the vector with the numbers of each shared array in the span of its first layer."""
    values = np.array(vector, dtype=np.float64)
    for array in shared:
        values[_span(array, array.uses[0], layout)] = array.values.ravel()
    return values


def spread(shared: Sequence[SharedArray], layout: Layout, change: np.ndarray) -> np.ndarray:
    """Return what a change of the parameters changes in each layer: the transpose of `gathered`."""
    if not shared:
        return change
    moved = change.copy()
    for array in shared:
        for use in array.uses:
            moved[_span(array, use, layout)] = 0.0
    for array in shared:
        step = change[_span(array, array.uses[0], layout)].reshape(array.values.shape)
        for use in array.uses:
            weight, bias = layout.layers[use.layer - 1]
            if array.kind == "weight":
                moved[weight.at] += (use.scale[:, None] * step * use.after).ravel()
                if bias is not None and np.any(use.shift):
                    moved[bias.at] += (use.shift @ step) * use.after
            else:
                assert bias is not None
                moved[bias.at] += step * use.after
    return moved


def _span(array: SharedArray, use: Use, layout: Layout) -> slice:
    """Return where the copy of an array stands that one layer uses."""
    weight, bias = layout.layers[use.layer - 1]
    span = weight if array.kind == "weight" else bias
    assert span is not None
    return span.at
