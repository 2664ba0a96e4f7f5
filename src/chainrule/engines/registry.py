"""The registry of engines: per engine a record of its needs, its limits and its constructor."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np

from chainrule.engines.engine import Engine, Scorer
from chainrule.engines.resources import USUAL, Resources
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer, sgd
from chainrule.foundation.catalogue import Catalogue
from chainrule.foundation.showing import Shown
from chainrule.foundation.undisturbed import undisturbed
from chainrule.model.network import Network
from chainrule.model.objective import Objective

__all__ = ["EngineRecord", "loaded", "registry"]


class EngineRecord(Shown):
    """The facts about an engine that are known before it is loaded.

    Attributes
    ----------
    name : str
        What ``engine=`` takes.
    sentence : str
        What it is, in one line.
    needs : str or None
        The package that it cannot do without, besides those of NumPy and SciPy.
    precisions : tuple of str
        The values of ``matmul_precision`` that it can give.
    library : str or None
        The library whose arrays are its own: where parameters are such, "auto" asks it first.
    meets : bool
        True if it makes the steps of networks that threads train side by side in one program.

    Examples
    --------
    >>> from chainrule.engines.choice import registry
    >>> registry["compiled"]
    compiled: machine code for this processor (needs llvmlite)
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    sentence: ClassVar[str]
    needs: ClassVar[str | None] = None
    precisions: ClassVar[tuple[str, ...]] = ("highest",)
    library: ClassVar[str | None] = None
    meets: ClassVar[bool] = False

    def make(
        self, objective: Objective, optimizer: Optimizer, resources: Resources = USUAL
    ) -> Engine:
        """Return the engine for an objective and an optimizer."""
        raise NotImplementedError

    def lacks(self, resources: Resources) -> str | None:
        """Return, in a sentence, which package, device or precision it lacks; None if none."""
        if not self.is_installed:
            return f"The package {self.needs} is not installed."
        if resources.matmul_precision not in self.precisions:
            return (
                f"The engine {self.name!r} computes products in full precision, not at "
                f"matmul_precision={resources.matmul_precision!r}."
            )
        return self.lacks_device(resources.device)

    def lacks_device(self, device: str) -> str | None:
        """Return, in a sentence, that it cannot compute on a device; None where it can."""
        if device not in ("auto", "cpu", "cpu:0"):
            return f"The engine {self.name!r} computes where the arrays are, and moves none."
        return None

    def reason_against(
        self,
        objective: Objective,
        optimizer: Optimizer,
        dtype: np.dtype[Any] | None,
        resources: Resources = USUAL,
    ) -> str | None:
        """Return, in a sentence, why it cannot do this work; None where it can.

        ``dtype`` is that of the parameters, None where they are no NumPy vector of float32 or
        float64.
        """
        return self.lacks(resources)

    def scorer(
        self,
        network: Network,
        loss: Loss,
        dtype: np.dtype[Any] | None,
        resources: Resources = USUAL,
    ) -> Scorer | None:
        """Return what predicts for a network; None where it cannot for parameters of this dtype.

        An engine whose scores need no optimizer has its own way; by default it is a whole engine.
        """
        objective = Objective(network, loss)
        if self.reason_against(objective, sgd, dtype, resources) is not None:
            return None
        return self.make(objective, sgd, resources)

    @property
    def is_installed(self) -> bool:
        """True if the package that it needs is installed."""
        return self.needs is None or find_spec(self.needs) is not None

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence}" + (f" (needs {self.needs})" if self.needs else "")


# In the order in which "auto" asks them.
registry: Catalogue[EngineRecord] = Catalogue("engine", EngineRecord)


@cache
def loaded(module: str, attribute: str) -> Callable[..., Any]:
    """Return a class of a module that is imported only where its engine is asked for."""
    found: Callable[..., Any] = getattr(undisturbed(lambda: import_module(module)), attribute)
    return found
