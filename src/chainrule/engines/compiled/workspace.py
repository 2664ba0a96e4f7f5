"""The memory of an engine call: panels, buffers of a batch, and the tables that describe them.

Made once per network, precision, batch size and number of threads, and used again by later calls;
two calls at the same time have one each.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.engines.compiled import checking
from chainrule.engines.compiled.bounds import TRAINING, Call
from chainrule.engines.compiled.memory import aligned_zeros, round_up
from chainrule.engines.compiled.nonzeros import WIDE_PANEL
from chainrule.engines.compiled.passes import Pass
from chainrule.engines.compiled.row_phase import STRIP_ROWS
from chainrule.engines.compiled.structs import Place, Table, addresses
from chainrule.engines.compiled.tables import Job, LayerRow, Result, UnitRow
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.teamwork import LINE, SHARES
from chainrule.engines.compiled.unit_grid import UnitGrid
from chainrule.engines.compiled.zeros import Zeros
from chainrule.engines.engine import Totals
from chainrule.model.dropout import scale, threshold
from chainrule.model.network import Network

__all__ = ["Workspace"]

# Columns from which the second phase gets copies, a few columns together, by the bytes of a vector:
# a step of 784-1024-1024-10 at 1024 rows takes 0.86 of the time, and 256 columns are not worth it
# yet. Of 512-bit vectors a panel takes three cache lines of each row instead of one, and copies
# cost more than they save: steps of 784 to 12,000 inputs take 0.92 to 0.99 of the time without.
WIDE = {16: 320.0, 32: 320.0, 64: math.inf}
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
        layers = network.layers
        offsets, size = self._offsets(network)
        self.panels = [self._zeros(size) for _ in range(1 + n_slots)]
        transposed = [
            self._zeros(round_up(layer.n_in, lanes) * round_up(layer.n_out, lanes))
            if training and number
            else None
            for number, layer in enumerate(layers)
        ]
        rows = round_up(rows, lanes)
        copies = 1 if training else threads
        self.layers = Table(LayerRow, dtype, (copies, len(layers)))
        for copy in range(copies):
            own = [self.layers.row(copy, number) for number in range(len(layers))]
            self._fill_layers(own, network, passes, offsets, transposed, rows, training)
            if zeros is not None:
                self._fill_nonzeros(own[0], zeros, rows, training)
            self._fill_dropout(own, dropout, rows)
        self.units = self._units(network, offsets, transposed, rows)
        widest = max(self._ld(layer.n_out) for layer in layers)
        panel = target.panel_vectors if zeros is None else WIDE_PANEL
        scratch = max(block * widest, STRIP_ROWS * lanes * panel)
        scratch = round_up(scratch * dtype.itemsize, 64)
        self._scratch = aligned_zeros(scratch * threads, np.uint8)
        target_rows = rows if training else rows * threads
        self.y_stride = round_up(network.n_out, lanes)
        self._y_block = self._zeros(target_rows * self.y_stride)
        self._w_block = self._zeros(target_rows)
        self._losses = aligned_zeros(rows, np.float64)
        widest_in = max(self._ld(layer.n_in) for layer in layers)
        self._zeros_row = aligned_zeros(max(widest_in, lanes * target.panel_vectors), dtype)
        self.counters = aligned_zeros(SHARES + threads * LINE, np.int64)
        self.result = Table(Result, dtype)
        self._panel_addresses = np.array(addresses(self.panels), np.int64)
        self._panel_places = [Place(self._panel_addresses, number) for number in range(2)]
        self._flat, self._out = np.zeros((2, 1 + n_slots), np.int64)
        self.job = Table(Job, dtype)
        self.job_address = self.job.address
        self._fill_job(scratch, rows)

    def _zeros(self, n: int) -> np.ndarray:
        buffer = aligned_zeros(n, self.dtype)
        self._buffers.append(buffer)
        return buffer

    def _ld(self, columns: int) -> int:
        """Return the distance of rows: whole vectors, and an odd number of cache lines.

        Distances that are powers of two would put a column of a buffer into a few cache sets.
        """
        columns = round_up(columns, self._lanes)
        line = 64 // self.dtype.itemsize
        if columns < 8 * line:
            return columns
        columns = round_up(columns, line)
        return columns if columns // line % 2 else columns + line

    def _offsets(self, network: Network) -> tuple[list[tuple[int, int]], int]:
        """Return where weight and bias of each layer begin in a buffer of panels, and its size."""
        offsets, end = [], 0
        for layer in network.layers:
            width = round_up(layer.n_out, self._lanes)
            weight = end
            end += width * round_up(layer.n_in, self._lanes)
            offsets.append((weight, end))
            end += width
        return offsets, end

    def _fill_layers(
        self,
        table: Sequence[Table],
        network: Network,
        passes: Sequence[tuple[Pass, Pass]],
        offsets: list[tuple[int, int]],
        transposed: Sequence[np.ndarray | None],
        rows: int,
        training: bool,
    ) -> None:
        lanes = self._lanes
        a_in = self._zeros(rows * self._ld(network.n_in))
        for number, layer in enumerate(network.layers):
            value, pullback = passes[number]
            row = table[number]
            z = self._zeros(rows * self._ld(layer.n_out))
            # a overwrites z, unless the way back needs z; then dz overwrites z
            a = self._zeros(len(z)) if training and pullback.reads_z else z
            dz = z if a is not z or not training else self._zeros(len(z))
            weight, bias = offsets[number]
            row[LayerRow.n_in], row[LayerRow.n_out] = layer.n_in, layer.n_out
            row[LayerRow.vectors_out] = -(-layer.n_out // lanes)
            row[LayerRow.vectors_in] = -(-layer.n_in // lanes)
            row[LayerRow.panel_rows] = round_up(layer.n_in, lanes)
            row[LayerRow.weight_at] = Place(self.panels[0], weight)
            row[LayerRow.bias_at] = Place(self.panels[0], bias)
            flat_weight, flat_bias = network.layout.layers[number]
            row[LayerRow.flat_weight] = flat_weight.start
            row[LayerRow.flat_bias] = -1 if flat_bias is None else flat_bias.start
            wt = transposed[number]
            if wt is not None:
                row[LayerRow.transposed_at] = wt
                row[LayerRow.transposed_rows] = round_up(layer.n_out, lanes)
            row[LayerRow.a_in_at] = a_in
            row[LayerRow.ld_in] = self._ld(layer.n_in)
            row[LayerRow.z_at], row[LayerRow.a_at], row[LayerRow.dz_at] = z, a, dz
            row[LayerRow.ld] = self._ld(layer.n_out)
            row[LayerRow.value] = None if value.is_copy and a is z else value.entry
            row[LayerRow.value_fields_at] = value.fields
            row[LayerRow.pullback] = pullback.entry
            row[LayerRow.pullback_fields_at] = pullback.fields
            if training:
                row[LayerRow.strips_at] = self._copy_of(layer.n_in, rows)
                row[LayerRow.panels_at] = self._copy_of(layer.n_out, rows)
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

    def _copy_of(self, columns: int, rows: int) -> np.ndarray | None:
        """Return the copy of a wide matrix; None for one that needs none."""
        wide = columns >= WIDE[self._target.vector_bytes]
        return self._zeros(round_up(columns, self._lanes) * rows) if wide else None

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
        network: Network,
        offsets: list[tuple[int, int]],
        transposed: Sequence[np.ndarray | None],
        rows: int,
    ) -> Table:
        """Return the units of the second phase, layer by layer."""
        lanes, tables = self._lanes, []
        factors = network.layout.distinct_rate_factors
        for number, layer in enumerate(network.layers):
            row = self.layers.row(0, number)
            if row[LayerRow.flat]:
                continue
            flat_weight, flat_bias = network.layout.layers[number]
            weight, bias = offsets[number]
            nonzeros = bool(row[LayerRow.starts_at])
            panel = WIDE_PANEL if nonzeros else self._target.panel_vectors
            grid = UnitGrid.of(layer.n_in, layer.n_out, lanes, panel)
            first, column, vectors = grid.first, grid.column, grid.vectors
            units = Table(UnitRow, self.dtype, (len(column),))
            units[UnitRow.a_at] = Place(row.array_of(LayerRow.a_in_at), first)
            units[UnitRow.ld_in] = row[LayerRow.ld_in]
            units[UnitRow.dz_at] = Place(row.array_of(LayerRow.dz_at), column)
            units[UnitRow.ld] = row[LayerRow.ld]
            units[UnitRow.vectors] = vectors
            units[UnitRow.rows] = grid.rows
            units[UnitRow.first] = first
            begin = weight + column * row[LayerRow.panel_rows]
            units[UnitRow.offset] = begin + first * vectors * lanes
            units[UnitRow.flat] = flat_weight.start + first * layer.n_out + column
            units[UnitRow.n_out] = layer.n_out
            units[UnitRow.columns] = grid.columns
            units[UnitRow.bias_offset] = units[UnitRow.bias_flat] = -1
            if flat_bias is not None:
                units[UnitRow.bias_offset] = np.where(grid.starts, bias + column, -1)
                units[UnitRow.bias_flat] = np.where(grid.starts, flat_bias.start + column, -1)
                units[UnitRow.bias_constants] = factors.index(flat_bias.rate_factor)
            units[UnitRow.weight_constants] = factors.index(flat_weight.rate_factor)
            wt = transposed[number]
            if wt is not None:
                units[UnitRow.transposed_at] = wt
                units[UnitRow.transposed_rows] = row[LayerRow.transposed_rows]
                units[UnitRow.vectors_in] = row[LayerRow.vectors_in]
                units[UnitRow.first_column] = column
            units[UnitRow.nonzeros] = nonzeros
            if row[LayerRow.strips_at]:
                units[UnitRow.a_at] = Place(row.array_of(LayerRow.strips_at), first * rows)
                columns_in = round_up(layer.n_in, lanes)
                units[UnitRow.ld_in] = np.minimum(STRIP_ROWS, columns_in - first)
            if row[LayerRow.panels_at]:
                units[UnitRow.dz_at] = Place(row.array_of(LayerRow.panels_at), column * rows)
                units[UnitRow.ld] = vectors * lanes
            tables.append(units)
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
