"""The forward pass of a block: inputs are gathered, and every z and a is computed."""

from collections.abc import Callable

from chainrule.engines.compiled.dropout import call_drop
from chainrule.engines.compiled.few_rows import write_direct, write_direct_entries
from chainrule.engines.compiled.kinds import NUMBERS, Address, Signature, whole
from chainrule.engines.compiled.narrow import is_narrow, write_narrow
from chainrule.engines.compiled.nonzeros import Nonzeros
from chainrule.engines.compiled.parts import Part, mark
from chainrule.engines.compiled.rounding import Pairing
from chainrule.engines.compiled.tables import Job, LayerRow
from chainrule.engines.compiled.tiles import Products
from chainrule.engines.compiled.values import Value
from chainrule.engines.compiled.writing import Code, Function, Module, function

__all__ = ["ordered", "write_forward"]

# Distance of the row that is prefetched: a step of 20-64-64-2 at 256 rows takes 0.96 of the time.
AHEAD = 3

_FORWARD = Signature(
    job=Address(Job),
    layers=Address(LayerRow),
    row=whole,
    rows=whole,
    first=whole,
    keys=Address(whole),
    scratch=Address(NUMBERS),
)


def write_forward(
    module: Module,
    drop: Function,
    products: Products,
    nonzeros: Nonzeros,
    pairing: Pairing | None,
) -> tuple[Function, Function]:
    """Write the forward pass with weights in panels, and with weights in the flat vector.

    ``pairing`` is there where products may be rounded.
    """
    narrow = write_narrow(module)
    direct = write_direct(module)
    entries = write_direct_entries(module)

    def panels(
        code: Code, job: Value, layer: Value, row: Value, rows: Value, scratch: Value
    ) -> None:
        with code.choice(layer[LayerRow.starts_at].present) as (few, all_of_them):
            with few:
                code.call(nonzeros.product, layer=layer, row=row, rows=rows)
            with all_of_them:
                _dense_product(code, products, narrow, pairing, job, layer, row, rows, scratch)

    def flat(code: Code, job: Value, layer: Value, row: Value, rows: Value, scratch: Value) -> None:
        _direct_product(code, direct, job, layer, row, rows)

    def forward(name: str, product: Callable[..., None]) -> Function:
        return _forward(module, drop, name, product, nonzeros.collect, entries)

    return forward("forward", panels), forward("forward_direct", flat)


def ordered(code: Code, job: Value, number: Value) -> Value:
    """Return the row of the data at a position of the order."""
    order = job[Job.order_at]
    with code.builder.if_else((~order.present).ir) as (identity, listed):
        with identity:
            one = code.builder.block
        with listed:
            found = order.load(whole, number)
            two = code.builder.block
    phi = code.builder.phi(whole)
    phi.add_incoming(number.ir, one)
    phi.add_incoming(found.ir, two)
    return Value(code, phi).named("row_of_data")


def _forward(
    module: Module,
    drop: Function,
    name: str,
    product: Callable[..., None],
    collect: Function,
    entries: Function,
) -> Function:
    element = module.element
    code = function(module, name, _FORWARD)
    job, layers, row, rows, first, keys, scratch = code.arguments(
        "job", "layers", "row", "rows", "first", "keys", "scratch"
    )
    gather, gather_list = job[Job.gather], job[Job.gather_list]
    source = job[Job.source_at]
    n_in, ld_in = layers[LayerRow.n_in], layers[LayerRow.ld_in]
    inputs = layers[LayerRow.a_in_at]
    with code.loop(0, rows, name="row") as i:
        wanted = ordered(code, job, first + i)
        with code.choice(layers[LayerRow.listed] != 0) as (listed, all_of_it):
            with listed:
                code.call_entry(gather_list, source=source, row=wanted, layer=layers, into=row + i)
            with all_of_it:
                into = inputs.at((row + i) * ld_in, element)
                ahead = code.least(first + i + AHEAD, job[Job.rows] - 1)
                later = ordered(code, job, ahead)
                code.call_entry(
                    gather, source=source, row=wanted, into=into, n_in=n_in, later=later
                )
                with code.when(layers[LayerRow.starts_at].present):
                    code.call(collect, layer=layers, row=row + i)
    mark(code, Part.gather)
    with code.loop(0, job[Job.layers], name="layer") as number:
        layer = layers.row(number)
        ld = layer[LayerRow.ld]
        z = layer[LayerRow.z_at].at(row * ld, element).named("z")
        a = layer[LayerRow.a_at].at(row * ld, element).named("a")
        # z = a W + b
        with code.choice(layer[LayerRow.flat] != 0) as (by_lists, by_rows):
            with by_lists:
                w, bias = _flat(code, job, layer)
                code.call(entries, layer=layer, row=row, m=rows, w=w, bias=bias)
            with by_rows:
                product(code, job, layer, row, rows, scratch)
        mark(code, Part.forward)
        # a = f(z)
        value = layer[LayerRow.value]
        with code.when(value.present):
            n_out = layer[LayerRow.n_out]
            fields = layer[LayerRow.value_fields_at]
            code.call_entry(value, rows=rows, columns=n_out, ld=ld, z=z, a=a, fields=fields)
        mark(code, Part.activation)
        with code.when(layer[LayerRow.dropped_at].present):
            dropped = layer[LayerRow.dropped_at].at(row * ld, element)
            call_drop(
                code, drop, layer, number, row=row, rows=rows, keys=keys, source=a, into=dropped
            )
            mark(code, Part.dropout)
    code.end()
    return code.function


def _dense_product(
    code: Code,
    products: Products,
    narrow: Function,
    pairing: Pairing | None,
    job: Value,
    layer: Value,
    row: Value,
    rows: Value,
    scratch: Value,
) -> None:
    if products.pairs is None or pairing is None:
        _panel_product(code, products, narrow, layer, row, rows)
        return
    with code.choice(layer[LayerRow.weight_pairs_at].present) as (rounded, exact):
        with rounded:
            _pair_product(code, products.pairs, pairing, job, layer, row, rows, scratch)
        with exact:
            _panel_product(code, products, narrow, layer, row, rows)


def _pair_product(
    code: Code,
    products: Products,
    pairing: Pairing,
    job: Value,
    layer: Value,
    row: Value,
    rows: Value,
    scratch: Value,
) -> None:
    """Write z of a layer from pairs, and the pairs of its inputs."""
    operands, element = _operands(code, layer, row, rows), code.element
    k, ld_in, distance = operands["k"], operands["a_row"], layer[LayerRow.ld_in_pairs]
    pairs = scratch.at(job[Job.pairs_offset], element)
    row_pairs = layer[LayerRow.a_in_row_pairs_at]
    block = {"rows": rows, "n": k, "x": operands["a"], "ld": ld_in, "zeros": job[Job.zeros_at]}
    if pairing.columns is None:
        row_pairs = row_pairs.at((row >> 1) * ld_in, element)
    else:
        into_ld = job[Job.batch_pairs]
        code.call(pairing.columns, into=row_pairs.at(row >> 1, element), into_ld=into_ld, **block)
        row_pairs = code.null()
    code.call(pairing.rows, pairs=pairs, pairs_ld=distance, row_pairs=row_pairs, **block)
    mark(code, Part.copies)
    code.call(
        products.across,
        vectors=layer[LayerRow.vectors_out],
        panel_rows=layer[LayerRow.pair_rows],
        m=rows,
        k=(k + 1) >> 1,
        a=pairs,
        a_row=distance,
        b=layer[LayerRow.weight_pairs_at],
        init=layer[LayerRow.bias_at],
        init_row=0,
        c=operands["c"],
        c_row=operands["c_row"],
    )


def _panel_product(
    code: Code, products: Products, narrow: Function, layer: Value, row: Value, rows: Value
) -> None:
    operands = _operands(code, layer, row, rows)
    weight, bias = layer[LayerRow.weight_at], layer[LayerRow.bias_at]
    with code.choice(is_narrow(operands["n_out"], code.module.lanes)) as (few, many):
        with few:
            code.call(narrow, w=weight, bias=bias, **operands)
        with many:
            code.call(
                products.across,
                vectors=layer[LayerRow.vectors_out],
                panel_rows=layer[LayerRow.panel_rows],
                m=rows,
                k=operands["k"],
                a=operands["a"],
                a_row=operands["a_row"],
                b=weight,
                init=bias,
                init_row=0,
                c=operands["c"],
                c_row=operands["c_row"],
            )


def _direct_product(
    code: Code, direct: Function, job: Value, layer: Value, row: Value, rows: Value
) -> None:
    weight, bias = _flat(code, job, layer)
    code.call(direct, w=weight, bias=bias, **_operands(code, layer, row, rows))


def _operands(code: Code, layer: Value, row: Value, rows: Value) -> dict[str, Value]:
    """Return all arguments of a `PRODUCT` but the weight and the bias."""
    ld_in, ld = layer[LayerRow.ld_in], layer[LayerRow.ld]
    return {
        "rows": rows,
        "n_out": layer[LayerRow.n_out],
        "k": layer[LayerRow.n_in],
        "a": layer[LayerRow.a_in_at].at(row * ld_in, code.element),
        "a_row": ld_in,
        "c": layer[LayerRow.z_at].at(row * ld, code.element),
        "c_row": ld,
    }


def _flat(code: Code, job: Value, layer: Value) -> tuple[Value, Value]:
    """Return where weight and bias of a layer begin in the flat vector; null for no bias."""
    flat = job[Job.flat_at].load(Address(NUMBERS))
    bias = layer[LayerRow.flat_bias]
    weight = flat.at(layer[LayerRow.flat_weight], code.element)
    return weight, code.where(bias >= 0, flat.at(bias, code.element), code.null())
