"""A step that takes longer than a person waits is left in its middle, and leaves nothing behind."""

import os
import signal
import sys
import threading
import time
import types

import numpy as np
import pytest

from chainrule import Network, optimizers
from chainrule.engines.compiled import scoring, threads
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.engine import Rows
from chainrule.model.objective import Objective

RULE = optimizers.get("adam")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture(autouse=True)
def _signals_are_heard():
    """Hear SIGINT even where the run was started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted_soon():
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()


@pytest.fixture(scope="module")
def large():
    """A network and rows whose step takes many times the 0.05 s until the signal."""
    network = Network.of_widths([700, 700, 700, 1])
    x = np.random.default_rng(0).normal(size=(20_000, 700)).astype(np.float32)
    return network, Rows(x, x[:, :1] ** 2)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2])
def test_ctrl_c_leaves_a_long_step(problems, large, size):
    network, rows = large
    engine = CompiledEngine(Objective(network, "mse"), RULE, size)
    start = problems.position(network, RULE)
    start.vector = start.vector.astype(np.float32)
    start.slots = tuple(slot.astype(np.float32) for slot in start.slots)
    few = Rows(rows.x[:10], rows.y[:10])
    engine.epoch(start, few, np.arange(10), 10, np.full(1, 1e-3), np.inf)
    before = [array.tobytes() for array in (start.vector, *start.slots)]
    order, rates = np.arange(len(rows)), np.full(1, 1e-3)
    began = time.process_time()
    interrupted_soon()
    with pytest.raises(KeyboardInterrupt):
        engine.epoch(start, rows, order, len(rows), rates, np.inf)
    spent = time.process_time() - began
    assert start.step == 1
    assert [array.tobytes() for array in (start.vector, *start.slots)] == before
    # whole, the step takes more: it was left, not finished
    began = time.process_time()
    engine.epoch(start, rows, order, len(rows), rates, np.inf)
    assert start.step == 2
    assert spent < time.process_time() - began


@pytest.mark.slow
@pytest.mark.parametrize("question", ["scores", "loss", "gradient"])
def test_ctrl_c_leaves_other_long_calls(large, question):
    network, rows = large
    engine = CompiledEngine(Objective(network, "mse"), RULE, 2)
    vector = network.start().vector.astype(np.float32)
    ask = {
        "scores": lambda: engine.scores(vector, rows.x),
        "loss": lambda: engine.loss(vector, rows),
        "gradient": lambda: engine.gradient(vector, rows),
    }[question]
    engine.prepare(np.float32)
    interrupted_soon()
    with pytest.raises(KeyboardInterrupt):
        ask()


@pytest.mark.parametrize("size", [1, 3])
def test_watched_steps_have_the_same_bits(problems, monkeypatch, size):
    objective, rows = problems.problem([12, 40, 3], "mse", 200)
    vectors = []
    for limit in (np.inf, 0.0):
        monkeypatch.setattr(scoring, "WATCHED_OPERATIONS", limit)
        start = problems.position(objective.network, RULE)
        engine = CompiledEngine(objective, RULE, size)
        problems.run(engine, rows, start, np.arange(200), 40)
        vectors.append(start.vector)
    np.testing.assert_array_equal(*vectors)


class CutStart(threading.Thread):
    """A thread that runs, though a signal has cut its start before anybody could know."""

    ident = None

    def start(self):
        def late():
            time.sleep(0.05)
            self.run()
            ran.set()

        ran.clear()
        threading.Timer(0.0, late).start()
        raise KeyboardInterrupt


ran = threading.Event()


@pytest.mark.parametrize("watched", [False, True])
def test_a_thread_whose_start_was_cut_never_enters_the_kernel(monkeypatch, watched):
    """It would write to memory that the caller has freed by then."""
    entered = []
    counters = np.zeros(64, np.int64)
    # the real class makes the timers, which start no thread of a team
    monkeypatch.setattr(threads, "threading", types.SimpleNamespace(**vars(threading)))
    monkeypatch.setattr(threads.threading, "Thread", CutStart)
    with pytest.raises(KeyboardInterrupt):
        threads.run_team(lambda job, number: entered.append(number), 0, 2, counters, watched)
    assert ran.wait(5.0)
    assert entered == []


def test_a_second_signal_does_not_cut_the_wait(monkeypatch):
    """A thread that works is waited for, whatever arrives in the meantime."""
    ended, begun = [], threading.Event()

    def kernel(job, number):
        if number == 0:
            begun.wait(5.0)
            raise KeyboardInterrupt
        begun.set()
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.02)
        ended.append(number)

    for _ in range(20):
        ended.clear()
        begun.clear()
        with pytest.raises(KeyboardInterrupt):
            threads.run_team(kernel, 0, 2, np.zeros(64, np.int64))
        assert ended == [1]
