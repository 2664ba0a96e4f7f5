"""The first phase of a step: a block of rows through all layers, its loss, and back to every dz."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.dropout import call_drop, write_drop
from chainrule.engines.compiled.few_rows import write_direct, write_direct_entries
from chainrule.engines.compiled.narrow import is_narrow, write_narrow
from chainrule.engines.compiled.nonzeros import Nonzeros
from chainrule.engines.compiled.parts import Part, mark
from chainrule.engines.compiled.tables import Job, LayerRow, field, place
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.tiles import Products
from chainrule.engines.compiled.values import Code, Value, float_type, function, pointer, whole

__all__ = ["STRIP_ROWS", "RowPhase", "copy"]

# Inputs that the second phase takes together: a multiple of every vector length, and of the height
# of most tiles.
STRIP_ROWS = 48
# How many rows ahead one is asked for: a step of 20-64-64-2 at 256 rows takes 0.96 of the time.
AHEAD = 3


@dataclass(frozen=True)
class RowPhase:
    """The functions of the first phase.

    Attributes
    ----------
    forward : function
        (job, layers, row, rows, first, keys): inputs of the rows ``first``, ... of the order, and
        every z and a, into row ``row``, ... of the buffers; ``keys`` are those of dropout.
    forward_direct : function
        The same for a few rows, with weights that are not in panels.
    targets : function
        (job, row, rows, first): the targets and weights of these rows.
    losses : function
        (job, layers, row, target row, loss row, rows, divisor, scratch): weighted losses, each
        array from its own row on; derivatives by the scores, unless scratch is null.
    backward : function
        (job, layers, row, rows, scratch, keys): every dz, from the derivatives by the scores; and
        copies of wide inputs and dz, ordered for the second phase.
    """

    forward: Any
    forward_direct: Any
    targets: Any
    losses: Any
    backward: Any

    @classmethod
    def of(
        cls, module: Any, target: Target, itemsize: int, products: Products, nonzeros: Nonzeros
    ) -> "RowPhase":
        """Write the functions into a module."""
        element = float_type(itemsize)
        lanes = target.lanes(itemsize)
        drop = write_drop(module, target, itemsize)
        narrow = write_narrow(module, target, itemsize)
        direct = write_direct(module, target, itemsize)
        entries = write_direct_entries(module, target, itemsize)

        def panels(code: Code, job: Value, layer: Value, row: Value, rows: Value) -> None:
            with code.choice(field(code, layer, LayerRow.starts_at) != 0) as (few, all_of_them):
                with few:
                    code.call(nonzeros.product, layer, row, rows)
                with all_of_them:
                    _panel_product(code, element, lanes, products, narrow, layer, row, rows)

        def flat(code: Code, job: Value, layer: Value, row: Value, rows: Value) -> None:
            _direct_product(code, element, direct, job, layer, row, rows)

        def forward(name: str, product: Callable[..., None]) -> Any:
            return _forward(module, element, drop, name, product, nonzeros.collect, entries)

        return cls(
            forward("forward", panels),
            forward("forward_direct", flat),
            _targets(module, element, lanes),
            _losses(module, element, lanes),
            _backward(module, target, element, products, drop),
        )


def layer_row(layers: Value, number: Any) -> Value:
    """Return the row of a layer."""
    return layers.at(number * len(LayerRow), whole)


def ordered(code: Code, job: Value, number: Value) -> Value:
    """Return which row of the data comes at a place of the order."""
    order = place(code, job, Job.order_at)
    known = order == code.address(code.value(0))
    with code.builder.if_else(known.ir) as (identity, listed):
        with identity:
            one = code.builder.block
        with listed:
            found = order.load(whole, number)
            two = code.builder.block
    phi = code.builder.phi(whole)
    phi.add_incoming(number.ir, one)
    phi.add_incoming(found.ir, two)
    return Value(code, phi)


def _forward(
    module: Any,
    element: Any,
    drop: Any,
    name: str,
    product: Callable[..., None],
    collect: Any,
    entries: Any,
) -> Any:
    code = function(module, name, [pointer, pointer, whole, whole, whole, pointer])
    job, layers, row, rows, first, keys = code.arguments
    gather, source = field(code, job, Job.gather), place(code, job, Job.source_at)
    n_in, ld_in = field(code, layers, LayerRow.n_in), field(code, layers, LayerRow.ld_in)
    inputs = place(code, layers, LayerRow.a_in_at)
    with code.loop(0, rows) as i:
        wanted = ordered(code, job, first + i)
        with code.choice(field(code, layers, LayerRow.listed) != 0) as (listed, all_of_it):
            with listed:
                code.call_address(gather, source, wanted, layers, row + i)
            with all_of_it:
                into = inputs.at((row + i) * ld_in, element)
                ahead = code.least(first + i + AHEAD, field(code, job, Job.rows) - 1)
                later = ordered(code, job, ahead)
                code.call_address(gather, source, wanted, into, n_in, later)
                with code.when(field(code, layers, LayerRow.starts_at) != 0):
                    code.call(collect, layers, row + i)
    mark(code, Part.gather)
    with code.loop(0, field(code, job, Job.layers)) as number:
        layer = layer_row(layers, number)
        ld = field(code, layer, LayerRow.ld)
        z = place(code, layer, LayerRow.z_at).at(row * ld, element)
        a = place(code, layer, LayerRow.a_at).at(row * ld, element)
        # z = a W + b
        with code.choice(field(code, layer, LayerRow.flat) != 0) as (by_lists, by_rows):
            with by_lists:
                code.call(entries, layer, row, rows, *_flat(code, job, layer, element))
            with by_rows:
                product(code, job, layer, row, rows)
        mark(code, Part.forward)
        # a = f(z)
        value = field(code, layer, LayerRow.value)
        with code.when(value != 0):
            n_out = field(code, layer, LayerRow.n_out)
            fields = place(code, layer, LayerRow.value_fields_at)
            code.call_address(value, rows, n_out, ld, z, a, fields)
        mark(code, Part.activation)
        with code.when(field(code, layer, LayerRow.dropped_at) != 0):
            dropped = place(code, layer, LayerRow.dropped_at).at(row * ld, element)
            call_drop(code, drop, layer, number, row, rows, keys, a, dropped)
            mark(code, Part.dropout)
    code.end()
    return code.function


def _panel_product(
    code: Code,
    element: Any,
    lanes: int,
    products: Products,
    narrow: Any,
    layer: Value,
    row: Value,
    rows: Value,
) -> None:
    ld_in, ld = field(code, layer, LayerRow.ld_in), field(code, layer, LayerRow.ld)
    n_in, n_out = field(code, layer, LayerRow.n_in), field(code, layer, LayerRow.n_out)
    inputs = place(code, layer, LayerRow.a_in_at).at(row * ld_in, element)
    weight, bias = place(code, layer, LayerRow.weight_at), place(code, layer, LayerRow.bias_at)
    z = place(code, layer, LayerRow.z_at).at(row * ld, element)
    with code.choice(is_narrow(n_out, lanes)) as (few, many):
        with few:
            code.call(narrow, rows, n_out, n_in, inputs, ld_in, weight, bias, z, ld)
        with many:
            vectors = field(code, layer, LayerRow.vectors_out)
            panel_rows = field(code, layer, LayerRow.panel_rows)
            across = (weight, panel_rows, bias, 0, z, ld)
            code.call(products.across, rows, vectors, n_in, inputs, ld_in, *across)


def _direct_product(
    code: Code, element: Any, direct: Any, job: Value, layer: Value, row: Value, rows: Value
) -> None:
    ld_in, ld = field(code, layer, LayerRow.ld_in), field(code, layer, LayerRow.ld)
    code.call(
        direct,
        rows,
        field(code, layer, LayerRow.n_out),
        field(code, layer, LayerRow.n_in),
        place(code, layer, LayerRow.a_in_at).at(row * ld_in, element),
        ld_in,
        *_flat(code, job, layer, element),
        place(code, layer, LayerRow.z_at).at(row * ld, element),
        ld,
    )


def _flat(code: Code, job: Value, layer: Value, element: Any) -> tuple[Value, Value]:
    """Return where weight and bias of a layer begin in the flat vector; null for no bias."""
    flat = place(code, job, Job.flat_at).load(pointer)
    bias = field(code, layer, LayerRow.flat_bias)
    nothing = code.address(code.value(0))
    weight = flat.at(field(code, layer, LayerRow.flat_weight), element)
    return weight, code.where(bias >= 0, flat.at(bias, element), nothing)


def copy(code: Code, element: Any, lanes: int, n: Value, source: Value, into: Value) -> None:
    """Write a loop that copies numbers, a vector at a time as far as they go."""
    vector = ir.VectorType(element, lanes)
    vectors = n - (n & (lanes - 1))
    with code.loop(0, vectors, lanes) as i:
        into.store(source.load(vector, i), i)
    with code.loop(vectors, n) as i:
        into.store(source.load(element, i), i)


def _targets(module: Any, element: Any, lanes: int) -> Any:
    code = function(module, "targets", [pointer, whole, whole, whole])
    job, row, rows, first = code.arguments
    last = layer_row(place(code, job, Job.layers_at), field(code, job, Job.layers) - 1)
    n_out = field(code, last, LayerRow.n_out)
    stride = field(code, job, Job.y_stride)
    y, y_block = place(code, job, Job.y_at), place(code, job, Job.y_block_at)
    w, w_block = place(code, job, Job.weight_at), place(code, job, Job.w_block_at)
    weighted = field(code, job, Job.weight_at) != 0
    with code.loop(0, rows) as i:
        index = ordered(code, job, first + i)
        source, into = y.at(index * n_out, element), y_block.at((row + i) * stride, element)
        copy(code, element, lanes, n_out, source, into)
        with code.choice(weighted) as (yes, no):
            with yes:
                w_block.store(w.load(element, index), row + i)
            with no:
                w_block.store(code.value(1.0, element), row + i)
    mark(code, Part.targets)
    code.end()
    return code.function


def _derivatives(code: Code, layer: Value, row: Value, element: Any, scratch: Value) -> Value:
    """Return where the derivatives by a of a block go: where dz will be, if z is not there."""
    z, dz = place(code, layer, LayerRow.z_at), place(code, layer, LayerRow.dz_at)
    return code.where(z == dz, scratch, dz.at(row * field(code, layer, LayerRow.ld), element))


def _losses(module: Any, element: Any, lanes: int) -> Any:
    arguments = [pointer, pointer, whole, whole, whole, whole, ir.DoubleType(), pointer]
    code = function(module, "losses", arguments)
    job, layers, row, target_row, loss_row, rows, divisor, scratch = code.arguments
    last = layer_row(layers, field(code, job, Job.layers) - 1)
    ld, n_out = field(code, last, LayerRow.ld), field(code, last, LayerRow.n_out)
    stride = field(code, job, Job.y_stride)
    nothing = code.address(code.value(0))
    wanted = scratch != nothing
    ds = code.where(wanted, _derivatives(code, last, row, element, scratch), nothing)
    with code.when(wanted):
        vector = ir.VectorType(element, lanes)
        with code.loop(0, rows * ld, lanes) as i:
            ds.store(code.value(0.0, vector), i)
    code.call_address(
        field(code, job, Job.loss),
        rows,
        n_out,
        ld,
        place(code, last, LayerRow.a_at).at(row * ld, element),
        stride,
        place(code, job, Job.y_block_at).at(target_row * stride, element),
        place(code, job, Job.w_block_at).at(target_row, element),
        place(code, job, Job.losses_at).at(loss_row, ir.DoubleType()),
        ld,
        ds,
        divisor,
        place(code, job, Job.loss_fields_at),
    )
    mark(code, Part.loss)
    code.end()
    return code.function


def _regroup(module: Any, element: Any, lanes: int, name: str, group: int) -> Any:
    """Write (rows, vectors, x, ld, row, into, batch rows): a few columns of a block to their place.

    The second phase goes down a few columns of many rows. Where rows are long, each would be on a
    page of its own, and there are fewer entries for pages next to a core than rows.
    """
    code = function(module, name, [whole, whole, pointer, whole, whole, pointer, whole])
    rows, vectors, x, ld, row, into, batch_rows = code.arguments
    vector = ir.VectorType(element, lanes)
    wanted = into != code.address(code.value(0))
    with code.when(wanted), code.loop(0, vectors, group) as first:
        count = code.least(vectors - first, group)
        start = into.at(first * batch_rows * lanes + row * count * lanes, element)
        with code.loop(0, rows) as i:
            source = x.at(i * ld + first * lanes, element)
            to = start.at(i * count * lanes, element)
            with code.choice(count == group) as (full, last):
                with full:
                    for j in range(0, group * lanes, lanes):
                        to.store(source.load(vector, j), j)
                with last, code.loop(0, count * lanes, lanes) as at:
                    to.store(source.load(vector, at), at)
    code.end()
    return code.function


def _backward(module: Any, target: Target, element: Any, products: Products, drop: Any) -> Any:
    lanes = target.lanes(4 if isinstance(element, ir.FloatType) else 8)
    strips = _regroup(module, element, lanes, "strips", STRIP_ROWS // lanes)
    panels = _regroup(module, element, lanes, "panels", target.panel_vectors)
    code = function(module, "backward", [pointer, pointer, whole, whole, pointer, pointer])
    job, layers, row, rows, scratch, keys = code.arguments
    count, batch_rows = field(code, job, Job.layers), field(code, job, Job.batch_rows)
    with code.loop(0, count) as back:
        number = count - 1 - back
        layer = layer_row(layers, number)
        ld = field(code, layer, LayerRow.ld)
        z = place(code, layer, LayerRow.z_at).at(row * ld, element)
        a = place(code, layer, LayerRow.a_at).at(row * ld, element)
        dz = place(code, layer, LayerRow.dz_at).at(row * ld, element)
        d = _derivatives(code, layer, row, element, scratch)
        # da = dz W' of the layer above
        with code.when(back > 0):
            above = layer_row(layers, number + 1)
            ld_above = field(code, above, LayerRow.ld)
            code.call(
                products.across,
                rows,
                field(code, above, LayerRow.vectors_in),
                field(code, above, LayerRow.n_out),
                place(code, above, LayerRow.dz_at).at(row * ld_above, element),
                ld_above,
                place(code, above, LayerRow.transposed_at),
                field(code, above, LayerRow.transposed_rows),
                place(code, job, Job.zeros_at),
                0,
                d,
                ld,
            )
            mark(code, Part.input_gradient)
        with code.when(field(code, layer, LayerRow.dropped_at) != 0):
            call_drop(code, drop, layer, number, row, rows, keys, d, d)
            mark(code, Part.dropout)
        # dz = da f'(z)
        n_out = field(code, layer, LayerRow.n_out)
        fields = place(code, layer, LayerRow.pullback_fields_at)
        code.call_address(
            field(code, layer, LayerRow.pullback), rows, n_out, ld, z, a, d, dz, fields
        )
        mark(code, Part.pullback)
        vectors = field(code, layer, LayerRow.vectors_out)
        into = place(code, layer, LayerRow.panels_at)
        code.call(panels, rows, vectors, dz, ld, row, into, batch_rows)
        ld_in = field(code, layer, LayerRow.ld_in)
        inputs = place(code, layer, LayerRow.a_in_at).at(row * ld_in, element)
        vectors = field(code, layer, LayerRow.vectors_in)
        into = place(code, layer, LayerRow.strips_at)
        code.call(strips, rows, vectors, inputs, ld_in, row, into, batch_rows)
        mark(code, Part.copies)
    code.end()
    return code.function
