"""Interpret a graph with NumPy, node by node: the reference for every other backend."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule.foundation.arrays import namespace
from chainrule.tracing.expressions import REDUCTIONS, Expression
from chainrule.tracing.formulas import Traced

__all__ = ["interpreted"]

_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
    "and": operator.and_,
    "or": operator.or_,
    "not": operator.invert,
}


def interpreted(
    traced: Traced, inputs: Mapping[str, Any], constants: np.ndarray | None = None
) -> list[np.ndarray]:
    """Return the outputs of a graph, in float64, for arrays (n, k) by the names of its inputs.

    An input per row is an array (n, 1); "columns" and "column" follow from the first array.

    Examples
    --------
    >>> from chainrule import activations
    >>> from chainrule.tracing.formulas import activation_graph
    >>> interpreted(activation_graph(activations.relu), {"z": np.array([[-1.0, 2.0]])})
    [array([[0., 2.]])]
    """
    arrays = {name: np.asarray(array, np.float64) for name, array in inputs.items()}
    first = next(iter(arrays.values()))
    xp: Any = namespace(first)
    width = first.shape[-1]
    columns: dict[str, Any] = {"columns": float(width), "column": np.arange(float(width))}
    given, tables = columns | arrays, {"fields": traced.numbers, "constants": constants}
    known: dict[int, Any] = {}

    def computed(node: Expression) -> Any:
        if node.op == "constant":
            return np.float64(node.detail[0])
        if node.op == "input":
            return given[node.detail]
        if node.op == "parameter":
            table, index = node.detail
            return tables[table][index]  # type: ignore[index]
        operands = [value(operand) for operand in node.operands]
        if node.op in _OPERATORS:
            return _OPERATORS[node.op](*operands)
        if node.op in REDUCTIONS:
            whole = xp.broadcast_to(operands[0], first.shape)
            return getattr(xp, node.op)(whole, axis=-1, keepdims=True)
        return getattr(xp, node.op)(*operands)

    def value(node: Expression) -> Any:
        if id(node) not in known:
            known[id(node)] = computed(node)
        return known[id(node)]

    with np.errstate(all="ignore"):
        return [value(output) for output in traced.outputs]
