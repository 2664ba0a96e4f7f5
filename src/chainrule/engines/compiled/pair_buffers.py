"""Buffers of operands in pairs, for the layers and units whose products are rounded."""

from collections.abc import Callable

import numpy as np

from chainrule.engines.compiled.geometry import LayerSizes, Units
from chainrule.engines.compiled.rounding import Rounding
from chainrule.engines.compiled.structs import Place, Table
from chainrule.engines.compiled.tables import LayerRow, UnitRow

__all__ = ["fill_pairs", "place_pairs"]


def fill_pairs(
    row: Table,
    layer: LayerSizes,
    rounding: Rounding,
    rows: int,
    way_back: bool,
    zeros: Callable[[int], np.ndarray],
) -> None:
    """Give a layer room for its operands in pairs, and none for copies of its numbers.

    Parameters
    ----------
    row : Table
        The layer, in the table.
    layer : LayerSizes
        Its sizes.
    rounding : Rounding
        How its products are rounded.
    rows : int
        Rows of the buffers of a batch.
    way_back : bool
        Whether the layer before wants da = dz W'.
    zeros : callable
        Gives a buffer of so many numbers.
    """
    pair_rows = row[LayerRow.pair_rows] = layer.pair_rows(rounding)
    row[LayerRow.ld_in_pairs] = rounding.distance(layer.n_in, layer.ld_in)
    row[LayerRow.ld_pairs] = rounding.distance(layer.n_out, layer.ld)
    row[LayerRow.weight_pairs_at] = zeros(pair_rows * layer.columns)
    by_columns = layer.rows * rounding.turned_distance(rows)
    row[LayerRow.a_in_row_pairs_at] = zeros(by_columns or rows * layer.ld_in // 2)
    row[LayerRow.dz_row_pairs_at] = zeros(rows * layer.ld // 2)
    if way_back:
        row[LayerRow.transposed_rows] = layer.transposed_rows(rounding)
    row[LayerRow.strips_at] = row[LayerRow.panels_at] = None


def place_pairs(
    table: Table, found: Units, row: Table, layer: LayerSizes, rounding: Rounding, rows: int
) -> None:
    """Tell the units of a layer where their operands in pairs begin."""
    by_columns = rounding.turned_distance(rows)
    panels = found.column * layer.pair_rows(rounding)
    strips = found.first // 2 * found.table[UnitRow.vectors] * layer.lanes
    places = {
        UnitRow.weight_pairs_at: (LayerRow.weight_pairs_at, panels + strips),
        UnitRow.a_row_pairs_at: (LayerRow.a_in_row_pairs_at, found.first * (by_columns or 1)),
        UnitRow.dz_row_pairs_at: (LayerRow.dz_row_pairs_at, found.column),
    }
    table[UnitRow.a_row_pairs_ld] = by_columns or layer.ld_in
    for field, (buffer, offsets) in places.items():
        table[field] = Place(row.array_of(buffer), offsets)
