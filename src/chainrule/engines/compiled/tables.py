"""What Python and the kernels share: rows of 64-bit integers, whose fields both know by name."""

from enum import IntEnum
from typing import Any

from chainrule.engines.compiled.values import Code, Value, pointer, whole

__all__ = ["Job", "LayerRow", "Result", "Source", "UnitRow", "field", "place"]


class Job(IntEnum):
    """One call of a kernel. Names that end in ``_at`` are addresses."""

    threads = 0
    counters_at = 1  # threads at the barrier, abort, units of each share: a cache line each
    give_way = 2  # address of a function that lets other threads run
    layers = 3
    layers_at = 4  # one table for all threads, or with `layers_stride` one for each
    layers_stride = 5
    units = 6
    units_at = 7
    steps = 8
    rows = 9  # rows of all steps together
    batch = 10
    block = 11  # rows of one unit of the first phase
    order_at = 12  # null: rows in their own order
    gather = 13
    source_at = 14
    y_at = 15
    weight_at = 16  # null: every row counts once
    y_block_at = 17  # per row of a batch: targets, weight, loss
    w_block_at = 18
    losses_at = 19
    loss = 20
    loss_fields_at = 21
    update = 22
    update_fields_at = 23
    constants_at = 24
    constants = 25
    target_at = 26  # what an update moves, in panels, and its slots
    slots_at = 27
    flat_at = 28  # tables of addresses: flat arrays to pack from, panels, flat arrays to unpack to
    panels_at = 29
    flat_out_at = 30
    arrays = 31
    arrays_out = 32
    scratch_at = 33
    scratch_stride = 34
    divisor = 35  # rows to divide a gradient by; 0: those of the batch
    zeros_at = 36
    result_at = 37
    out_at = 38  # scores
    y_stride = 39
    panels_out_at = 40
    direct = 41  # whether scores take the weights as they lie in the flat vector
    pack = 42  # whether panels are filled before the first step, and emptied after the last
    unpack = 43
    batch_rows = 44  # rows of the buffers of a batch
    clipped_update = 45  # 0: no clipping; else what follows when the gradient has been collected
    clipped_fields_at = 46
    squares_at = 47  # float64: two sums for each unit, and after them the largest norm
    keys_at = 48  # of dropout: two integers for each step and layer
    step_constants = 49  # numbers of one step: `constants` for each rate factor


class LayerRow(IntEnum):
    """One layer: its sizes, parameters in panels, and buffers."""

    n_in = 0
    n_out = 1
    vectors_out = 2
    vectors_in = 3
    panel_rows = 4
    weight_at = 5
    bias_at = 6
    transposed_at = 7
    transposed_rows = 8
    a_in_at = 9
    ld_in = 10
    z_at = 11
    a_at = 12
    ld = 13
    value = 14
    value_fields_at = 15
    pullback = 16
    pullback_fields_at = 17
    flat_weight = 18  # where they begin in the flat vector
    flat_bias = 19  # or -1
    strips_at = 20  # null, or where the second phase wants the inputs of a batch, in strips
    panels_at = 21  # the same for dz, in panels
    dropped_at = 22  # null: no dropout; else the outputs that the next layer takes
    threshold = 23
    scale_at = 24
    dz_at = 25  # z_at, where a pullback needs both z and da; else da is formed there too
    # null: every number of the inputs counts; else where those that are not 0 begin and end
    starts_at = 26
    strips = 27
    strip_inputs = 28
    columns_at = 29
    values_at = 30
    row_length = 31  # room for those of a row
    listed = 32  # whether rows come as such lists
    flat = 33  # whether weights are taken as they lie in the flat vector
    begins_at = 34  # of what is not 0 in each column, by rows
    ends_at = 35
    sorted_rows_at = 36
    sorted_values_at = 37


class UnitRow(IntEnum):
    """One unit of the second phase: some rows of one panel of one layer's weight."""

    a_at = 0  # the inputs of these rows
    ld_in = 1
    dz_at = 2
    ld = 3
    vectors = 4
    rows = 5
    first = 6  # of these rows
    offset = 7  # where they begin in a buffer of panels
    flat = 8  # the same in a flat vector
    n_out = 9
    columns = 10  # columns of this panel that are no padding
    bias_offset = 11  # or -1, where another unit does the bias
    bias_flat = 12  # or -1, where there is none
    transposed_at = 13  # null: nobody needs the transpose
    transposed_rows = 14
    vectors_in = 15
    first_column = 16
    nonzeros = 17  # whether what is not 0 is listed by columns
    weight_constants = 18  # which of the constants of a step, by the rate factor
    bias_constants = 19


class Source(IntEnum):
    """Where inputs are read: a dense array, or the three arrays of a CSR matrix."""

    base = 0
    row_stride = 1
    column_stride = 2


class Result(IntEnum):
    """What steps add up to, over all calls of a run: float64 numbers, and after them the limit."""

    loss = 0
    weight = 1
    steps = 2
    last_loss = 3


def field(code: Code, table: Value, name: IntEnum) -> Value:
    """Read an integer of a row."""
    return table.load(whole, int(name))


def place(code: Code, table: Value, name: IntEnum) -> Value:
    """Read an address of a row."""
    return table.load(pointer, int(name), whole)


def size_of(row: Any) -> int:
    """Return how many integers a row of a table has."""
    return len(row)
