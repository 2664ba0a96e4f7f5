"""The tape of a forward pass: the textbook's formulas, and their derivatives."""

import numpy as np
import pytest
import scipy.sparse

from chainrule import Dense, Network
from chainrule.foundation.arrays import namespace
from chainrule.model.dropout import step_keys, step_masks

XP = namespace(np.zeros(1))
RANDOM = np.random.default_rng(8)
NETWORK = Network(Dense(3, 6, "tanh"), Dense(6, 5, "softmax", bias=False), Dense(5, 2))
VECTOR = RANDOM.normal(size=NETWORK.n_parameters)
X = RANDOM.normal(size=(4, 3))
DSCORES = RANDOM.normal(size=(4, 2))
MASKS = step_masks(XP, step_keys(1, 0, 1, 2)[0], 4, (0.5, 0.3), (6, 5))


@pytest.mark.parametrize("masks", [(), MASKS], ids=["whole", "dropout"])
def test_layers_hold_inputs_sums_and_activations(masks):
    parameters = NETWORK.parameters(VECTOR)
    tape = NETWORK.trace(XP, parameters, X, masks)
    a = X
    for number, layer in enumerate(tape.layers):
        np.testing.assert_array_equal(layer.x, a)
        z = a @ parameters.weights[number]
        bias = parameters.biases[number]
        z = z if bias is None else z + bias
        np.testing.assert_allclose(layer.z, z, rtol=1e-14)
        np.testing.assert_array_equal(layer.a, NETWORK.layers[number].activation.value(XP, layer.z))
        a = masks[number](XP, layer.a) if number < len(masks) else layer.a
    np.testing.assert_array_equal(tape.scores, a)
    scores, pullback = NETWORK.forward(XP, parameters, X, masks)
    np.testing.assert_array_equal(scores, tape.scores)
    np.testing.assert_array_equal(pullback(DSCORES), tape.pullback(DSCORES))


@pytest.mark.parametrize("masks", [(), MASKS], ids=["whole", "dropout"])
def test_dz_is_the_derivative_by_the_weighted_sums(masks):
    def value(shift, number, row, unit):
        a = X
        for place, (dense, weight, bias) in enumerate(
            zip(NETWORK.layers, parameters.weights, parameters.biases, strict=True)
        ):
            z = a @ weight + (0.0 if bias is None else bias)
            if place == number:
                z[row, unit] += shift
            a = dense.activation.value(XP, z)
            a = masks[place](XP, a) if place < len(masks) else a
        return float(np.sum(DSCORES * a))

    parameters = NETWORK.parameters(VECTOR)
    tape = NETWORK.trace(XP, parameters, X, masks)
    found = [dz for _, dz in tape.backward(DSCORES)][::-1]
    for number, dz in enumerate(found):
        for row, unit in np.ndindex(dz.shape):
            rise = value(1e-6, number, row, unit) - value(-1e-6, number, row, unit)
            assert dz[row, unit] == pytest.approx(rise / 2e-6, rel=1e-6, abs=1e-8)


def test_sparse_inputs_stay_sparse_on_the_tape():
    thin = scipy.sparse.csr_matrix(X)
    parameters = NETWORK.parameters(VECTOR)
    tape = NETWORK.trace(XP, parameters, thin)
    assert scipy.sparse.issparse(tape.layers[0].x)
    dense = NETWORK.trace(XP, parameters, X)
    np.testing.assert_allclose(tape.pullback(DSCORES), dense.pullback(DSCORES), rtol=1e-12)
