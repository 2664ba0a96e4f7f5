"""Modules of formulas, written from their graphs: a function per formula block.

Two shapes of loops. Elementwise: along contiguous numbers. Row-wise, and every loss: each lane of a
vector is a row, and the loops go over the columns, so that a sum along a row needs no shuffles.
All buffers are padded to whole vectors; what the padding holds is never read by anyone.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.emission import Emission
from chainrule.engines.compiled.subnormals import enclose
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.values import Code, Value, float_type, function, pointer, whole
from chainrule.tracing.expressions import ELEMENT, ROW, Expression

__all__ = ["ALONE", "activation_module", "loss_module", "update_module"]

# The entry point of an activation for calls from Python.
ALONE = "run_alone"


def activation_module(
    target: Target, itemsize: int, arrays: tuple[str, ...], output: Expression
) -> Any:
    """Return the module of an activation, or of its pullback, into the last of the arrays.

    Kernels call "run"; from Python, `ALONE` is the same with flush-to-zero around it.
    """
    module = ir.Module("activation")
    arguments = [whole, whole, whole, *[pointer] * len(arrays), pointer]
    code = function(module, "run", arguments, inner=False)
    enclose(module, ALONE, code.function)
    rows, columns, ld, *places, fields = code.arguments
    by_name = dict(zip(arrays, places, strict=True))
    loops = _Loops(code, target, itemsize, columns, {"fields": fields})
    if output.level:  # it needs a sum or a maximum along rows
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
    return module


def loss_module(target: Target, itemsize: int, value: Expression, gradient: Expression) -> Any:
    """Return the module of losses, and of their derivatives where there is room for them."""
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
    return module


def update_module(target: Target, itemsize: int, outputs: list[Expression]) -> Any:
    """Return the module of an update: new parameters, and new numbers of each slot."""
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
    return module


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
