"""The training objective: the mean loss of a network's scores, plus penalties on its weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.formulas.activations import linear
from chainrule.formulas.loss import Loss, losses, weighted_mean
from chainrule.formulas.penalties import Penalty, penalties
from chainrule.foundation.arrays import Array, Namespace, namespace
from chainrule.foundation.errors import InputError
from chainrule.model.dropout import layer_rates
from chainrule.model.network import Network
from chainrule.model.parameters import Parameters, Span

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
    dropout : float or sequence of float
        Share of the units of all hidden layers, or of each, that a step of training leaves out; 0
        is none. Scores, losses and gradients are of the whole network; only steps leave units out.

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
    dropout: tuple[float, ...] = ()

    def __init__(
        self,
        network: Network,
        loss: str | Loss,
        penalties: tuple[Penalty, ...] = (),
        dropout: float | Sequence[float] = 0.0,
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
        rates = layer_rates(dropout, len(network.layers) - 1)
        object.__setattr__(self, "dropout", rates)

    @classmethod
    def with_strengths(
        cls,
        network: Network,
        loss: str | Loss,
        *,
        dropout: float | Sequence[float] = 0.0,
        **strengths: float,
    ) -> "Objective":
        """Build an objective from penalty strengths by name, as ``l2=1e-4``."""
        chosen = tuple(penalties.get(name, strength=value) for name, value in strengths.items())
        return cls(network, loss, chosen, dropout)

    def row_losses(self, xp: Namespace, scores: Array, y: Array, weight: Array | None) -> Array:
        """Return w_i l_i of each row; 0 for a row of weight 0, whatever it holds."""
        rows = self.loss.rows(xp, scores, y)
        return rows if weight is None else xp.where(weight > 0.0, rows * weight, 0.0)

    def mean_loss(self, scores: Array, y: Array, weight: Array | None) -> float:
        """Return the mean of the rows' losses at their scores, without penalties."""
        xp = namespace(scores)
        with np.errstate(all="ignore"):
            return float(weighted_mean(xp, self.loss.rows(xp, scores, y), weight))

    def score_gradients(
        self, xp: Namespace, scores: Array, y: Array, weight: Array | None, divisor: Any
    ) -> Array:
        """Return w_i times the gradient of l_i by the scores, over a divisor; 0 for weight 0."""
        gradients = self.loss.rows_gradient(xp, scores, y) / divisor
        if weight is None:
            return gradients
        column = xp.reshape(weight, (-1, 1))
        return xp.where(column > 0.0, gradients * column, 0.0)

    def with_penalties(self, parameters: Parameters, gradient: Array) -> Array:
        """Return a flat gradient plus that of the penalties, which weights have and biases not."""
        if not self.penalties:
            return gradient
        vector, xp = parameters.vector, namespace(gradient)
        return xp.concat(
            [
                self.with_penalties_of(xp, span, vector[span.at], gradient[span.at])
                for span in parameters.layout.spans
            ]
        )

    def with_penalties_of(self, xp: Namespace, span: Span, part: Array, gradient: Array) -> Array:
        """Return the gradient by one part of the parameters plus that of its penalties."""
        for penalty in self.penalties if span.decays else ():
            gradient = gradient + penalty.gradient(xp, part)
        return gradient

    def penalty(self, xp: Namespace, parameters: Parameters) -> Array | float:
        """Return the penalty of all weights; infinity where it overflows."""
        if not self.penalties:
            return 0.0
        vector, decayed = parameters.vector, parameters.layout.decayed
        with np.errstate(all="ignore"):
            return sum(
                (
                    penalty.value(xp, vector[span.at])
                    for penalty in self.penalties
                    for span in decayed
                ),
                start=0.0,
            )
