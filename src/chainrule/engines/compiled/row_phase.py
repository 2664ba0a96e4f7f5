"""The first phase of a step: a block of rows forward, its losses, and back to every dz."""

from dataclasses import dataclass

from chainrule.engines.compiled.dropout import call_drop, write_drop
from chainrule.engines.compiled.forward import ordered, write_forward
from chainrule.engines.compiled.kinds import NUMBERS, Address, Signature, real, whole
from chainrule.engines.compiled.nonzeros import Nonzeros
from chainrule.engines.compiled.parts import Part, mark
from chainrule.engines.compiled.rounding import Pairing
from chainrule.engines.compiled.tables import Job, LayerRow
from chainrule.engines.compiled.tiles import Products
from chainrule.engines.compiled.values import Value
from chainrule.engines.compiled.writing import Code, Function, Module, function

__all__ = ["STRIP_ROWS", "RowPhase", "copy"]

# Inputs that the second phase takes together: a multiple of every vector length, and of the height
# of most tiles.
STRIP_ROWS = 48

_job, _layers, _numbers = Address(Job), Address(LayerRow), Address(NUMBERS)
_TARGETS = Signature(job=_job, row=whole, rows=whole, first=whole)
_LOSSES = Signature(
    job=_job,
    layers=_layers,
    row=whole,
    target_row=whole,
    loss_row=whole,
    rows=whole,
    divisor=real,
    scratch=_numbers,
)
_BACKWARD = Signature(
    job=_job, layers=_layers, row=whole, rows=whole, scratch=_numbers, keys=Address(whole)
)
_REGROUP = Signature(
    rows=whole, vectors=whole, x=_numbers, ld=whole, row=whole, into=_numbers, batch_rows=whole
)


@dataclass(frozen=True)
class RowPhase:
    """The functions of the first phase.

    Attributes
    ----------
    forward : Function
        Read the inputs of the rows ``first``, ... of the order, and write every z and a, into row
        ``row``, ... of the buffers; ``keys`` are those of dropout.
    forward_direct : Function
        The same for a few rows, with weights that are not in panels.
    targets : Function
        Read the targets and weights of these rows.
    losses : Function
        Write weighted losses, each array from its own row on, and the derivatives by the scores,
        unless ``scratch`` is null.
    backward : Function
        Write every dz, from the derivatives by the scores, and copies of wide inputs and dz,
        ordered for the second phase.
    """

    forward: Function
    forward_direct: Function
    targets: Function
    losses: Function
    backward: Function

    @classmethod
    def of(
        cls, module: Module, products: Products, nonzeros: Nonzeros, pairing: Pairing | None
    ) -> "RowPhase":
        """Write the functions into a module."""
        drop = write_drop(module)
        forward, forward_direct = write_forward(module, drop, products, nonzeros, pairing)
        return cls(
            forward,
            forward_direct,
            _targets(module),
            _losses(module),
            _backward(module, products, drop, pairing.rows if pairing else None),
        )


def copy(code: Code, n: Value, source: Value, into: Value) -> None:
    """Write a loop that copies numbers, a vector at a time as far as they go."""
    element, lanes, vector = code.element, code.module.lanes, code.module.vector
    vectors = n - (n & (lanes - 1))
    with code.loop(0, vectors, lanes) as i:
        into.store(source.load(vector, i), i)
    with code.loop(vectors, n) as i:
        into.store(source.load(element, i), i)


def _targets(module: Module) -> Function:
    element = module.element
    code = function(module, "targets", _TARGETS)
    job, row, rows, first = code.arguments("job", "row", "rows", "first")
    last = job[Job.layers_at].row(job[Job.layers] - 1)
    n_out = last[LayerRow.n_out]
    stride = job[Job.y_stride]
    y, y_block = job[Job.y_at], job[Job.y_block_at]
    w, w_block = job[Job.weight_at], job[Job.w_block_at]
    weighted = job[Job.weight_at].present
    with code.loop(0, rows, name="row") as i:
        index = ordered(code, job, first + i)
        source, into = y.at(index * n_out, element), y_block.at((row + i) * stride, element)
        copy(code, n_out, source, into)
        with code.choice(weighted) as (yes, no):
            with yes:
                w_block.store(w.load(element, index), row + i)
            with no:
                w_block.store(code.value(1.0, element), row + i)
    mark(code, Part.targets)
    code.end()
    return code.function


def _derivatives(code: Code, layer: Value, row: Value, scratch: Value) -> Value:
    """Return where the derivatives by a of a block go: where dz will be, if z is not there."""
    z, dz = layer[LayerRow.z_at], layer[LayerRow.dz_at]
    return code.where(z == dz, scratch, dz.at(row * layer[LayerRow.ld], code.element))


def _losses(module: Module) -> Function:
    element, lanes, vector = module.element, module.lanes, module.vector
    code = function(module, "losses", _LOSSES)
    job, layers, row, target_row, loss_row, rows, divisor, scratch = code.arguments(
        "job", "layers", "row", "target_row", "loss_row", "rows", "divisor", "scratch"
    )
    last = layers.row(job[Job.layers] - 1)
    ld, n_out = last[LayerRow.ld], last[LayerRow.n_out]
    stride = job[Job.y_stride]
    wanted = scratch.present
    ds = code.where(wanted, _derivatives(code, last, row, scratch), code.null()).named("ds")
    with code.when(wanted), code.loop(0, rows * ld, lanes) as i:
        ds.store(code.value(0.0, vector), i)
    code.call_entry(
        job[Job.loss],
        rows=rows,
        columns=n_out,
        ld_s=ld,
        s=last[LayerRow.a_at].at(row * ld, element),
        ld_y=stride,
        y=job[Job.y_block_at].at(target_row * stride, element),
        w=job[Job.w_block_at].at(target_row, element),
        losses=job[Job.losses_at].at(loss_row, real),
        ld_ds=ld,
        ds=ds,
        divisor=divisor,
        fields=job[Job.loss_fields_at],
    )
    mark(code, Part.loss)
    code.end()
    return code.function


def _regroup(module: Module, name: str, group: int) -> Function:
    """Write the copy of a block, a few columns together, to its place in the batch.

    The second phase goes down a few columns of many rows. Where rows are long, each would be on a
    page of its own, and there are fewer entries for pages next to a core than rows.
    """
    element, lanes, vector = module.element, module.lanes, module.vector
    code = function(module, name, _REGROUP)
    rows, vectors, x, ld, row, into, batch_rows = code.arguments(
        "rows", "vectors", "x", "ld", "row", "into", "batch_rows"
    )
    with code.when(into.present), code.loop(0, vectors, group, name="first") as first:
        count = code.least(vectors - first, group)
        start = into.at(first * batch_rows * lanes + row * count * lanes, element)
        with code.loop(0, rows, name="row") as i:
            source = x.at(i * ld + first * lanes, element)
            to = start.at(i * count * lanes, element)
            with code.choice(count == group) as (full, last):
                with full:
                    for j in range(0, group * lanes, lanes):
                        to.store(source.load(vector, j), j)
                with last, code.loop(0, count * lanes, lanes, name="column") as at:
                    to.store(source.load(vector, at), at)
    code.end()
    return code.function


def _input_gradient(
    code: Code,
    products: Products,
    job: Value,
    above: Value,
    row: Value,
    rows: Value,
    da: Value,
    ld: Value,
    pairs: Value,
) -> None:
    """Write da = dz W' of the layer above, from its dz, or from the pairs of its dz."""
    n_out, ld_above = above[LayerRow.n_out], above[LayerRow.ld]

    def product(across: Function, dz: Value, k: Value, distance: Value) -> None:
        code.call(
            across,
            m=rows,
            vectors=above[LayerRow.vectors_in],
            k=k,
            a=dz,
            a_row=distance,
            b=above[LayerRow.transposed_at],
            panel_rows=above[LayerRow.transposed_rows],
            init=job[Job.zeros_at],
            init_row=0,
            c=da,
            c_row=ld,
        )

    dz = above[LayerRow.dz_at].at(row * ld_above, code.element)
    if products.pairs is None:
        product(products.across, dz, n_out, ld_above)
        return
    with code.choice(above[LayerRow.weight_pairs_at].present) as (rounded, exact):
        with rounded:
            product(products.pairs.across, pairs, (n_out + 1) >> 1, above[LayerRow.ld_pairs])
        with exact:
            product(products.across, dz, n_out, ld_above)


def _paired(
    code: Code, pairing: Function, job: Value, layer: Value, row: Value, rows: Value, pairs: Value
) -> None:
    """Write the pairs of dz, for a layer whose products are rounded."""
    ld, element = layer[LayerRow.ld], code.element
    with code.when(layer[LayerRow.weight_pairs_at].present):
        code.call(
            pairing,
            rows=rows,
            n=layer[LayerRow.n_out],
            x=layer[LayerRow.dz_at].at(row * ld, element),
            ld=ld,
            pairs=code.where(layer[LayerRow.transposed_at].present, pairs, code.null()),
            pairs_ld=layer[LayerRow.ld_pairs],
            row_pairs=layer[LayerRow.dz_row_pairs_at].at((row >> 1) * ld, element),
            zeros=job[Job.zeros_at],
        )


def _backward(
    module: Module, products: Products, drop: Function, pairing: Function | None
) -> Function:
    element, lanes = module.element, module.lanes
    strips = _regroup(module, "strips", STRIP_ROWS // lanes)
    panels = _regroup(module, "panels", module.target.panel_vectors)
    code = function(module, "backward", _BACKWARD)
    job, layers, row, rows, scratch, keys = code.arguments(
        "job", "layers", "row", "rows", "scratch", "keys"
    )
    count, batch_rows = job[Job.layers], job[Job.batch_rows]
    pairs = scratch.at(job[Job.pairs_offset], element).named("pairs")
    with code.loop(0, count, name="back") as back:
        number = count - 1 - back
        layer = layers.row(number)
        ld = layer[LayerRow.ld]
        z = layer[LayerRow.z_at].at(row * ld, element).named("z")
        a = layer[LayerRow.a_at].at(row * ld, element).named("a")
        dz = layer[LayerRow.dz_at].at(row * ld, element).named("dz")
        da = _derivatives(code, layer, row, scratch).named("da")
        # da = dz W' of the layer above
        with code.when(back > 0):
            above = layers.row(number + 1)
            _input_gradient(code, products, job, above, row, rows, da, ld, pairs)
            mark(code, Part.input_gradient)
        with code.when(layer[LayerRow.dropped_at].present):
            call_drop(code, drop, layer, number, row=row, rows=rows, keys=keys, source=da, into=da)
            mark(code, Part.dropout)
        # dz = da f'(z)
        n_out = layer[LayerRow.n_out]
        fields = layer[LayerRow.pullback_fields_at]
        code.call_entry(
            layer[LayerRow.pullback],
            rows=rows,
            columns=n_out,
            ld=ld,
            z=z,
            a=a,
            da=da,
            dz=dz,
            fields=fields,
        )
        mark(code, Part.pullback)
        if pairing is not None:
            _paired(code, pairing, job, layer, row, rows, pairs)
        code.call(
            panels,
            vectors=layer[LayerRow.vectors_out],
            into=layer[LayerRow.panels_at],
            rows=rows,
            x=dz,
            ld=ld,
            row=row,
            batch_rows=batch_rows,
        )
        ld_in = layer[LayerRow.ld_in]
        code.call(
            strips,
            x=layer[LayerRow.a_in_at].at(row * ld_in, element),
            vectors=layer[LayerRow.vectors_in],
            into=layer[LayerRow.strips_at],
            rows=rows,
            ld=ld_in,
            row=row,
            batch_rows=batch_rows,
        )
        mark(code, Part.copies)
    code.end()
    return code.function
