"""A training run of an estimator: the network it begins with, and the epochs it makes."""

import math
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.engines.choice import choose_engine
from chainrule.engines.engine import Engine, Rows
from chainrule.estimators.base import BaseMLP
from chainrule.estimators.callbacks import Callback, callbacks_of, is_true
from chainrule.estimators.checking import fixed_options
from chainrule.estimators.data_warnings import overflow_remarks
from chainrule.estimators.history import begin_history, record
from chainrule.estimators.ingredients import (
    LBFGS_NAME,
    choose_batch_size,
    hidden_widths,
    make_objective,
    make_optimizer,
    make_schedule,
    solver_of,
    start_state,
)
from chainrule.estimators.monitoring import metric_on
from chainrule.estimators.samples import Samples
from chainrule.foundation.errors import DivergenceError, InputError
from chainrule.training.epoch import Epoch
from chainrule.training.lbfgs import train_lbfgs
from chainrule.training.loop import train_rows
from chainrule.training.monitor import Watch
from chainrule.training.network import Network
from chainrule.training.preparing import StepOptions
from chainrule.training.sources import make_rows
from chainrule.training.stopping import Ending, Patience

__all__ = ["RunningMLP"]


class RunningMLP(BaseMLP):
    """A network that trains on rows; what subclasses add is the meaning of their targets."""

    # One object per run: a run goes on while its own is here.
    _run_mark: object = None

    def _begin(self, samples: Samples, seed: int, classes: Any = None) -> None:
        """Build the network and its starting state from the first data."""
        X, y, weight = samples
        for former in ("estimators_", "_predictor"):
            self.__dict__.pop(former, None)
        loss, self.n_outputs_ = self._learn_targets(y, weight, classes)
        widths = [X.shape[1], *hidden_widths(self.hidden_layer_sizes), self.n_outputs_]
        network = Network.of_widths(
            widths,
            self.activation,
            initializer=self.initializer,
            rate_factors=self.rate_factors,
        )
        dtype = self.dtype or (np.float32 if X.dtype in (np.float32, np.float16) else np.float64)
        self._state = start_state(self, network, seed=seed, dtype=dtype)
        self._begun = fixed_options(self)
        self.network_ = network
        self.objective_ = make_objective(self, network, loss)
        self.seed_ = seed
        self.n_layers_ = len(network.layers) + 1
        link = loss.link
        self.out_activation_ = link.aliases[0] if link.aliases else link.name
        self.batch_size_reason_: str | None = None
        begin_history(self)
        self.parameters_ = network.parameters(self._fold(self._state.vector))

    def _rows(
        self, samples: Samples, names: tuple[str, str] = ("X", "y"), smoothing: float = 0.0
    ) -> Rows:
        columns = getattr(self, "feature_names_in_", None)
        return make_rows(
            self.objective_,
            samples.X,
            self._encode(samples.y, names[1]),
            samples.weight,
            like=self._state.vector,
            names=names,
            columns=columns,
            label_smoothing=smoothing,
        )

    def _run(
        self,
        rows: Rows,
        held: Samples | None,
        epochs: int,
        names: tuple[str, str] = ("X", "y"),
        stops: bool = True,
    ) -> Generator[Epoch, bool | None, Ending]:
        """Return the run over these rows, checked and ready."""
        if solver_of(self) != LBFGS_NAME:
            self._state = self._state.tuned(make_optimizer(self))
        held_out = None
        if held is not None:
            weighted = held._replace(weight=self._weighted(held.y, held.weight))
            held_out = self._rows(weighted, names)
        before = self.objective_
        self.objective_ = make_objective(self, self.network_, before.loss)
        engine = self._engine = self._training_engine()
        metric, monitor, watched = None, "loss", "training loss"
        if held is not None and held_out is not None:
            metric = metric_on(self, held, held_out)
            by_loss = self.monitor == "loss" or (
                self.monitor == "score" and not self._can_score(held)
            )
            monitor = "validation_loss" if by_loss else "metric"
            watched = "loss" if by_loss else self.monitor
            if self.validation_scores_ is None:
                self.validation_loss_curve_, self.validation_scores_ = [], []
        watch = Watch(
            held_out,
            metric,
            monitor,
            patience=self.n_iter_no_change if stops else None,
            tolerance=self.tol * (1.0 if monitor == "metric" else self._loss_unit),
        )
        if solver_of(self) == LBFGS_NAME:
            self.batch_size_ = len(rows)
            run = train_lbfgs(
                engine,
                rows,
                self._state,
                watch,
                epochs=epochs,
                max_evaluations=self.max_fun,
                # slopes of a small loss are small where training is only begun
                gradient_tolerance=self.tol * min(1.0, self._loss_unit),
                time_limit=self.time_limit,
            )
        else:
            self.batch_size_, self.batch_size_reason_ = choose_batch_size(self, engine, rows)
            run = train_rows(
                engine,
                rows,
                self._state,
                StepOptions(
                    float(self.learning_rate_init),
                    self.batch_size_,
                    make_schedule(self),
                    shuffle=bool(self.shuffle),
                ),
                watch,
                epochs=epochs,
                time_limit=self.time_limit,
            )
        # the state is touched last, when nothing can be refused any more
        self._run_mark = object()
        self._take_over_changes(watched)
        if self.objective_ != before:
            self._state.curvature = ()
        return run

    def _training_engine(self) -> Engine:
        """Return the engine of the last call where it computes the same, for its memory."""
        optimizer, asked = make_optimizer(self), (self.engine, self.n_threads)
        known: Engine | None = self.__dict__.get("_engine")
        if (
            known is not None
            and getattr(self, "_engine_asked", None) == asked
            and (known.objective, known.optimizer) == (self.objective_, optimizer)
        ):
            return known
        self._engine_asked = asked
        return choose_engine(self.engine, self.objective_, optimizer, self.n_threads)

    def _followed(
        self,
        run: Generator[Epoch, bool | None, Ending],
        rows: Rows,
        callbacks: Sequence[Callback] = (),
        call: str = "fit",
    ) -> Iterator[Epoch]:
        """Keep what each epoch of a run brings, and tell the callbacks."""
        callbacks = [*callbacks_of(self), *callbacks]
        self.n_iter_ = 0
        self.train_loss_ = math.nan
        self.stopped_because_ = "interrupted"
        self.engine_ = self._engine.name
        stop, mine, made = None, self._run_mark, 0
        try:
            while True:
                if self._run_mark is not mine:
                    raise InputError(
                        f"{call} must be one call at a time on one estimator; this one has ended "
                        f"after {made} epoch(s), because a later call has trained it. Let that one "
                        "end first, or take an estimator for each."
                    )
                try:
                    epoch = run.send(stop).in_units(self._loss_factor)
                except StopIteration as end:
                    self.stopped_because_ = end.value.reason
                    self.train_loss_ = end.value.loss * self._loss_factor
                    return
                made += 1
                self.engine_ = self._engine.name  # by now one is chosen
                record(self, epoch)
                self._publish()
                answers = [callback(epoch) for callback in callbacks]
                stop = any(map(is_true, answers))
                yield epoch
        except DivergenceError:
            self.stopped_because_ = "divergence"
            self._remarks = (*self._remarks, *overflow_remarks(self, rows))
            raise
        finally:
            run.close()
            if self._run_mark is mine:
                self._publish()

    def _take_over_changes(self, watched: Any) -> None:
        """Go on from parameters that a person has edited, and with options that were set anew."""
        state = self._state
        rate = float(self.learning_rate_init)
        if getattr(self, "_rate_seen", rate) != rate:
            state.learning_rate = rate
        self._rate_seen = rate
        known = self._fold(state.best_parameters.vector)
        shown = self.parameters_.vector
        # NaN last: to look for it takes ten times as long
        if not (np.array_equal(known, shown) or np.array_equal(known, shown, equal_nan=True)):
            state.go_on_from(self._unfold(shown))
        if getattr(self, "_watched", watched) != watched:
            state.patience, state.best = Patience(), None
        self._watched = watched

    def _publish(self) -> None:
        """Show the parameters of the state in the user's units."""
        with np.errstate(all="ignore"):  # after a step that diverged
            vector = self._fold(self._state.best_parameters.vector)
        self.parameters_ = self.network_.parameters(vector)
