"""Products of bfloat16 pairs, for steps whose products may be rounded (`vdpbf16ps` of x86).

Two bfloat16 numbers that are neighbours along the inner dimension of a product lie in the four
bytes of one float32. Pairs are moved, spread and tiled as numbers; one instruction multiplies a
pair by a pair and adds both products to a float32 sum.
"""

from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.kinds import NUMBERS, Address, Signature, whole
from chainrule.engines.compiled.narrow import turned
from chainrule.engines.compiled.tables import UnitRow
from chainrule.engines.compiled.target import Target, host_target
from chainrule.engines.compiled.values import Value
from chainrule.engines.compiled.writing import Code, Function, Module, function

__all__ = [
    "missing_for_rounding",
    "missing_here",
    "pair_product",
    "write_pairing",
    "write_weight_pairs",
]

_numbers = Address(NUMBERS)
_PAIRING = Signature(
    rows=whole, n=whole, x=_numbers, ld=whole, pairs=_numbers, row_pairs=_numbers, zeros=_numbers
)
_WEIGHT_PAIRS = Signature(unit=Address(UnitRow), strip=_numbers)


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


def write_pairing(module: Module) -> Function:
    """Write a block of rows of numbers as pairs.

    ``pairs`` are those of neighbours in a row, for products along the row, or null; ``row_pairs``
    are those of a row and the next one, for sums over the batch. What has no partner gets a 0.
    """
    element, lanes, vector = module.element, module.lanes, module.vector
    code = function(module, "pairing", _PAIRING)
    rows, n, x, ld, pairs, row_pairs, zeros = code.arguments(
        "rows", "n", "x", "ld", "pairs", "row_pairs", "zeros"
    )

    def write(low: Value, high: Value, row: Value, by_columns: bool) -> None:
        into = row_pairs.at((row >> 1) * ld, element)
        with code.loop(0, n, lanes, name="column") as column:
            one, two = (_rounded(code, source.load(vector, column)) for source in (low, high))
            into.store(_side_by_side(code, one, two), column)
            if by_columns:
                for i, rounded in enumerate((one, two)):
                    place = pairs.at((row + i) * (ld >> 1), element)
                    place.store(_neighbours(code, rounded), column >> 1)

    with code.loop(0, rows, 2, name="row") as row:
        low = x.at(row * ld, element)
        high = code.where(row + 1 < rows, x.at((row + 1) * ld, element), zeros)
        with code.choice(pairs.present) as (both, one_of_them):
            with both:
                write(low, high, row, True)
                # the last number of an odd row has padding beside it
                with code.when(n & 1 != 0):
                    for i in range(2):
                        last = pairs.at((row + i) * (ld >> 1) + (n >> 1), element)
                        bits = last.load(element).bits() & 0xFFFF
                        last.store(bits.float_of_bits(element))
            with one_of_them:
                write(low, high, row, False)
    code.end()
    return code.function


def write_weight_pairs(module: Module) -> Function:
    """Write a strip of a weight as pairs: of its rows, and of its columns for the transpose."""
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
                    # padding beside the last column may be anything
                    high = code.where(first + (i + 1) < n_out, outputs[i + 1], none)
                    pair_row = (first >> 1) + i // 2
                    start.store(paired(outputs[i], high), pair_row * width * lanes)
    code.end()
    return code.function
