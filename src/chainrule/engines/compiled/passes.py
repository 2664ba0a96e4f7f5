"""Formulas as machine code: a function per formula block, which kernels call by its address.

Two shapes of pass. Elementwise: along contiguous numbers. Row-wise, and every loss: each lane of a
vector is a row, and the loops go over the columns, so that a sum along a row needs no shuffles.
All buffers are padded to whole vectors; what the padding holds is never read by anyone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from llvmlite import ir

from chainrule.engines.compiled.emission import Emission
from chainrule.engines.compiled.expressions import (
    ELEMENT,
    ROW,
    SHARED,
    Expression,
    FormulaNamespace,
    Graph,
    NotCompilableError,
    number_fields,
    symbolic_record,
)
from chainrule.engines.compiled.machine_code import MachineCode, load
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.values import Code, Value, function, pointer, whole
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
    "float_type",
    "loss_pass",
    "update_pass",
]


@dataclass(frozen=True, eq=False)
class Pass:
    """The address of a pass, and the table of numbers it is called with.

    ``is_copy`` says that it changes nothing, ``reads_z`` that it looks at weighted sums.
    """

    code: MachineCode
    address: int
    fields: np.ndarray
    is_copy: bool = False
    reads_z: bool = True

    @cached_property
    def fields_at(self) -> int:
        """Where the table begins."""
        return int(self.fields.ctypes.data)


def float_type(itemsize: int) -> Any:
    """Return the LLVM type of float32 or float64."""
    return ir.FloatType() if itemsize == 4 else ir.DoubleType()


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
    reads_z = any(node.op == "input" and node.detail == "z" for node in _all_nodes([dz]))
    return forward, replace(backward, reads_z=reads_z)


def _activation(
    target: Target, itemsize: int, arrays: tuple[str, ...], output: Expression, numbers: np.ndarray
) -> Pass:
    rowwise = _has_rows(output)
    module = ir.Module("activation")
    arguments = [whole, whole, whole, *[pointer] * len(arrays), pointer]
    code = function(module, "run", arguments, inner=False)
    rows, columns, ld, *places, fields = code.arguments
    by_name = dict(zip(arrays, places, strict=True))
    loops = _Loops(code, target, itemsize, columns, {"fields": fields})
    if rowwise:
        with loops.rows(rows):
            for name in arrays[:-1]:
                loops.lanes_of(name, by_name[name], ld)
            loops.prepare(output)
            with loops.columns():
                loops.store_lanes(by_name[arrays[-1]], ld, output)
    else:
        for name in arrays[:-1]:
            loops.contiguous(name, by_name[name])
        loops.shared(output)
        with loops.vectors(rows * ld):
            by_name[arrays[-1]].store(loops.emission.vector_of(output), loops.index)
    code.end()
    return _finished(target, module, numbers)


def _has_rows(*outputs: Expression) -> bool:
    return any(node.op in ("sum", "max", "min") for node in _all_nodes(outputs))


def _all_nodes(outputs: Sequence[Expression]) -> list[Expression]:
    found: dict[int, Expression] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if id(node) not in found:
            found[id(node)] = node
            stack.extend(node.operands)
    return list(found.values())


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
            value = xp.mean(value, axis=-1)
            gradient = gradient / graph.input("columns", SHARED)
        gradient = gradient / graph.input("divisor", SHARED)
        return xp.where(w > 0.0, value * w, 0.0), xp.where(w > 0.0, gradient * w, 0.0)

    (value, gradient), numbers = _traced(record, trace)
    if value.span == ELEMENT:
        raise InputError(
            f"{type(record).__name__}.value must give one number per row; got one per element. "
            'Sum along axis=-1, or set rowwise = False, or use engine="reference".'
        )
    module = ir.Module("loss")
    arguments = [whole, whole, whole, pointer, whole, pointer, pointer, pointer, whole, pointer]
    code = function(module, "run", [*arguments, ir.DoubleType(), pointer], inner=False)
    rows, columns, ld_s, s, ld_y, y, w, losses, ld_ds, ds, divisor, fields = code.arguments
    with code.choice(ds == code.address(code.value(0))) as (without, full):
        for branch, outputs in ((without, [value]), (full, [value, gradient])):
            with branch:
                loops = _Loops(code, target, itemsize, columns, {"fields": fields})
                loops.inputs["divisor"] = lambda: divisor
                with loops.rows(rows):
                    loops.lanes_of("s", s, ld_s)
                    loops.lanes_of("y", y, ld_y)
                    loops.per_row("w", w)
                    loops.prepare(*outputs)
                    double = ir.VectorType(ir.DoubleType(), loops.vector.count)
                    row_losses = code.cast(loops.emission.vector_of(value), double)
                    losses.store(row_losses, loops.row)
                    if len(outputs) == 2:
                        loops.emission.prepare(gradient)
                        with loops.columns():
                            loops.store_lanes(ds, ld_ds, gradient)
    code.end()
    return _finished(target, module, numbers)


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
    module = ir.Module("update")
    arguments = [whole, pointer, pointer, pointer, whole, pointer, pointer, ir.DoubleType()]
    code = function(module, "run", arguments, inner=False)
    n, p, g, table, offset, constants, fields, mask = code.arguments
    loops = _Loops(code, target, itemsize, n, {"constants": constants, "fields": fields})
    element = loops.vector.element
    slots = [
        table.load(pointer, number, pointer).at(offset, element)
        for number in range(len(outputs) - 1)
    ]
    places = [p.at(offset, element), *slots]
    loops.contiguous("p", places[0])
    loops.contiguous("g", g)
    for number, slot in enumerate(slots):
        loops.contiguous(f"slot{number}", slot)
    loops.inputs["mask"] = lambda: mask
    loops.shared(*outputs)
    with loops.vectors(n):
        new = [loops.emission.vector_of(output) for output in outputs]
        for place, value in zip(places, new, strict=True):
            place.store(value, loops.index)
    code.end()
    return _finished(target, module, numbers)


def _finished(target: Target, module: Any, numbers: np.ndarray) -> Pass:
    text = str(module)
    code = load(target, text, lambda: text)
    return Pass(code, code.address("run"), numbers)


class _Loops:
    """The loops of a pass, and where its inputs stand in them."""

    def __init__(
        self, code: Code, target: Target, itemsize: int, columns: Value, tables: dict[str, Value]
    ) -> None:
        self.code = code
        self.vector = ir.VectorType(float_type(itemsize), target.lanes(itemsize))
        self.inputs: dict[str, Callable[[], Value]] = {"columns": lambda: columns}
        self._columns = columns
        self.emission = Emission(
            code,
            self.vector,
            lambda name: self.inputs[name](),
            lambda table, index: tables[table].load(ir.DoubleType(), index),
        )
        self.index = self.row = self.column = columns  # set by the loops
        self.inputs["column"] = lambda: code.spread(
            code.cast(self.column, self.vector.element), self.vector.count
        )

    def shared(self, *outputs: Expression) -> None:
        self.emission.prepare_shared(*outputs)

    def vectors(self, n: Value) -> Any:
        """Loop over contiguous numbers, a vector at a time."""
        return _Setting(self, "index", self.code.loop(0, n, self.vector.count), ELEMENT)

    def rows(self, n: Value) -> Any:
        """Loop over rows, as many at a time as a vector has lanes."""
        return _Setting(self, "row", self.code.loop(0, n, self.vector.count), ROW)

    def columns(self) -> Any:
        return _Setting(self, "column", self.code.loop(0, self._columns), ELEMENT)

    def contiguous(self, name: str, place: Value) -> None:
        self.inputs[name] = lambda: place.load(self.vector, self.index)

    def per_row(self, name: str, place: Value) -> None:
        self.inputs[name] = lambda: place.load(self.vector, self.row)

    def lanes_of(self, name: str, place: Value, ld: Value) -> None:
        """Let an input be one column of as many rows as there are lanes."""
        code, element = self.code, self.vector.element
        starts = [place.at((self.row + lane) * ld, element) for lane in range(self.vector.count)]

        def gather() -> Value:
            vector = Value(code, ir.Constant(self.vector, ir.Undefined))
            for lane, start in enumerate(starts):
                vector = code.insert(vector, start.load(element, self.column), lane)
            return vector

        self.inputs[name] = gather

    def store_lanes(self, place: Value, ld: Value, output: Expression) -> None:
        value = self.emission.vector_of(output)
        for lane in range(self.vector.count):
            offset = (self.row + lane) * ld + self.column
            place.store(self.code.extract(value, lane), offset)

    def prepare(self, *outputs: Expression) -> None:
        """Write the shared numbers and the reductions that the outputs need."""
        self.emission.prepare_shared(*outputs)

        def at(column: Value) -> None:
            self.column = column

        self.emission.reduce(list(outputs), self._columns, at)
        self.emission.prepare(*outputs)


class _Setting:
    """A loop that tells the pass where it has got to."""

    def __init__(self, loops: _Loops, name: str, loop: Any, span: int) -> None:
        self._loops, self._name, self._loop, self._span = loops, name, loop, span

    def __enter__(self) -> None:
        setattr(self._loops, self._name, self._loop.__enter__())
        self._loops.emission.forget(self._span)

    def __exit__(self, *error: Any) -> Any:
        self._loops.emission.forget(self._span)
        return self._loop.__exit__(*error)
