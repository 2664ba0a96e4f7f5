"""Rounds: whatever cuts the rows, and in whatever order shards end, each row counts once."""

import math
import pickle
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import MLPClassifier, MLPRegressor, Network, Objective, optimizers, schedules
from chainrule.distributed.dask_workers import cluster_threads
from chainrule.distributed.outer_step import OuterStep, weighted_average
from chainrule.distributed.shards import Shard, ShardFolder, cut, parts_of, shard_seed, sizes_of
from chainrule.distributed.tasks import Kind, Task, run_task
from chainrule.distributed.workers import Done, Pace, WorkerLostError, run_round
from chainrule.engines.engine import Rows
from chainrule.engines.resources import Resources
from chainrule.foundation.errors import InputError
from chainrule.foundation.version import __version__
from chainrule.training.state import TrainingState
from chainrule.training.windows import StreamedRows, pass_order

NETWORK = Network.of_widths([3, 4, 1], "tanh")


def rows_of(n, weighted=False, seed=0):
    drawn = np.random.default_rng(seed)
    x = drawn.normal(size=(n, 3))
    weight = drawn.uniform(0.5, 2.0, size=n) if weighted else None
    return Rows(x, np.sin(x[:, :1]), weight if weight is None else weight / weight.mean())


def task_of(rounds_per_epoch=1, batch_size=4, seed=5, **changes):
    objective = Objective(NETWORK, "mse")
    kind = Kind(
        key=f"{rounds_per_epoch} {batch_size}", version=__version__, engine="reference",
        resources=Resources(1), objective=objective, optimizer=optimizers.adam,
        schedule=schedules.constant,
        batch_size=batch_size, shuffle=True, rounds_per_epoch=rounds_per_epoch, epochs=3.0,
        seed=seed,
    )  # fmt: skip
    start = TrainingState.start(NETWORK, optimizers.adam, seed=1)
    return Task(replace(kind, **changes), 0, start.vector, start.slots, 0, 0.01, 1.0)


class Answering:
    """Workers that answer at once, in an order and with losses that a test draws."""

    def __init__(self, shards, count, drawn, losses=0):
        self.shards, self.count, self.drawn, self.losses = shards, count, drawn, losses
        self.made, self.abandoned = [], 0

    def submit(self, shard, task, again=False):
        future = Future()
        if self.losses and self.drawn.random() < 0.5:
            self.losses -= 1
            future.set_exception(WorkerLostError("signal 9"))
        else:
            self.made.append(shard)
            worker = f"worker {self.drawn.integers(self.count)}"
            future.set_result(Done(run_task(self.shards[shard], task), worker))
        return future

    def abandon(self, future):
        self.abandoned += 1

    def close(self):
        pass


@given(n=st.integers(1, 60), shards=st.integers(1, 9), seed=st.integers(0, 2**40))
def test_every_row_is_in_one_shard(n, shards, seed):
    shards = min(shards, n)
    parts = cut(n, shards, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(
    n=st.integers(1, 50),
    batch=st.integers(1, 20),
    rounds=st.integers(1, 6),
    epoch=st.integers(0, 2),
)
@settings(deadline=None)
def test_every_row_of_a_shard_is_passed_once_per_epoch(n, batch, rounds, epoch):
    seen = []
    task = task_of(rounds_per_epoch=rounds, batch_size=batch)

    class Noting:
        """An engine that notes the order that it is given."""

        def epoch(self, position, rows, order, batch_size, rates, limit):
            seen.extend(order.tolist())
            from chainrule.engines.engine import Totals

            return Totals(0.0, float(len(order)), len(rates), 0.0)

    import chainrule.distributed.tasks as tasks

    known, tasks._engine_of = tasks._engine_of, lambda kind: Noting()
    try:
        shard = Shard(0, rows_of(n))
        passed = [
            run_task(shard, replace(task, round=epoch * rounds + part)) for part in range(rounds)
        ]
    finally:
        tasks._engine_of = known
    assert seen == pass_order(5, epoch, n).tolist()
    assert sum(one.rows for one in passed) == n
    assert sum(one.steps for one in passed) == math.ceil(n / min(batch, n))


@given(seed=st.integers(0, 1000), losses=st.integers(0, 4), count=st.integers(1, 3))
@settings(deadline=None, max_examples=15)
def test_the_bits_do_not_depend_on_who_ends_first_or_is_lost(seed, losses, count):
    rows, task = rows_of(30, weighted=True), task_of()
    shards = [Shard(k, Rows(*rows.take(index))) for k, index in enumerate(cut(30, 3, 0))]
    tasks, sizes = dict.fromkeys(range(3), task), [10] * 3
    calm = run_round(Answering(shards, 3, np.random.default_rng(0)), tasks, sizes, Pace())
    order = np.random.default_rng(seed).permutation(3)
    workers = Answering(shards, count, np.random.default_rng(seed), losses)
    other = run_round(workers, {int(k): task for k in order}, sizes, Pace())
    for one, two in zip(calm.done, other.done, strict=True):
        assert one.trained.vector.tobytes() == two.trained.vector.tobytes()
        assert one.trained.loss == two.trained.loss
    assert sorted(workers.made) == [0, 1, 2]
    assert other.reruns == losses - workers.losses


def test_a_shard_that_ends_all_its_workers_ends_the_fit():
    class Deadly(Answering):
        def submit(self, shard, task, again=False):
            future = Future()
            future.set_exception(WorkerLostError("signal 9, as where memory runs out"))
            return future

    workers = Deadly([], 2, None)
    with pytest.raises(InputError, match=r"shard 0 has ended 5 workers.*signal 9.*n_shards"):
        run_round(workers, {0: task_of()}, [10], Pace())


def test_a_slow_task_is_begun_again_and_the_first_answer_counts():
    shard = Shard(0, rows_of(10))

    class OneStops(Answering):
        """The first task never ends."""

        def submit(self, shard, task, again=False):
            if not again:
                return Future()
            return super().submit(shard, task)

    pace = Pace()
    pace.note(run_task(shard, task_of()))
    workers = OneStops([shard], 1, np.random.default_rng(0))
    done, reruns = run_round(workers, {0: task_of()}, [10], pace)
    assert len(done) == 1
    assert (reruns, workers.abandoned) == (1, 1)


def test_another_version_is_refused():
    task = task_of(version="0.0.1")
    with pytest.raises(InputError, match=r"must have chainrule 0\.0\.1.*Install the same"):
        run_task(Shard(0, rows_of(5)), task)


class Cluster:
    """A client of workers that say what a test wants to hear."""

    submit = scatter = None

    def __init__(self, version):
        self.version = version

    def wait_for_workers(self, count):
        pass

    def run(self, function):
        return {"tcp://a:1": function(), "tcp://b:2": self.version}

    def nthreads(self):
        return {"tcp://a:1": 2, "tcp://b:2": 1}


def test_workers_of_a_cluster_must_have_the_package():
    assert cluster_threads(Cluster(__version__)) == 3
    with pytest.raises(InputError, match=r"tcp://b:2 does not have it\. Install"):
        cluster_threads(Cluster(None))
    with pytest.raises(InputError, match=r"tcp://b:2 has 0\.0\.1\. Install"):
        cluster_threads(Cluster("0.0.1"))


@given(
    sizes=st.lists(st.integers(0, 50), min_size=1, max_size=20),
    shards=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_every_block_is_in_one_shard(sizes, shards, seed):
    sizes = np.array([*sizes, *[3] * shards])
    rows = StreamedRows(None, sizes, 10, rows_of(2))
    parts = parts_of(rows, shards, seed)
    assert sorted(np.concatenate(parts).tolist()) == np.flatnonzero(sizes).tolist()
    assert sum(sizes_of(rows, parts)) == sizes.sum()
    assert min(sizes_of(rows, parts)) > 0


def test_shards_draw_other_orders_and_the_first_those_of_the_fit():
    seeds = [shard_seed(7, number) for number in range(20)]
    assert seeds[0] == 7
    assert len(set(seeds)) == 20


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_files_of_shards_hold_the_rows(tmp_path, sparse, weighted):
    rows = rows_of(200_000 if not sparse else 50, weighted)
    if sparse:
        from scipy.sparse import csr_matrix

        rows = Rows(csr_matrix(np.where(rows.x > 1.0, rows.x, 0.0)), rows.y, rows.weight)
    folder = ShardFolder(tmp_path)
    for number, index in enumerate(cut(len(rows), 3, 1)):
        folder.write(number, rows, index)
        read = folder.read(number)
        x, y, weight = rows.take(index)
        dense = (lambda one: one.toarray()) if sparse else np.asarray
        assert np.array_equal(dense(read.rows.x), dense(x))
        assert np.array_equal(read.rows.y, y)
        assert (read.rows.weight is None) == (weight is None)
        assert weight is None or np.array_equal(read.rows.weight, weight)
        assert read.weight == pytest.approx(len(index) if weight is None else weight.sum())


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    folder = ShardFolder(tmp_path / "absent")
    with pytest.raises(InputError, match=r"copy of the rows.*absent.*TMPDIR"):
        folder.write(0, rows_of(5), np.arange(5))


def test_the_outer_step_follows_its_formula():
    old, average, velocity = np.array([1.0, 2.0]), np.array([0.5, 3.0]), np.array([0.2, -0.1])
    ends, weights = [average - 3.0, average + 1.0], [1.0, 3.0]
    difference = old - average
    new, after = OuterStep(0.7, 0.9).apply(old.copy(), ends, weights, velocity)
    assert after == pytest.approx(0.9 * velocity + difference)
    assert new == pytest.approx(old - 0.7 * (difference + 0.9 * after))
    plain, _ = OuterStep(1.0, 0.0).apply(old.copy(), ends, weights, velocity)
    assert plain.tolist() == average.tolist()


def test_an_average_is_weighted():
    assert weighted_average([np.array([0.0]), np.array([10.0])], [1.0, 4.0]) == pytest.approx([8.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shards", [1, 2, 3])
@pytest.mark.parametrize("step", [OuterStep(), OuterStep(1.0, 0.0)])
def test_averages_and_steps_take_the_place_of_the_old_numbers(dtype, shards, step):
    """Fresh arrays of this size are new pages each time, which take longer than the numbers do."""
    drawn = np.random.default_rng(3)
    old, *ends = drawn.normal(size=(1 + shards, 40_000)).astype(dtype)
    for one in ends:
        one[:100] = -0.0
    weights, velocity = [2.0, 3.0, 5.0][:shards], drawn.normal(size=len(old))
    expected = np.zeros(len(old))
    for one, weight in zip(ends, weights, strict=True):
        expected += one.astype(np.float64) * (weight / sum(weights))
    if shards == 1:
        expected = ends[0].astype(np.float64)
    difference = old.astype(np.float64) - expected
    moving = step.momentum * velocity + difference
    moved = (old - step.rate * (difference + step.momentum * moving)).astype(dtype)
    if step.rate == 1.0:
        moved = expected.astype(dtype)

    for writeable in (True, False):
        vector, slot, spare = old.copy(), old.copy(), np.empty(len(old))
        vector.flags.writeable = slot.flags.writeable = writeable
        found, after = step.apply(vector, ends, weights, velocity, into=spare)
        average = weighted_average(ends, weights, into=slot)
        assert (found is vector, average is slot, after is spare) == (writeable, writeable, True)
        assert found.tobytes() == moved.tobytes()
        assert after.tobytes() == moving.tobytes()
        assert average.tobytes() == expected.astype(dtype).tobytes()


@pytest.mark.parametrize(
    ("rate", "momentum", "words"),
    [(0.0, 0.9, "outer_rate"), (math.inf, 0.9, "outer_rate"), (1.0, 1.0, "outer_momentum"),
     (1.0, -0.1, "outer_momentum"), (1.0, True, "outer_momentum")],
)  # fmt: skip
def test_wrong_outer_steps_are_refused(rate, momentum, words):
    with pytest.raises(InputError, match=words):
        OuterStep(rate, momentum)


def test_estimators_have_the_errors_of_rounds():
    from chainrule.distributed import fit

    X, y = np.ones((4, 1)), np.arange(4.0)
    for estimator, options, words in (
        (MLPRegressor(solver="lbfgs"), {}, "solver must be one that makes steps"),
        (MLPRegressor(n_estimators=2), {}, "n_estimators must be 1"),
        (MLPRegressor(), {"n_workers": 0}, "n_workers must be a positive integer"),
        (MLPRegressor(), {"n_workers": 1, "n_shards": 5}, "n_shards must be at most the 4 rows"),
        (MLPRegressor(), {"rounds_per_epoch": 0}, "rounds_per_epoch must be a positive integer"),
        (MLPRegressor(), {"n_workers": 2, "client": object()}, "n_workers must be None"),
        (object(), {}, "estimator must be an MLPClassifier"),
        (MLPClassifier(engine=object()), {}, "engine must be a name"),
    ):
        with pytest.raises(InputError, match=words):
            fit(estimator, X, y, **options)


def test_arrays_of_a_shard_that_was_sent_are_aligned():
    def displaced(array):
        raw = np.empty(array.nbytes + 1, np.uint8)
        found = raw[1:].view(array.dtype).reshape(array.shape)
        found[:] = array
        return found

    rows = rows_of(5, weighted=True)
    sent = Shard(0, Rows(*map(displaced, (rows.x, rows.y, rows.weight))))
    assert not sent.rows.x.flags.aligned
    buffers = []
    message = pickle.dumps(sent, protocol=5, buffer_callback=buffers.append)
    found = pickle.loads(message, buffers=buffers).rows
    assert found.x.flags.aligned
    assert found.y.flags.aligned
    assert np.array_equal(found.x, rows.x)


def test_two_workers_may_end_a_shard_in_the_same_moment():
    class Twins:
        """Workers of which the first waits for the second, which is begun where it is late."""

        count, futures = 1, []

        def submit(self, shard, task, again=False):
            self.futures.append(Future())
            if again:
                for future in self.futures:
                    future.set_result(Done(done, "a worker"))
            return self.futures[-1]

        def abandon(self, future):
            pass

    done = run_task(Shard(0, rows_of(4)), task_of())
    pace = Pace()
    pace.note(replace(done, seconds=1e-9))
    found = run_round(Twins(), {0: task_of()}, [4], pace)
    assert (len(found.done), found.reruns) == (1, 1)
