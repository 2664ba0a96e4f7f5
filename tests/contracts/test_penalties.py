"""Contract of penalties: the gradient is the derivative, and strength 0 switches them off."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import penalties
from chainrule.foundation.arrays import namespace

XP = namespace(np.zeros(1))
weights = st.lists(st.floats(-5.0, 5.0).filter(lambda w: abs(w) > 1e-4), min_size=1, max_size=5)


@pytest.mark.parametrize("name", penalties)
@given(w=weights, strength=st.floats(0.0, 2.0))
def test_gradient_is_the_derivative(name, w, strength):
    record = penalties.get(name, strength=strength)
    w, h = np.array(w), 1e-6
    gradient = record.gradient(XP, w)
    for place in range(len(w)):
        step = np.eye(len(w))[place] * h
        difference = (record.value(XP, w + step) - record.value(XP, w - step)) / (2 * h)
        assert gradient[place] == pytest.approx(difference, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("name", penalties)
@given(w=weights)
def test_no_strength_no_price(name, w):
    record = penalties[name]
    assert record.strength == 0.0
    assert record.value(XP, np.array(w)) == 0.0
    assert not record.gradient(XP, np.array(w)).any()


@pytest.mark.parametrize("name", penalties)
def test_zero_weights_cost_nothing_and_stay(name):
    record = penalties.get(name, strength=1.0)
    assert record.value(XP, np.zeros(3)) == 0.0
    assert not record.gradient(XP, np.zeros(3)).any()


def test_the_half_is_in_l2_and_not_in_l1():
    """A convention: CS231n of 2016 writes reg * sum(w²), which is strength 2 * reg here."""
    w = np.array([3.0, -4.0])
    assert penalties.get("l2", strength=1.0).value(XP, w) == 12.5
    assert penalties.get("l1", strength=1.0).value(XP, w) == 7.0
