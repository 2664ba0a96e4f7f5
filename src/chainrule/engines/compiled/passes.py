"""Formulas as machine code: a function per formula block, which kernels call by its address.

A formula is followed with symbols in every process; the module of the graph it leaves is written
only where its code is in no cache.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from chainrule.engines.compiled.expressions import (
    ELEMENT,
    ROW,
    SHARED,
    Expression,
    FormulaNamespace,
    Graph,
    NotCompilableError,
    all_nodes,
    described,
    number_fields,
    symbolic_record,
)
from chainrule.engines.compiled.formula_modules import (
    activation_module,
    loss_module,
    update_module,
)
from chainrule.engines.compiled.machine_code import MachineCode, load
from chainrule.engines.compiled.target import Target
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer
from chainrule.formulas.penalties import Penalty
from chainrule.formulas.records import Activation
from chainrule.foundation.errors import InputError

__all__ = [
    "Pass",
    "accumulation",
    "activation_passes",
    "collection",
    "loss_pass",
    "prediction_pass",
    "update_pass",
]


@dataclass(frozen=True, eq=False)
class Pass:
    """The address of a pass, and the table of numbers it is called with.

    ``is_copy`` says that it changes nothing, ``reads_z`` that it looks at weighted sums,
    ``rowwise`` that a number depends on all of its row.
    """

    code: MachineCode
    address: int
    fields: np.ndarray
    is_copy: bool = False
    reads_z: bool = True
    rowwise: bool = False

    @cached_property
    def fields_at(self) -> int:
        """Where the table begins."""
        return int(self.fields.ctypes.data)


def _traced(record: Any, trace: Callable[[Any, Graph], Any]) -> tuple[Any, np.ndarray]:
    """Follow a formula with its numbers as parameters, or, where that fails, as constants."""
    names = number_fields(record)
    graph = Graph()
    try:
        traced = trace(symbolic_record(graph, record, "fields"), graph)
    except (TypeError, AttributeError, ValueError):
        names, graph = (), Graph()
        try:
            traced = trace(record, graph)
        except (TypeError, AttributeError, ValueError) as error:
            raise InputError(
                f"{type(record).__name__} must be written with functions of xp that the compiled "
                f'engine knows; got a formula of which {error}. Use engine="reference".'
            ) from error
    return traced, np.array([getattr(record, name) for name in names] or [0.0], np.float64)


def _expression(graph: Graph, value: Any) -> Expression:
    return value if isinstance(value, Expression) else graph.constant(value)


@lru_cache(maxsize=512)
def activation_passes(record: Activation, target: Target, itemsize: int) -> tuple[Pass, Pass]:
    """Return the passes z -> a and (z, a, da) -> dz of an activation.

    Both take (rows, columns, ld, arrays..., fields): elementwise over ``rows * ld`` numbers.
    """

    def value(record: Any, graph: Graph) -> Any:
        z = graph.input("z")
        return z, _expression(graph, record.value(FormulaNamespace(graph), z))

    def pullback(record: Any, graph: Graph) -> Any:
        z, a, da = graph.input("z"), graph.input("a"), graph.input("da")
        return _expression(graph, record.pullback(FormulaNamespace(graph), z, a, da))

    (z, output), numbers = _traced(record, value)
    dz, dz_numbers = _traced(record, pullback)
    forward = _activation(target, itemsize, ("z", "a"), output, numbers)
    forward = replace(forward, is_copy=output is z)
    backward = _activation(target, itemsize, ("z", "a", "da", "dz"), dz, dz_numbers)
    reads_z = any(node.op == "input" and node.detail == "z" for node in all_nodes([dz]))
    return forward, replace(backward, reads_z=reads_z)


def _activation(
    target: Target, itemsize: int, arrays: tuple[str, ...], output: Expression, numbers: np.ndarray
) -> Pass:
    def write() -> Any:
        return activation_module(target, itemsize, arrays, output)

    return _finished(target, itemsize, " ".join(arrays), [output], numbers, write)


@lru_cache(maxsize=64)
def prediction_pass(record: Loss, target: Target, itemsize: int) -> Pass:
    """Return the pass from scores to the predictions they stand for; an activation's arguments."""

    def mean(record: Any, graph: Graph) -> Any:
        s = graph.input("z")
        return s, _expression(graph, record.mean(FormulaNamespace(graph), s))

    (s, p), numbers = _traced(record, mean)
    found = _activation(target, itemsize, ("z", "a"), p, numbers)
    return replace(found, is_copy=p is s, rowwise=bool(p.level))


@lru_cache(maxsize=512)
def loss_pass(record: Loss, target: Target, itemsize: int) -> Pass:
    """Return the pass from scores and targets to row losses w l and derivatives w dl/ds / divisor.

    It takes (rows, columns, ld_s, s, ld_y, y, w, losses, ld_ds, ds, divisor, fields); ``losses``
    are float64; where ``ds`` is null, only losses are formed.
    """

    def trace(record: Any, graph: Graph) -> Any:
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

    (value, gradient), numbers = _traced(record, trace)
    if value.span == ELEMENT:
        raise InputError(
            f"{type(record).__name__}.value must give one number per row; got one per element. "
            'Sum along axis=-1, or set rowwise = False, or use engine="reference".'
        )

    def write() -> Any:
        return loss_module(target, itemsize, value, gradient)

    return _finished(target, itemsize, "loss", [value, gradient], numbers, write)


@lru_cache(maxsize=512)
def update_pass(
    optimizer: Optimizer, penalties: tuple[Penalty, ...], target: Target, itemsize: int
) -> Pass:
    """Return the pass that moves parameters on: decay, penalties, and the optimizer's step.

    It takes (n, p, g, slots, offset, constants, fields, mask): ``slots`` is a table of pointers,
    ``constants`` holds the rate and `Optimizer.numbers`; ``mask`` is 1 for weights, 0 for biases.
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
    except (NotCompilableError, TypeError, AttributeError) as error:
        raise InputError(
            f"{type(optimizer).__name__} must be written with functions of xp that the compiled "
            f'engine knows; got a rule of which {error}. Use engine="reference".'
        ) from error
    return _update(target, itemsize, outputs, np.append(table, optimizer.weight_decay))


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
def collection(penalties: tuple[Penalty, ...], target: Target, itemsize: int) -> Pass:
    """Return a pass in place of an update that stores the gradient, penalties included.

    Its slot is the parameters, and stays as it is.
    """
    graph = Graph()
    w = graph.input("slot0")
    try:
        g, table = _with_penalties(graph, penalties, w, graph.input("g"))
    except (NotCompilableError, TypeError, AttributeError) as error:
        raise InputError(
            f"penalties must be written with functions of xp that the compiled engine knows; got "
            f'one of which {error}. Use engine="reference".'
        ) from error
    return _update(target, itemsize, [_expression(graph, g), w], np.append(table, 0.0))


@lru_cache(maxsize=8)
def accumulation(target: Target, itemsize: int) -> Pass:
    """Return a pass in place of an update that adds gradients up."""
    graph = Graph()
    return _update(target, itemsize, [graph.input("p") + graph.input("g")], np.zeros(1))


def _update(target: Target, itemsize: int, outputs: list[Expression], numbers: np.ndarray) -> Pass:
    def write() -> Any:
        return update_module(target, itemsize, outputs)

    return _finished(target, itemsize, "update", outputs, numbers, write)


def _finished(
    target: Target,
    itemsize: int,
    kind: str,
    outputs: list[Expression],
    numbers: np.ndarray,
    write: Callable[[], Any],
) -> Pass:
    """Return the pass of some expressions, written only where it has never been."""
    code = load(target, f"{kind} {itemsize}\n{described(outputs)}", write)
    return Pass(code, code.address("run"), numbers)
