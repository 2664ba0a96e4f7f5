"""The memory of an engine call: panels, buffers of a batch, and the tables that describe them.

Made once per network, precision, batch size and number of threads, and used again by later calls;
two calls at the same time have one each.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.engines.compiled import checking
from chainrule.engines.compiled.blocks import is_copied, panels_together
from chainrule.engines.compiled.geometry import (
    ALL_PANELS,
    LayerSizes,
    UnitKind,
    layer_rows,
    layer_sizes,
    units,
)
from chainrule.engines.compiled.memory import aligned_zeros, round_up
from chainrule.engines.compiled.narrow import most_outputs
from chainrule.engines.compiled.nonzeros import WIDE_PANEL
from chainrule.engines.compiled.pair_buffers import fill_pairs, place_pairs
from chainrule.engines.compiled.passes import Pass
from chainrule.engines.compiled.rounding import Rounding, rows_together
from chainrule.engines.compiled.row_phase import STRIP_ROWS
from chainrule.engines.compiled.rules import TRAINING, Call
from chainrule.engines.compiled.structs import Place, Table, addresses
from chainrule.engines.compiled.tables import Job, LayerRow, Result, UnitRow
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.teamwork import LINE, SHARES
from chainrule.engines.compiled.zeros import Zeros
from chainrule.engines.engine import Totals
from chainrule.model.dropout import scale, threshold
from chainrule.model.network import Network

__all__ = ["Workspace"]

# Fields that point to arrays of the caller. A workspace that waits for the next call keeps none.
_OF_A_CALL = (Job.order_at, Job.source_at, Job.y_at, Job.weight_at, Job.out_at)


class Workspace:
    """Buffers and tables for one kind of call.

    Parameters
    ----------
    network : Network
        The layers.
    passes : sequence of (value, pullback)
        The activation of each layer as machine code.
    target : Target
        The processor.
    dtype : dtype
        Precision.
    kind : str
        Of the call. In training, buffers are shared by all threads and remembered for the way back.
    rows : int
        Rows of the buffers: of a batch in training, of a block otherwise.
    n_slots : int
        Arrays of optimizer memory.
    threads : int
        Threads, each of which has a scratch of its own.
    dropout : tuple of float
        Share that each hidden layer loses in training.
    zeros : Zeros, optional
        Plan of a first layer that skips zero inputs; None for one that does not.
    rounding : Rounding, optional
        How products are rounded: those of all layers but narrow ones and one that skips zeros.
    """

    def __init__(
        self,
        network: Network,
        passes: Sequence[tuple[Pass, Pass]],
        target: Target,
        dtype: np.dtype[Any],
        *,
        kind: str,
        rows: int,
        block: int,
        n_slots: int,
        threads: int,
        dropout: tuple[float, ...] = (),
        zeros: Zeros | None = None,
        rounding: Rounding | None = None,
    ) -> None:
        self.kind = kind
        self.checked = checking.wanted()
        training = kind in TRAINING
        self._network = network
        self._buffers: list[np.ndarray] = []
        self.threads = threads
        self.block = block
        self._passes = passes
        self.dtype = dtype
        self._lanes = lanes = target.lanes(dtype.itemsize)
        self._target = target
        layout = network.layout
        sizes = layer_sizes(layout.shapes, layout.rate_factors, lanes, dtype.itemsize)
        size = sizes[-1].bias + sizes[-1].columns
        self.panels = [self._zeros(size) for _ in range(1 + n_slots)]
        roundings = [
            rounding if layer.n_out > most_outputs(lanes) and (number or zeros is None) else None
            for number, layer in enumerate(sizes)
        ]
        transposed = [
            self._zeros(layer.rows * layer.transposed_rows(how)) if training and number else None
            for number, (layer, how) in enumerate(zip(sizes, roundings, strict=True))
        ]
        rows = round_up(rows, rows_together(rounding, lanes))
        copies = 1 if training else threads
        self.layers = Table(LayerRow, dtype, (copies, len(sizes)))
        self.layers.values[:] = layer_rows(sizes, dtype).values
        for copy in range(copies):
            own = [self.layers.row(copy, number) for number in range(len(sizes))]
            self._fill_layers(own, sizes, transposed, rows, training)
            if zeros is not None:
                self._fill_nonzeros(own[0], zeros, rows, training)
            self._fill_dropout(own, dropout, rows)
            for number, (layer, how) in enumerate(zip(sizes, roundings, strict=True)):
                if how is not None:
                    fill_pairs(own[number], layer, how, rows, number > 0, self._zeros)
        self.units = self._units(sizes, roundings, transposed, rows)
        widest, widest_in = (max(ld) for ld in zip(*((s.ld, s.ld_in) for s in sizes), strict=True))
        panel = target.panel_vectors if zeros is None else WIDE_PANEL
        scratch = round_up(max(block * widest, STRIP_ROWS * lanes * panel), 64)
        self.job = Table(Job, dtype)
        self.job[Job.pairs_offset] = scratch
        pairs = (self.layers[name].max() for name in (LayerRow.ld_in_pairs, LayerRow.ld_pairs))
        scratch = round_up((scratch + block * int(max(pairs))) * dtype.itemsize, 64)
        self._scratch = aligned_zeros(scratch * threads, np.uint8)
        target_rows = rows if training else rows * threads
        self.y_stride = round_up(network.n_out, lanes)
        self._y_block = self._zeros(target_rows * self.y_stride)
        self._w_block = self._zeros(target_rows)
        self._losses = aligned_zeros(rows, np.float64)
        widest_row = max(widest, widest_in, lanes * target.panel_vectors)
        self._zeros_row = aligned_zeros(widest_row, dtype)
        self.counters = aligned_zeros(SHARES + threads * LINE, np.int64)
        self.result = Table(Result, dtype)
        self._panel_addresses = np.array(addresses(self.panels), np.int64)
        self._panel_places = [Place(self._panel_addresses, number) for number in range(2)]
        self._flat, self._out = np.zeros((2, 1 + n_slots), np.int64)
        self.job_address = self.job.address
        self._fill_job(scratch, rows)
        self.job[Job.batch_pairs] = rounding.turned_distance(rows) if rounding else 0

    def _zeros(self, n: int) -> np.ndarray:
        buffer = aligned_zeros(n, self.dtype)
        self._buffers.append(buffer)
        return buffer

    def _fill_layers(
        self,
        table: Sequence[Table],
        sizes: tuple[LayerSizes, ...],
        transposed: Sequence[np.ndarray | None],
        rows: int,
        training: bool,
    ) -> None:
        a_in = self._zeros(rows * sizes[0].ld_in)
        for number, layer in enumerate(sizes):
            value, pullback = self._passes[number]
            row = table[number]
            z = self._zeros(rows * layer.ld)
            # a overwrites z, unless the way back needs z; then dz overwrites z
            a = self._zeros(len(z)) if training and pullback.reads_z else z
            dz = z if a is not z or not training else self._zeros(len(z))
            row[LayerRow.weight_at] = Place(self.panels[0], layer.weight)
            row[LayerRow.bias_at] = Place(self.panels[0], layer.bias)
            wt = transposed[number]
            if wt is not None:
                row[LayerRow.transposed_at] = wt
                row[LayerRow.transposed_rows] = layer.columns
            row[LayerRow.a_in_at] = a_in
            row[LayerRow.z_at], row[LayerRow.a_at], row[LayerRow.dz_at] = z, a, dz
            row[LayerRow.value] = None if value.is_copy and a is z else value.entry
            row[LayerRow.value_fields_at] = value.fields
            row[LayerRow.pullback] = pullback.entry
            row[LayerRow.pullback_fields_at] = pullback.fields
            if training:
                panels = -(-layer.n_out // (layer.lanes * self._target.panel_vectors))
                row[LayerRow.strips_at] = self._copy_of(layer.n_in, rows, panels)
                strips = -(-layer.n_in // STRIP_ROWS)
                row[LayerRow.panels_at] = self._copy_of(layer.n_out, rows, strips)
            a_in = a

    def _fill_nonzeros(self, row: Table, zeros: Zeros, rows: int, training: bool) -> None:
        """Make room for the nonzeros of the inputs, by rows and by columns."""
        n_in, entries = row[LayerRow.n_in], rows * zeros.row_length
        strips = -(-n_in // zeros.strip_inputs)
        row[LayerRow.strips], row[LayerRow.strip_inputs] = strips, zeros.strip_inputs
        row[LayerRow.row_length], row[LayerRow.listed] = zeros.row_length, zeros.listed
        # a few rows of a matrix of words need few rows of a weight: it is not packed
        row[LayerRow.flat] = zeros.listed and not training
        row[LayerRow.starts_at] = aligned_zeros(rows * (strips + 1), np.int64)
        row[LayerRow.columns_at] = aligned_zeros(entries, np.int32)
        row[LayerRow.values_at] = self._zeros(entries)
        if training:
            row[LayerRow.begins_at] = aligned_zeros(n_in, np.int64)
            row[LayerRow.ends_at] = aligned_zeros(n_in, np.int64)
            row[LayerRow.sorted_rows_at] = aligned_zeros(entries, np.int32)
            row[LayerRow.sorted_values_at] = self._zeros(entries)
        row[LayerRow.strips_at] = row[LayerRow.panels_at] = None

    def _copy_of(self, columns: int, rows: int, times: int) -> np.ndarray | None:
        """Return the copy of a matrix that is read so many times; None for one that needs none."""
        numbers = round_up(columns, self._lanes) * rows
        vector_bytes, size = self._target.vector_bytes, numbers * self.dtype.itemsize
        return self._zeros(numbers) if is_copied(columns, size, times, vector_bytes) else None

    def _fill_dropout(self, table: Sequence[Table], dropout: tuple[float, ...], rows: int) -> None:
        """Give layers with dropout a buffer for the inputs of the next layer."""
        for number, rate in enumerate(dropout):
            if rate:
                row = table[number]
                dropped = self._zeros(rows * row[LayerRow.ld])
                row[LayerRow.dropped_at] = dropped
                row[LayerRow.threshold] = threshold(rate)
                row[LayerRow.scale_at] = np.array([scale(rate)])
                table[number + 1][LayerRow.a_in_at] = dropped

    def _units(
        self,
        sizes: tuple[LayerSizes, ...],
        roundings: Sequence[Rounding | None],
        transposed: Sequence[np.ndarray | None],
        rows: int,
    ) -> Table:
        """Return the units of the second phase, layer by layer."""
        tables = []
        for number, (layer, rounding) in enumerate(zip(sizes, roundings, strict=True)):
            row, wt = self.layers.row(0, number), transposed[number]
            if row[LayerRow.flat]:
                continue
            nonzeros = bool(row[LayerRow.starts_at])
            strips, panels = row.array_of(LayerRow.strips_at), row.array_of(LayerRow.panels_at)
            widest = WIDE_PANEL if nonzeros else self._target.panel_vectors
            kind = UnitKind(
                panel_vectors=widest,
                nonzeros=nonzeros,
                transposed=wt is not None,
                strips=strips is not None,
                panels=panels is not None,
                rounding=rounding,
                group=panels_together(rows // 2 * widest * layer.lanes * self.dtype.itemsize)
                if rounding is Rounding.matrices
                else ALL_PANELS,
            )
            found = units(layer, kind, self.dtype)
            table = Table(UnitRow, self.dtype, (len(found.table),))
            table.values[:] = found.table.values
            inputs, derivatives = row.array_of(LayerRow.a_in_at), row.array_of(LayerRow.dz_at)
            table[UnitRow.a_at] = (
                Place(inputs, found.first) if strips is None else Place(strips, found.first * rows)
            )
            table[UnitRow.dz_at] = (
                Place(derivatives, found.column)
                if panels is None
                else Place(panels, found.column * rows)
            )
            if wt is not None:
                table[UnitRow.transposed_at] = wt
            if rounding is not None:
                place_pairs(table, found, row, layer, rounding, rows)
            tables.append(table)
        return Table.joined(UnitRow, self.dtype, tables)

    def _fill_job(self, scratch: int, rows: int) -> None:
        job = self.job
        job[Job.threads] = self.threads
        job[Job.counters_at] = self.counters
        job[Job.layers] = job[Job.layers_stride] = self.layers.values.shape[1]
        job[Job.layers_at] = self.layers
        job[Job.units], job[Job.units_at] = len(self.units), self.units
        job[Job.block], job[Job.batch_rows] = self.block, rows
        job[Job.y_block_at], job[Job.w_block_at] = self._y_block, self._w_block
        job[Job.y_stride] = self.y_stride
        job[Job.losses_at] = self._losses
        job[Job.target_at] = self.panels[0]
        job[Job.slots_at] = self._panel_places[1]
        job[Job.panels_at] = self._panel_addresses
        job[Job.flat_at], job[Job.flat_out_at] = self._flat, self._out
        job[Job.scratch_at], job[Job.scratch_stride] = self._scratch, scratch
        job[Job.zeros_at] = self._zeros_row
        job[Job.result_at] = self.result

    def set_arrays(
        self, flat: Sequence[np.ndarray], out: Sequence[np.ndarray], first_out: int = 0
    ) -> None:
        """Set the flat arrays to pack from, and those to unpack to from panel ``first_out`` on."""
        self._flat[: len(flat)] = addresses(flat)
        self._out[: len(out)] = addresses(out)
        job = self.job
        job[Job.arrays], job[Job.arrays_out] = len(flat), len(out)
        job[Job.panels_out_at] = self._panel_places[first_out]

    def set_constants(self, table: np.ndarray) -> None:
        """Set the constants of the next steps: (steps, rate factors, constants of the rule)."""
        job = self.job
        steps, factors, constants = table.shape
        job[Job.steps], job[Job.constants] = steps, constants
        job[Job.step_constants] = factors * constants
        job[Job.constants_at] = table

    def set_keys(self, keys: np.ndarray) -> None:
        """Set the keys of dropout: two integers for each step and layer."""
        self.job[Job.keys_at] = keys.astype(np.int64)

    def set_clipping(self, update: Pass, limit: float) -> None:
        """Collect gradients in the last panels, and let clipped ones update the first."""
        job = self.job
        job[Job.clipped_update], job[Job.clipped_fields_at] = update.entry, update.fields
        job[Job.squares_at] = np.append(np.zeros(2 * len(self.units)), limit)
        job[Job.target_at] = self.panels[-1]
        # the pass that collects has the parameters as its slot
        job[Job.slots_at] = self._panel_addresses

    def begin(self, limit: float) -> None:
        """Set all totals to 0; a step whose mean loss is above the limit is not made."""
        self.result.values[:] = [0.0, 0.0, 0.0, np.nan, limit]

    def poison(self) -> None:
        """Fill all buffers with NaN, so that a number that is read before it is written shows."""
        for buffer in (*self._buffers, self._losses, self._scratch.view(self.dtype)):
            buffer.fill(np.nan)
        # a layer without a bias adds zeros, and pairs of weights end in zeros
        for number in range(self.layers.values.shape[1]):
            row = self.layers.row(0, number)
            if row[LayerRow.weight_pairs_at]:
                for field in (LayerRow.weight_pairs_at, LayerRow.transposed_at):
                    pairs = row.array_of(field)
                    if pairs is not None:
                        pairs.fill(0.0)
            if row[LayerRow.flat_bias] < 0:
                bias = row.array_of(LayerRow.bias_at)
                bias.array[bias.offset :][: row[LayerRow.vectors_out] * self._lanes] = 0.0
        # the search for nonzeros reads the padding of the last vector, and relies on zeros there
        for copy in range(len(self.layers)):
            first = self.layers.row(copy, 0)
            rows = first.array_of(LayerRow.a_in_at).reshape(-1, first[LayerRow.ld_in])
            rows[:, first[LayerRow.n_in] :] = 0.0

    def check(self) -> None:
        """Compare all fields with their bounds; see `checking`."""
        checking.check(self.call())

    def call(self) -> Call:
        """Return what a kernel would be given now."""
        parameters = self._network.n_parameters
        return Call(self.kind, self.job, self.layers, self.units, self._target, parameters)

    def release(self) -> None:
        """Drop the references to the arrays of a call that has ended."""
        for field in _OF_A_CALL:
            self.job.kept.pop(field.index, None)

    @property
    def listed(self) -> bool:
        """True of rows that come as lists of nonzeros."""
        return bool(self.layers.row(0, 0)[LayerRow.listed])

    @property
    def totals(self) -> Totals:
        """Totals of the steps since `begin`."""
        loss, weight, steps, last, _ = self.result.values.tolist()
        return Totals(loss, weight, int(steps), last)
