"""The notebooks of "Modern Computer Vision with PyTorch" (Packt), chapter 1, both editions.

Feedforward, the chain rule, and 100 epochs of backpropagation. The book computes gradients by
finite differences in float32, so its prints hold to about 1e-4; the exact values were computed in
float64, by hand and by automatic differentiation.
"""

import math

import numpy as np
import pytest

from chainrule import (
    Dense,
    Network,
    Parameters,
    losses,
    train,
)
from chainrule.foundation.arrays import namespace

XP = namespace(np.zeros(1))
BOOK = Network(Dense(2, 3, "sigmoid"), Dense(3, 1))
X, Y = [[1.0, 1.0]], [[0.0]]

# Feed_forward_propagation.ipynb (first edition, commit 58e2e0d)
FEEDFORWARD = Parameters.from_arrays(
    [[[0.8, 0.4, 0.3], [0.2, 0.9, 0.5]], [[0.3], [0.5], [0.9]]], [[0.0, 0.0, 0.0], [0.0]]
)
# Chain_rule.ipynb and Back_propagation.ipynb
CHAIN = Parameters.from_arrays(
    [
        [[-0.0053, -0.5820, -0.2723], [0.3793, -0.5204, 0.1896]],
        [[0.1528], [-0.1745], [-0.1135]],
    ],
    [[-0.0140, 0.5607, -0.0628], [-0.5516]],
)


def hidden(network, parameters):
    layer = network.layers[0]
    return layer.forward(XP, parameters.weights[0], parameters.biases[0], np.array(X))[0]


class TestFeedforward:
    def test_values(self, close):
        close(
            hidden(BOOK, FEEDFORWARD), [0.7310585786300049, 0.7858349830425586, 0.6899744811276125]
        )
        output = BOOK.predict(FEEDFORWARD, X)
        close(output, [[1.233212098125132]])
        close(losses.mse(output, Y), 1.5208120789621902)

    def test_published(self):
        output = BOOK.predict(FEEDFORWARD, X)
        assert output.item() == pytest.approx(1.2332121, abs=5e-8)
        # the print has all digits of float64
        assert float(losses.mse(output, Y)) == pytest.approx(1.5208120789621902, rel=1e-15)

    def test_gradient(self, close, differentiate):
        loss, gradient = differentiate(BOOK, "mse", FEEDFORWARD, X, Y)
        close(loss, 1.5208120789621902)
        row = [0.14547852882549972, 0.20754757669149373, 0.47483284617918453]
        close(gradient.weights[0], [row, row])
        close(gradient.biases[0], row)
        close(gradient.weights[1], [1.8031005672093703, 1.9382024164360825, 1.7017697550483646])
        close(gradient.biases[1], [2.466424196250264])

    @pytest.mark.parametrize(
        ("activation", "values", "output", "mse", "mae"),
        [
            (
                "tanh",
                [0.7615941559557649, 0.8617231593133063, 0.664036770267849],
                1.2569729196844468,
                1.5799809208200428,
                1.2569729196844468,
            ),
            ("relu", [1.0, 1.3, 0.8], 1.67, 2.7889, 1.67),
            ("linear", [1.0, 1.3, 0.8], 1.67, 2.7889, 1.67),
            (
                "softmax",
                [0.3155978333128144, 0.42601251494920583, 0.25838965173797995],
                0.5402362940326292,
                0.29185525339010937,
                0.5402362940326292,
            ),
        ],
    )
    def test_other_activations(self, close, activation, values, output, mse, mae):
        network = Network(Dense(2, 3, activation), Dense(3, 1))
        close(hidden(network, FEEDFORWARD), values)
        found = network.predict(FEEDFORWARD, X)
        close(found, [[output]])
        close(losses.mse(found, Y), mse)
        close(losses.mae(found, Y), mae)

    def test_categorical_cross_entropy(self, close):
        y, p = [[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]]
        close(losses.categorical_cross_entropy(p, y), 1.176939193690798)
        # the notebook's form: bits instead of nats, summed instead of averaged
        bits = losses.categorical_cross_entropy(p, y, reduction="sum") / math.log(2.0)
        close(bits, 3.395928676331139)


class TestChainRule:
    def test_forward(self, close):
        weight, bias = CHAIN.weights[0], CHAIN.biases[0]
        close(np.array(X) @ weight + bias, [0.36, -0.5417, -0.1455])
        close(hidden(BOOK, CHAIN), [0.5890404340586651, 0.36779220762800313, 0.46368903675631434])
        output = BOOK.predict(CHAIN, X)
        close(output, -0.5784030675787641)
        close(losses.mse(output, Y), 0.3345501085845244)
        assert float(losses.mse(output, Y)) == pytest.approx(0.33455008989960927, abs=1e-7)

    def test_each_factor_of_one_weight(self, close):
        """dL/dw11 = dL/dp · dp/da11 · da11/dh11 · dh11/dw11."""
        sigmoid = BOOK.layers[0].activation
        p = BOOK.predict(CHAIN, X)
        h11 = (np.array(X) @ CHAIN.weights[0] + CHAIN.biases[0])[:, :1]
        a11 = sigmoid(h11)
        factors = [
            losses.mse.gradient(XP, p, np.array(Y)).item(),
            CHAIN.weights[1][0, 0],
            sigmoid.slope(XP, h11, a11).item(),
            X[0][0],
        ]
        close(factors, [-1.1568061351575283, 0.1528, 0.2420718011026445, 1.0])
        close(math.prod(factors), -0.042788606104685496)
        # the slope as the chapter prints it, e^-h / (1 + e^-h), is 1 - a
        misprint = math.exp(-h11.item()) / (1.0 + math.exp(-h11.item()))
        close(misprint, 0.41095956594133487)
        close(misprint, 1.0 - a11.item())

    def test_gradient(self, close, differentiate):
        _, gradient = differentiate(BOOK, "mse", CHAIN, X, Y)
        row = [-0.042788606104685496, 0.04693733013990602, 0.032651260167549004]
        close(gradient.weights[0], [row, row])
        close(gradient.biases[0], row)
        close(gradient.weights[1], [-0.6814055879749173, -0.4254642822472055, -0.5363983225249891])
        close(gradient.biases[1], [-1.1568061351575283])

    def test_one_step_at_rate_1(self, close):
        (epoch,) = train(BOOK, X, Y, parameters=CHAIN, learning_rate=1.0, epochs=1)
        weights, biases = epoch.parameters.weights, epoch.parameters.biases
        close(epoch.loss, 0.3345501085845244)
        close(
            weights[0],
            [
                [0.0374886061046855, -0.6289373301399059, -0.304951260167549],
                [0.4220886061046855, -0.567337330139906, 0.156948739832451],
            ],
        )
        close(biases[0], [0.028788606104685498, 0.513762669860094, -0.095451260167549])
        close(weights[1], [0.8342055879749173, 0.2509642822472055, 0.4228983225249891])
        close(biases[1], [0.6052061351575283])

    def test_published_step(self):
        """Printed by finite differences, and by the chain rule on float32 weights."""
        (epoch,) = train(BOOK, X, Y, parameters=CHAIN, learning_rate=1.0, epochs=1)
        differences = [
            [[0.03748801, -0.62894595, -0.30494714], [0.42208242, -0.5673459, 0.156948]],
            [0.02878801, 0.51375407, -0.09545201],
            [0.8341824, 0.25095794, 0.4228859],
            [0.60529804],
        ]
        by_chain_rule = [
            0.03748860333147175, -0.6289373468565382, -0.304951263947996, 0.42208860145914084,
            -0.5673373173880019, 0.15694874675699821, 0.028788602743620932, 0.5137626696420274,
            -0.0954512566166247, 0.8342055621416937, 0.2509642654210383, 0.422898309408289,
            0.6052061234525776,
        ]  # fmt: skip
        flat = np.concatenate([np.ravel(part) for part in differences])
        np.testing.assert_allclose(epoch.parameters.vector, flat, atol=1e-4)
        np.testing.assert_allclose(epoch.parameters.vector, by_chain_rule, atol=5e-8)

    def test_chapter_2_prints_the_same_gradients(self, differentiate):
        """Auto_gradient_of_tensors.ipynb, four digits."""
        loss, gradient = differentiate(BOOK, "mse", CHAIN, X, Y)
        assert loss == pytest.approx(0.3346, abs=1e-4)
        row = [-0.0428, 0.0469, 0.0327]
        printed = [*row, *row, *row, -0.6814, -0.4255, -0.5364, -1.1568]
        np.testing.assert_allclose(gradient.vector, printed, atol=5e-5)
        squares = losses.mse.gradient(XP, np.array([[2.0, -1.0], [1.0, 1.0]]), np.zeros((2, 2)))
        assert squares.tolist() == [[4.0, -2.0], [2.0, 2.0]]


class TestHundredEpochs:
    @pytest.fixture(scope="class")
    @staticmethod
    def epochs():
        return [
            (epoch.loss, epoch.parameters.vector.copy())
            for epoch in train(BOOK, X, Y, parameters=CHAIN, learning_rate=0.01, epochs=100)
        ]

    def test_losses(self, close, epochs):
        found = [epochs[number][0] for number in (0, 1, 9, 49, 99)]
        expected = [
            0.3345501085845244, 0.3120759050543785, 0.17892646175357696, 0.01095203795199197,
            0.00032618715731374767,
        ]  # fmt: skip
        close(found, expected)
        for value, exact in zip(found, expected, strict=True):
            assert value == pytest.approx(exact, rel=1e-12)

    def test_parameters(self, close, epochs):
        end = BOOK.parameters(epochs[-1][1])
        close(
            end.weights[0],
            [
                [0.014235676706426845, -0.5907834709772498, -0.27549587215369437],
                [0.39883567670642683, -0.5291834709772498, 0.18640412784630542],
            ],
        )
        close(end.biases[0], [0.005535676706426849, 0.5519165290227501, -0.0659958721536945])
        close(end.weights[1], [0.347517339130933, -0.05530516121445914, 0.03759542129859796])
        close(end.biases[1], [-0.22438103050316194])
        output = BOOK.predict(end, X)
        close(output, -0.017436158134919305)
        close(losses.mse(output, Y), 0.0003040196105059127)

    def test_published(self, epochs):
        printed = [
            0.01424004, -0.5907864, -0.27549535, 0.39883757, -0.52918637, 0.18640439,
            0.00554004, 0.5519136, -0.06599568, 0.3475135, -0.05529078, 0.03760847, -0.22443289,
        ]  # fmt: skip
        np.testing.assert_allclose(epochs[-1][1], printed, atol=1e-4)
