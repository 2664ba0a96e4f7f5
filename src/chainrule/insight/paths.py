"""The path from the loss to one weight: each function returns one derivative as a node.

The nodes name their factors and terms; their numbers come from a `RowTrace`, so a tree costs no
more than its opened nodes.
"""

import math
from collections.abc import Callable

import numpy as np

from chainrule.insight.notation import Derivative, Symbol
from chainrule.insight.parameter import Parameter, Term
from chainrule.insight.place import Place
from chainrule.insight.sharing import listed
from chainrule.insight.subject import Subject
from chainrule.insight.trace import RowTrace, contributions
from chainrule.insight.tree import Node, exact_sum, product_node, sum_node

__all__ = ["LOSS", "of_row", "over_places", "over_rows"]

LOSS = Symbol("L")


def over_places(parameter: Parameter, at: Callable[[Place], Node]) -> Node:
    """Return the derivative by a parameter: by its one place, or the sum over its places.

    Parameters
    ----------
    parameter : Parameter
        The weight or bias.
    at : callable
        From a place to the derivative of the loss by the number there.
    """
    if not parameter.shared:
        return at(parameter.terms[0].place)
    parts = tuple(_of_term(term, at(term.place), parameter.symbol) for term in parameter.terms)
    kind = "bias" if parameter.symbol.letter == "b" else "weight"
    return Node(
        Derivative(LOSS, parameter.symbol),
        exact_sum([part.value for part in parts]),
        "sum",
        origin=f"the sum over {listed(parameter.layers)}, which share the {kind}",
        make_parts=lambda: parts,
    )


def _of_term(term: Term, node: Node, symbol: Symbol) -> Node:
    """Return the term of one place, times the factor that is folded into its layer."""
    if not term.formula:
        return node
    factor = Node(
        Derivative(term.place.symbol, symbol),
        term.factor,
        formula=term.formula,
        inputs=term.inputs,
        origin=f"normalization folded into layer {term.place.layer}",
    )
    path = Symbol("via", term.place.layer, symbol.indices)
    return product_node(path, node.value * term.factor, lambda: (node, factor))


def over_rows(subject: Subject, place: Place) -> Node:
    """Return the mean over the rows: the rows with the largest terms, and the exact rest."""
    n = len(subject.rows)
    per_row = contributions(subject, place.layer, place.unit, place.to)
    weight = subject.rows.weight
    share = np.full(n, 1.0 / n) if weight is None else np.asarray(weight, np.float64) / n
    terms = np.where(share > 0.0, share * per_row, 0.0)
    total = exact_sum(terms.tolist())

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
        whole = of_row(traces[row], place, Symbol("L", None, (row + 1,)))
        value = factor.value * whole.value
        return product_node(Symbol("via", None, (row + 1,)), value, lambda: (factor, whole))

    name = Derivative(LOSS, place.symbol)
    origin = f"the mean over {n:,} rows"
    return sum_node(name, terms.tolist(), total, make_term, origin, exact, adjust=True)


def _value_of_row(trace: RowTrace, place: Place) -> float:
    dz = float(trace.dz(place.layer)[place.to])
    return dz if place.unit is None else dz * float(trace.a[place.layer - 1][place.unit])


def of_row(trace: RowTrace, place: Place, loss: Symbol) -> Node:
    """Return dL/dw of one row, as the product delta times input of its path."""
    z = Symbol("z", place.layer, (place.to + 1,))
    if place.unit is None:
        last = Node(
            Derivative(z, place.symbol), 1.0, formula="1", origin="a bias is added as it is"
        )
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
            f"over the units of layer {layer}: {record.name} couples them",
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
    """Return the derivative by an output: the sum over the units of the next layer."""
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
        f"over the {len(terms)} units of layer {layer + 1}",
    )


def _dscore(trace: RowTrace, output: int, loss: Symbol, score: Symbol) -> Node:
    """Return the derivative by a score, as the loss's short form, which opens at its link."""
    record = trace.subject.objective.loss.of_column(output)
    value = float(trace.dscores[output])
    s, y = float(trace.scores[output]), float(trace.y[0, output])
    p = float(trace.prediction[output])
    columns = record.share_of_column(trace.y.shape[1])
    formula = record.in_latex(record.gradient_latex)
    inputs: tuple[tuple[str, float], ...] = (("s", s), ("y", y))
    if record.short_gradient_latex:
        formula, inputs = record.short_gradient_latex, (("p", p), ("y", y))
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
    """Return the longer path through the predictions, for a link that is not linear."""
    record = trace.subject.objective.loss
    if record.link.name == "linear":
        return None
    xp, p = trace.xp, trace.prediction
    columns = record.share_of_column(trace.y.shape[1])
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
