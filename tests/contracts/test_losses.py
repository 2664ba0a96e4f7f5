"""Contract of losses: the gradient is the derivative, and the link gives the prediction."""

import math

import numpy as np
import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st

from chainrule import activations, losses
from chainrule.foundation.arrays import namespace

XP = namespace(np.zeros(1))
RECORDS = [
    *(losses[name] for name in losses),
    losses.get("huber", delta=0.75),
    losses.get("smooth_l1", delta=0.75),
    losses.get("quantile", q=0.9),
]
ELEMENTWISE = [record for record in RECORDS if not record.rowwise]
ROWWISE = [record for record in RECORDS if record.rowwise]

s_, y_ = sympy.symbols("s y", real=True)


def oracle(record):
    """The loss of a score in SymPy, from the literature: likelihood or distance, link put in."""
    s, y = s_, y_
    distance = sympy.Abs(s - y)
    p = 1 / (1 + sympy.exp(-s))
    delta = sympy.Rational(getattr(record, "delta", 0.0))
    q = sympy.Rational(getattr(record, "q", 0.0))
    return {
        "mse": (s - y) ** 2,
        "mae": distance,
        "huber": sympy.Piecewise(
            ((s - y) ** 2 / 2, distance <= delta), (delta * (distance - delta / 2), True)
        ),
        "smooth_l1": sympy.Piecewise(
            ((s - y) ** 2 / (2 * delta), distance <= delta), (distance - delta / 2, True)
        ),
        "quantile": sympy.Piecewise((q * (y - s), y >= s), ((1 - q) * (s - y), True)),
        "poisson": sympy.exp(s) - y + y * (sympy.log(y) - s),
        "binary_cross_entropy": -y * sympy.log(p) - (1 - y) * sympy.log(1 - p),
    }[record.name]


PAIRS = [(-30.0, 0.25), (-3.0, 1.0), (-0.5, 0.75), (0.0, 0.125), (0.5, 1.0), (2.0, 0.5)]


@pytest.mark.parametrize("record", ELEMENTWISE, ids=repr)
def test_value_and_gradient_equal_sympy(record):
    s, y = np.array(PAIRS).T
    expression = oracle(record)
    derivative = sympy.diff(expression, s_)

    def exact(formula):
        numbers = [{s_: sympy.Rational(a), y_: sympy.Rational(b)} for a, b in PAIRS]
        return [float(formula.subs(pair).evalf(40)) for pair in numbers]

    np.testing.assert_allclose(record.value(XP, s, y), exact(expression), rtol=4e-15)
    np.testing.assert_allclose(record.gradient(XP, s, y), exact(derivative), rtol=4e-15)


@pytest.mark.parametrize("record", ROWWISE, ids=repr)
def test_rowwise_value_and_gradient_equal_sympy(record):
    scores = sympy.symbols("s0:3", real=True)
    targets = sympy.symbols("y0:3", real=True)
    total = sum(sympy.exp(s) for s in scores)
    expression = -sum(
        y * sympy.log(sympy.exp(s) / total) for s, y in zip(scores, targets, strict=True)
    )
    s = np.array([[1.0, 2.0, 3.0], [-4.0, 0.5, 0.5], [30.0, -30.0, 0.0]])
    y = np.array([[0.0, 0.0, 1.0], [0.25, 0.5, 0.25], [0.125, 0.75, 0.125]])
    for row_s, row_y, value, gradient in zip(
        s, y, record.value(XP, s, y), record.gradient(XP, s, y), strict=True
    ):
        numbers = dict(zip((*scores, *targets), map(sympy.Rational, (*row_s, *row_y)), strict=True))
        assert value == pytest.approx(float(expression.subs(numbers).evalf(40)), rel=4e-15)
        exact = [float(sympy.diff(expression, score).subs(numbers).evalf(40)) for score in scores]
        np.testing.assert_allclose(gradient, exact, rtol=4e-15, atol=1e-16)


targets_01 = st.floats(0.0, 1.0) | st.sampled_from([0.0, 1.0])


@pytest.mark.grid(2)
@pytest.mark.parametrize("record", ELEMENTWISE, ids=repr)
@given(s=st.floats(-12.0, 12.0), y=targets_01)
def test_gradient_is_the_derivative(record, s, y):
    h = 1e-5
    kinks = [0.0, getattr(record, "delta", 0.0)]
    assume(all(abs(abs(s - y) - kink) > 2 * h for kink in kinks))
    down, up = (record.value(XP, np.array([s + d]), np.array([y]))[0] for d in (-h, h))
    gradient = record.gradient(XP, np.array([s]), np.array([y]))[0]
    size = 1.0 + abs(up)
    assert gradient == pytest.approx((up - down) / (2 * h), rel=1e-8, abs=1e-9 * size)


@pytest.mark.parametrize(
    ("y", "p", "expected"),
    [
        (5e-324, 1.0, 1.0),
        (1.0, 1e-30, 30.0 * math.log(10.0) - 1.0),
        (1.0, 5e-324, 744.4400719213812 - 1.0),
        (1e300, 1e-300, 1e300 * (600.0 * math.log(10.0) - 1.0)),
        (1e-300, 1e300, 1e300),
        (2.0, 2.0 + 2e-6, 1e-12 * (1.0 - 2e-6 / 3.0)),
        (0.0, 0.0, 0.0),
    ],
)
def test_deviance_of_counts_far_from_their_mean(y, p, expected):
    found = losses["poisson"].on_prediction(np, np.array([p]), np.array([y]))
    np.testing.assert_allclose(found, [expected], rtol=1e-9)


@pytest.mark.parametrize("record", ROWWISE, ids=repr)
@given(
    s=st.lists(st.floats(-12.0, 12.0), min_size=3, max_size=3),
    y=st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3),
)
def test_rowwise_gradient_is_the_derivative(record, s, y):
    h, s, y = 1e-5, np.array([s]), np.array([y])
    gradient = record.gradient(XP, s, y)
    for column in range(3):
        step = np.eye(3)[[column]] * h
        up, down = record.value(XP, s + step, y)[0], record.value(XP, s - step, y)[0]
        assert gradient[0, column] == pytest.approx((up - down) / (2 * h), rel=1e-7, abs=1e-7)


@pytest.mark.grid(3)
@pytest.mark.parametrize("record", ELEMENTWISE, ids=repr)
@given(s=st.floats(-12.0, 12.0), y=targets_01)
def test_loss_of_the_prediction_is_the_loss_of_the_score(record, s, y):
    s, y = np.array([s]), np.array([y])
    on_prediction = record.on_prediction(XP, record.mean(XP, s), y)
    # a prediction near 1 has lost the digits of 1 - p that the score still has
    np.testing.assert_allclose(on_prediction, record.value(XP, s, y), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("record", ROWWISE, ids=repr)
@given(
    s=st.lists(st.floats(-12.0, 12.0), min_size=3, max_size=3),
    y=st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3),
)
def test_rowwise_loss_of_the_prediction_is_the_loss_of_the_score(record, s, y):
    s, y = np.array([s]), np.array([y])
    on_prediction = record.on_prediction(XP, record.mean(XP, s), y)
    np.testing.assert_allclose(on_prediction, record.value(XP, s, y), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_gradient_by_the_prediction_times_the_slope_of_the_link_is_the_gradient(record):
    """The long way through the chain rule, and the merged formula."""
    random = np.random.default_rng(9)
    s, y = random.normal(size=(6, 3)), np.eye(3)[[0, 1, 2, 0, 1, 2]]
    p = record.mean(XP, s)
    dp = record.prediction_gradient(XP, p, y)
    np.testing.assert_allclose(
        record.link.pullback(XP, s, p, dp), record.gradient(XP, s, y), rtol=1e-12, atol=1e-15
    )
    if record.link.name != "linear":
        assert record.prediction_gradient_latex


@pytest.mark.grid(3)
@pytest.mark.parametrize("record", ELEMENTWISE, ids=repr)
@given(p=st.floats(0.05, 0.95), y=targets_01)
def test_gradient_by_the_prediction_is_the_derivative(record, p, y):
    h = 1e-6
    kinks = [0.0, getattr(record, "delta", 0.0)]
    assume(all(abs(abs(p - y) - kink) > 2 * h for kink in kinks))
    down, up = (record.on_prediction(XP, np.array([p + d]), np.array([y]))[0] for d in (-h, h))
    found = record.prediction_gradient(XP, np.array([p]), np.array([y]))[0]
    assert found == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_mean_is_the_link_and_log_mean_its_logarithm(record):
    s = np.linspace(0.1, 3.0, 12).reshape(4, 3)
    np.testing.assert_array_equal(record.mean(XP, s), record.link(s))
    np.testing.assert_allclose(record.log_mean(XP, s), np.log(record.link(s)), rtol=1e-12)
    assert record.link.name in activations


@pytest.mark.parametrize("name", ["binary_cross_entropy", "categorical_cross_entropy"])
def test_log_mean_is_finite_for_every_finite_score(name):
    record = losses[name]
    s = np.array([[1e6, -1e6, 0.0], [-1e308, 0.0, 1e308], [-745.0, 0.0, -0.0]])
    with np.errstate(all="ignore"):
        log_p = record.log_mean(XP, s)
    assert np.all(log_p <= 0.0)
    assert np.all(np.isfinite(log_p[[0, 2]]))


@pytest.mark.grid(2)
@pytest.mark.parametrize("record", ELEMENTWISE, ids=repr)
@given(s=st.floats(-700.0, 700.0), y=targets_01 | st.floats(0.0, 1.0))
def test_loss_is_never_negative(record, s, y):
    assert record.value(XP, np.array([s]), np.array([y]))[0] >= 0.0


@given(y=st.floats(1e-3, 1e12), shift=st.floats(-1e-6, 1e-6))
def test_poisson_deviance_is_never_negative_and_keeps_its_digits(y, shift):
    """Near p = y the terms of p - y + y log(y / p) cancel; the deviance is y t² / 2 + y t³ / 6."""
    score = np.array([math.log(y) + shift])
    value = losses["poisson"].value(XP, score, np.array([y]))[0]
    t = score[0] - math.log(y)
    assert value >= 0.0
    assert value == pytest.approx(y * (t**2 / 2 + t**3 / 6), rel=1e-4, abs=y * 1e-21)


@pytest.mark.parametrize("record", ROWWISE, ids=repr)
@given(
    s=st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3),
    true=st.integers(0, 2),
)
def test_rowwise_loss_is_never_negative(record, s, true):
    assert record.value(XP, np.array([s]), np.eye(3)[[true]])[0] >= 0.0


@pytest.mark.parametrize("record", [r for r in RECORDS if r.name != "mae"], ids=repr)
def test_best_constant_answer_is_a_root_of_the_gradient(record):
    """Each loss has its own best constant: mean, median, quantile, class frequencies."""
    random = np.random.default_rng(11)
    if record.rowwise:
        y = np.eye(3)[random.integers(0, 3, 50)]
        best = np.log(y.mean(axis=0, keepdims=True))
        gradient = record.gradient(XP, np.repeat(best, 50, axis=0), y).mean(axis=0)
        np.testing.assert_allclose(gradient, 0.0, atol=1e-15)
        return
    if record.name == "binary_cross_entropy":
        y = random.integers(0, 2, 50).astype(float)
        best = math.log(y.mean() / (1.0 - y.mean()))
    elif record.name == "poisson":
        y = random.poisson(3.0, 50).astype(float)
        best = math.log(y.mean())
    elif record.name == "quantile":
        y = random.normal(size=101)
        best = float(np.quantile(y, record.q))
    else:
        y = random.normal(size=50)
        low, high = -3.0, 3.0
        for _ in range(200):  # bisection on the mean gradient, which rises with s
            best = (low + high) / 2
            above = record.gradient(XP, np.full(50, best), y).mean() > 0.0
            low, high = (low, best) if above else (best, high)
        if record.name == "mse":
            assert best == pytest.approx(y.mean(), rel=1e-12)
    gradient = record.gradient(XP, np.full(len(y), best), y).mean()
    step = 1.0 / len(y) if record.name == "quantile" else 1e-12
    assert abs(gradient) <= step


@pytest.mark.grid(2)
@pytest.mark.parametrize("record", RECORDS, ids=repr)
@given(scale=st.floats(1e-3, 1e3))
def test_rescaled_loss_is_the_same_loss_in_other_units(record, scale):
    found = record.rescaled(scale)
    if found is None:
        assert record.link.range == (0.0, 1.0)
        return
    other, factor = found
    s, y = np.array([[-2.0, 0.3, 5.0]]), np.array([[1.0, 0.2, max(-1.0, record.domain[0])]])
    unit = record.target_scale(np.zeros(3), scale)
    weight, bias = np.diag(s[0]), np.zeros(3)
    unit.unfold(weight, bias)  # a layer that gives these scores to a row of ones
    scaled = np.ones((1, 3)) @ weight + bias
    expected = record.value(XP, s, y)
    found = factor * other.value(XP, scaled, unit.apply(y))
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    before = record.mean(XP, s)
    np.testing.assert_allclose(scale * other.mean(XP, scaled), before, rtol=1e-12)


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_rows_are_means_over_columns(record):
    random = np.random.default_rng(2)
    s = random.normal(size=(5, 3))
    y = np.eye(3)[[0, 1, 2, 0, 1]]
    rows, gradient = record.rows(XP, s, y), record.rows_gradient(XP, s, y)
    assert rows.shape == (5,)
    assert gradient.shape == s.shape
    whole = record.value(XP, s, y)
    np.testing.assert_allclose(rows, whole if record.rowwise else whole.mean(axis=1), rtol=1e-15)
    h = 1e-6
    for column in range(3):
        step = np.eye(3)[column] * h
        difference = (record.rows(XP, s + step, y) - record.rows(XP, s - step, y)) / (2 * h)
        np.testing.assert_allclose(gradient[:, column], difference, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_reductions_agree_with_each_other(record):
    p = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    y = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    values = record(p, y, reduction="none")
    assert values.shape == ((2,) if record.rowwise else (2, 3))
    assert record(p, y) == pytest.approx(values.mean(), rel=1e-15)
    assert record(p, y, reduction="sum") == pytest.approx(values.sum(), rel=1e-15)
    weighted = record(p, y, sample_weight=[1.0, 3.0])
    rows = values if record.rowwise else values.mean(axis=1)
    assert weighted == pytest.approx((rows[0] + 3.0 * rows[1]) / 4.0, rel=1e-15)
    with pytest.raises(ValueError, match="reduction must be 'mean', 'sum' or 'none'; got 'max'"):
        record(p, y, reduction="max")


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_float32_is_kept(record):
    s = np.array([[0.5, -0.25]], dtype=np.float32)
    y = np.array([[0.0, 1.0]], dtype=np.float32)
    assert record.value(XP, s, y).dtype == np.float32
    assert record.gradient(XP, s, y).dtype == np.float32
    assert record.rows_gradient(XP, s, y).dtype == np.float32
    p = record.mean(XP, s)
    assert p.dtype == np.float32
    assert np.asarray(record(p, [[0, 1]], reduction="none")).dtype == np.float32
    wide_s, wide_y = s.astype(np.float64), y.astype(np.float64)
    np.testing.assert_allclose(record.value(XP, s, y), record.value(XP, wide_s, wide_y), rtol=1e-6)
