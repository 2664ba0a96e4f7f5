"""Products of layers with few outputs, where vectors of outputs would be mostly padding.

Here a lane is a row of the batch. A number is the same sum in the same order as in a tile, and so
has the same bits.
"""

from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.tables import PRODUCT
from chainrule.engines.compiled.values import Value, Variable
from chainrule.engines.compiled.writing import Code, Function, Module, function

__all__ = ["is_narrow", "most_outputs", "turned", "write_narrow"]


# At four outputs and eight lanes, a step takes the same time with either product.
MOST_OUTPUTS = 4


def most_outputs(lanes: int) -> int:
    """Return the most outputs of a narrow layer."""
    return min(lanes // 2, MOST_OUTPUTS)


def is_narrow(n_out: Value, lanes: int) -> Value:
    """Return whether outputs are few, and fill no more than half a vector."""
    return n_out <= most_outputs(lanes)


def turned(code: Code, places: list[Value], element: Any) -> list[Value]:
    """Transpose a square, a row at each address, by swapping squares of halving size.

    The largest are swapped as they are loaded, which costs less than to move halves of registers.
    """
    lanes = len(places)
    size = lanes // 2
    half = ir.VectorType(element, size)
    rows = [
        code.shuffle(one.load(half, start), two.load(half, start), range(lanes))
        for start in (0, size)
        for one, two in zip(places[:size], places[size:], strict=True)
    ]
    size //= 2
    while size:
        swapped = list(rows)
        for i in range(lanes):
            if i & size:
                continue
            one, two = rows[i], rows[i + size]
            low = [j if not j & size else lanes + j - size for j in range(lanes)]
            high = [j + size if not j & size else lanes + j for j in range(lanes)]
            swapped[i] = code.shuffle(one, two, low)
            swapped[i + size] = code.shuffle(one, two, high)
        rows = swapped
        size //= 2
    return rows


def write_narrow(module: Module) -> Function:
    """Write a W + b with W in one panel.

    Rows up to the next whole vector are read and written too.
    """
    element, lanes, vector = module.element, module.lanes, module.vector
    code = function(module, "narrow_forward", PRODUCT)
    rows, n_out, k, a, a_row, w, bias, c, c_row = code.arguments(
        "rows", "n_out", "k", "a", "a_row", "w", "bias", "c", "c_row"
    )
    squares = k - (k & (lanes - 1))
    for count in code.cases(n_out, range(1, most_outputs(lanes) + 1)):
        with code.loop(0, rows, lanes, name="row") as row:
            starts = [
                a.at((row + lane) * a_row, element).named(f"a_{lane}") for lane in range(lanes)
            ]
            sums = [
                Variable(code, code.spread(bias.load(element, j), lanes), f"sum_{j}")
                for j in range(count)
            ]

            def add(inputs: Value, i: Value, sums: list[Variable] = sums) -> None:
                for j, total in enumerate(sums):
                    factor = code.spread(w.load(element, i * lanes + j), lanes)
                    total.set(code.fused(inputs, factor, total.get()))

            with code.loop(0, squares, lanes, name="first") as first:
                places = [start.at(first, element) for start in starts]
                for lane, inputs in enumerate(turned(code, places, element)):
                    add(inputs, first + lane)
            with code.loop(squares, k, name="input") as i:
                inputs = Value(code, ir.Constant(vector, ir.Undefined))
                for lane, start in enumerate(starts):
                    inputs = code.insert(inputs, start.load(element, i), lane)
                add(inputs, i)
            for j, total in enumerate(sums):
                for lane in range(lanes):
                    value = code.extract(total.get(), lane)
                    c.store(value, (row + lane) * c_row + j)
    code.end()
    return code.function
