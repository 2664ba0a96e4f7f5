"""The base of the two estimators of tables: from a raw table to a fitted bag of networks."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from chainrule.blocks.opening import comes_in_blocks
from chainrule.estimators.callbacks import callbacks_of
from chainrule.estimators.checkpoints import Checkpoint
from chainrule.estimators.inputs import as_weights
from chainrule.estimators.labels import checked_labels
from chainrule.estimators.refusal import unchanged_if_refused
from chainrule.estimators.rules import is_count
from chainrule.formulas.loss import checked_weight
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.seeds import as_seed
from chainrule.interop.cells import Tell, nothing
from chainrule.interop.choosing import NO_CHOICES, Choices
from chainrule.interop.frames import as_frame, names_of
from chainrule.tables.asking import Asking
from chainrule.tables.bags import train_bag
from chainrule.tables.checking import checked_preset, warn_of_options
from chainrule.tables.checkpoints import begin_checkpoints
from chainrule.tables.choosing import Chosen, choose
from chainrule.tables.exporting import ExportedTable
from chainrule.tables.fitting_files import FittingFiles
from chainrule.tables.folds import Fold, folds_of
from chainrule.tables.judging import judge_of, own_loss
from chainrule.tables.leaderboard import Leaderboard, Trial
from chainrule.tables.members import Estimator, Member, Table, Work, weighted
from chainrule.tables.out_of_fold import out_of_fold
from chainrule.tables.recipes import Preset
from chainrule.tables.refitting import Refitting
from chainrule.tables.search import search
from chainrule.tables.target_side import TargetSide

if TYPE_CHECKING:
    from chainrule.insight.explanation import Explanation

__all__ = ["BaseTabular"]

# Rows to predict are prepared in pieces of so many numbers: 64 MB.
MOST_PREPARED = 2**24


class _Given(NamedTuple):
    """The arguments of `fit`."""

    X: Any
    y: Any
    sample_weight: Any
    groups: Any
    X_val: Any
    y_val: Any
    checkpoint: Checkpoint | None
    resume: Any


class BaseTabular(TargetSide, ExportedTable, Asking, Refitting, FittingFiles, BaseEstimator):  # type: ignore[misc]
    """A bag of networks over a raw table; subclasses say what its targets are."""

    network_kind: type[Estimator]

    def __init__(
        self,
        preset: str = "balanced",
        *,
        n_folds: int | None = None,
        encoding: str = "auto",
        validation: str = "random",
        validation_fraction: float = 0.15,
        options: Mapping[str, Any] | None = None,
        choices: Choices | None = None,
        time_limit: float | None = None,
        random_state: Any = None,
        n_threads: int | None = None,
        callbacks: Any = None,
        verbose: bool = False,
    ) -> None:
        self.preset = preset
        self.n_folds = n_folds
        self.encoding = encoding
        self.validation = validation
        self.validation_fraction = validation_fraction
        self.options = options
        self.choices = choices
        self.time_limit = time_limit
        self.random_state = random_state
        self.n_threads = n_threads
        self.callbacks = callbacks
        self.verbose = verbose

    members_: list[Member]
    oof_prediction_: np.ndarray

    def combined(self, asked: Iterable[tuple[Member, np.ndarray]]) -> np.ndarray:
        """Return the answer of some of the networks together, each with its inputs of the rows."""
        found = [(member.weight, self._answers_of(member, X)) for member, X in asked]
        total = sum(weight for weight, _ in found)
        parts = [weight / total * answers for weight, answers in found]
        mean: np.ndarray = sum(parts[1:], start=parts[0])
        return mean

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        checkpoint: Checkpoint | None = None,
        resume: str | os.PathLike[str] | None = None,
        memory: int | str | None = None,
    ) -> Self:
        """Learn the columns of a raw table, and train one network per fold.

        Parameters
        ----------
        X : frame of pandas, polars or pyarrow, or array (n_samples, n_columns); or path
            Numbers, texts, categories, dates, booleans; cells may be missing. Files of Parquet,
            Arrow IPC or CSV, by path or paths, a dask.dataframe and an object with ``n_blocks`` and
            ``load(i)`` are streamed: see `fit_files`.
        y : array (n_samples,) or (n_samples, n_targets)
            Labels or numbers; several columns of 0 and 1 are labels that a row has or not. Of
            rows in blocks, the name of a column, and so for ``sample_weight``.
        sample_weight : array (n_samples,), optional
            Weights, not negative; 0 is an absent row.
        groups : array (n_samples,), optional
            Groups, as patients or shops, of which none is on both sides of a fold.
        X_val, y_val : table and array, optional
            Rows of your own to validate every network on, in place of folds; a single network is
            trained then, unless ``n_folds`` says otherwise.
        checkpoint : Checkpoint, optional
            The folder of files from which the fit can go on after any end, and how often.
        resume : path, optional
            The folder of the checkpoints of an earlier fit: networks that are trained are kept, and
            the others go on, to the same bits. Options and rows must be those of that fit.
        memory : int or str, optional
            What the fit of files may take, as ``"500MB"``; by default a quarter of what is free.

        Returns
        -------
        self

        Raises
        ------
        InputError
            A ValueError that names the argument, its value and what to do.
        """
        if comes_in_blocks(X):
            if any(one is not None for one in (groups, X_val, y_val)):
                raise InputError(
                    "groups, X_val and y_val must be None for files, Dask and sources. Read the "
                    "table for that."
                )
            with unchanged_if_refused(self):
                streamed = self.fit_files(
                    X, y, sample_weight, memory=memory, checkpoint=checkpoint, resume=resume
                )
            if streamed.interrupted:
                raise KeyboardInterrupt
            return self
        if memory is not None:
            raise must_be("memory", "None for a table in memory", memory)
        with unchanged_if_refused(self):
            given = _Given(X, y, sample_weight, groups, X_val, y_val, checkpoint, resume)
            interrupted = self._fit(given)
        if interrupted:
            raise KeyboardInterrupt
        return self

    def _fit(self, given: _Given) -> bool:
        """Fit; return whether Ctrl-C cut training short, of which the best is kept."""
        X, y, sample_weight, groups, X_val, y_val, checkpoint, resume = given
        began = time.perf_counter()
        preset = checked_preset(self, self.network_kind)
        frame = as_frame(X)
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None.")
        targets = self._learn_targets(y)
        check_consistent_length(np.empty(frame.height), targets)
        weight = self._weights(sample_weight, frame.height)
        table, present = Table(frame, targets, weight), None
        if weight is not None and not weight.all():  # a row of weight 0 is absent
            present = np.flatnonzero(weight)
            groups = None if groups is None else np.asarray(groups)[present]
            table = table.take(present)
        if table.frame.height == 1:
            raise InputError("X must hold several rows to learn from; got 1 sample.")
        keeping = begin_checkpoints(self, checkpoint, resume, lambda: as_seed(self.random_state))
        seed = as_seed(self.random_state) if keeping is None else keeping.seed
        validation = self._own_validation(X_val, y_val, frame)
        n_folds = preset.folds_for(len(table.y)) if self.n_folds is None else int(self.n_folds)
        if validation is not None and self.n_folds is None:
            n_folds = 1
        folds = self._folds(table, n_folds, seed, groups, validation is not None)
        chosen = self.choices or NO_CHOICES
        until = math.inf if self.time_limit is None else began + float(self.time_limit)
        kind, own = self.network_kind, self._options_of_networks()
        of_all = (kind, table, folds, seed, self.n_threads, validation, chosen)
        warn_of_options(kind, own, folds[0], validation is not None)
        work = Work(*of_all, until=until, keeping=keeping, callbacks=callbacks_of(self))
        told: list[str] = []
        found, members, trials, interrupted = self._train(work, preset, told)
        self._forget()
        self.seed_, self.members_, self.notes_ = seed, members, told
        self.leaderboard_ = Leaderboard.of(trials)
        self.__dict__.update(found.attributes)
        self.n_features_in_, self.columns_ = frame.width, frame.columns
        if (names := names_of(X)) is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        self.oof_prediction_ = oof = out_of_fold(self.members_, table, self.combined)
        self._finish(table, oof, ~np.isnan(oof.reshape(len(oof), -1)[:, 0]))
        if present is not None:
            self.oof_prediction_ = np.full((len(targets), *oof.shape[1:]), np.nan)
            self.oof_prediction_[present] = oof
            self.members_ = [replace(one, held=present[one.held]) for one in self.members_]
        self.fit_seconds_ = time.perf_counter() - began
        if self.verbose:
            print(*told, found, sep="\n")
        return interrupted

    def _train(
        self, work: Work, preset: Preset, told: list[str]
    ) -> tuple[Chosen, list[Member], list[Trial], bool]:
        """Return what was chosen, the networks, what was tried, and whether Ctrl-C came."""
        options, own = self._options_of_networks(), work.validation
        y = np.concatenate([work.table.y, *(() if own is None else (own.y,))])
        chosen = choose(work, self.encoding, options, y, self._alone)
        encoding = chosen.encoding.encoding
        searches = preset.searches or self.time_limit is not None
        if searches and all(work.held(fold).frame.height for fold in range(len(work.folds))):
            names = list(dict.fromkeys((encoding, *chosen.encoding.ranked)))
            how = (self._loss, self._alone, told.append, print if self.verbose else nothing)
            found = search(work, names, options, chosen.loss.losses, *how)
            return chosen, found.members, [*chosen.trials, *found.trials], found.interrupted
        options |= chosen.loss.options
        members, interrupted = train_bag(work, encoding, options, told.append)
        judge = judge_of(work, self._loss, self._alone) if chosen.loss.options else own_loss
        loss = float(np.mean(list(map(judge, members))))
        seconds = sum(one.estimator.fit_seconds_ for one in members)
        trial = Trial(encoding, options, len(members), 1.0, loss, seconds, 1.0)
        return chosen, weighted([members], np.ones(1)), [*chosen.trials, trial], interrupted

    def _weights(self, sample_weight: Any, rows: int) -> np.ndarray | None:
        if sample_weight is None:
            return None
        found: np.ndarray = checked_weight(as_weights(sample_weight, "sample_weight"), rows)
        return found

    def _own_validation(self, X_val: Any, y_val: Any, frame: pl.DataFrame) -> Table | None:
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            raise InputError("X_val and y_val must be given together; one is None.")
        held = as_frame(X_val, frame.columns, "X_val")
        targets = self.encode_targets(y_val)
        check_consistent_length(np.empty(held.height), targets)
        return Table(held, targets)

    def _folds(
        self, table: Table, n_folds: int, seed: int, groups: Any, own_rows: bool
    ) -> list[Fold]:
        rows = table.frame.height
        if own_rows:
            return [(np.arange(rows), np.arange(0))] * max(1, n_folds)
        if groups is not None:
            groups = checked_labels(groups, "groups")
            if groups.shape != (rows,):
                raise InputError(
                    f"groups must be of shape ({rows},), one group per row; got {groups.shape}."
                )
        return folds_of(
            rows,
            n_folds,
            seed,
            labels=self._strata(table.y),
            groups=groups,
            order=self.validation == "last",
            fraction=float(self.validation_fraction),
        )

    def _forget(self) -> None:
        """Remove what an earlier fit has learnt, but for the targets just seen."""
        for name in ("feature_names_in_", "oof_prediction_", "oof_score_"):
            self.__dict__.pop(name, None)

    def _alone(self, member: Member, frame: pl.DataFrame) -> np.ndarray:
        """Return what a network would answer on its own."""
        return self.combined([(member, member.inputs(frame))])

    def frame_of(self, X: Any) -> pl.DataFrame:
        """Return a table to predict, with the columns of the table of training."""
        check_is_fitted(self, "members_")
        names = names_of(X)
        width = getattr(X, "shape", (0, 0))[1:]
        if names is None or not hasattr(self, "feature_names_in_"):
            frame = as_frame(X, self.columns_ if width == (len(self.columns_),) else None)
            if frame.width != self.n_features_in_:
                raise ValueError(
                    f"X has {frame.width} features, but {type(self).__name__} is expecting "
                    f"{self.n_features_in_} features as input."
                )
            return frame.rename(dict(zip(frame.columns, self.columns_, strict=True)))
        return as_frame(X)

    def _mean(self, X: Any) -> np.ndarray:
        """Return the mean answer of all networks, by their weights."""
        return self.answers_to(self.frame_of(X))

    def answers_to(self, frame: pl.DataFrame, tell: Tell = nothing) -> np.ndarray:
        """Return the mean answer to the columns of a table; many rows are prepared in pieces."""
        members = self.members_
        width = max(len(one.preparation.feature_names) for one in members)
        rows = max(1, MOST_PREPARED // width)
        if frame.height <= rows:
            return self.combined((one, one.inputs(frame, tell)) for one in members)
        if tell is not nothing:
            for one in members:
                one.preparation.tell_of(frame, tell)
        pieces = frame.iter_slices(rows)
        return np.concatenate(
            [self.combined((one, one.inputs(piece)) for one in members) for piece in pieces]
        )

    def explain(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        member: int = 1,
        held_out: tuple[Any, ...] | None = None,
    ) -> Explanation:
        """Return the chain rule, the checks and the report of one of the networks, on these rows.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        member : int
            Which of the networks, counted from 1.
        held_out : tuple, optional
            Rows that it was not trained on, as (X, y) or (X, y, sample_weight), which its report
            judges it by.
        """
        frame = self.frame_of(X)
        if not is_count(member) or member > len(self.members_):
            raise must_be("member", f"1 to {len(self.members_)}", member)
        one = self.members_[member - 1]
        held = None
        if held_out is not None:
            X_held, y_held, *more = held_out
            held = one.inputs(self.frame_of(X_held)), self.encode_targets(y_held), *more
        found = one.estimator.explain(
            one.inputs(frame), self.encode_targets(y), sample_weight, held_out=held
        )
        classes = getattr(self, "classes_", None)
        if classes is None:
            return found
        labels = classes[one.estimator.classes_].tolist()
        encoding = replace(found.subject.encoding, classes=labels)
        return replace(found, subject=replace(found.subject, encoding=encoding))

    def describe(self) -> list[tuple[str, str, str]]:
        """Return one row per column: its name, its kind, and what the first network makes of it."""
        check_is_fitted(self, "members_")
        return self.members_[0].preparation.describe()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one file; `chainrule.load` reads it.

        The file is written whole or not at all, and holds no code.
        """
        from chainrule.tables.table_file import save_table_model

        check_is_fitted(self, "members_")
        save_table_model(path, self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.target_tags.required = True
        tags.non_deterministic = False
        return tags
