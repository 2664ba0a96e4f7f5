"""Products of bfloat16 pairs, for steps whose products may be rounded (`vdpbf16ps` of x86).

Two bfloat16 numbers that are neighbours along the inner dimension of a product lie in the four
bytes of one float32. Pairs are moved, spread and tiled as numbers; one instruction multiplies a
pair by a pair and adds both products to a float32 sum.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.kinds import NUMBERS, Address, Signature, whole
from chainrule.engines.compiled.matrix_registers import SIDE, has_matrix_registers
from chainrule.engines.compiled.memory import row_distance
from chainrule.engines.compiled.narrow import turned
from chainrule.engines.compiled.tables import UnitRow
from chainrule.engines.compiled.target import Target, host_target
from chainrule.engines.compiled.values import Value
from chainrule.engines.compiled.writing import Code, Function, Module, function

__all__ = [
    "Pairing",
    "Rounding",
    "missing_for_rounding",
    "missing_here",
    "pair_product",
    "rounding_of",
    "rows_together",
]

_numbers = Address(NUMBERS)
_PAIRING = Signature(
    rows=whole,
    n=whole,
    x=_numbers,
    ld=whole,
    pairs=_numbers,
    pairs_ld=whole,
    row_pairs=_numbers,
    zeros=_numbers,
)
_TURNING = Signature(
    rows=whole, n=whole, x=_numbers, ld=whole, into=_numbers, into_ld=whole, zeros=_numbers
)
_WEIGHT_PAIRS = Signature(unit=Address(UnitRow), strip=_numbers)


class Rounding(Enum):
    """The registers that multiply pairs, and with them the order of sums and the operands' form."""

    vectors = "vectors"
    matrices = "matrices"

    @property
    def rows(self) -> int:
        """Rows of a batch that lie together in an operand, with zeros where the batch has ended."""
        return 2 * SIDE if self is Rounding.matrices else 2

    def pairs(self, columns: int) -> int:
        """Return how many pairs an operand has along an inner dimension of so many numbers."""
        side = self.rows // 2
        return -(-columns // (2 * side)) * side

    def distance(self, columns: int, ld: int) -> int:
        """Return the distance of the rows of pairs of a matrix whose own rows are ``ld`` apart."""
        return ld // 2 if self is Rounding.vectors else row_distance(self.pairs(columns), SIDE, 4)

    def turned_distance(self, rows: int) -> int:
        """Return the distance of columns whose pairs of rows lie side by side; 0 where none do."""
        return 0 if self is Rounding.vectors else row_distance(self.pairs(rows), SIDE, 4)


def rows_together(rounding: Rounding | None, lanes: int) -> int:
    """Return of what number the rows of a block, and of the buffers of a batch, are multiples."""
    return lanes if rounding is None else max(lanes, rounding.rows)


def rounding_of(target: Target) -> Rounding:
    """Return how a processor with products in bfloat16 computes them."""
    return Rounding.matrices if has_matrix_registers(target) else Rounding.vectors


class _BFloat(ir.Type):  # type: ignore[misc]
    """LLVM's bfloat, which llvmlite has no name for."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


def missing_for_rounding(target: Target) -> str | None:
    """Return, in a sentence, what a processor lacks for products in bfloat16; None if nothing."""
    has = "+avx512bf16" in target.features.split(",") and target.family == "x86"
    if not has:
        return "This processor has no instructions for products in bfloat16 (avx512_bf16)."
    if target.vector_bytes < 32:
        return "Products in bfloat16 need vectors of 256 or 512 bits."
    return None


def missing_here() -> str | None:
    """Return, in a sentence, what this processor lacks for products in bfloat16."""
    return missing_for_rounding(host_target())


def _call(code: Code, name: str, result: Any, *values: Any) -> Any:
    bits = 8 * code.module.target.vector_bytes
    types = [value.type for value in values]
    known = code.declared(f"llvm.x86.avx512bf16.{name}.{bits}", types, result)
    return code.builder.call(known, list(values))


def pair_product(code: Code, one: Value, two: Value, total: Value) -> Value:
    """Return total + the products of two vectors of pairs."""
    pairs = ir.VectorType(_BFloat(), 2 * total.type.count)
    operands = [code.builder.bitcast(value.ir, pairs) for value in (one, two)]
    return Value(code, _call(code, "dpbf16ps", total.type, total.ir, *operands))


def _rounded(code: Code, numbers: Value) -> Value:
    """Return the nearest bfloat16 of each number, ties to even, as 16 bits."""
    count = numbers.type.count
    made = _call(code, "cvtneps2bf16", ir.VectorType(_BFloat(), count), numbers.ir)
    return Value(code, code.builder.bitcast(made, ir.VectorType(ir.IntType(16), count)))


def _side_by_side(code: Code, low: Value, high: Value) -> Value:
    """Return the pairs (low, high) of two rounded vectors as a vector of numbers."""
    count = low.type.count
    order = [lane for i in range(count) for lane in (i, count + i)]
    mixed = code.shuffle(low, high, order)
    return Value(code, code.builder.bitcast(mixed.ir, ir.VectorType(code.element, count)))


def _neighbours(code: Code, rounded: Value) -> Value:
    """Return the pairs of neighbours in a rounded vector: half as many numbers."""
    half = ir.VectorType(code.element, rounded.type.count // 2)
    return Value(code, code.builder.bitcast(rounded.ir, half))


@dataclass(frozen=True)
class Pairing:
    """The functions that write operands as pairs.

    Attributes
    ----------
    rows : Function
        A block of rows: neighbours in a row, and rows with the next one.
    columns : Function or None
        A block of rows with the next one, those of a column side by side; None where products do
        not want them so.
    weights : Function
        A strip of a weight, and of its transpose.
    """

    rows: Function
    columns: Function | None
    weights: Function

    @classmethod
    def of(cls, module: Module, rounding: Rounding) -> "Pairing":
        """Write the functions into a module."""
        columns = _turning(module) if rounding is Rounding.matrices else None
        return cls(_pairing(module, rounding), columns, _weight_pairs(module))


def _first_lanes(code: Code, numbers: Value, count: Value) -> Value:
    """Return the first lanes of a vector, and zeros."""
    lanes = numbers.type.count
    kind = ir.VectorType(whole, lanes)
    order = Value(code, ir.Constant(kind, [ir.Constant(whole, i) for i in range(lanes)]))
    return code.where(order < count, numbers, 0.0)


def _pairing(module: Module, rounding: Rounding) -> Function:
    """Write a block of rows of numbers as pairs.

    ``pairs`` are those of neighbours in a row, for products along the row, or null; ``row_pairs``
    are those of a row and the next one, for sums over the batch, or null. What has no partner gets
    a 0. Matrix registers read whole squares: for them zeros follow each row, and the last one.
    """
    element, lanes, vector = module.element, module.lanes, module.vector
    code = function(module, "pairing", _PAIRING)
    rows, n, x, ld, pairs, pairs_ld, row_pairs, zeros = code.arguments(
        "rows", "n", "x", "ld", "pairs", "pairs_ld", "row_pairs", "zeros"
    )
    ends = (rows + (rounding.rows - 1)) // rounding.rows * rounding.rows
    full = n - (n & (lanes - 1))
    columns = (n + (lanes - 1)) // lanes * lanes

    def source(row: Value) -> Value:
        return code.where(row < rows, x.at(row * ld, element), zeros)

    def write(
        low: Value, high: Value, column: Value, into: Value | None, places: list[Value]
    ) -> None:
        one, two = _rounded(code, low), _rounded(code, high)
        if into is not None:
            into.store(_side_by_side(code, one, two), column)
        for place, rounded in zip(places, (one, two), strict=False):
            place.store(_neighbours(code, rounded), column >> 1)

    def write_rows(along: bool, across: bool) -> None:
        with code.loop(0, ends, 2, name="row") as row:
            low, high = source(row), source(row + 1)
            into = row_pairs.at((row >> 1) * ld, element) if across else None
            places = [pairs.at((row + i) * pairs_ld, element) for i in range(2 * along)]
            with code.loop(0, full, lanes, name="column") as column:
                one, two = (place.load(vector, column) for place in (low, high))
                write(one, two, column, into, places)
            with code.when(full < n):
                one, two = (
                    _first_lanes(code, place.load(vector, full), n - full) for place in (low, high)
                )
                write(one, two, full, into, places)
            if along and rounding is Rounding.matrices:
                # the second half of a square
                with code.when(columns & lanes != 0):
                    nothing = code.value(0.0, ir.VectorType(element, lanes // 2))
                    for place in places:
                        place.store(nothing, columns >> 1)

    for along, across in ((True, True), (True, False), (False, True)):
        with code.when((pairs.present == along) & (row_pairs.present == across)):
            write_rows(along, across)
    code.end()
    return code.function


def _turning(module: Module) -> Function:
    """Write a block of rows as pairs of a row and the next one, those of a column side by side."""
    element, lanes, vector = module.element, module.lanes, module.vector
    code = function(module, "turning", _TURNING)
    rows, n, x, ld, into, into_ld, zeros = code.arguments(
        "rows", "n", "x", "ld", "into", "into_ld", "zeros"
    )
    with code.builder.goto_entry_block():
        square = code.builder.alloca(vector, size=ir.Constant(whole, lanes), name="square")
    square.align = 64
    places = [Value(code, square, _numbers).at(lanes * i, element) for i in range(lanes)]

    with code.loop(0, rows, 2 * lanes, name="row") as row:
        sources = [
            code.where(row + i < rows, x.at((row + i) * ld, element), zeros)
            for i in range(2 * lanes)
        ]
        with code.loop(0, n, lanes, name="column") as column:
            for i, place in enumerate(places):
                low, high = (
                    _rounded(code, sources[2 * i + j].load(vector, column)) for j in range(2)
                )
                place.store(_side_by_side(code, low, high))
            for i, pairs in enumerate(turned(code, places, element)):
                into.at((column + i) * into_ld + (row >> 1), element).store(pairs)
    code.end()
    return code.function


def _weight_pairs(module: Module) -> Function:
    """Write a strip of a weight as pairs: of its rows, and of its columns for the transpose.

    Padding beside the last column may be anything; pairs of columns that are padding are zeros.
    """
    element, lanes, vector = module.element, module.lanes, module.vector
    widest = module.target.panel_vectors
    code = function(module, "weight_pairs", _WEIGHT_PAIRS)
    unit, strip = code.arguments("unit", "strip")
    vectors, rows, n_out = unit[UnitRow.vectors], unit[UnitRow.rows], unit[UnitRow.n_out]
    none = code.value(0.0, vector)

    def paired(low: Value, high: Value) -> Value:
        return _side_by_side(code, _rounded(code, low), _rounded(code, high))

    into = unit[UnitRow.weight_pairs_at]
    with code.loop(0, rows, 2, name="row") as row:
        there = row + 1 < rows
        with code.loop(0, vectors, name="column") as column:
            low, high = (
                strip.at(((row + i) * vectors + column) * lanes, element).load(vector)
                for i in range(2)
            )
            pair = paired(low, code.where(there, high, none))
            into.store(pair, ((row >> 1) * vectors + column) * lanes)
    with code.when(unit[UnitRow.transposed_at].present):
        first_vector = unit[UnitRow.first] // lanes
        squares = (rows + (lanes - 1)) // lanes
        with code.loop(0, squares, name="square") as square:
            at = first_vector + square
            across = at // widest * widest
            width = code.least(unit[UnitRow.vectors_in] - across, widest)
            panel_rows = unit[UnitRow.transposed_rows]
            place = (across * panel_rows + (at - across)) * lanes
            start = unit[UnitRow.transposed_at].at(place, element)
            with code.loop(0, vectors, name="column") as column:
                places = [
                    strip.at(((square * lanes + i) * vectors + column) * lanes, element)
                    for i in range(lanes)
                ]
                first = unit[UnitRow.first_column] + column * lanes
                outputs = turned(code, places, element)
                for i in range(0, lanes, 2):
                    low, high = (
                        code.where(first + (i + j) < n_out, outputs[i + j], none) for j in range(2)
                    )
                    pair_row = (first >> 1) + i // 2
                    start.store(paired(low, high), pair_row * width * lanes)
    code.end()
    return code.function
