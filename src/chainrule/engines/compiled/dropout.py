"""The masks of `chainrule.model.dropout` as vector code: hashed where they act, never stored."""

from llvmlite import ir

from chainrule.engines.compiled.kinds import NUMBERS, Address, Signature, real, small, whole
from chainrule.engines.compiled.tables import LayerRow
from chainrule.engines.compiled.values import Value
from chainrule.engines.compiled.writing import Code, Function, Module, function
from chainrule.model.dropout import MIX

__all__ = ["KEYS", "call_drop", "write_drop"]

# Integers that a step has for each layer: the two keys.
KEYS = 2
# `row` is the number of the first row in its batch.
_DROP = Signature(
    rows=whole,
    n_out=whole,
    ld=whole,
    row=whole,
    source=Address(NUMBERS),
    into=Address(NUMBERS),
    keys=Address(whole),
    threshold=whole,
    scale=real,
)


def write_drop(module: Module) -> Function:
    """Write the loop over the outputs of a layer: kept ones times the scale, 0 for the others."""
    element, lanes, vector = module.element, module.lanes, module.vector
    code = function(module, "drop", _DROP)
    rows, n_out, ld, row, source, into, keys, threshold, scale = code.arguments(
        "rows", "n_out", "ld", "row", "source", "into", "keys", "threshold", "scale"
    )
    numbers = ir.VectorType(small, lanes)
    lane = Value(code, ir.Constant(numbers, list(range(lanes))))
    one, two = (code.spread(code.cast(keys.load(whole, i), small), lanes) for i in range(KEYS))
    lowest = code.spread(code.cast(threshold, small), lanes)
    factor = code.spread(code.cast(scale, element), lanes)
    with code.loop(0, rows, name="row") as i:
        first = (row + i) * n_out
        read, write = source.at(i * ld, element), into.at(i * ld, element)
        # the last vector ends in padding
        with code.loop(0, n_out, lanes, name="column") as j:
            number = lane + code.spread(code.cast(first + j, small), lanes)
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
    drop: Function,
    layer: Value,
    number: Value,
    *,
    row: Value,
    rows: Value,
    keys: Value,
    source: Value,
    into: Value,
) -> None:
    """Drop outputs of layer ``number``; its keys are behind those of the layers before it."""
    code.call(
        drop,
        rows=rows,
        n_out=layer[LayerRow.n_out],
        ld=layer[LayerRow.ld],
        row=row,
        source=source,
        into=into,
        keys=keys.at(number * KEYS, whole),
        threshold=layer[LayerRow.threshold],
        scale=layer[LayerRow.scale_at].load(real),
    )
