"""Several networks of different seeds, trained side by side, and the mean of their answers.

Each is an estimator of its own with one network; the threads are shared out among them, and the
bits do not depend on how many there are.
"""

import copy
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.estimators.base import BaseMLP
from chainrule.estimators.callbacks import Tasks, callbacks_of, is_true
from chainrule.estimators.endings import unfinished
from chainrule.estimators.option import options_of, parameters_of
from chainrule.estimators.progress import shown
from chainrule.foundation.errors import DataWarning, DivergenceError, DivergenceWarning, InputError
from chainrule.foundation.seeds import Purpose, as_seed, stream
from chainrule.foundation.side_by_side import side_by_side
from chainrule.foundation.threads import available_threads
from chainrule.training.epoch import Epoch

__all__ = [
    "fit_members",
    "mean_answers",
    "member_answers",
    "member_scores",
    "pass_members",
    "take_over",
]

# What the networks share, and the ensemble shows as its own.
SHARED = (
    "classes_",
    "_multilabel",
    "n_features_in_",
    "feature_names_in_",
    "n_outputs_",
    "n_layers_",
    "network_",
    "objective_",
    "out_activation_",
    "engine_",
)
# What scikit-learn keeps in an estimator besides its options.
OF_SCIKIT_LEARN = (
    "_metadata_request",
    "_sklearn_output_config",
    "_skl_callbacks",
    "_parent_callback_ctx",
    "_callback_fit_ctx",
    "_skl_callbacks_to_teardown",
)
# Fewer rows are answered by one thread.
ROWS_FOR_THREADS = 1000


def fit_members(estimator: BaseMLP, arguments: Sequence[Any], tasks: Tasks) -> list[Warning]:
    """Train every network on the arguments of `fit`, each with a seed of its own.

    A network that holds rows out draws them by its own seed. After each epoch of any network the
    estimator is the ensemble of those that have made one, and what is to be told is told, one
    epoch at a time; an error, or Ctrl-C, leaves it so. Return what is to be warned of.
    """
    members, workers, seed = _members(estimator, go_on=bool(estimator.warm_start))
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
        member, divergence = members[number], None
        remarks: list[str] = []

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
            for _ in member._training(*arguments, callbacks=[tell]):
                remarks, member._remarks = [*remarks, *member._remarks], ()
                if stop.is_set():
                    break
        except DivergenceError as error:
            divergence = error
        finally:
            member.time_limit = estimator.time_limit
        remarks, member._remarks = [*remarks, *member._remarks], ()
        with one_at_a_time:
            if not stop.is_set():
                tasks.end(number)
        return remarks, divergence

    try:
        total = estimator.max_iter * len(members)
        with shown(estimator.verbose, total, estimator.time_limit) as show:
            results = side_by_side(train, len(members), workers)
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
    """What each network may take of a time limit: equal parts of what is left when it begins."""

    def __init__(self, limit: float | None, count: int, workers: int) -> None:
        self._limit = limit
        self._rounds, self._workers = math.ceil(count / workers), workers
        self._began = time.perf_counter()

    def of(self, number: int) -> float | None:
        """Return the seconds of a network that begins now."""
        if self._limit is None:
            return None
        left = self._limit - (time.perf_counter() - self._began)
        return max(left / (self._rounds - number // self._workers), math.ulp(0.0))


def pass_members(estimator: BaseMLP, arguments: Sequence[Any]) -> None:
    """Let every network make one pass over the rows, as `partial_fit` does."""
    members, workers, seed = _members(estimator, go_on=True)

    def train(number: int, stop: threading.Event) -> None:
        members[number]._pass(*arguments)

    side_by_side(train, len(members), workers)
    take_over(estimator, members, seed)


def member_scores(estimator: BaseMLP, X: Any) -> list[np.ndarray]:
    """Return the scores (n, n_scores) of every network."""
    X = estimator._inputs(X)
    members = estimator.estimators_

    def scores(number: int, stop: threading.Event) -> np.ndarray:
        found: np.ndarray = members[number]._scores_of(X)
        return found

    many = X.shape[0] >= ROWS_FOR_THREADS
    workers = _shares(estimator, len(members))[0] if many else 1
    return side_by_side(scores, len(members), workers)


def member_answers(estimator: BaseMLP, X: Any) -> np.ndarray:
    """Return the answers (n_estimators, n, n_outputs) of every network: probabilities or means."""
    return np.stack([estimator._predictions_of(s) for s in member_scores(estimator, X)])


def mean_answers(estimator: BaseMLP, X: Any) -> np.ndarray:
    """Return the mean answer (n, n_outputs) of the networks."""
    mean: np.ndarray = member_answers(estimator, X).mean(axis=0)
    return mean


def _members(estimator: BaseMLP, go_on: bool) -> tuple[list[Any], int, int]:
    """Return the networks to train, how many at a time, and the seed that theirs come from."""
    count = int(estimator.n_estimators)
    workers, threads = _shares(estimator, count)
    options = estimator.get_params(deep=False)
    kind: Any = type(estimator)
    defaults = parameters_of(kind)
    for name, record in options_of(kind).items():
        if not record.in_members:
            options[name] = defaults[name].default
    options["n_threads"] = threads
    known = estimator.__dict__.get("estimators_", []) if go_on else []
    seed = estimator.seed_ if known else as_seed(estimator.random_state)
    if len(known) > count:
        raise InputError(
            f"n_estimators must be at least {len(known)} while training goes on; got {count}. Fit "
            "anew for fewer networks."
        )
    # copies, so that a refusal leaves the ensemble as it was
    by_seed = {member.random_state: copy.deepcopy(member) for member in known}
    members = []
    for number in range(count):
        one = int(stream(seed, Purpose.MEMBER, number).integers(2**31 - 1))
        member = by_seed.get(one) or type(estimator)()
        members.append(member.set_params(**options | {"random_state": one}))
    return members, workers, seed


def _shares(estimator: BaseMLP, count: int) -> tuple[int, int]:
    """Return how many networks are at work at a time, and the threads of each."""
    threads = available_threads(estimator.n_threads)
    workers = min(count, threads)
    return workers, max(1, threads // workers)


def take_over(estimator: BaseMLP, members: list[Any], seed: int) -> None:
    """Make the estimator the ensemble of these networks, and nothing else."""
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
