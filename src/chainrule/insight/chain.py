"""The chain rule of one weight: from the loss, through every layer, and on to its update."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import InputError
from chainrule.foundation.showing import Shown
from chainrule.insight.check import Verdict, check_parameter, in_float64
from chainrule.insight.json_values import as_record
from chainrule.insight.notation import number
from chainrule.insight.parameter import Parameter, parameter_at
from chainrule.insight.paths import LOSS, of_row, over_places, over_rows
from chainrule.insight.place import Place
from chainrule.insight.rendering import as_html, as_latex, as_mathml, as_text
from chainrule.insight.sharing import gathered
from chainrule.insight.subject import Subject
from chainrule.insight.trace import RowTrace
from chainrule.insight.tree import Node

__all__ = ["Chain", "Place", "Update", "chain"]


@dataclass(frozen=True, repr=False)
class Update(Shown):
    """The optimizer's next step for one weight.

    Attributes
    ----------
    optimizer : str
        The rule's name.
    latex : str
        The rule.
    learning_rate : float
        The rate of the step, before the factor of this weight.
    rate_factor : float
        Factor of the rate for this weight, by the layer's `rate_factors`.
    step : int
        Its number, from 1.
    gradient, before, after : float
        The gradient it uses, and the weight before and after.
    memory : dict of str to (float, float)
        The memory of the rule for this weight, before and after; empty for plain descent.
    decay : float
        The decrease of the weight by decoupled decay, before the rule.
    clipping : float
        The factor of the gradient before the rule, by the norm of the whole gradient.
    """

    optimizer: str
    latex: str
    learning_rate: float
    step: int
    gradient: float
    before: float
    after: float
    memory: dict[str, tuple[float, float]]
    decay: float
    clipping: float = 1.0
    rate_factor: float = 1.0

    def __str__(self) -> str:
        return f"update by {self.words()}"

    def words(self, name: str = "", digits: int = 7) -> str:
        """Return rule, step, rate, and the change of the weight."""
        memory = "".join(
            f", {one} {number(old, digits)} -> {number(new, digits)}"
            for one, (old, new) in self.memory.items()
        )
        decay = f", decay takes {number(self.decay, digits)}" if self.decay else ""
        factor = number(self.clipping, digits)
        own = f" times {number(self.rate_factor)} of this layer" if self.rate_factor != 1.0 else ""
        clipping = f", gradient times {factor} by clipping" if self.clipping != 1.0 else ""
        return (
            f"{self.optimizer}, step {self.step}, rate {number(self.learning_rate)}{own}: "
            f"{name}{' ' if name else ''}{number(self.before, digits)} -> "
            f"{number(self.after, digits)}{clipping}{memory}{decay}"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Chain(Shown):
    """The chain rule of one weight, in symbols and numbers.

    Attributes
    ----------
    subject : Subject
        The network and the rows.
    place : Place
        The place that was requested.
    parameter : Parameter
        The weight itself, with every place of a shared layer.
    row : int or None
        The row (from 1) whose loss is explained; None is the mean loss of all rows.
    tree : Node
        The derivative of that loss by the weight, with everything below it.
    penalty : float
        The derivative of the penalties by the weight, beside the loss.
    """

    subject: Subject
    place: Place
    parameter: Parameter
    row: int | None
    tree: Node
    penalty: float

    @property
    def weight(self) -> float:
        """The weight itself."""
        return self.parameter.value

    def of_row(self, row: int) -> "Chain":
        """Return the chain rule of the same weight for the loss of one row (from 1)."""
        return chain(self.subject, self.place, row - 1)

    @property
    def gradient(self) -> float:
        """The derivative of loss and penalties together."""
        return self.tree.value + self.penalty

    @cached_property
    def check(self) -> Verdict:
        """The verdict of finite differences."""
        return check_parameter(self.subject, self.parameter, self._row_index, self.gradient)

    @cached_property
    def update(self) -> Update:
        """The optimizer's step with this gradient, from the subject's memory."""
        subject, index = self.subject, self.parameter.index
        rule, t = subject.optimizer, subject.step + 1
        span = subject.objective.network.layout.span_of(index)
        rate = subject.learning_rate * span.rate_factor
        xp = namespace(subject.vector)
        before = np.array([self.weight], dtype=np.float64)
        memory = [np.array([slot[index]], dtype=np.float64) for slot in subject.slots]
        memory = memory or list(rule.start(xp, before))
        decay = rate * rule.weight_decay if span.decays else 0.0
        shrunk = before * (1.0 - decay)
        clipping = self._clipping()
        with np.errstate(all="ignore"):
            after, *new = rule.update(
                xp, rule.numbers(rate, t), shrunk, np.array([clipping * self.gradient]), *memory
            )
        return Update(
            optimizer=rule.name,
            latex=rule.update_latex,
            learning_rate=subject.learning_rate,
            rate_factor=span.rate_factor,
            step=t,
            gradient=self.gradient,
            before=self.weight,
            after=float(after[0]),
            memory={
                name: (float(old[0]), float(now[0]))
                for name, old, now in zip(rule.memory, memory, new, strict=True)
                if name in rule.recalled
            },
            decay=float(before[0] - shrunk[0]),
            clipping=clipping,
        )

    @property
    def _row_index(self) -> int | None:
        return None if self.row is None else self.row - 1

    def _clipping(self) -> float:
        """Return the factor of clipping, from the gradient of all parameters."""
        rule = self.subject.optimizer
        if rule.clip_norm is None:
            return 1.0
        doubled = in_float64(self.subject, self._row_index)
        _, gradient = doubled.engine.gradient(doubled.vector, doubled.rows)
        gradient = gathered(doubled.shared, doubled.objective.network.layout, gradient)
        return float(rule.clipping(namespace(gradient), gradient))

    def open(self, breadth: int = 1, depth: int = 64) -> list[Node]:
        """Return the nodes to show, from the weight's own derivative down to the loss.

        Parameters
        ----------
        breadth : int
            The number of terms of each sum to open, the largest first: the number of paths grows
            with the power of the depth. The places of a shared weight are all opened.
        depth : int
            The number of levels to go down.
        """
        found: dict[str, Node] = {}
        level = [self.tree]
        for _ in range(depth):
            below: list[Node] = []
            for node in level:
                if not node.parts or node.name.text in found:
                    continue
                if not node.nameless:
                    found[node.name.text] = node
                parts = node.parts
                if node.operation == "sum" and not (self.parameter.shared and node is self.tree):
                    parts = tuple(sorted(parts, key=lambda part: -abs(part.value))[:breadth])
                below.extend(parts)
                below.extend(p.alternative for p in parts if p.alternative is not None)
            level = below
        return list(found.values())

    def to_dict(self, depth: int = 6) -> dict[str, Any]:
        """Return everything as JSON can hold it, the tree down to ``depth`` levels.

        Layer, unit and row count from 1.
        """
        verdict, update = self.check, self.update
        return as_record(
            {
                "weight": {
                    "name": self.parameter.symbol.text,
                    "layer": self.place.layer,
                    "unit": None if self.place.unit is None else self.place.unit + 1,
                    "to": self.place.to + 1,
                    "value": self.weight,
                    "places": self._places(),
                },
                "row": self.row,
                "tree": self.tree.to_dict(depth),
                "penalty": self.penalty,
                "gradient": self.gradient,
                "check": dict(vars(verdict)),
                "update": dict(vars(update)),
            }
        )

    def _places(self) -> list[dict[str, Any]]:
        """Return the places of the weight, with the derivative at each."""
        terms = self.tree.parts if self.parameter.shared else (self.tree,)
        nodes = [one.parts[0] if one.nameless else one for one in terms]
        return [
            {
                "name": term.place.symbol.text,
                "layer": term.place.layer,
                "unit": None if term.place.unit is None else term.place.unit + 1,
                "to": term.place.to + 1,
                "factor": term.factor,
                "gradient": node.value,
            }
            for term, node in zip(self.parameter.terms, nodes, strict=True)
        ]

    def __str__(self) -> str:
        return as_text(self)

    def to_latex(self, digits: int = 6) -> str:
        """Return the equations as LaTeX, one per line."""
        return as_latex(self, digits)

    def to_mathml(self, digits: int = 6) -> str:
        """Return the equations as MathML; needs the ``app`` extra."""
        return as_mathml(self, digits)

    def to_html(self, digits: int = 6) -> str:
        """Return the equations and their table as a piece of HTML."""
        return as_html(self, digits)

    def _repr_html_(self) -> str | None:
        try:
            return self.to_html()
        except ImportError:  # a notebook then shows the LaTeX
            return None

    def _repr_latex_(self) -> str:
        return self.to_latex()


def chain(subject: Subject, place: Place, row: int | None = None) -> Chain:
    """Return the chain rule of one weight, for the loss of one row (an index) or of all rows.

    Examples
    --------
    >>> from chainrule import Dense, Network, Objective, Parameters
    >>> network = Network(Dense(2, 1, "sigmoid"), Dense(1, 1))
    >>> at = Parameters.from_arrays([[[0.5], [0.25]], [[2.0]]], [[0.0], [0.0]])
    >>> subject = Subject.of(Objective(network, "mse"), at, [[1.0, -2.0]], [0.0])
    >>> print(round(chain(subject, Place(layer=1, unit=0, to=0), row=0).gradient, 6))
    1.0
    """
    parameter = parameter_at(subject, place)
    penalty = _penalty_gradient(subject, parameter)
    if row is None:
        tree = over_places(parameter, lambda one: over_rows(subject, one))
        return Chain(subject, place, parameter, None, tree, penalty)
    if not 0 <= row < len(subject.rows):
        raise InputError(
            f"sample must be from 1 to {len(subject.rows)}; got {row + 1}. Layers, units and rows "
            "count from 1."
        )
    trace = RowTrace(subject, row)
    tree = over_places(parameter, lambda one: of_row(trace, one, LOSS))
    return Chain(subject, place, parameter, row + 1, tree, penalty)


def _penalty_gradient(subject: Subject, parameter: Parameter) -> float:
    xp, penalties = namespace(subject.vector), subject.objective.penalties
    total = 0.0
    for term, index in zip(parameter.terms, parameter.indices, strict=True):
        if term.place.unit is not None:
            weight = np.asarray(subject.vector[index : index + 1], dtype=np.float64)
            total += term.factor * float(sum(p.gradient(xp, weight)[0] for p in penalties))
    return total
