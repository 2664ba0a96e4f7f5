"""The masks of dropout: shares, independence, and where the numbers come from."""

import numpy as np
import pytest

from chainrule import Network, Objective
from chainrule.foundation.arrays import namespace
from chainrule.model.dropout import Mask, is_kept, layer_rates, scale, step_keys, step_masks

XP = namespace(np.zeros(1))


def masks(rate, *, seed=0, first=0, steps=50, rows=64, units=40, layer=0):
    keys = step_keys(seed, first, steps, layer + 1)[:, layer]
    return np.array([is_kept(key, rows, units, rate) for key in keys])


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.2, 0.5, 0.9, 0.999])
def test_the_share_that_is_kept(rate):
    kept = masks(rate)
    n = kept.size
    error = np.sqrt(rate * (1.0 - rate) / n)
    assert abs(kept.mean() - (1.0 - rate)) <= 5.0 * error
    # and so for every unit, every place in the batch and every step
    for axes, count in (((0, 1), n / 40), ((0, 2), n / 64), ((1, 2), n / 50)):
        wide = 5.5 * np.sqrt(rate * (1.0 - rate) / count)
        assert np.abs(kept.mean(axis=axes) - (1.0 - rate)).max() <= wide


def test_units_rows_steps_and_layers_are_independent():
    kept = masks(0.5).astype(float) - 0.5
    other = masks(0.5, layer=1).astype(float) - 0.5
    another = masks(0.5, seed=1).astype(float) - 0.5
    pairs = [
        (kept[:, :, 1:], kept[:, :, :-1]),
        (kept[:, 1:], kept[:, :-1]),
        (kept[1:], kept[:-1]),
        (kept, other),
        (kept, another),
        (kept.reshape(50, -1)[:, 40:], kept.reshape(50, -1)[:, :-40]),
    ]
    for one, two in pairs:
        assert abs(np.mean(one * two)) * 4.0 <= 5.0 / np.sqrt(one.size)


def test_numbers_of_kept_units_are_binomial():
    counts = masks(0.3, steps=400).sum(axis=2).ravel()
    assert counts.mean() == pytest.approx(28.0, abs=0.1)
    assert counts.var() == pytest.approx(40 * 0.3 * 0.7, rel=0.05)


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**70])
def test_a_mask_depends_on_seed_step_and_layer_only(seed):
    run = step_keys(seed, 0, 10, 3)
    np.testing.assert_array_equal(step_keys(seed, 4, 6, 3), run[4:])
    np.testing.assert_array_equal(step_keys(seed, 0, 10, 2), run[:, :2])
    late = 2**40
    assert not np.array_equal(step_keys(seed, late, 1, 3), step_keys(seed, late % 2**32, 1, 3))
    assert len(np.unique(run.reshape(-1, 2), axis=0)) == 30
    # a row's mask does not depend on the number of rows beside it
    few, many = is_kept(run[0, 0], 3, 17, 0.4), is_kept(run[0, 0], 30, 17, 0.4)
    np.testing.assert_array_equal(few, many[:3])


def test_a_run_repeats_its_masks_in_every_version():
    kept = masks(0.5, seed=7, steps=1, rows=2, units=16)[0]
    rows = ["".join("01"[k] for k in row) for row in kept.astype(int)]
    assert rows == ["1011000001010111", "1001110011101011"]


def test_the_mean_is_kept_and_units_left_out_are_0():
    a = np.full((2000, 10), 3.0)
    a[0] = np.inf
    mask = Mask(masks(0.25, steps=1, rows=2000, units=10)[0], scale(0.25))
    dropped = mask(XP, a)
    assert dropped[1:].mean() == pytest.approx(3.0, rel=0.02)
    assert set(np.unique(dropped[1:])) == {0.0, 4.0}
    assert set(dropped[0]) == {0.0, np.inf}
    assert mask(XP, a.astype(np.float32)).dtype == np.float32


def test_the_pullback_is_that_of_the_thinned_network():
    random = np.random.default_rng(2)
    network = Network.of_widths([3, 6, 5, 2], ["tanh", "sigmoid"])
    vector, x, d = random.normal(size=network.n_parameters), *random.normal(size=(2, 4, 3))
    d = d[:, :2]
    drops = step_masks(XP, step_keys(1, 0, 1, 2)[0], 4, (0.5, 0.3), (6, 5))

    def value(vector):
        return float(np.sum(d * network.forward(XP, network.parameters(vector), x, drops)[0]))

    _, pullback = network.forward(XP, network.parameters(vector), x, drops)
    gradient = pullback(d)
    for index in range(network.n_parameters):
        shift = np.zeros_like(vector)
        shift[index] = 1e-6
        difference = (value(vector + shift) - value(vector - shift)) / 2e-6
        assert gradient[index] == pytest.approx(difference, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(
    ("dropout", "message"),
    [
        (1.0, "dropout must be at least 0 and below 1; got 1.0"),
        (-0.1, "dropout must be at least 0 and below 1; got -0.1"),
        (float("nan"), "dropout must be at least 0 and below 1; got nan"),
        ([0.1, 2.0], "dropout must be at least 0 and below 1; got 2.0"),
        ([0.1], r"dropout must be one number, or one per hidden layer \(2\); got 1: \[0.1\]"),
        ([0.1] * 3, r"dropout must be one number, or one per hidden layer \(2\); got 3"),
        (["0.1", "0.2"], "dropout must be at least 0 and below 1; got '0.1'"),
    ],
)
def test_invalid_rates_are_refused(dropout, message):
    with pytest.raises(ValueError, match=message):
        Objective(Network.of_widths([3, 4, 4, 1]), "mse", dropout=dropout)


def test_rates_of_layers():
    network = Network.of_widths([3, 4, 4, 1])
    assert Objective(network, "mse", dropout=0.5).dropout == (0.5, 0.5)
    assert Objective(network, "mse", dropout=(0, 0.5)).dropout == (0.0, 0.5)
    assert Objective(network, "mse", dropout=[0.0, 0.0]).dropout == ()
    assert Objective(network, "mse").dropout == ()
    assert layer_rates([], 0) == ()
    with pytest.raises(ValueError, match="dropout must be 0 for a network without hidden layers"):
        Objective(Network.of_widths([3, 1]), "mse", dropout=0.5)
