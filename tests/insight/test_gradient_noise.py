"""Gradient noise against gradients of single rows, and against all batches there are."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from chainrule import Dense, Network, Objective, Parameters
from chainrule.engines.engine import Rows
from chainrule.foundation.errors import InputError
from chainrule.insight.gradient_noise import BATCH_SIZES, GradientNoise, gradient_noise
from chainrule.insight.subject import Subject
from chainrule.training.gradient_moments import LayerNoise, moments, nearest_power_of_two


def row_gradients(subject):
    """Return w_i times the gradient of each row's loss, without penalties, one row at a time."""
    bare = Objective(subject.objective.network, subject.objective.loss)
    engine = Subject(bare, subject.vector, subject.rows).engine
    rows = subject.rows
    found = []
    for number in range(len(rows)):
        one = Rows(*rows.take(slice(number, number + 1)))
        found.append(engine.gradient(subject.vector, one)[1])
    return np.array(found, dtype=np.float64)


def book(draws=0, sizes=()):
    """The four rows of the book's batch notebook, and a linear model from zero."""
    start = Parameters.from_arrays([np.zeros((2, 1))], [None])
    objective = Objective(Network(Dense(2, 1, bias=False)), "mse")
    x = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])
    return Subject.of(objective, start, x, x.sum(axis=1))


# Chapter02/Specifying_batch_size_while_training_a_model.ipynb, variance of the gradient by w1 and
# by w2 over all batches of B rows
BOOK_VARIANCES = {1: (6036.0, 7476.0), 2: (2012.0, 2492.0), 3: (2012 / 3, 2492 / 3), 4: (0.0, 0.0)}


@pytest.mark.parametrize("size", BOOK_VARIANCES)
def test_the_law_of_the_books_batches(size):
    subject = book()
    noise = gradient_noise(subject, draws=0)
    batches = [
        subject.engine.gradient(subject.vector, Rows(*subject.rows.take(np.array(index))))[1]
        for index in itertools.combinations(range(4), size)
    ]
    enumerated = np.var(batches, axis=0)
    np.testing.assert_allclose(enumerated, BOOK_VARIANCES[size], rtol=1e-12, atol=1e-9)
    assert noise.variance(size) == pytest.approx(sum(BOOK_VARIANCES[size]), rel=1e-12, abs=1e-9)
    norm = np.linalg.norm(noise.gradient)
    root = math.sqrt(np.mean([np.sum((g - noise.gradient) ** 2) for g in batches]))
    assert noise.relative_error(size) == pytest.approx(root / norm, rel=1e-12, abs=1e-12)


@given(
    seed=st.integers(0, 10_000),
    activation=st.sampled_from(["tanh", "relu", "softmax", "gelu"]),
    loss=st.sampled_from(["mse", "mae", "binary_cross_entropy", "categorical_cross_entropy"]),
    weighted=st.booleans(),
    bias=st.booleans(),
    l2=st.sampled_from([0.0, 0.3]),
)
def test_equals_the_gradients_of_single_rows(seed, activation, loss, weighted, bias, l2):
    random = np.random.default_rng(seed)
    n = int(random.integers(2, 12))
    network = Network(Dense(3, 4, activation, bias=bias), Dense(4, 2, bias=not bias))
    y = random.uniform(size=(n, 2))
    if loss == "categorical_cross_entropy":
        y = y / y.sum(axis=1, keepdims=True)
    weight = random.integers(0, 3, n) + (np.arange(n) == 0) if weighted else None
    objective = Objective.with_strengths(network, loss, l2=l2)
    subject = Subject.of(
        objective, network.start(seed), random.normal(size=(n, 3)), y, sample_weight=weight
    )
    single = row_gradients(subject)
    trace = np.var(single, axis=0, ddof=1).sum()
    noise = moments(objective, subject.vector, subject.rows)
    gradient = subject.engine.gradient(subject.vector, subject.rows)[1]
    np.testing.assert_allclose(noise.gradient, gradient, rtol=1e-10, atol=1e-13)
    scale = np.mean(np.sum(single**2, axis=1))
    assert noise.trace == pytest.approx(trace, rel=1e-9, abs=1e-12 * scale)
    expected = gradient @ gradient - trace / n
    assert noise.squared_gradient == pytest.approx(expected, rel=1e-9, abs=1e-9 * scale)
    assert sum(one.trace for one in noise.layers) == pytest.approx(noise.trace, abs=1e-300)


def problem(n=600, dtype="float64", seed=1):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 6)) * (random.uniform(size=(n, 6)) < 0.5)
    y = (x[:, 0] - x[:, 1] + 0.5 * random.normal(size=n) > 0.0).astype(float)
    network = Network.of_widths([6, 8, 1], "relu")
    objective = Objective(network, "binary_cross_entropy")
    return Subject.of(objective, network.start(0, dtype), x, y)


def test_drawn_batches_follow_the_law():
    noise = gradient_noise(problem(), (8, 32, 128, 600, 5000), draws=60)
    assert [one.batch_size for one in noise.measured] == [8, 32, 128, 600]
    for one in noise.measured[:-1]:
        assert one.error == pytest.approx(one.expected, rel=0.15)
        assert one.lowest < one.error < one.highest
    assert noise.measured[-1].error == pytest.approx(0.0, abs=1e-12)
    # four times the batch halves the error, but for the rows that run out
    ratio = noise.relative_error(8) / noise.relative_error(32)
    assert ratio == pytest.approx(2.0 * math.sqrt(592 / 568), rel=1e-12)


def test_estimates_are_unbiased():
    whole = problem(4000)
    population = moments(whole.objective, whole.vector, whole.rows)
    random = np.random.default_rng(5)
    found = []
    for _ in range(300):
        index = random.choice(4000, 16, replace=True)
        sample = moments(whole.objective, whole.vector, Rows(*whole.rows.take(index)))
        biased = sample.gradient @ sample.gradient
        found.append((sample.trace, sample.squared_gradient, biased))
    means = np.mean(found, axis=0)
    errors = np.std(found, axis=0) / math.sqrt(300)
    norm = population.gradient @ population.gradient
    assert abs(means[0] - population.trace) < 4.0 * errors[0]
    assert abs(means[1] - norm) < 4.0 * errors[1]
    assert means[2] - norm > 4.0 * errors[2]  # what is not corrected is far off


def test_sparse_rows_and_single_precision_say_the_same():
    subject = problem()
    noise = gradient_noise(subject, draws=0)
    x = sparse.csr_matrix(subject.rows.x)
    thin = moments(subject.objective, subject.vector, Rows(x, subject.rows.y))
    assert thin.trace == pytest.approx(noise.trace, rel=1e-12)
    single = gradient_noise(problem(dtype="float32"), draws=0)
    assert single.noise_scale == pytest.approx(noise.noise_scale, rel=1e-4)


def test_choice_follows_the_noise_scale_and_says_why():
    noise = gradient_noise(problem(), draws=0)
    size, why = noise.choose(2, 512)
    assert abs(math.log2(size / noise.noise_scale)) <= 0.5
    assert f"noise scale is {noise.noise_scale:.3g} rows" in why
    assert noise.choose(512, 1024)[0] == 512


def test_default_number_of_draws():
    """20 batches each of 32 to 1024 rows, as far as there are rows."""
    measured = gradient_noise(problem()).measured
    every = (32, 64, 128, 256, 512, 1024)
    rows = len(problem().rows)
    assert [one.batch_size for one in measured] == [size for size in every if size <= rows]
    assert measured[0].draws == 20
    assert every == BATCH_SIZES


@pytest.mark.parametrize(("scale", "size"), [(1.0, 32), (1e6, 1024)])
def test_the_default_bounds_of_a_choice(scale, size):
    noise = GradientNoise(5000, np.ones(1), scale, 1.0, (LayerNoise(1, scale, 1.0),))
    found, why = noise.choose()
    assert found == size
    assert why.endswith("powers of two from 32 to 1024 allowed")


@pytest.mark.parametrize(("rows", "size"), [(255, 15), (4_095, 255), (4_096, 256), (10**6, 256)])
def test_the_summary_speaks_of_a_batch_that_four_times_as_many_rows_halve(rows, size):
    noise = GradientNoise(rows, np.ones(1), 1.0, 1.0, (LayerNoise(1, 1.0, 1.0),))
    assert f"A batch of {size} rows has a gradient error of" in noise.summary
    assert 0.44 < noise.relative_error(4 * size) / noise.relative_error(size) <= 0.5


def test_equal_rows_have_no_noise_and_a_minimum_has_nothing_else():
    network = Network(Dense(1, 1))
    objective = Objective(network, "mse")
    same = gradient_noise(
        Subject.of(objective, network.start(0), np.ones((50, 1)), np.ones(50)), (10,), draws=3
    )
    assert same.trace == pytest.approx(0.0, abs=1e-15)
    assert same.choose()[0] == 32
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 1))
    y = x[:, 0] + random.normal(size=500)
    design = np.hstack([x, np.ones((500, 1))])
    best = np.linalg.lstsq(design, y, rcond=None)[0]
    at = Parameters.from_arrays([[[best[0]]]], [[best[1]]])
    lowest = gradient_noise(Subject.of(objective, at, x, y), draws=0)
    assert lowest.squared_gradient < 0.0
    assert lowest.noise_scale == math.inf
    assert "cannot be told from 0" in lowest.summary
    assert lowest.choose()[0] == 256  # the largest power of two of 500 rows


@given(
    size=st.floats(1e-3, 1e9),
    low=st.integers(1, 2000),
    high=st.integers(1, 5000),
    n=st.integers(2, 10_000),
)
def test_power_of_two_is_within_bounds(size, low, high, n):
    if math.ceil(math.log2(low)) > math.floor(math.log2(high)):
        with pytest.raises(InputError, match="power of two between"):
            nearest_power_of_two(size, low, high, n)
        return
    found = nearest_power_of_two(size, low, high, n)
    assert math.log2(found).is_integer()
    assert found <= min(high, n)
    assert found >= low or found > n // 2


def test_text_and_dictionary_hold_the_numbers():
    noise = gradient_noise(problem(), (32, 64), draws=4)
    text = str(noise)
    assert f"noise scale {noise.noise_scale:.3g} rows" in text
    assert f"{noise.measured[1].error:.3g}" in text
    read = json.loads(json.dumps(noise.to_dict()))
    assert read["trace"] == noise.trace
    assert [one["batch_size"] for one in read["measured"]] == [32, 64]


def test_problems_without_noise_are_refused():
    network = Network(Dense(1, 1))
    one = Subject.of(Objective(network, "mse"), network.start(0), [[1.0]], [1.0])
    with pytest.raises(InputError, match="rows must be at least 2 to speak of noise; got 1"):
        gradient_noise(one)
    with pytest.raises(InputError, match="batch_sizes must be positive integers; got 0"):
        gradient_noise(problem(), (0,))
    with pytest.raises(InputError, match="batch_size must be from 1 to the 600 rows; got 601"):
        gradient_noise(problem(), draws=0).variance(601)
