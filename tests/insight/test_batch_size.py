"""Batch sizes: counts of steps on problems whose answer is known; no clock is asserted."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import Dense, Network, Objective, Parameters
from chainrule.foundation.errors import InputError
from chainrule.insight.batch_size import BatchSizeReport, batch_size_report
from chainrule.insight.gradient_noise import GradientNoise
from chainrule.insight.setting import Problem, RunOptions, setting_of
from chainrule.insight.step_cost import StepCost, fit_cost
from chainrule.insight.steps_to_target import Payoff, Target, find_target, measure_payoff
from chainrule.insight.subject import Subject
from chainrule.training.gradient_moments import LayerNoise
from chainrule.training.trials import Trial


def noisy(n=1000, seed=0):
    """A line through points that scatter far from it."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 4))
    y = x @ np.array([1.0, -1.0, 0.5, 0.0]) + 2.0 * random.normal(size=n)
    return Network(Dense(4, 1)), "mse", x, y


def payoff(size, steps, seconds=1.0):
    reached = 3 if steps is not None else 0
    return Payoff(size, 0.1, steps, steps, steps, seconds, reached, 3, 1000)


def report(steps, a=10e-6, b=1e-6, scale=100.0, tuned=()):
    sizes = [32 * 2**k for k in range(len(steps))]
    one = LayerNoise(1, scale, 1.0)
    noise = GradientNoise(5000, np.ones(1), scale, 1.0, (one,))
    cost = StepCost(tuple(sizes), tuple(a + b * s for s in sizes), (1.0,) * len(sizes), a, b, "x")
    return BatchSizeReport(
        5000,
        "sgd",
        Target(0.1, 1.0, 0.05, 32, 500, 10**6),
        tuple(payoff(size, count) for size, count in zip(sizes, steps, strict=True)),
        tuple(payoff(size, count) for size, count in zip(sizes, tuned, strict=False)),
        ((0, noise),),
        cost,
    )


def test_steps_that_follow_the_law_bend_at_the_noise_scale():
    fewest, scale = 50.0, 150.0
    steps = [fewest * (1.0 + scale / size) for size in (32, 64, 128, 256, 512, 1024)]
    found = report(steps)
    assert found.measured_noise_scale == pytest.approx(scale, rel=1e-9)
    # doubling saves (c / 2B) / (1 + c / B), less than 10 % above 4 c = 600
    assert found.diminishing is None  # 1024 is the largest, and it is not doubled
    assert report([fewest * (1.0 + 20.0 / size) for size in (32, 64, 128, 256)]).diminishing == 128


def test_diminishing_returns_start_at_the_first_doubling_below_ten_per_cent():
    found = report([100.0, 60.0, 55.0, 54.0])
    assert found.diminishing == 64
    sentence = found.conclusions[0]
    assert sentence.startswith("Diminishing returns start here: batch size 64")
    assert "doubling it saves 8 % of the steps (less than 10 % saved)" in sentence
    assert "unfair to large batches" in found.conclusions[1]


@pytest.mark.parametrize(("after", "ends"), [(89.9, None), (90.1, 32)])
def test_a_doubling_that_saves_ten_per_cent_pays(after, ends):
    assert report([100.0, after]).diminishing == ends


@pytest.mark.parametrize(("scale", "size"), [(1e-3, 32), (1e9, 1024)])
def test_the_default_bounds_of_a_choice(scale, size):
    assert report([100.0, 60.0], scale=scale).choose()[0] == size


def test_small_batches_are_timed_too():
    found = batch_size_report(*noisy(40), batch_sizes=(32,), repeats=1, learning_rate=0.01)
    assert found.cost.batch_sizes == (1, 8, 32)


def test_one_lucky_run_does_not_end_the_returns():
    lucky = report([100.0, 60.0, 61.0, 40.0, 25.0])
    assert lucky.diminishing is None
    assert "keep saving steps up to 512 rows" in lucky.conclusions[0]
    assert report([100.0, 60.0, 61.0, 40.0, 39.0]).diminishing == 256


def test_a_batch_size_that_misses_the_target_saves_nothing():
    found = report([100.0, 60.0, None])
    assert found.diminishing == 64
    assert "128 rows do not reach the target in 1,000 steps" in found.conclusions[0]
    assert "over 1,000" in str(found)
    assert "No batch size reached the target" in report([None, None]).conclusions[0]
    assert math.isnan(report([None, None]).measured_noise_scale)


def test_tuned_runs_are_preferred():
    found = report([100.0, 99.0, 98.0], tuned=[100.0, 55.0, 53.0])
    assert found.diminishing == 64
    assert "with the rate tuned for each size" in found.conclusions[1]


@given(a=st.floats(1e-7, 1e-2), b=st.floats(1e-9, 1e-4), scale=st.floats(1.0, 1e5))
def test_throughput_aware_size_needs_the_least_time(a, b, scale):
    found = report([100.0, 60.0], a, b, scale)
    best = found.best_by_throughput

    def time(size):
        return (1.0 + scale / size) * (a + b * size)

    assert time(best) <= min(time(0.99 * best), time(1.01 * best)) * (1.0 + 1e-12)


def test_choice_is_a_power_of_two_within_bounds_and_says_why():
    found = report([100.0, 60.0], a=100e-6, b=1e-6, scale=400.0)  # B* = 200
    size, why = found.choose()
    assert size == 256
    assert "the fewest seconds are expected near sqrt(a B_noise / b) = 200" in why
    assert "a = 100 and b = 1 microseconds" in why
    assert found.choose(low=8, high=64)[0] == 64
    assert found.choose(low=512, high=4096)[0] == 512
    size, why = report([100.0, 60.0], a=0.0).choose()
    assert size == 32
    assert why == (
        "batch size 32: a step costs no more than its rows, so small batches reach the target "
        "first; powers of two from 32 to 1024 allowed"
    )


@given(a=st.floats(0.0, 1e-3), b=st.floats(1e-8, 1e-4))
def test_the_cost_of_a_step_is_fitted(a, b):
    sizes = (1, 8, 32, 128, 1024)
    found = fit_cost(sizes, [a + b * size for size in sizes])
    np.testing.assert_allclose(found, (a, b), rtol=1e-6, atol=1e-9 * (a + b))


@pytest.mark.slow
def test_without_noise_the_batch_size_does_not_matter():
    # every row is the same: a larger batch knows no more
    found = batch_size_report(
        Network(Dense(2, 1)), "mse", np.ones((300, 2)), np.full(300, 3.0),
        batch_sizes=(1, 4, 16, 64), repeats=2, learning_rate=0.01, engine="reference",
    )  # fmt: skip
    steps = [run.steps for run in found.fixed]
    assert steps == pytest.approx([steps[0]] * 4)
    assert found.diminishing == 1
    # each step shrinks the error by 1 - 0.01 * 2 * 3, so the loss falls to 5 % in 24.2 steps
    first = found.target.start_loss
    assert found.target.loss == pytest.approx(0.05 * first, rel=1e-2)
    assert steps[0] == pytest.approx(math.log(0.05) / (2.0 * math.log(0.94)), rel=0.02)
    assert found.noise_scale == pytest.approx(0.0, abs=1e-9)


@pytest.mark.slow
def test_with_noise_larger_batches_need_fewer_steps_and_more_rows():
    found = batch_size_report(
        *noisy(), batch_sizes=(4, 16, 64, 256), repeats=3, learning_rate=0.02, target=4.4,
        tune=True, engine="reference",
    )  # fmt: skip
    runs = found.tuned
    assert all(run.reached == run.repeats == 3 for run in runs)
    assert all(run.fewest <= run.steps <= run.most for run in runs)
    assert runs[-1].steps < 0.7 * runs[0].steps
    assert runs[-1].rows > runs[0].rows
    assert all(own.steps <= one.steps for own, one in zip(runs, found.fixed, strict=True))
    assert runs[-1].learning_rate > runs[0].learning_rate
    assert found.noise[0][0] == 0
    assert len(found.noise) == 5
    assert found.noise[-1][1].noise_scale > found.noise[0][1].noise_scale
    assert [one.batch_size for one in found.noise[0][1].measured] == [4, 16, 64, 256]


@pytest.mark.slow
def test_steps_do_not_depend_on_the_clock_or_on_the_call():
    options = {"batch_sizes": (8, 32), "repeats": 2, "learning_rate": 0.02, "engine": "reference"}
    one, two = (batch_size_report(*noisy(), **options) for _ in range(2))
    assert [run.steps for run in one.fixed] == [run.steps for run in two.fixed]
    assert one.noise_scale == two.noise_scale
    other = batch_size_report(*noisy(), **options, seed=1)
    assert [run.steps for run in one.fixed] != [run.steps for run in other.fixed]


def test_steps_to_a_target_are_those_of_plain_descent():
    # all rows in each batch: the run is deterministic, and can be made by hand
    network, loss, x, y = noisy(64)
    setting = setting_of(
        Problem(network, loss, x, y), RunOptions(learning_rate=0.01, engine="reference")
    )
    target = find_target(setting, 64)
    run = measure_payoff(setting, 64, 0.01, target, repeats=2)
    design = np.hstack([x, np.ones((64, 1))])
    p, losses = setting.start.copy(), []
    for _ in range(1000):
        error = design @ p - y
        losses.append(np.mean(error**2))
        p -= 0.01 * 2.0 / 64 * design.T @ error
    first = int(np.argmax(np.array(losses) <= target.loss))
    assert run.fewest == run.most == run.steps
    # looks are 5 % apart, and the loss is bent between them
    assert first - 1 - 0.05 * first <= run.steps <= first + 0.05 * first


def test_each_pass_of_a_trial_takes_each_row_at_most_once():
    network, loss, x, y = noisy(50)
    trial = Trial(setting_of(Problem(network, loss, x, y), RunOptions(engine="reference")), 8)
    order = np.concatenate([trial._next_rows(count * 8) for count in (1, 4, 3, 10)])
    assert len(order) == 18 * 8
    for start in range(0, len(order), 48):
        part = order[start : start + 48]
        assert len(set(part.tolist())) == len(part)


@pytest.mark.slow
def test_a_subject_brings_its_own_rule():
    network, loss, x, y = noisy(100)
    subject = Subject.of(Objective(network, loss), network.start(5), x, y, learning_rate=0.03)
    found = batch_size_report(subject, batch_sizes=(8, 16), repeats=1, engine="reference")
    assert found.fixed[0].learning_rate == 0.03
    by_arrays = batch_size_report(
        network, loss, x, y, batch_sizes=(8, 16), repeats=1, learning_rate=0.03,
        engine="reference",
    )  # fmt: skip
    assert [run.steps for run in found.fixed] == [run.steps for run in by_arrays.fixed]
    adam = batch_size_report(
        subject, batch_sizes=(8,), repeats=1, optimizer="adam", learning_rate=0.05,
        engine="reference",
    )  # fmt: skip
    assert adam.optimizer == "adam"


def test_text_and_dictionary_hold_the_numbers():
    found = batch_size_report(
        *noisy(200), batch_sizes=(8, 32, 1024), repeats=1, learning_rate=0.02, engine="reference"
    )
    assert [run.batch_size for run in found.fixed] == [8, 32]
    text = str(found)
    assert text.startswith("batch sizes on 200 rows (sgd): steps, rows and seconds from loss ")
    assert f"{found.fixed[0].steps:.4g}" in text
    assert "unfair to large batches" in text
    assert "Noise scale " in text
    assert "On cost, a step costs " in text
    assert "(engine reference, this machine)" in text
    read = json.loads(json.dumps(found.to_dict()))
    assert read["fixed"][1]["steps"] == found.fixed[1].steps
    assert read["noise"][0]["noise_scale"] == found.noise[0][1].noise_scale


@pytest.mark.slow
def test_invalid_measurements_are_refused():
    arguments = noisy(100)
    with pytest.raises(InputError, match=r"learning_rate must make the loss fall; at 50 it div"):
        batch_size_report(*arguments, batch_sizes=(16,), learning_rate=50.0)
    network, loss, x, _ = arguments
    flat = Parameters.from_arrays([np.zeros((4, 1))], [[0.0]])
    with pytest.raises(InputError, match=r"at 0\.01 it did not fall within"):
        batch_size_report(network, loss, x, np.zeros(100), batch_sizes=(16,), start=flat)
    with pytest.raises(InputError, match="target must be below the first loss"):
        batch_size_report(*arguments, batch_sizes=(16,), target=1e9)
    with pytest.raises(InputError, match="batch_sizes must be at most the number of rows"):
        batch_size_report(*arguments, batch_sizes=(512,))
    with pytest.raises(InputError, match="batch_sizes must be positive integers; got 0"):
        batch_size_report(*arguments, batch_sizes=(0, 8))
    with pytest.raises(InputError, match="repeats must be a positive integer; got 0"):
        batch_size_report(*arguments, repeats=0)


def test_a_gradient_lost_in_noise_is_reported():
    one = report([100.0, 60.0])
    drowned = GradientNoise(5000, np.ones(1), 5.0, -0.1, (LayerNoise(1, 5.0, -0.1),))
    found = replace(one, noise=((0, drowned),))
    assert found.noise_scale == math.inf
    assert found.choose()[0] == 1024
    assert "indistinguishable from its noise" in found.choose()[1]
