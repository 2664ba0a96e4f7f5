"""The place of a weight or bias in a network."""

from dataclasses import dataclass

from chainrule.foundation.errors import InputError
from chainrule.insight.notation import Symbol
from chainrule.insight.subject import Subject

__all__ = ["Place", "place_at"]


@dataclass(frozen=True)
class Place:
    """The weight from input ``unit`` (None for the bias) to unit ``to`` of a layer.

    The layer counts from 1; ``unit`` and ``to`` are array indices, from 0. In public arguments and
    in output everything counts from 1, as in a textbook.
    """

    layer: int
    unit: int | None
    to: int

    @property
    def symbol(self) -> Symbol:
        """The weight's name, whose indices count from 1."""
        if self.unit is None:
            return Symbol("b", self.layer, (self.to + 1,))
        return Symbol("w", self.layer, (self.unit + 1, self.to + 1))

    def index(self, subject: Subject) -> int:
        """Return the index of the weight in the flat vector; refuse a place that does not exist."""
        network = subject.objective.network
        if not 1 <= self.layer <= len(network.layers):
            raise InputError(
                f"layer must be from 1 to {len(network.layers)}; got {self.layer}. Layers, units "
                "and rows count from 1; the input is no layer."
            )
        dense = network.layers[self.layer - 1]
        for name, value, size in (("unit", self.unit, dense.n_in), ("to", self.to, dense.n_out)):
            if value is not None and not 0 <= value < size:
                raise InputError(
                    f"{name} must be from 1 to {size} in layer {self.layer}; got {value + 1}. "
                    "Layers, units and rows count from 1."
                )
        weight, bias = network.layout.layers[self.layer - 1]
        if self.unit is not None:
            return int(weight.start + self.unit * dense.n_out + self.to)
        if bias is None:
            raise InputError(f"layer {self.layer} must have a bias to explain it; it has none.")
        return int(bias.start + self.to)


def place_at(subject: Subject, index: int) -> Place:
    """Return the place of an index of the flat vector: the inverse of `Place.index`."""
    span = subject.objective.network.layout.span_of(index)
    if span.name == "bias":
        return Place(span.layer + 1, None, index - span.start)
    unit, to = divmod(index - span.start, span.shape[1])
    return Place(span.layer + 1, unit, to)
