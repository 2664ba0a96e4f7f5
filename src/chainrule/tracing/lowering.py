"""Rewrite a graph for a target that lacks some operations, as formulas of those it has.

Each keeps all digits where the plain form would cancel.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from chainrule.tracing.error_function import ERF_DOUBLE, ERFC_DOUBLE, ERFC_IS_ZERO
from chainrule.tracing.expressions import Expression, Graph
from chainrule.tracing.formulas import Traced
from chainrule.tracing.symbols import FormulaNamespace

__all__ = ["LOWERINGS", "lowered"]

Lowering = Callable[[Any, Any], Any]


def _log1p(xp: Any, x: Any) -> Any:
    # Kahan; N. Higham, Accuracy and Stability of Numerical Algorithms, problem 1.5
    u = 1.0 + x
    rounded = u - 1.0
    value = xp.log(u) * (x / xp.where(rounded == 0.0, 1.0, rounded))
    return xp.where(rounded == 0.0, x, xp.where(u == math.inf, u, value))


def _expm1(xp: Any, x: Any) -> Any:
    # Kahan; N. Higham, Accuracy and Stability of Numerical Algorithms, section 1.14.1
    u = xp.exp(x)
    value = (u - 1.0) * (x / xp.log(xp.where(u == 1.0, 2.0, u)))
    far = xp.where(u == math.inf, u, xp.where(u - 1.0 == -1.0, -1.0, value))
    return xp.where(u == 1.0, x, far)


def _polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    value: Any = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return value


def _erf_near_zero(xp: Any, x: Any, end: float) -> Any:
    near = xp.where(xp.abs(x) < end, x, 0.0)
    return x * _polynomial(near * near, ERF_DOUBLE)


def _erfc_of_magnitude(xp: Any, x: Any) -> Any:
    # Shepherd & Laframboise (1981), Mathematics of Computation 36
    t = xp.minimum(xp.abs(x), ERFC_IS_ZERO)
    u = (t - 3.75) / (t + 3.75)
    return _polynomial(u, ERFC_DOUBLE) * xp.exp(-(t * t)) / (2.0 * t + 1.0)


def _erfc(xp: Any, x: Any) -> Any:
    tail = _erfc_of_magnitude(xp, x)
    far = xp.where(x < 0.0, 2.0 - tail, tail)
    return xp.where(xp.abs(x) < 0.5, 1.0 - _erf_near_zero(xp, x, 0.5), far)


def _erf(xp: Any, x: Any) -> Any:
    tail = _erfc_of_magnitude(xp, x)
    far = xp.where(x < 0.0, tail - 1.0, 1.0 - tail)
    return xp.where(xp.abs(x) < 1.0, _erf_near_zero(xp, x, 1.0), far)


LOWERINGS: Mapping[str, Lowering] = {"log1p": _log1p, "expm1": _expm1, "erf": _erf, "erfc": _erfc}
"""The operations that can be written with others, each as a formula."""


def lowered(traced: Traced, lacking: Mapping[str, Lowering]) -> Traced:
    """Return the same formulas without the operations that a target lacks.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import activations
    >>> from chainrule.tracing.formulas import activation_graph
    >>> from chainrule.tracing.interpreter import interpreted
    >>> softplus = lowered(activation_graph(activations.get("softplus")), LOWERINGS)
    >>> interpreted(softplus, {"z": np.array([[-40.0, 0.0]])})[0].round(4)
    array([[0.    , 0.6931]])
    """
    graph = Graph()
    xp: Any = FormulaNamespace(graph)
    known: dict[int, Expression] = {}

    def again(node: Expression) -> Expression:
        if id(node) not in known:
            operands = [again(operand) for operand in node.operands]
            if node.op in lacking:
                found = graph.constant(lacking[node.op](xp, *operands))
            else:
                found = graph.node(node.op, *operands, detail=node.detail, span=node.span)
            known[id(node)] = found
        return known[id(node)]

    return Traced(tuple(again(output) for output in traced.outputs), traced.numbers)
