"""An epoch is made whole or not at all; how a run ends; the loss it ends with."""

import copy
import math

import numpy as np
import pytest

from chainrule import Dense, Network, Objective, TrainingState, losses, optimizers, train
from chainrule.engines.choice import choose_engine
from chainrule.engines.reference import ReferenceEngine
from chainrule.foundation.errors import DivergenceError
from chainrule.training.lbfgs import LBFGS, train_lbfgs
from chainrule.training.monitor import Watch
from chainrule.training.sources import make_rows

RANDOM = np.random.default_rng(20)
X = RANDOM.normal(size=(60, 3))
T = 2.0 * X[:, 0] - X[:, 1] + 1.0
NETWORK = Network(Dense(3, 5, "tanh"), Dense(5, 1))


def ended(run):
    """Return the epochs of a run and what its generator returns."""
    epochs = []
    while True:
        try:
            epochs.append(next(run))
        except StopIteration as end:
            return epochs, end.value


def copies(run, state, into):
    """Keep a copy of the state after each epoch of a run."""
    for _ in run:
        into.append(copy.deepcopy(state))


class Interrupting(ReferenceEngine):
    """An engine in which somebody presses Ctrl-C after so many steps."""

    steps_left = math.inf

    def epoch(self, position, rows, order, batch_size, rates, limit):
        made = int(min(self.steps_left, len(rates)))
        self.steps_left -= made
        totals = super().epoch(position, rows, order, batch_size, rates[:made], limit)
        if self.steps_left == 0:
            raise KeyboardInterrupt
        return totals


def same(state, other):
    np.testing.assert_array_equal(state.vector, other.vector)
    for ours, theirs in zip(state.slots, other.slots, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    counters = ("step", "epoch", "learning_rate", "first_loss", "patience")
    for name in counters:
        np.testing.assert_equal(getattr(state, name), getattr(other, name))
    if other.best is None:
        assert state.best is None
    else:
        np.testing.assert_array_equal(state.best, other.best)


OPTIONS = {"optimizer": "adam", "batch_size": 16, "patience": 3, "validation": (X[40:], T[40:])}


def start(engine):
    return engine, TrainingState.start(NETWORK, engine.optimizer, seed=3)


# four batches an epoch: within the first, at its end, within the third
@pytest.mark.parametrize("steps", [1, 2, 4, 9, 11])
def test_an_interrupted_epoch_was_never_begun(steps):
    engine, state = start(Interrupting(Objective(NETWORK, "mse"), optimizers["adam"]))
    engine.steps_left = steps
    kept = [copy.deepcopy(state)]
    kept[0].learning_rate = optimizers["adam"].learning_rate
    run = train(NETWORK, X, T, state=state, engine=engine, epochs=5, **OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        copies(run, state, kept)
    assert state.epoch == len(kept) - 1 == (steps - 1) // 4
    same(state, kept[-1])
    engine.steps_left = math.inf
    for _ in train(NETWORK, X, T, state=state, engine=engine, epochs=5 - state.epoch, **OPTIONS):
        pass
    engine, whole = start(ReferenceEngine(Objective(NETWORK, "mse"), optimizers["adam"]))
    for _ in train(NETWORK, X, T, state=whole, engine=engine, epochs=5, **OPTIONS):
        pass
    same(state, whole)


def test_a_metric_that_raises_leaves_the_epoch_out():
    calls = []

    def metric(scores, y):
        calls.append(0)
        if len(calls) == 3:
            raise ZeroDivisionError
        return -float(np.mean((scores - y) ** 2))

    engine, state = start(ReferenceEngine(Objective(NETWORK, "mse"), optimizers["adam"]))
    run = train(NETWORK, X, T, state=state, engine=engine, epochs=5, metric=metric, **OPTIONS)
    kept = []
    with pytest.raises(ZeroDivisionError):
        copies(run, state, kept)
    assert state.epoch == len(kept) == 2
    same(state, kept[-1])


def test_a_run_reports_why_it_ended():
    epochs, end = ended(train(NETWORK, X, T, epochs=3))
    assert (len(epochs), end.reason) == (3, "max_iter")
    flat = Network(Dense(3, 1, initializer="zeros"))
    epochs, end = ended(train(flat, X, np.zeros(60), patience=3, epochs=50))
    assert (len(epochs), end.reason) == (4, "no_improvement")
    epochs, end = ended(train(flat, X, np.zeros(60), patience=3, epochs=4))
    assert (len(epochs), end.reason) == (4, "no_improvement")
    epochs, end = ended(train(NETWORK, X, T, epochs=10_000, time_limit=1e-9))
    assert (len(epochs), end.reason) == (1, "time_limit")
    epochs, end = ended(train(NETWORK, X, T, epochs=1, time_limit=1e-9))
    assert end.reason == "max_iter"
    run = train(NETWORK, X, T, epochs=10)
    next(run)
    with pytest.raises(StopIteration) as stop:
        run.send(True)
    assert stop.value.value.reason == "callback"
    with pytest.raises(ValueError, match="time_limit must be None or a positive number"):
        train(NETWORK, X, T, time_limit=0.0)


def test_the_closing_loss_is_that_of_the_parameters_left_behind():
    epochs, end = ended(train(NETWORK, X, T, epochs=3, learning_rate=0.1))
    predicted = NETWORK.predict(epochs[-1].parameters, X)[:, 0]
    assert end.loss == pytest.approx(float(losses.mse(predicted, T)), rel=1e-12)
    assert end.loss < epochs[-1].loss
    noise = np.random.default_rng(1).normal(size=60)
    options = {**OPTIONS, "validation": (X[40:], noise[40:]), "learning_rate": 0.05}
    epochs, end = ended(train(NETWORK, X[:40], noise[:40], epochs=200, **options))
    predicted = NETWORK.predict(epochs[-1].best_parameters, X[:40])[:, 0]
    assert end.loss == pytest.approx(float(losses.mse(predicted, noise[:40])), rel=1e-12)


@pytest.mark.parametrize("rate", [1e5, 1e200])
def test_divergence_of_the_last_step_is_reported(rate):
    """One epoch of one batch: no batch after it would see where its step led."""
    engine, state = start(ReferenceEngine(Objective(NETWORK, "mse"), optimizers["sgd"]))
    before = state.vector.tobytes()
    with pytest.raises(DivergenceError) as caught:
        list(
            train(NETWORK, X, T, state=state, engine=engine, epochs=1, batch_size=60,
                  optimizer="sgd", learning_rate=rate)
        )  # fmt: skip
    assert (caught.value.epoch, caught.value.step) == (1, 1)
    assert not caught.value.loss <= 1e6 * caught.value.first_loss
    assert state.vector.tobytes() == before
    assert (state.epoch, state.step) == (0, 0)


class TestLBFGS:
    def prepare(self):
        objective = Objective(NETWORK, "mse")
        state = TrainingState.start(NETWORK, optimizers["sgd"], seed=1)
        state.slots, state.optimizer = (), dict(LBFGS)
        rows = make_rows(objective, X, T, like=state.vector)
        return choose_engine("reference", objective, optimizers["sgd"]), rows, state

    def test_reasons(self):
        limits = {"epochs": 5000, "gradient_tolerance": 1e-3}
        epochs, end = ended(train_lbfgs(*self.prepare(), **limits))
        assert end.reason == "converged"
        assert end.loss == pytest.approx(epochs[-1].loss, rel=1e-12)
        assert ended(train_lbfgs(*self.prepare(), epochs=4))[1].reason == "max_iter"
        end = ended(train_lbfgs(*self.prepare(), epochs=5000, max_evaluations=7))[1]
        assert end.reason == "max_fun"
        epochs, end = ended(train_lbfgs(*self.prepare(), epochs=5000, time_limit=1e-9))
        assert (len(epochs), end.reason) == (1, "time_limit")
        run = train_lbfgs(*self.prepare(), epochs=50)
        next(run)
        with pytest.raises(StopIteration) as stop:
            run.send(True)
        assert stop.value.value.reason == "callback"

    def test_an_error_while_measuring_leaves_the_iteration_out(self):
        engine, rows, state = self.prepare()
        calls = []

        def metric(scores, y):
            calls.append(0)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return 0.0

        run = train_lbfgs(engine, rows, state, Watch(rows, metric, "metric"), epochs=50)
        kept = []
        with pytest.raises(KeyboardInterrupt):
            copies(run, state, kept)
        assert state.epoch == len(kept) == 2
        same(state, kept[-1])
