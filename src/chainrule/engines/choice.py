"""The engines of this package as records, and the choice of one by its name."""

from typing import Any

import numpy as np

from chainrule.engines.automatic import AutomaticEngine
from chainrule.engines.engine import Engine, Scorer
from chainrule.engines.registry import EngineRecord, loaded, registry
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.errors import InputError, must_be, suggest
from chainrule.model.network import Network
from chainrule.model.objective import Objective
from chainrule.tracing.formulas import (
    UntraceableError,
    activation_graph,
    collection_graph,
    loss_graph,
    pullback_graph,
    update_graph,
)

__all__ = ["check_engine", "choose_engine", "registry"]


class Automatic(EngineRecord):
    """The choice among the others."""

    name = "auto"
    sentence = "the first of the engines below that can do the work"

    def make(
        self, objective: Objective, optimizer: Optimizer, n_threads: int | None = None
    ) -> Engine:
        """Return the engine that chooses when it sees the first parameters."""
        return AutomaticEngine(objective, optimizer, n_threads)


class Compiled(EngineRecord):
    """The fast engine."""

    name = "compiled"
    sentence = "machine code for this processor"
    needs = "llvmlite"

    def make(
        self, objective: Objective, optimizer: Optimizer, n_threads: int | None = None
    ) -> Engine:
        """Return the engine; its code is made, or found in a cache, when it is first used."""
        kind = loaded("chainrule.engines.compiled.engine", "CompiledEngine")
        engine: Engine = kind(objective, optimizer, n_threads)
        return engine

    def reason_against(
        self, objective: Objective, optimizer: Optimizer, dtype: np.dtype[Any] | None
    ) -> str | None:
        """Return why it cannot: the package, the kind of parameters, or a formula."""
        if not self.is_installed:
            return super().reason_against(objective, optimizer, dtype)
        if dtype is None:
            return "The parameters are no NumPy vector of float32 or float64."
        return _reason_in_formulas(objective, optimizer)

    def scorer(
        self,
        network: Network,
        loss: Loss,
        dtype: np.dtype[Any] | None,
        n_threads: int | None = None,
    ) -> Scorer | None:
        """Return the scores alone: no code of losses and updates is made for them."""
        if dtype is None or not self.is_installed:
            return None
        try:
            _trace_layers(network)
        except UntraceableError:
            return None
        kind = loaded("chainrule.engines.compiled.scoring", "CompiledScores")
        scorer: Scorer = kind(network, loss, n_threads)
        return scorer


def _trace_layers(network: Network) -> None:
    for layer in network.layers:
        activation_graph(layer.activation)
        pullback_graph(layer.activation)


def _reason_in_formulas(objective: Objective, optimizer: Optimizer) -> str | None:
    """Return which formula cannot be traced, and so not be compiled."""
    penalties = objective.penalties
    try:
        _trace_layers(objective.network)
        loss_graph(objective.loss)
        if optimizer.clip_norm is None:
            update_graph(optimizer, penalties)
        else:
            update_graph(optimizer, ())
            collection_graph(penalties)
    except UntraceableError as error:
        return str(error)
    return None


class Reference(EngineRecord):
    """The readable engine."""

    name = "reference"
    sentence = "the mathematics as it is written, on arrays of any library"

    def make(
        self, objective: Objective, optimizer: Optimizer, n_threads: int | None = None
    ) -> Engine:
        """Return the engine; threads are those of the array library."""
        kind = loaded("chainrule.engines.reference", "ReferenceEngine")
        engine: Engine = kind(objective, optimizer)
        return engine

    def scorer(
        self,
        network: Network,
        loss: Loss,
        dtype: np.dtype[Any] | None,
        n_threads: int | None = None,
    ) -> Scorer | None:
        """Return the scores alone."""
        scorer: Scorer = loaded("chainrule.engines.reference", "ReferenceScores")(network, loss)
        return scorer


class Jax(EngineRecord):
    """The engine of accelerators."""

    name = "jax"
    sentence = "the same formulas compiled by JAX, for GPU, TPU and CPU"
    needs = "jax"

    def make(
        self, objective: Objective, optimizer: Optimizer, n_threads: int | None = None
    ) -> Engine:
        """Return the engine; threads are those of JAX."""
        kind = loaded("chainrule.engines.jax_engine.engine", "JaxEngine")
        engine: Engine = kind(objective, optimizer)
        return engine


# "auto" never comes to the last: the one before it has no reason against any work.
for _record in (Automatic(), Compiled(), Reference(), Jax()):
    registry.add(_record)


def check_engine(engine: Any) -> None:
    """Refuse what is neither an engine nor the name of one."""
    if engine not in registry if isinstance(engine, str) else not isinstance(engine, Engine):
        rule = f"one of {', '.join(registry)}, or an engine"
        advice = suggest(engine, list(registry)) if isinstance(engine, str) else ""
        raise must_be("engine", rule, engine, advice)


def choose_engine(
    engine: str | Engine,
    objective: Objective,
    optimizer: Optimizer,
    n_threads: int | None = None,
) -> Engine:
    """Return the engine of a name; an engine stands for itself.

    Examples
    --------
    >>> from chainrule import Dense, Network, Objective, optimizers
    >>> objective = Objective(Network(Dense(2, 1)), "mse")
    >>> choose_engine("reference", objective, optimizers.sgd).name
    'reference'
    """
    check_engine(engine)
    if not isinstance(engine, str):
        return engine
    record = registry[engine]
    if not record.is_installed:
        raise InputError(
            f'engine="{engine}" needs the package {record.needs}, which is not installed. '
            'Install it, or use engine="reference".'
        )
    return record.make(objective, optimizer, n_threads)
