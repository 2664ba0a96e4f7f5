"""Several networks of different seeds, trained side by side, and the mean of their answers.

Each is an estimator of its own with one network; the threads are shared out among them, and the
bits do not depend on how many there are.
"""

import copy
import inspect
import threading
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from chainrule.estimators.ingredients import make_schedule
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import DataWarning, DivergenceError, DivergenceWarning, InputError
from chainrule.foundation.seeds import Purpose, as_seed, stream

if TYPE_CHECKING:
    from chainrule.estimators.base import BaseMLP
    from chainrule.estimators.fitting import FittingMLP

__all__ = [
    "fit_members",
    "mean_answers",
    "member_answers",
    "member_scores",
    "pass_members",
    "take_over",
]

Result = TypeVar("Result")
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
)
# What scikit-learn keeps in an estimator besides its options.
OF_SCIKIT_LEARN = (
    "_metadata_request",
    "_sklearn_output_config",
    "_skl_callbacks",
    "_parent_callback_ctx",
)
# Fewer rows are answered by one thread.
ROWS_FOR_THREADS = 1000


def fit_members(estimator: "FittingMLP", arguments: Sequence[Any]) -> None:
    """Train every network on the arguments of `fit`, each with a seed of its own.

    A network that holds rows out draws them by its own seed.
    """
    members, workers, seed = _members(estimator, go_on=bool(estimator.warm_start))

    def train(number: int, stop: threading.Event) -> tuple[list[str], DivergenceError | None]:
        member = members[number]
        remarks: list[str] = []
        try:
            for epoch in member._training(*arguments):
                remarks, member._remarks = [*remarks, *member._remarks], ()
                if estimator.verbose:
                    print(f"network {number + 1}  {epoch}")
                if stop.is_set():
                    break
        except DivergenceError as error:
            return remarks, error
        remarks, member._remarks = [*remarks, *member._remarks], ()
        return remarks, None

    results = _side_by_side(train, len(members), workers)
    take_over(estimator, members, seed)
    for words in next((remarks for remarks, _ in results if remarks), []):
        warnings.warn(words, DataWarning, stacklevel=3)
    of_all = f"of {len(members)} networks"
    diverged = [error for _, error in results if error is not None]
    if diverged:
        words = f"{len(diverged)} {of_all} diverged. The first: {diverged[0]}"
        warnings.warn(words, DivergenceWarning, stacklevel=3)
    unfinished = [one for one in members if one.stopped_because_ in ("max_iter", "max_fun")]
    if unfinished and not make_schedule(estimator).needs_total:
        limit = unfinished[0].stopped_because_
        warnings.warn(
            f"{len(unfinished)} {of_all} stopped after {limit}={getattr(estimator, limit)} while "
            f"still getting better. Raise {limit}, or tol.",
            ConvergenceWarning,
            stacklevel=3,
        )


def pass_members(estimator: "FittingMLP", arguments: Sequence[Any]) -> None:
    """Let every network make one pass over the rows, as `partial_fit` does."""
    members, workers, seed = _members(estimator, go_on=True)

    def train(number: int, stop: threading.Event) -> None:
        members[number]._pass(*arguments)

    _side_by_side(train, len(members), workers)
    take_over(estimator, members, seed)


def member_scores(estimator: "BaseMLP", X: Any) -> list[np.ndarray]:
    """Return the scores (n, n_scores) of every network."""
    X = estimator._inputs(X)
    members = estimator.estimators_

    def scores(number: int, stop: threading.Event) -> np.ndarray:
        member = members[number]
        found: np.ndarray = member._scoring_engine().scores(member.parameters_.vector, X)
        return found

    many = X.shape[0] >= ROWS_FOR_THREADS
    workers = _shares(estimator, len(members))[0] if many else 1
    return _side_by_side(scores, len(members), workers)


def member_answers(estimator: "BaseMLP", X: Any) -> np.ndarray:
    """Return the answers (n_estimators, n, n_outputs) of every network: probabilities or means."""
    loss = estimator.objective_.loss
    with np.errstate(all="ignore"):
        return np.stack([loss.mean(namespace(s), s) for s in member_scores(estimator, X)])


def mean_answers(estimator: "BaseMLP", X: Any) -> np.ndarray:
    """Return the mean answer (n, n_outputs) of the networks."""
    mean: np.ndarray = member_answers(estimator, X).mean(axis=0)
    return mean


def _members(estimator: "FittingMLP", go_on: bool) -> tuple[list[Any], int, int]:
    """Return the networks to train, how many at a time, and the seed that theirs come from."""
    count = int(estimator.n_estimators)
    workers, threads = _shares(estimator, count)
    options = estimator.get_params(deep=False)
    options |= {"n_estimators": 1, "n_threads": threads, "verbose": False}
    known = estimator.__dict__.get("estimators_") if go_on else None
    if known is None:
        seed = as_seed(estimator.random_state)
        seeds = [int(stream(seed, Purpose.MEMBER, k).integers(2**31 - 1)) for k in range(count)]
        members = [type(estimator)(**options | {"random_state": one}) for one in seeds]
        return members, workers, seed
    if len(known) != count:
        raise InputError(
            f"n_estimators must stay {len(known)} while training goes on; got {count}. Fit anew to "
            "change it."
        )
    # copies, so that a refusal leaves the ensemble as it was
    members = copy.deepcopy(known)
    for member in members:
        member.set_params(**options | {"random_state": member.random_state})
    return members, workers, estimator.seed_


def _shares(estimator: "BaseMLP", count: int) -> tuple[int, int]:
    """Return how many networks are at work at a time, and the threads of each."""
    from chainrule.engines.compiled.threads import available_threads

    threads = available_threads(estimator.n_threads)
    workers = min(count, threads)
    return workers, max(1, threads // workers)


def _side_by_side(
    work: Callable[[int, threading.Event], Result], count: int, workers: int
) -> list[Result]:
    """Return the results of ``work(number, stop)``; ``stop`` is set where one of them failed."""
    stop = threading.Event()
    if workers == 1:
        return [work(number, stop) for number in range(count)]
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work, number, stop) for number in range(count)]
        try:
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise


def take_over(estimator: "BaseMLP", members: list[Any], seed: int) -> None:
    """Make the estimator the ensemble of these networks, and nothing else."""
    kept = {*inspect.signature(type(estimator)).parameters, *OF_SCIKIT_LEARN}
    for name in [name for name in estimator.__dict__ if name not in kept]:
        del estimator.__dict__[name]
    first = members[0]
    estimator.__dict__ |= {name: getattr(first, name) for name in SHARED if hasattr(first, name)}
    estimator.estimators_ = members
    estimator.seed_ = seed
    estimator.n_iter_ = max(member.n_iter_ for member in members)
    estimator.t_ = sum(member.t_ for member in members)
    estimator.loss_ = float(np.mean([member.loss_ for member in members]))
