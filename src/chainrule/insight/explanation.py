"""The explanation of a network on some rows: chains, checks, measurements, report."""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.foundation.files import check_place
from chainrule.insight.batch_size import BatchSizeReport, batch_size_report
from chainrule.insight.chain import Chain, chain
from chainrule.insight.check import Check, check_gradient
from chainrule.insight.health import Health, health
from chainrule.insight.learning_rate import learning_rate_report
from chainrule.insight.learning_rate_results import LearningRateReport
from chainrule.insight.place import Place, place_at
from chainrule.insight.sharing import gathered
from chainrule.insight.subject import Subject

if TYPE_CHECKING:
    from chainrule.insight.report.document import Report

__all__ = ["Explanation"]


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """The chain rule of any weight, the checks and the report of a network on some rows.

    A notebook shows the report, which takes seconds to make; ``print`` shows one line.

    Attributes
    ----------
    subject : Subject
        The network at one point, and the rows.
    held_out : Rows or None
        Rows that it was not trained on, for the quality in the report.

    Examples
    --------
    >>> from chainrule import Dense, Network, Objective, Parameters
    >>> network = Network(Dense(2, 1), )
    >>> at = Parameters.from_arrays([[[0.5], [0.25]]], [[0.0]])
    >>> explanation = Explanation(Subject.of(Objective(network, "mse"), at, [[1.0, -2.0]], [3.0]))
    >>> print(explanation.weight(layer=1, unit=1, to=1))  # doctest: +ELLIPSIS
    w1[1,1] = 0.5, from input 1 to unit 1 of layer 1: how the mean loss of 1 rows changes with it
    ...
    dL[1]/dw1[1,1] = dL[1]/dz1[1] · dz1[1]/dw1[1,1]
                   = -6           · 1
                   = -6
    ...
    """

    subject: Subject
    held_out: Rows | None = None

    def __repr__(self) -> str:
        shape = self.subject.objective.network.layout.arrows
        return f"Explanation of a network {shape} on {len(self.subject.rows):,} rows"

    def weight(self, layer: int, unit: int, to: int, sample: int | None = None) -> Chain:
        """Return the chain rule of one weight.

        The weight of a layer that is used several times has one chain, the sum over its places, by
        whichever of its layers is given.

        Layers, units and rows count from 1, in arguments and in output: ``weight(1, 2, 3)`` is
        w1[2,3].

        Parameters
        ----------
        layer : int
            The layer of weights; the input does not count.
        unit, to : int
            The unit of the layer before, or the input, and the unit of this layer.
        sample : int, optional
            The row whose loss is explained; None is the mean loss of all rows.
        """
        return chain(self.subject, Place(layer, unit - 1, to - 1), _index(sample))

    def bias(self, layer: int, to: int, sample: int | None = None) -> Chain:
        """Return the chain rule of the bias of one unit.

        Parameters
        ----------
        layer : int
            The layer, from 1.
        to : int
            The unit of the layer that the bias belongs to, from 1.
        sample : int, optional
            The row (from 1) whose loss is explained; None is the mean loss of all rows.

        Examples
        --------
        >>> from chainrule import explain
        >>> explanation = explain([([[0.5], [0.25]], [0.0], "linear")], [[1.0, -2.0]], [3.0])
        >>> bias = explanation.bias(layer=1, to=1)
        >>> bias.place.symbol.text, bias.gradient
        ('b1[1]', -6.0)
        """
        return chain(self.subject, Place(layer, None, to - 1), _index(sample))

    def check(self, n: int = 50, seed: int = 0) -> Check:
        """Compare ``n`` derivatives, drawn from all layers, with finite differences."""
        return check_gradient(self.subject, n, seed)

    def health(self) -> Health:
        """Measure activations, dead and saturated units, gradients and updates of every layer."""
        return health(self.subject)

    def batch_sizes(self, **options: Any) -> BatchSizeReport:
        """Measure the benefit of larger batches on these rows; see `batch_size_report`."""
        return batch_size_report(self.subject, **options)

    def learning_rates(self, **options: Any) -> LearningRateReport:
        """Compare learning rates from the same start and batches; see `learning_rate_report`."""
        return learning_rate_report(self.subject, **options)

    def largest(self, count: int = 3) -> list[Chain]:
        """Return the chains of the weights and biases with the largest gradients."""
        order = np.argsort(-np.abs(self._gradient))[:count]
        return [chain(self.subject, place_at(self.subject, int(index))) for index in order]

    def report(self, *, row: int | None = None, seed: int = 0) -> "Report":
        """Return the report of ten sections; takes seconds, and changes nothing.

        Parameters
        ----------
        row : int, optional
            The row (from 1) to work through; None is the row with the largest loss.
        seed : int
            Seed of all draws.

        Examples
        --------
        >>> from chainrule import explain
        >>> layers = [([[0.5], [0.25]], [0.0], "tanh"), ([[2.0]], [0.0], "linear")]
        >>> x = [[k / 20.0, (-1.0) ** k] for k in range(40)]
        >>> report = explain(layers, x, [one - two for one, two in x]).report()
        >>> [section.title for section in report.sections][:3]
        ['The network', 'Training data', 'Training']
        """
        from chainrule.insight.report.document import report_of
        from chainrule.insight.report.material import Material

        return report_of(Material(self.subject, self.held_out, seed, _index(row)))

    @cached_property
    def _report(self) -> "Report":
        return self.report()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the report as one HTML page that needs no script and no internet.

        Raises
        ------
        InputError
            If the file cannot be written, before anything is computed.
        """
        place = check_place(path)
        self._report.save(place)

    def to_text(self) -> str:
        """Return the report as plain text."""
        return self._report.to_text()

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers of the report as strict JSON can hold them."""
        return self._report.to_dict()

    def _repr_html_(self) -> str:
        return self._report._repr_html_()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self._report._repr_mimebundle_(include, exclude)

    @cached_property
    def _gradient(self) -> np.ndarray:
        _, gradient = self.subject.engine.gradient(self.subject.vector, self.subject.rows)
        layout = self.subject.objective.network.layout
        return gathered(self.subject.shared, layout, np.asarray(gradient))


def _index(row: int | None) -> int | None:
    """Return the index from 0 of a row counted from 1."""
    return None if row is None else row - 1
