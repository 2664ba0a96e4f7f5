"""The machine code that an objective and an optimizer need, in one precision."""

from typing import NamedTuple

from chainrule.engines.compiled import passes
from chainrule.engines.compiled.kernel_code import Kernels
from chainrule.engines.compiled.target import Target
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.errors import InputError
from chainrule.model.objective import Objective
from chainrule.tracing.formulas import UntraceableError

__all__ = ["ObjectiveCode"]


class ObjectiveCode(NamedTuple):
    """Passes and kernels.

    With clipping, a step collects the gradient first (``update``) and then applies it
    (``clipped``).
    """

    activations: list[tuple[passes.Pass, passes.Pass]]
    loss: passes.Pass
    update: passes.Pass
    clipped: passes.Pass | None
    accumulation: passes.Pass
    kernels: Kernels

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
        try:
            update = passes.update_pass(optimizer, () if clips else penalties, target, itemsize)
            return cls(
                [
                    passes.activation_passes(layer.activation, target, itemsize)
                    for layer in objective.network.layers
                ],
                passes.loss_pass(objective.loss, target, itemsize),
                passes.collection(penalties, target, itemsize) if clips else update,
                update if clips else None,
                passes.accumulation(target, itemsize),
                Kernels.of(target, itemsize),
            )
        except UntraceableError as error:
            raise InputError(f'{error} Use engine="reference".') from error
