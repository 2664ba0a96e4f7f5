"""Sizes and positions of a network's layers and units: whole numbers that all workspaces share."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from chainrule.engines.compiled.memory import round_up, row_distance
from chainrule.engines.compiled.rounding import Rounding
from chainrule.engines.compiled.row_phase import STRIP_ROWS
from chainrule.engines.compiled.structs import Table
from chainrule.engines.compiled.tables import LayerRow, UnitRow
from chainrule.model.parameters import Layout

__all__ = ["ALL_PANELS", "LayerSizes", "UnitKind", "Units", "layer_rows", "layer_sizes", "units"]

# More panels than a layer has.
ALL_PANELS = 1 << 30


@dataclass(frozen=True)
class LayerSizes:
    """One layer.

    Attributes
    ----------
    n_in, n_out : int
        Inputs and units.
    lanes : int
        Numbers of a vector.
    ld_in, ld : int
        Distances of the rows of its inputs and outputs.
    weight, bias : int
        Where they begin in a buffer of panels.
    flat_weight, flat_bias : int
        Where they begin in the flat vector; -1 where there is no bias.
    weight_constants, bias_constants : int
        Which of the constants of a step, by the rate factor.
    """

    n_in: int
    n_out: int
    lanes: int
    ld_in: int
    ld: int
    weight: int
    bias: int
    flat_weight: int
    flat_bias: int
    weight_constants: int
    bias_constants: int

    @property
    def rows(self) -> int:
        """Rows of a panel of the weight."""
        return round_up(self.n_in, self.lanes)

    @property
    def columns(self) -> int:
        """Columns of all panels together."""
        return round_up(self.n_out, self.lanes)

    def pair_rows(self, rounding: Rounding) -> int:
        """Rows of a panel of the weight in pairs."""
        return rounding.pairs(self.rows)

    def transposed_rows(self, rounding: Rounding | None) -> int:
        """Rows of a panel of the transposed weight, in pairs where products are rounded."""
        return self.columns if rounding is None else rounding.pairs(self.columns)


@lru_cache(maxsize=64)
def layer_sizes(
    shapes: tuple[tuple[int, int, bool], ...],
    rate_factors: tuple[tuple[float, float], ...],
    lanes: int,
    itemsize: int,
) -> tuple[LayerSizes, ...]:
    """Return the sizes of all layers of a layout, for vectors of some numbers of some bytes."""
    layout = Layout(shapes, rate_factors)
    factors, found, end = layout.distinct_rate_factors, [], 0
    for weight, bias in layout.layers:
        n_in, n_out = weight.shape
        begin, width = end, round_up(n_out, lanes)
        end += width * round_up(n_in, lanes)
        found.append(
            LayerSizes(
                n_in=n_in,
                n_out=n_out,
                lanes=lanes,
                ld_in=row_distance(n_in, lanes, itemsize),
                ld=row_distance(n_out, lanes, itemsize),
                weight=begin,
                bias=end,
                flat_weight=weight.start,
                flat_bias=-1 if bias is None else bias.start,
                weight_constants=factors.index(weight.rate_factor),
                bias_constants=0 if bias is None else factors.index(bias.rate_factor),
            )
        )
        end += width
    return tuple(found)


@lru_cache(maxsize=64)
def layer_rows(layers: tuple[LayerSizes, ...], dtype: np.dtype[Any]) -> Table:
    """Return the table of layers, without addresses; for all to copy from."""
    table = Table(LayerRow, dtype, (len(layers),))
    for number, layer in enumerate(layers):
        row = table.row(number)
        row[LayerRow.n_in], row[LayerRow.n_out] = layer.n_in, layer.n_out
        row[LayerRow.vectors_in] = layer.rows // layer.lanes
        row[LayerRow.vectors_out] = layer.columns // layer.lanes
        row[LayerRow.panel_rows] = layer.rows
        row[LayerRow.ld_in], row[LayerRow.ld] = layer.ld_in, layer.ld
        row[LayerRow.flat_weight], row[LayerRow.flat_bias] = layer.flat_weight, layer.flat_bias
    table.values.flags.writeable = False
    return table


class UnitKind(NamedTuple):
    """The choices of the second phase for the weight of a layer.

    Attributes
    ----------
    panel_vectors : int
        Vectors of the widest panel.
    nonzeros : bool
        Whether the nonzeros of the inputs are listed by columns.
    transposed : bool
        Whether the transpose is kept too.
    strips, panels : bool
        Whether the inputs are copied in strips, and the derivatives in panels.
    rounding : Rounding or None
        How operands are pairs of bfloat16.
    group : int
        Panels that are done together, strip by strip: their derivatives stay near the core.
    """

    panel_vectors: int
    nonzeros: bool
    transposed: bool
    strips: bool
    panels: bool
    rounding: Rounding | None = None
    group: int = ALL_PANELS


class Units(NamedTuple):
    """The units of one weight: panel by panel within each strip of its rows, group by group.

    Attributes
    ----------
    first, column : ndarray
        First row and first column of each unit.
    table : Table
        All fields but addresses; for all to copy from.
    """

    first: np.ndarray
    column: np.ndarray
    table: Table


@lru_cache(maxsize=256)
def units(layer: LayerSizes, kind: UnitKind, dtype: np.dtype[Any]) -> Units:
    """Return the units of a layer."""
    lanes = layer.lanes
    width = lanes * kind.panel_vectors
    panels = np.arange(0, layer.n_out, width)
    strips = np.arange(0, layer.n_in, STRIP_ROWS)
    groups = [panels[i : i + kind.group] for i in range(0, len(panels), kind.group)]
    column = np.concatenate([np.tile(group, len(strips)) for group in groups])
    first = np.concatenate([np.repeat(strips, len(group)) for group in groups])
    vectors = np.minimum(width, layer.columns - column) // lanes
    table = Table(UnitRow, dtype, (len(column),))
    strip = np.minimum(STRIP_ROWS, layer.rows - first)
    table[UnitRow.ld_in] = strip if kind.strips else layer.ld_in
    table[UnitRow.ld] = vectors * lanes if kind.panels else layer.ld
    table[UnitRow.vectors] = vectors
    table[UnitRow.rows] = np.minimum(STRIP_ROWS, layer.n_in - first)
    table[UnitRow.first] = first
    table[UnitRow.offset] = layer.weight + column * layer.rows + first * vectors * lanes
    table[UnitRow.flat] = layer.flat_weight + first * layer.n_out + column
    table[UnitRow.n_out] = layer.n_out
    table[UnitRow.columns] = np.minimum(vectors * lanes, layer.n_out - column)
    # a unit of the first strip updates the bias too
    biased = (first == 0) & (layer.flat_bias >= 0)
    table[UnitRow.bias_offset] = np.where(biased, layer.bias + column, -1)
    table[UnitRow.bias_flat] = np.where(biased, layer.flat_bias + column, -1)
    table[UnitRow.weight_constants] = layer.weight_constants
    table[UnitRow.bias_constants] = layer.bias_constants
    if kind.transposed:
        table[UnitRow.transposed_rows] = layer.transposed_rows(kind.rounding)
        table[UnitRow.vectors_in] = layer.rows // lanes
        table[UnitRow.first_column] = column
    table[UnitRow.nonzeros] = kind.nonzeros
    for array in (first, column, table.values):
        array.flags.writeable = False
    return Units(first, column, table)
