"""Matrix products in registers: tiles of rows by vectors, as many as the processor can hold.

One tile computes C[i, :] = init[i, :] + sum over k of A[i, k] B[k, :], k in ascending order, each
number in one accumulator. So a number has the same bits whatever tile it falls into, and a sum may
be split between calls. Strides make the same code serve x W, dz W' and x' dz.
"""

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.values import (
    Value,
    Variable,
    float_type,
    function,
    pointer,
    whole,
)

__all__ = ["Products"]

# Depth of one sweep: so much of a panel stays in the first-level cache while rows go by.
DEPTH = 256


@dataclass(frozen=True)
class Products:
    """The product functions of a module.

    Attributes
    ----------
    across : function
        (m, vectors, k, a, a_row, b, panel_rows, init, init_row, c, c_row): A by rows, all panels
        of B.
    down : function
        (vectors, m, k, a, a_k, b, b_k, init, init_row, c, c_row): A by columns, one panel that
        lies in a wider matrix.
    """

    across: Any
    down: Any

    @classmethod
    def of(cls, module: Any, target: Target, itemsize: int) -> "Products":
        """Write the products into a module."""
        element = float_type(itemsize)
        return cls(
            _across(module, target, element, _strip(module, target, element, down=False)),
            _strip(module, target, element, down=True),
        )


def _tile(module: Any, target: Target, element: Any, rows: int, vectors: int, down: bool) -> Any:
    """Write a tile whose steps along k are known in A and B, or along the rows of A.

    One text for both would leave the addresses of six rows to chains of additions, as long as the
    arithmetic itself.
    """
    lanes = target.lanes(4 if isinstance(element, ir.FloatType) else 8)
    vector = ir.VectorType(element, lanes)
    arguments = [whole, pointer, whole, pointer, whole, pointer, whole, pointer, whole]
    code = function(module, f"tile_{rows}_{vectors}_{down}", arguments)
    k, a, a_step, b, b_step, init, init_row, c, c_row = code.arguments
    sums = [
        [
            Variable(code, init.at(init_row * i, element).load(vector, lanes * j))
            for j in range(vectors)
        ]
        for i in range(rows)
    ]
    b_k = b_step if down else lanes * vectors
    starts = [a.at(i if down else a_step * i, element) for i in range(rows)]
    at_a, at_b, at_k = Variable(code, a), Variable(code, b), Variable(code, code.value(0))

    def factor_at(i: int, ahead: int, place_a: Value) -> Value:
        if down:
            return place_a.load(element, i)
        return starts[i].at(at_k.get(), element).load(element, ahead)

    unroll = 2 if rows * vectors >= 8 else 4
    paired = k - (k & (unroll - 1))
    for start, stop, step in ((code.value(0), paired, unroll), (paired, k, 1)):
        with code.loop(start, stop, step):
            place_a, place_b = at_a.get(), at_b.get()
            for ahead in range(step):
                row = [place_b.load(vector, lanes * j) for j in range(vectors)]
                for i in range(rows):
                    factor = code.spread(factor_at(i, ahead, place_a), lanes)
                    for j in range(vectors):
                        sums[i][j].set(code.fused(factor, row[j], sums[i][j].get()))
                place_b = place_b.at(b_k, element)
                if down:
                    place_a = place_a.at(a_step, element)
            at_a.set(place_a)
            at_b.set(place_b)
            at_k.set(at_k.get() + step)
    for i in range(rows):
        for j in range(vectors):
            c.at(c_row * i, element).store(sums[i][j].get(), lanes * j)
    code.end()
    return code.function


def _strip(module: Any, target: Target, element: Any, down: bool) -> Any:
    """Write the loop over the rows of one panel: tiles of nearly equal height."""
    arguments = [whole, whole, whole, pointer, whole, pointer, whole]
    name = "down" if down else "strip"
    code = function(module, name, [*arguments, pointer, whole, pointer, whole])
    vectors, m, k, a, a_step, b, b_step, init, init_row, c, c_row = code.arguments
    itemsize = 4 if isinstance(element, ir.FloatType) else 8
    for width in code.cases(vectors, range(1, target.panel_vectors + 1)):
        highest = target.tile_rows(width, itemsize)
        tiles = {r: _tile(module, target, element, r, width, down) for r in range(1, highest + 1)}
        count = (m + (highest - 1)) // highest
        height = m // count
        higher = m - height * count
        place = Variable(code, code.value(0))
        with code.loop(0, count) as number:
            rows = code.where(number < higher, height + 1, height)
            row = place.get()
            place.set(row + rows)
            first = a.at(row if down else row * a_step, element)
            into = (init.at(row * init_row, element), init_row, c.at(row * c_row, element), c_row)
            for r in code.cases(rows, tiles):
                code.call(tiles[r], k, first, a_step, b, b_step, *into)
    code.end()
    return code.function


def _across(module: Any, target: Target, element: Any, strip: Any) -> Any:
    lanes = target.lanes(4 if isinstance(element, ir.FloatType) else 8)
    arguments = [whole, whole, whole, pointer, whole, pointer, whole]
    code = function(module, "across", [*arguments, pointer, whole, pointer, whole])
    m, vectors, k, a, a_row, b, panel_rows, init, init_row, c, c_row = code.arguments
    with code.loop(0, k, DEPTH) as done:
        depth = code.least(k - done, DEPTH)
        first = done == 0
        with code.loop(0, vectors, target.panel_vectors) as panel:
            width = code.least(vectors - panel, target.panel_vectors)
            column = panel * lanes
            into = c.at(column, element)
            code.call(
                strip,
                width,
                m,
                depth,
                a.at(done, element),
                a_row,
                b.at(column * panel_rows + done * width * lanes, element),
                width * lanes,
                code.where(first, init.at(column, element), into),
                code.where(first, init_row, c_row),
                into,
                c_row,
            )
    code.end()
    return code.function
