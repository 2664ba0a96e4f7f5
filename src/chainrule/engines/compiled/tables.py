"""Records that Python and the kernels share, and signatures of functions called by address.

Fields that end in ``_at`` are addresses.
"""

from chainrule.engines.compiled.kinds import (
    BYTES,
    NUMBERS,
    Address,
    Entry,
    Field,
    Record,
    Signature,
    real,
    small,
    whole,
)

__all__ = [
    "ACTIVATION",
    "BUILTIN",
    "ENTRY",
    "GATHER",
    "LIST",
    "LOSS",
    "PRODUCT",
    "PULLBACK",
    "UPDATE",
    "DenseSource",
    "Job",
    "LayerRow",
    "Result",
    "SparseSource",
    "UnitRow",
]

_numbers, _reals, _wholes = Address(NUMBERS), Address(real), Address(whole)

# z -> a, and (z, a, da) -> dz: elementwise over rows * ld numbers, or along rows of `columns`.
ACTIVATION = Signature(rows=whole, columns=whole, ld=whole, z=_numbers, a=_numbers, fields=_reals)
PULLBACK = Signature(
    rows=whole,
    columns=whole,
    ld=whole,
    z=_numbers,
    a=_numbers,
    da=_numbers,
    dz=_numbers,
    fields=_reals,
)
# Row losses w l, and derivatives w dl/ds / divisor; where ds is null, losses alone.
LOSS = Signature(
    rows=whole,
    columns=whole,
    ld_s=whole,
    s=_numbers,
    ld_y=whole,
    y=_numbers,
    w=_numbers,
    losses=_reals,
    ld_ds=whole,
    ds=_numbers,
    divisor=real,
    fields=_reals,
)
# A step on n parameters from an offset on: p moves by the gradient g; mask is 1 for weights, 0 for
# biases; constants are the rate and `Optimizer.numbers`.
UPDATE = Signature(
    n=whole,
    p=_numbers,
    g=_numbers,
    slots=Address(_numbers),
    offset=whole,
    constants=_reals,
    fields=_reals,
    mask=real,
)
# c = a W + b for some rows, of k inputs and n_out outputs each; where bias is null, there is none.
PRODUCT = Signature(
    rows=whole,
    n_out=whole,
    k=whole,
    a=_numbers,
    a_row=whole,
    w=_numbers,
    bias=_numbers,
    c=_numbers,
    c_row=whole,
)
# One row of the inputs into a row of numbers; the row `later` is asked for meanwhile.
GATHER = Signature(source=Address(BYTES), row=whole, into=_numbers, n_in=whole, later=whole)


class DenseSource(Record):
    """A dense array of inputs; strides in bytes."""

    base_at = Field(Address(BYTES))
    row_stride = Field(whole)
    column_stride = Field(whole)


class SparseSource(Record):
    """The three arrays of a CSR matrix."""

    row_starts_at = Field(Address(BYTES))
    columns_at = Field(Address(BYTES))
    values_at = Field(Address(BYTES))


class LayerRow(Record):
    """One layer: its sizes, parameters in panels, and buffers."""

    n_in = Field(whole)
    n_out = Field(whole)
    vectors_out = Field(whole)
    vectors_in = Field(whole)
    panel_rows = Field(whole)
    weight_at = Field(_numbers)
    bias_at = Field(_numbers)
    transposed_at = Field(_numbers)
    transposed_rows = Field(whole)
    a_in_at = Field(_numbers)
    ld_in = Field(whole)
    z_at = Field(_numbers)
    a_at = Field(_numbers)
    ld = Field(whole)
    value = Field(Entry(ACTIVATION))
    value_fields_at = Field(_reals)
    pullback = Field(Entry(PULLBACK))
    pullback_fields_at = Field(_reals)
    flat_weight = Field(whole)  # where they begin in the flat vector
    flat_bias = Field(whole)  # or -1
    # null, or where the second phase wants the inputs of a batch, in strips
    strips_at = Field(_numbers)
    panels_at = Field(_numbers)  # the same for dz, in panels
    dropped_at = Field(_numbers)  # null: no dropout; else the outputs that the next layer takes
    threshold = Field(whole)
    scale_at = Field(_reals)
    # z_at, where a pullback needs both z and da; else da is formed there too
    dz_at = Field(_numbers)
    # null: all inputs count; else where the nonzeros of each row and strip begin and end
    starts_at = Field(_wholes)
    strips = Field(whole)
    strip_inputs = Field(whole)
    columns_at = Field(Address(small))
    values_at = Field(_numbers)
    row_length = Field(whole)  # room for the nonzeros of a row
    listed = Field(whole)  # whether rows come as lists of nonzeros
    flat = Field(whole)  # whether weights are read in the flat vector
    begins_at = Field(_wholes)  # of the nonzeros of each column, by rows
    ends_at = Field(_wholes)
    sorted_rows_at = Field(Address(small))
    sorted_values_at = Field(_numbers)
    # null: products in full precision; else pairs of bfloat16, along the rows or of two rows each,
    # and of the weight; the transpose is in pairs too
    weight_pairs_at = Field(_numbers)
    pair_rows = Field(whole)  # rows of its panels
    ld_in_pairs = Field(whole)  # distances of the rows of pairs of inputs and of dz
    ld_pairs = Field(whole)
    a_in_row_pairs_at = Field(_numbers)
    dz_row_pairs_at = Field(_numbers)


# One row of a CSR matrix into the lists of nonzeros of a layer.
LIST = Signature(source=Address(BYTES), row=whole, layer=Address(LayerRow), into=whole)


class UnitRow(Record):
    """One unit of the second phase: a strip of one panel of one layer's weight."""

    a_at = Field(_numbers)  # the inputs of the strip
    ld_in = Field(whole)
    dz_at = Field(_numbers)
    ld = Field(whole)
    vectors = Field(whole)
    rows = Field(whole)
    first = Field(whole)  # of these rows
    offset = Field(whole)  # where they begin in a buffer of panels
    flat = Field(whole)  # the same in a flat vector
    n_out = Field(whole)
    columns = Field(whole)  # columns of this panel that are no padding
    bias_offset = Field(whole)  # or -1, where another unit does the bias
    bias_flat = Field(whole)  # or -1, where there is none
    transposed_at = Field(_numbers)  # null: nobody needs the transpose
    transposed_rows = Field(whole)
    vectors_in = Field(whole)
    first_column = Field(whole)
    nonzeros = Field(whole)  # whether the nonzeros are listed by columns
    weight_constants = Field(whole)  # which of the constants of a step, by the rate factor
    bias_constants = Field(whole)
    # null: products in full precision; else pairs of bfloat16
    weight_pairs_at = Field(_numbers)
    a_row_pairs_at = Field(_numbers)
    a_row_pairs_ld = Field(whole)
    dz_row_pairs_at = Field(_numbers)


class Result(Record):
    """Sums of the steps over all calls of a run, and the limit of a step's mean loss."""

    loss = Field(real)
    weight = Field(real)
    steps = Field(real)
    last_loss = Field(real)
    limit = Field(real)  # a step above it is not made; NaN: none


class Job(Record):
    """One call of a kernel."""

    threads = Field(whole)
    # threads at the barrier, abort, units of each share: a cache line each
    counters_at = Field(_wholes)
    give_way = Field(Entry(Signature()))  # lets other threads run
    layers = Field(whole)
    layers_at = Field(Address(LayerRow))  # for all threads, or with `layers_stride` for each
    layers_stride = Field(whole)
    units = Field(whole)
    units_at = Field(Address(UnitRow))
    steps = Field(whole)
    rows = Field(whole)  # rows of all steps together
    batch = Field(whole)
    block = Field(whole)  # rows of one task of the first phase
    order_at = Field(_wholes)  # null: rows in their own order
    gather = Field(Entry(GATHER))
    gather_list = Field(Entry(LIST), instead_of=gather)  # where rows are lists
    source_at = Field(Address(BYTES))
    y_at = Field(_numbers)
    weight_at = Field(_numbers)  # null: every row counts once
    y_block_at = Field(_numbers)  # per row of a batch: targets, weight, loss
    w_block_at = Field(_numbers)
    losses_at = Field(_reals)
    loss = Field(Entry(LOSS))
    loss_fields_at = Field(_reals)
    update = Field(Entry(UPDATE))
    update_fields_at = Field(_reals)
    constants_at = Field(_reals)
    constants = Field(whole)
    target_at = Field(_numbers)  # what an update moves, in panels, and its slots
    slots_at = Field(Address(_numbers))
    flat_at = Field(Address(_numbers))  # flat arrays to pack from, panels, flat arrays to unpack to
    panels_at = Field(Address(_numbers))
    flat_out_at = Field(Address(_numbers))
    arrays = Field(whole)
    arrays_out = Field(whole)
    scratch_at = Field(Address(BYTES))
    scratch_stride = Field(whole)
    pairs_offset = Field(whole)  # of the pairs along the rows of a block, in numbers, in a scratch
    divisor = Field(whole)  # rows to divide a gradient by; 0: those of the batch
    zeros_at = Field(_numbers)
    result_at = Field(Address(Result))
    out_at = Field(_numbers)  # scores
    y_stride = Field(whole)
    panels_out_at = Field(Address(_numbers))
    direct = Field(whole)  # whether scores take the weights as they lie in the flat vector
    pack = Field(whole)  # whether panels are filled before the first step
    unpack = Field(whole)  # and emptied after the last
    batch_rows = Field(whole)  # rows of the buffers of a batch
    batch_pairs = Field(whole)  # distance of columns whose pairs of rows lie side by side
    # 0: no clipping; else the update that follows when the gradient has been collected
    clipped_update = Field(Entry(UPDATE))
    clipped_fields_at = Field(_reals)
    squares_at = Field(_reals)  # two sums for each unit, and after them the largest norm
    keys_at = Field(_wholes)  # of dropout: two integers for each step and layer
    step_constants = Field(whole)  # numbers of one step: `constants` for each rate factor


# Every kernel: a job, and the number of the thread that runs it.
ENTRY = Signature(job=Address(Job), thread=whole)
# A function of Python without arguments, called by the interpreter; ``itself`` is a Python integer.
BUILTIN = Signature(Address(BYTES), itself=Address(BYTES), nothing=Address(BYTES))
