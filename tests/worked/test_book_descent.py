"""The notebooks of "Modern Computer Vision with PyTorch" (Packt): learning rate and batch size.

The book computes gradients by finite differences in float32, so its prints hold to a few digits;
the exact values were computed in float64.
"""

import itertools
import math

import numpy as np
import pytest

from chainrule import Dense, Network, Objective, TrainingState, losses, optimizers, train
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.foundation.errors import DivergenceError

# Learning_rate.ipynb: w x + b from 0, mean squared error, all four rows in each step.
LINE = Network(Dense(1, 1, initializer="zeros"))
LINE_X, LINE_Y = [[1.0], [2.0], [3.0], [4.0]], [3.0, 6.0, 9.0, 12.0]


def line_engine():
    objective = Objective(LINE, "mse")
    rows = Rows(np.array(LINE_X), np.array(LINE_Y).reshape(-1, 1))
    return ReferenceEngine(objective, optimizers["sgd"]), rows


def line_rows(rate, steps):
    """(w, b, loss, dw, db) before each step, without any stop."""
    engine, rows = line_engine()
    vector, table = np.zeros(2), []
    for _ in range(steps):
        loss, gradient = engine.gradient(vector, rows)
        table.append((*vector, loss, *gradient))
        vector, _ = optimizers.sgd(vector, gradient, rate=rate)
    return table, vector


class TestLearningRate:
    @pytest.mark.parametrize(
        ("rate", "table"),
        [
            (
                0.01,
                [
                    (0.0, 0.0, 67.5, -45.0, -15.0),
                    (0.45, 0.15, 46.878750000000004, -37.5, -12.45),
                    (0.825, 0.27449999999999997, 32.56985025, -31.252499999999998, -10.326),
                    (1.137525, 0.37776, 22.640958279787505, -26.048325000000002, -8.556855),
                ],
            ),
            (
                0.1,
                [
                    (0.0, 0.0, 67.5, -45.0, -15.0),
                    (4.5, 1.5, 30.375, 30.0, 10.5),
                    (1.5, 0.45, 13.7025, -20.25, -6.6),
                    (3.525, 1.11, 6.213037499999997, 13.424999999999997, 4.844999999999999),
                ],
            ),
            (
                1.0,
                [
                    (0.0, 0.0, 67.5, -45.0, -15.0),
                    (45.0, 15.0, 16605.0, 705.0, 240.0),
                    (-660.0, -225.0, 4093267.5, -11070.0, -3765.0),
                    (10410.0, 3540.0, 1009027867.5, 173805.0, 59115.0),
                ],
            ),
            (
                0.12,
                [
                    (0.0, 0.0, 67.5, -45.0, -15.0),
                    (5.4, 1.8, 68.03999999999999, 44.99999999999999, 15.599999999999998),
                    (0.0, -0.07199999999999984, 68.58518399999994, -45.36, -15.144),
                    (5.4432, 1.74528, 69.13553955839997, 45.3744, 15.70656),
                ],
            ),
        ],
    )
    def test_first_steps(self, close, rate, table):
        for found, expected in zip(line_rows(rate, 4)[0], table, strict=True):
            close(found, expected)

    @pytest.mark.parametrize(
        ("rate", "w", "b"),
        [
            (0.01, 2.2656119405200412, 0.7404438849080852),
            (0.1, 2.7214100925000007, 0.6581609595000001),
            (0.119, 0.4155289182215567, -0.16912361085710015),
            (0.12, -0.0162398026562256, -0.3181784791996951),
        ],
    )
    def test_after_10_steps(self, rate, w, b):
        *_, epoch = train(LINE, LINE_X, LINE_Y, learning_rate=rate, batch_size=4, epochs=10)
        # at 0.119 and 0.12 w and b are differences of numbers near 3
        np.testing.assert_allclose(epoch.parameters.vector, [w, b], rtol=1e-12, atol=3e-14)

    @pytest.mark.grid(5)
    @pytest.mark.parametrize(
        ("rate", "w", "b", "loss"),
        [
            (0.01, 2.984488132538361, 0.04560678195804277, 0.0003473820162492226),
            (0.1, 2.99999999999998, 5.774865397468584e-14, 5.49490924293011e-28),
            (0.119, 2.9999918598330892, -2.768649415733064e-06, 6.173191414320308e-10),
            (0.12, -153.65417828935, -53.281524076218105, 228626.7744850414),
        ],
    )
    def test_after_1000_steps(self, rate, w, b, loss):
        *_, epoch = train(LINE, LINE_X, LINE_Y, learning_rate=rate, batch_size=4, epochs=1000)
        found = epoch.parameters
        np.testing.assert_allclose(found.vector, [w, b], rtol=1e-12, atol=1e-13)
        end = losses.mse(LINE.predict(found, LINE_X)[:, 0], LINE_Y)
        # an error of 1e-13 in w moves a residual r, and the loss r² by 2 r times as much
        assert end == pytest.approx(loss, rel=1e-12, abs=2e-13 * loss**0.5 + 1e-27)

    def test_published(self):
        """Ten steps of the book at the two smaller rates, printed with two digits."""
        printed = {
            0.01: [0.45, 0.82, 1.14, 1.4, 1.62, 1.8, 1.95, 2.07, 2.18, 2.27],
            0.1: [4.5, 1.5, 3.53, 2.18, 3.1, 2.5, 2.91, 2.65, 2.84, 2.72],
        }
        for rate, weights in printed.items():
            found = [
                epoch.parameters.weights[0].item()
                for epoch in train(
                    LINE, LINE_X, LINE_Y, learning_rate=rate, batch_size=4, epochs=10
                )
            ]
            np.testing.assert_allclose(found, weights, atol=0.01)

    def test_rate_1_is_reported_as_divergence(self):
        """The book's run freezes at 12755.16 because float32 loses its finite difference."""
        state = TrainingState.start(LINE, optimizers["sgd"])
        options = {"learning_rate": 1.0, "batch_size": 4, "epochs": 300, "state": state}
        seen = []
        with pytest.raises(DivergenceError) as caught:
            seen.extend(epoch.loss for epoch in train(LINE, LINE_X, LINE_Y, **options))
        assert seen == pytest.approx([67.5, 16605.0, 4093267.5], rel=1e-12)
        error = caught.value
        assert (error.epoch, error.step, error.learning_rate) == (4, 4, 1.0)
        assert (error.loss, error.first_loss) == pytest.approx((1009027867.5, 67.5), rel=1e-12)
        assert str(error) == (
            "training diverged in epoch 4, step 4: the loss is 1.00903e+09, the first was "
            "67.5, the learning rate 1. The last good parameters are kept. Try a learning rate "
            "of 0.1 or less, and bring inputs and targets to a similar scale."
        )
        # the last parameters whose loss was seen to be good
        assert state.vector == pytest.approx([-660.0, -225.0], rel=1e-12)

    def test_rate_1_leaves_the_finite_numbers(self):
        """After 257 steps b is 2.05e307; whether w is finite depends on how its mean is formed."""
        _, vector = line_rows(1.0, 10)
        assert vector.tolist() == [-2447629329675.0, -832492452375.0]
        engine, rows = line_engine()
        state = TrainingState.start(LINE, optimizers["sgd"])
        engine.epoch(state, rows, np.tile(np.arange(4), 257), 4, np.ones(257), math.inf)
        assert state.step == 257
        assert state.vector[1] == pytest.approx(2.0500308258963628e307, rel=1e-12)
        engine.epoch(state, rows, np.tile(np.arange(4), 2), 4, np.ones(2), math.inf)
        assert not np.all(np.isfinite(state.vector))

    def test_the_largest_stable_rate_is_two_over_the_largest_eigenvalue(self, close):
        engine, rows = line_engine()
        start = engine.gradient(np.zeros(2), rows)[1]
        hessian = np.stack([engine.gradient(unit, rows)[1] - start for unit in np.eye(2)])
        close(hessian, [[15.0, 5.0], [5.0, 2.0]])
        eigenvalues = np.linalg.eigvalsh(hessian)
        close(eigenvalues, [0.2993902665716375, 16.70060973342836])
        limit = 2.0 / eigenvalues[-1]
        close(limit, 0.11975610662865498)
        for factor, falls in ((0.999, True), (1.001, False)):
            table, _ = line_rows(factor * limit, 1000)
            assert (table[-1][2] < table[500][2]) == falls


# Specifying_batch_size_while_training_a_model.ipynb: the target is the sum of the inputs.
SUM_X, SUM_Y = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]], [3.0, 7.0, 11.0, 15.0]
SUM = Network(Dense(2, 1, initializer="zeros"))


def sum_engine():
    rows = Rows(np.array(SUM_X), np.array(SUM_Y).reshape(-1, 1))
    return ReferenceEngine(Objective(SUM, "mse"), optimizers["sgd"]), rows


class TestBatchSize:
    @pytest.mark.parametrize(
        ("batch_size", "batch_losses", "parameters", "mean_of_batches"),
        [
            (
                1,
                [9.0, 47.997184, 106.86928181759998, 153.04244066248458],
                [0.32414005248, 0.38941363712, 0.06527358463999999],
                79.22722662002114,
            ),
            (2, [29.0, 162.73302800000002], [0.17918, 0.214396, 0.035216], 95.86651400000001),
            (
                3,
                [59.666666666666664, 198.35905599999998],
                [0.24984266666666666, 0.29201066666666664, 0.042168],
                129.01286133333332,
            ),
            (4, [101.0], [0.092, 0.11, 0.018], 101.0),
        ],
    )
    def test_one_epoch_in_order(self, close, batch_size, batch_losses, parameters, mean_of_batches):
        options = {"learning_rate": 0.001, "batch_size": batch_size, "shuffle": False}
        (epoch,) = train(SUM, SUM_X, SUM_Y, epochs=1, **options)
        close(epoch.parameters.vector, parameters)
        assert epoch.steps == len(batch_losses)
        engine, rows = sum_engine()
        state = TrainingState.start(SUM, optimizers["sgd"])
        found = []
        for first in range(0, 4, batch_size):
            order = np.arange(first, min(first + batch_size, 4))
            totals = engine.epoch(state, rows, order, batch_size, np.array([0.001]), math.inf)
            found.append(totals.last_loss)
        close(found, batch_losses)
        close(np.mean(found), mean_of_batches)
        # the loss of an epoch weighs a short batch by its length
        lengths = [min(batch_size, 4 - first) for first in range(0, 4, batch_size)]
        close(epoch.loss, np.average(batch_losses, weights=lengths))

    @pytest.mark.parametrize(
        ("batch_size", "variances"),
        [
            (1, [6036.0, 7476.0]),
            (2, [2012.0, 2492.0]),
            (3, [670.6666666666667, 830.6666666666663]),
            (4, [0.0, 0.0]),
        ],
    )
    def test_diminishing_returns(self, close, batch_size, variances):
        """Over all batches of size B the gradient varies by Var / B · (N - B) / (N - 1)."""
        engine, rows = sum_engine()

        def weight_gradient(batch):
            x, y, _ = rows.take(np.array(batch))
            return engine.gradient(np.zeros(3), Rows(x, y))[1][:2]

        batches = itertools.combinations(range(4), batch_size)
        measured = np.var([weight_gradient(batch) for batch in batches], axis=0)
        single = np.var([weight_gradient([row]) for row in range(4)], axis=0)
        close(measured, variances)
        close(measured, single / batch_size * (4 - batch_size) / 3)

    @pytest.mark.parametrize("seed", [0, 1, 2, 3])
    def test_the_toy_network_learns_to_add(self, seed):
        """The book prints 20.7331 for 10 + 11 from an unseeded start."""
        network = Network(Dense(2, 8, "relu"), Dense(8, 1))
        assert network.n_parameters == 33
        *_, epoch = train(
            network, SUM_X, SUM_Y, learning_rate=0.001, batch_size=2, epochs=50, seed=seed
        )
        assert network.predict(epoch.parameters, [[10.0, 11.0]]).item() == pytest.approx(21, abs=1)
