"""Contract of schedules: limits, lengths, and independence of how steps are grouped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import schedules
from chainrule.foundation.errors import InputError

NAMES = list(schedules)


@pytest.mark.grid(2)
@pytest.mark.parametrize("name", NAMES)
@given(
    first=st.integers(0, 500),
    count=st.integers(1, 40),
    per_epoch=st.integers(1, 50),
    base=st.floats(1e-6, 10.0),
)
def test_as_many_rates_as_steps_all_between_zero_and_the_base(name, first, count, per_epoch, base):
    rates = schedules[name].rates(base, first, count, per_epoch, 600)
    assert rates.shape == (count,)
    assert rates.dtype == np.float64
    assert np.all((rates >= 0.0) & (rates <= base * (1 + 1e-15)))


@pytest.mark.grid(2)
@pytest.mark.parametrize("name", NAMES)
@given(cut=st.integers(1, 89), per_epoch=st.integers(1, 9))
def test_rates_do_not_depend_on_how_the_steps_are_cut(name, cut, per_epoch):
    schedule = schedules[name]
    whole = schedule.rates(0.1, 0, 90, per_epoch, 90)
    parts = [
        schedule.rates(0.1, 0, cut, per_epoch, 90),
        schedule.rates(0.1, cut, 90 - cut, per_epoch, 90),
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("name", NAMES)
def test_the_full_rate_is_reached(name):
    rates = schedules[name].rates(0.1, 0, 101, 1, 101)
    assert rates.max() == pytest.approx(0.1, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_that_needs_the_total_says_so(name):
    schedule = schedules[name]
    if not schedule.needs_total:
        assert schedule.rates(0.1, 0, 3, 1, None).shape == (3,)
        return
    with pytest.raises(InputError, match=f"schedule '{name}' needs the planned number of epochs"):
        schedule.rates(0.1, 0, 3, 1, None)


def test_only_adaptive_goes_on_after_a_plateau():
    slower = {name for name in NAMES if schedules[name].after_plateau(0.1) is not None}
    assert slower == {"adaptive"}


def test_adaptive_goes_down_to_its_floor_and_then_stops():
    rate, cuts = 0.1, 0
    while (slower := schedules["adaptive"].after_plateau(rate)) is not None:
        assert slower == pytest.approx(rate / 5.0)
        rate, cuts = slower, cuts + 1
    assert cuts == 8  # 0.1 / 5**8 = 2.6e-7 is the first rate below 1e-6
    assert rate == pytest.approx(0.1 / 5**8)


def test_constant_does_not_move():
    assert set(schedules["constant"].rates(0.3, 5, 100, 7, None)) == {0.3}


def test_invscaling_at_a_few_steps():
    rates = schedules.get("invscaling", power=0.5).rates(1.0, 0, 100, 10, None)
    assert rates[[0, 3, 99]] == pytest.approx([1.0, 0.5, 0.1])


def test_step_falls_after_whole_epochs():
    rates = schedules.get("step", every=2, factor=0.5).rates(1.0, 0, 12, 3, None)
    assert rates.tolist() == [1.0] * 6 + [0.5] * 6


def test_cosine_starts_full_is_half_in_the_middle_and_stays_at_its_end():
    rates = schedules["cosine"].rates(1.0, 0, 101, 1, 100)
    assert rates[0] == 1.0
    assert rates[50] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0.0, abs=1e-16)
    assert np.all(np.diff(rates) < 0.0)
    assert schedules["cosine"].rates(1.0, 150, 1, 1, 100)[0] == pytest.approx(0.0, abs=1e-16)


def test_one_cycle_rises_to_the_full_rate_and_falls_to_the_end():
    schedule = schedules.get("one_cycle", warm_up=0.25, start=10.0, end=100.0)
    rates = schedule.rates(1.0, 0, 101, 1, 101)
    assert rates[0] == pytest.approx(0.1)
    assert int(rates.argmax()) == 25
    assert np.all(np.diff(rates[:26]) > 0.0)
    assert np.all(np.diff(rates[25:]) < 0.0)
    assert rates[-1] == pytest.approx(1.0 / (10.0 * 100.0))


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_very_short_runs_have_finite_rates(name, steps):
    with np.errstate(all="raise"):
        rates = schedules[name].rates(0.1, 0, steps, 1, steps)
    assert np.all(np.isfinite(rates))
    assert rates.max() > 0.0
