"""How the layers of an estimator start."""

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor, initializers, load, save_model

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(7).normal(size=(40, 3))
T = X[:, 0] - X[:, 1]
# one epoch at a rate of almost 0
STILL = {"hidden_layer_sizes": (5, 4), "max_iter": 1, "learning_rate_init": 1e-300}


def test_biases_are_drawn_beside_the_same_weights():
    for seed in range(3):
        drawn = MLPClassifier(**STILL, random_state=seed).fit(X, T > 0)
        zero = MLPClassifier(**STILL, random_state=seed, initializer="glorot_uniform")
        zero.fit(X, T > 0)
        for one, other in zip(drawn.coefs_, zero.coefs_, strict=True):
            np.testing.assert_array_equal(one, other)
        for layer, biases, none in zip(
            drawn.network_.layers, drawn.intercepts_, zero.intercepts_, strict=True
        ):
            assert 0.0 < np.abs(biases).max() <= np.sqrt(6.0 / (layer.n_in + layer.n_out))
            assert np.abs(none).max() < 1e-299


def test_none_starts_biases_at_0():
    model = MLPClassifier(**STILL, random_state=0, initializer=None).fit(X, T > 0)
    assert max(np.abs(biases).max() for biases in model.intercepts_) < 1e-299
    assert model.network_.layers[0].initializer == initializers["he_uniform"]


def test_the_last_bias_starts_in_the_unit_of_the_standardised_target():
    center, spread = -70.0, 1e4
    plain = MLPRegressor(**STILL, random_state=0).fit(X, T)
    moved = MLPRegressor(**STILL, random_state=0).fit(X, center + spread * T)
    expected = center + spread * plain.predict(X)
    np.testing.assert_allclose(moved.predict(X), expected, rtol=1e-9)
    own = (plain.intercepts_[-1] - T.mean()) / T.std()
    assert 0.0 < np.abs(own).max() <= np.sqrt(6.0 / 5.0)
    np.testing.assert_array_equal(moved.intercepts_[0], plain.intercepts_[0])


@pytest.mark.parametrize(
    "initializer", ["glorot_with_biases", initializers.get("he_normal", biases=True)]
)
def test_files_keep_it_and_training_goes_on(tmp_path, initializer):
    options = {"hidden_layer_sizes": (5,), "solver": "sgd", "momentum": 0.0, "random_state": 0}
    model = MLPRegressor(**options, initializer=initializer, max_iter=2).fit(X, T)
    assert model.intercepts_[0].any()
    path = tmp_path / "model.chainrule"
    save_model(path, model)
    again = load(path)
    assert again.initializer == initializer
    assert again.network_ == model.network_
    for one in (model, again):
        for _ in range(2):
            one.partial_fit(X, T)
    np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-12)
