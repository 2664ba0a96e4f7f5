"""Many runs of one network side by side: seeds, or a grid of rates and penalties."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chainrule.engines.choice import trains_together
from chainrule.engines.meeting import met
from chainrule.foundation.errors import DivergenceError, InputError
from chainrule.foundation.showing import Shown
from chainrule.foundation.side_by_side import side_by_side
from chainrule.foundation.threads import thread_shares
from chainrule.model.network import Network
from chainrule.training.epoch import Epoch
from chainrule.training.loop import train
from chainrule.training.stopping import Ending

__all__ = ["Outcome", "train_many"]

# Arguments of `train` that are one for all runs.
FOR_ALL = ("network", "x", "y", "engine", "n_threads", "device", "matmul_precision")


@dataclass(eq=False, repr=False)
class Outcome(Shown):
    """One of many runs, at its end.

    Attributes
    ----------
    options : mapping
        What was its own: the arguments of `train`.
    losses, validation_losses : list of float
        By epoch; ``validation_losses`` is empty without validation rows.
    epoch : Epoch or None
        The last epoch made, with state and parameters; None where the first one diverged.
    ending : Ending or None
        Why it ended, and the loss there; None where it diverged.
    divergence : DivergenceError or None
        What is told of a run that diverged; its state is that of the last good epoch.

    Examples
    --------
    >>> Outcome({"l2": 0.1}, losses=[2.0, 1.0])
    run with l2=0.1: 2 epochs, loss 1
    """

    options: Mapping[str, Any]
    losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    epoch: Epoch | None = None
    ending: Ending | None = None
    divergence: DivergenceError | None = None

    def __str__(self) -> str:
        own = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        made = f"{len(self.losses)} epochs"
        loss = f", loss {self.losses[-1]:.6g}" if self.losses else ""
        end = "" if self.divergence is None else ", diverged"
        return f"run with {own or 'nothing of its own'}: {made}{loss}{end}"


def train_many(
    network: Network, x: Any, y: Any, runs: Sequence[Mapping[str, Any]], **common: Any
) -> list[Outcome]:
    """Train a network many times, each time with options of its own.

    Runs share the threads of the CPU engines. With ``engine="jax"`` those of equal formulas and
    batch sizes are one program, which takes their steps together; rates, strengths of penalties
    and seeds may differ, also the number of rows. Each run is what `train` makes of the same
    options, to rounding.

    Parameters
    ----------
    network, x, y
        As in `train`.
    runs : sequence of mappings
        The options of each run, such as ``{"learning_rate": 0.1, "l2": 1e-3, "seed": 2}``.
    **common
        The options of all runs: arguments of `train`. Those of the engine (``engine``,
        ``n_threads``, ``device``, ``matmul_precision``) can only be these.

    Returns
    -------
    list of Outcome
        In the order of the runs. One that diverges does not end the others.

    Raises
    ------
    InputError
        Before the first step, if anything does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import Network
    >>> x = np.linspace(-1.0, 1.0, 50)[:, None]
    >>> grid = [{"learning_rate": rate, "l2": l2} for rate in (0.01, 0.1) for l2 in (0.0, 1.0)]
    >>> found = train_many(Network.of_widths([1, 1]), x, 2.0 * x, grid, epochs=20)
    >>> min(found, key=lambda run: run.losses[-1]).options
    {'learning_rate': 0.1, 'l2': 0.0}
    """
    _check(runs)
    count = len(runs)
    workers, threads = thread_shares(count, common.get("n_threads"))
    if trains_together(common):
        workers = count
    common["n_threads"] = threads
    outcomes = [Outcome(dict(options)) for options in runs]
    begun: list[Any] = []
    try:
        begun.extend(train(network, x, y, **common | dict(options)) for options in runs)
    except BaseException:
        for run in begun:
            run.close()
        raise

    def follow(number: int, stop: threading.Event) -> None:
        _follow(begun[number], outcomes[number], stop)

    try:
        side_by_side(met(follow, count, workers), count, workers)
    finally:
        for run in begun:
            run.close()
    return outcomes


def _check(runs: Sequence[Mapping[str, Any]]) -> None:
    if isinstance(runs, Mapping | str) or not len(runs):
        raise InputError(f"runs must be a list of dicts, one for each run; got {runs!r}.")
    for number, options in enumerate(runs):
        if not isinstance(options, Mapping):
            raise InputError(f"runs must be dicts of options; got {options!r} in place {number}.")
        wrong = next((name for name in options if name in FOR_ALL), None)
        if wrong is not None:
            raise InputError(
                f"runs must share {wrong}; got one in place {number}. Pass {wrong}= to train_many."
            )
    states = [id(one["state"]) for one in runs if one.get("state") is not None]
    if len(set(states)) < len(states):
        raise InputError("state must be another one in each run, as it moves; got one twice.")


def _follow(run: Any, outcome: Outcome, stop: threading.Event) -> None:
    """Make the epochs of a run until it ends, or others have failed."""
    try:
        while not stop.is_set():
            epoch = next(run)
            outcome.epoch = epoch
            outcome.losses.append(epoch.loss)
            if epoch.validation_loss is not None:
                outcome.validation_losses.append(epoch.validation_loss)
    except StopIteration as end:
        outcome.ending = end.value
    except DivergenceError as error:
        outcome.divergence = error
