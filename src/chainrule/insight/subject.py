"""The subject of an explanation: an objective, its parameters, and rows."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.formulas.optimizers import Optimizer, sgd
from chainrule.foundation.errors import InputError
from chainrule.foundation.showing import Shown
from chainrule.insight.records import Encoding, TrainingRecord
from chainrule.insight.sharing import SharedArray, listed
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.sources import make_rows

__all__ = ["Subject"]


@dataclass(frozen=True, eq=False, repr=False)
class Subject(Shown):
    """A network at one point, with rows to explain it on.

    Attributes
    ----------
    objective : Objective
        Network, loss and penalties.
    vector : ndarray (n_parameters,)
        The parameters, in the scale of training.
    rows : Rows
        Inputs, encoded targets and weights (mean 1) of the rows.
    optimizer : Optimizer
        The rule of the next update.
    slots : tuple of ndarray
        Its memory before that update; empty if unknown, which counts as zeros.
    step : int
        Steps made before that update.
    learning_rate : float
        The rate of that update.
    batch_size : int or None
        Rows per step in training, if known.
    input_names, output_names : tuple of str
        Names of features and outputs; ``x1, x2, ...`` and ``s1, s2, ...`` by default.
    notes : tuple of str
        Sentences that every output repeats, such as the scale of the targets.
    shared : tuple of SharedArray
        Weights and biases that several layers of a foreign network share.
    training : TrainingRecord
        The training, as far as the model records it.
    encoding : Encoding
        The encoding of the user's rows as inputs and targets.
    """

    objective: Objective
    vector: np.ndarray
    rows: Rows
    optimizer: Optimizer = sgd
    slots: tuple[np.ndarray, ...] = ()
    step: int = 0
    learning_rate: float = sgd.learning_rate
    batch_size: int | None = None
    input_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    shared: tuple[SharedArray, ...] = ()
    training: TrainingRecord = field(default_factory=TrainingRecord)
    encoding: Encoding = field(default_factory=Encoding)

    def __post_init__(self) -> None:
        network = self.objective.network
        if not self.input_names:
            names = tuple(f"x{number}" for number in range(1, network.n_in + 1))
            object.__setattr__(self, "input_names", names)
        if not self.output_names:
            names = tuple(f"s{number}" for number in range(1, network.n_out + 1))
            object.__setattr__(self, "output_names", names)

    @classmethod
    def of(
        cls,
        objective: Objective,
        parameters: Parameters,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        **more: Any,
    ) -> "Subject":
        """Check the rows against the objective, and return the subject.

        Examples
        --------
        >>> from chainrule import Network, Objective
        >>> network = Network.of_widths([2, 3, 1], "sigmoid")
        >>> subject = Subject.of(Objective(network, "mse"), network.start(0), [[1.0, 1.0]], [0.0])
        >>> loss, gradient = subject.engine.gradient(subject.vector, subject.rows)
        >>> gradient.shape
        (13,)
        """
        vector = np.asarray(parameters.vector)
        rows = make_rows(objective, x, y, sample_weight, like=vector, names=("X", "y"))
        return cls(objective, vector, rows, **more)

    def __str__(self) -> str:
        shape = self.objective.network.layout.arrows
        after = f" after step {self.step:,}" if self.step else ""
        return (
            f"subject: network {shape}, loss {self.objective.loss.name}, on {len(self.rows):,} "
            f"rows; {self.optimizer.name} at rate {self.learning_rate:g}{after}"
        )

    @property
    def parameters(self) -> Parameters:
        """The parameters, per layer."""
        return self.objective.network.parameters(self.vector)

    @property
    def n_parameters(self) -> int:
        """The number of parameters; those of a shared layer count once."""
        copies = sum((len(one.uses) - 1) * one.values.size for one in self.shared)
        return len(self.vector) - copies

    def check_trainable(self) -> None:
        """Refuse to train layers that share parameters: each would learn on its own."""
        if self.shared:
            raise InputError(
                "model must be without shared layers for training runs, which would train each "
                f"layer on its own; got shared {listed(self.shared[0].layers)}. Compare batch "
                "sizes and learning rates in the library that trains it."
            )

    @property
    def engine(self) -> ReferenceEngine:
        """The readable engine on this objective."""
        return ReferenceEngine(self.objective, self.optimizer)
