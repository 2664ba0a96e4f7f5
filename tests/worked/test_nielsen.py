"""Nielsen, Neural Networks and Deep Learning, chapter 3: one sigmoid neuron, x = 1, y = 0."""

import numpy as np
import pytest

from chainrule import Dense, Network, Parameters, activations, train


def run(network, w, b, **options):
    start = Parameters.from_arrays([[[w]]], [[b]])
    *_, epoch = train(network, [[1.0]], [0.0], parameters=start, epochs=300, **options)
    return epoch.parameters


@pytest.mark.parametrize(
    ("start", "first", "last", "end"),
    [
        ((0.6, 0.9), 0.8175744761936437, 0.09395569486364724,
         (-1.2831324334215497, -0.9831324334215481)),
        ((2.0, 2.0), 0.9820137900379085, 0.2028484242677765,
         (-0.684292910952007, -0.684292910952007)),
    ],
)  # fmt: skip
def test_quadratic_cost(close, start, first, last, end):
    """The cost is (y - a)² / 2, so rate 0.15 is 0.075 for the mean squared error."""
    network = Network(Dense(1, 1, "sigmoid"))
    close(network.predict(Parameters.from_arrays([[[start[0]]]], [[start[1]]]), [[1.0]]), first)
    parameters = run(network, *start, loss="mse", learning_rate=0.075)
    close(parameters.vector, end)
    close(network.predict(parameters, [[1.0]]), last)
    # the book: from 0.82 to 0.09, from 0.98 to 0.20
    printed = {0.6: (0.82, 0.09), 2.0: (0.98, 0.20)}[start[0]]
    np.testing.assert_allclose([first, last], printed, atol=5e-3)


@pytest.mark.grid(2)
@pytest.mark.parametrize(
    ("start", "rate", "last", "end"),
    [
        ((0.6, 0.9), 0.15, 0.011638208968903722, (-2.370877627079573, -2.0708776270795703)),
        ((0.6, 0.9), 0.005, 0.4176792995988869, (-0.3161537076849475, -0.016153707684947075)),
        ((2.0, 2.0), 0.15, 0.012008741510817504, (-2.2050195031002833, -2.2050195031002833)),
        ((2.0, 2.0), 0.005, 0.7795870642061684, (0.6316308033647894, 0.6316308033647894)),
    ],
)
def test_cross_entropy(close, start, rate, last, end):
    network = Network(Dense(1, 1))
    parameters = run(network, *start, loss="binary_cross_entropy", learning_rate=rate)
    close(parameters.vector, end)
    close(activations.sigmoid(network.predict(parameters, [[1.0]])), last)


def test_cross_entropy_starts_faster_from_a_saturated_neuron():
    """What the chapter is about: the slope a (1 - a) is missing from its gradient."""
    quadratic = run(Network(Dense(1, 1, "sigmoid")), 2.0, 2.0, loss="mse", learning_rate=0.075)
    entropy = run(Network(Dense(1, 1)), 2.0, 2.0, loss="binary_cross_entropy", learning_rate=0.15)
    assert entropy.vector.sum() < quadratic.vector.sum() - 2.0
