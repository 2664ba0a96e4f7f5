"""The engines of this package as records, and the choice of one by its name."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.engines.automatic import AutomaticEngine
from chainrule.engines.engine import Engine, Scorer
from chainrule.engines.registry import EngineRecord, loaded, registry
from chainrule.engines.resources import PRECISIONS, USUAL, Resources
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

__all__ = ["check_engine", "choose_engine", "registry", "trains_together"]


class Automatic(EngineRecord):
    """The choice among the others."""

    name = "auto"
    sentence = "the first of the engines below that can do the work"

    def make(
        self, objective: Objective, optimizer: Optimizer, resources: Resources = USUAL
    ) -> Engine:
        """Return the engine that chooses when it sees the first parameters."""
        return AutomaticEngine(objective, optimizer, resources)

    def lacks(self, resources: Resources) -> str | None:
        """Return what all engines lack, in the words of the last: the one of accelerators."""
        lack = None
        for name in registry:
            if name != self.name:
                lack = registry[name].lacks(resources)
                if lack is None:
                    return None
        return lack


class Compiled(EngineRecord):
    """The fast engine."""

    name = "compiled"
    sentence = "machine code for this processor"
    needs = "llvmlite"
    precisions = ("highest", "bfloat16")

    def make(
        self, objective: Objective, optimizer: Optimizer, resources: Resources = USUAL
    ) -> Engine:
        """Return the engine; its code is made, or found in a cache, when it is first used."""
        kind = loaded("chainrule.engines.compiled.engine", "CompiledEngine")
        precision = resources.matmul_precision
        engine: Engine = kind(objective, optimizer, resources.n_threads, matmul_precision=precision)
        return engine

    def lacks(self, resources: Resources) -> str | None:
        """Return that package, precision or device is not there, or what the processor lacks."""
        lacks = super().lacks(resources)
        if lacks is None and resources.matmul_precision == "bfloat16":
            lacks = loaded("chainrule.engines.compiled.rounding", "missing_here")()
        return lacks

    def reason_against(
        self,
        objective: Objective,
        optimizer: Optimizer,
        dtype: np.dtype[Any] | None,
        resources: Resources = USUAL,
    ) -> str | None:
        """Return why it cannot: package, device, kind of parameters, or a formula."""
        lacks = self.lacks(resources)
        if lacks is not None:
            return lacks
        if dtype is None:
            return "The parameters are no NumPy vector of float32 or float64."
        if resources.matmul_precision == "bfloat16" and dtype.itemsize != 4:
            return "Products in bfloat16 are for parameters of float32."
        return _reason_in_formulas(objective, optimizer)

    def scorer(
        self,
        network: Network,
        loss: Loss,
        dtype: np.dtype[Any] | None,
        resources: Resources = USUAL,
    ) -> Scorer | None:
        """Return the scores alone: no code of losses and updates is made for them."""
        # scores are computed in full precision, on any processor
        if dtype is None or super().lacks(resources) is not None:
            return None
        try:
            _trace_layers(network)
        except UntraceableError:
            return None
        kind = loaded("chainrule.engines.compiled.scoring", "CompiledScores")
        scorer: Scorer = kind(network, loss, resources.n_threads)
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
        self, objective: Objective, optimizer: Optimizer, resources: Resources = USUAL
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
        resources: Resources = USUAL,
    ) -> Scorer | None:
        """Return the scores alone."""
        if dtype is not None and self.lacks(resources) is not None:
            return None
        scorer: Scorer = loaded("chainrule.engines.reference", "ReferenceScores")(network, loss)
        return scorer


class Jax(EngineRecord):
    """The engine of accelerators."""

    name = "jax"
    sentence = "the same formulas compiled by JAX, for GPU, TPU and CPU"
    needs = "jax"
    precisions = PRECISIONS
    library = "jax"
    meets = True

    def make(
        self, objective: Objective, optimizer: Optimizer, resources: Resources = USUAL
    ) -> Engine:
        """Return the engine; threads are those of JAX."""
        kind = loaded("chainrule.engines.jax_engine.engine", "JaxEngine")
        engine: Engine = kind(objective, optimizer, resources)
        return engine

    def lacks_device(self, device: str) -> str | None:
        """Return that the device is not there, if so."""
        if device == "auto":
            return None
        missing: str | None = loaded("chainrule.engines.jax_engine.devices", "missing")(device)
        return missing

    def reason_against(
        self,
        objective: Objective,
        optimizer: Optimizer,
        dtype: np.dtype[Any] | None,
        resources: Resources = USUAL,
    ) -> str | None:
        """Return why it cannot: the package, the device, or a formula."""
        lacks = self.lacks(resources)
        if lacks is not None:
            return lacks
        check = loaded("chainrule.engines.jax_engine.tracing", "untraceable")
        reason: str | None = check(objective, optimizer)
        return reason


# "auto" comes to the last only for a device or a precision that the others lack.
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
    resources: Resources = USUAL,
) -> Engine:
    """Return the engine of a name; an engine stands for itself.

    Raises
    ------
    InputError
        If its package, the device or the precision is not there.

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
    lacks = record.lacks(resources)
    if lacks is not None:
        raise _unavailable(engine, resources, lacks)
    return record.make(objective, optimizer, resources)


def trains_together(options: Mapping[str, Any]) -> bool:
    """Return whether networks of these options make their steps at once, in a `Meeting`.

    Examples
    --------
    >>> trains_together({"engine": "reference"})
    False
    """
    engine = options.get("engine", "auto")
    if not isinstance(engine, str):
        return False
    check_engine(engine)
    own = {name: options[name] for name in ("device", "matmul_precision") if name in options}
    resources = Resources(**own)
    names = [engine]
    if engine == "auto":
        names = [name for name in registry if name != "auto"]
    able = (registry[name] for name in names if registry[name].lacks(resources) is None)
    first = next(able, None)
    return first is not None and first.meets


def _unavailable(engine: str, resources: Resources, lacks: str) -> InputError:
    """Return the error about a device or a precision that an engine lacks."""
    rule = f"one that engine={engine!r} has"
    if resources.device == "auto":
        advice = f"{lacks} Use matmul_precision='highest'."
        return must_be("matmul_precision", rule, resources.matmul_precision, advice)
    return must_be("device", rule, resources.device, f"{lacks} Use device='auto'.")
