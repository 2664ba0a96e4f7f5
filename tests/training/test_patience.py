"""Patience: the epoch at which training stops, and the parameters kept as best."""

import math

import numpy as np
import pytest

from chainrule import Dense, Network, Objective, losses, optimizers, train
from chainrule.engines.reference import ReferenceEngine
from chainrule.training.stopping import Patience

RANDOM = np.random.default_rng(20)
X = RANDOM.normal(size=(60, 3))
T = 2.0 * X[:, 0] - X[:, 1] + 1.0
NETWORK = Network(Dense(3, 5, "tanh"), Dense(5, 1))


def test_a_metric_is_given_class_numbers_where_they_were_given():
    seen = []

    def accuracy(scores, y):
        seen.append(y)
        return np.mean(scores.argmax(axis=1) == y)

    classes = np.digitize(T, [0.0, 1.5])
    options = {"loss": "categorical_cross_entropy", "epochs": 1, "metric": accuracy}
    network = Network.of_widths([3, 3])
    held = (X[40:], classes[40:])
    (epoch,) = train(network, X[:40], classes[:40], validation=held, **options)
    np.testing.assert_array_equal(seen[0], classes[40:])
    p = epoch.predict(X[40:])
    assert epoch.metric == np.mean(p.argmax(axis=1) == classes[40:])
    held = (X[40:], np.eye(3)[classes[40:]])
    (epoch,) = train(network, X[:40], classes[:40], validation=held, **options | {
        "metric": lambda scores, y: float(y.shape == (20, 3))})  # fmt: skip
    assert epoch.metric == 1.0


class TestPatience:
    def watched(self, values, patience, **options):
        """Train with a metric that gives minus these values, one per epoch."""
        stream = iter(values)
        return [
            (epoch, epoch.parameters.vector.copy())
            for epoch in train(
                NETWORK,
                X[:40],
                T[:40],
                validation=(X[40:], T[40:]),
                metric=lambda scores, y: -next(stream),
                epochs=len(values),
                patience=patience,
                **options,
            )
        ]

    def test_best_parameters_are_kept_also_when_the_last_epoch_is_reached(self):
        """Values 0.9, 0.8, 0.3, 0.6, 0.7 and patience 10: epoch 3 is the answer."""
        kept = self.watched([0.9, 0.8, 0.3, 0.6, 0.7], patience=10)
        assert len(kept) == 5
        assert [epoch.best for epoch, _ in kept] == [True, True, True, False, False]
        epoch = kept[-1][0]
        np.testing.assert_array_equal(epoch.best_parameters.vector, kept[2][1])
        np.testing.assert_array_equal(epoch.parameters.vector, kept[4][1])
        assert not np.array_equal(kept[2][1], kept[4][1])

    def test_best_parameters_are_a_copy(self):
        """Also where an engine writes over the arrays it is given."""

        class InPlace(ReferenceEngine):
            def epoch(self, position, *arguments):
                vector = position.vector
                totals = super().epoch(position, *arguments)
                vector[...] = position.vector
                position.vector = vector
                return totals

        engine = InPlace(Objective(NETWORK, "mse"), optimizers["sgd"])
        kept = self.watched([0.9, 0.3, 0.6], patience=10, engine=engine)
        np.testing.assert_array_equal(kept[-1][0].best_parameters.vector, kept[1][1])

    def test_stops_after_so_many_epochs_without_improvement(self):
        kept = self.watched([0.9, 0.3, 0.4, 0.35, 0.5, 0.1, 0.1], patience=3)
        assert len(kept) == 5
        np.testing.assert_array_equal(kept[-1][0].best_parameters.vector, kept[1][1])

    def test_improvement_restarts_the_count(self):
        kept = self.watched([0.9, 0.95, 0.8, 0.85, 0.7, 0.75, 0.75], patience=2)
        assert len(kept) == 7

    def test_best_is_the_lowest_however_little_lower(self):
        """A gain below the tolerance does not count for patience, but is still the best."""
        kept = self.watched([1.0, 0.995, 0.994, 0.999], patience=3, tolerance=0.01)
        assert len(kept) == 4
        np.testing.assert_array_equal(kept[-1][0].best_parameters.vector, kept[2][1])

    def test_nan_is_never_the_best(self):
        kept = self.watched([0.9, math.nan, 0.8, math.nan], patience=10)
        np.testing.assert_array_equal(kept[-1][0].best_parameters.vector, kept[2][1])

    def test_validation_loss_decides_when_there_is_no_metric(self):
        """Labels are noise: the training loss goes on falling, the validation loss rises."""
        network = Network(Dense(3, 64, "tanh"), Dense(64, 1))
        noise = np.random.default_rng(1).normal(size=60)
        options = {"optimizer": "adam", "learning_rate": 0.02, "epochs": 500, "patience": 5}
        epochs = list(
            train(network, X[:40], noise[:40], validation=(X[40:], noise[40:]), **options)
        )
        assert len(epochs) < 100
        assert epochs[-1].loss < epochs[0].loss
        best = min(epoch.validation_loss for epoch in epochs)
        predicted = network.predict(epochs[-1].best_parameters, X[40:])[:, 0]
        assert float(losses.mse(predicted, noise[40:])) == pytest.approx(best, rel=1e-10)

    def test_training_loss_decides_alone_when_asked_or_without_validation(self):
        network = Network(Dense(3, 1, initializer="zeros"))
        for options in ({}, {"validation": (X, T), "monitor": "loss"}):
            epochs = list(train(network, X, np.zeros(60), patience=3, epochs=50, **options))
            assert len(epochs) == 4

    def test_without_patience_all_epochs_are_made(self):
        network = Network(Dense(3, 1, initializer="zeros"))
        assert len(list(train(network, X, np.zeros(60), epochs=20))) == 20

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"monitor": "validation_loss"}, "monitor='validation_loss' needs validation rows"),
            ({"monitor": "metric", "validation": (X, T)}, "monitor='metric' needs a metric"),
            ({"monitor": "los"}, "monitor must be one of loss, validation_loss, metric; got 'los'"),
            ({"metric": max}, "metric needs validation rows; got none"),
        ],
    )
    def test_unknown_monitors_are_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            train(NETWORK, X, T, **options)


class TestCounter:
    def test_a_gain_has_to_exceed_the_tolerance(self):
        patience = Patience()
        counts = []
        for epoch, value in enumerate([1.0, 0.995, 0.991, 0.9899, 0.9899], start=1):
            patience.update(value, epoch, tolerance=0.01)
            counts.append(patience.stale)
        assert counts == [0, 1, 2, 0, 1]
        assert (patience.reference, patience.best, patience.best_epoch) == (0.9899, 0.9899, 4)

    def test_many_tiny_gains_add_up(self):
        """The reference stays where it was last beaten, so slow progress still counts."""
        patience = Patience()
        for epoch in range(1, 41):
            patience.update(1.0 - 0.003 * epoch, epoch, tolerance=0.01)
            assert patience.stale < 5
        assert patience.best_epoch == 40

    def test_negative_values_of_a_metric(self):
        patience = Patience()
        better = [patience.update(-score, n) for n, score in enumerate([0.5, 0.7, 0.6, 0.8], 1)]
        assert better == [True, True, False, True]
        assert (patience.stale, patience.best) == (0, -0.8)

    def test_nan_and_infinity_never_improve(self):
        patience = Patience()
        assert not patience.update(math.nan, 1)
        assert not patience.update(math.inf, 2)
        assert patience.stale == 2
        assert patience.update(5.0, 3)
        assert not patience.update(math.nan, 4)
        assert (patience.best, patience.best_epoch, patience.stale) == (5.0, 3, 1)
