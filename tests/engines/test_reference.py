"""The reference engine: gradients, batches, weights, and what the protocol promises."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import Dense, Network, Objective, TrainingState, losses, optimizers
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine

ELEMENTWISE = [name for name in losses if name != "categorical_cross_entropy"]


def make(loss="mse", optimizer="sgd", layers=None, **strengths):
    network = Network(*(layers or (Dense(3, 4, "tanh"), Dense(4, 2))))
    objective = Objective.with_strengths(network, loss, **strengths)
    return ReferenceEngine(objective, optimizers.get(optimizer))


def data(engine, n=6, seed=0, weight=None):
    random = np.random.default_rng(seed)
    network = engine.objective.network
    x = random.normal(size=(n, network.n_in))
    y = np.eye(network.n_out)[random.integers(0, network.n_out, n)]
    return Rows(x, y, weight)


def position(engine, seed=1):
    return TrainingState.start(engine.objective.network, engine.optimizer, seed=seed)


@pytest.mark.grid(3)
@pytest.mark.parametrize("loss", losses)
@given(seed=st.integers(0, 10_000), weighted=st.booleans(), l2=st.sampled_from([0.0, 0.3]))
def test_gradient_is_the_derivative_of_the_loss(loss, seed, weighted, l2):
    engine = make(loss, layers=(Dense(3, 3, "sigmoid"), Dense(3, 2)), l2=l2)
    random = np.random.default_rng(seed)
    weight = random.uniform(0.0, 2.0, 4) if weighted else None
    rows = data(engine, n=4, seed=seed, weight=weight)
    vector = random.normal(0.0, 0.5, engine.objective.network.n_parameters)
    _, gradient = engine.gradient(vector, rows)
    direction = random.normal(size=len(vector))
    h = 1e-6
    up, down = (engine.gradient(vector + sign * h * direction, rows)[0] for sign in (1, -1))
    assert gradient @ direction == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-7)


def test_loss_is_the_weighted_mean_of_the_rows():
    engine = make("mae")
    weight = np.array([0.0, 1.0, 2.0, 0.5, 1.5, 1.0])
    rows = data(engine, weight=weight)
    vector = position(engine).vector
    absolute = np.abs(engine.scores(vector, rows.x) - rows.y).mean(axis=1)
    assert engine.loss(vector, rows) == pytest.approx(np.average(absolute, weights=weight))
    unweighted = Rows(rows.x, rows.y)
    assert engine.loss(vector, unweighted) == pytest.approx(absolute.mean())


def test_scores_do_not_depend_on_the_block():
    engine = make()
    rows = data(engine, n=23)
    vector = position(engine).vector
    whole = engine.scores(vector, rows.x)
    engine.block = 5
    np.testing.assert_allclose(engine.scores(vector, rows.x), whole, rtol=1e-13)
    assert engine.scores(vector, rows.x[:0]).shape == (0, 2)


def test_epoch_is_gradient_and_update_batch_by_batch():
    """The last short batch is divided by its own length."""
    engine = make("mse", "adam", l2=0.01)
    rows = data(engine, n=7)
    state, by_hand = position(engine), position(engine)
    order = np.array([3, 0, 6, 2, 5, 1, 4])
    rates = np.array([0.1, 0.05, 0.025])
    totals = engine.epoch(state, rows, order, 3, rates, math.inf)
    vector, slots, total = by_hand.vector, by_hand.slots, 0.0
    for number, rate in enumerate(rates):
        x, y, _ = rows.take(order[3 * number : 3 * number + 3])
        batch = Rows(x, y)
        total += engine.loss(vector, batch) * len(batch)
        _, gradient = engine.gradient(vector, batch)
        vector, *slots = optimizers.adam(vector, gradient, *slots, rate=rate, t=number + 1)
    np.testing.assert_allclose(state.vector, vector, rtol=1e-13)
    assert totals.loss == pytest.approx(total, rel=1e-13)
    assert (totals.weight, totals.steps, state.step) == (7.0, 3, 3)


@pytest.mark.parametrize("optimizer", optimizers)
def test_decoupled_decay_leaves_biases_alone(optimizer):
    record = optimizers.get(optimizer, weight_decay=0.5)
    engine = make("mse", record)
    plain = make("mse", optimizers.get(optimizer, weight_decay=0.0))
    rows = data(engine)
    state = position(engine)
    state.vector = state.vector + 1.0  # biases start at 0, where no decay would show
    layout = engine.objective.network.layout
    shrunk = state.vector.copy()
    for weight in layout.decayed:
        shrunk[weight.at] *= 1.0 - 0.1 * 0.5
    _, gradient = plain.gradient(state.vector, rows)
    expected, *_ = plain.optimizer(shrunk, gradient, rate=0.1)
    engine.epoch(state, rows, np.arange(6), 6, np.array([0.1]), math.inf)
    np.testing.assert_allclose(state.vector, expected, rtol=1e-13, atol=1e-16)


def test_penalties_count_once_for_every_batch_size():
    engine, plain = make("mse", l2=0.7, l1=0.2), make("mse")
    vector = position(engine).vector
    for n in (1, 3, 6):
        rows = data(engine, n=n)
        loss, gradient = engine.gradient(vector, rows)
        plain_loss, plain_gradient = plain.gradient(vector, rows)
        weights = np.concatenate(
            [weight.ravel() for weight in engine.objective.network.parameters(vector).weights]
        )
        price = 0.35 * np.sum(weights**2) + 0.2 * np.sum(np.abs(weights))
        assert loss - plain_loss == pytest.approx(price, rel=1e-12)
        extra = engine.objective.network.parameters(gradient - plain_gradient)
        start = engine.objective.network.parameters(vector)
        for found, weight in zip(extra.weights, start.weights, strict=True):
            np.testing.assert_allclose(found, 0.7 * weight + 0.2 * np.sign(weight), rtol=1e-10)
        assert not any(bias.any() for bias in extra.biases)


@pytest.mark.parametrize("loss", losses)
def test_other_libraries_agree(library, asarray, loss):
    engine, other = make(loss, "adam", l2=0.1), make(loss, "adam", l2=0.1)
    weight = np.array([0.5, 1.5, 0.0, 2.0, 1.0, 1.0])
    rows = data(engine, weight=weight)
    theirs = Rows(asarray(rows.x), asarray(rows.y), asarray(weight))
    expected, found = position(engine), position(other)
    found.vector = asarray(found.vector)
    found.slots = tuple(asarray(slot) for slot in found.slots)
    order, rates = np.array([3, 0, 2, 5, 1, 4]), np.array([0.1, 0.05])
    value, gradient = engine.gradient(expected.vector, rows)
    their_value, their_gradient = other.gradient(found.vector, theirs)
    assert their_value == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(np.asarray(their_gradient), gradient, rtol=1e-12, atol=1e-15)
    totals = engine.epoch(expected, rows, order, 4, rates, math.inf)
    their_totals = other.epoch(found, theirs, order, 4, rates, math.inf)
    assert type(found.vector) is type(theirs.x)
    assert tuple(their_totals) == pytest.approx(tuple(totals), rel=1e-12)
    np.testing.assert_allclose(np.asarray(found.vector), expected.vector, rtol=1e-10)
    assert other.loss(found.vector, theirs) == pytest.approx(
        engine.loss(expected.vector, rows), rel=1e-10
    )


def test_weighted_losses_that_are_not_finite_do_not_leak():
    """A row of weight 0 may hold an infinite loss: 0 times infinity must not become NaN."""
    engine = make("poisson", layers=(Dense(1, 1),))
    x = np.array([[1e6], [0.0]])
    y, weight = np.array([[1.0], [1.0]]), np.array([0.0, 2.0])
    vector = np.array([1.0, 0.0])
    loss, gradient = engine.gradient(vector, Rows(x, y, weight))
    assert loss == 0.0
    assert np.all(np.isfinite(gradient))
    assert engine.loss(vector, Rows(x, y, weight)) == 0.0
