"""L-BFGS: the minimum it reaches, the epochs it yields, and the state it leaves."""

import copy

import numpy as np
import pytest

from chainrule import (
    Dense,
    Network,
    Objective,
    TrainingState,
    load_state,
    optimizers,
    save_state,
)
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.foundation.array_files import read_arrays, write_arrays
from chainrule.foundation.errors import DivergenceError, FileFormatError
from chainrule.training.lbfgs import LBFGS, train_lbfgs
from chainrule.training.monitor import Watch

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(50, 3))
NOISE = RANDOM.normal(size=(50, 1))
T = X @ [[1.0], [-2.0], [0.5]] + 0.3 + 0.1 * NOISE


def prepare(network, dtype="float64", **strengths):
    engine = ReferenceEngine(
        Objective.with_strengths(network, "mse", **strengths), optimizers["sgd"]
    )
    state = TrainingState.start(network, optimizers["sgd"], seed=0, dtype=dtype)
    state.slots, state.optimizer = (), dict(LBFGS)
    rows = Rows(X, T.astype(dtype))
    return engine, rows, state


def test_reaches_the_least_squares_solution():
    engine, rows, state = prepare(Network(Dense(3, 1)))
    epochs = list(train_lbfgs(engine, rows, state, epochs=100, gradient_tolerance=1e-10))
    design = np.c_[X, np.ones(50)]
    expected = np.linalg.lstsq(design, T, rcond=None)[0][:, 0]
    np.testing.assert_allclose(state.vector, expected, rtol=1e-8)
    assert [epoch.number for epoch in epochs] == list(range(1, len(epochs) + 1))
    losses = [epoch.loss for epoch in epochs]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == pytest.approx(engine.loss(state.vector, rows), rel=1e-12)


def test_penalty_is_kept_apart_from_the_loss():
    engine, rows, state = prepare(Network(Dense(3, 1)), l2=0.5)
    *_, epoch = train_lbfgs(engine, rows, state, epochs=100, gradient_tolerance=1e-10)
    weights = epoch.parameters.weights[0]
    assert epoch.penalty == pytest.approx(0.25 * float(np.sum(weights**2)), rel=1e-12)
    assert epoch.loss == pytest.approx(engine.loss(state.vector, rows), rel=1e-9)
    # ridge: (X'X 2/n + l2) w = X'(t - b) 2/n, with the bias free
    centred, target = X - X.mean(axis=0), T - T.mean()
    ridge = np.linalg.solve(centred.T @ centred * 2 / 50 + 0.5 * np.eye(3), centred.T @ target / 25)
    np.testing.assert_allclose(weights, ridge, rtol=1e-6)


def test_number_of_epochs_is_a_limit():
    engine, rows, state = prepare(Network(Dense(3, 8, "tanh"), Dense(8, 1)))
    epochs = list(train_lbfgs(engine, rows, state, epochs=5))
    assert len(epochs) == 5
    assert state.epoch == 5
    assert state.step == 5


def test_float32_stays_float32():
    engine, rows, state = prepare(Network(Dense(3, 1)), dtype="float32")
    *_, epoch = train_lbfgs(engine, rows, state, epochs=50)
    assert state.vector.dtype == np.float32
    assert epoch.loss < 0.02


def test_best_of_the_validation_rows_is_kept():
    network = Network(Dense(3, 40, "tanh"), Dense(40, 1))
    engine, _, state = prepare(network)
    few, held = Rows(X[:25], NOISE[:25]), Rows(X[25:], NOISE[25:])
    epochs = list(
        train_lbfgs(
            engine, few, state, Watch(held, monitor="validation_loss", patience=5), epochs=200
        )
    )
    assert len(epochs) < 100
    best = min(epoch.validation_loss for epoch in epochs)
    assert engine.loss(state.best_parameters.vector, held) == pytest.approx(best, rel=1e-12)
    assert epochs[-1].validation_loss > best


def test_a_start_that_is_not_finite_is_divergence():
    engine, rows, state = prepare(Network(Dense(3, 1)))
    state.vector = np.full(4, 1e200)
    with pytest.raises(DivergenceError, match="training diverged in epoch 1, step 1"):
        list(train_lbfgs(engine, rows, state, epochs=5))
    np.testing.assert_array_equal(state.vector, np.full(4, 1e200))


def test_repeats_bit_for_bit():
    ends = []
    for _ in range(2):
        engine, rows, state = prepare(Network(Dense(3, 6, "gelu"), Dense(6, 1)))
        list(train_lbfgs(engine, rows, state, epochs=20))
        ends.append(state.vector.tobytes())
    assert ends[0] == ends[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loop_left_at_any_iteration_goes_on_as_if_it_had_not_been(dtype):
    network = Network.of_widths([3, 6, 1], "relu")
    engine, rows, state = prepare(network, dtype)
    for epoch in train_lbfgs(engine, rows, state, epochs=50):
        if epoch.number == 3:
            break
    assert state.epoch == 3
    for _ in range(4):
        list(train_lbfgs(engine, rows, state, epochs=2))
    _, _, long = prepare(network, dtype)
    list(train_lbfgs(engine, rows, long, epochs=11))
    same(state, long)


def same(state, other):
    assert state.vector.tobytes() == other.vector.tobytes()
    assert (state.epoch, state.step) == (other.epoch, other.step)
    assert np.array(state.curvature).tobytes() == np.array(other.curvature).tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_run_is_resumed_from_a_file_bit_for_bit(dtype, tmp_path):
    network = Network.of_widths([3, 6, 1], "gelu")
    engine, rows, long = prepare(network, dtype)
    list(train_lbfgs(engine, rows, long, epochs=20))
    _, _, state = prepare(network, dtype)
    list(train_lbfgs(engine, rows, state, epochs=13))
    save_state(tmp_path / "run.state", state)
    read = load_state(tmp_path / "run.state")
    same(read, state)
    list(train_lbfgs(engine, rows, read, epochs=7))
    same(read, long)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda arrays: arrays["curvature"][:, :, 1:], "pairs of"),
        (lambda arrays: arrays["curvature"].astype(np.float32), "pairs of"),
        (lambda arrays: arrays["curvature"][:, :1], "unpack"),
        (lambda arrays: arrays["curvature"] * [[1.0], [-1.0]], "must be positive"),
        (lambda arrays: arrays["curvature"] * np.nan, "must be positive"),
        (lambda arrays: arrays["curvature"] * 0.0, "must be positive"),
        (lambda arrays: np.concatenate([arrays["curvature"]] * 3), "does not keep 12 pairs"),
    ],
    ids=["size", "dtype", "single", "negative", "nan", "zero", "many"],
)
def test_a_memory_that_does_not_belong_to_the_state_is_refused(damage, message, tmp_path):
    engine, rows, state = prepare(Network.of_widths([3, 6, 1], "tanh"))
    list(train_lbfgs(engine, rows, state, epochs=4))
    path = tmp_path / "run.state"
    save_state(path, state)
    description, arrays = read_arrays(path, "training state")
    write_arrays(path, "training state", description, arrays | {"curvature": damage(arrays)})
    with pytest.raises(FileFormatError, match=message):
        load_state(path)
    state.slots, state.optimizer = (state.vector,), optimizers["sgd"].to_dict()
    save_state(path, state)
    with pytest.raises(FileFormatError, match="'sgd' does not keep 4 pairs"):
        load_state(path)


def test_an_interrupted_iteration_leaves_the_memory_as_it_was():
    engine, rows, state = prepare(Network.of_widths([3, 6, 1], "tanh"))
    kept = []

    def metric(scores, y):
        if len(kept) == 4:
            raise KeyboardInterrupt
        return 0.0

    run = train_lbfgs(engine, rows, state, Watch(rows, metric, "metric"), epochs=50)
    with pytest.raises(KeyboardInterrupt):
        kept.extend(copy.deepcopy(epoch.state) for epoch in run)
    assert len(state.curvature) == 4
    same(state, kept[-1])


def test_other_parameters_have_another_curvature():
    engine, rows, state = prepare(Network.of_widths([3, 6, 1], "tanh"))
    list(train_lbfgs(engine, rows, state, epochs=4))
    state.go_on_from(state.vector + 1.0)
    assert state.curvature == ()


@pytest.mark.slow
def test_a_search_that_finds_nothing_lower_says_so():
    engine, rows, state = prepare(Network.of_widths([3, 6, 1], "tanh"), dtype="float32")
    ends = []

    def follow():
        ends.append((yield from train_lbfgs(engine, rows, state, epochs=5000, **tight)))

    tight = {"gradient_tolerance": 0.0}
    assert len(list(follow())) < 5000
    assert ends[0].reason in ("converged", "no_improvement")
    assert ends[0].loss < 0.01
