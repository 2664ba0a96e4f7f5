"""The results of one pass over the rows."""

from dataclasses import dataclass, replace
from typing import Any

from chainrule.foundation.arrays import Array
from chainrule.foundation.showing import Shown
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.network import Network, own
from chainrule.training.state import TrainingState
from chainrule.training.step import predictions

__all__ = ["Epoch"]


@dataclass(frozen=True, eq=False, repr=False)
class Epoch(Shown):
    """One pass over the rows.

    Attributes
    ----------
    number : int
        Epochs made so far, this one included, counted over resumes.
    loss : float
        Weighted mean loss of the rows, each at the parameters of its own step, without penalties.
    penalty : float
        What the penalties add at the end of the epoch.
    validation_loss : float or None
        Mean loss of the validation rows at the end of the epoch.
    metric : float or None
        Value of the given metric on the validation rows; more is better.
    learning_rate : float
        Rate of the last step.
    rows, steps : int
        Rows seen and steps made in this epoch.
    seconds : float
        Wall time of the epoch, validation included.
    best : bool
        Whether the monitored value is the best so far.
    state : TrainingState
        The live state: parameters, memory and counters after this epoch.
    member : int or None
        Which network of an ensemble it is of, from 1; None where there is one network.
    objective : Objective or None
        What `train` makes small; None in the epochs of an estimator, which has a scale of its own.
    """

    number: int
    loss: float
    penalty: float
    validation_loss: float | None
    metric: float | None
    learning_rate: float
    rows: int
    steps: int
    seconds: float
    best: bool
    state: TrainingState
    member: int | None = None
    objective: Objective | None = None

    @property
    def network(self) -> Network:
        """The network that is trained: ``epoch.network(epoch.parameters, x)`` gives its scores."""
        return own(self.state.network)

    @property
    def parameters(self) -> Parameters:
        """The parameters after this epoch; their average, where the optimizer keeps one."""
        return self.state.parameters

    @property
    def best_parameters(self) -> Parameters:
        """The parameters of the best epoch on the validation rows, where patience watches them."""
        return self.state.best_parameters

    def predict(self, x: Any) -> Array:
        """Return predictions for inputs (n, n_in), or one row, by the parameters of this epoch.

        They are the scores through the link of the loss: probabilities for a cross-entropy,
        expected counts for ``poisson``, and the scores themselves for ``mse``.
        """
        return predictions(self.objective, self.parameters, x)

    def in_units(self, factor: float) -> "Epoch":
        """Return the epoch with its losses and penalty times a factor: those of another unit."""
        if factor == 1.0:
            return self
        validation = self.validation_loss
        return replace(
            self,
            loss=self.loss * factor,
            penalty=self.penalty * factor,
            validation_loss=None if validation is None else validation * factor,
        )

    def __str__(self) -> str:
        parts = [] if self.member is None else [f"network {self.member}"]
        parts += [f"epoch {self.number}", f"loss {self.loss:.6g}"]
        if self.validation_loss is not None:
            parts.append(f"validation loss {self.validation_loss:.6g}")
        if self.metric is not None:
            parts.append(f"validation score {self.metric:.4f}")
        return "  ".join(parts)
