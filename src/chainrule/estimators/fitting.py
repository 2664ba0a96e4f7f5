"""Training as scikit-learn asks for it: from arrays and options to a fitted network.

A fit is a plain loop over the epochs of a `Run`; the estimator is fitted after each of them.
"""

import os
import threading
import warnings
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from typing import Any, Self

import numpy as np

from chainrule.estimators.base import BaseMLP, put_run
from chainrule.estimators.callbacks import (
    Callback,
    SupportsCallbacks,
    Tasks,
    callbacks_of,
    has_callbacks,
    is_true,
    tell_scikit_learn,
)
from chainrule.estimators.checking import (
    check_options,
    check_unchanged,
    fixed_options,
    warn_without_effect,
)
from chainrule.estimators.checkpoints import Keeper, Keeping
from chainrule.estimators.data_warnings import answer_remarks, input_remarks, overflow_remarks
from chainrule.estimators.endings import unfinished
from chainrule.estimators.ensemble import fit_members
from chainrule.estimators.first_pass import Look, look_at, rows_of
from chainrule.estimators.history import Mark, begin_history, record
from chainrule.estimators.inputs import checked_samples
from chainrule.estimators.monitoring import watch_on
from chainrule.estimators.progress import shown
from chainrule.estimators.recipe import Recipe
from chainrule.estimators.refusal import unchanged_if_refused
from chainrule.estimators.run import Run, Train
from chainrule.estimators.samples import Given, Samples, training_weight
from chainrule.estimators.streams import Stream, in_memory_or_streamed
from chainrule.estimators.validation import check_held_out, set_apart
from chainrule.foundation.arrays import device_of
from chainrule.foundation.callers import level_outside
from chainrule.foundation.errors import DataWarning, DivergenceError, DivergenceWarning, InputError
from chainrule.foundation.seeds import as_seed
from chainrule.training.epoch import Epoch
from chainrule.training.loop import train_rows
from chainrule.training.monitor import Watch
from chainrule.training.snapshot import Progress
from chainrule.training.stopping import Ending
from chainrule.training.windows import AnyRows, StreamedRows, sample_of

__all__ = ["FittingMLP", "fit_by"]

Epochs = Generator[Epoch, bool | None, Ending]
# Ends that come from outside: a run that goes on from its last checkpoint may end elsewhere.
FROM_OUTSIDE = ("callback", "time_limit")


class FittingMLP(SupportsCallbacks, BaseMLP):
    """A network that learns from arrays, as scikit-learn's estimators do."""

    # Warnings about the data and the answers that have not been given yet.
    _remarks: Sequence[str] = ()

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
        resume: str | os.PathLike[str] | None = None,
        memory: int | str | None = None,
    ) -> Self:
        """Train on all rows until the loss stops falling, or for ``max_iter`` epochs.

        Parameters
        ----------
        X : array, data frame or sparse matrix (n_samples, n_features); path or source
            Inputs, finite numbers. A path, or a list of them, names files of Parquet, Arrow IPC,
            CSV or ``.npy``; a source is any object with ``n_blocks`` and ``load(i)``, which returns
            ``(X, y)`` or ``(X, y, weights)``, or a collection of Dask. Rows that do not fit into
            memory are streamed.
        y : array (n_samples,) or (n_samples, n_outputs)
            Targets; of files, the name of the column, or the ``.npy`` file; with a collection, the
            name of a column, or another one; None for a source.
        sample_weight : array (n_samples,), optional
            Weights, not negative; 0 is an absent row. The loss is sum(w l) / sum(w). Of files, the
            name of a column.
        X_val, y_val, sample_weight_val : arrays, optional
            Rows of your own to measure on after every epoch: training stops when they get no
            better, and the best parameters are kept.
        groups : array (n_samples,), optional
            The group of each row, as a patient or a shop: where ``early_stopping`` holds rows out,
            no group is on both sides.
        resume : path, optional
            The folder of a `Checkpoint`: training goes on from there, with the same options and
            rows, to the bits that it would have reached without the interruption.
        memory : int or str, optional
            What the rows of files or of a source may take, as ``"500MB"``; by default a quarter of
            what is free. Rows that take more are streamed.

        Returns
        -------
        self

        Warns
        -----
        ConvergenceWarning
            If ``max_iter`` epochs, or ``max_fun`` evaluations, were not enough.
        DataWarning
            If features are of very different size or far from 0, or so large that training
            diverges, or the fitted network answers the same for all rows.
        DivergenceWarning
            If the loss left the finite numbers, or rose a million times; the estimator then holds
            the last good parameters.

        Raises
        ------
        InputError
            A ValueError that names the argument, its value and what to do.
        """
        check_options(self)
        warn_without_effect(self, own_rows=X_val is not None, groups=groups is not None)
        given, names = Given(X, y, sample_weight, X_val, y_val, sample_weight_val, groups), None
        in_blocks = hasattr(X, "n_blocks") or hasattr(X, "dask") or not hasattr(X, "shape")
        if memory is not None or in_blocks:
            given, names = in_memory_or_streamed(self, given, memory)
        found: list[Warning] = []
        keeping = Keeping.of(self, resume)

        def train(tasks: Tasks) -> None:
            if self.n_estimators != 1:
                train_one = partial(_train_quietly, given=given)
                found.extend(fit_members(self, tasks, train_one, keeping))
                return
            found.extend(fit_by(self, given, keeping=keeping, callbacks=[tasks.begin(0)]))

        if has_callbacks(self):
            tell_scikit_learn(self, train, given)
        else:
            train(Tasks())
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        for warning in found:
            warnings.warn(warning, stacklevel=2)
        return self

    def _training(
        self,
        given: Given,
        callbacks: Sequence[Callback] = (),
        call: str = "fit",
        keeper: Keeper | None = None,
        train: Train = train_rows,
    ) -> Generator[Epoch, None, None]:
        progress, kept = Progress(), None if keeper is None else keeper.kept
        with unchanged_if_refused(self):
            former = self._former() if self.warm_start else None
            stream, look = given.X if isinstance(given.X, Stream) else None, None
            if stream is None:
                samples = checked_samples(self, self._targets.prepared, given[:3], former is None)
            else:
                stream, look = look_at(stream, self, self._targets.prepared, former is None)
                samples = look.targets
            if former is not None:
                former.codec.check_continued(samples.y)
            seed = as_seed(self.random_state) if former is None else former.state.seed
            seed = seed if kept is None else kept.seed
            held, names = None if look is None else look.held, ("X", "y")
            own = any(one is not None for one in given[3:6])
            if own or (look is None and self.early_stopping):
                samples, held, names = set_apart(self, self._targets, given, samples, seed, own)
            if keeper is not None:
                keeper.check_rows(samples if look is None else look.identity, held)
            run, rows = self._begun(former, samples, seed, given.X, stream=stream, look=look)
            if kept is not None:
                run, progress = kept.restored(run, self)
            if held is not None:
                check_held_out(self, run.codec, held, names)
            epochs = self._ready(run, former, rows, held, names, progress=progress, train=train)
        yield from self._followed(epochs, rows, progress, callbacks, call, keeper)
        self._remarks = answer_remarks(self, self._run, sample_of(rows))

    def _former(self) -> Run | None:
        """Return the run to continue, if any; refuse changes of fixed options."""
        if "parameters_" not in vars(self):
            return None
        check_unchanged(self, self._run.fixed)
        return self._run

    def _begun(
        self,
        former: Run | None,
        samples: Samples,
        seed: int,
        given: Any,
        classes: Any = None,
        *,
        stream: Stream | None = None,
        look: Look | None = None,
    ) -> tuple[Run, AnyRows]:
        """Return the continued or the new run, and the rows to train on.

        Of a stream, the samples are the targets that a codec learns from. ``given`` are the inputs
        as the user passed them.
        """
        X, y, weight = samples
        device = "cpu" if type(given) is np.ndarray else device_of(given)
        weight, recipe = training_weight(weight), Recipe.of(self).near(device)
        if former is None:
            codec = self._targets.learn(self, y, weight, classes)
            single = X.dtype in (np.float32, np.float16)
            dtype = self.dtype or (np.float32 if single else np.float64)
            network = recipe.network(X.shape[1], codec.n_scores)
            run = Run.begin(recipe, codec, network, fixed_options(self), seed=seed, dtype=dtype)
            begin_history(self)
            put_run(self, run)
        else:
            codec = former.codec.for_call(self, y, weight)
            run = former.again(recipe, codec)
        if stream is not None and look is not None:
            return run, rows_of(stream, self, self._targets.prepared, run, look)
        samples = Samples(X, y, codec.weighted(y, weight))
        columns = vars(self).get("feature_names_in_")
        return run, run.rows(samples, ("X", "y"), columns, recipe.label_smoothing)

    def _ready(
        self,
        run: Run,
        former: Run | None,
        rows: AnyRows,
        held: Samples | None = None,
        names: tuple[str, str] = ("X", "y"),
        count: int | None = None,
        stops: bool = True,
        progress: Progress | None = None,
        train: Train = train_rows,
    ) -> Epochs:
        """Return the epochs of a run, checked; from here on it is the estimator's run."""
        self._run = run = run.with_engine()
        watch, watched = Watch(monitor="loss"), "training loss"
        if held is not None:
            weight = run.codec.weighted(held.y, held.weight)
            columns = vars(self).get("feature_names_in_")
            held_rows = run.rows(Samples(held.X, held.y, weight), names, columns)
            watch, watched = watch_on(self, run, held, held_rows)
            if self.validation_scores_ is None:
                self.validation_loss_curve_, self.validation_scores_ = [], []
        self._run = run = run.with_batches(rows, watched)
        self.__dict__.update(run.attributes)
        epochs = run.epochs(
            rows, watch, count or run.recipe.stopping.epochs, stops, progress, train
        )
        if former is not None:
            run.take_over(former, self.parameters_)
        return epochs

    def _followed(
        self,
        epochs: Epochs,
        rows: AnyRows,
        progress: Progress,
        callbacks: Sequence[Callback] = (),
        call: str = "fit",
        keeper: Keeper | None = None,
    ) -> Iterator[Epoch]:
        """Record each epoch of the run, and call the callbacks."""
        run, columns = self._run, vars(self).get("feature_names_in_")
        assert run.engine is not None
        some = rows.sample if isinstance(rows, StreamedRows) else rows
        callbacks = [*callbacks_of(self), *callbacks]
        self.n_iter_, self.train_loss_ = progress.epochs, np.nan
        self.stopped_because_ = "interrupted"
        self.__dict__.update(run.engine_names)
        stop, made, factor = None, 0, run.codec.loss_factor
        begun, mark = run.state.epoch - progress.epochs, Mark.of(self)
        try:
            if keeper is not None:
                keeper.begin(self, run, progress)
            while True:
                if not self._is_at(run):
                    raise InputError(
                        f"{call} must be one call at a time on one estimator; this one has ended "
                        f"after {made} epoch(s), because a later call has trained it. Let that one "
                        "end first, or take an estimator for each."
                    )
                try:
                    epoch = epochs.send(stop).in_units(factor)
                except StopIteration as end:
                    self.stopped_because_ = end.value.reason
                    self.train_loss_ = end.value.loss * factor
                    if keeper is not None and end.value.reason not in FROM_OUTSIDE:
                        keeper.end(self, run, progress)
                    return
                made += 1
                self.__dict__.update(run.engine_names)  # by now one is chosen
                record(self, epoch)
                progress.epochs += 1
                mark = Mark.of(self)
                self.parameters_ = run.parameters()
                if made == 1 and call != "partial_fit":
                    self._remarks = (*input_remarks(some, columns), *run.codec.remarks())
                stop = True in [is_true(callback(epoch)) for callback in callbacks]
                if keeper is not None and not stop:
                    keeper.after(self, run, progress)
                yield epoch
        except DivergenceError:
            self.stopped_because_ = "divergence"
            if made == 0 and call != "partial_fit":
                self._remarks = (*input_remarks(some, columns), *run.codec.remarks())
            overflowing = overflow_remarks(some, run.state.vector.dtype, columns)
            self._remarks = (*self._remarks, *overflowing)
            raise
        finally:
            epochs.close()
            ahead = run.state.epoch > begun + progress.epochs
            if ahead and progress.start is not None and self._is_at(run):
                # a signal came after the last epoch was made and before it was recorded
                progress.start.restore(run.state)
                mark.go_back(self)
            if self._is_at(run):
                run.state.fetch()
                self.parameters_ = run.parameters()

    def _is_at(self, run: Run) -> bool:
        """Return whether no later call has trained the estimator; an ensemble has no run."""
        return self.__dict__.get("_run") is run

    def _say_remarks(self) -> None:
        """Warn of the remarks on the data and the answers, each once."""
        for words in self._drained():
            warnings.warn(words, DataWarning, stacklevel=level_outside())

    def _drained(self) -> Sequence[str]:
        """Return the remarks that have not been given yet."""
        remarks, self._remarks = self._remarks, ()
        return remarks

    def _follow(self, epochs: Iterator[Epoch], total: int) -> DivergenceError | None:
        """Run to the end, with progress where asked for; return the divergence, if any."""
        divergence = None
        try:
            with shown(self.verbose, total, self.time_limit) as show:
                for epoch in epochs:
                    self._say_remarks()
                    show(epoch)
        except DivergenceError as error:
            divergence = error
        self._say_remarks()
        return divergence


def fit_by(
    estimator: FittingMLP,
    given: Given,
    train: Train = train_rows,
    *,
    keeping: Keeping | None = None,
    callbacks: Sequence[Callback] = (),
    total: int | None = None,
) -> list[Warning]:
    """Fit an estimator of one network by a loop over epochs or rounds; return the warnings.

    Progress is shown of ``total`` of them, by default of ``max_iter``.
    """
    keeper = None if keeping is None else keeping.of_network(0)
    epochs = estimator._training(given, callbacks, keeper=keeper, train=train)
    divergence = estimator._follow(epochs, total or estimator.max_iter)
    found: list[Warning] = [] if divergence is None else [DivergenceWarning(str(divergence))]
    return [*found, *unfinished(estimator, [estimator])]


def _train_quietly(
    estimator: FittingMLP,
    *,
    given: Given,
    tell: Callback,
    stop: threading.Event,
    keeper: Keeper | None = None,
) -> tuple[list[str], DivergenceError | None]:
    """Train as one of several networks; return the remarks, and the divergence, if any."""
    remarks: list[str] = []
    divergence = None
    try:
        for _ in estimator._training(given, callbacks=[tell], keeper=keeper):
            remarks += estimator._drained()
            if stop.is_set():
                break
    except DivergenceError as error:
        divergence = error
    return [*remarks, *estimator._drained()], divergence
