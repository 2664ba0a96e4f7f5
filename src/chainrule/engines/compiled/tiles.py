"""Matrix products in registers: tiles of rows by vectors, as many as the processor can hold.

One tile computes C[i, :] = init[i, :] + sum over k of A[i, k] B[k, :], k in ascending order, each
number in one accumulator. So a number has the same bits whatever tile it falls into, and a sum may
be split between calls. Strides make the same code serve x W, dz W' and x' dz.
"""

from dataclasses import dataclass, replace

from chainrule.engines.compiled.kinds import NUMBERS, Address, Signature, whole
from chainrule.engines.compiled.matrix_registers import write_matrix_products
from chainrule.engines.compiled.rounding import Rounding, pair_product
from chainrule.engines.compiled.values import Value, Variable
from chainrule.engines.compiled.writing import Code, Function, Module, function

__all__ = ["Products"]

# Depth of one sweep: so much of a panel stays in the first-level cache while rows go by.
DEPTH = 256

_numbers = Address(NUMBERS)
# B has steps of its own along k only in a tile that goes down A; else it is one panel.
_TILE = Signature(
    k=whole,
    a=_numbers,
    a_step=whole,
    b=_numbers,
    b_step=whole,
    init=_numbers,
    init_row=whole,
    c=_numbers,
    c_row=whole,
)
_STRIP = Signature(vectors=whole, m=whole, **_TILE.parameters)
_ACROSS = Signature(
    m=whole,
    vectors=whole,
    k=whole,
    a=_numbers,
    a_row=whole,
    b=_numbers,
    panel_rows=whole,
    init=_numbers,
    init_row=whole,
    c=_numbers,
    c_row=whole,
)


@dataclass(frozen=True)
class Products:
    """The product functions of a module.

    Attributes
    ----------
    across : Function
        A by rows, all panels of B.
    down : Function
        A by columns, one panel that lies in a wider matrix.
    pairs : Products or None
        The same of pairs of bfloat16; None where no product may be rounded.
    rounding : Rounding or None
        How pairs are multiplied. In matrix registers, the A of ``down`` lies by rows, too.
    """

    across: Function
    down: Function
    pairs: "Products | None" = None
    rounding: Rounding | None = None

    @classmethod
    def of(cls, module: Module, rounding: Rounding | None = None) -> "Products":
        """Write the products into a module."""
        down, across = (_strip(module, down, pairs=False) for down in (True, False))
        products = cls(_across(module, across, ""), down)
        if rounding is None:
            return products
        if rounding is Rounding.matrices:
            across, down = write_matrix_products(module, _ACROSS, _STRIP)
            pairs = cls(across, down, rounding=rounding)
            return replace(products, pairs=pairs, rounding=rounding)
        down, across = (_strip(module, down, pairs=True) for down in (True, False))
        pairs = cls(_across(module, across, "_pairs"), down, rounding=rounding)
        return replace(products, pairs=pairs, rounding=rounding)


def _tile(module: Module, rows: int, vectors: int, down: bool, pairs: bool) -> Function:
    """Write a tile whose steps along k are known in A and B, or along the rows of A.

    One text for both would leave the addresses of six rows to chains of additions, as long as the
    arithmetic itself.
    """
    element, lanes, vector = module.element, module.lanes, module.vector
    kind = "_pairs" if pairs else ""
    code = function(module, f"tile_{rows}_{vectors}_{down}{kind}", _TILE)
    product = pair_product if pairs else Code.fused
    k, a, a_step, b, b_step, init, init_row, c, c_row = code.arguments(
        "k", "a", "a_step", "b", "b_step", "init", "init_row", "c", "c_row"
    )
    sums = [
        [
            Variable(
                code,
                init.at(init_row * i, element).load(vector, lanes * j),
                f"sum_{i}_{j}",
            )
            for j in range(vectors)
        ]
        for i in range(rows)
    ]
    b_k = b_step if down else lanes * vectors
    starts = [a.at(i if down else a_step * i, element).named(f"a_{i}") for i in range(rows)]
    at_a, at_b = Variable(code, a, "at_a"), Variable(code, b, "at_b")
    at_k = Variable(code, code.value(0), "at_k")

    def factor_at(i: int, ahead: int, place_a: Value) -> Value:
        if down:
            return place_a.load(element, i)
        return starts[i].at(at_k.get(), element).load(element, ahead)

    unroll = 2 if rows * vectors >= 8 else 4
    paired = k - (k & (unroll - 1))
    for start, stop, step in ((code.value(0), paired, unroll), (paired, k, 1)):
        with code.loop(start, stop, step, name="k"):
            place_a, place_b = at_a.get(), at_b.get()
            for ahead in range(step):
                row = [place_b.load(vector, lanes * j).named(f"b_{j}") for j in range(vectors)]
                for i in range(rows):
                    factor = code.spread(factor_at(i, ahead, place_a), lanes)
                    for j in range(vectors):
                        sums[i][j].set(product(code, factor, row[j], sums[i][j].get()))
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


def _strip(module: Module, down: bool, pairs: bool) -> Function:
    """Write the loop over the rows of one panel: tiles of nearly equal height."""
    target, element = module.target, module.element
    kind = "_pairs" if pairs else ""
    code = function(module, ("down" if down else "strip") + kind, _STRIP)
    vectors, m, k, a, a_step, b, b_step, init, init_row, c, c_row = code.arguments(
        "vectors", "m", "k", "a", "a_step", "b", "b_step", "init", "init_row", "c", "c_row"
    )
    for width in code.cases(vectors, range(1, target.panel_vectors + 1)):
        highest = target.tile_rows(width, module.itemsize)
        tiles = {r: _tile(module, r, width, down, pairs) for r in range(1, highest + 1)}
        count = (m + (highest - 1)) // highest
        height = m // count
        higher = m - height * count
        next_row = Variable(code, code.value(0), "next_row")
        with code.loop(0, count, name="tile") as number:
            rows = code.where(number < higher, height + 1, height)
            row = next_row.get()
            next_row.set(row + rows)
            first = a.at(row if down else row * a_step, element).named("a_of_tile")
            init_of_tile = init.at(row * init_row, element).named("init_of_tile")
            c_of_tile = c.at(row * c_row, element).named("c_of_tile")
            for r in code.cases(rows, tiles):
                code.call(
                    tiles[r],
                    k=k,
                    a=first,
                    a_step=a_step,
                    b=b,
                    b_step=b_step,
                    init=init_of_tile,
                    init_row=init_row,
                    c=c_of_tile,
                    c_row=c_row,
                )
    code.end()
    return code.function


def _across(module: Module, strip: Function, kind: str) -> Function:
    """Write the loop over panels of B, a sweep of k at a time."""
    lanes, element, widest = module.lanes, module.element, module.target.panel_vectors
    code = function(module, f"across{kind}", _ACROSS)
    m, vectors, k, a, a_row, b, panel_rows, init, init_row, c, c_row = code.arguments(
        "m", "vectors", "k", "a", "a_row", "b", "panel_rows", "init", "init_row", "c", "c_row"
    )
    with code.loop(0, k, DEPTH, name="done") as done:
        depth = code.least(k - done, DEPTH)
        first = done == 0
        with code.loop(0, vectors, widest, name="panel") as panel:
            width = code.least(vectors - panel, widest)
            column = panel * lanes
            into = c.at(column, element).named("c_of_panel")
            code.call(
                strip,
                vectors=width,
                m=m,
                k=depth,
                a=a.at(done, element),
                a_step=a_row,
                b=b.at(column * panel_rows + done * width * lanes, element),
                b_step=width * lanes,
                init=code.where(first, init.at(column, element), into),
                init_row=code.where(first, init_row, c_row),
                c=into,
                c_row=c_row,
            )
    code.end()
    return code.function
