"""Options as the records that train: objective, optimizer, schedule and stopping."""

from dataclasses import dataclass, replace
from typing import Any, Self

from chainrule.engines.choice import registry
from chainrule.engines.engine import Engine
from chainrule.engines.resources import Resources, is_device
from chainrule.estimators.ingredients import LBFGS_NAME, hidden_widths, make_schedule, solver_of
from chainrule.estimators.shared_options import Options, resources_of
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer, optimizers
from chainrule.formulas.schedules import Schedule
from chainrule.model.objective import Objective
from chainrule.training.lbfgs import LBFGS
from chainrule.training.network import Network
from chainrule.training.state import TrainingState

__all__ = ["Recipe", "Stopping"]


@dataclass(frozen=True)
class Stopping:
    """The limits of a training, and the patience that may end it earlier."""

    epochs: int
    evaluations: int
    seconds: float | None
    patience: float
    tolerance: float


@dataclass(frozen=True, eq=False)
class Recipe:
    """One training, from the options as they are at a call.

    Attributes
    ----------
    hidden : tuple of int
        Widths of the hidden layers.
    activation, initializer, rate_factors
        Names or records: of the hidden layers, and of all layers.
    l2, l1 : float
        Strengths of the penalties.
    dropout : float or sequence of float
        Share of the units of hidden layers that a step leaves out.
    label_smoothing : float
        Share of every label that is spread over all classes.
    optimizer : Optimizer
        The update rule; with L-BFGS one that is never asked for a step.
    by_lbfgs : bool
        True if L-BFGS trains, on all rows at once.
    schedule : Schedule
        The course of the rate.
    learning_rate : float
        The rate that the schedule starts from.
    batch_size : int or str
        Rows per step, or the name of a rule for them.
    shuffle : bool
        True if the rows are shuffled in each epoch.
    stopping : Stopping
        When training ends.
    engine : str or Engine
        Name or record of the engine.
    resources : Resources
        Threads, device and precision of the engine.
    """

    hidden: tuple[int, ...]
    activation: Any
    initializer: Any
    rate_factors: Any
    l2: float
    l1: float
    dropout: Any
    label_smoothing: float
    optimizer: Optimizer
    by_lbfgs: bool
    schedule: Schedule
    learning_rate: float
    batch_size: int | str
    shuffle: bool
    stopping: Stopping
    engine: str | Engine
    resources: Resources

    @classmethod
    def of(cls, options: Options) -> Self:
        """Return the recipe of options that `check_options` accepts."""
        return cls(
            hidden=tuple(hidden_widths(options.hidden_layer_sizes)),
            activation=options.activation,
            initializer=options.initializer,
            rate_factors=options.rate_factors,
            l2=float(options.alpha),
            l1=float(options.l1),
            dropout=options.dropout,
            label_smoothing=getattr(options, "label_smoothing", 0.0),
            optimizer=_optimizer(options),
            by_lbfgs=solver_of(options) == LBFGS_NAME,
            schedule=make_schedule(options),
            learning_rate=float(options.learning_rate_init),
            batch_size=options.batch_size,
            shuffle=bool(options.shuffle),
            stopping=Stopping(
                epochs=options.max_iter,
                evaluations=options.max_fun,
                seconds=options.time_limit,
                patience=options.n_iter_no_change,
                tolerance=options.tol,
            ),
            engine=options.engine,
            resources=resources_of(options),
        )

    def near(self, device: str) -> Self:
        """Return the recipe that trains on a device, that of the inputs, if options say nothing.

        So it is where an engine has that device; it moves the checked rows there again.
        """
        is_free = self.engine == "auto" and self.resources.device == "auto"
        if not is_free or device == "cpu" or not is_device(device):
            return self
        there = replace(self.resources, device=device)
        return self if registry["auto"].lacks(there) else replace(self, resources=there)

    def network(self, n_in: int, n_out: int) -> Network:
        """Return the network between so many inputs and scores."""
        widths = [n_in, *self.hidden, n_out]
        return Network.of_widths(
            widths,
            self.activation,
            initializer=self.initializer,
            rate_factors=self.rate_factors,
        )

    def objective(self, network: Network, loss: Loss) -> Objective:
        """Return the objective of training: the loss of a network, with penalties and dropout."""
        dropout = self.dropout if len(network.layers) > 1 else 0.0
        return Objective.with_strengths(network, loss, l2=self.l2, l1=self.l1, dropout=dropout)

    def start(self, network: Network, **start: Any) -> TrainingState:
        """Return the state before the first step; the arguments are those of `TrainingState`."""
        state = TrainingState.start(network, self.optimizer, **start)
        if self.by_lbfgs:
            state.slots, state.optimizer = (), dict(LBFGS)
        return state


def _optimizer(options: Options) -> Optimizer:
    """Return the optimizer that the solver and its own options name."""
    if isinstance(options.solver, Optimizer):
        return options.solver
    name = solver_of(options)
    if name == LBFGS_NAME:  # it asks its engine for gradients only, never for a step
        return optimizers["sgd"]
    own: dict[str, Any] = {"averaging": float(options.averaging)}
    if name == "sgd":
        nesterov = bool(options.nesterovs_momentum and options.momentum > 0.0)
        own |= {"momentum": float(options.momentum), "nesterov": nesterov}
    elif name in ("adam", "adamw"):
        own |= {"beta_1": float(options.beta_1), "beta_2": float(options.beta_2)}
    if name in ("adam", "adamw", "rmsprop"):
        own["epsilon"] = float(options.epsilon)
    if options.clip_norm is not None:
        own["clip_norm"] = float(options.clip_norm)
    if options.weight_decay is not None:
        own["weight_decay"] = float(options.weight_decay)
    return optimizers.get(name, **own)
