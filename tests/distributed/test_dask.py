"""A Dask cluster: the same bits as processes, a lost worker, another version; searches."""

import logging
import os
import signal
import sys
import threading
import types
import warnings
from pathlib import Path

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor, distributed
from chainrule.distributed import dask_workers
from chainrule.distributed.dask_workers import DaskWorkers
from chainrule.engines.engine import Rows
from chainrule.foundation.errors import InputError

dask = pytest.importorskip("distributed", reason="distributed is in the extra 'dask'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:training stopped after max_iter", "ignore:Port"),
]
OPTIONS = {"max_iter": 3, "random_state": 0, "tol": 0.0, "hidden_layer_sizes": 8}


@pytest.fixture(scope="module")
def data():
    drawn = np.random.default_rng(0)
    X = drawn.normal(size=(1200, 5))
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2]


@pytest.fixture(scope="module")
def client():
    """Return a client of two workers; who kills one finds another in its place."""
    with pytest.MonkeyPatch.context() as patch:
        # workers import this file, whose classes they are sent
        patch.syspath_prepend(Path(__file__).parents[2])
        with (
            dask.LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            dask.Client(cluster) as client,
        ):
            yield client


def bits(model):
    return model.parameters_.vector.tobytes(), model.loss_curve_


class Halves:
    """A source of four blocks."""

    n_blocks = 4

    def __init__(self, X, y):
        self.blocks = [(X[k::4], y[k::4]) for k in range(4)]

    def load(self, i):
        return self.blocks[i]


def test_a_cluster_trains_the_bits_of_processes(client, data):
    here = distributed.fit(MLPRegressor(**OPTIONS), *data, n_workers=1, n_shards=2)
    seen = []
    there = distributed.fit(MLPRegressor(**OPTIONS), *data, client=client, callback=seen.append)
    assert bits(there) == bits(here)
    assert len(seen[-1].rows_per_second) == 2
    streamed = [
        distributed.fit(MLPRegressor(**OPTIONS), Halves(*data), memory="20kB", n_shards=2, **where)
        for where in ({"client": client}, {"n_workers": 1})
    ]
    assert bits(streamed[0]) == bits(streamed[1])


def test_a_round_is_made_into_a_message_once_for_all_workers(client, data, monkeypatch):
    from chainrule.distributed import dask_direct

    made, serialize = [], dask_direct.serialize

    def noted(task, **options):
        made.append(task.kind)
        return serialize(task, **options)

    monkeypatch.setattr(dask_direct, "serialize", noted)
    model = distributed.fit(MLPRegressor(**OPTIONS), *data, client=client)
    assert made == [None] * model.n_iter_


def test_partitions_stay_on_the_workers_and_train_the_bits_of_processes(client, data):
    frames = pytest.importorskip("dask.dataframe")
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(data[0], columns=list("abcde")).assign(t=data[1])
    frame = frames.from_pandas(table, npartitions=5)
    given = {"X": frame, "y": "t", "memory": "20kB"}
    for n_shards in (2, 3):  # by calls, and by tasks of the scheduler
        here, there = (
            distributed.fit(MLPRegressor(**OPTIONS), **given, n_shards=n_shards, **where)
            for where in ({"n_workers": 1}, {"client": client})
        )
        assert bits(there) == bits(here)


def test_more_shards_than_threads_and_workers_out_of_reach_train_the_same_bits(
    client, data, monkeypatch
):
    here = distributed.fit(MLPRegressor(**OPTIONS), *data, n_workers=1, n_shards=3)
    there = distributed.fit(MLPRegressor(**OPTIONS), *data, client=client, n_shards=3)
    assert bits(there) == bits(here)

    async def unreachable(*_, **__):
        raise OSError

    here = distributed.fit(MLPRegressor(**OPTIONS), *data, n_workers=1, n_shards=2)
    with monkeypatch.context() as patch:
        patch.setattr("chainrule.distributed.dask_direct.DirectWorkers._call", unreachable)
        there = distributed.fit(MLPRegressor(**OPTIONS), *data, client=client, n_shards=2)
    assert bits(there) == bits(here)


def test_workers_keep_nothing_of_a_fit_that_has_ended(client, data):
    distributed.fit(MLPRegressor(**OPTIONS), *data, client=client)

    def names(dask_worker):
        return [one for one in (*dask_worker.handlers, *dask_worker.plugins) if "chainrule" in one]

    assert list(client.run(names).values()) == [[], []]


def test_a_source_of_a_module_that_workers_lack_is_refused(client, data, monkeypatch):
    kind = type("Elsewhere", (Halves,), {"__module__": "only_here"})
    module = types.ModuleType("only_here")
    module.Elsewhere = kind
    monkeypatch.setitem(sys.modules, "only_here", module)
    with pytest.raises(InputError, match=r"a source of the class 'Elsewhere' \(No module"):
        distributed.fit(
            MLPRegressor(**OPTIONS), kind(*data), client=client, n_shards=2, memory="20kB"
        )


def test_what_is_no_cluster_is_refused(data):
    with pytest.raises(InputError, match=r"client must be a dask\.distributed\.Client; got 'str'"):
        distributed.fit(MLPRegressor(**OPTIONS), *data, client="tcp://here")


def test_a_search_runs_under_joblib_with_one_thread_per_worker(client, data):
    import joblib
    from sklearn.model_selection import GridSearchCV

    X, y = data[0], (data[1] > 0).astype(int)
    search = GridSearchCV(MLPClassifier(**OPTIONS), {"alpha": [0.0, 0.1]}, cv=2, n_jobs=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        here = search.fit(X, y).cv_results_["mean_test_score"]
        with joblib.parallel_backend("dask"):
            there = search.fit(X, y).cv_results_["mean_test_score"]
    assert there.tolist() == here.tolist()

    def threads():
        from chainrule.foundation.threads import available_threads

        return available_threads(None)

    assert set(client.run(threads).values()) == {1}


def test_a_lost_and_a_stopped_worker_cost_their_shard_a_rerun(client, data):
    here = distributed.fit(MLPRegressor(**OPTIONS), *data, n_workers=1, n_shards=2)
    signals, stopped = {2: signal.SIGKILL, 5: signal.SIGSTOP}, []

    def disturb(epoch):
        if epoch.number in signals:
            client.wait_for_workers(2)  # the one in place of the lost one too
            process = next(iter(client.run(os.getpid).values()))
            stopped.append(process)
            os.kill(process, signals[epoch.number])

    try:
        there = distributed.fit(MLPRegressor(**OPTIONS), *data, client=client, n_shards=2,
                                callback=disturb)  # fmt: skip
    finally:
        os.kill(stopped[-1], signal.SIGCONT)
    assert bits(there) == bits(here)
    assert len(stopped) == 2


def test_a_worker_that_never_takes_its_shard_is_passed_over(monkeypatch):
    """The first worker is stopped, the second one gone, and the third takes the rows."""
    monkeypatch.setattr(dask_workers, "PATIENCE", 0.2)
    released = threading.Event()

    class Client:
        def nthreads(self):
            return {"a": 1, "b": 1, "c": 1}

        def scatter(self, part, workers, **how):
            if workers == ["a"]:
                released.wait()
            if workers == ["b"]:
                raise KeyError("b")
            return part

    rows = Rows(np.ones((6, 2)), np.ones((6, 1)), None)
    shard, address = DaskWorkers(Client(), rows, 1, seed=0)._place(0, again=False)
    assert address == "c"
    assert shard.rows.x.shape == (6, 2)
    monkeypatch.setattr(Client, "nthreads", lambda self: {"a": 1, "b": 1})
    with pytest.raises(InputError, match="of 2 none did"):
        DaskWorkers(Client(), rows, 1, seed=0)._place(0, again=False)
    released.set()
