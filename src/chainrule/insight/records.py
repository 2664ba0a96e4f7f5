"""Records of a training and of the encoding of its rows; every field is optional."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.formulas.loss import Loss
from chainrule.foundation.showing import Shown

__all__ = ["Encoding", "TrainingRecord"]


@dataclass(frozen=True, eq=False, repr=False)
class TrainingRecord(Shown):
    """The training of a network, as far as its model records it.

    Attributes
    ----------
    model : str or None
        The name of the model.
    solver, schedule : str or None
        The names of the optimizer and of the schedule.
    options : mapping
        All options of the model.
    code : str or None
        Code that trains it again.
    seed : int or None
        The seed of all random choices.
    engine, device : str or None
        The names of the engine, and of the device it computed on.
    epochs, rows_seen : int or None
        Epochs made, and rows in all of them.
    seconds : float or None
        Time of the fit.
    stopped_because : str or None
        The reason to stop, a key of `STOPPED` in ``report/card.py``.
    best_epoch : int or None
        The epoch whose parameters were kept, from 1.
    loss_curve, validation_loss_curve, validation_scores, rates : sequence of float
        By epoch: losses, scores of the validation rows, and the learning rate at the end.
    """

    model: str | None = None
    solver: str | None = None
    schedule: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    code: str | None = None
    seed: int | None = None
    engine: str | None = None
    device: str | None = None
    epochs: int | None = None
    rows_seen: int | None = None
    seconds: float | None = None
    stopped_because: str | None = None
    best_epoch: int | None = None
    loss_curve: Sequence[float] = ()
    validation_loss_curve: Sequence[float] = ()
    validation_scores: Sequence[float] = ()
    rates: Sequence[float] = ()

    def __str__(self) -> str:
        known = (("", self.model), ("solver ", self.solver), ("engine ", self.engine))
        words = [f"{what}{value}" for what, value in known if value is not None]
        if self.epochs is not None:
            words.append(f"{self.epochs} epochs")
        if self.stopped_because is not None:
            words.append(f"stopped because of {self.stopped_because}")
        return f"training: {', '.join(words) or 'not recorded'}"


@dataclass(frozen=True, eq=False, repr=False)
class Encoding(Shown):
    """The encoding of the user's rows as the numbers that the network is trained on.

    Attributes
    ----------
    classes : sequence or None
        The labels, in the order of the outputs.
    columns : sequence of (str, sequence of int), or None
        The columns of the user's table, each with the inputs made of it.
    center, spread : float
        Targets are ``center + spread * y`` in the user's scale.
    loss : Loss or None
        The loss in the user's scale; None is that of the objective.
    loss_factor : float
        The factor from the loss of the objective to that of the user's scale.
    """

    classes: Sequence[Any] | None = None
    columns: Sequence[tuple[str, Sequence[int]]] | None = None
    center: float = 0.0
    spread: float = 1.0
    loss: Loss | None = None
    loss_factor: float = 1.0

    def __str__(self) -> str:
        columns = "" if self.columns is None else f"; {len(self.columns)} columns"
        if self.classes is not None:
            return f"encoding: {len(self.classes)} classes{columns}"
        scaled = np.any(np.asarray(self.center) != 0.0) or np.any(np.asarray(self.spread) != 1.0)
        return f"encoding: {'scaled numbers' if scaled else 'numbers as they are'}{columns}"
