"""What a call is worth on both sides of each measured number: threads, zeros, copies, calls."""

import logging
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from chainrule import Dense, Network, Objective, optimizers
from chainrule.engines.compiled import machine_code, scoring, zeros
from chainrule.engines.compiled.blocks import rows_of_block, shared_rows_of_block
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.compiled.few_scores import FewScores
from chainrule.engines.compiled.kinds import EntryPoint
from chainrule.engines.compiled.planning import Planning
from chainrule.engines.compiled.structs import Table
from chainrule.engines.compiled.tables import Job
from chainrule.engines.compiled.target import Target, host_target
from chainrule.engines.compiled.workspaces import Workspaces
from chainrule.engines.engine import Rows
from chainrule.tracing.constants import StepConstants
from chainrule.training.state import TrainingState

# a matrix of few rows, whose zeros are not looked for
FULL = np.ones((4, 1000))


def threads(weights, rows, steps=1, moves=False, x=FULL, speed=1):
    """Return how many of 16 threads a call with so many weights takes."""
    planning = Planning(Network(Dense(1000, weights // 1000, bias=False)), 16, speed)
    return planning.of(np.ones(weights), x, rows, rows, steps, moves)[0]


class TestThreads:
    def test_a_second_thread_for_two_million_multiplications_a_step(self):
        assert threads(199_000, rows=10, steps=1000) == 1
        assert threads(200_000, rows=10, steps=1000) == 2
        assert threads(299_000, rows=10, steps=1000) == 2
        assert threads(300_000, rows=10, steps=1000) == 3

    def test_a_second_thread_for_twenty_million_multiplications_a_call(self):
        assert threads(1_000_000, rows=19) == 1
        assert threads(1_000_000, rows=20) == 2
        assert threads(1_000_000, rows=39) == 2
        assert threads(1_000_000, rows=40) == 3

    def test_to_move_a_parameter_takes_as_long_as_eight_multiplications(self):
        assert threads(222_000, rows=1, steps=1000, moves=True) == 1
        assert threads(223_000, rows=1, steps=1000, moves=True) == 2

    def test_a_fast_processor_needs_more_work_for_a_second_thread(self):
        assert threads(799_000, rows=10, steps=1000, speed=4) == 1
        assert threads(800_000, rows=10, steps=1000, speed=4) == 2
        assert threads(1_000_000, rows=79, speed=4) == 1
        assert threads(1_000_000, rows=80, speed=4) == 2

    @pytest.mark.parametrize(("vector_bytes", "speed"), [(16, 1), (32, 1), (64, 4)])
    def test_an_engine_plans_by_the_speed_of_its_processor(self, monkeypatch, vector_bytes, speed):
        seen = []
        monkeypatch.setattr(scoring, "Planning", lambda *given: seen.append(given[2]))
        objective = Objective(Network(Dense(1, 1)), "mse")
        CompiledEngine(objective, optimizers.sgd, target=Target("", "", vector_bytes, 32))
        assert seen == [speed]

    def test_no_more_than_are_allowed(self):
        assert threads(1_000_000, rows=10_000) == 16


class TestZeros:
    def test_a_dense_matrix_of_256_rows_is_looked_at(self):
        assert zeros.Density.of(np.zeros((255, 9))).share == 1.0
        assert zeros.Density.of(np.zeros((256, 9))).share == 0.0

    @pytest.mark.parametrize(
        ("n_out", "share"), [(16, 0.16), (100, 0.48 * 100 / 132), (512, 0.48 * 512 / 544)]
    )
    def test_wider_layers_pass_over_zeros_at_larger_shares(self, n_out, share):
        assert zeros.worth_skipping(share - 0.001, n_out, 1000)
        assert not zeros.worth_skipping(share + 0.001, n_out, 1000)

    def test_lists_of_eight_million_inputs_are_kept(self):
        assert zeros.worth_skipping(0.1, 100, 8_388_608)
        assert not zeros.worth_skipping(0.1, 100, 8_388_609)

    @pytest.mark.parametrize(("share", "inputs"), [(16 / 128, 128), (16 / 129, 256), (0.01, 1664)])
    def test_a_strip_holds_16_inputs_that_are_not_0(self, share, inputs):
        """On average, and whole 128 inputs."""
        density = zeros.Density(share, 100, listed=True)
        assert zeros.Zeros.of(density, 10_000, 100, 10).strip_inputs == inputs


class TestBlocks:
    @pytest.fixture(autouse=True)
    def small_cache(self, monkeypatch):
        monkeypatch.setenv("CHAINRULE_L2_KB", "512")

    def test_a_block_has_at_most_48_rows(self):
        assert [rows_of_block(rows, 8) for rows in (9, 40, 41, 48, 49, 1000)] == [
            *(16, 40, 48, 48, 48, 48)
        ]

    def test_a_block_costs_as_much_as_four_rows(self):
        """Smaller blocks share rows more evenly, and cost more: 20 if as two rows, 48 as eight."""
        assert shared_rows_of_block(400, threads=4, lanes=4) == 36


class TestFewRows:
    @pytest.fixture
    def made(self):
        """Return scores of a network whose kernels write down which of them ran, and the log."""
        log = []

        def of(n_parameters, n_in, n_out, rows=10**9):
            work = SimpleNamespace(job=Table(Job, np.float64), job_address=0, checked=False)
            work.set_arrays = lambda *_: None

            def ran(name):
                log.append((name, work.job[Job.rows], bool(work.job[Job.direct])))

            kernels = SimpleNamespace(
                entry=lambda name, signature: EntryPoint(8, signature),
                builtin=lambda name, address: lambda: ran("short"),
                function=lambda name: lambda address, thread: ran("long"),
            )
            few = FewScores(n_parameters, n_in, n_out, rows)
            vector = np.zeros(n_parameters)
            return lambda n: few.scores(vector, np.zeros((n, n_in)), lambda _: (work, kernels))

        of.log = log
        return of

    def test_65536_numbers_are_copied(self, made):
        scores = made(5, 12, 4)
        assert scores(4096).shape == (4096, 4)
        assert scores(4097) is None

    def test_eight_rows_read_the_flat_weights(self, made):
        scores = made(5, 12, 4)
        scores(8)
        scores(9)
        assert made.log == [("short", 8, True), ("short", 9, False)]

    def test_eight_rows_are_copied_however_wide(self, made):
        scores = made(5, 70_000, 4)
        assert scores(8).shape == (8, 4)
        assert scores(9) is None

    def test_other_threads_wait_for_50_000_multiplications(self, made):
        scores = made(5_000, 12, 4)
        scores(10)
        scores(11)
        assert [name for name, *_ in made.log] == ["short", "long"]

    def test_rows_for_more_than_one_thread_are_not_copied(self, made):
        scores = made(5, 12, 4, rows=100)
        assert scores(99).shape == (99, 4)
        assert scores(100) is None


class TestCalls:
    @pytest.fixture
    def line(self):
        network = Network(Dense(1, 1))
        return CompiledEngine(Objective(network, "mse"), optimizers.sgd, n_threads=1), network

    @pytest.mark.parametrize(
        ("speed", "steps", "calls"),
        [(1, 4999, [4999]), (1, 5000, [4999, 1]), (4, 19999, [19999]), (4, 20000, [19999, 1])],
    )
    def test_python_is_in_charge_after_five_billion_operations(
        self, line, monkeypatch, speed, steps, calls
    ):
        """A step of one row and two parameters counts a million and 12; fast ones are more."""
        engine, network = line
        monkeypatch.setattr(Target, "speed", speed)
        seen, table = [], StepConstants.table

        def noted(self, rates, first):
            seen.append(len(rates))
            return table(self, rates, first)

        monkeypatch.setattr(StepConstants, "table", noted)
        state = TrainingState.start(network, optimizers.sgd)
        x = np.ones((1, 1))
        order = np.zeros(steps, np.int64)
        engine.epoch(state, Rows(x, x), order, 1, np.full(steps, 1e-9), np.inf)
        assert seen == calls
        assert state.step == steps

    @pytest.mark.parametrize(("rows", "at_once"), [(4096, 4096), (4097, 4096)])
    def test_a_gradient_is_formed_of_4096_rows_at_once(self, line, monkeypatch, rows, at_once):
        engine, network = line
        seen, plan = [], Planning.of

        def noted(self, vector, x, kept, *more, **named):
            seen.append(kept)
            return plan(self, vector, x, kept, *more, **named)

        monkeypatch.setattr(Planning, "of", noted)
        x = np.linspace(-1.0, 1.0, rows)[:, None]
        engine.gradient(network.start(0).vector, Rows(x, x))
        assert seen == [at_once]


def test_workspaces_of_eight_kinds_are_kept():
    made = []
    workspaces = Workspaces()

    def make(kind):
        made.append(kind)
        return SimpleNamespace(release=lambda: None, checked=False)

    def call(kinds):
        del made[:]
        for kind in kinds:
            with workspaces.lent(make, kind):
                pass
        return list(made)

    assert call(range(8)) == list(range(8))
    assert call([*range(8), *range(8)]) == []
    assert call([8]) == [8]  # the ninth takes the place of all others
    assert call([8, 0]) == [0]


@pytest.mark.parametrize("late", [True, False])
def test_compiling_for_more_than_a_second_is_announced(monkeypatch, tmp_path, caplog, late):
    """The second itself is not waited for: a timer is asked for it, and called off in time."""
    timers = []

    class Timer:
        def __init__(self, seconds, call):
            self.seconds, self.call, self.called_off = seconds, call, False
            timers.append(self)

        def start(self):
            if late:
                self.call()

        def cancel(self):
            self.called_off = True

    monkeypatch.setattr(threading, "Timer", Timer)
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path))
    text = "define i64 @f() {\n ret i64 8\n}\n"
    with caplog.at_level(logging.WARNING, "chainrule"):
        machine_code._announce.cache_clear()
        for number in range(2):
            kind = f"of the announcement, late {late}, {number}"
            machine_code.load(machine_code.ModuleSource(host_target(), "f", kind, lambda: text))
        machine_code._announce.cache_clear()
    assert [(one.seconds, one.called_off) for one in timers] == [(1.0, True)] * 2
    said = [record.message for record in caplog.records]
    assert said == (["compiling the engine for this processor, once"] if late else [])
