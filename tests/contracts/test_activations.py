"""Contract of activations: the slope is the derivative, and values lie in the range."""

import math

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from chainrule import activations
from chainrule.foundation.arrays import namespace

XP = namespace(np.zeros(1))
RECORDS = [
    *(activations[name] for name in activations),
    activations.get("leaky_relu", negative_slope=0.3),
    activations.get("elu", alpha=1.7),
]
ELEMENTWISE = [record for record in RECORDS if not record.rowwise]
ROWWISE = [record for record in RECORDS if record.rowwise]

z_ = sympy.Symbol("z", real=True)


def oracle(record, latex):
    """The activation in SymPy: from the literature, or else from the LaTeX of its record."""
    z = z_
    lam = sympy.Rational("1.0507009873554804934193349852946")
    alpha = sympy.Rational("1.6732632423543772848170429916717")
    below = {
        "relu": 0 * z,
        "leaky_relu": sympy.Float(getattr(record, "negative_slope", 0.0), 40) * z,
        "elu": sympy.Float(getattr(record, "alpha", 0.0), 40) * (sympy.exp(z) - 1),
        "selu": lam * alpha * (sympy.exp(z) - 1),
    }
    if record.name in below:
        above = lam * z if record.name == "selu" else z
        return sympy.Piecewise((below[record.name], z <= 0), (above, True))
    known = {
        "linear": z,
        "sigmoid": 1 / (1 + sympy.exp(-z)),
        "tanh": (sympy.exp(z) - sympy.exp(-z)) / (sympy.exp(z) + sympy.exp(-z)),
        "exponential": sympy.exp(z),
        "gelu": z * sympy.erfc(-z / sympy.sqrt(2)) / 2,
        "silu": z / (1 + sympy.exp(-z)),
        "mish": z * sympy.tanh(sympy.log(1 + sympy.exp(z))),
        "softplus": sympy.log(1 + sympy.exp(z)),
    }
    if record.name in known:
        return known[record.name]
    return latex.Reader(record.in_latex(record.latex), {"z": z}, latex.Algebra).whole()


@pytest.mark.parametrize("record", ELEMENTWISE, ids=repr)
def test_latex_and_literature_are_one_function(record, latex):
    """So that the LaTeX can stand in for the literature where a record is new."""
    text = latex.Reader(record.in_latex(record.latex), {"z": z_}, latex.Algebra).whole()
    for point in (-2.5, -0.75, 0.5, 3.0):
        values = [
            e.subs(z_, sympy.Rational(point)).evalf(20) for e in (text, oracle(record, latex))
        ]
        assert float(values[0]) == pytest.approx(float(values[1]), rel=1e-14)


POINTS = [-90.0, -30.0, -8.25, -2.0, -0.75, -1e-3, -1e-9, 1e-9, 1e-3, 0.5, 1.0, 4.0, 17.5, 60.0]


@pytest.mark.parametrize("record", ELEMENTWISE, ids=repr)
def test_value_and_slope_equal_sympy(record, latex):
    z = np.array(POINTS)
    expression = oracle(record, latex)
    value = [float(expression.subs(z_, sympy.Rational(point)).evalf(40)) for point in POINTS]
    derivative = sympy.diff(expression, z_)
    slope = [float(derivative.subs(z_, sympy.Rational(point)).evalf(40)) for point in POINTS]
    a = record(z)
    # the condition number of the Gaussian tail at z is z²: 900 roundings at -30
    rtol = 1e-13 if record.name == "gelu" else 5e-15
    np.testing.assert_allclose(a, value, rtol=rtol, atol=1e-300)
    # near the bottom of a dip a slope is a difference, so the error is one of the terms' size
    np.testing.assert_allclose(record.slope(XP, z, a), slope, rtol=rtol, atol=1e-15)


@pytest.mark.parametrize("record", ELEMENTWISE, ids=repr)
@given(z=st.floats(-30.0, 30.0))
def test_slope_is_the_derivative(record, z):
    h = 1e-5
    if abs(z) <= h:  # where pieces meet, the slope or its own slope jumps
        z += 3 * h
    points = np.array([z - h, z, z + h])
    a = record(points)
    slope = record.slope(XP, points, a)[1]
    # the difference errs by h² f''' / 6 and by rounding of f over h
    assert slope == pytest.approx((a[2] - a[0]) / (2 * h), rel=1e-8, abs=1e-9 * (1 + abs(a[1])))


@pytest.mark.parametrize("record", ELEMENTWISE, ids=repr)
def test_slope_at_a_kink_is_the_left_hand_one(record):
    for kink in record.kinks:
        at, left = (
            float(record.slope(XP, np.array([z]), record([z]))[0]) for z in (kink, kink - 1e-12)
        )
        assert at == pytest.approx(left, rel=1e-9)
        right = float(record.slope(XP, np.array([kink + 1e-9]), record([kink + 1e-9]))[0])
        assert abs(right - at) > 0.1, "a kink is a jump of the slope"


@pytest.mark.parametrize("record", ELEMENTWISE, ids=repr)
def test_slope_jumps_at_kinks_only(record):
    around = np.array([-1e-9, 1e-9])
    left, right = record.slope(XP, around, record(around))
    assert (abs(left - right) > 1e-6) == (0.0 in record.kinks)


@pytest.mark.grid(3)
@pytest.mark.parametrize("record", RECORDS, ids=repr)
@given(row=st.lists(st.floats(-1e308, 1e308), min_size=1, max_size=5))
def test_range_holds_every_value(record, row):
    a = record([row])
    low, high = record.range
    assert a.shape == (1, len(row))
    assert np.all((a >= low) & (a <= high))


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_range_is_the_smallest_interval(record):
    far = np.logspace(2.0, 12.0, 11)  # a function may near its bounds slowly
    z = np.concatenate([-far, np.linspace(-60.0, 60.0, 480_001), far])
    a = record(np.stack([z, np.zeros_like(z)], axis=1))[:, 0] if record.rowwise else record(z)
    low, high = record.range
    assert math.isinf(low) or a.min() == pytest.approx(low, abs=1e-8)
    assert math.isinf(high) or a.max() == pytest.approx(high, abs=1e-8)
    assert math.isfinite(low) or a.min() < -0.5
    assert math.isfinite(high) or a.max() > 50.0


@pytest.mark.grid(3)
@pytest.mark.parametrize("record", ELEMENTWISE, ids=repr)
@given(z=st.floats(-1e4, 1e4), da=st.floats(-10.0, 10.0))
def test_pullback_multiplies_by_the_slope(record, z, da):
    z, da = np.array([[z]]), np.array([[da]])
    with np.errstate(all="ignore"):
        a = record(z)
        dz = record.pullback(XP, z, a, da)
        np.testing.assert_array_equal(dz, da * record.slope(XP, z, a))


@pytest.mark.parametrize("record", ROWWISE, ids=repr)
@given(
    z=st.lists(st.floats(-20.0, 20.0), min_size=4, max_size=4),
    da=st.lists(st.floats(-3.0, 3.0), min_size=4, max_size=4),
)
def test_rowwise_pullback_is_the_derivative(record, z, da):
    z, da, h = np.array([z]), np.array([da]), 1e-6
    dz = record.pullback(XP, z, record(z), da)
    for column in range(4):
        up, down = z.copy(), z.copy()
        up[0, column] += h
        down[0, column] -= h
        difference = ((record(up) - record(down)) * da).sum() / (2 * h)
        assert dz[0, column] == pytest.approx(difference, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("record", ROWWISE, ids=repr)
def test_rowwise_slope_is_the_diagonal_of_the_jacobian(record):
    z = np.array([[0.5, -1.0, 2.0]])
    a = record(z)
    diagonal = [record.pullback(XP, z, a, np.eye(3)[[column]])[0, column] for column in range(3)]
    np.testing.assert_allclose(record.slope(XP, z, a)[0], diagonal, rtol=1e-14)


@pytest.mark.parametrize("record", ROWWISE, ids=repr)
@given(
    row=st.lists(st.floats(-1e308, 1e308), min_size=1, max_size=6),
    shift=st.floats(-100.0, 100.0),
)
def test_rows_are_probabilities_that_ignore_a_shift(record, row, shift):
    a = record([row])
    assert a.sum() == pytest.approx(1.0, rel=1e-14)
    small = np.clip([row], -50.0, 50.0)
    np.testing.assert_allclose(record(small + shift), record(small), rtol=1e-11)


@pytest.mark.parametrize("record", ROWWISE, ids=repr)
def test_rows_do_not_see_each_other(record):
    z = np.array([[1.0, 2.0, 3.0], [100.0, -4.0, 0.0]])
    np.testing.assert_array_equal(record(z)[1:], record(z[1:]))


@pytest.mark.grid(3)
@pytest.mark.parametrize("record", RECORDS, ids=repr)
@given(z=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float32_is_kept_and_agrees_with_float64(record, z):
    narrow = np.array([[z, 0.0]], dtype=np.float32)
    a = record(narrow)
    assert a.dtype == np.float32
    wide = record(narrow.astype(np.float64))
    # below the normal numbers float32 has no relative precision
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(a, wide.astype(np.float32), rtol=3e-6, atol=2e-38)
    assert record.slope(narrow, a).dtype == np.float32


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_lists_integers_and_booleans_are_computed_as_floats(record):
    expected = record(np.array([[0.0, 1.0]]))
    for z in ([[0, 1]], np.array([[0, 1]], dtype=np.uint8), np.array([[False, True]])):
        np.testing.assert_array_equal(record(z), expected)
        assert record(z).dtype == np.float64
    half = record(np.array([[0, 1]], dtype=np.float16))
    assert half.dtype == np.float32


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_inputs_are_not_changed(record):
    z, da = np.array([[-2.0, 0.5]]), np.ones((1, 2))
    a = record(z)
    before = [array.tobytes() for array in (z, a, da)]
    for array in (z, a, da):
        array.flags.writeable = False
    record(z)
    record.slope(XP, z, a)
    record.pullback(XP, z, a, da)
    assert [array.tobytes() for array in (z, a, da)] == before


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_suggested_initializer_exists(record):
    from chainrule import initializers

    assert record.initializer in initializers


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_text_is_refused(record):
    with pytest.raises(ValueError, match="the array must be of numbers; got dtype"):
        record(["a"])
