"""Verdicts on learning rates on both sides of each threshold, on runs whose losses are written."""

import math

import numpy as np
import pytest

from chainrule import Dense, Network, Parameters
from chainrule.foundation.errors import InputError
from chainrule.insight import learning_rate
from chainrule.insight.learning_rate import learning_rate_report, range_test
from chainrule.insight.setting import Problem, RunOptions, setting_of

ZERO = Parameters.from_arrays([[[0.0]]], [[0.0]])


class Written:
    """A run from loss 1 whose losses are written down, and whose steps turn by one angle."""

    def __init__(self, losses, cosine=1.0):
        self.losses, self.angle = losses, math.acos(cosine)
        self.start_loss = self.loss = 1.0
        self.vector, self.steps = np.zeros(2), 0

    def advance(self, rates):
        losses, turned = self.losses, self.steps * self.angle
        self.loss = losses[self.steps] if np.ndim(losses) else losses
        self.vector = self.vector + np.array([math.cos(turned), math.sin(turned)])
        self.steps += 1
        return True


@pytest.fixture
def compare(monkeypatch):
    """Return the runs of rates 1, 2, ... with these losses; those of 100 steps."""

    def of(*runs, steps=100):
        waiting = [Written(*one) if isinstance(one, tuple) else Written(one) for one in runs]
        # the range test comes after them
        waiting.append(Written(0.5))
        monkeypatch.setattr(learning_rate, "Trial", lambda setting, size: waiting.pop(0))
        rates = [float(rate) for rate in range(1, len(runs) + 1)]
        report = learning_rate_report(
            Network(Dense(1, 1)), "mse", [[1.0], [2.0]], [1.0, 2.0], start=ZERO, rates=rates,
            steps=steps, engine="reference",
        )  # fmt: skip
        return report.runs

    return of


@pytest.fixture
def written_range(monkeypatch):
    """Return the range test of a run with these losses."""

    def of(losses, **options):
        monkeypatch.setattr(learning_rate, "Trial", lambda setting, size: Written(losses))
        setting = setting_of(
            Problem(Network(Dense(1, 1)), "mse", [[1.0]], [1.0]),
            RunOptions(start=ZERO, engine="reference"),
        )
        return range_test(setting, **options)

    return of


def test_nine_tenths_of_the_best_fall_are_as_good(compare):
    assert [run.verdict for run in compare(0.099, 0.0)] == ["good", "good"]
    small, _ = compare(0.101, 0.0)
    assert small.verdict == "too small"
    assert small.why.endswith(": 90 % of the fall at 2 (less than 90 %)")
    assert compare(0.0, 0.101)[1].verdict == "too large"


@pytest.mark.parametrize(("cosine", "verdict"), [(-0.49, "too large"), (-0.51, "oscillates")])
def test_steps_that_turn_back_by_more_than_half(compare, cosine, verdict):
    _, run = compare(0.0, (0.5, cosine))
    assert run.cosine == pytest.approx(cosine)
    assert run.verdict == verdict
    assert ("each step turns back" in run.why) is (verdict == "oscillates")


@pytest.mark.parametrize(("cosine", "said"), [(-0.49, False), (-0.51, True)])
def test_a_good_rate_whose_steps_turn_back_says_so(compare, cosine, said):
    run = compare((0.0, cosine))[0]
    assert run.verdict == "good"
    assert ("its steps turn back" in run.why) is said


@pytest.mark.parametrize(("change", "verdict"), [(0.049, "good"), (0.051, "oscillates")])
def test_ups_and_downs_of_more_than_5_per_cent_of_the_fall(compare, change, verdict):
    losses = [0.05 + change / 2.0 * (-1.0) ** k for k in range(100)]
    _, run = compare(0.0, losses)
    assert run.verdict == verdict
    if verdict == "oscillates":
        assert run.why.endswith("a step, 5 % of the best fall (more than 5 %)")


@pytest.mark.parametrize(("rises", "verdict"), [(14, "good"), (15, "oscillates")])
def test_a_loss_that_rises_in_three_of_ten_steps_oscillates(compare, rises, verdict):
    """Of the 50 changes of the second half; the loss falls in all other steps."""
    changes = np.full(50, -0.16 * rises / (50 - rises))
    changes[np.linspace(0, 49, rises).astype(int)] = 0.16
    losses = np.concatenate([np.full(50, 0.04), 0.04 + np.cumsum(changes)])
    _, run = compare(0.0, losses.tolist())
    assert np.mean(np.abs(np.diff(losses[49:]))) > 0.05
    assert (run.verdict == "oscillates") is (verdict == "oscillates")


def test_a_loss_that_ends_more_than_a_tenth_above_its_start_has_diverged(compare):
    assert compare(0.0, 1.09)[1].verdict == "too large"
    run = compare(0.0, 1.11)[1]
    assert run.verdict == "diverged at step 1"
    assert run.why == "the loss rose from 1 to 1.11"


def test_the_end_is_the_mean_of_the_last_tenth(compare):
    losses = [1.0 / step for step in range(1, 101)]
    (run,) = compare(losses)
    assert run.end == pytest.approx(np.mean(losses[-10:]), rel=1e-12)


def test_at_least_ten_steps(compare):
    (run,) = compare(0.5, steps=10)
    assert len(run.losses) == 11
    with pytest.raises(InputError, match="steps must be at least 10; got 9"):
        compare(0.5, steps=9)


def test_the_range_test_stops_where_the_loss_is_half_as_much_again(written_range):
    below = written_range([0.5] * 20 + [1.49] * 140)
    assert (len(below.rates), below.stopped) == (160, False)
    above = written_range([0.5] * 20 + [1.51] * 140)
    assert (len(above.rates), above.stopped) == (21, True)


def test_the_band_begins_with_a_tenth_of_the_fall_and_ends_at_a_third(written_range):
    early = written_range([0.89] * 80 + [0.0] * 80)
    assert early.low == early.rates[0] == pytest.approx(1e-6)
    late = written_range([0.91] * 80 + [0.0] * 80)
    assert late.low == late.rates[80]
    lowest = late.rates[int(np.argmin(late.smooth))]
    assert late.high == pytest.approx(lowest / 3.0, rel=1e-12)


def test_the_newest_loss_has_three_tenths_of_the_smoothed_one(written_range):
    found = written_range([1.0, 0.0] + [0.5] * 158)
    assert found.smooth[:2] == pytest.approx((1.0, 0.7 * 0.3 / (0.7 * 0.3 + 0.3)), rel=1e-12)


def test_rates_of_a_range_test(written_range):
    rates = written_range(0.5).rates
    assert len(rates) == 160
    assert (rates[0], rates[-1]) == pytest.approx((1e-6, 100.0))


@pytest.mark.parametrize("rows", [20, 32, 33])
def test_defaults_of_learning_rate_tests(rows):
    """Batches of 32 rows, or all; 100 steps."""
    x = np.linspace(-1.0, 1.0, rows)[:, None]
    report = learning_rate_report(Network(Dense(1, 1)), "mse", x, x, rates=[0.1])
    assert (report.batch_size, report.steps) == (min(rows, 32), 100)


@pytest.mark.parametrize(("rows", "looked_at"), [(1024, 1024), (1025, 1024)])
def test_losses_are_measured_on_1024_rows(rows, looked_at):
    x = np.linspace(-1.0, 1.0, rows)[:, None]
    assert len(setting_of(Problem(Network(Dense(1, 1)), "mse", x, x)).look) == looked_at
