"""A network on its way to another library: arrays, and the records of its activations."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from chainrule.formulas.loss import Loss
from chainrule.formulas.records import Activation, activations
from chainrule.foundation.errors import InputError, must_be

__all__ = ["Outward", "lacks"]


@dataclass(frozen=True, eq=False)
class Outward:
    """The layers of a network for another library.

    Attributes
    ----------
    weights, biases : list of ndarray
        Per layer, of shapes (n_in, n_out) and (n_out,): copies.
    activations : list of Activation
        Per layer; that of the last is the link of the loss, if ``linked``.
    loss : Loss
        The loss trained on.
    linked : bool
        True if the network ends in the link.
    """

    weights: list[np.ndarray]
    biases: list[np.ndarray]
    activations: list[Activation]
    loss: Loss
    linked: bool

    @property
    def dtype(self) -> str:
        """The dtype of the numbers."""
        return str(self.weights[0].dtype)

    def check(self, library: str, names: Collection[str]) -> None:
        """Refuse activations other than those of the catalogue with these names."""
        for number, record in enumerate(self.activations, start=1):
            ours = record.name in activations and type(activations[record.name]) is type(record)
            if ours and record.name in names:
                continue
            link = self.linked and number == len(self.activations)
            raise must_be(
                "the link of loss" if link else f"the activation of layer {number}",
                f"one that {library} has ({', '.join(names)})",
                record.name if ours else record,
                "Pass scores=True." if link else "",
            )


def lacks(call: str, error: ImportError) -> InputError:
    """Return the sentence about a library that is not installed."""
    return must_be(f"the package {error.name}", f"installed, for {call}", "none", "Install it.")
