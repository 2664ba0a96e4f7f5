"""`predictor`: the answers of a method, row by row, from a copy of the parameters."""

import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import Activation, InputError, MLPClassifier, MLPRegressor, activations, losses

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(60, 5)).astype(np.float32)
TARGETS = {
    "binary": X[:, 0] > 0.0,
    "texts": np.array(["no", "yes"])[(X[:, 1] > 0.0).astype(int)],
    "classes": np.arange(60) % 4,
    "labels": (X[:, :3] > 0.0).astype(int),
    "one class": np.zeros(60, int),
}
NUMBERS = {
    "mse": X[:, 0],
    "mae": X[:, :2],
    "huber": X[:, 0],
    "smooth_l1": X[:, 0],
    "poisson": np.exp(X[:, 0]),
    losses.get("quantile", q=0.3): X[:, 0],
    losses.get("quantile", q=(0.1, 0.5, 0.9)): X[:, 0],
}


def fitted(kind, y, **options):
    usual = {"hidden_layer_sizes": (7,), "max_iter": 2, "random_state": 0}
    rows = options.pop("X", X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(**usual | options).fit(rows, y)


def check(model, method, rows=X):
    """Compare the predictor with the method, bit for bit, on many rows and on each."""
    ask = getattr(model, method)
    for validate in (True, False):
        answer = model.predictor(method, validate=validate)
        np.testing.assert_array_equal(answer(rows), ask(rows))
        for row in rows[:9]:
            expected = ask(row[None])[0]
            np.testing.assert_array_equal(answer(row), expected)
            np.testing.assert_array_equal(answer(row.astype(np.float64)), expected)
            np.testing.assert_array_equal(answer(row.tolist()), expected)


@pytest.mark.grid(3)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_classes(name, method, dtype):
    check(fitted(MLPClassifier, TARGETS[name], dtype=dtype), method)


@pytest.mark.parametrize("loss", NUMBERS, ids=str)
def test_numbers(loss):
    check(fitted(MLPRegressor, NUMBERS[loss], loss=loss), "predict")


def test_quantiles():
    loss = losses.get("quantile", q=(0.1, 0.5, 0.9))
    check(fitted(MLPRegressor, X[:, 0], loss=loss), "predict_quantiles")
    with pytest.raises(AttributeError, match="predict_quantiles"):
        fitted(MLPRegressor, X[:, 0]).predictor("predict_quantiles")


@pytest.mark.grid(2)
@pytest.mark.parametrize("method", ["predict", "predict_proba"])
@pytest.mark.parametrize("name", ["binary", "classes", "labels"])
def test_several_networks(name, method):
    check(fitted(MLPClassifier, TARGETS[name], n_estimators=3), method)
    check(fitted(MLPRegressor, X[:, 0], n_estimators=3), "predict")


@pytest.mark.grid(3)
@pytest.mark.parametrize("activation", list(activations))
def test_every_activation_and_engine(activation):
    for engine in ("auto", "reference"):
        options = {"activation": activation, "engine": engine}
        check(fitted(MLPClassifier, TARGETS["classes"], **options), "predict_proba")


def test_a_formula_that_cannot_be_compiled():
    class Odd(Activation):
        name = "odd"
        range = (-np.inf, np.inf)

        def value(self, xp, z):
            return xp.asarray(np.arctan(np.asarray(z)))

        def slope(self, xp, z, a):
            return 1.0 / (1.0 + z * z)

    model = fitted(MLPClassifier, TARGETS["binary"], activation=Odd(), engine="reference")
    answer, expected = model.predictor("predict_proba"), model.predict_proba(X)
    np.testing.assert_allclose(answer(X), expected, rtol=1e-6)
    np.testing.assert_allclose(answer(X[0]), expected[0], rtol=1e-6)


@pytest.mark.slow
@given(st.integers(1, 40), st.integers(1, 3), st.sampled_from([np.float32, np.float64]))
def test_any_width(n_in, n_out, dtype):
    random = np.random.default_rng(n_in)
    rows = random.normal(size=(12, n_in)).astype(dtype)
    y = random.normal(size=(12, n_out))
    model = fitted(MLPRegressor, y[:, 0] if n_out == 1 else y, X=rows, max_iter=1)
    check(model, "predict", rows)


def test_it_keeps_the_parameters_of_its_time():
    model = fitted(MLPClassifier, TARGETS["classes"])
    answer = model.predictor("predict_proba")
    before = answer(X[0])
    model.coefs_[0][...] = 0.0
    np.testing.assert_array_equal(answer(X[0]), before)
    with pytest.warns(UserWarning, match="max_iter=2"):
        model.fit(X[:, :2], TARGETS["binary"])
    np.testing.assert_array_equal(answer(X[0]), before)


def test_threads_share_one():
    model = fitted(MLPClassifier, TARGETS["classes"], hidden_layer_sizes=(50, 50))
    answer, expected = model.predictor("predict_proba"), model.predict_proba(X)
    wrong, begin = [], threading.Barrier(4)

    def ask(first):
        begin.wait()
        for turn in range(5000):
            number = (first + turn) % len(X)
            if not np.array_equal(answer(X[number]), expected[number]):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(17 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (X[0, :4], "expecting 5 features"),
        ([1.0, 2.0, np.nan, 0.0, 0.0], "X must be finite"),
        ([1.0, 2.0, np.inf, 0.0, 0.0], "X must be finite"),
        (["a", "b", "c", "d", "e"], "X must hold numbers"),
        (np.array([1e39, 0.0, 0.0, 0.0, 0.0]), "X must be within 3.4e"),
        (np.full(5, 3e38, np.float32), "X must hold numbers whose"),
        (np.float32(3.0), "array"),
    ],
)
def test_rows_that_are_refused(row, words):
    model = fitted(MLPClassifier, TARGETS["classes"], hidden_layer_sizes=(9, 9))
    model.coefs_ = [4.0 * weight for weight in model.coefs_]
    answer = model.predictor("predict_proba")
    with pytest.raises(ValueError, match=words):
        answer(row)


def test_unchecked_rows():
    answer = fitted(MLPClassifier, TARGETS["classes"]).predictor(validate=False)
    answer(np.full(5, np.nan, np.float32))
    with pytest.raises(InputError, match="must be of shape"):
        answer(X[0, :4])


def test_frames_by_their_names():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = fitted(MLPClassifier, TARGETS["classes"], X=frame)
    answer = model.predictor("predict_proba")
    expected = model.predict_proba(frame)
    np.testing.assert_array_equal(answer(frame), expected)
    np.testing.assert_array_equal(answer(X), expected)  # in the order of the columns, no warning
    with pytest.raises(ValueError, match="feature names"):
        answer(frame[list("edcba")])


def test_what_it_is_not():
    model = fitted(MLPClassifier, TARGETS["classes"])
    with pytest.raises(InputError, match="method must be predict or predict_proba; got 'score'"):
        model.predictor("score")
    with pytest.raises(InputError, match="method must be predict or predict_quantiles"):
        fitted(MLPRegressor, X[:, 0]).predictor("predict_proba")
    with pytest.raises(ValueError, match="not fitted"):
        MLPClassifier().predictor()
    assert repr(
        fitted(MLPClassifier, TARGETS["binary"], n_estimators=2).predictor(validate=False)
    ) == ("predictor: predict of 2 networks, for unchecked rows of 5 numbers")
