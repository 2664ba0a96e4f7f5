"""Parameters: one flat vector, and views that share its memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import Dense, Network, Parameters
from chainrule.model.parameters import Layout

shapes = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.booleans()), min_size=1, max_size=5
)


@given(shapes=shapes)
def test_spans_tile_the_vector(shapes):
    layout = Layout(tuple(shapes))
    covered = np.zeros(layout.size, dtype=int)
    for (n_in, n_out, bias), (weight_span, bias_span) in zip(shapes, layout.layers, strict=True):
        assert weight_span.stop - weight_span.start == n_in * n_out
        covered[weight_span.at] += 1
        assert (bias_span is not None) == bias
        if bias_span is not None:
            assert bias_span.stop - bias_span.start == n_out
            covered[bias_span.at] += 1
    assert covered.tolist() == [1] * layout.size


def test_views_share_the_memory():
    network = Network(Dense(2, 3), Dense(3, 1, bias=False))
    parameters = network.start(seed=0)
    parameters.vector[:] = np.arange(network.n_parameters)
    assert parameters.weights[0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert parameters.biases[0].tolist() == [6, 7, 8]
    assert parameters.weights[1].tolist() == [[9], [10], [11]]
    assert parameters.biases[1] is None
    parameters.weights[1][2, 0] = -1.0
    parameters.biases[0][0] = -2.0
    assert parameters.vector[[11, 6]].tolist() == [-1.0, -2.0]
    assert parameters.vector.flags.c_contiguous


def test_from_arrays_and_back():
    weights = [np.arange(6.0).reshape(2, 3), np.ones((3, 1))]
    biases = [None, np.array([5.0])]
    parameters = Parameters.from_arrays(weights, biases, dtype="float32")
    assert parameters.vector.dtype == np.float32
    for found, given_ in zip(parameters.weights, weights, strict=True):
        np.testing.assert_array_equal(found, given_)
    assert parameters.biases[0] is None
    np.testing.assert_array_equal(parameters.biases[1], [5.0])
    weights[0][0, 0] = 100.0
    assert parameters.weights[0][0, 0] == 0.0, "the numbers are copied"


@pytest.mark.parametrize("vector", [np.zeros(12), np.zeros(14), np.zeros((13, 1))])
def test_wrong_size_is_refused(vector):
    network = Network(Dense(2, 3), Dense(3, 1))
    with pytest.raises(ValueError, match="parameters must be a vector of 13 numbers for this netw"):
        network.parameters(vector)


def test_views_of_any_library(library, asarray):
    network = Network(Dense(2, 3))
    parameters = network.parameters(asarray(np.arange(9.0)))
    assert tuple(parameters.weights[0].shape) == (2, 3)
    np.testing.assert_array_equal(np.asarray(parameters.biases[0]), [6.0, 7.0, 8.0])
