"""Training step by step: the generator for a loop that looks at every batch."""

from collections.abc import Generator, Sequence
from typing import Any

from chainrule.engines.engine import Engine, Rows
from chainrule.engines.resources import Resources
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer
from chainrule.formulas.schedules import Schedule, schedules
from chainrule.model.network import Network
from chainrule.model.parameters import Parameters
from chainrule.training.batches import Plan, pass_by_steps
from chainrule.training.preparing import Setup, StepOptions, begin, make_plan
from chainrule.training.run import Run
from chainrule.training.snapshot import Snapshot, closing_loss
from chainrule.training.state import TrainingState
from chainrule.training.step import Step
from chainrule.training.stopping import Ending

__all__ = ["steps"]


def steps(
    network: Network,
    x: Any,
    y: Any,
    *,
    loss: str | Loss = "mse",
    optimizer: str | Optimizer = "sgd",
    learning_rate: float | None = None,
    batch_size: int = 32,
    epochs: int = 1,
    sample_weight: Any = None,
    schedule: str | Schedule = "constant",
    l2: float = 0.0,
    l1: float = 0.0,
    label_smoothing: float = 0.0,
    dropout: float | Sequence[float] = 0.0,
    shuffle: bool = True,
    drop_last: bool = False,
    seed: int = 0,
    dtype: Any = "float64",
    parameters: Parameters | None = None,
    state: TrainingState | None = None,
    engine: str | Engine = "auto",
    n_threads: int | None = None,
    device: str = "auto",
    matmul_precision: str = "highest",
) -> Generator[Step, None, Ending]:
    """Train as `train` does, and yield a `Step` after every batch.

    The steps are those of `train`, bit for bit. A loop left within an epoch leaves the state after
    the last step made.

    Parameters
    ----------
    network, x, y
        As in `train`.
    epochs : int
        Passes over the rows in this call.
    loss, optimizer, learning_rate, batch_size, sample_weight, schedule, l2, l1, label_smoothing
        As in `train`.
    dropout, shuffle, drop_last, seed, dtype, parameters, state, engine, n_threads, device,
    matmul_precision
        As in `train`.

    Yields
    ------
    Step
        The rows of the batch, its loss and its gradient, and the parameters before and after.

    Returns
    -------
    Ending
        The value of the generator at its end: the loss of all rows there.

    Raises
    ------
    InputError
        Before the first step, if anything does not fit.
    DivergenceError
        As in `train`: the state then holds the parameters of the start of the epoch.

    Examples
    --------
    >>> network = Network.of_widths([1, 1])
    >>> for step in steps(network, [[1.0], [2.0], [3.0], [4.0]], [3.0, 6.0, 9.0, 12.0],
    ...                   learning_rate=0.05, batch_size=2, shuffle=False):
    ...     expected = step.before.vector - 0.05 * step.gradient.vector
    ...     print(step.batch, bool((step.parameters.vector == expected).all()))
    [0 1] True
    [2 3] True
    """
    setup = Setup(
        loss=loss,
        optimizer=optimizer,
        l2=l2,
        l1=l1,
        label_smoothing=label_smoothing,
        dropout=dropout,
        seed=seed,
        dtype=dtype,
        parameters=parameters,
        state=state,
        engine=engine,
        resources=Resources(n_threads, device, matmul_precision),
    )
    begun = begin(network, x, y, sample_weight, setup)
    rate = begun.learning_rate if learning_rate is None else learning_rate
    options = StepOptions(rate, batch_size, schedules.get(schedule), shuffle, drop_last)
    plan = make_plan(begun.engine, len(begun.rows), begun.state, options, epochs)
    return Run(_steps(begun.engine, begun.rows, begun.state, plan), "steps", "step")


def _steps(
    engine: Engine, rows: Rows, state: TrainingState, plan: Plan
) -> Generator[Step, None, Ending]:
    if state.learning_rate is None:
        state.learning_rate = plan.learning_rate
    before, rate = Snapshot.of(state), state.learning_rate
    while state.epoch < plan.last_epoch:
        start = Snapshot.of(state)
        _, _, rate = yield from pass_by_steps(engine, rows, state, plan, start, before)
        before = start
    return Ending("max_iter", closing_loss(engine, rows, state, before, rate))
