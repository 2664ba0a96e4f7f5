"""Bounds of every field that crosses into machine code, which CHAINRULE_CHECK compares."""

from chainrule.engines.compiled.dropout import KEYS
from chainrule.engines.compiled.kinds import Field
from chainrule.engines.compiled.memory import round_up
from chainrule.engines.compiled.nonzeros import WIDE_PANEL
from chainrule.engines.compiled.row_phase import STRIP_ROWS
from chainrule.engines.compiled.rules import (
    MOST_ROWS,
    MOST_THREADS,
    Given,
    Number,
    Room,
    Row,
    Rule,
)
from chainrule.engines.compiled.tables import DenseSource, Job, LayerRow, SparseSource, UnitRow
from chainrule.engines.compiled.teamwork import LINE, SHARES

__all__ = ["BOUNDS"]


def _exactly(rule: Rule) -> Number:
    return Number(rule, rule)


def _training(row: Row) -> bool:
    return row.call.training


def _nothing(row: Row) -> bool:
    """For what is optional by its own address: there, or null."""
    return False


_yes_or_no = Number(0, 1)

_L, _U = LayerRow, UnitRow


def _batch_by(field: Field) -> Rule:
    return lambda row: row[Job.batch_rows] * row[field]


def _in_pairs(row: Row) -> bool:
    return bool(row[_L.weight_pairs_at])


def _half(numbers: int) -> int:
    return (numbers + 1) // 2


def _pairs_of(field: Field) -> Number:
    """Return the bounds of a distance of rows of pairs."""
    return Number(lambda row: _half(row[field]) if _in_pairs(row) else 0)


def _turned(row: Row, n_in: int, otherwise: int) -> int:
    """Return the room of pairs of rows: by columns, where these have a distance."""
    distance = row[Job.batch_pairs]
    return row.vectors(n_in) * distance if distance else otherwise


def _of_lists(row: Row) -> bool:
    return bool(row[_L.starts_at])


def _of_sorted(row: Row) -> bool:
    return _of_lists(row) and row.call.training


def _entries(row: Row) -> int:
    return row[Job.batch_rows] * row[_L.row_length]


LAYER: dict[Field, Number | Room | Given] = {
    _L.n_in: Number(1),
    _L.n_out: Number(1),
    _L.vectors_out: _exactly(lambda row: row.vectors(row[_L.n_out]) // row.call.lanes),
    _L.vectors_in: _exactly(lambda row: row.vectors(row[_L.n_in]) // row.call.lanes),
    _L.panel_rows: _exactly(lambda row: row.vectors(row[_L.n_in])),
    _L.weight_at: Room(lambda row: row[_L.panel_rows] * row.vectors(row[_L.n_out])),
    _L.bias_at: Room(lambda row: row.vectors(row[_L.n_out])),
    _L.transposed_at: Room(
        lambda row: row.vectors(row[_L.n_in]) * row[_L.transposed_rows], _nothing
    ),
    _L.transposed_rows: Number(
        lambda row: (
            row.vectors(row[_L.n_out]) // (2 if _in_pairs(row) else 1)
            if row[_L.transposed_at]
            else 0
        ),
        lambda row: row.vectors(row[_L.n_out]) if row[_L.transposed_at] else 0,
    ),
    _L.a_in_at: Room(_batch_by(_L.ld_in)),
    _L.ld_in: Number(lambda row: row.vectors(row[_L.n_in])),
    _L.z_at: Room(_batch_by(_L.ld)),
    _L.a_at: Room(_batch_by(_L.ld)),
    _L.ld: Number(lambda row: row.vectors(row[_L.n_out])),
    _L.value: Given(_nothing),
    _L.value_fields_at: Room(1),
    _L.pullback: Given(),
    _L.pullback_fields_at: Room(1),
    _L.flat_weight: Number(0, lambda row: row.call.parameters - row[_L.n_in] * row[_L.n_out]),
    _L.flat_bias: Number(-1, lambda row: row.call.parameters - row[_L.n_out]),
    _L.strips_at: Room(lambda row: row[Job.batch_rows] * row.vectors(row[_L.n_in]), _nothing),
    _L.panels_at: Room(lambda row: row[Job.batch_rows] * row.vectors(row[_L.n_out]), _nothing),
    _L.dropped_at: Room(_batch_by(_L.ld), _nothing),
    _L.threshold: Number(0),
    _L.scale_at: Room(1, lambda row: row[_L.dropped_at]),
    _L.dz_at: Room(_batch_by(_L.ld)),
    _L.starts_at: Room(lambda row: row[Job.batch_rows] * (row[_L.strips] + 1), _nothing),
    _L.strips: _exactly(
        lambda row: -(-row[_L.n_in] // max(row[_L.strip_inputs], 1)) if _of_lists(row) else 0
    ),
    _L.strip_inputs: Number(lambda row: int(_of_lists(row))),
    _L.columns_at: Room(_entries, _of_lists),
    _L.values_at: Room(_entries, _of_lists),
    _L.row_length: Number(lambda row: int(_of_lists(row))),
    _L.listed: _yes_or_no,
    _L.flat: _yes_or_no,
    _L.begins_at: Room(lambda row: row[_L.n_in], _of_sorted),
    _L.ends_at: Room(lambda row: row[_L.n_in], _of_sorted),
    _L.sorted_rows_at: Room(_entries, _of_sorted),
    _L.sorted_values_at: Room(_entries, _of_sorted),
    _L.weight_pairs_at: Room(lambda row: row[_L.pair_rows] * row.vectors(row[_L.n_out]), _nothing),
    _L.pair_rows: Number(lambda row: _half(row[_L.n_in]) if _in_pairs(row) else 0),
    _L.ld_in_pairs: _pairs_of(_L.n_in),
    _L.ld_pairs: _pairs_of(_L.n_out),
    _L.a_in_row_pairs_at: Room(
        lambda row: _turned(row, row[_L.n_in], row[Job.batch_rows] * row[_L.ld_in] // 2),
        _in_pairs,
    ),
    _L.dz_row_pairs_at: Room(lambda row: row[Job.batch_rows] * row[_L.ld] // 2, _in_pairs),
}


def _width(row: Row) -> int:
    return row[_U.vectors] * row.call.lanes


def _unit_in_pairs(row: Row) -> bool:
    return bool(row[_U.weight_pairs_at])


def _factors(row: Row) -> int:
    """Return the largest number of a rate factor."""
    return max(row[Job.step_constants] // max(row[Job.constants], 1) - 1, 0)


UNIT: dict[Field, Number | Room | Given] = {
    _U.a_at: Room(
        lambda row: (row[Job.batch_rows] - 1) * row[_U.ld_in] + row.vectors(row[_U.rows])
    ),
    _U.ld_in: Number(lambda row: row[_U.rows]),
    _U.dz_at: Room(lambda row: (row[Job.batch_rows] - 1) * row[_U.ld] + _width(row)),
    _U.ld: Number(_width),
    _U.vectors: Number(
        1, lambda row: WIDE_PANEL if row[_U.nonzeros] else row.call.target.panel_vectors
    ),
    _U.rows: Number(1, STRIP_ROWS),
    _U.first: Number(0),
    _U.offset: Number(0, lambda row: row.call.panels - row.vectors(row[_U.rows]) * _width(row)),
    _U.flat: Number(
        0,
        lambda row: row.call.parameters - (row[_U.rows] - 1) * row[_U.n_out] - row[_U.columns],
    ),
    _U.n_out: Number(lambda row: row[_U.columns]),
    _U.columns: Number(1, _width),
    _U.bias_offset: Number(-1, lambda row: row.call.panels - _width(row)),
    _U.bias_flat: Number(-1, lambda row: row.call.parameters - row[_U.columns]),
    _U.transposed_at: Room(
        lambda row: row[_U.vectors_in] * row.call.lanes * row[_U.transposed_rows], _nothing
    ),
    _U.transposed_rows: Number(
        lambda row: (
            (row[_U.first_column] + _width(row)) // (2 if _unit_in_pairs(row) else 1)
            if row[_U.transposed_at]
            else 0
        )
    ),
    _U.vectors_in: Number(
        lambda row: (
            row.vectors(row[_U.first] + row[_U.rows]) // row.call.lanes
            if row[_U.transposed_at]
            else 0
        )
    ),
    _U.first_column: Number(0),
    _U.nonzeros: _yes_or_no,
    _U.weight_constants: Number(0, _factors),
    _U.bias_constants: Number(0, _factors),
    _U.weight_pairs_at: Room(lambda row: (row[_U.rows] + 1) // 2 * _width(row), _nothing),
    _U.a_row_pairs_at: Room(
        lambda row: _turned(
            row,
            row[_U.rows],
            (row[Job.batch_rows] // 2 - 1) * row[_U.a_row_pairs_ld] + row.vectors(row[_U.rows]),
        ),
        _unit_in_pairs,
    ),
    _U.a_row_pairs_ld: Number(
        lambda row: row[Job.batch_pairs] or row[_U.rows] if _unit_in_pairs(row) else 0
    ),
    _U.dz_row_pairs_at: Room(
        lambda row: (row[Job.batch_rows] // 2 - 1) * row[_U.ld] + _width(row), _unit_in_pairs
    ),
}


def _scores(row: Row) -> bool:
    return row.call.kind in ("score", "few")


def _targets(row: Row) -> bool:
    return not _scores(row)


def _target_rows(row: Row) -> int:
    return row[Job.batch_rows] * (1 if row.call.training else row[Job.threads])


def _widest(row: Row) -> int:
    layers = row.call.layers
    return int(max(layers[LayerRow.ld_in].max(), layers[LayerRow.ld].max()))


def _losses(row: Row) -> int:
    if row.call.kind == "measure":
        return round_up(row[Job.rows], row[Job.block])
    return row.vectors(row[Job.batch]) if row.call.training else 0


def _scratch(row: Row) -> int:
    """Return the bytes of a scratch: derivatives of a block, and pairs along its rows."""
    layers, block = row.call.layers, row[Job.block]
    numbers = max(row[Job.pairs_offset], block * int(layers[LayerRow.ld].max()))
    pairs = max(int(layers[name].max()) for name in (_L.ld_in_pairs, _L.ld_pairs))
    return (numbers + block * pairs) * row.call.job.numbers.itemsize


def _n_out(row: Row) -> int:
    return int(row.call.layers[LayerRow.n_out][0, -1])


JOB: dict[Field, Number | Room | Given] = {
    Job.threads: Number(1, MOST_THREADS),
    Job.counters_at: Room(lambda row: SHARES + row[Job.threads] * LINE),
    Job.give_way: Given(),
    Job.layers: _exactly(lambda row: row.call.layers.values.shape[1]),
    Job.layers_at: Room(
        lambda row: row[Job.layers] * (1 if row.call.training else row[Job.threads])
    ),
    Job.layers_stride: _exactly(lambda row: row[Job.layers]),
    Job.units: _exactly(lambda row: len(row.call.units)),
    Job.units_at: Room(lambda row: row[Job.units]),
    Job.steps: Number(0),
    Job.rows: Number(0, MOST_ROWS),
    Job.batch: Number(_training, lambda row: row[Job.batch_rows]),
    Job.block: Number(1, lambda row: row[Job.batch_rows]),
    Job.order_at: Room(lambda row: row[Job.rows], _nothing),
    Job.gather: Given(),
    Job.gather_list: Given(),
    Job.source_at: Room(1),
    Job.y_at: Room(lambda row: row.call.data_rows * _n_out(row), _targets),
    Job.weight_at: Room(lambda row: row.call.data_rows, _nothing),
    Job.y_block_at: Room(lambda row: _target_rows(row) * row[Job.y_stride]),
    Job.w_block_at: Room(_target_rows),
    Job.losses_at: Room(_losses),
    Job.loss: Given(_targets),
    Job.loss_fields_at: Room(1, _targets),
    Job.update: Given(_training),
    Job.update_fields_at: Room(1, _training),
    Job.constants_at: Room(lambda row: row[Job.steps] * row[Job.step_constants], _training),
    Job.constants: Number(0, lambda row: row[Job.step_constants]),
    Job.step_constants: Number(0),
    Job.target_at: Room(lambda row: row.call.panels),
    Job.slots_at: Room(0),
    Job.flat_at: Room(lambda row: row[Job.arrays]),
    Job.panels_at: Room(lambda row: max(row[Job.arrays], 1)),
    Job.flat_out_at: Room(lambda row: row[Job.arrays_out]),
    Job.arrays: Number(1, MOST_THREADS),
    Job.arrays_out: Number(0, MOST_THREADS),
    Job.scratch_at: Room(lambda row: row[Job.threads] * row[Job.scratch_stride]),
    Job.scratch_stride: Number(_scratch),
    Job.pairs_offset: Number(lambda row: row[Job.block] * int(row.call.layers[_L.ld].max())),
    Job.divisor: Number(0, MOST_ROWS),
    Job.zeros_at: Room(_widest),
    Job.result_at: Room(1),
    Job.out_at: Room(lambda row: row[Job.rows] * _n_out(row), _scores),
    Job.y_stride: Number(_n_out),
    Job.panels_out_at: Room(lambda row: row[Job.arrays_out]),
    Job.direct: _yes_or_no,
    Job.pack: _yes_or_no,
    Job.unpack: _yes_or_no,
    Job.batch_rows: Number(lambda row: row.call.lanes),
    Job.batch_pairs: Number(0),
    Job.clipped_update: Given(_nothing),
    Job.clipped_fields_at: Room(1, lambda row: row[Job.clipped_update]),
    Job.squares_at: Room(lambda row: 2 * row[Job.units] + 1, lambda row: row[Job.clipped_update]),
    Job.keys_at: Room(
        lambda row: row[Job.steps] * row[Job.layers] * KEYS,
        lambda row: row.call.layers[LayerRow.dropped_at].any(),
    ),
}


def _strides(axis: int) -> Number:
    return _exactly(lambda row: row.table.array_of(DenseSource.base_at).strides[axis])


def _listed_entries(row: Row) -> int:
    return int(row.table.array_of(SparseSource.row_starts_at)[-1])


SOURCE: dict[Field, Number | Room | Given] = {
    DenseSource.base_at: Room(lambda row: row.call.data_rows * row.call.n_in),
    DenseSource.row_stride: _strides(0),
    DenseSource.column_stride: _strides(1),
    SparseSource.row_starts_at: Room(lambda row: row.call.data_rows + 1),
    SparseSource.columns_at: Room(_listed_entries),
    SparseSource.values_at: Room(_listed_entries),
}

BOUNDS = LAYER | UNIT | JOB | SOURCE
