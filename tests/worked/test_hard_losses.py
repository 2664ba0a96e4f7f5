"""Infinities, NaN, huge and tiny numbers through every loss, in both precisions.

Conventions: right values without warnings at every finite input, limits at the infinities, NaN
stays NaN; exact losses at p = 0 and p = 1.
"""

import math

import numpy as np
import pytest

from chainrule import losses
from chainrule.foundation.arrays import namespace

XP = namespace(np.zeros(1))
INF, NAN = math.inf, math.nan
DTYPES = [np.float64, np.float32]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("p", "y", "value"),
    [
        (0.0, 0.0, 0.0),
        (0.0, 1.0, INF),
        (1.0, 1.0, 0.0),
        (1.0, 0.0, INF),
        (0.5, 1.0, 0.6931471805599453),
        (0.5, 0.5, 0.6931471805599453),
        (1e-45, 1.0, 103.61632918473205),
        (1e-50, 1.0, 115.12925464970229),
        (1e-300, 1.0, 690.7755278982137),
        (0.9999999999999999, 0.0, 36.7368005696771),
        (0.9, 1.0, 0.10536051565782628),
        (0.9, 0.0, 2.302585092994046),
        (NAN, 1.0, NAN),
        (NAN, 0.0, NAN),
    ],
)
def test_binary_cross_entropy_of_probabilities(p, y, value, dtype, compare):
    if dtype == np.float32:
        if p == 1e-45:
            value = 103.27892990343184  # float32 rounds 1e-45 to its smallest number, 1.4e-45
        elif 0.0 < p < 1e-45 or p == 0.9999999999999999:
            value = INF  # float32 rounds p to 0 or 1
    found = losses.binary_cross_entropy(np.array([p], dtype=dtype), [y], reduction="none")
    # the digits of 1 - p are those that float32 has left
    compare(found, [value], dtype, 1e-15 if dtype == np.float64 else 6e-7)
    assert not np.signbit(found).any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("s", "y", "value", "gradient"),
    [
        (-INF, 0.0, 0.0, 0.0),
        (-INF, 1.0, INF, -1.0),
        (-1000.0, 0.0, 0.0, 0.0),
        (-1000.0, 1.0, 1000.0, -1.0),
        (-100.0, 0.0, 3.720075976020836e-44, 3.720075976020836e-44),
        (-100.0, 1.0, 100.0, -1.0),
        (-50.0, 0.0, 1.9287498479639178e-22, 1.9287498479639178e-22),
        (-50.0, 1.0, 50.0, -1.0),
        (-1.0, 0.0, 0.31326168751822286, 0.2689414213699951),
        (-1.0, 1.0, 1.3132616875182228, -0.7310585786300049),
        (-0.0, 0.0, 0.6931471805599453, 0.5),
        (0.0, 1.0, 0.6931471805599453, -0.5),
        (1.0, 0.0, 1.3132616875182228, 0.7310585786300049),
        (1.0, 1.0, 0.31326168751822286, -0.2689414213699951),
        (50.0, 0.0, 50.0, 1.0),
        (50.0, 1.0, 1.9287498479639178e-22, -1.9287498479639178e-22),
        (55.0, 0.0, 55.0, 1.0),
        (100.0, 0.0, 100.0, 1.0),
        (100.0, 1.0, 3.720075976020836e-44, -3.720075976020836e-44),
        (1000.0, 0.0, 1000.0, 1.0),
        (1000.0, 1.0, 0.0, 0.0),
        (INF, 0.0, INF, 1.0),
        (INF, 1.0, 0.0, 0.0),
        (NAN, 0.0, NAN, NAN),
        (NAN, 1.0, NAN, NAN),
    ],
)
def test_binary_cross_entropy_of_scores(s, y, value, gradient, dtype, compare):
    record = losses.binary_cross_entropy
    score, target = np.array([s], dtype=dtype), np.array([y], dtype=dtype)
    rtol = 3e-16 if dtype == np.float64 else 2e-7
    with np.errstate(all="ignore"):
        compare(record.value(XP, score, target), [value], dtype, rtol)
        compare(record.gradient(XP, score, target), [gradient], dtype, rtol)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("s", "y", "value", "gradient"),
    [
        ([1, 2, 3], 2, 0.4076059644443804,
         [0.09003057317038043, 0.24472847105479764, -0.3347590442251782]),
        ([1, 2, 3], 0, 2.4076059644443806,
         [-0.9099694268296196, 0.24472847105479764, 0.6652409557748218]),
        ([1, 2, 3], [0.2, 0.3, 0.5], 1.1076059644443805,
         [-0.10996942682961958, -0.05527152894520235, 0.16524095577482178]),
        ([1, 2, 3], [0, 0, 2], 0.8152119288887608,
         [0.18006114634076087, 0.4894569421095953, -0.6695180884503564]),
        ([1000, 0, -1000], 0, 0.0, [0.0, 0.0, 0.0]),
        ([1000, 0, -1000], 2, 2000.0, [1.0, 0.0, -1.0]),
        ([-INF, 0], 0, INF, [-1.0, 1.0]),
        ([-INF, 0], 1, 0.0, [0.0, 0.0]),
        ([-INF, 0], [0.0, 1.0], 0.0, [0.0, 0.0]),
        ([INF, 0], 0, NAN, [NAN, NAN]),
    ],
)  # fmt: skip
def test_categorical_cross_entropy_of_scores(s, y, value, gradient, dtype, compare):
    record = losses.categorical_cross_entropy
    score = np.array([s], dtype=dtype)
    target = np.eye(len(s))[[y]] if isinstance(y, int) else np.array([y])
    target = target.astype(dtype)
    rtol = 4e-16 if dtype == np.float64 else 5e-7
    with np.errstate(all="ignore"):
        compare(record.value(XP, score, target), [value], dtype, rtol)
        compare(record.gradient(XP, score, target), [gradient], dtype, rtol)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "s", "y", "value", "gradient"),
    [
        ("mse", INF, INF, NAN, NAN),
        ("mse", 1e200, 0.0, INF, 2e200),
        ("mse", NAN, 0.0, NAN, NAN),
        ("mae", 1e200, 0.0, 1e200, 1.0),
        ("mae", INF, 0.0, INF, 1.0),
        ("mae", 1.0, 1.0, 0.0, 0.0),
        ("mae", NAN, 0.0, NAN, NAN),
        ("huber", 1e200, 0.0, 1e200, 1.0),
        ("huber", -INF, 0.0, INF, -1.0),
        ("huber", NAN, 0.0, NAN, NAN),
        ("quantile", 1e200, 0.0, 5e199, 0.5),
        ("quantile", -INF, 0.0, INF, -0.5),
        ("quantile", 1.0, 1.0, 0.0, 0.0),
        ("quantile", NAN, 0.0, NAN, NAN),
        ("poisson", 1000.0, 1.0, INF, INF),
        ("poisson", INF, 2.0, INF, INF),
        ("poisson", INF, 0.0, INF, INF),
        ("poisson", -INF, 0.0, 0.0, 0.0),
        ("poisson", -INF, 1.0, INF, -1.0),
        ("poisson", -1000.0, 0.0, 0.0, 0.0),
        ("poisson", -1000.0, 1.0, 999.0, -1.0),
        ("poisson", 0.0, 1.0, 0.0, 0.0),
        ("poisson", NAN, 0.0, NAN, NAN),
        ("poisson", NAN, 1.0, NAN, NAN),
    ],
)
def test_other_losses_of_scores(name, s, y, value, gradient, dtype, compare):
    if dtype == np.float32:
        if name == "mse" and s == 1e200:
            s, gradient = 1e30, 2e30
        elif s == 1e200:
            s, value = 1e30, value * 1e-170
    record = losses[name]
    with np.errstate(all="ignore"):
        score, target = np.array([s], dtype=dtype), np.array([y], dtype=dtype)
        compare(record.value(XP, score, target), [value], dtype)
        compare(record.gradient(XP, score, target), [gradient], dtype)


@pytest.mark.parametrize(
    ("p", "y", "value"), [(0.0, 0.0, 0.0), (0.0, 2.0, INF), (2.0, 2.0, 0.0), (3.0, 0.0, 3.0)]
)
def test_poisson_of_means(p, y, value):
    assert losses.poisson([p], [y]) == value


@pytest.mark.parametrize(
    ("p", "y", "value"),
    [
        ([[0.0, 1.0]], [1], 0.0),
        ([[0.0, 1.0]], [0], INF),
        ([[1.0, 0.0, 0.0]], [[1.0, 0.0, 0.0]], 0.0),
        ([[0.5, 0.5, 0.0]], [[0.5, 0.0, 0.5]], INF),
    ],
)
def test_categorical_cross_entropy_of_probabilities(p, y, value):
    assert losses.categorical_cross_entropy(p, y) == value


def test_unsigned_integers_do_not_wrap_and_half_precision_does_not_overflow():
    one, two = np.array([1], dtype=np.uint8), np.array([2], dtype=np.uint8)
    assert losses.mse(one, two) == 1.0
    assert losses.mae(one, two) == 1.0
    many = np.full(70_000, 60_000.0, dtype=np.float16)
    assert losses.mae(many, np.zeros(70_000, dtype=np.float16)) == np.float16(60_000.0)
