"""Layers and networks: descriptions, refusals, and the pullback against finite differences."""

import json
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import Dense, Network, Parameters, activations, initializers
from chainrule.foundation.arrays import namespace

XP = namespace(np.zeros(1))
SMOOTH = ["linear", "sigmoid", "tanh", "softmax", "gelu", "silu", "mish", "softplus", "elu"]


@st.composite
def networks(draw, names=tuple(SMOOTH)):
    """A random network of 1 to 4 layers: zero hidden layers, no bias and width 1 included."""
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    return Network(
        *(
            Dense(n_in, n_out, draw(st.sampled_from(names)), bias=draw(st.booleans()))
            for n_in, n_out in pairwise(widths)
        )
    )


@given(network=networks(), seed=st.integers(0, 10_000), n=st.integers(1, 3))
def test_pullback_is_the_derivative(network, seed, n):
    random = np.random.default_rng(seed)
    vector = random.normal(0.0, 0.7, network.n_parameters)
    x = random.normal(size=(n, network.n_in))
    direction = random.normal(size=(n, network.n_out))

    def along(vector):
        return float(np.sum(direction * network.predict(network.parameters(vector), x)))

    _, pullback = network.forward(XP, network.parameters(vector), x)
    gradient = pullback(direction)
    assert gradient.shape == vector.shape
    h = 1e-5
    for place in range(len(vector)):
        step = np.zeros_like(vector)
        step[place] = h
        difference = (along(vector + step) - along(vector - step)) / (2 * h)
        assert gradient[place] == pytest.approx(difference, rel=2e-6, abs=2e-8)


@given(seed=st.integers(0, 1000), bias=st.booleans(), name=st.sampled_from(SMOOTH))
def test_pullback_of_a_layer_reaches_the_input(seed, bias, name):
    random = np.random.default_rng(seed)
    layer = Dense(3, 2, name, bias=bias)
    weight, x = random.normal(size=(3, 2)), random.normal(size=(2, 3))
    offset = random.normal(size=2) if bias else None
    direction = random.normal(size=(2, 2))
    _, pullback = layer.forward(XP, weight, offset, x)
    dx, dweight, dbias = pullback(direction)
    assert dweight.shape == weight.shape
    assert (dbias is None) == (not bias)
    h = 1e-5
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = h
        up, down = (
            np.sum(direction * layer.forward(XP, weight, offset, x + sign * step)[0])
            for sign in (1, -1)
        )
        assert dx[place] == pytest.approx((up - down) / (2 * h), rel=2e-6, abs=2e-8)


def test_a_layer_skips_an_unwanted_input_gradient():
    layer = Dense(3, 2, "tanh")
    _, pullback = layer.forward(XP, np.ones((3, 2)), np.zeros(2), np.ones((4, 3)))
    assert pullback(np.ones((4, 2)), input_too=False)[0] is None


def test_forward_is_the_textbook_formula():
    network = Network(Dense(2, 3, "tanh"), Dense(3, 1, bias=False))
    parameters = network.start(seed=4)
    x = np.array([[0.5, -1.0], [2.0, 0.25]])
    expected = np.tanh(x @ parameters.weights[0] + parameters.biases[0]) @ parameters.weights[1]
    np.testing.assert_array_equal(network.predict(parameters, x), expected)


def test_no_hidden_layer_is_a_linear_model():
    network = Network(Dense(2, 1))
    parameters = Parameters.from_arrays([[[2.0], [-1.0]]], [[0.5]])
    assert network.predict(parameters, [[1.0, 3.0]]).tolist() == [[-0.5]]


def test_description_survives_json_and_pickle():
    network = Network(
        Dense(4, 3, activations.get("leaky_relu", negative_slope=0.2), bias=False),
        Dense(3, 2, "elu", initializer="lecun_normal"),
        Dense(2, 1),
    )
    copy = Network.from_dict(json.loads(json.dumps(network.to_dict())))
    assert copy == network
    assert hash(copy) == hash(network)
    assert pickle.loads(pickle.dumps(network)) == network
    assert copy.layers[0].activation.negative_slope == 0.2


def test_repr_can_be_read():
    network = Network(Dense(2, 3, "relu"), Dense(3, 1, bias=False, initializer="zeros"))
    text = "Network(Dense(2, 3, 'relu'), Dense(3, 1, 'linear', bias=False, initializer='zeros'))"
    assert repr(network) == text
    assert eval(text, {"Network": Network, "Dense": Dense}) == network
    other = Dense(2, 1, activations.get("elu", alpha=2.0))
    assert repr(other) == "Dense(2, 1, ELU(alpha=2.0))"


def test_widths_build_the_same_network():
    network = Network.of_widths([4, 3, 2, 1], ["tanh", "relu"])
    assert network == Network(Dense(4, 3, "tanh"), Dense(3, 2, "relu"), Dense(2, 1))
    assert Network.of_widths([4, 1]) == Network(Dense(4, 1))
    assert Network.of_widths([4, 3, 1], "gelu").layers[0].activation.name == "gelu"
    with pytest.raises(ValueError, match=r"activation must name one function per hidden layer \(2"):
        Network.of_widths([4, 3, 2, 1], ["tanh"])


def test_summary_is_a_table_with_the_number_of_parameters():
    text = Network(Dense(784, 1000, "relu"), Dense(1000, 10, bias=False)).summary()
    assert text.splitlines() == [
        "layer  inputs  units  activation  initializer     parameters",
        "    1     784   1000  relu        he_uniform         785,000",
        "    2    1000     10  linear      glorot_uniform      10,000",
        "total                                                795,000",
    ]


@pytest.mark.parametrize("wrong", [0, -1, 2.0, "3", True, None])
def test_widths_are_positive_integers(wrong):
    with pytest.raises(ValueError, match=f"n_in must be a positive integer; got {wrong!r}"):
        Dense(wrong, 1)
    with pytest.raises(ValueError, match=f"n_out must be a positive integer; got {wrong!r}"):
        Dense(1, wrong)


def test_unknown_names_are_suggested():
    with pytest.raises(ValueError, match=r"unknown activation 'rellu'. Did you mean 'relu'"):
        Dense(2, 1, "rellu")
    with pytest.raises(ValueError, match=r"unknown initializer 'glorot_unifrom'. Did you mean"):
        Dense(2, 1, initializer="glorot_unifrom")


def test_layers_must_fit():
    with pytest.raises(ValueError, match="layer 2 must take the 3 outputs of layer 1; got n_in=4"):
        Network(Dense(2, 3), Dense(4, 1))
    with pytest.raises(ValueError, match="layers must be at least one Dense"):
        Network()
    with pytest.raises(ValueError, match="layer 2 must be a Dense; got 'tanh'"):
        Network(Dense(2, 3), "tanh")


@pytest.mark.parametrize("x", [[1.0, 2.0, 3.0], [[1.0]], np.zeros((2, 2, 2)), np.zeros((0, 3))])
def test_predict_says_which_shape_it_needs(x):
    network = Network(Dense(2, 1))
    with pytest.raises(ValueError, match=r"x must be of shape \(n, 2\) for this network; got"):
        network.predict(network.start(), x)


def test_start_is_seeded_and_the_same_in_both_precisions():
    network = Network(Dense(5, 4, "relu"), Dense(4, 2))
    one, same, other = network.start(seed=1), network.start(seed=1), network.start(seed=2)
    np.testing.assert_array_equal(one.vector, same.vector)
    assert not np.array_equal(one.vector, other.vector)
    narrow = network.start(seed=1, dtype="float32")
    np.testing.assert_array_equal(narrow.vector, one.vector.astype(np.float32))
    assert not any(bias.any() for bias in one.biases)
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64'; got 'float16'"):
        network.start(dtype="float16")


def test_suggested_initializer_follows_the_activation():
    assert Dense(2, 2, "relu").initializer == initializers["he_uniform"]
    assert Dense(2, 2, "selu").initializer == initializers["lecun_normal"]
    assert Dense(2, 2, "tanh").initializer == initializers["glorot_uniform"]
    assert Dense(2, 2, "relu", initializer="zeros").initializer == initializers["zeros"]


def test_forward_agrees_between_libraries(library, asarray):
    network = Network(Dense(3, 4, "gelu"), Dense(4, 4, "softmax"), Dense(4, 2, bias=False))
    parameters = network.start(seed=3)
    x, direction = np.random.default_rng(0).normal(size=(2, 5, 3)), np.ones((5, 2))
    expected, pullback = network.forward(XP, parameters, x[0])
    vector = asarray(parameters.vector)
    found, other_pullback = network.forward(
        namespace(vector), network.parameters(vector), asarray(x[0])
    )
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-14)
    np.testing.assert_allclose(
        np.asarray(other_pullback(asarray(direction))), pullback(direction), rtol=1e-12, atol=1e-15
    )


def test_predict_takes_other_arrays_than_the_parameters():
    network = Network(Dense(2, 1))
    narrow = network.start(dtype="float32")
    assert network.predict(narrow, [[1, 2]]).dtype == np.float32
    assert network.predict(narrow, np.ones((1, 2), dtype=np.uint8)).dtype == np.float32
