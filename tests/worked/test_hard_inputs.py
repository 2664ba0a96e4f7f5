"""Infinities, NaN, huge and tiny numbers through every activation, in both precisions.

Conventions: right values without warnings at every finite input, limits at the infinities, NaN
stays NaN, the slope at a kink is the left-hand one; exact losses at p = 0 and p = 1.
"""

import math

import numpy as np
import pytest

from chainrule import activations, losses
from chainrule.foundation.arrays import namespace

XP = namespace(np.zeros(1))
INF, NAN = math.inf, math.nan
DTYPES = [np.float64, np.float32]


# z: sigmoid, its slope, tanh, its slope, relu, its slope
ORDINARY = {
    -INF: (0.0, 0.0, -1.0, 0.0, 0.0, 0.0),
    -1e308: (0.0, 0.0, -1.0, 0.0, 0.0, 0.0),
    -1000.0: (0.0, 0.0, -1.0, 0.0, 0.0, 0.0),
    -745.5: (0.0, 0.0, -1.0, 0.0, 0.0, 0.0),
    -100.0: (3.7200759760208356e-44, 3.7200759760208356e-44, -1.0, None, 0.0, 0.0),
    -88.8: (2.720507997802789e-39, 2.720507997802789e-39, -1.0, None, 0.0, 0.0),
    -50.0: (1.928749847963918e-22, 1.928749847963918e-22, -1.0, None, 0.0, 0.0),
    -20.0: (2.0611536181902037e-09, 2.0611536139418496e-09, -1.0, None, 0.0, 0.0),
    -1.0: (0.2689414213699951, 0.19661193324148185, -0.7615941559557649, 0.41997434161402614,
           0.0, 0.0),
    -1e-08: (0.4999999975, 0.25, -1e-08, 1.0, 0.0, 0.0),
    0.0: (0.5, 0.25, 0.0, 1.0, 0.0, 0.0),
    1e-08: (0.5000000025, 0.25, 1e-08, 1.0, 1e-08, 1.0),
    1.0: (0.7310585786300049, 0.19661193324148185, 0.7615941559557649, 0.41997434161402614,
          1.0, 1.0),
    20.0: (0.9999999979388463, 2.0611536139418496e-09, 1.0, None, 20.0, 1.0),
    36.8: (1.0, None, 1.0, None, 36.8, 1.0),
    50.0: (1.0, 1.928749847963918e-22, 1.0, None, 50.0, 1.0),
    100.0: (1.0, 3.7200759760208356e-44, 1.0, None, 100.0, 1.0),
    710.0: (1.0, None, 1.0, 0.0, 710.0, 1.0),
    1000.0: (1.0, 0.0, 1.0, 0.0, 1000.0, 1.0),
    1e308: (1.0, 0.0, 1.0, 0.0, 1e308, 1.0),
    INF: (1.0, 0.0, 1.0, 0.0, INF, 1.0),
    NAN: (NAN, NAN, NAN, NAN, NAN, NAN),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("z", ORDINARY)
def test_sigmoid_tanh_relu(z, dtype, compare):
    expected = ORDINARY[z]
    with np.errstate(over="ignore"):
        array = np.array([z], dtype=dtype)
    # the exponent of a rounded z moves the value by a rounding of z times its size
    size = min(abs(z), 100.0) if math.isfinite(z) else 1.0
    rtol = (1e-15 if dtype == np.float64 else 1.2e-7) * max(1.0, size)
    with np.errstate(all="ignore"):
        for name, value, slope in zip(
            ("sigmoid", "tanh", "relu"), expected[::2], expected[1::2], strict=True
        ):
            record = activations[name]
            a = record(array)
            compare(a, [value], dtype, rtol)
            if slope is not None:
                compare(record.slope(XP, array, a), [slope], dtype, rtol)


@pytest.mark.parametrize("dtype", DTYPES)
def test_slope_of_the_sigmoid_is_even_and_never_cancels(dtype):
    z = np.array([0.5, 5.0, 20.0, 36.8, 40.0], dtype=dtype)
    for name in ("sigmoid", "tanh"):
        record = activations[name]
        right, left = (record.slope(XP, signed, record(signed)) for signed in (z, -z))
        np.testing.assert_array_equal(right, left)
        assert np.all(right > 0.0)
    # at 36.8 the value rounds to 1, so a (1 - a) would be 0
    assert float(activations.sigmoid([36.8])[0]) == 1.0
    slope = activations.sigmoid.slope(XP, np.array([36.8]), None)
    assert slope.item() == pytest.approx(math.exp(-36.8), rel=1e-14)


def test_derivatives_at_ordinary_points():
    z = np.array([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])
    sigmoid, tanh = activations.sigmoid, activations.tanh
    table = {
        "sigmoid": [0.04742587317756678, 0.2689414213699951, 0.3775406687981454, 0.5,
                    0.6224593312018546, 0.7310585786300049, 0.9525741268224334],
        "sigmoid slope": [0.04517665973091214, 0.19661193324148185, 0.2350037122015945, 0.25,
                          0.2350037122015945, 0.19661193324148185, 0.045176659730912],
        "tanh": [-0.9950547536867305, -0.7615941559557649, -0.46211715726000974, 0.0,
                 0.46211715726000974, 0.7615941559557649, 0.9950547536867305],
        "tanh slope": [0.009866037165440211, 0.41997434161402614, 0.7864477329659274, 1.0,
                       0.7864477329659274, 0.41997434161402614, 0.009866037165440211],
    }  # fmt: skip
    np.testing.assert_allclose(sigmoid(z), table["sigmoid"], rtol=1e-15)
    # the table's slopes are formed as a (1 - a), which loses digits at both ends
    np.testing.assert_allclose(sigmoid.slope(XP, z, None), table["sigmoid slope"], rtol=1e-14)
    np.testing.assert_allclose(tanh(z), table["tanh"], rtol=1e-15)
    np.testing.assert_allclose(tanh.slope(XP, z, None), table["tanh slope"], rtol=2e-14)


# value and slope at the places below
HUGE = 1e308
PLACES = (-INF, -HUGE, -0.0, 0.0, HUGE, INF)
SELU_SCALE, SELU_BOTTOM = 1.0507009873554805, 1.7580993408473766
LIMITS = {
    "linear": ([-INF, -HUGE, 0.0, 0.0, HUGE, INF], [1.0] * 6),
    "softplus": ([0.0, 0.0, math.log(2), math.log(2), HUGE, INF], [0, 0, 0.5, 0.5, 1, 1]),
    "silu": ([0.0, 0.0, 0.0, 0.0, HUGE, INF], [0, 0, 0.5, 0.5, 1, 1]),
    "gelu": ([0.0, 0.0, 0.0, 0.0, HUGE, INF], [0, 0, 0.5, 0.5, 1, 1]),
    "mish": ([0.0, 0.0, 0.0, 0.0, HUGE, INF], [0, 0, 0.6, 0.6, 1, 1]),
    "elu": ([-1.0, -1.0, 0.0, 0.0, HUGE, INF], [0, 0, 1, 1, 1, 1]),
    "selu": (
        [-SELU_BOTTOM, -SELU_BOTTOM, 0.0, 0.0, HUGE * SELU_SCALE, INF],
        [0, 0, SELU_BOTTOM, SELU_BOTTOM, SELU_SCALE, SELU_SCALE],
    ),
    "leaky_relu": ([-INF, -1e306, 0.0, 0.0, HUGE, INF], [0.01, 0.01, 0.01, 0.01, 1, 1]),
    "exponential": ([0.0, 0.0, 1.0, 1.0, INF, INF], [0.0, 0.0, 1.0, 1.0, INF, INF]),
    "relu": ([0.0, 0.0, 0.0, 0.0, HUGE, INF], [0, 0, 0, 0, 1, 1]),
    "sigmoid": ([0.0, 0.0, 0.5, 0.5, 1.0, 1.0], [0, 0, 0.25, 0.25, 0, 0]),
    "tanh": ([-1.0, -1.0, 0.0, 0.0, 1.0, 1.0], [0, 0, 1, 1, 0, 0]),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in activations if name != "softmax"])
def test_limits_of_every_activation(name, dtype, compare):
    values, slopes = LIMITS[name]
    record = activations[name]
    factor = 1.0 if dtype == np.float64 else 1e-270  # 1e38 is huge for float32

    def scaled(numbers):
        return [x * factor if 1e300 < abs(x) < INF else x for x in numbers]

    z = np.array(scaled(PLACES), dtype=dtype)
    a = record(z)
    compare(a, scaled(values), dtype)
    with np.errstate(all="ignore"):
        compare(record.slope(XP, z, a), slopes, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", activations)
def test_nan_stays_nan_and_stays_alone(name, dtype):
    record = activations[name]
    z = np.array([[NAN, 1.0], [0.5, 1.0]], dtype=dtype)
    a = record(z)
    assert np.isnan(a[0, 0])
    assert np.all(np.isfinite(a[1]))
    assert np.isfinite(a[0, 1]) == (not record.rowwise)


@pytest.mark.parametrize("name", ["linear", "tanh", "silu", "gelu", "mish", "leaky_relu"])
def test_sign_of_zero_is_kept(name):
    a = activations[name]([-0.0, 0.0])
    assert np.signbit(a).tolist() == [True, False]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", activations)
def test_every_finite_input_has_a_finite_answer_without_a_warning(name, dtype):
    """The exponential, and SELU within its scale of the largest number, alone overflow."""
    largest = float(np.finfo(dtype).max)
    z = np.array([[-largest, -1e4, -0.0, 1e-30, 700.0, largest]], dtype=dtype)
    a = activations[name](z)
    overflows = {"exponential": [-1] if dtype == np.float64 else [-2, -1], "selu": [-1]}
    finite = np.ones(6, dtype=bool)
    finite[overflows.get(name, [])] = False
    np.testing.assert_array_equal(np.isfinite(a)[0], finite)


SOFTMAX = [
    ([1, 2, 3], [0.09003057317038046, 0.24472847105479764, 0.6652409557748218],
     [-2.4076059644443806, -1.4076059644443804, -0.4076059644443804]),
    ([1, 1, 1], [0.3333333333333333] * 3, [-1.0986122886681098] * 3),
    ([1000, 1001, 1002], [0.09003057317038046, 0.24472847105479764, 0.6652409557748218],
     [-2.4076059644443806, -1.4076059644443804, -0.4076059644443804]),
    ([-1000, -1001, -1002], [0.6652409557748218, 0.24472847105479764, 0.09003057317038046],
     [-0.4076059644443804, -1.4076059644443804, -2.4076059644443806]),
    ([1000, 0, -1000], [1.0, 0.0, 0.0], [0.0, -1000.0, -2000.0]),
    ([0, -INF], [1.0, 0.0], [0.0, -INF]),
    ([-INF, -INF], [NAN, NAN], [NAN, NAN]),
    ([INF, 0], [NAN, NAN], None),
    ([INF, INF], [NAN, NAN], [NAN, NAN]),
    ([NAN, 0], [NAN, NAN], [NAN, NAN]),
    ([5], [1.0], [0.0]),
    ([0, -745, -746], [1.0, 5e-324, 0.0], [0.0, -745.0, -746.0]),
    ([1e308, 0, -1e308], [1.0, 0.0, 0.0], [0.0, -1e308, -INF]),
    ([1e308, 1e308, 1e308], [1 / 3] * 3, [-math.log(3.0)] * 3),
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("row", "value", "log"), SOFTMAX, ids=lambda row: str(row)[:24])
def test_softmax_and_its_logarithm(row, value, log, dtype, compare):
    if dtype == np.float32:
        row = [x * 1e-270 if 1e300 < abs(x) < INF else x for x in row]
        log = log and [x * 1e-270 if 1e300 < abs(x) < INF else x for x in log]
    s = np.array([row], dtype=dtype)
    compare(activations.softmax(s), [value], dtype, 4e-16 if dtype == np.float64 else 2e-7)
    if log == [0.0, -1e38, -INF] and dtype == np.float32:
        log = [0.0, -1e38, -2e38]
    if log is not None:
        with np.errstate(all="ignore"):
            compare(losses.categorical_cross_entropy.log_mean(XP, s), [log], dtype)


def test_softmax_of_two_rows_is_taken_row_by_row():
    a = activations.softmax([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    expected = [0.09003057317038046, 0.24472847105479764, 0.6652409557748218]
    np.testing.assert_allclose(a, [expected, expected], rtol=4e-16)


def test_softmax_jacobian():
    z = np.array([[1.0, 2.0, 3.0]])
    a = activations.softmax(z)
    jacobian = [activations.softmax.pullback(XP, z, a, unit[None])[0] for unit in np.eye(3)]
    expected = [
        [0.08192506906499324, -0.022033044520174298, -0.05989202454481893],
        [-0.022033044520174298, 0.1848364465099787, -0.1628034019898044],
        [-0.05989202454481893, -0.1628034019898044, 0.22269542653462338],
    ]
    np.testing.assert_allclose(jacobian, expected, rtol=3e-15)


def test_softplus_and_the_log_of_the_sigmoid():
    z = np.array([-1000.0, -50.0, -1.0, 0.0, 1.0, 50.0, 1000.0])
    softplus = [0.0, 1.9287498479639178e-22, 0.31326168751822286, 0.6931471805599453,
                1.3132616875182228, 50.0, 1000.0]  # fmt: skip
    np.testing.assert_allclose(activations.softplus(z), softplus, rtol=2e-16)
    log_sigmoid = losses.binary_cross_entropy.log_mean(XP, z)
    np.testing.assert_allclose(log_sigmoid, [-value for value in softplus[::-1]], rtol=2e-16)
