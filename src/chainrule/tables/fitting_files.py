"""Fits on tables in blocks, which memory need not hold: a pass to learn, then streamed epochs."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from chainrule.blocks.arrays import BLOCK_ROWS
from chainrule.blocks.dask_collections import is_collection
from chainrule.blocks.dask_tables import DaskTable
from chainrule.blocks.source import is_source
from chainrule.blocks.tables import TableBlocks, TableFiles
from chainrule.estimators.callbacks import callbacks_of
from chainrule.estimators.checkpoints import Checkpoint
from chainrule.foundation.errors import DataWarning, InputError, NoEffectWarning
from chainrule.foundation.memory_sizes import as_bytes, usable_bytes
from chainrule.foundation.seeds import Purpose, as_seed, stream
from chainrule.foundation.wording import counted, unknown_column
from chainrule.interop.choosing import NO_CHOICES, Choices
from chainrule.interop.preparation import Preparation
from chainrule.interop.streamed_columns import prepared_from_sample
from chainrule.tables.checking import checked_preset
from chainrule.tables.checkpoints import TableCheckpoints, begin_checkpoints
from chainrule.tables.choosing import Chosen, choose
from chainrule.tables.epochs import Snapshots
from chainrule.tables.folds import Fold
from chainrule.tables.judging import LossOfAnswers, some_weight
from chainrule.tables.leaderboard import Leaderboard, Trial
from chainrule.tables.members import Estimator, Member, Table, Work
from chainrule.tables.recipes import Preset, recipe_for
from chainrule.tables.source_tables import SourceTable
from chainrule.tables.streamed_targets import Targets, read_targets
from chainrule.tables.table_blocks import Parts, PreparedBlocks, learn_table

__all__ = ["FittingFiles", "StreamedFit"]

# The share of the free memory that a streamed fit may take where nobody says more; and the shares
# of it that go to the rows of training, to those held out, to a sample, to a block and to the row
# group that it is a part of.
USUAL_SHARE = 0.25
TRAINING, HELD, SAMPLE, BLOCK, GROUP = 0.5, 0.05, 0.1, 0.05, 0.1
FEWEST_BLOCK_ROWS = 2**10
# Bytes of a cell of a frame, about.
CELL = 16
# Bytes of the smallest fit, and of each cell of its largest block, with its inputs; measured.
LEAST, LEAST_OF_CELL = 2 * 10**6, 130


@dataclass(frozen=True, eq=False)
class StreamedFit:
    """The course of a streamed fit.

    Attributes
    ----------
    tested, sample : polars.DataFrame
        The rows that were set aside to test on, and some of those trained on.
    rows : int
        Rows that were trained on.
    held : int
        Rows that were validated on.
    classes : dict
        Rows to train on of each label; empty for numbers.
    mean : float
        The mean of numbers.
    without_target : int
        Rows left out because their target is missing.
    interrupted : bool
        Whether Ctrl-C ended training.
    """

    tested: pl.DataFrame
    sample: pl.DataFrame
    rows: int
    held: int
    classes: dict[Any, int]
    mean: float
    without_target: int
    interrupted: bool


class FittingFiles:
    """An estimator of tables that can be fitted on files larger than memory."""

    encoding: str
    validation: str
    validation_fraction: float
    n_folds: int | None
    n_threads: int | None
    time_limit: float | None
    random_state: Any
    choices: Choices | None
    members_: list[Member]
    notes_: list[str]
    network_kind: type[Estimator]
    _learn_targets: Callable[[Any], np.ndarray]
    encode_targets: Callable[[Any], np.ndarray]
    _options_of_networks: Callable[[], dict[str, Any]]
    _folds: Callable[..., list[Fold]]
    _forget: Callable[[], None]
    _finish: Callable[[Table, np.ndarray, np.ndarray], None]
    combined: Callable[[Iterable[tuple[Member, Any]]], np.ndarray]
    _loss: LossOfAnswers
    _alone: Callable[[Member, pl.DataFrame], np.ndarray]

    def fit_files(
        self,
        paths: Any,
        target: Any = None,
        sample_weight: Any = None,
        *,
        memory: int | str | None = None,
        test_fraction: float = 0.0,
        checkpoint: Checkpoint | None = None,
        resume: Any = None,
    ) -> StreamedFit:
        """Train one network on a table in files, of Dask, or of a source, in bounded memory.

        `fit` calls this for such tables. One pass learns the columns: counts are exact, quantiles
        come from a sample of at most 100,000 rows. The rows are then prepared once, into a
        temporary file, and streamed from there. The rows to validate and to test on are drawn by a
        hash of (seed, row number), at most 100,000 each.

        Parameters
        ----------
        paths : path, list of paths, dask.dataframe, or object with ``n_blocks`` and ``load(i)``
            Files of Parquet, Arrow IPC or CSV, or a folder of Parquet files. ``load(i)`` returns a
            frame of polars, pandas or pyarrow, or ``(X, y)`` or ``(X, y, weights)``.
        target : str
            The column to predict; rows without it are left out. Of Dask, also a Series; None where
            ``load(i)`` returns the targets.
        sample_weight : str, optional
            The column of the weights of the rows, likewise.
        memory : int or str, optional
            What the fit may take beyond Python and its libraries, as ``"500MB"``; by default a
            quarter of what is free.
        test_fraction : float
            The share of the rows that is set aside, neither trained nor validated on.
        checkpoint, resume
            As `fit` takes them; a fit that is resumed takes the memory that it was begun with.

        Returns
        -------
        StreamedFit
            The rows set aside, and what was counted.
        """
        began = time.perf_counter()
        preset = checked_preset(self, self.network_kind)
        most = int(USUAL_SHARE * usable_bytes()) if memory is None else as_bytes(memory)
        keeping = begin_checkpoints(
            self, checkpoint, resume, lambda: as_seed(self.random_state), most
        )
        seed = as_seed(self.random_state) if keeping is None else keeping.seed
        most = most if keeping is None or keeping.memory is None else keeping.memory
        table, target, sample_weight = _opened(paths, target, sample_weight, most)
        row_bytes = CELL * len(table.schema)
        rows = sum(table.block_rows)
        parts = Parts.of(
            rows,
            seed,
            test_fraction,
            0.0 if self.n_folds == 0 else float(self.validation_fraction),
            max(2, int(most * HELD) // row_bytes),
            last=self.validation == "last",
        )
        targets = Targets(target, is_classifier(self), sample_weight)
        chosen = self.choices or NO_CHOICES
        learnt = learn_table(
            table,
            target,
            parts,
            targets.add,
            sample_rows=max(1000, int(most * SAMPLE) // row_bytes),
            choices=chosen,
        )
        self._learn_targets(targets.typical)
        told = [_one_network(preset, self.n_folds, rows), *_too_little(most, table)]
        if targets.are_sorted:
            told.append(
                f"the rows seem to be sorted by the target {target!r}: batches take them from all "
                "over the temporary file"
            )
        if learnt.without_target:
            missing = counted(learnt.without_target, "row")
            told.append(f"left out {missing} whose target {target!r} is missing")
        aside = [name for name in (target, sample_weight) if name is not None]
        sample = Table(
            learnt.sample.drop(aside), self.encode_targets(targets.read(learnt.sample[target]))
        )
        held_y = self.encode_targets(targets.read(learnt.held[target]))
        y = targets.typical
        if not is_classifier(self):
            y = np.concatenate([y, held_y, targets.read(learnt.tested[target])])
        found = self._chosen(sample, y, seed, chosen)
        preparation = prepared_from_sample(
            sample.frame,
            {name: one for name, one in learnt.counts.items() if name not in aside},
            told.append,
            choices=chosen,
            encoding=found.encoding.encoding,
            y=sample.y,
        )

        def encode(series: pl.Series) -> np.ndarray:
            return self.encode_targets(targets.read(series))

        rows_to_train = PreparedBlocks(
            table, learnt, parts, preparation, target, encode, sample_weight
        )
        held = Table(
            learnt.held.drop(aside),
            held_y,
            None if sample_weight is None else learnt.held[sample_weight].to_numpy().astype(float),
        )
        interrupted = self._train_streamed(
            rows_to_train, held, preparation, found, seed, int(most * TRAINING), began, keeping
        )
        self.notes_ = told
        self._note_columns(table, aside)
        self.fit_seconds_ = time.perf_counter() - began
        sizes = {label: int(size) for label, size in targets.sizes.items()}
        mean = targets.sum / targets.rows if targets.rows else math.nan
        return StreamedFit(
            learnt.tested,
            learnt.sample,
            learnt.rows,
            held.frame.height,
            sizes,
            mean,
            learnt.without_target,
            interrupted,
        )

    def targets_of(self, series: pl.Series) -> np.ndarray:
        """Return the targets in a column, as `fit_files` takes them: labels, or float64."""
        return read_targets(series, is_classifier(self))

    def _chosen(self, sample: Table, y: np.ndarray, seed: int, choices: Choices) -> Chosen:
        """Return what short runs on a sample choose; ``y`` has the least of all targets."""
        folds = self._folds(sample, 1, seed, None, False)
        work = Work(self.network_kind, sample, folds, seed, self.n_threads, choices=choices)
        options = self._options_of_networks()
        return choose(work, self.encoding, options, y, self._alone)

    def _train_streamed(
        self,
        rows: PreparedBlocks,
        held: Table,
        preparation: Preparation,
        chosen: Chosen,
        seed: int,
        memory: int,
        began: float,
        keeping: TableCheckpoints | None,
    ) -> bool:
        """Train the network; return whether Ctrl-C cut that short."""
        n = sum(rows.block_rows)
        own_options = self._options_of_networks() | chosen.loss.options
        options = recipe_for(n, is_classifier(self), own_options)
        given: dict[str, Any] = {}
        if held.frame.height > 1:
            given = {"X_val": rows.inputs(held.frame), "y_val": held.y}
            if held.weight is not None and held.weight.any():
                given["sample_weight_val"] = held.weight
        else:
            options.pop("monitor", None)
        if self.time_limit is not None:
            left = float(self.time_limit) - (time.perf_counter() - began)
            options["time_limit"] = max(left, 1e-3)
        random = stream(seed, Purpose.MEMBER, 0, 0)
        network = self.network_kind(
            **options, random_state=int(random.integers(2**31 - 1)), n_threads=self.n_threads
        )
        network.callbacks = callbacks_of(self)
        if keeping is not None:
            own, given["resume"] = keeping.of_network(network, 0, ["streamed", n], Snapshots())
            network.callbacks = [*callbacks_of(self), own]
        interrupted = False
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DataWarning)
                warnings.simplefilter("ignore", NoEffectWarning)
                warnings.simplefilter("ignore", ConvergenceWarning)
                network.fit(rows, memory=memory, **given)
        except KeyboardInterrupt:
            if not getattr(network, "loss_curve_", None):
                raise
            interrupted = True
        finally:
            network.callbacks = None
        network.preparation_ = preparation
        encoding = chosen.encoding.encoding
        member = Member(preparation, network, np.arange(held.frame.height), encoding=encoding)
        self._forget()
        self.seed_, self.members_ = seed, [member]
        self.__dict__.update(chosen.attributes)
        loss, seconds = member.held_out_loss, network.fit_seconds_
        self.oof_prediction_ = np.full(held.y.shape, np.nan)
        validated = "X_val" in given
        if validated:
            self.oof_prediction_ = self.combined([(member, given["X_val"])])
            if chosen.loss.options:
                loss = self._loss(held.y, self.oof_prediction_, some_weight(held.weight))
        trial = Trial(encoding, own_options, 1, 1.0, loss, seconds, 1.0)
        self.leaderboard_ = Leaderboard.of([*chosen.trials, trial])
        self._finish(held, self.oof_prediction_, np.full(len(held.y), validated))
        return interrupted

    def _note_columns(self, table: TableBlocks, aside: list[str]) -> None:
        columns = [name for name in table.schema if name not in aside]
        self.n_features_in_, self.columns_ = len(columns), columns
        self.feature_names_in_ = np.array(columns, dtype=object)


def _one_network(preset: Preset, n_folds: int | None, rows: int) -> str:
    bag = preset.folds_for(rows) if n_folds is None else n_folds
    asked = "" if bag <= 1 and not preset.searches else f", not the {bag} of preset {preset.name!r}"
    return f"the rows are streamed from the disk: one network is trained{asked}"


def _too_little(memory: int, table: TableBlocks) -> list[str]:
    """Return a sentence on memory that is less than blocks of a table take, where it is."""
    cut = isinstance(table, TableFiles)
    rows = FEWEST_BLOCK_ROWS if cut else max(table.block_rows)
    least = LEAST + rows * len(table.schema) * LEAST_OF_CELL
    words = (
        f"memory is {memory / 1e6:,.1f} MB, and the fit takes more, about {least / 1e6:,.1f} MB: "
        f"{counted(len(table.schema), 'column')} in blocks of {rows:,} rows"
    )
    return [words] if memory < least else []


def _opened(
    data: Any, target: Any, weight: Any, memory: int
) -> tuple[TableBlocks, str, str | None]:
    """Return a table in blocks, and the columns of its target and its weights."""
    table: TableBlocks
    if is_collection(data) or is_source(data):
        named: DaskTable | SourceTable
        named = (DaskTable if is_collection(data) else SourceTable)(data, target, weight)
        table, target, weight = named, named.target, named.weight
    else:
        table = _files(data, target, weight, memory)
    if len(table.schema) < 2 + (weight is not None):
        raise InputError(f"the table must have a column to learn from beside {target!r}.")
    return table, target, weight


def _files(paths: Any, target: str, weight: str | None, memory: int) -> TableFiles:
    """Return the files as blocks of which each takes a small share of the memory."""
    table = TableFiles(paths)
    for argument, name in (("target", target), ("sample_weight", weight)):
        if name is not None and name not in table.schema:
            raise unknown_column(argument, name, table.schema)
    rows = int(memory * BLOCK) // (CELL * len(table.schema))
    if rows < BLOCK_ROWS:
        rows = max(FEWEST_BLOCK_ROWS, rows)
        table = table.in_blocks_of(rows, int(memory * GROUP))
    return table
