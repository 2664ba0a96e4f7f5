"""The training loop: every row once, losses, weights, validation, schedules."""

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import (
    Dense,
    Network,
    Objective,
    TrainingState,
    losses,
    optimizers,
    schedules,
    train,
)
from chainrule.engines.reference import ReferenceEngine
from chainrule.foundation.arrays import namespace

XP = namespace(np.zeros(1))
RANDOM = np.random.default_rng(20)
X = RANDOM.normal(size=(60, 3))
T = 2.0 * X[:, 0] - X[:, 1] + 1.0
NETWORK = Network(Dense(3, 5, "tanh"), Dense(5, 1))
LINE = Network(Dense(3, 1))


class Spy(ReferenceEngine):
    """The reference engine, which also notes the batches it was given."""

    def __init__(self, objective, optimizer):
        super().__init__(objective, optimizer)
        self.batches, self.rates = [], []

    def epoch(self, position, rows, order, batch_size, rates, limit):
        self.batches += [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
        self.rates += list(rates)
        return super().epoch(position, rows, order, batch_size, rates, limit)


def spy(network=NETWORK, loss="mse", optimizer="sgd"):
    return Spy(Objective(network, loss), optimizers.get(optimizer))


def last(*arguments, **options):
    *_, epoch = train(*arguments, **options)
    return epoch


class TestOrder:
    @given(n=st.integers(1, 20), batch_size=st.integers(1, 25), seed=st.integers(0, 100))
    def test_every_row_exactly_once_per_epoch(self, n, batch_size, seed):
        engine = spy()
        options = {"batch_size": batch_size, "epochs": 3, "seed": seed, "learning_rate": 1e-3}
        epochs = list(train(NETWORK, X[:n], T[:n], engine=engine, **options))
        steps = math.ceil(n / batch_size)
        assert [epoch.steps for epoch in epochs] == [steps] * 3
        assert [epoch.rows for epoch in epochs] == [n] * 3
        for number in range(3):
            batches = engine.batches[number * steps : (number + 1) * steps]
            assert sorted(np.concatenate(batches).tolist()) == list(range(n))
            full = min(batch_size, n)
            assert [len(batch) for batch in batches[:-1]] == [full] * (steps - 1)
            assert len(batches[-1]) == n - full * (steps - 1)

    def test_each_epoch_has_its_own_order_drawn_from_the_seed(self):
        orders = {}
        for seed in (0, 0, 1):
            engine = spy()
            list(train(NETWORK, X, T, engine=engine, batch_size=60, epochs=2, seed=seed))
            first, second = engine.batches
            assert not np.array_equal(first, second)
            if seed in orders:
                np.testing.assert_array_equal(orders[seed], first)
            orders[seed] = first
        assert not np.array_equal(orders[0], orders[1])

    def test_without_shuffling_rows_come_as_they_are(self):
        engine = spy()
        list(train(NETWORK, X, T, engine=engine, batch_size=7, epochs=2, shuffle=False))
        order = np.concatenate(engine.batches)
        np.testing.assert_array_equal(order, np.tile(np.arange(60), 2))

    def test_drop_last_leaves_the_short_batch_out_and_not_always_the_same_rows(self):
        engine = spy()
        options = {"batch_size": 16, "epochs": 8, "drop_last": True, "learning_rate": 1e-3}
        epochs = list(train(NETWORK, X, T, engine=engine, **options))
        assert [(epoch.steps, epoch.rows) for epoch in epochs] == [(3, 48)] * 8
        assert {len(batch) for batch in engine.batches} == {16}
        assert set(np.concatenate(engine.batches).tolist()) == set(range(60))

    def test_drop_last_keeps_a_batch_that_is_all_there_is(self):
        epoch = last(NETWORK, X[:5], T[:5], batch_size=32, epochs=1, drop_last=True)
        assert (epoch.steps, epoch.rows) == (1, 5)

    def test_numpy_random_state_plays_no_part_and_is_left_alone(self, global_random_state):
        np.random.seed(1)  # noqa: NPY002
        before = global_random_state()
        one = last(NETWORK, X, T, epochs=2, seed=5).parameters.vector
        assert global_random_state() == before
        np.random.seed(2)  # noqa: NPY002
        np.testing.assert_array_equal(last(NETWORK, X, T, epochs=2, seed=5).parameters.vector, one)


class TestLoss:
    @pytest.mark.parametrize("batch_size", [1, 4, 7, 60])
    @pytest.mark.parametrize("name", ["mse", "mae", "huber"])
    def test_epoch_loss_is_the_mean_over_rows(self, batch_size, name):
        """At a vanishing rate the running mean is the loss on all rows at the start."""
        parameters = NETWORK.start(seed=3)
        options = {"loss": name, "learning_rate": 1e-300, "batch_size": batch_size, "epochs": 1}
        epoch = last(NETWORK, X, T, parameters=parameters, **options)
        expected = losses[name](NETWORK.predict(parameters, X)[:, 0], T)
        assert epoch.loss == pytest.approx(float(expected), rel=1e-12)

    def test_a_short_last_batch_counts_by_its_length(self):
        """Batches of 4 and 1 with mean losses 2 and 7 give 3, not 4.5."""
        network = Network(Dense(1, 1, initializer="zeros"))
        y = np.sqrt([2.0, 2.0, 2.0, 2.0, 7.0])
        options = {"batch_size": 4, "epochs": 1, "shuffle": False, "learning_rate": 1e-300}
        assert last(network, np.zeros((5, 1)), y, **options).loss == pytest.approx(3.0, rel=1e-14)

    def test_dropped_rows_do_not_count(self):
        """Rows 0 to 3 have the loss 2, row 4 is left out."""
        network = Network(Dense(1, 1, initializer="zeros"))
        y = np.sqrt([2.0, 2.0, 2.0, 2.0, 7.0])
        options = {"batch_size": 4, "epochs": 1, "shuffle": False, "learning_rate": 1e-300}
        epoch = last(network, np.zeros((5, 1)), y, drop_last=True, **options)
        assert epoch.loss == pytest.approx(2.0, rel=1e-14)

    def test_penalty_is_reported_beside_the_loss(self):
        epoch = last(NETWORK, X, T, epochs=1, l2=0.5, l1=0.25, learning_rate=1e-300)
        weights = np.concatenate([w.ravel() for w in epoch.parameters.weights])
        expected = 0.25 * np.sum(weights**2) + 0.25 * np.sum(np.abs(weights))
        assert epoch.penalty == pytest.approx(expected, rel=1e-12)
        plain = last(NETWORK, X, T, epochs=1, learning_rate=1e-300)
        assert plain.penalty == 0.0
        assert plain.loss == pytest.approx(epoch.loss, rel=1e-12)

    @pytest.mark.parametrize("optimizer", optimizers)
    def test_every_optimizer_learns(self, optimizer):
        rate = {"sgd": 0.05}.get(optimizer, 0.02)
        options = {"optimizer": optimizer, "learning_rate": rate, "batch_size": 10, "epochs": 40}
        epochs = list(train(NETWORK, X, T, **options))
        assert epochs[-1].loss < 0.05 * epochs[0].loss

    def test_classes_are_learned_from_numbers_one_hot_and_soft_rows_alike(self):
        network = Network(Dense(3, 8, "relu"), Dense(8, 3))
        labels = np.argmax(X, axis=1)
        options = {"loss": "categorical_cross_entropy", "optimizer": "adam", "epochs": 60}
        options |= {"learning_rate": 0.02}
        numbers = last(network, X, labels, **options)
        rows = last(network, X, np.eye(3)[labels], **options)
        np.testing.assert_array_equal(numbers.parameters.vector, rows.parameters.vector)
        found = np.argmax(network.predict(numbers.parameters, X), axis=1)
        assert np.mean(found == labels) > 0.9


class TestBits:
    def test_results_do_not_depend_on_the_speed_of_the_machine(self):
        """Steps are grouped into calls of the engine; sums of losses must not feel the groups."""

        class Slow(ReferenceEngine):
            calls = 0

            def epoch(self, *arguments):
                self.calls += 1
                if self.calls % 3 == 0 and self.calls < 30:
                    time.sleep(0.12)
                return super().epoch(*arguments)

        objective = Objective(NETWORK, "mse")
        runs = []
        for kind in (ReferenceEngine, Slow):
            engine = kind(objective, optimizers["sgd"])
            epochs = train(NETWORK, X, T, engine=engine, batch_size=1, epochs=8)
            runs.append([(epoch.loss, epoch.parameters.vector.tobytes()) for epoch in epochs])
        assert runs[0] == runs[1]

    def test_the_first_step_is_made_alone_to_know_the_first_loss(self):
        engine, sizes = spy(NETWORK), []
        original = engine.epoch

        def noted(position, rows, order, *rest):
            sizes.append(len(order))
            return original(position, rows, order, *rest)

        engine.epoch = noted
        list(train(NETWORK, X, T, engine=engine, batch_size=20, epochs=2))
        assert sizes == [20, 40, 60]


class TestWeights:
    def test_weight_zero_is_a_row_that_is_not_there(self):
        weight = (np.arange(60) % 2).astype(float)
        options = {"batch_size": 60, "epochs": 30, "learning_rate": 0.05, "l2": 0.01}
        options["parameters"] = NETWORK.start(seed=1)
        with_zeros = last(NETWORK, X, T, sample_weight=weight, shuffle=False, **options)
        kept = last(NETWORK, X[1::2], T[1::2], shuffle=False, **options)
        np.testing.assert_allclose(
            with_zeros.parameters.vector, kept.parameters.vector, rtol=1e-10, atol=1e-12
        )
        assert with_zeros.loss == pytest.approx(kept.loss, rel=1e-10)

    def test_scale_of_the_weights_does_not_matter(self):
        weight = np.random.default_rng(1).uniform(0.5, 2.0, 60)
        one = last(NETWORK, X, T, sample_weight=weight, epochs=3)
        other = last(NETWORK, X, T, sample_weight=weight * 1000.0, epochs=3)
        np.testing.assert_allclose(other.parameters.vector, one.parameters.vector, rtol=1e-10)
        assert other.loss == pytest.approx(one.loss, rel=1e-12)

    def test_integer_weights_are_repeated_rows(self):
        weight = np.random.default_rng(2).integers(1, 4, 60)
        options = {"batch_size": 1000, "epochs": 5, "parameters": NETWORK.start(seed=2)}
        one = last(NETWORK, X, T, sample_weight=weight, **options)
        repeated = last(NETWORK, np.repeat(X, weight, axis=0), np.repeat(T, weight), **options)
        np.testing.assert_allclose(
            one.parameters.vector, repeated.parameters.vector, rtol=1e-10, atol=1e-13
        )

    def test_reported_loss_is_weighted_over_the_epoch(self):
        """Weights 100 and 1, batch by batch: sum of w l over sum of w, not a mean of means."""
        weight = np.r_[[100.0] * 30, [1.0] * 30]
        parameters = NETWORK.start(seed=3)
        options = {"batch_size": 30, "shuffle": False, "epochs": 1, "learning_rate": 1e-300}
        epoch = last(NETWORK, X, T, sample_weight=weight, parameters=parameters, **options)
        squares = (NETWORK.predict(parameters, X)[:, 0] - T) ** 2
        assert epoch.loss == pytest.approx(np.average(squares, weights=weight), rel=1e-12)

    def test_a_batch_of_zeros_is_skipped(self):
        weight = np.r_[np.zeros(30), np.ones(30)]
        options = {"batch_size": 30, "shuffle": False, "epochs": 3, "optimizer": "adam"}
        epoch = last(NETWORK, X, T, sample_weight=weight, **options)
        assert math.isfinite(epoch.loss)
        assert epoch.state.step == 6

    @pytest.mark.parametrize(
        ("weight", "message"),
        [
            (
                -np.ones(60),
                "sample_weight must be finite and not negative; got -1.0. Look at row 0",
            ),
            (np.zeros(60), "sample_weight must be positive for some row"),
            (np.ones(59), r"sample_weight must be of shape \(60,\), one weight per row; got \(59,"),
        ],
    )
    def test_impossible_weights_are_refused(self, weight, message):
        with pytest.raises(ValueError, match=message):
            train(NETWORK, X, T, sample_weight=weight)


class TestValidation:
    def test_is_the_loss_of_those_rows_at_the_end_of_the_epoch(self):
        for epoch in train(NETWORK, X[:40], T[:40], validation=(X[40:], T[40:]), epochs=3):
            predicted = NETWORK.predict(epoch.parameters, X[40:])[:, 0]
            assert epoch.validation_loss == pytest.approx(float(losses.mse(predicted, T[40:])))
            assert epoch.metric is None

    def test_takes_weights(self):
        weight = np.random.default_rng(3).uniform(0.0, 2.0, 20)
        epoch = last(NETWORK, X[:40], T[:40], validation=(X[40:], T[40:], weight), epochs=1)
        predicted = NETWORK.predict(epoch.parameters, X[40:])[:, 0]
        expected = losses.mse(predicted, T[40:], sample_weight=weight)
        assert epoch.validation_loss == pytest.approx(float(expected), rel=1e-12)

    def test_does_not_touch_training(self):
        plain = last(NETWORK, X[:40], T[:40], epochs=5)
        watched = last(NETWORK, X[:40], T[:40], epochs=5, validation=(X[40:], T[40:]))
        np.testing.assert_array_equal(plain.parameters.vector, watched.parameters.vector)
        assert plain.validation_loss is None

    def test_metric_sees_scores_and_targets(self):
        seen = []

        def metric(scores, y):
            seen.append((scores.shape, y.shape))
            return -float(np.mean(np.abs(scores - y)))

        epoch = last(NETWORK, X[:40], T[:40], validation=(X[40:], T[40:]), metric=metric, epochs=2)
        assert seen == [((20, 1), (20, 1))] * 2
        predicted = NETWORK.predict(epoch.parameters, X[40:])[:, 0]
        assert epoch.metric == pytest.approx(-float(losses.mae(predicted, T[40:])), rel=1e-12)
        assert epoch.validation_loss == pytest.approx(float(losses.mse(predicted, T[40:])))


class TestSchedules:
    @pytest.mark.parametrize("name", schedules)
    def test_every_step_has_the_rate_of_its_number(self, name):
        engine = spy()
        options = {"batch_size": 25, "epochs": 4, "schedule": name, "learning_rate": 0.01}
        epochs = list(train(NETWORK, X, T, engine=engine, **options))
        expected = schedules[name].rates(0.01, 0, 12, 3, 12)
        np.testing.assert_array_equal(engine.rates, expected)
        assert [epoch.learning_rate for epoch in epochs] == expected[2::3].tolist()

    def test_adaptive_cuts_the_rate_by_five_and_stops_at_its_floor(self):
        """A loss that cannot fall: the target is constant and met from the start."""
        network = Network(Dense(3, 1, initializer="zeros"))
        options = {"schedule": "adaptive", "patience": 2, "learning_rate": 0.1, "epochs": 1000}
        epochs = list(train(network, X, np.zeros(60), batch_size=60, **options))
        rates = [epoch.learning_rate for epoch in epochs]
        assert rates[:3] == [0.1] * 3
        assert rates[3] == pytest.approx(0.02)
        assert len(epochs) == 1 + 2 * 9
        assert rates[-1] == pytest.approx(0.1 / 5**8)

    def test_adaptive_needs_patience_to_act(self):
        network = Network(Dense(3, 1, initializer="zeros"))
        options = {"schedule": "adaptive", "learning_rate": 0.1, "epochs": 20}
        assert last(network, X, np.zeros(60), **options).learning_rate == 0.1


def test_an_epoch_holds_its_numbers():
    state = TrainingState.start(NETWORK, optimizers["sgd"], seed=0)
    options = {"batch_size": 25, "epochs": 2, "learning_rate": 0.01, "state": state}
    epochs = list(train(NETWORK, X, T, **options))
    assert [epoch.number for epoch in epochs] == [1, 2]
    assert all(epoch.seconds > 0.0 for epoch in epochs)
    assert epochs[0].state is state
    assert (state.epoch, state.step) == (2, 6)
    assert epochs[-1].best_parameters.vector is state.vector


def test_nothing_happens_before_the_first_epoch_is_asked_for():
    state = TrainingState.start(NETWORK, optimizers["sgd"], seed=0)
    before = state.vector.tobytes()
    epochs = train(NETWORK, X, T, state=state, epochs=3)
    assert (state.epoch, state.step, state.vector.tobytes()) == (0, 0, before)
    next(epochs)
    assert state.epoch == 1
    epochs.close()
    assert state.epoch == 1
