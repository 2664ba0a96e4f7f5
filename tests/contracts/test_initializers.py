"""Contract of initializers: drawn weights have the variance of the formula."""

import math

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning

from chainrule import Dense, MLPRegressor, Network, initializers

NAMES = list(initializers)
FANS = [(400, 500), (900, 150)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("n_in", "n_out"), FANS)
def test_measured_mean_and_variance(name, n_in, n_out):
    record = initializers[name]
    weights = record.draw(np.random.default_rng(17), n_in, n_out)
    n, variance = weights.size, record.variance(n_in, n_out)
    assert weights.shape == (n_in, n_out)
    assert weights.dtype == np.float64
    # five standard errors; the fourth moment is 9/5 of variance² if uniform, 3 if normal
    assert abs(weights.mean()) <= 5.0 * math.sqrt(variance / n)
    spread = (1.8 if record.uniform else 3.0) - 1.0
    assert abs(weights.var() - variance) <= 5.0 * variance * math.sqrt(spread / n)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "zeros"])
def test_shape_of_the_distribution(name):
    record = initializers[name]
    weights = record.draw(np.random.default_rng(18), 300, 300)
    scaled = weights / math.sqrt(record.variance(300, 300))
    kurtosis = (scaled**4).mean()
    assert kurtosis == pytest.approx(1.8 if record.uniform else 3.0, rel=0.05)
    if record.uniform:
        assert np.abs(scaled).max() <= math.sqrt(3.0)
        assert np.abs(scaled).max() == pytest.approx(math.sqrt(3.0), rel=1e-3)
    else:
        assert np.abs(scaled).max() > 3.5


@pytest.mark.parametrize("name", NAMES)
def test_the_generator_decides(name):
    record = initializers[name]
    one, same, other = (record.draw(np.random.default_rng(seed), 4, 3) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.array_equal(one, other) == (name == "zeros")


@pytest.mark.parametrize("name", NAMES)
def test_layers_start_from_the_named_distribution(name):
    network = Network(Dense(200, 100, "tanh", initializer=name), Dense(100, 50))
    parameters = network.start(seed=3)
    expected = initializers[name].variance(200, 100)
    assert parameters.weights[0].var() == pytest.approx(expected, rel=0.05)
    assert parameters.biases[0].any() == initializers[name].biases
    assert not parameters.biases[1].any()


@pytest.mark.parametrize("name", NAMES)
def test_biases_are_drawn_as_the_weights_are(name):
    record = initializers.get(name, biases=True)
    biases = record.draw_biases(np.random.default_rng(19), 5000, 20_000)
    variance = record.variance(5000, 20_000)
    assert biases.shape == (20_000,)
    assert biases.dtype == np.float64
    assert abs(biases.mean()) <= 5.0 * math.sqrt(variance / biases.size)
    assert biases.var() == pytest.approx(variance, rel=0.05)
    if record.uniform:
        assert np.abs(biases).max(initial=0.0) <= math.sqrt(3.0 * variance)
    still = initializers.get(name, biases=False).draw_biases(np.random.default_rng(19), 30, 50)
    np.testing.assert_array_equal(still, np.zeros(50))


@pytest.mark.parametrize("name", NAMES)
def test_weights_do_not_depend_on_whether_biases_are_drawn(name):
    starts = [
        Network(
            Dense(3, 4, "tanh", initializer=initializers.get(name, biases=biases)),
            Dense(4, 3, "tanh", bias=False, initializer=initializers.get(name, biases=biases)),
            Dense(3, 2, initializer=name),
        ).start(seed=5)
        for biases in (False, True)
    ]
    for before, after in zip(*(start.weights for start in starts), strict=True):
        np.testing.assert_array_equal(before, after)
    assert starts[1].biases[0].any() == (name != "zeros")
    assert starts[1].biases[1] is None


@pytest.mark.parametrize("value", [None, 1, "yes", 0.1])
def test_biases_are_drawn_or_not(value):
    with pytest.raises(ValueError, match=r"^biases must be True or False; got "):
        initializers.get("he_normal", biases=value)


def test_the_formulas_of_the_literature():
    assert initializers["glorot_uniform"].variance(30, 50) == 2 / 80
    assert initializers["he_normal"].variance(30, 50) == 2 / 30
    assert initializers["lecun_normal"].variance(30, 50) == 1 / 30
    assert initializers["zeros"].variance(30, 50) == 0.0
    limit = math.sqrt(6 / 80)  # Glorot & Bengio (2010), eq. 16
    drawn = initializers["glorot_uniform"].draw(np.random.default_rng(0), 30, 50)
    assert np.abs(drawn).max() <= limit


@pytest.mark.parametrize(("activation", "factor"), [("relu", 6), ("tanh", 6), ("logistic", 2)])
def test_the_start_of_scikit_learn(activation, factor):
    """Its weights and biases have the bound of ours, and a narrower one with logistic units."""
    theirs = neural_network.MLPRegressor(
        hidden_layer_sizes=(4000,), activation=activation, max_iter=1, learning_rate_init=1e-30
    )
    theirs.set_params(random_state=0)
    with pytest.warns(ConvergenceWarning):
        theirs.fit(np.ones((2, 20)), [0.0, 1.0])
    ours = MLPRegressor(hidden_layer_sizes=(4000,), activation=activation)
    ours.set_params(max_iter=1, learning_rate_init=1e-30, random_state=0)
    with pytest.warns(ConvergenceWarning):
        ours.fit(np.array([[0.0] * 20, [1.0] * 20]), [-1.0, 1.0])
    for model, squared in ((ours, 6), (theirs, factor)):
        limit = math.sqrt(squared / (20 + 4000))
        for found in (model.coefs_[0], model.intercepts_[0]):
            assert limit * 0.99 < np.abs(found).max() <= limit


@pytest.mark.parametrize(
    ("activation", "name"), [("relu", "he_uniform"), ("selu", "lecun_normal"), ("tanh", "glorot")]
)
def test_variance_of_the_values_is_kept_through_ten_layers(activation, name):
    """The reason for these formulas: values neither die out nor explode with depth."""
    network = Network(*(Dense(256, 256, activation, initializer=name) for _ in range(10)))
    x = np.random.default_rng(5).normal(size=(200, 256))
    spread = network.predict(network.start(seed=6), x).std()
    assert 0.1 < spread < 3.0
