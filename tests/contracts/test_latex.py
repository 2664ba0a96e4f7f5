"""The LaTeX of every record, read back by a small evaluator, gives the record's own numbers."""

import re
from dataclasses import fields, replace

import numpy as np
import pytest

from chainrule import (
    activations,
    initializers,
    losses,
    optimizers,
    penalties,
    rate_factors,
    schedules,
)
from chainrule.foundation.arrays import namespace


@pytest.fixture
def read(latex):
    def numbers(text, **values):
        with np.errstate(all="ignore"):
            return latex.Reader(text, values).whole()

    return numbers


def test_reader_reads_what_mathematics_means(read):
    assert read(r"-2^2 + \frac{1}{2} (3 - 1) 4 / 2") == -2.0
    assert read(r"|x - 3| |x|", x=-2.0) == 10.0
    assert read(r"e^{2 x}", x=1.0) == pytest.approx(np.e**2, rel=1e-15)
    assert read(r"\begin{cases} -1 & x < 0 \\ x^2 & x \geq 0 \end{cases}", x=3.0) == 9.0
    assert read(r"\beta_1^t", **{r"\beta_1": 0.5, "t": 3}) == 0.125


def test_reader_refuses_an_unfinished_formula(read):
    with pytest.raises(AssertionError, match="ends too early"):
        read(r"\frac{1}{1 +", z=1.0)


# Every parameter away from its default, so that a formula with a fixed default would show.
ACTIVATIONS = [
    *(activations[name] for name in activations),
    activations.get("leaky_relu", negative_slope=0.3),
    activations.get("elu", alpha=1.7),
]
LOSSES = [
    *(losses[name] for name in losses),
    losses.get("huber", delta=0.75),
    losses.get("smooth_l1", delta=0.75),
    losses.get("quantile", q=0.9),
]
XP = namespace(np.zeros(1))
Z = np.concatenate([np.linspace(-9.0, 9.0, 61), [-0.5, 0.25]]).reshape(-1, 3)


@pytest.mark.parametrize("record", ACTIVATIONS, ids=repr)
def test_latex_of_an_activation(record, read):
    a = record(Z)
    value = np.broadcast_to(read(record.in_latex(record.latex), z=Z), Z.shape)
    slope = np.broadcast_to(read(record.in_latex(record.slope_latex), z=Z, a=a), Z.shape)
    np.testing.assert_allclose(a, value, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(record.slope(XP, Z, a), slope, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("record", LOSSES, ids=repr)
def test_latex_of_a_loss(record, read):
    random = np.random.default_rng(3)
    s = random.normal(0.0, 2.0, (40, 3))
    y = random.uniform(0.05, 0.95, (40, 3))
    s[0, 0] = y[0, 0]  # the middle case of a piecewise gradient
    if record.rowwise:
        y = y / y.sum(axis=1, keepdims=True)
    p = record.mean(XP, s)
    value = read(record.in_latex(record.latex), p=p, y=y)
    value = value[:, 0] if record.rowwise else value
    gradient = read(record.in_latex(record.gradient_latex), s=s, y=y)
    np.testing.assert_allclose(record.on_prediction(XP, p, y), value, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(record.value(XP, s, y), value, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(record.gradient(XP, s, y), gradient, rtol=1e-11, atol=1e-14)
    if record.prediction_gradient_latex:
        gradient = read(record.in_latex(record.prediction_gradient_latex), p=p, y=y)
        found = record.prediction_gradient(XP, p, y)
        np.testing.assert_allclose(found, gradient, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("name", initializers)
def test_latex_of_an_initializer(name, read):
    record = initializers[name]
    assert read(record.latex, n=30.0, m=50.0) == pytest.approx(record.variance(30, 50), rel=1e-15)


@pytest.mark.parametrize("name", penalties)
def test_latex_of_a_penalty(name, read):
    record = penalties.get(name, strength=0.3)
    w = np.array([1.0, -2.0, 0.0, 0.5])
    value = read(record.latex, w=w, **{r"\lambda": 0.3})
    assert value[0] == pytest.approx(record.value(XP, w), rel=1e-15)


@pytest.mark.parametrize(
    "record",
    [
        rate_factors.get("constant", weight=0.3, bias=0.7),
        rate_factors.get("ntk", bias=0.3),
    ],
    ids=repr,
)
def test_latex_of_rate_factors(record, read):
    rates = []
    for line in re.split(r", *\\quad *", record.in_latex(record.latex)):
        _, right = line.split("=")
        rates.append(read(right, n=30.0, m=50.0, **{r"\eta": 0.05}))
    factors = record.of_layer(30, 50)
    assert rates == pytest.approx([0.05 * factor for factor in factors], rel=1e-15)


def test_all_rate_factors_have_their_latex_tested():
    assert set(rate_factors) == {"constant", "ntk"}


@pytest.mark.parametrize("name", schedules)
def test_latex_of_a_schedule(name, read):
    record = schedules[name]
    t = np.arange(90.0)
    symbols = {"t": t, "T": 90.0, "n": 2.0}
    if name == "one_cycle":  # the legs of r, a and b are told in words
        peak = record.warm_up * 89.0
        up = t <= peak
        symbols["r"] = np.where(up, t / peak, (t - peak) / (89.0 - peak))
        symbols["a"] = np.where(up, 1.0 / record.start, 1.0)
        symbols["b"] = np.where(up, 1.0, 1.0 / (record.start * record.end))
    value = np.broadcast_to(read(record.in_latex(record.latex), **symbols), t.shape)
    np.testing.assert_allclose(record.multiplier(t, 2, 90), value, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    "record",
    [
        optimizers.get("sgd", momentum=0.7),
        optimizers.get("adam", beta_1=0.8, beta_2=0.95, epsilon=1e-3),
        optimizers.get("adamw", beta_1=0.8, beta_2=0.95, epsilon=1e-3, weight_decay=0.2),
        optimizers.get("rmsprop", decay=0.7, epsilon=1e-3),
    ],
    ids=repr,
)
def test_latex_of_an_optimizer(record, read):
    random = np.random.default_rng(5)
    p, g = random.normal(size=7), random.normal(size=7)
    slots = tuple(random.uniform(0.1, 1.0, 7) for _ in record.slots)
    letters = {"velocity": "v", "m": "m", "v": "v"}
    greek = {
        "momentum": r"\mu",
        "decay": r"\rho",
        "beta_1": r"\beta_1",
        "beta_2": r"\beta_2",
        "epsilon": r"\epsilon",
        "weight_decay": r"\lambda",
    }
    values = {greek[f.name]: getattr(record, f.name) for f in fields(record) if f.name in greek}
    values |= {"p": p, "g": g, "t": 4, r"\eta": 0.05}
    values |= {letters[slot]: array for slot, array in zip(record.slots, slots, strict=True)}
    for line in re.split(r",? *\\quad *(?:\\text\{then\} *\\quad *)?", record.latex):
        target, right = line.split(r"\leftarrow")
        values[target.strip()] = read(right, **values)
    found = record(p, g, *slots, rate=0.05, t=4)
    for array, letter in zip(found, ("p", *(letters[slot] for slot in record.slots)), strict=True):
        np.testing.assert_allclose(array, values[letter], rtol=1e-13)


def test_every_optimizer_has_its_latex_tested():
    tested = {"sgd", "adam", "adamw", "rmsprop"}
    assert set(optimizers) == tested


def test_parameters_stand_in_the_formula_and_the_docstring():
    record = replace(activations["leaky_relu"], negative_slope=0.2)
    assert r"0.2 z & z \leq 0" in record.in_latex(record.latex)
    assert r"0.01 z & z \leq 0" in type(record).__doc__


def test_a_word_that_the_reader_lacks_is_named(read):
    with pytest.raises(AssertionError, match=r"sinc is not known to .*latex.py: add it to both"):
        read(r"\operatorname{sinc}(z)", z=1.0)
