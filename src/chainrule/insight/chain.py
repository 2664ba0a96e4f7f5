"""The chain rule of one weight: from the loss, through every layer, and on to its update."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import InputError
from chainrule.insight.check import Verdict, check_weight
from chainrule.insight.notation import Derivative, Symbol
from chainrule.insight.subject import Subject
from chainrule.insight.trace import RowTrace, contributions
from chainrule.insight.tree import Node, product_node, sum_node

__all__ = ["Chain", "Place", "Update", "chain"]

LOSS = Symbol("L")


@dataclass(frozen=True)
class Place:
    """Which weight: from input ``unit`` (None for the bias) to unit ``to`` of a layer.

    The layer counts from 1; ``unit`` and ``to`` count from 0, as array indices do.
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
        """Return the weight's number in the flat vector; refuse a place that is not there."""
        network = subject.objective.network
        if not 1 <= self.layer <= len(network.layers):
            raise InputError(
                f"layer must be from 1 to {len(network.layers)}; got {self.layer}. Layers count "
                "from 1; the input is no layer."
            )
        dense = network.layers[self.layer - 1]
        for name, value, size in (("unit", self.unit, dense.n_in), ("to", self.to, dense.n_out)):
            if value is not None and not 0 <= value < size:
                raise InputError(
                    f"{name} must be from 0 to {size - 1} in layer {self.layer}; got {value}."
                )
        weight, bias = network.layout.spans[self.layer - 1]
        if self.unit is not None:
            return int(weight.start + self.unit * dense.n_out + self.to)
        if bias is None:
            raise InputError(f"layer {self.layer} must have a bias to explain it; it has none.")
        return int(bias.start + self.to)


@dataclass(frozen=True)
class Update:
    """The optimizer's next step for one weight.

    Attributes
    ----------
    optimizer : str
        The rule's name.
    latex : str
        The rule.
    learning_rate : float
        The rate of the step.
    step : int
        Its number, from 1.
    gradient, before, after : float
        The gradient it uses, and the weight before and after.
    memory : dict of str to (float, float)
        The rule's memory of this weight, before and after.
    decay : float
        What decoupled decay took off the weight before the rule.
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


@dataclass(frozen=True, eq=False)
class Chain:
    """The chain rule of one weight, in symbols and numbers.

    Attributes
    ----------
    subject : Subject
        What is explained.
    place : Place
        Which weight.
    row : int or None
        The row (from 0) whose loss is explained; None is the mean loss of all rows.
    tree : Node
        The derivative of that loss by the weight, with everything below it.
    penalty : float
        The derivative of the penalties by the weight, beside the loss.
    """

    subject: Subject
    place: Place
    row: int | None
    tree: Node
    penalty: float

    @property
    def weight(self) -> float:
        """The weight itself."""
        return float(self.subject.vector[self.place.index(self.subject)])

    @property
    def gradient(self) -> float:
        """The whole derivative: of the loss, and of the penalties."""
        return self.tree.value + self.penalty

    @cached_property
    def check(self) -> Verdict:
        """What finite differences say of it."""
        return check_weight(self.subject, self.place.index(self.subject), self.row, self.gradient)

    @cached_property
    def update(self) -> Update:
        """The optimizer's step with this gradient, from the memory the subject knows."""
        subject, index = self.subject, self.place.index(self.subject)
        rule, rate, t = subject.optimizer, subject.learning_rate, subject.step + 1
        xp = namespace(subject.vector)
        before = np.array([self.weight], dtype=np.float64)
        memory = [np.array([slot[index]], dtype=np.float64) for slot in subject.slots]
        memory = memory or [np.zeros(1) for _ in rule.slots]
        decay = rate * rule.weight_decay if self.place.unit is not None else 0.0
        shrunk = before * (1.0 - decay)
        with np.errstate(all="ignore"):
            after, *new = rule.step(
                xp, rule.constants(rate, t), shrunk, np.array([self.gradient]), *memory
            )
        return Update(
            optimizer=rule.name,
            latex=rule.in_latex(rule.latex),
            learning_rate=rate,
            step=t,
            gradient=self.gradient,
            before=self.weight,
            after=float(after[0]),
            memory={
                name: (float(old[0]), float(now[0]))
                for name, old, now in zip(rule.slots, memory, new, strict=True)
            },
            decay=float(before[0] - shrunk[0]),
        )

    def open(self, breadth: int = 1, depth: int = 64) -> list[Node]:
        """Return the nodes to show, from the weight's own derivative down to the loss.

        Parameters
        ----------
        breadth : int
            How many terms of each sum to open, the largest first: the number of paths grows with
            the power of the depth.
        depth : int
            How many levels to go down.
        """
        found: dict[str, Node] = {}
        level = [self.tree]
        for _ in range(depth):
            below: list[Node] = []
            for node in level:
                if not node.parts or node.name.text in found:
                    continue
                if not _nameless(node):
                    found[node.name.text] = node
                parts = node.parts
                if node.operation == "sum":
                    parts = tuple(sorted(parts, key=lambda part: -abs(part.value))[:breadth])
                below.extend(parts)
                below.extend(p.alternative for p in parts if p.alternative is not None)
            level = below
        return list(found.values())

    def to_dict(self, depth: int = 6) -> dict[str, Any]:
        """Return all of it, the tree to so many levels, as JSON can hold it."""
        verdict, update = self.check, self.update
        return {
            "weight": {
                "name": self.place.symbol.text,
                "layer": self.place.layer,
                "unit": self.place.unit,
                "to": self.place.to,
                "value": self.weight,
            },
            "row": self.row,
            "tree": self.tree.to_dict(depth),
            "penalty": self.penalty,
            "gradient": self.gradient,
            "check": dict(vars(verdict)),
            "update": dict(vars(update)),
        }

    def __str__(self) -> str:
        from chainrule.insight.rendering import as_text

        return as_text(self)

    def to_latex(self, digits: int = 6) -> str:
        """Return the equations as LaTeX, one per line."""
        from chainrule.insight.rendering import as_latex

        return as_latex(self, digits)

    def to_mathml(self, digits: int = 6) -> str:
        """Return the equations as MathML; needs the ``app`` extra."""
        from chainrule.insight.rendering import as_mathml

        return as_mathml(self, digits)

    def to_html(self, digits: int = 6) -> str:
        """Return the equations and their table as a piece of HTML."""
        from chainrule.insight.rendering import as_html

        return as_html(self, digits)

    def _repr_html_(self) -> str | None:
        try:
            return self.to_html()
        except ImportError:  # a notebook then shows the LaTeX
            return None

    def _repr_latex_(self) -> str:
        return self.to_latex()


def _nameless(node: Node) -> bool:
    """Say whether a node is a term of a sum, which stands in the sum's own lines."""
    return isinstance(node.name, Symbol) and node.name.letter == "via"


def chain(subject: Subject, place: Place, row: int | None = None) -> Chain:
    """Return the chain rule of one weight, for the loss of one row or the mean loss of all.

    Examples
    --------
    >>> from chainrule import Dense, Network, Objective, Parameters
    >>> network = Network(Dense(2, 1, "sigmoid"), Dense(1, 1))
    >>> at = Parameters.from_arrays([[[0.5], [0.25]], [[2.0]]], [[0.0], [0.0]])
    >>> subject = Subject.of(Objective(network, "mse"), at, [[1.0, -2.0]], [0.0])
    >>> print(round(chain(subject, Place(layer=1, unit=0, to=0), row=0).gradient, 6))
    1.0
    """
    index = place.index(subject)
    penalty = _penalty_gradient(subject, index) if place.unit is not None else 0.0
    if row is None:
        return Chain(subject, place, None, _over_rows(subject, place), penalty)
    if not 0 <= row < len(subject.rows):
        raise InputError(f"sample must be from 0 to {len(subject.rows) - 1}; got {row}.")
    return Chain(subject, place, row, _of_row(RowTrace(subject, row), place, LOSS), penalty)


def _penalty_gradient(subject: Subject, index: int) -> float:
    xp = namespace(subject.vector)
    weight = np.asarray(subject.vector[index : index + 1], dtype=np.float64)
    return float(sum(p.gradient(xp, weight)[0] for p in subject.objective.penalties))


def _over_rows(subject: Subject, place: Place) -> Node:
    """Return the mean over the rows: the rows that pull hardest, and the exact rest."""
    n = len(subject.rows)
    per_row = contributions(subject, place.layer, place.unit, place.to)
    weight = subject.rows.weight
    share = np.full(n, 1.0 / n) if weight is None else np.asarray(weight, np.float64) / n
    terms = np.where(share > 0.0, share * per_row, 0.0)
    total = math.fsum(terms) if np.all(np.isfinite(terms)) else float(np.sum(terms))

    traces: dict[int, RowTrace] = {}

    def exact(row: int) -> float:
        traces[row] = RowTrace(subject, row)
        return float(share[row]) * _value_of_row(traces[row], place)

    def make_term(row: int) -> Node:
        factor = Node(
            Symbol("share", None, (row + 1,)),
            float(share[row]),
            formula=r"\frac{1}{n}" if weight is None else r"\frac{w_i}{\sum_j w_j}",
            inputs=(("n", float(n)),) if weight is None else (),
            origin="the share of this row in the mean",
        )
        of_row = _of_row(traces[row], place, Symbol("L", None, (row + 1,)))
        value = factor.value * of_row.value
        return product_node(Symbol("via", None, (row + 1,)), value, lambda: (factor, of_row))

    name = Derivative(LOSS, place.symbol)
    origin = f"the mean over {n:,} rows"
    return sum_node(name, terms.tolist(), total, make_term, origin, exact)


def _value_of_row(trace: RowTrace, place: Place) -> float:
    dz = float(trace.dz(place.layer)[place.to])
    return dz if place.unit is None else dz * float(trace.a[place.layer - 1][place.unit])


def _of_row(trace: RowTrace, place: Place, loss: Symbol) -> Node:
    """Return dL/dw of one row, as the product delta times input of its path."""
    z = Symbol("z", place.layer, (place.to + 1,))
    if place.unit is None:
        last = Node(Derivative(z, place.symbol), 1.0, formula="1", origin="a bias adds itself")
    else:
        if place.layer == 1:
            below = Symbol("x", None, (place.unit + 1,))
            origin = f"input {trace.subject.input_names[place.unit]}"
        else:
            below = Symbol("a", place.layer - 1, (place.unit + 1,))
            origin = f"output of unit {place.unit + 1} of layer {place.layer - 1}"
        value = float(trace.a[place.layer - 1][place.unit])
        last = Node(
            Derivative(z, place.symbol),
            value,
            formula=below.latex,
            inputs=((below.text, value),),
            origin=origin,
        )

    def make_factors() -> tuple[Node, ...]:
        return *_factors(_dz(trace, place.layer, place.to, loss)), last

    return product_node(Derivative(loss, place.symbol), _value_of_row(trace, place), make_factors)


def _factors(node: Node) -> tuple[Node, ...]:
    """Return a product's factors, so that a path without branches is one product."""
    return node.parts if node.operation == "product" else (node,)


def _dz(trace: RowTrace, layer: int, unit: int, loss: Symbol) -> Node:
    """Return the derivative by a weighted sum: of the output, times the slope."""
    record = trace.subject.objective.network.layers[layer - 1].activation
    a, z = Symbol("a", layer, (unit + 1,)), Symbol("z", layer, (unit + 1,))
    last = layer == len(trace.weights)
    if last and record.name == "linear":
        return _dscore(trace, unit, loss, z)
    name = Derivative(loss, z)
    if record.rowwise:
        jacobian = trace.jacobian(layer)[:, unit]
        terms = (trace.da(layer) * jacobian).tolist()

        def make_term(m: int) -> Node:
            up = Symbol("a", layer, (m + 1,))
            slope = Node(
                Derivative(up, z),
                float(jacobian[m]),
                formula=r"a_m (1 - a_m)" if m == unit else r"-a_m a_j",
                inputs=(("a_m", float(trace.a[layer][m])), ("a_j", float(trace.a[layer][unit]))),
                origin=f"Jacobian of {record.name} in layer {layer}",
            )
            path = Symbol("via", layer, (m + 1,))
            return product_node(path, terms[m], lambda: (_da(trace, layer, m, loss), slope))

        return sum_node(
            name,
            terms,
            float(trace.dz(layer)[unit]),
            make_term,
            f"over the units of layer {layer}: {record.name} ties them together",
        )
    slope = float(trace.slopes(layer)[unit])
    z_value, a_value = float(trace.z[layer - 1][unit]), float(trace.a[layer][unit])
    node = Node(
        Derivative(a, z),
        slope,
        formula=record.in_latex(record.slope_latex),
        inputs=(("z", z_value), ("a", a_value)),
        origin=f"slope of {record.name} in layer {layer}",
    )

    def make_factors() -> tuple[Node, ...]:
        return *_factors(_da(trace, layer, unit, loss)), node

    return product_node(name, float(trace.dz(layer)[unit]), make_factors)


def _da(trace: RowTrace, layer: int, unit: int, loss: Symbol) -> Node:
    """Return the derivative by an output: over every unit of the next layer that it feeds."""
    a = Symbol("a", layer, (unit + 1,))
    if layer == len(trace.weights):
        return _dscore(trace, unit, loss, a)
    weights, deltas = trace.weights[layer][unit], trace.dz(layer + 1)
    terms = (weights * deltas).tolist()

    def make_term(k: int) -> Node:
        z = Symbol("z", layer + 1, (k + 1,))
        weight = Symbol("w", layer + 1, (unit + 1, k + 1))
        step = Node(
            Derivative(z, a),
            float(weights[k]),
            formula=weight.latex,
            inputs=((weight.text, float(weights[k])),),
            origin=f"weight of layer {layer + 1}",
        )
        if len(terms) == 1:

            def make_path() -> tuple[Node, ...]:
                return *_factors(_dz(trace, layer + 1, k, loss)), step

            return product_node(Derivative(loss, a), terms[0], make_path)

        def make_factors() -> tuple[Node, ...]:
            return _dz(trace, layer + 1, k, loss), step

        return product_node(Symbol("via", layer + 1, (k + 1,)), terms[k], make_factors)

    if len(terms) == 1:
        return make_term(0)
    return sum_node(
        Derivative(loss, a),
        terms,
        float(trace.da(layer)[unit]),
        make_term,
        f"over the {len(terms)} units of layer {layer + 1} that it feeds",
    )


def _dscore(trace: RowTrace, output: int, loss: Symbol, score: Symbol) -> Node:
    """Return the derivative by a score: the loss's own short form, which opens at its link."""
    record = trace.subject.objective.loss
    value = float(trace.dscores[output])
    s, y = float(trace.scores[output]), float(trace.y[0, output])
    p = float(trace.prediction[output])
    columns = 1 if record.rowwise else trace.y.shape[1]
    formula = record.in_latex(record.gradient_latex)
    inputs: tuple[tuple[str, float], ...] = (("s", s), ("y", y))
    if record.link.name in ("sigmoid", "softmax"):
        formula, inputs = "p - y", (("p", p), ("y", y))
    if columns > 1:
        formula = rf"\frac{{1}}{{{columns}}} ({formula})"
    name = Derivative(loss, score)
    origin = f"loss {record.name}"
    if record.link.name != "linear":
        origin = f"{origin}, merged with {record.link.name}"

    def make_alternative() -> Node | None:
        return _through_link(trace, output, loss, score)

    return Node(
        name,
        value,
        formula=formula,
        inputs=inputs,
        origin=origin,
        make_alternative=make_alternative,
    )


def _through_link(trace: RowTrace, output: int, loss: Symbol, score: Symbol) -> Node | None:
    """Return the long way over the predictions, where the link is not linear and they allow it."""
    record = trace.subject.objective.loss
    if record.link.name == "linear":
        return None
    xp, p = trace.xp, trace.prediction
    columns = 1 if record.rowwise else trace.y.shape[1]
    with np.errstate(all="ignore"):
        dp = record.prediction_gradient(xp, p[None, :], trace.y)[0] / columns
        if record.link.rowwise:
            units = len(p)
            rows = np.broadcast_to(trace.scores, (units, units)), np.broadcast_to(p, (units, units))
            slopes = record.link.pullback(xp, *rows, np.eye(units))[:, output]
            over = list(range(units))
        else:
            slopes = record.link.slope(xp, trace.scores, p)
            over = [output]
        terms = [float(dp[m] * slopes[m]) for m in over]
    if not all(map(math.isfinite, terms)):
        return None
    formula = record.in_latex(record.prediction_gradient_latex)

    def make_term(position: int) -> Node:
        m = over[position]
        prediction = Symbol("p", None, (m + 1,))
        first = Node(
            Derivative(loss, prediction),
            float(dp[m]),
            formula=formula,
            inputs=(("p", float(p[m])), ("y", float(trace.y[0, m]))),
            origin=f"loss {record.name}",
        )
        second = Node(
            Derivative(prediction, score),
            float(slopes[m]),
            origin=f"{'Jacobian' if record.link.rowwise else 'slope'} of {record.link.name}",
        )
        path = Derivative(loss, score) if len(over) == 1 else Symbol("via", None, (m + 1,))
        return product_node(path, terms[position], lambda: (first, second))

    if len(over) == 1:
        return make_term(0)
    return sum_node(
        Derivative(loss, score), terms, math.fsum(terms), make_term, "over the predictions"
    )
