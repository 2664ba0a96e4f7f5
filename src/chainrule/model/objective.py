"""What training makes small: the mean loss of a network's scores, plus penalties on its weights."""

from dataclasses import dataclass

import numpy as np

from chainrule.formulas.activations import linear
from chainrule.formulas.loss import Loss, losses
from chainrule.formulas.penalties import Penalty, penalties
from chainrule.foundation.arrays import Array, Namespace
from chainrule.foundation.errors import InputError
from chainrule.model.network import Network
from chainrule.model.parameters import Parameters

__all__ = ["Objective"]


@dataclass(frozen=True)
class Objective:
    r"""A network, a loss on its scores, and penalties on its weights (not on its biases).

    .. math:: \frac{\sum_i w_i l_i}{\sum_i w_i} + \sum_j \lambda_j P_j(\text{weights})

    Parameters
    ----------
    network : Network
        What gives the scores.
    loss : str or Loss
        A name from `chainrule.losses`, or a record.
    penalties : tuple of Penalty
        Each counts once, whatever the batch size.

    Examples
    --------
    >>> from chainrule import Dense
    >>> Objective(Network(Dense(2, 1)), "mse").loss.name
    'mse'
    >>> Objective(Network(Dense(2, 1, "sigmoid")), "binary_cross_entropy")
    Traceback (most recent call last):
    ...
    chainrule.foundation.errors.InputError: the last layer must be linear for the loss ...
    """

    network: Network
    loss: Loss
    penalties: tuple[Penalty, ...] = ()

    def __init__(
        self, network: Network, loss: str | Loss, penalties: tuple[Penalty, ...] = ()
    ) -> None:
        loss = losses.get(loss)
        last = network.layers[-1].activation
        if linear not in (last, loss.link):
            raise InputError(
                f"the last layer must be linear for the loss {loss.name!r}, which applies the "
                f"{loss.link.name} itself; got {last.name!r}. Leave the activation of the last "
                "layer out."
            )
        object.__setattr__(self, "network", network)
        object.__setattr__(self, "loss", loss)
        object.__setattr__(self, "penalties", tuple(p for p in penalties if p.strength > 0.0))

    @classmethod
    def with_strengths(cls, network: Network, loss: str | Loss, **strengths: float) -> "Objective":
        """Build an objective from penalty strengths by name, as ``l2=1e-4``."""
        chosen = tuple(penalties.get(name, strength=value) for name, value in strengths.items())
        return cls(network, loss, chosen)

    def penalty(self, xp: Namespace, parameters: Parameters) -> Array | float:
        """Return the price of all weights; infinity where it is beyond the finite numbers."""
        with np.errstate(all="ignore"):
            return sum(
                (
                    penalty.value(xp, weight)
                    for penalty in self.penalties
                    for weight in parameters.weights
                ),
                start=0.0,
            )
