"""Options and data that `train` accepts and refuses; other array libraries."""

import math

import numpy as np
import pytest
import scipy.sparse

from chainrule import Dense, Network, losses, train

RANDOM = np.random.default_rng(20)
X = RANDOM.normal(size=(60, 3))
T = 2.0 * X[:, 0] - X[:, 1] + 1.0
NETWORK = Network(Dense(3, 5, "tanh"), Dense(5, 1))
LINE = Network(Dense(3, 1))


def last(*arguments, **options):
    *_, epoch = train(*arguments, **options)
    return epoch


class TestOptions:
    @pytest.mark.parametrize("name", ["batch_size", "epochs", "patience"])
    @pytest.mark.parametrize("wrong", [0, -3, 2.0, True, "10"])
    def test_counts_are_positive_integers(self, name, wrong):
        with pytest.raises(ValueError, match=f"{name} must be a positive integer; got {wrong!r}"):
            train(NETWORK, X, T, **{name: wrong})

    @pytest.mark.parametrize("wrong", [0.0, -0.1, math.inf, math.nan])
    def test_learning_rate_is_positive_and_finite(self, wrong):
        message = f"learning_rate must be positive and finite; got {wrong}"
        with pytest.raises(ValueError, match=message):
            train(NETWORK, X, T, learning_rate=wrong)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"loss": "mes"}, "unknown loss 'mes'. Did you mean 'mse'"),
            ({"optimizer": "adm"}, "unknown optimizer 'adm'. Did you mean 'adam'"),
            ({"schedule": "cosin"}, "unknown schedule 'cosin'. Did you mean 'cosine'"),
            ({"engine": "fast"}, "engine must be one of"),
            ({"dtype": "float16"}, "dtype must be 'float32' or 'float64'"),
            ({"seed": -1}, "seed must be an integer of at least 0; got -1"),
            ({"seed": 1.0}, "seed must be an integer of at least 0; got 1.0"),
            ({"learning_rate": "fast"}, "learning_rate must be positive and finite; got 'fast'"),
            ({"loss": losses.mse, "optimizer": losses.mse}, "optimizer must be a name or a record"),
            ({"validation": X}, r"validation must be \(x, y\) or .*; got a ndarray"),
            ({"validation": (X,)}, r"validation must be \(x, y\) or .*; got a tuple of 1"),
            ({"l2": -1.0}, "strength must be at least 0 and finite; got -1.0"),
        ],
    )
    def test_wrong_names_and_values(self, options, message):
        with pytest.raises(ValueError, match=message):
            train(NETWORK, X, T, **options)

    @pytest.mark.parametrize(
        ("x", "y", "message"),
        [
            (X[:, :2], T, r"x must be of shape \(n, 3\) for this network; got \(60, 2\)"),
            (X[:, 0], T, r"x must be of shape \(n, 3\) for this network; got \(60,\)"),
            (X[:0], T[:0], r"x must have at least one row; got shape \(0, 3\)"),
            (X, T[:-1], "x and y must have the same number of rows; got 60 and 59"),
            (X, np.c_[T, T], r"y must be of shape \(n, 1\), one column per output of the network"),
            (X.astype(str), T, "x must hold real numbers; got <U"),
            (X + 1j, T, "x must hold real numbers; got complex128"),
            (
                X,
                np.where(np.arange(60) == 3, np.nan, T),
                "y must be finite for mse; got nan. It st",
            ),
        ],
    )
    def test_data_that_do_not_fit_are_refused_before_the_first_step(self, x, y, message):
        with pytest.raises(ValueError, match=message):
            train(NETWORK, x, y)

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_nan_and_infinity_are_named_with_their_cell(self, value):
        x = X.copy()
        x[5, 1] = value
        message = f"x must be finite, without NaN and inf; got {value} in row 5, column 1"
        with pytest.raises(ValueError, match=message):
            train(NETWORK, x, T)
        with pytest.raises(ValueError, match="validation " + message):
            train(NETWORK, X, T, validation=(x, T))
        with pytest.raises(ValueError, match=message):
            train(NETWORK, scipy.sparse.csr_array(x), T)

    def test_large_finite_inputs_whose_sum_overflows_are_accepted(self):
        x = np.full((4, 3), 1e308)
        options = {"learning_rate": 1e-300, "epochs": 1, "loss": "mae"}
        network = Network(Dense(3, 1, initializer="zeros"))
        assert math.isfinite(last(network, x, np.zeros(4), **options).loss)

    def test_parameters_of_another_network_are_refused(self):
        with pytest.raises(ValueError, match="parameters must be those of the network"):
            train(NETWORK, X, T, parameters=LINE.start())

    def test_given_parameters_are_copied(self):
        parameters = NETWORK.start(seed=9)
        before = parameters.vector.tobytes()
        list(train(NETWORK, X, T, parameters=parameters, epochs=2))
        assert parameters.vector.tobytes() == before

    def test_inputs_are_not_changed(self):
        x, t, weight = X.copy(), T.copy(), np.ones(60)
        before = [array.tobytes() for array in (x, t, weight)]
        for array in (x, t, weight):
            array.flags.writeable = False
        list(train(NETWORK, x, t, sample_weight=weight, validation=(x, t), epochs=2))
        assert [array.tobytes() for array in (x, t, weight)] == before

    def test_float32_is_kept(self):
        epoch = last(NETWORK, X, T, dtype="float32", optimizer="adam", epochs=2)
        assert epoch.parameters.vector.dtype == np.float32

    @pytest.mark.parametrize(
        "change",
        [np.asfortranarray, lambda x: np.repeat(x, 2, 1)[:, ::2], lambda x: x.astype(">f8")],
        ids=["fortran", "strided", "big-endian"],
    )
    def test_memory_layout_does_not_matter(self, change):
        expected = last(NETWORK, X, T, epochs=3).parameters.vector
        found = last(NETWORK, change(X), T, epochs=3).parameters.vector
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13)

    def test_sparse_rows_train_as_dense_ones(self):
        x = X * (np.abs(X) > 0.8)
        dense = last(NETWORK, x, T, epochs=3, batch_size=7)
        for sparse in (scipy.sparse.csr_matrix(x), scipy.sparse.csc_array(x)):
            found = last(NETWORK, sparse, T, epochs=3, batch_size=7)
            np.testing.assert_allclose(
                found.parameters.vector, dense.parameters.vector, rtol=1e-9, atol=1e-12
            )


class TestOtherLibraries:
    def test_training_agrees_with_numpy(self, library, asarray):
        network = Network(Dense(3, 4, "gelu"), Dense(4, 1))
        options = {"optimizer": "adam", "batch_size": 16, "epochs": 4, "l2": 0.01, "seed": 3}
        options |= {"learning_rate": 0.02, "schedule": "cosine", "patience": 10}
        weight = np.linspace(0.0, 2.0, 40)
        expected = last(
            network, X[:40], T[:40], sample_weight=weight, validation=(X[40:], T[40:]), **options
        )
        start = network.start(seed=3)
        found = last(
            network,
            asarray(X[:40]),
            asarray(T[:40]),
            sample_weight=asarray(weight),
            validation=(asarray(X[40:]), asarray(T[40:])),
            parameters=network.parameters(asarray(start.vector)),
            **options,
        )
        assert type(found.parameters.vector) is type(asarray(X))
        np.testing.assert_allclose(
            np.asarray(found.parameters.vector), expected.parameters.vector, rtol=1e-9
        )
        assert found.loss == pytest.approx(expected.loss, rel=1e-10)
        assert found.validation_loss == pytest.approx(expected.validation_loss, rel=1e-10)

    def test_classes_agree_with_numpy(self, library, asarray):
        network = Network(Dense(3, 3))
        labels = np.argmax(X, axis=1)
        options = {"loss": "categorical_cross_entropy", "epochs": 3, "seed": 1}
        expected = last(network, X, labels, **options)
        start = network.parameters(asarray(network.start(seed=1).vector))
        found = last(network, asarray(X), asarray(labels), parameters=start, **options)
        np.testing.assert_allclose(
            np.asarray(found.parameters.vector), expected.parameters.vector, rtol=1e-10, atol=1e-14
        )
