"""The pilot, its target, and when a run is given up: the numbers that the pages state."""

from types import SimpleNamespace

import numpy as np
import pytest

from chainrule import Dense, Network
from chainrule.insight import steps_to_target
from chainrule.insight.setting import Problem, RunOptions, setting_of
from chainrule.insight.steps_to_target import Target, find_target, measure_payoff, noise_along


class Falling:
    """A run from loss 1 to 0, on the way of 1 / steps; it records how far its looks are apart."""

    def __init__(self, setting, batch_size, repeat=0):
        self.start_loss = self.loss = 1.0
        self.steps, self.seconds = 0, 0.0
        self.vector = np.zeros(2)
        self.looks = setting.looks

    def advance(self, rates):
        self.steps += len(rates)
        self.seconds += 0.001 * len(rates)
        self.loss = 1.0 / (1.0 + self.steps)
        self.looks.append(len(rates))
        return True


@pytest.fixture
def setting(monkeypatch):
    monkeypatch.setattr(steps_to_target, "Trial", Falling)

    def of(rows=1000, n_parameters=10):
        network = SimpleNamespace(n_parameters=n_parameters)
        return SimpleNamespace(
            rows=range(rows),
            learning_rate=0.1,
            objective=SimpleNamespace(network=network),
            looks=[],
            seed=0,
        )

    return of


@pytest.mark.parametrize(
    ("rows", "steps"),
    [(100, 300), (32 * 60, 300), (32 * 61, 305), (32 * 599, 2995), (32 * 601, 3000)],
)
def test_a_pilot_makes_5_passes_in_300_to_3000_steps(setting, rows, steps):
    found = setting(rows)
    assert find_target(found, 32).pilot_steps == steps
    assert sum(found.looks) == steps


def test_the_target_is_95_per_cent_of_the_pilots_fall(setting):
    target = find_target(setting(), 32)
    assert target.pilot_loss == 1.0 / 301.0
    assert target.loss == pytest.approx(1.0 - 0.95 * (1.0 - 1.0 / 301.0), rel=1e-12)


def test_losses_are_measured_every_5_per_cent_of_the_steps(setting):
    found = setting()
    find_target(found, 32)
    assert found.looks[:22] == [1] * 21 + [2]
    made = np.cumsum(found.looks).tolist()
    # a twentieth of the steps made, rounded up; the last look is at the end
    assert found.looks[1:-1] == [-(-steps // 20) for steps in made[:-2]]


def test_a_run_stops_after_twice_the_pilots_steps():
    target = Target(0.1, 1.0, 0.0, 32, 300, 10**9)
    assert target.most_steps(32) == target.most_steps(1024) == 600


def test_a_run_stops_after_its_rows_but_not_before_20_steps():
    target = Target(0.1, 1.0, 0.0, 32, 300, 10_000)
    assert [target.most_steps(size) for size in (32, 100, 400, 500, 501, 4096)] == [
        *(312, 100, 25, 20, 20, 20)
    ]


@pytest.mark.parametrize(
    ("n_parameters", "rows"),
    [(10, 4_000_000), (7_500, 4_000_000), (7_501, 3_999_466), (30_000, 1_000_000)],
)
def test_the_rows_of_a_run_are_bounded_by_their_number_and_their_work(setting, n_parameters, rows):
    """4 million, or 3e10 multiplications of rows with parameters."""
    assert find_target(setting(n_parameters=n_parameters), 32).most_rows == rows


def test_a_run_may_take_twice_the_pilots_rows_whatever_the_work(setting):
    assert find_target(setting(n_parameters=10**9), 32).most_rows == 2 * 300 * 32


def test_steps_lie_between_two_looks_in_proportion(setting):
    """The loss 1 / (1 + steps) is first below 0.02 after 50 steps, a look is made after 52."""
    target = Target(0.02, 1.0, 0.0, 32, 300, 10**9)
    found = measure_payoff(setting(), 32, 0.1, target, repeats=2)
    assert (found.reached, found.repeats, found.given_up) == (2, 2, 600)
    assert found.fewest == found.most == found.steps
    assert 49.0 < found.steps <= 50.1


def test_noise_is_measured_at_five_stations_of_a_run():
    network = Network(Dense(1, 1))
    x = np.linspace(-1.0, 1.0, 64)[:, None]
    real = setting_of(Problem(network, "mse", x, x), RunOptions(engine="reference"))
    stations = [step for step, _ in noise_along(real, 32, 0.1, 40)]
    assert stations == [0, 10, 20, 30, 40]
