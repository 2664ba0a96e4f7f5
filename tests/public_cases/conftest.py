"""The rows that most public cases speak of, and the libraries whose networks are explained."""

import os
import warnings

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


@pytest.fixture
def torch():
    module = pytest.importorskip("torch", reason="PyTorch is not installed")
    module.manual_seed(0)
    return module


@pytest.fixture
def keras(torch):
    os.environ["KERAS_BACKEND"] = "torch"  # read once, at the first import
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("keras", reason="Keras is not installed")
    module.utils.set_random_seed(0)
    return module
