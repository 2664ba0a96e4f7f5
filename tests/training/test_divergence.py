"""Divergence: stopped at once, told with epoch, step and rate, last good parameters kept."""

import math

import numpy as np
import pytest

from chainrule import Dense, Network, Objective, TrainingState, optimizers, train
from chainrule.engines.reference import ReferenceEngine
from chainrule.foundation.errors import DivergenceError

RANDOM = np.random.default_rng(20)
X = RANDOM.normal(size=(60, 3))
T = 2.0 * X[:, 0] - X[:, 1] + 1.0
NETWORK = Network(Dense(3, 5, "relu"), Dense(5, 1))


def diverge(**options):
    state = TrainingState.start(NETWORK, optimizers["sgd"], seed=1)
    seen = []
    with pytest.raises(DivergenceError) as caught:
        seen.extend(
            (epoch.loss, epoch.parameters.vector.copy())
            for epoch in train(NETWORK, X, T, state=state, epochs=200, **options)
        )
    return caught.value, state, seen


@pytest.mark.parametrize("rate", [1e4, 1e10, 1e200])
@pytest.mark.parametrize("batch_size", [1, 16, 60])
def test_stops_and_keeps_finite_parameters(rate, batch_size):
    error, state, _ = diverge(learning_rate=rate, batch_size=batch_size)
    assert np.all(np.isfinite(state.vector))
    assert not error.loss <= 1e6 * error.first_loss
    assert error.learning_rate == rate
    assert f"epoch {error.epoch}, step {error.step}" in str(error)


class InPlace(ReferenceEngine):
    """An engine that writes over the arrays of its position, as engines may."""

    def epoch(self, position, *arguments):
        vector, slots = position.vector, position.slots
        totals = super().epoch(position, *arguments)
        for old, new in zip((vector, *slots), (position.vector, *position.slots), strict=True):
            old[...] = new
        position.vector, position.slots = vector, slots
        return totals


LINE = Network(Dense(1, 1, initializer="zeros"))
LINE_X, LINE_Y = [[1.0], [2.0], [3.0], [4.0]], [3.0, 6.0, 9.0, 12.0]


@pytest.mark.parametrize("kind", [ReferenceEngine, InPlace])
@pytest.mark.parametrize(("rate", "first_batch_failed"), [(0.34, False), (0.26, True)])
def test_goes_back_to_the_last_parameters_whose_loss_was_good(kind, rate, first_batch_failed):
    """Two batches an epoch; the loss of an epoch's first batch vouches for its start."""
    record = optimizers.get("sgd", momentum=0.1)
    engine = kind(Objective(LINE, "mse"), record)
    state = TrainingState.start(LINE, record)
    starts = [(state.vector.copy(), state.slots[0].copy())]
    options = {"learning_rate": rate, "batch_size": 2, "shuffle": False, "epochs": 200}
    options |= {"optimizer": record, "state": state, "engine": engine}
    with pytest.raises(DivergenceError) as caught:
        starts.extend(
            (epoch.state.vector.copy(), epoch.state.slots[0].copy())
            for epoch in train(LINE, LINE_X, LINE_Y, **options)
        )
    error = caught.value
    assert error.epoch > 3
    assert error.step == 2 * error.epoch - first_batch_failed
    assert state.epoch == error.epoch - 1 - first_batch_failed
    assert state.step == 2 * state.epoch
    np.testing.assert_array_equal(state.vector, starts[state.epoch][0])
    np.testing.assert_array_equal(state.slots[0], starts[state.epoch][1])


def test_a_loss_a_million_times_the_first_is_divergence_even_though_finite():
    """Classification with a linear link of the loss keeps every number finite for long."""
    network = Network(Dense(3, 8, "relu"), Dense(8, 1))
    labels = (X[:, 0] > 0).astype(float)
    with pytest.raises(DivergenceError) as caught:
        list(train(network, X, labels, loss="binary_cross_entropy", learning_rate=1e6, epochs=50))
    assert math.isfinite(caught.value.loss)
    assert caught.value.loss > 1e6 * caught.value.first_loss


def test_a_first_batch_that_is_not_finite_is_reported_as_such():
    """Poisson means of exp(1e6) are infinite before any step."""
    network = Network(Dense(3, 1))
    parameters = network.parameters(np.array([1e6, 0.0, 0.0, 0.0]))
    state = TrainingState.start(network, optimizers["sgd"], parameters=parameters)
    with pytest.raises(DivergenceError) as caught:
        list(train(network, np.abs(X), np.ones(60), loss="poisson", state=state))
    assert (caught.value.epoch, caught.value.step) == (1, 1)
    assert caught.value.loss == math.inf
    np.testing.assert_array_equal(state.vector, parameters.vector)


def test_training_can_go_on_from_the_state_that_was_kept():
    _, state, _ = diverge(learning_rate=40.0, batch_size=30)
    state.learning_rate = 0.01
    before = state.epoch
    *_, epoch = train(NETWORK, X, T, state=state, learning_rate=0.01, batch_size=30, epochs=50)
    assert epoch.number == before + 50
    assert epoch.loss < 0.5


def test_a_first_loss_of_zero_is_no_measure():
    """Any loss is a million times zero."""
    network = Network(Dense(1, 1, initializer="zeros"))
    x, y = np.array([[1.0], [1.0]]), np.array([0.0, 1.0])
    options = {"batch_size": 1, "shuffle": False, "learning_rate": 0.1, "epochs": 5}
    *_, epoch = train(network, x, y, **options)
    assert epoch.number == 5


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_first_batch_that_is_right_by_luck_is_no_measure(engine):
    """One row per step: the error of the first is 1e-5, of the others about 1."""
    y = T.copy()
    start = NETWORK.start(seed=1)
    y[0] = NETWORK.predict(start, X[:1])[0, 0] + 1e-5
    options = {"batch_size": 1, "shuffle": False, "learning_rate": 1e-3, "parameters": start}
    *_, epoch = train(NETWORK, X, y, epochs=3, engine=engine, **options)
    assert epoch.number == 3
    with pytest.raises(DivergenceError):
        list(train(NETWORK, X, y, epochs=3, engine=engine, **options | {"learning_rate": 1e4}))


def test_no_warning_accompanies_the_error():
    """Overflow on the way is expected; warnings are errors in this suite."""
    diverge(learning_rate=1e300, batch_size=7)
