"""The training loop: a generator of `Epoch` values, one per pass over the rows.

Everything else (estimators, command line, notebooks) is a plain ``for`` loop over it.
"""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from chainrule.engines.engine import Engine, penalty_at
from chainrule.engines.resources import Resources
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer
from chainrule.formulas.schedules import Schedule, schedules
from chainrule.foundation.errors import InputError
from chainrule.model.network import Network
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.batches import one_pass
from chainrule.training.epoch import Epoch
from chainrule.training.monitor import Metric, Watch, assess, of_class_numbers
from chainrule.training.preparing import Setup, StepOptions, begin, clock_limit, make_plan
from chainrule.training.run import Run
from chainrule.training.snapshot import Progress, Snapshot, closing_loss, whole_epoch
from chainrule.training.sources import make_rows
from chainrule.training.state import TrainingState
from chainrule.training.step import OnStep
from chainrule.training.stopping import Ending
from chainrule.training.windows import AnyRows, StreamedRows

__all__ = ["Pass", "each_epoch", "train", "train_rows"]


def train(
    network: Network,
    x: Any,
    y: Any,
    *,
    loss: str | Loss = "mse",
    optimizer: str | Optimizer = "sgd",
    learning_rate: float | None = None,
    batch_size: int = 32,
    epochs: int = 100,
    sample_weight: Any = None,
    validation: tuple[Any, ...] | None = None,
    metric: Metric | None = None,
    schedule: str | Schedule = "constant",
    l2: float = 0.0,
    l1: float = 0.0,
    label_smoothing: float = 0.0,
    dropout: float | Sequence[float] = 0.0,
    shuffle: bool = True,
    drop_last: bool = False,
    patience: float | None = None,
    tolerance: float = 0.0,
    monitor: str | None = None,
    time_limit: float | None = None,
    seed: int = 0,
    dtype: Any = "float64",
    parameters: Parameters | None = None,
    state: TrainingState | None = None,
    engine: str | Engine = "auto",
    n_threads: int | None = None,
    device: str = "auto",
    matmul_precision: str = "highest",
    on_step: OnStep | None = None,
) -> Generator[Epoch, bool | None, Ending]:
    """Train a network by gradient descent, one batch at a time, and yield an `Epoch` per pass.

    In each epoch every row is used exactly once, in an order drawn from the seed; the last batch
    may be short and counts by its length.

    Parameters
    ----------
    network : Network
        What to train.
    x : array (n, n_in)
        Inputs: NumPy, any array-API library, or SciPy sparse.
    y : array (n,) or (n, n_out)
        Targets; class numbers, one-hot or soft rows for ``categorical_cross_entropy``.
    loss : str or Loss
        A name from `chainrule.losses`, or a record.
    optimizer : str or Optimizer
        A name from `chainrule.optimizers`, or a record.
    learning_rate : float, optional
        None takes the rate that suits the optimizer.
    batch_size : int
        Rows per step; at most the number of rows.
    epochs : int
        Passes over the rows in this call.
    sample_weight : array (n,), optional
        Weights of the rows: the loss is sum(w l) / sum(w).
    validation : tuple (x, y) or (x, y, sample_weight), optional
        Rows to measure on after every epoch.
    metric : callable, optional
        ``metric(scores, y)`` on the validation rows; more is better. Class numbers stay class
        numbers; other targets come as (n, n_out).
    schedule : str or Schedule
        A name from `chainrule.schedules`, or a record.
    l2, l1 : float
        Strengths of the penalties.
    label_smoothing : float
        Share of every label of x (not of the validation rows) that is spread over all classes:
        `Loss.smoothed`.
    dropout : float or sequence of float
        Share of the units of all hidden layers, or of each, that a step leaves out; losses and
        metrics on validation rows are of the whole network.
    shuffle : bool
        Whether to draw a new order each epoch.
    drop_last : bool
        Whether to leave a short last batch out (its rows come up in other epochs).
    patience : int or infinity, optional
        Stop after so many epochs without improvement of the monitored value. If that value is
        measured on validation rows, ``epoch.best_parameters`` are those of the best epoch.
        Infinity trains all epochs, and None does so without keeping the best.
    tolerance : float
        Improvement of the monitored value that counts.
    monitor : {"loss", "validation_loss", "metric"}, optional
        The value that patience and the adaptive schedule look at; by default the last of these
        that is there.
    time_limit : float, optional
        Seconds after which no epoch is begun; at least one is made. What comes out then depends on
        the speed of the machine.
    seed : int
        Seed of the start and of every order.
    dtype : {"float64", "float32"}
        Precision of parameters and computation.
    parameters : Parameters, optional
        Where to start, instead of drawn parameters; copied.
    state : TrainingState, optional
        A state to go on from, from an `Epoch` or a file; it is moved on in place.
    engine : str or Engine
        What computes: ``"auto"`` is the compiled engine where it can, else the reference engine.
    n_threads : int, optional
        Most threads of the compiled engine; None is all cores the process may use. The result has
        the same bits for any number.
    device : str
        Where to compute: ``"cpu"``, ``"gpu"``, ``"tpu"``, or one by its number, as ``"cuda:1"``;
        ``"auto"`` is where the arrays are.
    matmul_precision : {"highest", "high", "default", "bfloat16"}
        The least precision of products of float32 matrices: on an accelerator, or "bfloat16" on
        a processor with avx512_bf16.
    on_step : callable, optional
        Called with a `Step` after each step: its batch, its loss and, when asked for, its gradient.
        The result has the same bits with it and without; without it, nothing is paid.

    Yields
    ------
    Epoch
        After each pass. ``epoch.state`` goes on changing while the loop runs.

    Returns
    -------
    Ending
        The value of the generator at its end: why it ended, and the loss of all rows there.

    Warns
    -----
    NoEffectWarning
        If no loop ever asks for an epoch: nothing is trained then.

    Raises
    ------
    InputError
        Before the first step, if anything does not fit.
    DivergenceError
        At once when a batch loss is not finite or a million times the first, or the loss at the
        end is; the state then holds the parameters of the last good epoch.

    Examples
    --------
    >>> network = Network.of_widths([1, 1])
    >>> for epoch in train(network, [[1.0], [2.0], [3.0], [4.0]], [3.0, 6.0, 9.0, 12.0],
    ...                    learning_rate=0.05, batch_size=4, epochs=500):
    ...     pass
    >>> epoch.parameters.weights[0].round(2)
    array([[3.]])
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
    objective, held_out = begun.objective, None
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) not in (2, 3):
            given = type(validation).__name__
            given += f" of {len(validation)}" if isinstance(validation, tuple | list) else ""
            raise InputError(f"validation must be (x, y) or (x, y, sample_weight); got a {given}.")
        names = ("validation x", "validation y")
        like = begun.state.vector
        held_out = make_rows(objective, *validation, like=like, names=names)
        metric = of_class_numbers(metric, validation[1], held_out.y)
    rate = begun.learning_rate if learning_rate is None else learning_rate
    run = train_rows(
        begun.engine,
        begun.rows,
        begun.state,
        StepOptions(rate, batch_size, schedules.get(schedule), shuffle, drop_last),
        Watch(held_out, metric, monitor, patience, tolerance),
        epochs=epochs,
        time_limit=time_limit,
        on_step=on_step,
        objective=objective,
    )
    return Run(run, "train", "epoch")


def train_rows(
    engine: Engine,
    rows: AnyRows,
    state: TrainingState,
    steps: StepOptions,
    watch: Watch | None = None,
    *,
    epochs: int,
    time_limit: float | None = None,
    on_step: OnStep | None = None,
    objective: Objective | None = None,
    progress: Progress | None = None,
) -> Generator[Epoch, bool | None, Ending]:
    """Train as `train` does, on rows and a state that are ready.

    Sending True to the generator ends the run after that epoch, with the reason ``callback``.
    ``objective`` is what its epochs predict by, where scores are in the user's units. With
    ``progress``, the run goes on that has made these of its ``epochs``.
    """
    progress = Progress() if progress is None else progress
    n_rows = len(rows) if isinstance(rows, StreamedRows) else int(rows.y.shape[0])
    plan = make_plan(engine, n_rows, state, steps, epochs)
    plan = replace(plan, last_epoch=plan.last_epoch - progress.epochs)
    clock_limit(time_limit)  # refused now; the clock runs from the first epoch on

    def make_pass(start: Snapshot, before: Snapshot) -> Pass:
        loss, rows_seen, rate = one_pass(engine, rows, state, plan, start, before, on_step)
        return Pass(loss, rows_seen, plan.steps, rate, partial(Epoch, objective=objective))

    return each_epoch(
        engine,
        rows,
        state,
        steps,
        lambda: make_pass,
        last_epoch=plan.last_epoch,
        watch=Watch() if watch is None else watch,
        time_limit=time_limit,
        progress=progress,
    )


class Pass(NamedTuple):
    """A pass over the rows, or a round.

    Attributes
    ----------
    loss : float
        Mean loss of its steps.
    rows, steps : int
        Rows passed, and steps made.
    learning_rate : float
        The last rate.
    record : callable
        Makes its `Epoch` from the fields that every epoch has.
    """

    loss: float
    rows: int
    steps: int
    learning_rate: float
    record: Callable[..., Epoch]


def each_epoch(
    engine: Engine,
    rows: AnyRows,
    state: TrainingState,
    steps: StepOptions,
    begin: Callable[[], Callable[[Snapshot, Snapshot], Pass]],
    *,
    last_epoch: int,
    watch: Watch,
    time_limit: float | None,
    progress: Progress,
) -> Generator[Epoch, bool | None, Ending]:
    """Yield an epoch per pass, whatever makes the passes, until one of the rules ends the run.

    ``begin``, called where a pass is left to make, returns the function that makes one from two
    snapshots: the start of the pass, and that of the pass before.
    """
    schedule, make_pass = steps.schedule, None
    state.fetch()  # what another engine may have left
    if state.learning_rate is None:
        state.learning_rate = steps.learning_rate
    limit = clock_limit(time_limit)
    before = progress.start or Snapshot.of(state)
    gave_up = progress.epochs > 0 and watch.gives_up(state)
    reason, rate = "no_improvement" if gave_up else None, state.learning_rate
    while reason is None and state.epoch < last_epoch:
        make_pass = make_pass or begin()
        began = time.perf_counter()
        with whole_epoch(state, progress) as start:
            made = make_pass(start, before)
            before, rate = start, made.learning_rate
            validation_loss, score, best = assess(engine, state, made.loss, watch)
            if watch.gives_up(state):
                slower = schedule.after_plateau(state.learning_rate)
                if slower is None:
                    reason = "no_improvement"
                else:
                    state.learning_rate = slower
                    state.patience.stale = 0
            epoch = made.record(
                number=state.epoch,
                loss=made.loss,
                penalty=penalty_at(engine, state.current_there),
                validation_loss=validation_loss,
                metric=score,
                learning_rate=rate,
                rows=made.rows,
                steps=made.steps,
                seconds=time.perf_counter() - began,
                best=best,
                state=state,
            )
        if (yield epoch):
            reason = "callback"
        elif reason is None and state.epoch < last_epoch and time.perf_counter() >= limit:
            reason = "time_limit"
    loss = closing_loss(engine, rows, state, before, rate)
    state.fetch()
    return Ending(reason or "max_iter", loss)
