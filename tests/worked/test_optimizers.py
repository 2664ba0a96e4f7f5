"""Optimizer steps of CS231n (FullyConnectedNets.ipynb) and of PyTorch 2.13."""

import numpy as np
import pytest

from chainrule import optimizers

W = np.linspace(-0.4, 0.6, 20).reshape(4, 5)
DW = np.linspace(-0.6, 0.4, 20).reshape(4, 5)


def slot(first, last):
    return np.linspace(first, last, 20).reshape(4, 5)


class TestCS231n:
    """Printed with eight digits; the first rows and the last element."""

    def check(self, found, first_row, last):
        np.testing.assert_allclose(found[0], first_row, atol=5e-9)
        assert found[-1, -1] == pytest.approx(last, abs=5e-9)

    def test_momentum(self):
        record = optimizers.get("sgd", momentum=0.9)
        w, v = record(W, DW, slot(0.6, 0.9), rate=1e-3)
        self.check(w, [0.1406, 0.20738947, 0.27417895, 0.34096842, 0.40775789], 1.4096)
        self.check(v, [0.5406, 0.55475789, 0.56891579, 0.58307368, 0.59723158], 0.8096)

    def test_rmsprop(self):
        w, cache = optimizers.rmsprop(W, DW, slot(0.6, 0.9), rate=1e-2)
        self.check(w, [-0.39223849, -0.34037513, -0.28849239, -0.23659121, -0.18467247], 0.59576619)
        self.check(cache, [0.5976, 0.6126277, 0.6277108, 0.64284931, 0.65804321], 0.8926)

    def test_adam(self):
        """The notebook counts t before the step: t = 5 is used as 6."""
        w, m, v = optimizers.adam(W, DW, slot(0.6, 0.9), slot(0.7, 0.5), rate=1e-2, t=6)
        self.check(w, [-0.40094747, -0.34836187, -0.29577703, -0.24319299, -0.19060977], 0.59801459)
        np.testing.assert_allclose(
            m[0], [0.48, 0.49947368, 0.51894737, 0.53842105, 0.55789474], atol=5e-9
        )
        np.testing.assert_allclose(
            v[0], [0.69966, 0.68908382, 0.67851319, 0.66794809, 0.65738853], atol=5e-9
        )

    def test_adam_one_step_earlier(self):
        w, *_ = optimizers.adam(W, DW, slot(0.6, 0.9), slot(0.7, 0.5), rate=1e-2, t=5)
        np.testing.assert_allclose(w[0, :2], [-0.40098988, -0.34840634], atol=5e-9)


@pytest.mark.parametrize(
    ("record", "rate", "steps"),
    [
        (optimizers["sgd"], 0.1, [[0.8, -1.6], [0.64, -1.28], [0.512, -1.024]]),
        (
            optimizers.get("sgd", momentum=0.9),
            0.1,
            [[0.8, -1.6], [0.45999999999999996, -0.9199999999999999],
             [0.0619999999999999, -0.1239999999999998]],
        ),
        (
            optimizers.get("sgd", momentum=0.9, nesterov=True),
            0.1,
            [[0.62, -1.24], [0.2224, -0.4448], [-0.10835200000000006, 0.21670400000000012]],
        ),
        (
            optimizers.get("sgd", weight_decay=0.01),
            0.1,
            [[0.799, -1.598], [0.638401, -1.276802], [0.510082399, -1.020164798]],
        ),
        (
            optimizers["rmsprop"],
            0.01,
            [[0.9000000049999998, -1.9000000025], [0.8329179679700331, -1.8309433291098638],
             [0.7799822732436351, -1.7753494456014602]],
        ),
        (
            optimizers["adam"],
            0.1,
            [[0.9000000005, -1.90000000025], [0.8004122286917927, -1.800166486115701],
             [0.7015862729460302, -1.700623392046465]],
        ),
        (
            optimizers["adamw"],
            0.1,
            [[0.8990000005, -1.89800000025], [0.7985190271685215, -1.7962725886447977],
             [0.6989111831582322, -1.6949445143849768]],
        ),
    ],
    ids=repr,
)  # fmt: skip
def test_three_steps_of_pytorch_on_the_sum_of_squares(record, rate, steps):
    p, memory = np.array([1.0, -2.0]), ()
    for t, expected in enumerate(steps, start=1):
        gradient = 2.0 * p
        p, *memory = record(p, gradient, *memory, rate=rate, t=t)
        np.testing.assert_allclose(p, expected, rtol=1e-12, atol=1e-14)
