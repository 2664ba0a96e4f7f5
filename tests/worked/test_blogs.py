"""Worked examples that circulate on the web: Mazur, Miller, Prakash, and the stairs of Gorman."""

import numpy as np
import pytest

from chainrule import Dense, Network, Parameters, losses, train
from chainrule.foundation.arrays import namespace

XP = namespace(np.zeros(1))


class TestMazur:
    """A Step by Step Backpropagation Example (mattmazur.com, 2015).

    E is the sum over two outputs of (t - o)² / 2, which is the mean squared error of two columns.
    """

    network = Network(Dense(2, 2, "sigmoid"), Dense(2, 2, "sigmoid"))
    x, t = [[0.05, 0.10]], [[0.01, 0.99]]
    start = Parameters.from_arrays(
        [[[0.15, 0.25], [0.20, 0.30]], [[0.40, 0.50], [0.45, 0.55]]], [[0.35, 0.35], [0.60, 0.60]]
    )

    def test_forward(self, close):
        layer = self.network.layers[0]
        h, _ = layer.forward(XP, self.start.weights[0], self.start.biases[0], np.array(self.x))
        close(h, [0.5932699921071872, 0.596884378259767])
        o = self.network.predict(self.start, self.x)
        close(o, [0.7513650695523157, 0.7729284653214625])
        close(losses.mse(o, self.t), 0.2983711087600027)
        np.testing.assert_allclose(h, [[0.593269992, 0.596884378]], atol=5e-10)
        np.testing.assert_allclose(o, [[0.75136507, 0.772928465]], atol=5e-9)
        assert float(losses.mse(o, self.t)) == pytest.approx(0.298371109, abs=5e-10)

    def test_gradient(self, close, differentiate):
        loss, gradient = differentiate(self.network, "mse", self.start, self.x, self.t)
        close(loss, 0.2983711087600027)
        close(
            gradient.weights[1],
            [[0.08216704056423077, -0.02260254047747507],
             [0.08266762784753325, -0.022740242215978222]],
        )  # fmt: skip
        close(
            gradient.weights[0],
            [[0.0004385677344743465, 0.0004977127352608599],
             [0.000877135468948693, 0.0009954254705217198]],
        )  # fmt: skip
        close(gradient.biases[1], [0.13849856162855695, -0.038098236516556236])
        close(gradient.biases[0], [0.00877135468948693, 0.009954254705217196])
        assert gradient.weights[1][0, 0] == pytest.approx(0.082167041, abs=5e-10)

    def run_with_fixed_biases(self, differentiate, steps):
        """The article leaves the biases where they are."""
        parameters = self.network.parameters(self.start.vector.copy())
        for _ in range(steps):
            _, gradient = differentiate(self.network, "mse", parameters, self.x, self.t)
            for weight, slope in zip(parameters.weights, gradient.weights, strict=True):
                weight -= 0.5 * slope
        o = self.network.predict(parameters, self.x)
        return parameters, o, losses.mse(o, self.t)

    def test_first_step_with_fixed_biases(self, close, differentiate):
        parameters, _, error = self.run_with_fixed_biases(differentiate, 1)
        close(
            parameters.weights[0],
            [[0.1497807161327628, 0.24975114363236958], [0.19956143226552567, 0.29950228726473915]],
        )
        close(
            parameters.weights[1],
            [[0.35891647971788465, 0.5113012702387375], [0.4086661860762334, 0.5613701211079891]],
        )
        close(parameters.biases[0], [0.35, 0.35])
        close(parameters.biases[1], [0.6, 0.6])
        close(error, 0.29102777369359933)
        printed = [0.35891648, 0.511301270, 0.408666186, 0.561370121]
        np.testing.assert_allclose(parameters.weights[1].ravel(), printed, atol=5e-9)
        # the article prints 0.291027924
        assert float(error) == pytest.approx(0.291027924, abs=2e-7)

    @pytest.mark.slow
    def test_ten_thousand_steps_with_fixed_biases(self, close, differentiate):
        _, o, error = self.run_with_fixed_biases(differentiate, 10_000)
        close(o, [0.01591362044355068, 0.9840642735146238])
        assert float(error) == pytest.approx(3.510187782978859e-05, rel=1e-11)
        # the article prints 0.0000351085 and 0.015912196, from rounded numbers
        assert float(error) == pytest.approx(0.0000351085, rel=2e-4)

    @pytest.mark.slow
    def test_with_bias_updates(self, close):
        seen = {}
        for epoch in train(
            self.network, self.x, self.t, parameters=self.start, learning_rate=0.5, epochs=10_000
        ):
            if epoch.number in (1, 10_000):
                seen[epoch.number] = self.network.parameters(epoch.parameters.vector.copy())
        first, last = seen[1], seen[10_000]
        close(
            first.weights[0],
            [[0.1497807161327628, 0.24975114363236958], [0.19956143226552567, 0.29950228726473915]],
        )
        close(
            first.weights[1],
            [[0.35891647971788465, 0.5113012702387375], [0.4086661860762334, 0.5613701211079891]],
        )
        close(first.biases[0], [0.3456143226552565, 0.3450228726473914])
        close(first.biases[1], [0.5307507191857215, 0.6190491182582781])
        close(losses.mse(self.network.predict(first, self.x), self.t), 0.28047144679143016)
        o = self.network.predict(last, self.x)
        close(o, [0.011587527390870093, 0.9884589350256716])
        assert float(losses.mse(o, self.t)) == pytest.approx(2.4475622359322627e-06, rel=1e-11)


class TestMiller:
    """How to build a neural network (stevenmiller888.github.io): half the squared error."""

    network = Network(Dense(2, 3, "sigmoid"), Dense(3, 1, "sigmoid"))
    start = Parameters.from_arrays(
        [[[0.8, 0.4, 0.3], [0.2, 0.9, 0.5]], [[0.3], [0.5], [0.9]]], [[0.0, 0.0, 0.0], [0.0]]
    )
    x, y = [[1.0, 1.0]], [[0.0]]

    def test_output(self, close):
        o = self.network.predict(self.start, self.x)
        close(o, 0.7743802720529458)
        # the article rounds the weighted sum to 1.235
        assert o.item() == pytest.approx(0.7746924929149283, abs=4e-4)

    def test_gradient_is_half_of_ours(self, close, differentiate):
        _, gradient = differentiate(self.network, "mse", self.start, self.x, self.y)
        half = gradient.vector / 2.0
        gradient = self.network.parameters(half)
        close(gradient.biases[1], [0.1352962103315636])
        close(gradient.weights[1], [0.09890945521901907, 0.10632049515162673, 0.09335093252205293])
        row = [0.00798025484206046, 0.01138506532353585, 0.026047054163133625]
        close(gradient.weights[0], [row, row])

    def test_step_at_rate_1_is_ours_at_rate_one_half(self, close):
        (epoch,) = train(
            self.network, self.x, self.y, parameters=self.start, learning_rate=0.5, epochs=1
        )
        close(
            epoch.parameters.weights[1],
            [0.20109054478098093, 0.3936795048483733, 0.8066490674779471],
        )


class TestPrakash:
    """Back-propagation is very simple (medium.com/@14prakash): relu, sigmoid, softmax."""

    network = Network(Dense(3, 3, "relu"), Dense(3, 3, "sigmoid"), Dense(3, 3))
    start = Parameters.from_arrays(
        [
            [[0.1, 0.2, 0.3], [0.3, 0.2, 0.7], [0.4, 0.3, 0.9]],
            [[0.2, 0.3, 0.5], [0.3, 0.5, 0.7], [0.6, 0.4, 0.8]],
            [[0.1, 0.4, 0.8], [0.3, 0.7, 0.2], [0.5, 0.2, 0.9]],
        ],
        [[1.0, 1.0, 1.0]] * 3,
    )
    x, t = [[0.1, 0.2, 0.7]], [[1.0, 0.0, 0.0]]

    def test_forward(self, close):
        a, values = np.array(self.x), []
        for layer, weight, bias in zip(
            self.network.layers, self.start.weights, self.start.biases, strict=True
        ):
            a, _ = layer.forward(XP, weight, bias, a)
            values.append(a)
        close(values[0], [1.35, 1.27, 1.8])
        close(values[1], [0.9388312894865416, 0.9404756340234984, 0.9820843048123673])
        close(values[2], [1.8670679715618874, 2.230282320573539, 2.8230360327250636])
        softmax = losses.categorical_cross_entropy.mean(XP, values[2])
        close(softmax, [0.198446894232731, 0.2853555304250049, 0.5161975753422642])
        close(losses.categorical_cross_entropy(softmax, self.t), 1.6172337500003393)
        # printed from rounded intermediate values
        np.testing.assert_allclose(softmax, [[0.19858, 0.28559, 0.51583]], atol=5e-4)

    def test_gradient(self, close, differentiate):
        loss, gradient = differentiate(
            self.network, "categorical_cross_entropy", self.start, self.x, self.t
        )
        close(loss, 1.6172337500003393)
        close(
            gradient.weights[0],
            [
                [0.0007246733401951794, 0.001093876845965504, 0.001850145756729435],
                [0.0014493466803903589, 0.002187753691931008, 0.00370029151345887],
                [0.005072713381366256, 0.007657137921758527, 0.012951020297106043],
            ],
        )
        close(gradient.biases[0], [0.007246733401951794, 0.01093876845965504, 0.01850145756729435])
        close(
            gradient.weights[1],
            [
                [0.034650116194923045, 0.004725112086836898, 0.0028710664551984872],
                [0.032596775975964644, 0.00444510544465397, 0.0027009291837793176],
                [0.046200154926564055, 0.006300149449115862, 0.003828088606931316],
            ],
        )
        close(
            gradient.biases[1], [0.025666752736980034, 0.0035000830272865907, 0.00212671589273962]
        )
        close(
            gradient.weights[2],
            [
                [-0.7525231358794274, 0.26790070059102344, 0.4846224352884041],
                [-0.7538411653499766, 0.26836992339856824, 0.4854712419514085],
                [-0.7871927246476423, 0.2802431877218053, 0.5069495369258371],
            ],
        )
        close(gradient.biases[2], [-0.801553105767269, 0.28535553042500494, 0.5161975753422642])

    def test_class_numbers_are_the_same_target(self, differentiate):
        arguments = (self.network, "categorical_cross_entropy", self.start, self.x)
        assert differentiate(*arguments, [0])[0] == differentiate(*arguments, self.t)[0]


class TestStairs:
    """Neural networks: a worked example (gormanalysis.com): 2 x 2 images, unscaled, four rows."""

    network = Network(Dense(4, 2, "sigmoid"), Dense(2, 2))
    start = Parameters.from_arrays(
        [
            [[-0.00256, 0.00889], [0.00146, 0.00322], [0.00816, 0.00258], [-0.00597, -0.00876]],
            [[-0.00647, 0.00540], [0.00347, -0.00005]],
        ],
        [[-0.00469, 0.00797], [-0.00588, -0.00232]],
    )
    x = [[252, 4, 155, 175], [175, 10, 186, 200], [82, 131, 230, 100], [115, 138, 80, 88]]
    y = [0, 0, 1, 1]

    def test_forward(self, close):
        layer = self.network.layers[0]
        x = np.array(self.x, dtype=float)
        h, _ = layer.forward(XP, self.start.weights[0], self.start.biases[0], x)
        close(
            h,
            [
                [0.3955791101230626, 0.755475159364964],
                [0.4714485936761647, 0.580250061085587],
                [0.7784143897587547, 0.7060279227789686],
                [0.5074569470576172, 0.7130410871948961],
            ],
        )
        p = losses.categorical_cross_entropy.mean(XP, self.network.predict(self.start, self.x))
        close(
            p,
            [
                [0.498600940782264, 0.501399059217736],
                [0.49822160385143927, 0.5017783961485607],
                [0.4974213827320209, 0.5025786172679791],
                [0.4982316050399419, 0.5017683949600581],
            ],
        )
        # printed with rounded weights
        np.testing.assert_allclose(p[:, 0], [0.49865, 0.49826, 0.49747, 0.49828], atol=6e-5)

    def test_gradient(self, close, differentiate):
        loss, gradient = differentiate(
            self.network, "categorical_cross_entropy", self.start, self.x, self.y
        )
        close(loss, 0.6925698409283263)
        close(
            gradient.weights[0],
            [
                [0.0912068438109711, -0.021594567425168527],
                [-0.07921685187015498, 0.02288030380421594],
                [0.03603281660223746, -0.004564937233476958],
                [0.07848480745099796, -0.01879388084027083],
            ],
        )
        # differences of numbers a thousand times their size, at 1e-12 of those
        np.testing.assert_allclose(
            gradient.biases[0], [0.00010264603331335128, -8.493604949547976e-06], atol=1e-15
        )
        close(
            gradient.weights[1],
            [[0.05128133461256856, -0.05128133461256856],
             [0.00912537793601924, -0.00912537793601924]],
        )  # fmt: skip
        close(gradient.biases[1], [-0.0018811168985834736, 0.0018811168985834736])
