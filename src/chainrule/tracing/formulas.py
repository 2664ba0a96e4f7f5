"""Trace each kind of formula to a graph; the numbers of a record are parameters of its graph.

A formula is traced once per process.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer
from chainrule.formulas.penalties import Penalty
from chainrule.formulas.records import Activation
from chainrule.foundation.errors import InputError
from chainrule.tracing.expressions import ELEMENT, ROW, SHARED, Expression, Graph
from chainrule.tracing.symbols import FormulaNamespace, number_fields, symbolic_record

__all__ = [
    "Traced",
    "UntraceableError",
    "accumulation_graph",
    "activation_graph",
    "collection_graph",
    "formula_graph",
    "link_graph",
    "loss_graph",
    "pullback_graph",
    "update_graph",
]


class UntraceableError(InputError):
    """A formula that no graph can express; the message names the record and what it does.

    Remedy: write the formula elementwise, with functions of the array API standard, and branches as
    ``xp.where``.
    """


@dataclass(frozen=True, eq=False)
class Traced:
    """The outputs of a traced formula, and the numbers of its record.

    Attributes
    ----------
    outputs : tuple of Expression
        One for each array that it gives.
    numbers : ndarray
        The table "fields", which parameters of the graph count into; at least one number.
    """

    outputs: tuple[Expression, ...]
    numbers: np.ndarray

    @property
    def is_copy(self) -> bool:
        """True if the output is the input itself."""
        output = self.outputs[0]
        return len(self.outputs) == 1 and output.op == "input" and output.detail == "z"


def _traced(record: Any, trace: Callable[[Any, Graph], tuple[Any, ...]]) -> Traced:
    """Follow a formula with its numbers as parameters, or, where that fails, as constants."""
    names = number_fields(record)
    graph = Graph()
    try:
        outputs = trace(symbolic_record(graph, record, "fields"), graph)
    except (TypeError, AttributeError, ValueError):
        names, graph = (), Graph()
        try:
            outputs = trace(record, graph)
        except (TypeError, AttributeError, ValueError) as error:
            raise UntraceableError(
                f"{type(record).__name__} must be written with functions of xp that can be traced; "
                f"got a formula of which {error}."
            ) from error
    numbers = np.array([getattr(record, name) for name in names] or [0.0], np.float64)
    return Traced(outputs, numbers)


def _expression(graph: Graph, value: Any) -> Expression:
    return value if isinstance(value, Expression) else graph.constant(value)


@lru_cache(maxsize=512)
def activation_graph(record: Activation) -> Traced:
    """Return the graph from "z" to a."""

    def value(record: Any, graph: Graph) -> tuple[Any, ...]:
        return (_expression(graph, record.value(FormulaNamespace(graph), graph.input("z"))),)

    return _traced(record, value)


def formula_graph(formula: Callable[..., Any], *inputs: str) -> Traced:
    """Return the graph of a function of a namespace and of inputs of these names.

    Examples
    --------
    >>> def share(xp, z, total):
    ...     return z / total
    >>> formula_graph(share, "z", "total").outputs[0].op
    'div'
    """
    graph = Graph()
    arguments = [graph.input(name) for name in inputs]
    return Traced((_expression(graph, formula(FormulaNamespace(graph), *arguments)),), np.zeros(1))


@lru_cache(maxsize=512)
def pullback_graph(record: Activation) -> Traced:
    """Return the graph from "z", "a" and "da" to dz."""

    def pullback(record: Any, graph: Graph) -> tuple[Any, ...]:
        z, a, da = graph.input("z"), graph.input("a"), graph.input("da")
        return (_expression(graph, record.pullback(FormulaNamespace(graph), z, a, da)),)

    return _traced(record, pullback)


@lru_cache(maxsize=64)
def link_graph(record: Loss) -> Traced:
    """Return the graph from scores "z" to the predictions they stand for."""

    def mean(record: Any, graph: Graph) -> tuple[Any, ...]:
        return (_expression(graph, record.mean(FormulaNamespace(graph), graph.input("z"))),)

    return _traced(record, mean)


@lru_cache(maxsize=512)
def loss_graph(record: Loss) -> Traced:
    """Return the graph from scores "s" and targets "y" to w l and w dl/ds / "divisor"."""

    def trace(record: Any, graph: Graph) -> tuple[Any, ...]:
        xp, s, y = FormulaNamespace(graph), graph.input("s"), graph.input("y")
        w = graph.input("w", ROW)
        value = _expression(graph, record.value(xp, s, y))
        gradient = _expression(graph, record.gradient(xp, s, y))
        if not record.rowwise:
            value = record.over_columns(xp, value)
            if not record.summed:
                gradient = gradient / graph.input("columns", SHARED)
        gradient = gradient / graph.input("divisor", SHARED)
        return xp.where(w > 0.0, value * w, 0.0), xp.where(w > 0.0, gradient * w, 0.0)

    traced = _traced(record, trace)
    if traced.outputs[0].span == ELEMENT:
        raise UntraceableError(
            f"{type(record).__name__}.value must give one number per row; got one per element. "
            "Sum along axis=-1, or set rowwise = False."
        )
    return traced


@lru_cache(maxsize=512)
def update_graph(optimizer: Optimizer, penalties: tuple[Penalty, ...]) -> Traced:
    """Return the graph of a step: from "p", "g", "slot0", ... to new parameters and slots.

    The table "constants" holds the rate and `Optimizer.numbers`; "mask" is 1 for weights, 0 for
    biases.
    """
    n_constants = len(optimizer.numbers(optimizer.learning_rate, 1))
    decays = optimizer.weight_decay > 0.0
    graph = Graph()
    xp: Any = FormulaNamespace(graph)
    p, g = graph.input("p"), graph.input("g")
    slots = [graph.input(f"slot{number}") for number in range(len(optimizer.memory))]
    mask = graph.input("mask", SHARED)
    constants: Any = tuple(graph.parameter("constants", 1 + i) for i in range(n_constants))
    try:
        g, table = _with_penalties(graph, penalties, p, g)
        if decays:
            rate, decay = graph.parameter("constants", 0), graph.parameter("fields", len(table))
            p = p * (1.0 - rate * decay * mask)
        outputs = [_expression(graph, out) for out in optimizer.update(xp, constants, p, g, *slots)]
    except (TypeError, AttributeError) as error:
        raise UntraceableError(
            f"{type(optimizer).__name__} must be written with functions of xp that can be traced; "
            f"got a rule of which {error}."
        ) from error
    return Traced(tuple(outputs), np.append(table, optimizer.weight_decay))


def _with_penalties(
    graph: Graph, penalties: tuple[Penalty, ...], w: Any, g: Any
) -> tuple[Any, np.ndarray]:
    """Return the gradient plus that of the penalties, and the table of their numbers."""
    numbers: list[float] = []
    for penalty in penalties:
        record = symbolic_record(graph, penalty, "fields", len(numbers))
        g = g + graph.input("mask", SHARED) * record.gradient(FormulaNamespace(graph), w)
        numbers += [float(getattr(penalty, name)) for name in number_fields(penalty)]
    return g, np.array(numbers, np.float64)


@lru_cache(maxsize=64)
def collection_graph(penalties: tuple[Penalty, ...]) -> Traced:
    """Return the graph from gradient "g" and parameters "slot0" to it with penalties, and them."""
    graph = Graph()
    w = graph.input("slot0")
    try:
        g, table = _with_penalties(graph, penalties, w, graph.input("g"))
    except (TypeError, AttributeError) as error:
        raise UntraceableError(
            "penalties must be written with functions of xp that can be traced; got one of which "
            f"{error}."
        ) from error
    return Traced((_expression(graph, g), w), np.append(table, 0.0))


@lru_cache(maxsize=1)
def accumulation_graph() -> Traced:
    """Return the graph of a sum: from "p" and "g" to p + g."""
    graph = Graph()
    return Traced((graph.input("p") + graph.input("g"),), np.zeros(1))
