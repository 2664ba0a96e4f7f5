"""`fit`: an estimator trained by several processes or machines."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from chainrule.blocks.dask_collections import DaskSource, is_collection
from chainrule.blocks.opening import comes_in_blocks
from chainrule.blocks.source import is_source
from chainrule.distributed.dask_workers import (
    check_source_class,
    cluster_threads,
    workers_of,
)
from chainrule.distributed.outer_step import OuterStep
from chainrule.distributed.processes import ProcessWorkers
from chainrule.distributed.rounds import Plan, Rounds
from chainrule.distributed.workers import Workers
from chainrule.estimators.checking import check_options, warn_without_effect
from chainrule.estimators.checkpoints import Checkpoint, Keeping
from chainrule.estimators.fitting import FittingMLP, fit_by
from chainrule.estimators.ingredients import LBFGS_NAME, solver_of
from chainrule.estimators.samples import Given
from chainrule.estimators.shared_options import resources_of
from chainrule.estimators.streams import in_memory_or_streamed
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.real_numbers import check_count
from chainrule.foundation.threads import available_threads
from chainrule.training.epoch import Epoch
from chainrule.training.windows import AnyRows

__all__ = ["fit"]

M = TypeVar("M", bound=FittingMLP)
# The name of the files of a checkpoint: other ones than those of a fit on one machine.
FILES = "rounds"


def fit(
    estimator: M,
    X: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    client: Any = None,
    n_workers: int | None = None,
    n_shards: int | None = None,
    rounds: int | None = None,
    rounds_per_epoch: int | None = None,
    outer_rate: float = 0.7,
    outer_momentum: float = 0.8,
    X_val: Any = None,
    y_val: Any = None,
    sample_weight_val: Any = None,
    groups: Any = None,
    memory: int | str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | None = None,
    callback: Callable[[Epoch], Any] | None = None,
) -> M:
    r"""Train an estimator in rounds, by processes of this machine or a Dask cluster.

    The rows are cut into shards. In a round every shard makes a part of a pass over its rows, from
    the same parameters :math:`\theta` to :math:`\theta_k`, with the estimator's own optimizer. The
    driver then makes the outer step

    .. math::
        \Delta = \theta - \frac{\sum_k w_k \theta_k}{\sum_k w_k}, \qquad
        u \leftarrow \mu u + \Delta, \qquad
        \theta \leftarrow \theta - \eta (\Delta + \mu u)

    where :math:`w_k` is the number of rows that shard k was trained on, or the sum of their
    weights; parameters, differences and u have the unit of the parameters, eta and mu have none.
    The memory of the inner optimizer is averaged as the parameters are. Source: DiLoCo, Douillard
    et al. (2023), arXiv 2311.08105; averaged memory: Yu, Jin, Yang (2019), arXiv 1905.03817.

    The result has the same bits whichever worker trained which shard, in whatever order, and
    whether or not some were lost: they depend on data, options, seed and ``n_shards``. One shard
    in one round per epoch, with an outer rate of 1 and no momentum, is `fit` itself, bit for bit.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        What to train; its options count as in its own `fit`. ``batch_size`` is that of a shard.
    X, y, sample_weight
        As in `fit` of the estimator. With a client, partitions of a collection of Dask are computed
        on its workers and stay there, as parts of the shards.
    client : dask.distributed.Client, optional
        The cluster to train on; extra ``dask``.
    n_workers : int, optional
        Processes of this machine to train with, where there is no client; None takes one per core.
        The cores are divided among them.
    n_shards : int, optional
        Parts of the rows; None takes as many as there are workers. More balance workers of
        different speed; the bits depend on it.
    rounds : int, optional
        Rounds in all; None makes ``max_iter`` epochs.
    rounds_per_epoch : int, optional
        Rounds in which all rows are passed once. Fewer cost less exchange. None takes 1 to 4: in a
        round a shard passes 2.5e9 rows times parameters, about a tenth of a second, but there are
        at least 6 rounds per shard in all, which the outer momentum needs.
    outer_rate, outer_momentum : float
        eta and mu.
    X_val, y_val, sample_weight_val, groups, memory
        As in `fit` of the estimator. A shard of a source consists of blocks, which processes of
        this machine find in temporary files, and workers of a cluster load themselves.
    checkpoint : path, optional
        A folder: after every round the state is written there, whole or not at all.
    resume : path, optional
        The folder of a ``checkpoint``: training goes on from there to the same bits.
    callback : callable, optional
        Called after each round with an `Epoch` that has also ``shards`` (worker, rows and seconds
        of each), ``exchange`` (seconds) and ``reruns``; True ends training.

    Returns
    -------
    estimator
        Fitted, as by its own `fit`; ``loss_curve_`` and ``n_iter_`` count rounds. Ctrl-C leaves the
        model of the last round.

    Raises
    ------
    InputError
        An argument is wrong, workers have another version of the package, or a shard does not fit
        into the memory of a worker.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from chainrule import MLPClassifier, distributed
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier(
    ...     batch_size=32, learning_rate="cosine", max_iter=10, random_state=0
    ... )
    >>> model = distributed.fit(model, X / 16.0, y, n_workers=2)
    >>> model.n_iter_, model.score(X / 16.0, y) > 0.95
    (20, True)
    """
    _check(
        estimator,
        client,
        n_workers=n_workers,
        n_shards=n_shards,
        rounds=rounds,
        rounds_per_epoch=rounds_per_epoch,
    )
    check_options(estimator)
    warn_without_effect(estimator, own_rows=X_val is not None, groups=groups is not None)
    blocks = None
    if is_collection(X):
        source = DaskSource(X, y, sample_weight)
        if client is not None:
            source.partitions.persist(client)
            blocks = source.partitions.futures
        X, y, sample_weight = source, None, None
    outer = OuterStep(outer_rate, outer_momentum)
    checkpoints = [] if checkpoint is None else [Checkpoint(checkpoint, every=1, name=FILES)]
    if client is None:
        count = available_threads(None) if n_workers is None else n_workers
        threads = estimator.n_threads or max(1, available_threads(None) // count)
    else:  # Dask runs as many tasks in a worker as it has threads
        count, threads = cluster_threads(client), estimator.n_threads or 1
        if is_source(X):
            check_source_class(client, X)
    given, names = Given(X, y, sample_weight, X_val, y_val, sample_weight_val, groups), None
    if memory is not None or comes_in_blocks(X):
        given, names = in_memory_or_streamed(estimator, given, memory)
    engine, resources = str(estimator.engine), replace(resources_of(estimator), n_threads=threads)
    plan = Plan(n_shards or count, rounds, rounds_per_epoch, outer, engine, resources)
    with ExitStack() as ending:

        def begin(rows: AnyRows, seed: int, n_shards: int) -> tuple[Workers, list[int]]:
            workers: Workers
            if client is None:
                workers = ProcessWorkers(count, threads, rows, n_shards, seed)
            else:
                workers = workers_of(client, rows, n_shards, seed, blocks)
            ending.callback(workers.close)
            return workers, workers.sizes

        loop = Rounds(plan, begin)
        for one in checkpoints:
            one.extras = loop.extras
        keeping = Keeping.of(estimator, resume, checkpoints, name=FILES)
        if keeping is not None and resume is not None:
            loop.go_on(keeping.kept[0].extras, resume, asked=n_shards)
        found = fit_by(
            estimator,
            given,
            loop,
            keeping=keeping,
            callbacks=[] if callback is None else [callback],
            total=plan.rounds or estimator.max_iter,
        )
    if names is not None:
        estimator.feature_names_in_ = np.array(names, dtype=object)
    for warning in found:
        warnings.warn(warning, stacklevel=2)
    return estimator


def _check(estimator: Any, client: Any, **counts: Any) -> None:
    """Refuse what cannot be trained in rounds."""
    if not isinstance(estimator, FittingMLP):
        kind = type(estimator).__name__
        raise must_be("estimator", "an MLPClassifier or an MLPRegressor", kind)
    if solver_of(estimator) == LBFGS_NAME:
        raise must_be("solver", "one that makes steps, as 'adam'", estimator.solver)
    if estimator.n_estimators != 1:
        raise must_be("n_estimators", "1 for training in rounds", estimator.n_estimators)
    if not isinstance(estimator.engine, str):
        raise must_be("engine", "a name, which workers can look up", estimator.engine)
    for name, value in counts.items():
        if value is not None:
            check_count(name, value)
    if client is not None and counts["n_workers"] is not None:
        raise InputError(
            "n_workers must be None with a client, which has workers of its own; got "
            f"{counts['n_workers']}. "
            "Leave one of them out."
        )
