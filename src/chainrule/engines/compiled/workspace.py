"""The memory of an engine call: panels, buffers of a batch, and the tables that describe them.

Made once per network, precision, batch size and number of threads, and used again by later calls;
two calls at the same time have one each.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.engines.compiled.memory import address_of, aligned_zeros, round_up
from chainrule.engines.compiled.nonzeros import WIDE_PANEL
from chainrule.engines.compiled.passes import Pass
from chainrule.engines.compiled.row_phase import STRIP_ROWS
from chainrule.engines.compiled.tables import Job, LayerRow, Result, Source, UnitRow
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.teamwork import LINE, SHARES
from chainrule.engines.compiled.zeros import Zeros
from chainrule.engines.engine import Totals
from chainrule.model.dropout import scale, threshold
from chainrule.model.network import Network

__all__ = ["Workspace"]

# Columns from which the second phase gets copies, a few columns together: a step of
# 784-1024-1024-10 at 1024 rows takes 0.86 of the time, and 256 columns are not worth it yet.
WIDE = 320


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
    rows : int
        Rows of the buffers: of a batch in training, of a block otherwise.
    n_slots : int
        Arrays of optimizer memory.
    threads : int
        Threads, each of which has a scratch of its own.
    training : bool
        Whether buffers are shared by all threads and remembered for the way back.
    dropout : tuple of float
        Share that each hidden layer loses in training.
    zeros : Zeros, optional
        How the first layer passes over inputs that are 0; None for over none.
    """

    def __init__(
        self,
        network: Network,
        passes: Sequence[tuple[Pass, Pass]],
        target: Target,
        dtype: np.dtype[Any],
        *,
        rows: int,
        block: int,
        n_slots: int,
        threads: int,
        training: bool,
        dropout: tuple[float, ...] = (),
        zeros: Zeros | None = None,
    ) -> None:
        self.threads = threads
        self.block = block
        self._keep: list[Any] = [passes]
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
        self.layers = np.zeros((copies, len(layers), len(LayerRow)), np.int64)
        for table in self.layers:
            self._fill_layers(table, network, passes, offsets, transposed, rows, training)
            if zeros is not None:
                self._fill_nonzeros(table[0], zeros, rows, training)
            self._fill_dropout(table, dropout, rows)
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
        self._zeros_row = self._zeros(max(widest_in, lanes * target.panel_vectors))
        self.counters = aligned_zeros(SHARES + threads * LINE, np.int64)
        self.result = np.zeros(len(Result) + 1)
        self._panel_addresses = np.array([address_of(panel) for panel in self.panels], np.int64)
        self._flat, self._out = np.zeros((2, 1 + n_slots), np.int64)
        self.source = np.zeros(len(Source), np.int64)
        self.job = np.zeros(len(Job), np.int64)
        self.job_address = address_of(self.job)
        self._fill_job(scratch, rows)

    def _zeros(self, n: int) -> np.ndarray:
        return aligned_zeros(n, self.dtype)

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
        table: np.ndarray,
        network: Network,
        passes: Sequence[tuple[Pass, Pass]],
        offsets: list[tuple[int, int]],
        transposed: Sequence[np.ndarray | None],
        rows: int,
        training: bool,
    ) -> None:
        itemsize, lanes = self.dtype.itemsize, self._lanes
        a_in = self._zeros(rows * self._ld(network.n_in))
        self._keep.append(a_in)
        panels = address_of(self.panels[0])
        for number, layer in enumerate(network.layers):
            value, pullback = passes[number]
            row = table[number]
            z = self._zeros(rows * self._ld(layer.n_out))
            # a takes the place of z, unless the way back needs z, which dz then takes the place of
            a = self._zeros(len(z)) if training and pullback.reads_z else z
            dz = z if a is not z or not training else self._zeros(len(z))
            self._keep += [z, a, dz]
            weight, bias = offsets[number]
            row[LayerRow.n_in], row[LayerRow.n_out] = layer.n_in, layer.n_out
            row[LayerRow.vectors_out] = -(-layer.n_out // lanes)
            row[LayerRow.vectors_in] = -(-layer.n_in // lanes)
            row[LayerRow.panel_rows] = round_up(layer.n_in, lanes)
            row[LayerRow.weight_at] = panels + weight * itemsize
            row[LayerRow.bias_at] = panels + bias * itemsize
            flat_weight, flat_bias = network.layout.layers[number]
            row[LayerRow.flat_weight] = flat_weight.start
            row[LayerRow.flat_bias] = -1 if flat_bias is None else flat_bias.start
            wt = transposed[number]
            if wt is not None:
                self._keep.append(wt)
                row[LayerRow.transposed_at] = address_of(wt)
                row[LayerRow.transposed_rows] = round_up(layer.n_out, lanes)
            row[LayerRow.a_in_at] = address_of(a_in)
            row[LayerRow.ld_in] = self._ld(layer.n_in)
            row[LayerRow.z_at], row[LayerRow.a_at] = address_of(z), address_of(a)
            row[LayerRow.dz_at] = address_of(dz)
            row[LayerRow.ld] = self._ld(layer.n_out)
            row[LayerRow.value] = 0 if value.is_copy and a is z else value.address
            row[LayerRow.value_fields_at] = value.fields_at
            row[LayerRow.pullback] = pullback.address
            row[LayerRow.pullback_fields_at] = pullback.fields_at
            if training:
                row[LayerRow.strips_at] = self._copy_of(layer.n_in, rows)
                row[LayerRow.panels_at] = self._copy_of(layer.n_out, rows)
            a_in = a

    def _fill_nonzeros(self, row: np.ndarray, zeros: Zeros, rows: int, training: bool) -> None:
        """Make room for what is not 0 of the inputs, by rows and by columns."""

        def room(at: int, n: int, dtype: Any) -> None:
            array = aligned_zeros(n, dtype)
            self._keep.append(array)
            row[at] = address_of(array)

        n_in, entries = int(row[LayerRow.n_in]), rows * zeros.row_length
        strips = -(-n_in // zeros.strip_inputs)
        row[LayerRow.strips], row[LayerRow.strip_inputs] = strips, zeros.strip_inputs
        row[LayerRow.row_length], row[LayerRow.listed] = zeros.row_length, zeros.listed
        # a few rows of a matrix of words need little of a weight: it is not brought into panels
        row[LayerRow.flat] = zeros.listed and not training
        room(LayerRow.starts_at, rows * (strips + 1), np.int64)
        room(LayerRow.columns_at, entries, np.int32)
        room(LayerRow.values_at, entries, self.dtype)
        if training:
            room(LayerRow.begins_at, n_in, np.int64)
            room(LayerRow.ends_at, n_in, np.int64)
            room(LayerRow.sorted_rows_at, entries, np.int32)
            room(LayerRow.sorted_values_at, entries, self.dtype)
        row[LayerRow.strips_at] = row[LayerRow.panels_at] = 0

    def _copy_of(self, columns: int, rows: int) -> int:
        """Return where the copy of a wide matrix goes; 0 for one that needs none."""
        if columns < WIDE:
            return 0
        copy = self._zeros(round_up(columns, self._lanes) * rows)
        self._keep.append(copy)
        return address_of(copy)

    def _fill_dropout(self, table: np.ndarray, dropout: tuple[float, ...], rows: int) -> None:
        """Let layers that lose units hand the next one a buffer of their own."""
        for number, rate in enumerate(dropout):
            if rate:
                row, factor = table[number], np.array([scale(rate)])
                dropped = self._zeros(rows * int(row[LayerRow.ld]))
                self._keep += [dropped, factor]
                row[LayerRow.dropped_at] = address_of(dropped)
                row[LayerRow.threshold] = threshold(rate)
                row[LayerRow.scale_at] = address_of(factor)
                table[number + 1, LayerRow.a_in_at] = address_of(dropped)

    def _units(
        self,
        network: Network,
        offsets: list[tuple[int, int]],
        transposed: Sequence[np.ndarray | None],
        rows: int,
    ) -> np.ndarray:
        """Return the units of the second phase, layer by layer."""
        lanes, itemsize = self._lanes, self.dtype.itemsize
        factors = network.layout.distinct_rate_factors
        parts = [np.zeros((0, len(UnitRow)), np.int64)]
        for number, layer in enumerate(network.layers):
            row = self.layers[0, number]
            if row[LayerRow.flat]:
                continue
            flat_weight, flat_bias = network.layout.layers[number]
            weight, bias = offsets[number]
            nonzeros = bool(row[LayerRow.starts_at])
            width = lanes * (WIDE_PANEL if nonzeros else self._target.panel_vectors)
            columns = np.arange(0, layer.n_out, width)
            firsts = np.arange(0, layer.n_in, STRIP_ROWS)
            column, first = np.tile(columns, len(firsts)), np.repeat(firsts, len(columns))
            part = np.zeros((len(column), len(UnitRow)), np.int64)
            part[:, UnitRow.a_at] = row[LayerRow.a_in_at] + first * itemsize
            part[:, UnitRow.ld_in] = row[LayerRow.ld_in]
            part[:, UnitRow.dz_at] = row[LayerRow.dz_at] + column * itemsize
            part[:, UnitRow.ld] = row[LayerRow.ld]
            vectors = np.minimum(width, round_up(layer.n_out, lanes) - column) // lanes
            part[:, UnitRow.vectors] = vectors
            part[:, UnitRow.rows] = np.minimum(STRIP_ROWS, layer.n_in - first)
            part[:, UnitRow.first] = first
            panel = weight + column * row[LayerRow.panel_rows]
            part[:, UnitRow.offset] = panel + first * vectors * lanes
            part[:, UnitRow.flat] = flat_weight.start + first * layer.n_out + column
            part[:, UnitRow.n_out] = layer.n_out
            part[:, UnitRow.columns] = np.minimum(vectors * lanes, layer.n_out - column)
            starts = first == 0
            part[:, UnitRow.bias_offset] = np.where(starts, bias + column, -1)
            part[:, UnitRow.bias_flat] = -1
            if flat_bias is not None:
                part[:, UnitRow.bias_flat] = np.where(starts, flat_bias.start + column, -1)
                part[:, UnitRow.bias_constants] = factors.index(flat_bias.rate_factor)
            else:
                part[:, UnitRow.bias_offset] = -1
            part[:, UnitRow.weight_constants] = factors.index(flat_weight.rate_factor)
            wt = transposed[number]
            if wt is not None:
                part[:, UnitRow.transposed_at] = address_of(wt)
                part[:, UnitRow.transposed_rows] = row[LayerRow.transposed_rows]
                part[:, UnitRow.vectors_in] = row[LayerRow.vectors_in]
                part[:, UnitRow.first_column] = column
            part[:, UnitRow.nonzeros] = nonzeros
            if row[LayerRow.strips_at]:
                part[:, UnitRow.a_at] = row[LayerRow.strips_at] + first * rows * itemsize
                columns_in = round_up(layer.n_in, lanes)
                part[:, UnitRow.ld_in] = np.minimum(STRIP_ROWS, columns_in - first)
            if row[LayerRow.panels_at]:
                part[:, UnitRow.dz_at] = row[LayerRow.panels_at] + column * rows * itemsize
                part[:, UnitRow.ld] = vectors * lanes
            parts.append(part)
        return np.ascontiguousarray(np.concatenate(parts))

    def _fill_job(self, scratch: int, rows: int) -> None:
        job = self.job
        job[Job.threads] = self.threads
        job[Job.counters_at] = address_of(self.counters)
        job[Job.layers] = self.layers.shape[1]
        job[Job.layers_at] = address_of(self.layers)
        job[Job.layers_stride] = self.layers[0].size
        job[Job.units] = len(self.units)
        job[Job.units_at] = address_of(self.units)
        job[Job.block], job[Job.batch_rows] = self.block, rows
        job[Job.y_block_at] = address_of(self._y_block)
        job[Job.w_block_at] = address_of(self._w_block)
        job[Job.y_stride] = self.y_stride
        job[Job.losses_at] = address_of(self._losses)
        job[Job.target_at] = address_of(self.panels[0])
        job[Job.slots_at] = address_of(self._panel_addresses) + 8
        job[Job.panels_at] = address_of(self._panel_addresses)
        job[Job.panels_out_at] = address_of(self._panel_addresses)
        job[Job.flat_at], job[Job.flat_out_at] = address_of(self._flat), address_of(self._out)
        job[Job.source_at] = address_of(self.source)
        job[Job.scratch_at] = address_of(self._scratch)
        job[Job.scratch_stride] = scratch
        job[Job.zeros_at] = address_of(self._zeros_row)
        job[Job.result_at] = address_of(self.result)

    def set_arrays(
        self, flat: Sequence[np.ndarray], out: Sequence[np.ndarray], first_out: int = 0
    ) -> None:
        """Name the flat arrays to pack from, and those to unpack to from panel ``first_out`` on."""
        self._flat[: len(flat)] = [address_of(array) for array in flat]
        self._out[: len(out)] = [address_of(array) for array in out]
        job = self.job
        job[Job.arrays], job[Job.arrays_out] = len(flat), len(out)
        job[Job.panels_out_at] = job[Job.panels_at] + 8 * first_out

    def set_constants(self, table: np.ndarray) -> None:
        """Name the constants of the steps to make: (steps, rate factors, constants of the rule)."""
        self._constants = table
        job = self.job
        steps, factors, constants = table.shape
        job[Job.steps], job[Job.constants] = steps, constants
        job[Job.step_constants] = factors * constants
        job[Job.constants_at] = address_of(table)

    def set_keys(self, keys: np.ndarray) -> None:
        """Name the keys of dropout: two integers for each step and layer."""
        self._keys = keys.astype(np.int64)
        self.job[Job.keys_at] = address_of(self._keys)

    def set_clipping(self, update: Pass, limit: float) -> None:
        """Let gradients be collected in the last panels, and clipped ones update the first."""
        self._squares = np.append(np.zeros(2 * len(self.units)), limit)
        job = self.job
        job[Job.clipped_update], job[Job.clipped_fields_at] = update.address, update.fields_at
        job[Job.squares_at] = address_of(self._squares)
        job[Job.target_at] = address_of(self.panels[-1])
        # the pass that collects has the parameters as its slot
        job[Job.slots_at] = job[Job.panels_at]

    def begin(self, limit: float) -> None:
        """Let totals start at nothing; a step whose mean loss is above the limit is not made."""
        self.result[:] = [0.0, 0.0, 0.0, np.nan, limit]

    @property
    def listed(self) -> bool:
        """Whether rows come as lists of what is not 0."""
        return bool(self.layers[0, 0, LayerRow.listed])

    @property
    def totals(self) -> Totals:
        """What the steps since `begin` add up to."""
        loss, weight, steps, last, _ = self.result.tolist()
        return Totals(loss, weight, int(steps), last)
