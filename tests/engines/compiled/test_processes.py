"""Threads, forks, caches: what surrounds the kernels."""

import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from chainrule import optimizers
from chainrule.engines.compiled import engine as engine_module
from chainrule.engines.compiled import machine_code, planning, scoring
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.compiled.target import host_target
from chainrule.foundation import threads
from chainrule.foundation.cache_folder import cache_folder
from chainrule.foundation.errors import InputError

RULE = optimizers.get("adam")

FIT = """
import numpy as np
from chainrule import Network, optimizers
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.engine import Rows
from chainrule.model.objective import Objective
class Position: pass
network, rule = Network.of_widths([4, 8, 2]), optimizers.get("adam")
engine = CompiledEngine(Objective(network, "mse"), rule, 2)
start = Position()
start.vector, start.step = network.start().vector, 0
start.slots = tuple(np.zeros_like(start.vector) for _ in rule.slots)
x = np.linspace(-1, 1, 256).reshape(64, 4)
engine.epoch(start, Rows(x, x[:, :2] ** 2), np.arange(64), 16, np.full(4, 0.01), np.inf)
print(float(start.vector.sum()).hex())
"""


def fit(problems, engine, seed=0, repeats=3):
    objective = engine.objective
    _, rows = problems.problem([12, 40, 3], "mse", 200, seed=seed)
    start = problems.position(objective.network, RULE, seed=seed)
    order = np.random.default_rng(seed).permutation(200)
    for _ in range(repeats):
        problems.run(engine, rows, start, order, 32)
    return start.vector


@pytest.fixture
def objective(problems):
    return problems.problem([12, 40, 3], "mse", 200)[0]


@pytest.mark.parametrize("shared", [True, False])
def test_python_threads_fit_at_once(problems, objective, monkeypatch, shared):
    monkeypatch.setattr(planning, "STEP_WORK", 1)
    monkeypatch.setattr(planning, "CALL_WORK", 1)
    expected = [fit(problems, CompiledEngine(objective, RULE, 1), seed) for seed in range(4)]
    one = CompiledEngine(objective, RULE, 2)
    results = [None] * 4

    def work(seed):
        engine = one if shared else CompiledEngine(objective, RULE, 2)
        results[seed] = fit(problems, engine, seed)

    team = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    for result, true in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, true)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_fits_after_its_parent(problems, objective, monkeypatch):
    monkeypatch.setattr(planning, "STEP_WORK", 1)
    monkeypatch.setattr(planning, "CALL_WORK", 1)
    engine = CompiledEngine(objective, RULE, 2)
    expected = fit(problems, engine)
    # as a thread of the parent may hold it at the moment of the fork
    engine._workspaces._lock.acquire()
    child = os.fork()
    if child == 0:
        same = np.array_equal(fit(problems, engine), expected)
        os._exit(0 if same else 1)
    engine._workspaces._lock.release()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_team_that_is_called_off_ends(problems, objective, monkeypatch):
    monkeypatch.setattr(planning, "STEP_WORK", 1)
    monkeypatch.setattr(planning, "CALL_WORK", 1)
    engine = CompiledEngine(objective, RULE, 3)
    real = scoring.run_team

    def interrupted(kernel, job, size, counters, *watched):
        def kernel_of_first(job, number):
            if number == 0:
                raise KeyboardInterrupt
            kernel(job, number)

        real(kernel_of_first, job, size, counters, *watched)

    monkeypatch.setattr(scoring, "run_team", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(problems, engine)
    monkeypatch.setattr(scoring, "run_team", real)
    expected = fit(problems, CompiledEngine(objective, RULE, 1))
    np.testing.assert_array_equal(fit(problems, engine), expected)


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("size", [1, 3])
def test_an_interruption_leaves_the_steps_that_were_made(
    problems, objective, monkeypatch, after, size
):
    monkeypatch.setattr(planning, "STEP_WORK", 1)
    monkeypatch.setattr(planning, "CALL_WORK", 1)
    monkeypatch.setattr(engine_module, "CALL_OPERATIONS", 1.0)  # a call for every step
    real, calls = scoring.run_team, []

    def interrupted(kernel, *rest):
        calls.append(1)
        if len(calls) < 3:
            real(kernel, *rest)
            return
        if after:
            real(kernel, *rest)
        raise KeyboardInterrupt

    _, rows = problems.problem([12, 40, 3], "mse", 200)
    order = np.arange(200)
    start = problems.position(objective.network, RULE)
    engine = CompiledEngine(objective, RULE, size)
    with monkeypatch.context() as patch:
        patch.setattr(scoring, "run_team", interrupted)
        with pytest.raises(KeyboardInterrupt):
            problems.run(engine, rows, start, order, 40)
    made = 3 if after else 2
    assert start.step == made
    expected = problems.position(objective.network, RULE)
    rates = 0.01 * np.linspace(1.0, 0.5, 5)[:made]
    CompiledEngine(objective, RULE, 1).epoch(expected, rows, order, 40, rates, np.inf)
    for array, true in zip(
        (start.vector, *start.slots), (expected.vector, *expected.slots), strict=True
    ):
        np.testing.assert_array_equal(array, true)


def test_engines_can_be_pickled(problems, objective):
    engine = CompiledEngine(objective, RULE, 2)
    expected = fit(problems, engine)
    copy = pickle.loads(pickle.dumps(engine))
    assert copy.n_threads == 2
    np.testing.assert_array_equal(fit(problems, copy), expected)


def test_limits_of_the_environment_are_kept(monkeypatch):
    for name in threads._LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "_pools", list)
    everything = threads.available_threads(None)
    if hasattr(os, "sched_getaffinity"):
        assert everything == len(os.sched_getaffinity(0))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads.available_threads(None) == 1
    assert threads.available_threads(7) == 7


@pytest.mark.parametrize("user_api", [None, "blas"])
def test_limits_of_thread_pools_are_kept_while_in_force(monkeypatch, user_api):
    for name in threads._LIMITS:
        monkeypatch.delenv(name, raising=False)
    before = threads.available_threads(None)
    with threadpool_limits(1, user_api=user_api):
        assert threads.available_threads(None) == 1
        assert threads.available_threads(7) == 7
    assert threads.available_threads(None) == before


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "two"])
def test_a_wrong_number_of_threads_is_refused(objective, wrong):
    with pytest.raises(InputError, match="n_threads must be a positive integer or None"):
        CompiledEngine(objective, RULE, wrong)


def test_a_wrong_width_of_vectors_is_refused():
    with pytest.raises(InputError, match="vector_bytes must be one of"):
        host_target(24)


class TestCache:
    def run(self, folder, **environment):
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", FIT],
            env={**os.environ, "CHAINRULE_CACHE_DIR": str(folder), **environment},
            capture_output=True,
            text=True,
            check=True,
        )

    @pytest.mark.slow
    def test_a_second_process_reads_what_the_first_compiled(self, kernels_alone):
        (kernels,) = kernels_alone.iterdir()
        first = self.run(kernels_alone)
        files = sorted(kernels_alone.iterdir())
        times = [file.stat().st_mtime_ns for file in files]
        assert len(files) == 8  # kernels, loss, update, sums, and two for relu and linear each
        second = self.run(kernels_alone)
        assert sorted(kernels_alone.iterdir()) == files
        assert [file.stat().st_mtime_ns for file in files] == times
        assert first.stdout == second.stdout
        assert first.stderr == second.stderr == ""

        # a damaged file is not read, but made again
        files.remove(kernels)
        for file in files:
            file.write_bytes(file.read_bytes()[:-1])
        damaged = [file.read_bytes() for file in files]
        assert self.run(kernels_alone).stdout == first.stdout
        assert all(file.read_bytes() != was for file, was in zip(files, damaged, strict=True))

    def test_a_folder_that_cannot_be_written_is_no_error(self, tmp_path, monkeypatch):
        blocked = tmp_path / "file"
        blocked.write_text("not a folder")
        monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(blocked / "cache"))
        text = "define i64 @f() {\n ret i64 11\n}\n"
        source = machine_code.ModuleSource(host_target(), "a folder", text, lambda: text)
        assert machine_code.load(source)._engine.get_function_address("f")
        assert blocked.read_text() == "not a folder"

    @pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners on this system")
    def test_a_folder_that_others_can_write_to_is_not_read(self, tmp_path, monkeypatch):
        monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path))
        assert cache_folder() == tmp_path
        tmp_path.chmod(0o777)
        assert cache_folder() is None

    def test_the_key_names_processor_and_text(self, tmp_path, monkeypatch):
        monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path))
        built = []

        def build():
            built.append(1)
            return "define i64 @f() {\n ret i64 7\n}\n"

        for target in (host_target(), host_target(16)):
            for kind in ("one text", "another text"):
                for title in ("one", "of no account"):
                    source = machine_code.ModuleSource(target, title, kind, build)
                    machine_code.load(source)
        assert len(built) == 4
        assert len(list(tmp_path.iterdir())) == 4
