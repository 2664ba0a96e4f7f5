"""The machine code of a network, and of an objective with an optimizer, in one precision."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from chainrule.engines.compiled import passes
from chainrule.engines.compiled.kernel_code import Kernels
from chainrule.engines.compiled.target import Target
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.errors import InputError
from chainrule.model.network import Network
from chainrule.model.objective import Objective
from chainrule.tracing.formulas import UntraceableError

__all__ = ["NetworkCode", "ObjectiveCode"]


class NetworkCode(NamedTuple):
    """Passes of the layers, forward and back, and kernels."""

    activations: list[tuple[passes.Pass, passes.Pass]]
    kernels: Kernels

    @classmethod
    def of(cls, network: Network, target: Target, itemsize: int) -> "NetworkCode":
        """Return the code, made where no cache holds it.

        Raises
        ------
        InputError
            If an activation cannot be compiled.
        """
        with _advice():
            layers = network.layers
            return cls(
                [passes.activation_passes(layer.activation, target, itemsize) for layer in layers],
                Kernels.of(target, itemsize),
            )


class ObjectiveCode(NamedTuple):
    """Passes of loss and update.

    With clipping, a step collects the gradient first (``update``) and then applies it
    (``clipped``).
    """

    loss: passes.Pass
    update: passes.Pass
    clipped: passes.Pass | None
    accumulation: passes.Pass

    @classmethod
    def of(
        cls, objective: Objective, optimizer: Optimizer, target: Target, itemsize: int
    ) -> "ObjectiveCode":
        """Return the code, made where no cache holds it.

        Raises
        ------
        InputError
            If a formula cannot be compiled.
        """
        clips, penalties = optimizer.clip_norm is not None, objective.penalties
        with _advice():
            update = passes.update_pass(optimizer, () if clips else penalties, target, itemsize)
            return cls(
                passes.loss_pass(objective.loss, target, itemsize),
                passes.collection(penalties, target, itemsize) if clips else update,
                update if clips else None,
                passes.accumulation(target, itemsize),
            )


@contextmanager
def _advice() -> Iterator[None]:
    """Name the engine for a formula that cannot be compiled."""
    try:
        yield
    except UntraceableError as error:
        raise InputError(f'{error} Use engine="reference".') from error
