"""L-BFGS: the minimum it reaches, the epochs it yields, and the state it leaves."""

import threading

import numpy as np
import pytest

from chainrule import Dense, Network, Objective, TrainingState, optimizers
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.foundation.errors import DivergenceError
from chainrule.training.lbfgs import LBFGS, train_lbfgs

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(50, 3))
NOISE = RANDOM.normal(size=(50, 1))
T = X @ [[1.0], [-2.0], [0.5]] + 0.3 + 0.1 * NOISE


def prepare(network, dtype="float64", **strengths):
    engine = ReferenceEngine(
        Objective.with_strengths(network, "mse", **strengths), optimizers["sgd"]
    )
    state = TrainingState.start(network, optimizers["sgd"], seed=0, dtype=dtype)
    state.optimizer = dict(LBFGS)
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
            engine, few, state, epochs=200, validation=held, patience=5, monitor="validation_loss"
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


def test_the_loop_can_be_left_at_any_iteration():
    engine, rows, state = prepare(Network.of_widths([3, 6, 1], "tanh"))
    threads = threading.active_count()
    seen = []
    for epoch in train_lbfgs(engine, rows, state, epochs=50):
        seen.append(state.vector.copy())
        assert state.epoch == epoch.number == len(seen)
        if len(seen) == 3:
            break
    assert state.epoch == 3
    assert not np.array_equal(seen[1], seen[2])
    assert threading.active_count() == threads
