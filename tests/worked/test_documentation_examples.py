"""Values in the documentation of Keras 3, scikit-learn and PyTorch, to the digits printed there."""

import numpy as np
import pytest

from chainrule import activations, losses
from chainrule.foundation.arrays import namespace

XP = namespace(np.zeros(1))


class TestKeras:
    """keras/src/losses/losses.py and keras/src/activations (04bf538)."""

    def test_binary_cross_entropy_from_logits(self):
        record = losses.binary_cross_entropy
        y, s = np.array([[0.0, 1.0, 0.0, 0.0]]), np.array([[-18.6, 0.51, 2.94, -12.8]])
        assert record.rows(XP, s, y).item() == pytest.approx(0.8654, abs=1e-4)
        rows = record.rows(XP, s.reshape(2, 2), y.reshape(2, 2))
        np.testing.assert_allclose(rows, [0.235, 1.496], atol=5e-4)
        assert rows.sum() == pytest.approx(1.730, abs=1e-3)
        # Keras divides by the number of rows, this package by the sum of the weights, here 1
        p = record.mean(XP, s).reshape(2, 2)
        weighted = record(p, y.reshape(2, 2), sample_weight=[0.8, 0.2])
        assert float(weighted) / 2.0 == pytest.approx(0.243, abs=1e-3)

    def test_categorical_cross_entropy(self):
        record = losses.categorical_cross_entropy
        y, p = [[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]]
        for target in (y, [1, 2]):
            assert float(record(p, target)) == pytest.approx(1.177, abs=5e-4)
            assert float(record(p, target, reduction="sum")) == pytest.approx(2.354, abs=5e-4)
            rows = record(p, target, reduction="none")
            np.testing.assert_allclose(rows, [0.0513, 2.303], atol=5e-4)
            weighted = float(record(p, target, sample_weight=[0.3, 0.7]))
            assert weighted / 2.0 == pytest.approx(0.8136, abs=5e-5)

    def test_mean_squared_error(self):
        assert losses.mse([[1.0, 1.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 0.0]]) == 0.5

    def test_activations(self):
        sigmoid = [2.0611537e-09, 0.26894143, 0.5, 0.7310586, 1.0]
        np.testing.assert_allclose(
            activations.sigmoid([-20.0, -1.0, 0.0, 1.0, 20.0]), sigmoid, rtol=5e-8
        )
        tanh = [-0.9950547, -0.7615942, 0.0, 0.7615942, 0.9950547]
        np.testing.assert_allclose(activations.tanh([-3.0, -1.0, 0.0, 1.0, 3.0]), tanh, atol=5e-8)
        z = [-10.0, -5.0, 0.0, 5.0, 10.0]
        assert activations.relu(z).tolist() == [0.0, 0.0, 0.0, 5.0, 10.0]
        leaky = activations.get("leaky_relu", negative_slope=0.5)
        assert leaky(z).tolist() == [-5.0, -2.5, 0.0, 5.0, 10.0]


def test_log_loss_of_scikit_learn():
    """sklearn.metrics.log_loss: spam, ham, ham, spam, with ham before spam."""
    p = [[0.1, 0.9], [0.9, 0.1], [0.8, 0.2], [0.35, 0.65]]
    assert float(losses.log_loss(p, [1, 0, 0, 1])) == pytest.approx(0.21616187468057912, rel=1e-14)


class TestPyTorch:
    """torch.nn.functional at three rows, run with torch 2.13."""

    scores = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 1.0, 1.0]])
    targets = np.eye(3)[[2, 1, 1]]

    def test_cross_entropy(self, close):
        record = losses.categorical_cross_entropy
        rows = record.value(XP, self.scores, self.targets)
        close(rows, [0.4076059644443804, 1.4076059644443804, 1.0986122886681098])
        close(rows.mean(), 0.9712747391856236)
        # class weights 2 and 4 for the classes 1 and 2
        p = record.mean(XP, self.scores)
        close(record(p, [2, 1, 1], sample_weight=[4.0, 2.0, 2.0]), 0.8303575455003127)
        close((rows * [4.0, 2.0, 2.0]).sum(), 6.642860364002502)

    def test_mean_squared_and_absolute_error(self, close):
        p, y = np.array([[0.0, 1.0], [2.0, 3.0], [-2.0, 0.0]]), np.zeros((3, 2))
        close(losses.mse(p, y), 3.0)
        close(losses.mae(p, y), 1.3333333333333333)
        close(losses.mse(p, y, reduction="sum"), 18.0)
        close(losses.mae(p, y, reduction="sum"), 8.0)
        close(losses.mse(p, y, reduction="none"), [[0.0, 1.0], [4.0, 9.0], [4.0, 0.0]])
        close(losses.mse.gradient(XP, p, y) / 6.0,
              [[0.0, 0.3333333333333333], [0.6666666666666666, 1.0],
               [-0.6666666666666666, 0.0]])  # fmt: skip
        close(losses.mae.gradient(XP, p, y) / 6.0, np.sign(p) * 0.16666666666666666)
