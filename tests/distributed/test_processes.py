"""Processes of this machine: killed, stopped, out of memory; the bits stay the same."""

import os
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest

from chainrule import (
    DivergenceWarning,
    MLPClassifier,
    MLPRegressor,
    Network,
    Objective,
    distributed,
    optimizers,
    schedules,
)
from chainrule.distributed import processes, workers
from chainrule.distributed.letterbox import Letterboxes
from chainrule.distributed.shards import ShardFolder
from chainrule.distributed.tasks import Kind, Task, run_task
from chainrule.engines.engine import Rows
from chainrule.engines.resources import Resources
from chainrule.foundation.errors import InputError
from chainrule.foundation.version import __version__
from chainrule.training.state import TrainingState

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes need pipes of POSIX")
OPTIONS = {"max_iter": 3, "random_state": 0, "tol": 0.0, "hidden_layer_sizes": 8}
ALIKE = {"rounds_per_epoch": 1, "outer_rate": 1.0, "outer_momentum": 0.0}


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "training stopped after max_iter")
        yield


@pytest.fixture(scope="module")
def data():
    drawn = np.random.default_rng(0)
    X = drawn.normal(size=(1200, 5))
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2]


@pytest.fixture
def pools(monkeypatch):
    """Return the pools that are made, to reach their processes."""
    made = []

    class Known(processes.ProcessWorkers):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr("chainrule.distributed.fitting.ProcessWorkers", Known)
    return made


def bits(model):
    return model.parameters_.vector.tobytes(), model.loss_curve_


@pytest.fixture(scope="module")
def undisturbed(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bits(distributed.fit(MLPRegressor(**OPTIONS), *data, n_workers=2))


@pytest.mark.slow
def test_one_shard_is_a_fit_on_one_machine(data):
    one = MLPRegressor(**OPTIONS, early_stopping=True, dropout=0.1).fit(*data)
    other = MLPRegressor(**OPTIONS, early_stopping=True, dropout=0.1)
    assert bits(distributed.fit(other, *data, n_workers=1, **ALIKE)) == bits(one)
    assert other.validation_scores_ == one.validation_scores_
    assert other.train_loss_ == one.train_loss_


@pytest.mark.slow
def test_the_bits_do_not_depend_on_the_number_of_processes(data, undisturbed):
    seen = []
    model = distributed.fit(
        MLPRegressor(**OPTIONS), *data, n_workers=1, n_shards=2, callback=seen.append
    )
    assert bits(model) == undisturbed
    assert model.n_iter_ == len(seen) == 9  # 3 epochs of 3 rounds: a shard has 3 steps
    assert [one.rows for one in seen[:3]] == [400, 400, 400]
    assert seen[0].rows_per_second.keys() == {"process 1"}
    assert str(seen[0]).startswith("round 1  loss ")
    assert "rows/s" in str(seen[0])
    assert 0.0 <= seen[-1].exchange <= seen[-1].seconds


@pytest.mark.slow
def test_killed_and_stopped_processes_cost_their_shard_a_rerun(data, undisturbed, pools):
    """The stopped one is never continued: the fit ends only if another process does its work."""
    signals, reruns = {2: signal.SIGKILL, 5: signal.SIGSTOP}, []

    def disturb(epoch):
        reruns.append(epoch.reruns)
        if epoch.number in signals:
            for process in pools[0].process_ids[: 1 if epoch.number == 5 else 2]:
                os.kill(process, signals[epoch.number])

    model = distributed.fit(MLPRegressor(**OPTIONS), *data, n_workers=2, callback=disturb)
    assert bits(model) == undisturbed
    assert sum(reruns) >= 2


@pytest.mark.slow
def test_a_round_is_written_once_for_all_processes(data, undisturbed, monkeypatch):
    """And what the tasks of a fit share is sent to each process once."""
    tasks, kinds = [], []
    put, message = Letterboxes.put, processes._message

    def putting(self, box, content):
        tasks.append(content)
        return put(self, box, content)

    def sending(shard, letter, kind):
        kinds.append(kind is not None)
        return message(shard, letter, kind)

    monkeypatch.setattr(Letterboxes, "put", putting)
    monkeypatch.setattr(processes, "_message", sending)
    model = distributed.fit(MLPRegressor(**OPTIONS), *data, n_workers=2)
    assert bits(model) == undisturbed
    assert len(tasks) == model.n_iter_
    assert (sum(kinds), len(kinds)) == (2, 2 * model.n_iter_)


def test_other_tasks_at_the_same_time_have_places_of_their_own():
    drawn = np.random.default_rng(0)
    rows = Rows(drawn.normal(size=(40, 3)), drawn.normal(size=(40, 1)))
    network = Network.of_widths([3, 4, 1], "tanh")
    kind = Kind(
        "one", __version__, "reference", Resources(1), Objective(network, "mse"), optimizers.adam,
        schedules.constant, 4, True, 1, 3.0, 5,
    )  # fmt: skip
    tasks = []
    for seed in range(3):
        start = TrainingState.start(network, optimizers.adam, seed=seed)
        tasks.append(Task(kind, 0, start.vector, start.slots, 0, 0.01, 1.0))
    pool = processes.ProcessWorkers(1, 1, rows, 3, 0)
    try:
        shards = [ShardFolder(pool.folder).read(number) for number in range(3)]
        for _ in range(2):
            futures = [pool.submit(number, task) for number, task in enumerate(tasks)]
            for shard, task, future in zip(shards, tasks, futures, strict=True):
                expected, found = run_task(shard, task), future.result().trained
                assert found.vector.tobytes() == expected.vector.tobytes()
                for one, other in zip(found.slots, expected.slots, strict=True):
                    assert one.tobytes() == other.tobytes()
    finally:
        pool.close()


@pytest.mark.slow
def test_no_process_and_no_file_is_left(data, pools):
    distributed.fit(MLPRegressor(**OPTIONS), *data, n_workers=2)
    assert pools[0].process_ids == [] or all(map(gone, pools[0].process_ids))
    assert not os.path.exists(pools[0].folder)


def gone(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.slow
def test_an_interrupt_leaves_the_model_of_the_last_round(data, pools, monkeypatch):
    model, wait = MLPRegressor(**OPTIONS), workers.wait

    def interrupted(*arguments, **options):
        if model.n_iter_ == 2:
            signal.raise_signal(signal.SIGINT)
        return wait(*arguments, **options)

    monkeypatch.setattr(workers, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        distributed.fit(model, *data, n_workers=2)
    assert model.n_iter_ == len(model.loss_curve_) == 2
    assert np.isfinite(model.predict(data[0])).all()
    assert not os.path.exists(pools[0].folder)


@pytest.mark.slow
def test_a_driver_that_ends_goes_on_from_its_checkpoint(data, undisturbed, tmp_path):
    def end(epoch):
        return epoch.number == 4

    model = MLPRegressor(**OPTIONS)
    distributed.fit(model, *data, n_workers=2, checkpoint=tmp_path, callback=end)
    with pytest.raises(InputError, match=r"n_shards must be 2, as in the checkpoint.*got 3"):
        distributed.fit(MLPRegressor(**OPTIONS), *data, n_shards=3, n_workers=1, resume=tmp_path)
    with pytest.raises(InputError, match=r"outer_momentum must be 0\.8"):
        distributed.fit(MLPRegressor(**OPTIONS), *data, outer_momentum=0.0, resume=tmp_path)
    with pytest.raises(InputError, match="y must be what the checkpoint"):
        distributed.fit(MLPRegressor(**OPTIONS), data[0], data[1] + 1.0, resume=tmp_path)
    again = distributed.fit(MLPRegressor(**OPTIONS), *data, n_workers=1, resume=tmp_path)
    assert bits(again) == undisturbed


@pytest.mark.slow
def test_diverging_rounds_keep_the_last_good_parameters(data):
    model = MLPRegressor(**OPTIONS | {"solver": "sgd", "learning_rate_init": 1e9})
    with pytest.warns(DivergenceWarning):
        distributed.fit(model, *data, n_workers=1, n_shards=2)
    assert model.stopped_because_ == "divergence"
    assert np.isfinite(model.parameters_.vector).all()


@pytest.mark.slow
def test_an_estimator_of_rounds_is_an_ordinary_one(data, tmp_path):
    import chainrule

    X, y = data[0], (data[1] > 0).astype(int)
    weight = np.linspace(0.5, 2.0, len(y))
    model = MLPClassifier(**OPTIONS, early_stopping=True, class_weight={0: 1.0, 1: 2.0})
    distributed.fit(model, X, y, weight, n_workers=1, n_shards=3)
    chainrule.save_model(tmp_path / "m.chainrule", model)
    loaded = chainrule.load(tmp_path / "m.chainrule")
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert "network 5 > 8 > 1" in str(model.explain(X, y))
    assert model.set_params(early_stopping=False).partial_fit(X, y).n_iter_ > 3


class Blocks:
    """A source of three blocks of different size."""

    n_blocks = 3

    def __init__(self, X, y, sparse=False):
        from scipy.sparse import csr_matrix

        cuts = [slice(0, 500), slice(500, 600), slice(600, None)]
        self.blocks = [(csr_matrix(X[one]) if sparse else X[one], y[one]) for one in cuts]

    def load(self, i):
        return self.blocks[i]


@pytest.mark.slow
@pytest.mark.parametrize("sparse", [False, True])
def test_a_source_is_cut_by_its_blocks(data, sparse):
    models, seen = [], []
    for memory in ("20kB", "10MB"):  # streamed, and in memory
        model = MLPRegressor(**OPTIONS, early_stopping=True)
        source = Blocks(*data, sparse)
        distributed.fit(model, source, n_workers=1, n_shards=2, memory=memory, callback=seen.append)
        models.append(model)
    assert models[0].n_features_in_ == 5
    assert np.isfinite(models[0].validation_loss_curve_).all()
    passed = [model.t_ for model in models]
    assert passed[0] % 3 == 0
    assert passed[0] / 3 < 1200
    with pytest.raises(InputError, match="n_shards must be at most the 3 blocks"):
        distributed.fit(
            MLPRegressor(**OPTIONS), Blocks(*data), n_workers=1, n_shards=4, memory="20kB"
        )


PROGRAM = """
import numpy as np
from chainrule import Activation, MLPRegressor, activations, distributed
from dataclasses import dataclass

@dataclass(frozen=True)
class Own(type(activations["tanh"])):
    name = "own"

X = np.linspace(-1, 1, 50).reshape(-1, 1)
try:
    distributed.fit(MLPRegressor(activation=Own(), max_iter=1), X, X[:, 0], n_workers=1)
except ValueError as error:
    print(error)
"""


@pytest.mark.slow
def test_formulas_of_the_program_itself_are_refused_in_words(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", program], capture_output=True, text=True, check=False
    )
    assert "Move them to a file of their own" in done.stdout, done.stderr


def test_processes_that_cannot_start_are_told_of(data, monkeypatch):
    monkeypatch.setattr(processes.sys, "executable", "/bin/false")
    with pytest.raises(InputError, match=r"must be able to start.*exit code 1"):
        distributed.fit(MLPRegressor(**OPTIONS), *data, n_workers=2)
