"""The tape of a forward pass: the numbers of every layer, and the way back through all of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from chainrule.foundation.arrays import Array, Namespace
from chainrule.model.dropout import Mask

__all__ = ["LayerTape", "Pullback", "Tape"]

# From the derivative of the loss by a layer's output to those by its input, weight and bias.
Pullback = Callable[..., tuple[Array, Array, Array | None]]


class LayerTape(NamedTuple):
    """One layer of a forward pass, with its derivatives.

    Attributes
    ----------
    x : array (n, n_in)
        Input; a SciPy sparse matrix where the first layer was given one.
    z, a : array (n, n_out)
        Weighted sums and activations.
    dz : callable
        From da, the derivative by the activations, to dz, that by the weighted sums.
    dx : callable
        From dz to dx, the derivative by the input.
    dparameters : callable
        From dz to the derivatives by weight and bias; None for a layer without a bias.
    """

    x: Array
    z: Array
    a: Array
    dz: Callable[[Array], Array]
    dx: Callable[[Array], Array]
    dparameters: Callable[[Array], tuple[Array, Array | None]]

    def pullback(self, da: Array, input_too: bool = True) -> tuple[Array, Array, Array | None]:
        """Return the derivatives by input (None if not asked for), weight and bias."""
        dz = self.dz(da)
        return self.dx(dz) if input_too else None, *self.dparameters(dz)


@dataclass(frozen=True, eq=False)
class Tape:
    """All layers of a forward pass.

    Attributes
    ----------
    xp : Namespace
        The namespace of the parameters.
    layers : tuple of LayerTape
        In the order of the network.
    masks : tuple of Mask or None
        Per layer, the mask of dropout on its activations.
    scores : array (n, n_out)
        The output of the last layer.
    """

    xp: Namespace
    layers: tuple[LayerTape, ...]
    masks: tuple[Mask | None, ...]
    scores: Array

    def backward(self, dscores: Array) -> Iterator[tuple[LayerTape, Array]]:
        """Yield each layer and the derivative by its weighted sums, from the last to the first."""
        d = dscores
        for number in reversed(range(len(self.layers))):
            layer, mask = self.layers[number], self.masks[number]
            dz = layer.dz(d if mask is None else mask(self.xp, d))
            yield layer, dz
            if number:
                d = layer.dx(dz)

    def pullback(self, dscores: Array) -> Array:
        """Return the flat gradient, from the derivative by the scores."""
        parts = []
        for layer, dz in self.backward(dscores):
            dweight, dbias = layer.dparameters(dz)
            if dbias is not None:
                parts.append(dbias)
            parts.append(self.xp.reshape(dweight, (-1,)))
        return self.xp.concat(parts[::-1])
