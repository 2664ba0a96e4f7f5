"""The rows that most public cases speak of."""

import numpy as np
import pytest

GENERATOR = np.random.default_rng(20)
ROWS = GENERATOR.normal(size=(60, 3))


@pytest.fixture(name="X")
def inputs():
    return ROWS.copy()


@pytest.fixture
def y2():
    return (ROWS[:, 0] > 0).astype(int)


@pytest.fixture
def y3():
    return np.arange(60) % 3


@pytest.fixture
def t():
    return 2 * ROWS[:, 0] - ROWS[:, 1] + 1


@pytest.fixture(name="T2")
def two_targets(t):
    return np.c_[t, -t]


@pytest.fixture(name="ML")
def two_labels(y2):
    return np.c_[y2, ROWS[:, 1] > 0].astype(int)
