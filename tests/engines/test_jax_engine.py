"""The engine of accelerators, beyond what every engine must do (`tests/contracts/test_engines`)."""

import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import load_digits

from chainrule import (
    Activation,
    Dense,
    MLPClassifier,
    MLPRegressor,
    Network,
    Objective,
    Penalty,
    TrainingState,
    optimizers,
    train,
)
from chainrule.engines.choice import choose_engine, registry
from chainrule.engines.engine import Rows, penalty_at
from chainrule.tracing.formulas import UntraceableError

jax = pytest.importorskip("jax")
CONTRACTS = Path(__file__).parents[1] / "contracts"
ADAM = optimizers.get("adam")


@dataclass(frozen=True)
class Bent(Activation):
    """A formula that asks for the value of a number."""

    name = "bent"
    latex = r"z"
    initializer = "glorot_uniform"
    source = "this test"

    def value(self, xp, z):
        return z * (2.0 if float(xp.sum(z)) > 0.0 else 1.0)

    def slope(self, xp, z, a):
        return xp.ones_like(z)


@dataclass(eq=False)
class Position:
    vector: object
    slots: tuple
    step: int = 0
    seed: int = 1


def position(network, xp=np, dtype="float64"):
    vector = xp.asarray(network.start(0, dtype).vector)
    return Position(vector, ADAM.start(xp, vector))


def made(objective, start, rows, steps, batch=16, size=None):
    order = np.arange(min(steps * batch, size or len(rows)))
    engine = choose_engine("jax", objective, ADAM)
    return engine.epoch(start, rows, order, batch, np.full(steps, 0.01), np.inf)


def some_rows(n, dtype="float64"):
    random = np.random.default_rng(0)
    return Rows(random.normal(size=(n, 4)).astype(dtype), random.normal(size=(n, 2)).astype(dtype))


def test_one_program_trains_all_epochs_and_all_fits_of_a_shape():
    from chainrule.engines.jax_engine.programs import train

    network = Network(Dense(4, 9, "tanh"), Dense(9, 2))
    before = train._cache_size()
    for _ in range(2):
        objective = Objective(Network(*network.layers), "mse", dropout=0.2)
        start, rows = position(network), some_rows(75)
        for steps in (1, 4, 5, 5):  # the first batch alone, the others, and the short last one
            made(objective, start, rows, steps)
        assert start.step == 15
    assert train._cache_size() == before + 1


@pytest.mark.grid(2)
@pytest.mark.parametrize("is_large", [False, True])
def test_the_calls_of_an_epoch_are_one_program(is_large, monkeypatch, caplog):
    if is_large:
        monkeypatch.setattr("chainrule.engines.jax_engine.groups.LARGE", 1)
    monkeypatch.setattr("chainrule.engines.jax_engine.courses.CALL_SECONDS", 1e-9)
    objective, rows = Objective(Network(Dense(4, 7 + is_large), Dense(7 + is_large, 2)), "mse"), 160
    start = position(objective.network)
    with jax.log_compiles():
        # parameters of NumPy are what a call begins with, and arrays of JAX what goes on
        made(objective, start, some_rows(rows), 10)
        made(objective, start, some_rows(rows), 10)
    compiled = [one for one in caplog.messages if one.startswith("Compiling jit(train")]
    assert len(compiled) == 1
    assert start.step == 20


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-13)])
@pytest.mark.parametrize("rule", optimizers)
def test_many_steps_end_where_those_of_the_reference_engine_do(rule, dtype, tolerance):
    rule, rows = optimizers.get(rule), some_rows(320, dtype)
    objective = Objective(Network(Dense(4, 12, "tanh"), Dense(12, 2)), "mse")
    for steps in (1, 10, 200):
        order, ends = np.tile(np.arange(320), 10)[: steps * 16], []
        for name in ("jax", "reference"):
            state = TrainingState.start(objective.network, rule, dtype=dtype)
            engine = choose_engine(name, objective, rule)
            engine.epoch(state, rows, order, 16, np.full(steps, 0.01), np.inf)
            ends.append(state)
        np.testing.assert_allclose(ends[0].vector, ends[1].vector, rtol=0, atol=tolerance)
        np.testing.assert_allclose(ends[0].slots, ends[1].slots, rtol=0, atol=tolerance)
    assert np.abs(ends[0].vector - objective.network.start(0).vector).max() > 0.01


def runs(kind, number):
    """Train with numbers of this run; all other things are those of every run."""
    random = np.random.default_rng(number)
    x, y = random.normal(size=(75, 4)), random.normal(size=(75, 1))
    common = {"l2": 0.01 * number, "learning_rate": 0.01 * number, "seed": number, "engine": "jax"}
    if kind == "lbfgs":
        model = MLPRegressor(hidden_layer_sizes=(9,), solver="lbfgs", max_iter=3, engine="jax")
        with pytest.warns(UserWarning, match="max_iter"):
            model.fit(x, y[:, 0])
    elif kind == "arrays of jax":
        network = Network.of_widths([4, 11, 1])
        x, y = jax.numpy.asarray(x, "float32"), jax.numpy.asarray(y, "float32")
        list(train(network, x, y, epochs=2, dtype="float32", **common))
    else:
        network = Network.of_widths([4, 10, 1])
        list(train(network, x, y, validation=(x[:20], y[:20]), patience=3, epochs=2, **common))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["arrays of numpy", "arrays of jax", "lbfgs"])
def test_a_later_run_of_equal_shapes_compiles_nothing(kind, caplog):
    with jax.log_compiles():
        runs(kind, 1)
        assert any(one.startswith("Compiling") for one in caplog.messages)
        caplog.clear()
        runs(kind, 2)
    assert [one for one in caplog.messages if one.startswith("Compiling")] == []


@pytest.mark.slow
def test_a_later_process_finds_the_programs_in_the_cache_folder(tmp_path):
    program = """
import numpy as np, jax, jax.monitoring
from chainrule import Network, Objective, optimizers, train
from chainrule.engines.choice import choose_engine
heard = []
jax.monitoring.register_event_listener(lambda event, **_: heard.append(event.split("/")[-1]))
jax.jit(lambda x: x + 1.0)(np.ones(3))  # a program of the user's, before
x, network = np.ones((100, 7)), Network.of_widths([7, 13, 2])
choose_engine("jax", Objective(network, "mse"), optimizers.sgd)
# quick machines compile ours in less time than is worth a file
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
list(train(network, x, x[:, :2], epochs=2, engine="jax"))
print("cache_hits" in heard, "cache_misses" in heard)
"""
    environment = {**os.environ, "CHAINRULE_CACHE_DIR": str(tmp_path), "XLA_FLAGS": ""}
    command, said = [sys.executable, "-c", program], []
    for _ in range(2):
        ran = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
        said.append(ran.stdout)
    assert said == ["False True\n", "True False\n"]
    assert any((tmp_path / "jax").iterdir())


@dataclass(frozen=True)
class Asking(Penalty):
    """A penalty whose value asks for a number, and whose gradient does not."""

    name = "asking"
    latex = r"w^2"
    source = "this test"

    def value(self, xp, w):
        return self.strength * float(xp.sum(w * w))

    def gradient(self, xp, w):
        return 2.0 * self.strength * w


@pytest.mark.parametrize("take", [np.asarray, jax.numpy.asarray])
def test_a_penalty_that_asks_for_its_value_is_measured_all_the_same(take):
    network = Network(Dense(4, 2))
    objective = Objective(network, "mse", (Asking(strength=0.1),))
    state = TrainingState.start(network, ADAM, dtype="float32")
    state.vector, true = take(state.vector), objective.penalty(np, state.parameters)
    made(objective, state, some_rows(32, "float32"), 2)
    engine = choose_engine("jax", objective, ADAM)
    found = penalty_at(engine, state.current_there)
    assert found == pytest.approx(float(objective.penalty(np, state.parameters)), rel=1e-6)
    assert found != true


@pytest.mark.grid(9)
@pytest.mark.parametrize("bad", [3, 40, 74, None])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("is_large", [False, True])
def test_steps_before_a_bad_batch_are_made_and_no_others(bad, weighted, is_large, monkeypatch):
    if is_large:  # a program takes the arrays of the network, and not the vector
        monkeypatch.setattr("chainrule.engines.jax_engine.groups.LARGE", 1)
    objective, rows = Objective(Network(Dense(4, 3, "tanh"), Dense(3, 2)), "mse"), some_rows(75)
    if bad is not None:
        rows.y[bad] = np.nan
    weight = np.ones(75)
    weight[16:32] = weight[64:70] = 0.0
    rows = Rows(rows.x, rows.y, weight if weighted else None)
    ends = []
    for name in ("reference", "jax"):
        start = position(objective.network)
        engine = choose_engine(name, objective, ADAM)
        totals = engine.epoch(start, rows, np.arange(75), 16, np.full(5, 0.01), 1e6)
        ends.append((totals, start))
    (true, of_reference), (found, of_jax) = ends
    np.testing.assert_allclose(found, true, rtol=1e-12)
    assert (of_jax.step, found.steps) == (of_reference.step, true.steps)
    np.testing.assert_allclose(of_jax.vector, of_reference.vector, atol=1e-12)
    np.testing.assert_allclose(of_jax.slots, of_reference.slots, atol=1e-12)


@pytest.mark.grid(2)
@pytest.mark.parametrize("is_large", [False, True])
def test_ctrl_c_while_a_call_is_waited_for_keeps_its_steps(is_large, monkeypatch):
    from chainrule.engines.jax_engine.courses import Course

    if is_large:  # its programs write over what the call before has found
        monkeypatch.setattr("chainrule.engines.jax_engine.groups.LARGE", 1)
    monkeypatch.setattr("chainrule.engines.jax_engine.courses.CALL_SECONDS", 1e-9)
    take, waits = Course.take, iter([False, True, False])

    def interrupted(*arguments):
        if next(waits):
            raise KeyboardInterrupt
        take(*arguments)

    monkeypatch.setattr(Course, "take", interrupted)
    objective, rows = Objective(Network(Dense(4, 3, "tanh"), Dense(3, 2)), "mse"), some_rows(160)
    start, true = position(objective.network), position(objective.network)
    with pytest.raises(KeyboardInterrupt):
        made(objective, start, rows, 10)
    assert start.step == 9  # 8 of the first call, and 1
    engine = choose_engine("reference", objective, ADAM)
    engine.epoch(true, rows, np.arange(144), 16, np.full(9, 0.01), np.inf)
    np.testing.assert_allclose(start.vector, true.vector, atol=1e-12)


def test_rows_whose_weights_are_all_zero_make_no_step():
    objective, rows = Objective(Network(Dense(4, 2)), "mse"), some_rows(40)
    start = position(objective.network)
    before = start.vector.copy()
    found = made(objective, start, Rows(rows.x, rows.y, np.zeros(40)), 3)
    assert (found.loss, found.weight, found.steps, start.step) == (0.0, 0.0, 3, 3)
    np.testing.assert_array_equal(start.vector, before)


@pytest.mark.slow
@pytest.mark.parametrize("is_large", [False, True])
def test_arrays_of_jax_stay_where_they_are(is_large, monkeypatch):
    if is_large:
        monkeypatch.setattr("chainrule.engines.jax_engine.groups.LARGE", 1)
    network = Network(Dense(4, 3, "tanh"), Dense(3, 2))
    objective = Objective(network, "mse")
    with jax.enable_x64(True):
        start, rows = position(network, jax.numpy), some_rows(32)
        given = start.vector
        made(objective, start, rows, 2)
        engine = choose_engine("jax", objective, ADAM)
        gradient = engine.gradient(start.vector, rows)[1]
        scores = engine.scores(start.vector, rows.x)
    assert not given.is_deleted()
    for array in (start.vector, *start.slots, gradient, scores):
        assert isinstance(array, jax.Array)
        assert array.dtype == np.float64
    truth = position(network)
    made(objective, truth, rows, 2)
    np.testing.assert_array_equal(np.asarray(start.vector), truth.vector)


def test_large_whole_numbers_stay_what_they_are():
    network = Network(Dense(4, 2))
    engine = choose_engine("jax", Objective(network, "mse"), ADAM)
    x = np.full((3, 4), 2**40, np.int64)
    vector = np.ones(10, np.float32)
    np.testing.assert_allclose(engine.scores(vector, x), 2.0**42, rtol=1e-6)


@pytest.mark.slow
def test_rows_of_very_different_lengths():
    x = scipy.sparse.random(50, 300, 0.02, "csr", np.float32, np.random.default_rng(0))
    x = scipy.sparse.vstack(
        [x, np.ones((1, 300), np.float32), np.zeros((1, 300), np.float32)]
    ).tocsr()
    network = Network(Dense(300, 5, "relu"), Dense(5, 2))
    objective = Objective(network, "mse")
    y, vector = np.ones((52, 2), np.float32), network.start(0, "float32").vector
    found = choose_engine("jax", objective, ADAM).gradient(vector, Rows(x, y))
    true = choose_engine("reference", objective, ADAM).gradient(vector, Rows(x.toarray(), y))
    assert found[0] == pytest.approx(true[0], rel=1e-5)
    np.testing.assert_allclose(found[1], true[1], rtol=1e-4, atol=1e-6)


def test_a_formula_that_cannot_be_compiled_is_named():
    objective = Objective(Network(Dense(2, 3, Bent()), Dense(3, 1)), "mse")
    with pytest.raises(UntraceableError, match="JAX cannot compile the formula of 'bent'"):
        choose_engine("jax", objective, ADAM)


def test_an_engine_may_be_pickled():
    objective = Objective(Network(Dense(2, 1)), "mse")
    again = pickle.loads(pickle.dumps(choose_engine("jax", objective, ADAM)))
    assert (again.name, again.objective, again.optimizer) == ("jax", objective, ADAM)


def test_auto_never_takes_it():
    objective = Objective(Network(Dense(2, 3, Bent()), Dense(3, 1)), "mse")
    engine = choose_engine("auto", objective, ADAM)
    vector = jax.numpy.asarray(objective.network.start(0, "float32").vector)
    engine.scores(vector, jax.numpy.ones((2, 2), "float32"))
    assert engine.name == "reference"
    assert list(registry)[-1] == "jax"


def test_a_missing_package_is_one_sentence(monkeypatch):
    monkeypatch.setattr("chainrule.engines.registry.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'engine="jax" needs the package jax'):
        choose_engine("jax", Objective(Network(Dense(2, 1)), "mse"), ADAM)


@pytest.mark.slow
def test_an_estimator_trains_as_with_the_reference_engine():
    X, y = load_digits(return_X_y=True)
    X, y = (X[:500] / 16).astype(np.float32), y[:500]
    fits = [
        MLPClassifier((32,), max_iter=8, tol=0.0, random_state=0, engine=engine, dropout=0.1)
        for engine in ("jax", "reference")
    ]
    for model in fits:
        with pytest.warns(UserWarning, match="max_iter"):
            model.fit(X, y)
    assert fits[0].engine_ == "jax"
    np.testing.assert_allclose(fits[0].loss_curve_, fits[1].loss_curve_, rtol=1e-4)
    np.testing.assert_allclose(fits[0].predict_proba(X), fits[1].predict_proba(X), atol=1e-4)


@pytest.mark.slow
def test_contracts_hold_with_the_optimisations_that_users_get():
    """All other tests are compiled without them (`tests/conftest.py`)."""
    files = [CONTRACTS / name for name in ("test_engines.py", "test_engine_steps.py")]
    some = "jax and float32 and (huber or sparse_rows and csr_array or clipped and ntk or dropout)"
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", some],
        capture_output=True, text=True, timeout=300, env={**os.environ, "XLA_FLAGS": ""},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
def test_ctrl_c_keeps_the_steps_that_were_made():
    program = """
import signal, threading, time, numpy as np, os
from chainrule import Dense, Network, Objective, optimizers
from chainrule.engines.choice import choose_engine
from chainrule.engines.engine import Rows
network = Network(Dense(50, 200, "tanh"), Dense(200, 2))
class Position: pass
start = Position(); start.vector = network.start(0).vector; start.step = start.seed = 0
rule = optimizers.get("sgd"); start.slots = rule.start(np, start.vector)
engine = choose_engine("jax", Objective(network, "mse"), rule)
rows = Rows(np.ones((640, 50)), np.ones((640, 2)))
def interrupt():
    while start.step < 10:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    engine.epoch(start, rows, np.tile(np.arange(640), 10**5), 32, np.full(2 * 10**6, 1e-4), np.inf)
except KeyboardInterrupt:
    print(10 <= start.step < 2 * 10**6, np.isfinite(start.vector).all())
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300
    )
    assert (ran.stdout, ran.stderr) == ("True True\n", "")
