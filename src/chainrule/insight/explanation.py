"""All that can be asked of a network and its rows, in one object."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.insight.batch_size import BatchSizeReport, batch_size_report
from chainrule.insight.chain import Chain, chain
from chainrule.insight.check import Check, check_gradient
from chainrule.insight.health import Health, health
from chainrule.insight.learning_rate import LearningRateReport, learning_rate_report
from chainrule.insight.place import Place
from chainrule.insight.subject import Subject

__all__ = ["Explanation"]


@dataclass(frozen=True, eq=False)
class Explanation:
    """The chain rule of any weight, and the checks, of one network on some rows.

    Attributes
    ----------
    subject : Subject
        The network at one point, and the rows.

    Examples
    --------
    >>> from chainrule import Dense, Network, Objective, Parameters
    >>> network = Network(Dense(2, 1), )
    >>> at = Parameters.from_arrays([[[0.5], [0.25]]], [[0.0]])
    >>> explanation = Explanation(Subject.of(Objective(network, "mse"), at, [[1.0, -2.0]], [3.0]))
    >>> print(explanation.weight(layer=1, unit=0, to=0))  # doctest: +ELLIPSIS
    w1[1,1] = 0.5, from input 1 to unit 1 of layer 1: how the mean loss of 1 rows changes with it
    ...
    dL[1]/dw1[1,1] = dL[1]/dz1[1] · dz1[1]/dw1[1,1]
                   = -6           · 1
                   = -6
    ...
    """

    subject: Subject

    def weight(self, layer: int, unit: int, to: int, sample: int | None = None) -> Chain:
        """Return the chain rule of one weight.

        Parameters
        ----------
        layer : int
            From 1.
        unit, to : int
            From which input to which unit of the layer, from 0.
        sample : int, optional
            The row (from 0) whose loss is explained; None is the mean loss of all rows.
        """
        return chain(self.subject, Place(layer, unit, to), sample)

    def bias(self, layer: int, to: int, sample: int | None = None) -> Chain:
        """Return the chain rule of the bias of unit ``to`` of a layer; see `weight`."""
        return chain(self.subject, Place(layer, None, to), sample)

    def check(self, n: int = 50, seed: int = 0) -> Check:
        """Compare ``n`` derivatives, drawn from all layers, with finite differences."""
        return check_gradient(self.subject, n, seed)

    def health(self) -> Health:
        """Look at activations, dead and saturated units, gradients and updates of every layer."""
        return health(self.subject)

    def batch_sizes(self, **options: Any) -> BatchSizeReport:
        """Measure what larger batches are worth on these rows; see `batch_size_report`."""
        return batch_size_report(self.subject, **options)

    def learning_rates(self, **options: Any) -> LearningRateReport:
        """Compare learning rates from the same start and batches; see `learning_rate_report`."""
        return learning_rate_report(self.subject, **options)

    def largest(self, count: int = 3) -> list[Chain]:
        """Return the chains of the weights and biases with the largest gradients."""
        order = np.argsort(-np.abs(self._gradient))[:count]
        return [chain(self.subject, self._place(int(index))) for index in order]

    @cached_property
    def _gradient(self) -> np.ndarray:
        _, gradient = self.subject.engine.gradient(self.subject.vector, self.subject.rows)
        return np.asarray(gradient)

    def _place(self, index: int) -> Place:
        network = self.subject.objective.network
        for layer, (weight, bias) in enumerate(network.layout.spans, start=1):
            if weight.start <= index < weight.stop:
                unit, to = divmod(index - weight.start, network.layers[layer - 1].n_out)
                return Place(layer, unit, to)
            if bias is not None and bias.start <= index < bias.stop:
                return Place(layer, None, index - bias.start)
        raise IndexError(index)
