"""What holds for every initializer: the drawn weights have the variance that the formula names."""

import math

import numpy as np
import pytest

from chainrule import Dense, Network, initializers

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
    assert not parameters.biases[0].any()


def test_the_formulas_of_the_literature():
    assert initializers["glorot_uniform"].variance(30, 50) == 2 / 80
    assert initializers["he_normal"].variance(30, 50) == 2 / 30
    assert initializers["lecun_normal"].variance(30, 50) == 1 / 30
    assert initializers["zeros"].variance(30, 50) == 0.0
    limit = math.sqrt(6 / 80)  # Glorot & Bengio (2010), eq. 16
    drawn = initializers["glorot_uniform"].draw(np.random.default_rng(0), 30, 50)
    assert np.abs(drawn).max() <= limit


@pytest.mark.parametrize(
    ("activation", "name"), [("relu", "he_uniform"), ("selu", "lecun_normal"), ("tanh", "glorot")]
)
def test_variance_of_the_values_is_kept_through_ten_layers(activation, name):
    """The reason for these formulas: values neither die out nor explode with depth."""
    network = Network(*(Dense(256, 256, activation, initializer=name) for _ in range(10)))
    x = np.random.default_rng(5).normal(size=(200, 256))
    spread = network.predict(network.start(seed=6), x).std()
    assert 0.1 < spread < 3.0
