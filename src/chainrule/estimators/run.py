"""One network in training: recipe, codec of the targets, and the state that moves on."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias

import numpy as np

from chainrule.engines.choice import choose_engine
from chainrule.engines.engine import Engine, Rows
from chainrule.engines.leaving import Left, copied
from chainrule.estimators.recipe import Recipe
from chainrule.estimators.samples import Samples
from chainrule.estimators.target_codec import TargetCodec
from chainrule.foundation.errors import must_be
from chainrule.model.objective import Objective
from chainrule.model.parameters import LateParameters, Parameters
from chainrule.training.epoch import Epoch
from chainrule.training.lbfgs import train_lbfgs
from chainrule.training.loop import train_rows
from chainrule.training.monitor import Watch
from chainrule.training.network import Network
from chainrule.training.noise_choice import noise_batch_size
from chainrule.training.preparing import StepOptions
from chainrule.training.snapshot import Progress
from chainrule.training.sources import make_rows
from chainrule.training.state import TrainingState
from chainrule.training.stopping import Ending, Patience
from chainrule.training.windows import AnyRows, StreamedRows, sample_of

__all__ = ["Run", "Train"]

# Makes epochs as `train_rows` does, from the same arguments.
Train: TypeAlias = Callable[..., Generator[Epoch, bool | None, Ending]]


@dataclass(frozen=True, eq=False)
class Run:
    """One network in training, from a call of `fit` or `partial_fit` to the next.

    The record is replaced by each call, so that a refused call changes nothing; only the state
    moves on in place.

    Attributes
    ----------
    recipe : Recipe
        The options of the call.
    codec : TargetCodec
        The meaning of targets and scores.
    network : Network
        The layers.
    objective : Objective
        The objective of training.
    state : TrainingState
        The state of training.
    fixed : mapping
        The meaning of the fixed options when training began.
    watched : object
        The value that patience looks at: "training loss", "loss", or the option ``monitor``; None
        before the first epoch.
    batch_size, batch_size_reason
        Rows per step, and the reason where they were measured.
    engine : Engine or None
        The engine of training; None until it is chosen, and in copies and files.
    """

    recipe: Recipe
    codec: TargetCodec
    network: Network
    objective: Objective
    state: TrainingState
    fixed: Mapping[str, Any]
    watched: Any = None
    batch_size: int = 0
    batch_size_reason: str | None = None
    engine: Engine | None = None

    @classmethod
    def begin(
        cls,
        recipe: Recipe,
        codec: TargetCodec,
        network: Network,
        fixed: Mapping[str, Any],
        **start: Any,
    ) -> Self:
        """Return the run before the first step; ``start`` is for `TrainingState.start`."""
        objective = recipe.objective(network, codec.loss)
        return cls(recipe, codec, network, objective, recipe.start(network, **start), fixed)

    def again(self, recipe: Recipe, codec: TargetCodec) -> Self:
        """Return the run that continues with other options: those that may change."""
        objective = recipe.objective(self.network, codec.loss)
        state = self.state if recipe.by_lbfgs else self.state.tuned(recipe.optimizer)
        known, own = self.engine, self.recipe
        same = known is not None and (
            (own.engine, own.resources) == (recipe.engine, recipe.resources)
            and (known.objective, known.optimizer) == (objective, recipe.optimizer)
        )
        return replace(
            self,
            recipe=recipe,
            codec=codec,
            objective=objective,
            state=state,
            engine=known if same else None,
        )

    def with_engine(self) -> Self:
        """Return the run with an engine; the one of the last call, for its memory, if it can."""
        if self.engine is not None:
            return self
        recipe = self.recipe
        engine = choose_engine(recipe.engine, self.objective, recipe.optimizer, recipe.resources)
        return replace(self, engine=engine)

    def with_batches(self, rows: AnyRows, watched: Any) -> Self:
        """Return the run with its rows per step, and with the value that it watches."""
        choice, reason = self.recipe.batch_size, None
        n = len(rows) if isinstance(rows, StreamedRows) else int(rows.y.shape[0])
        if self.recipe.by_lbfgs:
            size, reason = n, self.batch_size_reason
        elif choice == "auto":
            size = min(200, n)
        elif choice != "noise":
            size = min(int(choice), n)
        elif self.batch_size_reason is not None:  # a measured choice is kept
            size, reason = self.batch_size, self.batch_size_reason
        else:
            size, reason = noise_batch_size(
                self._engine,
                sample_of(rows),
                self.state.vector,
                learning_rate=self.recipe.learning_rate,
                seed=self.state.seed,
            )
        return replace(self, watched=watched, batch_size=size, batch_size_reason=reason)

    def with_batch_size(self, size: int, reason: str | None) -> Self:
        """Return the run with rows per step that were chosen earlier."""
        return replace(self, batch_size=size, batch_size_reason=reason)

    def rows(
        self,
        samples: Samples,
        names: Sequence[str] = ("X", "y"),
        columns: Any = None,
        label_smoothing: float = 0.0,
    ) -> Rows:
        """Return checked rows, with encoded targets."""
        dtype: np.dtype[Any] = self.state.vector.dtype
        return make_rows(
            self.objective,
            samples.X,
            self.codec.encode(samples.y, names[1], dtype),
            samples.weight,
            like=self.state.vector,
            names=(names[0], names[1]),
            columns=columns,
            label_smoothing=label_smoothing,
        )

    def targets(self, y: np.ndarray, name: str = "y", label_smoothing: float = 0.0) -> np.ndarray:
        """Return targets of checked rows as training takes them."""
        loss, like = self.objective.loss, self.state.vector
        coded = self.codec.encode(y, name, like.dtype)
        targets = loss.encode(coded, self.network.n_out, like, name)
        found: np.ndarray = loss.smoothed(targets, label_smoothing)
        return found

    def epochs(
        self,
        rows: AnyRows,
        watch: Watch,
        count: int,
        stops: bool = True,
        progress: Progress | None = None,
        train: Train = train_rows,
    ) -> Generator[Epoch, bool | None, Ending]:
        """Return the epochs over rows as a generator that has not started; check its options.

        ``train`` makes the steps: `train_rows`, or what answers as it does.
        """
        recipe, stopping, unit = self.recipe, self.recipe.stopping, self.codec.loss_unit
        watch = replace(
            watch,
            patience=stopping.patience if stops else None,
            tolerance=stopping.tolerance * (1.0 if watch.monitor == "metric" else unit),
        )
        if recipe.by_lbfgs:
            if isinstance(rows, StreamedRows):
                advice = "Take 'adam' or 'sgd', or give more memory."
                raise must_be("solver", "one that takes batches of streamed rows", "lbfgs", advice)
            return train_lbfgs(
                self._engine,
                rows,
                self.state,
                watch,
                epochs=count,
                max_evaluations=stopping.evaluations,
                # slopes of a small loss are small where training is only begun
                gradient_tolerance=stopping.tolerance * min(1.0, unit),
                time_limit=stopping.seconds,
                progress=progress,
            )
        steps = StepOptions(
            recipe.learning_rate, self.batch_size, recipe.schedule, shuffle=recipe.shuffle
        )
        return train(
            self._engine,
            rows,
            self.state,
            steps,
            watch,
            epochs=count,
            time_limit=stopping.seconds,
            progress=progress,
        )

    def take_over(self, former: "Run", parameters: Parameters) -> None:
        """Continue from parameters that the user may have edited, and with changed options.

        This changes the state, so it comes last, when nothing can be refused any more.
        """
        state, rate = self.state, self.recipe.learning_rate
        if former.recipe.learning_rate != rate:
            state.learning_rate = rate
        vector = self.trained(parameters)
        if vector is not state.best_parameters.vector:
            state.go_on_from(vector)
        if former.watched is not None and former.watched != self.watched:
            state.patience, state.best = Patience(), None
        if former.objective != self.objective:
            state.curvature = ()

    def parameters(self, vector: np.ndarray | None = None) -> Parameters:
        """Return parameters in the user's units: of a trained vector, or the best ones.

        Those that an engine left on its device are moved when somebody reads them.
        """
        if vector is not None:
            return self.network.parameters(self._folded(vector))
        best = self.state.best_there
        if isinstance(best, Left):
            best = copied(best)
            return LateParameters(self.network.layout, lambda: self._folded(best.home))
        return self.network.parameters(self._folded(best))

    def _folded(self, vector: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):  # after a step that diverged
            return self.codec.fold(vector, self.network.layout)

    def trained(self, parameters: Parameters) -> np.ndarray:
        """Return the trained vector of parameters in the user's units.

        It is the best one itself, unless the parameters were edited.
        """
        best: np.ndarray = self.state.best_parameters.vector
        known, given = self.codec.fold(best, self.network.layout), parameters.vector
        # NaN last: to look for it takes ten times as long
        if np.array_equal(known, given) or np.array_equal(known, given, equal_nan=True):
            return best
        return self.codec.unfold(given, self.network.layout)

    def watches_loss(self, monitor: Any) -> bool:
        """Return whether patience looks at the loss; ``monitor`` decides before any epoch."""
        return bool((monitor if self.watched is None else self.watched) == "loss")

    def gradient(
        self, recipe: Recipe, rows: Rows, parameters: Parameters, penalties: bool
    ) -> Parameters:
        """Return the gradient of the mean loss of rows, in the user's units."""
        objective = self.objective
        if not penalties:
            objective = Objective(objective.network, objective.loss)
        name = recipe.engine if isinstance(recipe.engine, str) else "auto"
        engine = choose_engine(name, objective, recipe.optimizer, recipe.resources)
        _, gradient = engine.gradient(self.trained(parameters), rows)
        folded = self.codec.fold_gradient(np.asarray(gradient), self.network.layout)
        return self.network.parameters(folded)

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes of a fitted estimator that do not change from epoch to epoch."""
        link = self.codec.loss.link
        return {
            "network_": self.network,
            "objective_": self.objective,
            "seed_": self.state.seed,
            "n_layers_": len(self.network.layers) + 1,
            "n_outputs_": self.codec.n_scores,
            "out_activation_": link.aliases[0] if link.aliases else link.name,
            "batch_size_": self.batch_size,
            "batch_size_reason_": self.batch_size_reason,
            **self.codec.attributes,
        }

    @property
    def engine_names(self) -> dict[str, str]:
        """The names of the engine and of its device; one without a name is the CPU."""
        engine = self._engine
        return {"engine_": engine.name, "device_": getattr(engine, "device", "cpu")}

    @property
    def _engine(self) -> Engine:
        assert self.engine is not None
        return self.engine

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"engine": None}  # addresses: chosen again where it is needed
