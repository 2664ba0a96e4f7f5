"""Several networks of different seeds, trained side by side; the mean of their answers is used.

Each is an estimator with one network. The threads are divided among them, and the bits do not
depend on the number of threads.
"""

import copy
import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from chainrule.engines.choice import trains_together
from chainrule.engines.meeting import met
from chainrule.estimators.callbacks import Tasks, callbacks_of, is_true
from chainrule.estimators.checkpoints import Keeping
from chainrule.estimators.endings import unfinished
from chainrule.estimators.option import options_of, parameters_of
from chainrule.estimators.progress import shown
from chainrule.foundation.errors import DataWarning, DivergenceError, DivergenceWarning, InputError
from chainrule.foundation.seeds import Purpose, as_seed, stream
from chainrule.foundation.side_by_side import side_by_side
from chainrule.foundation.threads import thread_shares
from chainrule.training.epoch import Epoch

__all__ = ["fit_members", "pass_members", "take_over"]

# Attributes that the networks share; the ensemble has them too.
SHARED = (
    "classes_",
    "n_features_in_",
    "feature_names_in_",
    "n_outputs_",
    "n_layers_",
    "network_",
    "objective_",
    "out_activation_",
    "engine_",
    "device_",
)
# Attributes that scikit-learn keeps in an estimator besides the options.
OF_SCIKIT_LEARN = (
    "_metadata_request",
    "_sklearn_output_config",
    "_skl_callbacks",
    "_parent_callback_ctx",
    "_callback_fit_ctx",
    "_skl_callbacks_to_teardown",
)
# Trains one network (member, tell, stop, keeper), with a callback, an event that stops it and its
# checkpoints; returns remarks and divergence.
Train: TypeAlias = Callable[..., tuple[list[str], DivergenceError | None]]


def fit_members(
    estimator: Any, tasks: Tasks, train_one: Train, keeping: Keeping | None = None
) -> list[Warning]:
    """Train every network, each with a seed of its own.

    A network that holds rows out draws them by its own seed. After each epoch of any network the
    estimator is the ensemble of those that have made an epoch, and the callbacks are called, for
    one epoch at a time; an error, or Ctrl-C, leaves it so. Return the warnings.
    """
    resumed = None if keeping is None else keeping.seed
    members, workers, seed = _members(estimator, bool(estimator.warm_start), resumed)
    callbacks = callbacks_of(estimator)
    shares = TimeShares(estimator.time_limit, len(members), workers)
    one_at_a_time = threading.Lock()
    began: set[int] = set()

    def publish() -> None:
        shown_ones = [
            member
            for number, member in enumerate(members)
            if number in began or getattr(member, "loss_curve_", None)
        ]
        take_over(estimator, shown_ones, seed)

    def train(number: int, stop: threading.Event) -> tuple[list[str], DivergenceError | None]:
        member = members[number]

        def tell(epoch: Epoch) -> bool:
            with one_at_a_time:
                began.add(number)
                if stop.is_set():
                    return False
                publish()
                numbered = replace(epoch, member=number + 1)
                show(numbered)
                answers = [callback(numbered) for callback in (*callbacks, told)]
                return any(map(is_true, answers))

        with one_at_a_time:
            told = tasks.begin(number)
        member.time_limit = shares.of(number)
        try:
            keeper = None if keeping is None else keeping.of_network(number, seed)
            found = train_one(member, tell=tell, stop=stop, keeper=keeper)
        finally:
            member.time_limit = estimator.time_limit
        with one_at_a_time:
            if not stop.is_set():
                tasks.end(number)
        return found

    try:
        total = estimator.max_iter * len(members)
        with shown(estimator.verbose, total, estimator.time_limit) as show:
            results = side_by_side(met(train, len(members), workers), len(members), workers)
    except BaseException:
        if began:
            publish()
        raise
    take_over(estimator, members, seed)
    found: list[Warning] = [
        DataWarning(words) for words in next((remarks for remarks, _ in results if remarks), [])
    ]
    diverged = [error for _, error in results if error is not None]
    if diverged:
        of_all = f"{len(diverged)} of {len(members)} networks"
        found.append(DivergenceWarning(f"{of_all} diverged. The first: {diverged[0]}"))
    return [*found, *unfinished(estimator, members)]


class TimeShares:
    """Shares of a time limit: for each network an equal part of the time left when it begins."""

    def __init__(self, limit: float | None, count: int, workers: int) -> None:
        self._limit = limit
        self._rounds, self._workers = math.ceil(count / workers), workers
        self._began = time.perf_counter()

    def of(self, number: int) -> float | None:
        """Return the seconds for a network that begins now."""
        if self._limit is None:
            return None
        left = self._limit - (time.perf_counter() - self._began)
        return max(left / (self._rounds - number // self._workers), math.ulp(0.0))


def pass_members(estimator: Any, pass_one: Callable[[Any], Any]) -> None:
    """Let every network make one pass over the rows, as `partial_fit` does."""
    members, workers, seed = _members(estimator, go_on=True)

    def train(number: int, stop: threading.Event) -> None:
        pass_one(members[number])

    side_by_side(met(train, len(members), workers), len(members), workers)
    take_over(estimator, members, seed)


def _members(estimator: Any, go_on: bool, resumed: int | None = None) -> tuple[list[Any], int, int]:
    """Return the networks to train, the number at a time, and the seed of their seeds."""
    count = int(estimator.n_estimators)
    workers, threads = thread_shares(count, estimator.n_threads)
    options = estimator.get_params(deep=False)
    if trains_together(options):
        workers = count
    kind: Any = type(estimator)
    defaults = parameters_of(kind)
    for name, record in options_of(kind).items():
        if not record.in_members:
            options[name] = defaults[name].default
    options["n_threads"] = threads
    known = estimator.__dict__.get("estimators_", []) if go_on else []
    seed = estimator.seed_ if known else as_seed(estimator.random_state)
    seed = seed if resumed is None else resumed
    if len(known) > count:
        raise InputError(
            f"n_estimators must be at least {len(known)} while training goes on; got {count}. Fit "
            "with warm_start=False for fewer networks."
        )
    # copies, so that a refusal leaves the ensemble as it was
    by_seed = {member.random_state: copy.deepcopy(member) for member in known}
    members = []
    for number in range(count):
        one = int(stream(seed, Purpose.MEMBER, number).integers(2**31 - 1))
        member = by_seed.get(one) or type(estimator)()
        members.append(member.set_params(**options | {"random_state": one}))
    return members, workers, seed


def take_over(estimator: Any, members: list[Any], seed: int) -> None:
    """Make the estimator the ensemble of these networks, without any other fitted attribute."""
    kind: Any = type(estimator)
    kept = {*parameters_of(kind), *OF_SCIKIT_LEARN}
    for name in [name for name in estimator.__dict__ if name not in kept]:
        del estimator.__dict__[name]
    first = members[0]
    estimator.__dict__ |= {name: getattr(first, name) for name in SHARED if hasattr(first, name)}
    estimator.estimators_ = members
    estimator.seed_ = seed
    estimator.n_iter_ = max(member.n_iter_ for member in members)
    estimator.t_ = sum(member.t_ for member in members)
    estimator.loss_ = float(np.mean([member.loss_ for member in members]))
