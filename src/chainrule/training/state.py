"""The training state: everything a bit-exact resume needs, and its file, without pickle.

`array_files` writes it: the arrays as safetensors, and all else as one JSON text.
"""

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from chainrule.engines.leaving import Left, leaving, lying
from chainrule.formulas.optimizers import Optimizer, optimizers
from chainrule.formulas.records import restore
from chainrule.foundation.array_files import read_arrays, write_arrays
from chainrule.foundation.arrays import (
    Array,
    as_like,
    floating_dtype,
    lives_on_a_device,
    namespace,
    to_numpy,
)
from chainrule.foundation.errors import FileFormatError, InputError, must_be
from chainrule.foundation.memory import check_memory
from chainrule.foundation.showing import Shown
from chainrule.model.network import Network
from chainrule.model.parameters import Parameters
from chainrule.training.curvature import MEMORY, Pairs
from chainrule.training.network import Network as OwnNetwork
from chainrule.training.stopping import Patience

__all__ = [
    "TrainingState",
    "describe_state",
    "load_state",
    "restored_state",
    "save_state",
    "whole_state",
]

KIND = "training state"


@leaving("vector", "slots", "best")
@dataclass(eq=False, repr=False)
class TrainingState(Shown):
    """The state of a training run.

    Attributes
    ----------
    network : Network
        The network that the vector belongs to.
    vector : array (n_parameters,)
        All parameters, as the last step left them: the next one goes on from here.
    slots : tuple of arrays (n_parameters,)
        The optimizer's memory, in the order of `Optimizer.memory`.
    optimizer : dict
        The optimizer the memory belongs to, as `Optimizer.to_dict` gives it.
    step, epoch : int
        Steps and epochs made.
    seed : int
        The seed of every random choice.
    learning_rate : float or None
        The base rate, after the cuts of an adaptive schedule.
    first_loss : float
        Loss of the very first batch, or of scores of 0 where that batch was right by luck; a
        million times it is divergence.
    patience : Patience
        The counters of stopping.
    best : array (n_parameters,) or None
        The parameters (the average, where there is one) of the best epoch so far, where patience
        watches validation rows. Training goes on from ``vector``, so that stopping here and
        resuming changes nothing.
    curvature : tuple of pairs of arrays (n_parameters,)
        The memory of L-BFGS: its last steps and the changes of the gradient along them, in float64;
        empty for other rules.
    evaluations, fall : int, float
        Evaluations of the gradient by L-BFGS in its last run, and the fall of the loss in its last
        step.
    """

    network: Network
    vector: Array
    slots: tuple[Array, ...]
    optimizer: dict[str, Any]
    seed: int
    step: int = 0
    epoch: int = 0
    learning_rate: float | None = None
    first_loss: float = math.nan
    patience: Patience = field(default_factory=Patience)
    best: Array | None = None
    curvature: Pairs = ()
    evaluations: int = 0
    fall: float = math.nan

    @classmethod
    def start(
        cls,
        network: Network,
        optimizer: Optimizer,
        *,
        seed: int = 0,
        dtype: Any = "float64",
        parameters: Parameters | None = None,
        x: Any = None,
    ) -> "TrainingState":
        """Return the state before the first step, from drawn or given parameters.

        Where ``x``, the inputs, are arrays of JAX or live on a device of PyTorch, drawn parameters
        do so too.
        """
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
            raise must_be("seed", "an integer of at least 0", seed)
        # the vector, its memory and the two snapshots of both, and the gradient
        copies = 3 * (1 + len(optimizer.slots)) + 1
        check_memory(network.n_parameters, copies, floating_dtype(dtype).itemsize)
        if parameters is None:
            parameters = network.start(seed, dtype)
            if lives_on_a_device(x):
                parameters = network.parameters(as_like(parameters.vector, x))
        elif parameters.layout != network.layout:
            raise InputError(
                f"parameters must be those of the network, {network.layout.shapes}; got "
                f"{parameters.layout.shapes}."
            )
        xp = namespace(parameters.vector)
        vector = xp.asarray(parameters.vector, copy=True)
        return cls(network, vector, optimizer.start(xp, vector), optimizer.to_dict(), seed)

    def __str__(self) -> str:
        shape = self.network.layout.arrows
        rate = "" if self.learning_rate is None else f" at rate {self.learning_rate:g}"
        best = f", the best epoch {self.patience.best_epoch}" if self.patience.best_epoch else ""
        return (
            f"training state after epoch {self.epoch}, step {self.step:,}{best}: network {shape} "
            f"({self.network.n_parameters:,} parameters), {self.optimizer['name']}{rate}, seed "
            f"{self.seed}"
        )

    @property
    def current(self) -> Array:
        """The vector to use now: the optimizer's average, where it keeps one, else ``vector``."""
        return self.slots[-1] if self.optimizer.get("averaging") else self.vector

    @property
    def current_there(self) -> Array | Left:
        """`current` as it lies, for the engine that may have left it on its device."""
        averaged = bool(self.optimizer.get("averaging"))
        return lying(self, "slots")[-1] if averaged else lying(self, "vector")

    @property
    def best_there(self) -> Array | Left:
        """The vector of `best_parameters` as it lies."""
        best = lying(self, "best")
        return self.current_there if best is None else best

    def fetch(self) -> None:
        """Bring home the arrays that an engine left on its device."""
        self.vector, self.slots, self.best = self.vector, self.slots, self.best

    def __getstate__(self) -> dict[str, Any]:
        self.fetch()
        return vars(self)

    @property
    def parameters(self) -> Parameters:
        """The parameters to use now, per layer."""
        return self.network.parameters(self.current)

    @property
    def best_parameters(self) -> Parameters:
        """The parameters of the best epoch where patience watches it, else the current ones."""
        return self.network.parameters(self.current if self.best is None else self.best)

    def tuned(self, optimizer: Optimizer) -> "TrainingState":
        """Return the state that goes on with other numbers of the same rule.

        An average that is asked for from now on begins with the last parameters; where it is no
        longer asked for, steps go on from it.
        """
        if optimizer.name != self.optimizer["name"]:
            raise InputError(
                f"optimizer must be the one the state belongs to, {self.optimizer['name']!r}; got "
                f"{optimizer.name!r}. Start a new run to change it."
            )
        description = optimizer.to_dict()
        if description == self.optimizer:
            return self
        slots = self.slots[:-1] if self.optimizer.get("averaging") else self.slots
        if optimizer.averaging > 0.0:
            slots = (*slots, namespace(self.vector).asarray(self.current, copy=True))
            return replace(self, optimizer=description, slots=slots)
        return replace(self, optimizer=description, slots=slots, vector=self.current)

    def go_on_from(self, vector: Array) -> None:
        """Put other parameters in place of the last, the average and the best ones.

        The slope there is another, and so may be the curvature: what L-BFGS met is forgotten.
        """
        if self.optimizer.get("averaging"):
            self.slots = (*self.slots[:-1], namespace(vector).asarray(vector, copy=True))
        self.vector, self.best, self.curvature = vector, None, ()


def save_state(path: str | os.PathLike[str], state: TrainingState) -> None:
    """Write a training state to one file, whole or not at all.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from chainrule import Dense, Network, optimizers
    >>> state = TrainingState.start(Network(Dense(2, 1)), optimizers.adam)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "run.state"
    >>> save_state(path, state)
    >>> load_state(path).optimizer["name"]
    'adam'
    """
    write_arrays(path, KIND, *describe_state(state))


def load_state(path: str | os.PathLike[str]) -> TrainingState:
    """Read what `save_state` wrote; the next epoch is the one the run would have had."""
    description, arrays = read_arrays(path, KIND)
    with whole_state(path):
        return restored_state(description, arrays)


def describe_state(state: TrainingState) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what a file holds of a state: its description, and its arrays."""
    arrays = {"vector": to_numpy(state.vector)}
    arrays |= {f"slot.{number}": to_numpy(slot) for number, slot in enumerate(state.slots)}
    if state.best is not None:
        arrays["best"] = to_numpy(state.best)
    if state.curvature:
        arrays["curvature"] = np.array(state.curvature)
    description = {
        "network": state.network.to_dict(),
        "optimizer": state.optimizer,
        "seed": state.seed,
        "step": state.step,
        "epoch": state.epoch,
        "learning_rate": state.learning_rate,
        "first_loss": state.first_loss,
        "patience": asdict(state.patience),
        "evaluations": state.evaluations,
        "fall": state.fall,
    }
    return description, arrays


def restored_state(
    description: dict[str, Any], arrays: dict[str, np.ndarray], network: OwnNetwork | None = None
) -> TrainingState:
    """Return the state that `describe_state` described; a network given is the one it is of."""
    if network is None:
        network = OwnNetwork.from_dict(description["network"])
    elif json.loads(json.dumps(network.to_dict())) != description["network"]:
        raise ValueError("the network is another one")
    state = TrainingState(
        network=network,
        vector=arrays["vector"],
        slots=tuple(arrays[f"slot.{n}"] for n in range(_count_slots(arrays))),
        optimizer=_whole_optimizer(description["optimizer"]),
        seed=description["seed"],
        step=description["step"],
        epoch=description["epoch"],
        learning_rate=description["learning_rate"],
        first_loss=description["first_loss"],
        patience=Patience(**description["patience"]),
        best=arrays.get("best"),
        curvature=tuple((step, change) for step, change in arrays.get("curvature", ())),
        # not in files of format 1
        evaluations=description.get("evaluations", 0),
        fall=description.get("fall", math.nan),
    )
    _check_parts(state)
    return state


@contextmanager
def whole_state(path: str | os.PathLike[str]) -> Iterator[None]:
    """Refuse a file whose state lacks something, or contradicts itself."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        absent = isinstance(error, KeyError) and not isinstance(error, InputError)
        reason = f"{error} is missing" if absent else str(error).rstrip(".")
        raise FileFormatError(
            f"{os.fspath(path)} must hold a whole training state; {reason}. Save it again with "
            "this version."
        ) from error


def _whole_optimizer(description: dict[str, Any]) -> dict[str, Any]:
    """Return the description with the defaults of settings that are younger than the file."""
    # L-BFGS is no rule of a catalogue, and has no such settings
    if description["name"] == "lbfgs":
        return description
    optimizer: Optimizer = restore(optimizers, description)
    return optimizer.to_dict()


def _count_slots(arrays: dict[str, np.ndarray]) -> int:
    return sum(name.startswith("slot.") for name in arrays)


def _check_parts(state: TrainingState) -> None:
    """Refuse a state whose parts do not fit each other."""
    vector, rule = state.vector, state.optimizer["name"]
    n_slots = len(restore(optimizers, state.optimizer).memory) if rule in optimizers else 0
    if len(state.slots) != n_slots:
        raise ValueError(f"the optimizer {rule!r} has {n_slots} slots, not {len(state.slots)}")
    kept = () if state.best is None else (state.best,)
    size = (state.network.n_parameters,)
    for array in (vector, *state.slots, *kept):
        if array.shape != size or array.dtype != vector.dtype:
            raise ValueError(f"an array has shape {array.shape}, the network takes {size}")
    if not all(np.isfinite(array).all() for array in (vector, *kept)):
        raise ValueError("a parameter is not finite")
    for pair in state.curvature:
        if any(array.shape != size or array.dtype != np.float64 for array in pair):
            raise ValueError(f"the curvature must be pairs of {size} numbers in float64")
        step, change = pair
        if not min(step @ change, change @ change) > 0.0:
            raise ValueError("the curvature must be positive")
    if len(state.curvature) > (0 if rule in optimizers else MEMORY):
        raise ValueError(f"the optimizer {rule!r} does not keep {len(state.curvature)} pairs")
    patience = state.patience
    counts = [state.seed, state.step, state.epoch, patience.stale, patience.best_epoch]
    counts.append(state.evaluations)
    if not all(type(count) is int and count >= 0 for count in counts):
        raise ValueError(f"counters must be whole numbers of at least 0; got {counts}")
    values = (state.first_loss, patience.reference, patience.best, state.fall)
    if not all(type(value) in (int, float) for value in values):
        raise ValueError(f"losses must be numbers; got {values}")
    if state.learning_rate is not None and not state.learning_rate > 0.0:
        raise ValueError(f"the learning rate is not positive: {state.learning_rate}")
    floating_dtype(vector.dtype)
