"""The public gradient of a network: against finite differences, autograd and other libraries."""

import numpy as np
import pytest

from chainrule import Dense, InputError, Network, Parameters, losses

NETWORK = Network(Dense(3, 5, "tanh"), Dense(5, 4, "gelu", bias=False), Dense(4, 3))
RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(7, 3))
WEIGHT = np.array([1.0, 0.0, 2.0, 0.5, 3.0, 1.0, 1.0])
AT = NETWORK.start(seed=1)
TARGETS = {"categorical_cross_entropy": np.array([0, 1, 2, 1, 0, 2, 2])}
OTHERS = RANDOM.uniform(0.1, 0.9, size=(7, 3))


def mean_loss(vector, loss, weight):
    """The definition: sum of w l over sum of w, with the loss's own value of each row."""
    record = losses.get(loss)
    scores = NETWORK.predict(NETWORK.parameters(vector), X)
    y = record.encode(TARGETS.get(loss, OTHERS), 3, scores)
    rows = record.rows(np, scores, y)
    return np.sum(weight * rows) / np.sum(weight)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("loss", ["mse", "binary_cross_entropy", "poisson", *TARGETS])
def test_the_gradient_is_the_slope_of_the_mean_loss(loss, weight):
    y = TARGETS.get(loss, OTHERS)
    found = NETWORK.gradient(AT, X, y, loss=loss, sample_weight=weight)
    weights = np.ones(7) if weight is None else weight
    step = 1e-6
    for index, slope in enumerate(found.vector):
        beside = np.eye(len(AT.vector))[index] * step
        above, below = (mean_loss(AT.vector + s * beside, loss, weights) for s in (1, -1))
        assert slope == pytest.approx((above - below) / (2 * step), rel=1e-6, abs=1e-9)


def test_the_gradient_has_the_layers_of_the_network():
    found = NETWORK.gradient(AT, X, OTHERS)
    assert isinstance(found, Parameters)
    assert [one.shape for one in found.weights] == [(3, 5), (5, 4), (4, 3)]
    assert found.biases[1] is None
    assert [found.biases[k].shape for k in (0, 2)] == [(5,), (3,)]


def test_the_arrays_of_a_library_give_a_gradient_of_that_library(library, asarray):
    vector = asarray(AT.vector)
    expected = NETWORK.gradient(AT, X, OTHERS, sample_weight=WEIGHT)
    given = (asarray(X), asarray(OTHERS))
    for x, y in (given, (X, OTHERS), (X.tolist(), OTHERS.tolist())):
        found = NETWORK.gradient(NETWORK.parameters(vector), x, y, sample_weight=WEIGHT)
        assert type(found.vector) is type(vector)
        assert found.vector.dtype == vector.dtype
        np.testing.assert_allclose(np.asarray(found.vector), expected.vector, rtol=1e-12)
        assert tuple(found.weights[0].shape) == (3, 5)


@pytest.mark.slow
def test_jax_arrays_do():
    jax = pytest.importorskip("jax")
    found = NETWORK.gradient(NETWORK.parameters(jax.numpy.asarray(AT.vector)), X, OTHERS)
    assert isinstance(found.vector, jax.Array)
    expected = NETWORK.gradient(AT, X, OTHERS)
    np.testing.assert_allclose(np.asarray(found.vector), expected.vector, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_autograd_finds_the_same(precision):
    torch = pytest.importorskip("torch")
    vector = torch.tensor(AT.vector, dtype=getattr(torch, precision), requires_grad=True)
    inputs = torch.tensor(X, dtype=vector.dtype)
    classes = torch.tensor(TARGETS["categorical_cross_entropy"])
    (w1, w2, w3), (b1, _, b3) = (getattr(NETWORK.parameters(vector), k) for k in
                                 ("weights", "biases"))  # fmt: skip
    gelu = torch.nn.functional.gelu(torch.tanh(inputs @ w1 + b1) @ w2)
    torch.nn.functional.cross_entropy(gelu @ w3 + b3, classes).backward()
    found = NETWORK.gradient(
        NETWORK.parameters(vector), inputs, classes, loss="categorical_cross_entropy"
    )
    assert not found.vector.requires_grad
    assert found.vector.dtype == vector.dtype
    tolerance = 1e-5 if precision == "float32" else 1e-12
    torch.testing.assert_close(found.vector, vector.grad, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("loss", "one", "many"),
    [
        ("mse", OTHERS[0], OTHERS[:1]),
        ("categorical_cross_entropy", 2, [2]),
        ("categorical_cross_entropy", [0.0, 0.0, 1.0], [2]),
    ],
)
def test_one_row_is_a_row(loss, one, many):
    alone = NETWORK.gradient(AT, X[0], one, loss=loss)
    np.testing.assert_array_equal(alone.vector, NETWORK.gradient(AT, X[:1], many, loss=loss).vector)


def test_one_row_of_a_list_with_a_number_as_its_target():
    network = Network(Dense(2, 1))
    at = Parameters.from_arrays([[[0.5], [0.25]]], [[0.0]])
    assert network.gradient(at, [1.0, -2.0], 3.0).vector.tolist() == [-6.0, 12.0, -6.0]


def test_data_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="parameters must be those of the network"):
        NETWORK.gradient(Network(Dense(3, 3)).start(), X, OTHERS)
    with pytest.raises(InputError, match=r"x must be of shape \(n, 3\)"):
        NETWORK.gradient(AT, X[:, :2], OTHERS)
    with pytest.raises(InputError, match="x and y must have the same number of rows"):
        NETWORK.gradient(AT, X, OTHERS[:3])
    with pytest.raises(InputError, match="NaN"):
        NETWORK.gradient(AT, np.where(X > 0, np.nan, X), OTHERS)


def test_the_parameters_stay_unchanged():
    before = AT.vector.tobytes()
    NETWORK.gradient(AT, X, OTHERS).vector[...] = 5.0
    assert AT.vector.tobytes() == before
