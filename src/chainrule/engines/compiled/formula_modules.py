"""Modules of formulas, written from their graphs: a function per formula block.

Loops have one of two shapes. Elementwise: along contiguous numbers. Row-wise, and every loss: each
lane of a vector is a row, and the loops go over the columns, so that a sum along a row needs no
shuffles. All buffers are padded to whole vectors; no result depends on what the padding holds.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.emission import Emission
from chainrule.engines.compiled.kinds import NUMBERS, Address, Signature, real
from chainrule.engines.compiled.subnormals import enclose
from chainrule.engines.compiled.tables import LOSS, UPDATE
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.values import Value
from chainrule.engines.compiled.writing import Code, Module, function
from chainrule.tracing.expressions import ELEMENT, ROW, Expression

__all__ = ["ALONE", "activation_module", "loss_module", "update_module"]

# The entry point of an activation for calls from Python.
ALONE = "run_alone"


def activation_module(
    target: Target, itemsize: int, signature: Signature, output: Expression
) -> Module:
    """Return the module of an activation, or of its pullback, into the last array of a signature.

    Kernels call "run"; from Python, `ALONE` is the same with flush-to-zero around it.
    """
    module = Module("activation", target, itemsize)
    code = function(module, "run", signature, inner=False)
    enclose(module, ALONE, code.function)
    rows, columns, ld, *places, fields = code.arguments(*signature.parameters)
    arrays = [name for name, kind in signature.parameters.items() if kind == Address(NUMBERS)]
    by_name = dict(zip(arrays, places, strict=True))
    loops = _Loops(code, columns, {"fields": fields})
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


def loss_module(target: Target, itemsize: int, value: Expression, gradient: Expression) -> Module:
    """Return the module of losses, and of their derivatives where there is room for them."""
    module = Module("loss", target, itemsize)
    code = function(module, "run", LOSS, inner=False)
    rows, columns, ld_s, s, ld_y, y, w, losses, ld_ds, ds, divisor, fields = code.arguments(
        "rows", "columns", "ld_s", "s", "ld_y", "y", "w", "losses", "ld_ds", "ds", "divisor",
        "fields",
    )  # fmt: skip
    with code.choice(~ds.present) as (without, full):
        for branch, outputs in ((without, [value]), (full, [value, gradient])):
            with branch:
                loops = _Loops(code, columns, {"fields": fields})
                loops.inputs["divisor"] = lambda: divisor
                with loops.rows(rows):
                    loops.lanes_of("s", s, ld_s)
                    loops.lanes_of("y", y, ld_y)
                    loops.per_row("w", w)
                    loops.prepare(*outputs)
                    reals = ir.VectorType(real, loops.vector.count)
                    row_losses = code.cast(loops.emission.vector_of(value), reals)
                    losses.store(row_losses, loops.row)
                    if len(outputs) == 2:
                        loops.emission.prepare(gradient)
                        with loops.columns():
                            loops.store_lanes(ds, ld_ds, gradient)
    code.end()
    return module


def update_module(target: Target, itemsize: int, outputs: list[Expression]) -> Module:
    """Return the module of an update: new parameters, and new numbers of each slot."""
    module = Module("update", target, itemsize)
    code = function(module, "run", UPDATE, inner=False)
    n, p, g, table, offset, constants, fields, mask = code.arguments(
        "n", "p", "g", "slots", "offset", "constants", "fields", "mask"
    )
    loops = _Loops(code, n, {"constants": constants, "fields": fields})
    element = module.element
    slots = [
        table.load(Address(NUMBERS), number).at(offset, element).named(f"slot_{number}")
        for number in range(len(outputs) - 1)
    ]
    places = [p.at(offset, element).named("p_of_unit"), *slots]
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
    """The loops of a pass, and its inputs at the position they have reached."""

    def __init__(self, code: Code, columns: Value, tables: dict[str, Value]) -> None:
        self.code = code
        self.vector = code.module.vector
        self.inputs: dict[str, Callable[[], Value]] = {"columns": lambda: columns}
        self._columns = columns
        self.emission = Emission(
            code,
            self.vector,
            lambda name: self.inputs[name](),
            lambda table, index: tables[table].load(real, index),
        )
        self.index = self.row = self.column = columns  # set by the loops
        self.inputs["column"] = lambda: code.spread(
            code.cast(self.column, self.vector.element), self.vector.count
        )

    def shared(self, *outputs: Expression) -> None:
        self.emission.prepare_shared(*outputs)

    def vectors(self, n: Value) -> Any:
        """Loop over contiguous numbers, a vector at a time."""
        loop = self.code.loop(0, n, self.vector.count, name="index")
        return _Setting(self, "index", loop, ELEMENT)

    def rows(self, n: Value) -> Any:
        """Loop over rows, as many at a time as a vector has lanes."""
        loop = self.code.loop(0, n, self.vector.count, name="row")
        return _Setting(self, "row", loop, ROW)

    def columns(self) -> Any:
        loop = self.code.loop(0, self._columns, name="column")
        return _Setting(self, "column", loop, ELEMENT)

    def contiguous(self, name: str, place: Value) -> None:
        self.inputs[name] = lambda: place.load(self.vector, self.index)

    def per_row(self, name: str, place: Value) -> None:
        self.inputs[name] = lambda: place.load(self.vector, self.row)

    def lanes_of(self, name: str, place: Value, ld: Value) -> None:
        """Let an input be one column of as many rows as there are lanes."""
        code, element = self.code, self.vector.element
        starts = [
            place.at((self.row + lane) * ld, element).named(f"{name}_{lane}")
            for lane in range(self.vector.count)
        ]

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
    """A loop that tells the pass its position."""

    def __init__(self, loops: _Loops, name: str, loop: Any, span: int) -> None:
        self._loops, self._name, self._loop, self._span = loops, name, loop, span

    def __enter__(self) -> None:
        setattr(self._loops, self._name, self._loop.__enter__())
        self._loops.emission.forget(self._span)

    def __exit__(self, *error: Any) -> Any:
        self._loops.emission.forget(self._span)
        return self._loop.__exit__(*error)
