"""The gradient of a fitted estimator: the slope of its loss in the user's units."""

import numpy as np
import pytest
from scipy import sparse

from chainrule import InputError, MLPClassifier, MLPRegressor, losses

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 3))
NUMBERS = 300.0 + 50.0 * X[:, 0] + RANDOM.normal(size=40)
WEIGHT = RANDOM.uniform(0.5, 2.0, size=40)
OPTIONS = {"hidden_layer_sizes": (4,), "activation": "tanh", "random_state": 0, "max_iter": 3}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning",
                                        "ignore::chainrule.DataWarning")  # fmt: skip


def slopes(model, measure):
    """Return finite differences of a measure by every number of the model."""
    vector, found = model.parameters_.vector, []
    for index, value in enumerate(vector.copy()):
        step = 1e-5 * max(1.0, abs(value))
        ends = []
        for side in (step, -step):
            vector[index] = value + side
            ends.append(measure())
        vector[index] = value
        found.append((ends[0] - ends[1]) / (2 * step))
    return np.array(found)


@pytest.mark.parametrize("scale_target", [True, False])
@pytest.mark.parametrize("loss", ["mse", "huber", "poisson"])
def test_of_a_regressor(loss, scale_target):
    y = NUMBERS if scale_target else NUMBERS / 300.0
    model = MLPRegressor(**OPTIONS, loss=loss, scale_target=scale_target).fit(X, y)
    record = losses.get(loss)
    found = model.gradient(X, y, WEIGHT)
    expected = slopes(model, lambda: record(model.predict(X)[:, None], y[:, None], WEIGHT))
    np.testing.assert_allclose(found.vector, expected, rtol=2e-5, atol=1e-6 * abs(expected).max())
    assert [one.shape for one in found.weights] == [one.shape for one in model.coefs_]
    assert [one.shape for one in found.biases] == [one.shape for one in model.intercepts_]


def test_of_a_classifier_with_text_labels_and_class_weights():
    y = np.array(["a", "b", "c"])[RANDOM.integers(0, 3, 40)]
    model = MLPClassifier(**OPTIONS, class_weight={"a": 3.0, "b": 1.0, "c": 1.0}).fit(X, y)
    codes = np.searchsorted(model.classes_, y)
    weight = WEIGHT * np.where(y == "a", 3.0, 1.0)

    def measure():
        chances = model.predict_proba(X)[np.arange(40), codes]
        return np.sum(weight * -np.log(chances)) / np.sum(weight)

    np.testing.assert_allclose(
        model.gradient(X, y, WEIGHT).vector, slopes(model, measure), rtol=1e-5, atol=1e-8
    )


def test_penalties_are_asked_for():
    model = MLPClassifier(**OPTIONS, alpha=0.5, l1=0.25).fit(X, X[:, 0] > 0)
    y = X[:, 0] > 0
    plain, whole = model.gradient(X, y), model.gradient(X, y, penalties=True)
    for weight, without, added in zip(model.coefs_, plain.weights, whole.weights, strict=True):
        price = 0.5 * weight + 0.25 * np.sign(weight)
        np.testing.assert_allclose(added - without, price, rtol=1e-9)
    for one, other in zip(plain.biases, whole.biases, strict=True):
        np.testing.assert_array_equal(one, other)


def test_edited_numbers_count():
    model = MLPRegressor(**OPTIONS).fit(X, NUMBERS)
    model.coefs_[1][...] *= 2.0
    expected = slopes(model, lambda: np.mean((model.predict(X) - NUMBERS) ** 2))
    np.testing.assert_allclose(model.gradient(X, NUMBERS).vector, expected, rtol=1e-5, atol=1e-4)


def test_the_gradient_changes_nothing_and_takes_sparse_rows(contents):
    model = MLPRegressor(**OPTIONS).fit(X, NUMBERS)
    before = contents(model)
    dense = model.gradient(X, NUMBERS).vector
    listed = model.gradient(sparse.csr_array(X), NUMBERS).vector
    np.testing.assert_allclose(listed, dense, rtol=1e-10)
    assert contents(model) == before


def test_one_step_of_descent_is_the_step_of_training():
    y = X[:, 0] > 0
    options = {**OPTIONS, "solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.5,
               "batch_size": 40, "alpha": 0.01, "max_iter": 1, "warm_start": True}  # fmt: skip
    model = MLPClassifier(**options).fit(X, y)
    expected = model.parameters_.vector - 0.5 * model.gradient(X, y, penalties=True).vector
    np.testing.assert_allclose(model.fit(X, y).parameters_.vector, expected, rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gradient_has_the_dtype_of_every_engine(dtype):
    found = [
        MLPRegressor(**OPTIONS, dtype=dtype, engine=engine).fit(X, NUMBERS).gradient(X, NUMBERS)
        for engine in ("reference", "compiled")
    ]
    assert {str(one.vector.dtype) for one in found} == {dtype}
    rtol = 1e-2 if dtype == "float32" else 1e-9
    scale = abs(found[0].vector).max()
    np.testing.assert_allclose(
        found[0].vector, found[1].vector, rtol=rtol, atol=1e-4 * rtol * scale
    )


def test_an_ensemble_says_where_to_ask():
    model = MLPClassifier(**OPTIONS, n_estimators=2).fit(X, X[:, 0] > 0)
    with pytest.raises(InputError, match=r"estimators_\[0\].gradient"):
        model.gradient(X, X[:, 0] > 0)
