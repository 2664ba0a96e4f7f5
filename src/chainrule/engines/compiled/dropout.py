"""The masks of `chainrule.model.dropout` as vector code: hashed where they act, never stored."""

from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.tables import LayerRow, field, place
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.values import Code, Value, float_type, function, pointer, whole
from chainrule.model.dropout import MIX

__all__ = ["KEYS", "call_drop", "write_drop"]

# Integers that a step has for each layer: the two keys.
KEYS = 2
_small = ir.IntType(32)


def write_drop(module: Any, target: Target, itemsize: int) -> Any:
    """Write (rows, units, ld, row, from, to, keys, threshold, scale): kept units times the scale.

    ``row`` is the place of the first row in its batch.
    """
    element, lanes = float_type(itemsize), target.lanes(itemsize)
    arguments = [whole, whole, whole, whole, pointer, pointer, pointer, whole, ir.DoubleType()]
    code = function(module, "drop", arguments)
    rows, units, ld, row, source, to, keys, threshold, scale = code.arguments
    vector, numbers = ir.VectorType(element, lanes), ir.VectorType(_small, lanes)
    lane = Value(code, ir.Constant(numbers, list(range(lanes))))
    one, two = (code.spread(code.cast(keys.load(whole, i), _small), lanes) for i in range(KEYS))
    lowest = code.spread(code.cast(threshold, _small), lanes)
    factor = code.spread(code.cast(scale, element), lanes)
    with code.loop(0, rows) as i:
        first = (row + i) * units
        read, write = source.at(i * ld, element), to.at(i * ld, element)
        # what the last vector holds beyond the units is padding
        with code.loop(0, units, lanes) as j:
            number = lane + code.spread(code.cast(first + j, _small), lanes)
            drawn = _mixed(code, _mixed(code, number ^ one) ^ two)
            kept = _right(code, drawn, 1) >= lowest
            write.store(code.where(kept, factor * read.load(vector, j), 0.0), j)
    code.end()
    return code.function


def _mixed(code: Code, x: Value) -> Value:
    first, one, second, two, third = MIX
    x = (x ^ _right(code, x, first)) * _signed(one)
    x = (x ^ _right(code, x, second)) * _signed(two)
    return x ^ _right(code, x, third)


def _right(code: Code, x: Value, bits: int) -> Value:
    """Shift to the right, zeros coming in."""
    return Value(code, code.builder.lshr(x.ir, code.value(bits, x.type).ir))


def _signed(number: int) -> int:
    return number - 2**32 if number >= 2**31 else number


def call_drop(
    code: Code,
    drop: Any,
    layer: Value,
    number: Value,
    row: Value,
    rows: Value,
    keys: Value,
    source: Value,
    to: Value,
) -> None:
    """Drop units of layer ``number``; its keys are behind those of the layers before it."""
    code.call(
        drop,
        rows,
        field(code, layer, LayerRow.n_out),
        field(code, layer, LayerRow.ld),
        row,
        source,
        to,
        keys.at(number * KEYS, whole),
        field(code, layer, LayerRow.threshold),
        place(code, layer, LayerRow.scale_at).load(ir.DoubleType()),
    )
