"""The order of rows from machine code: NumPy's, whatever was drawn."""

import numpy as np
import pytest

from chainrule import optimizers
from chainrule.engines.automatic import AutomaticEngine
from chainrule.engines.compiled import orders
from chainrule.engines.compiled.kernel_code import Kernels
from chainrule.engines.compiled.shuffling import SHUFFLE
from chainrule.engines.compiled.target import host_target
from chainrule.engines.resources import Resources
from chainrule.foundation.seeds import Purpose, stream
from chainrule.training.windows import pass_order


@pytest.fixture(scope="module")
def kernels():
    return Kernels.of(host_target(), 8)


def by_hand(n, draws):
    """Swap as NumPy does, with a list of draws; return the order, and how many were taken."""
    order, used = list(range(n)), 0
    for i in range(n - 1, 0, -1):
        while True:
            other, used = draws[used] % 2 ** i.bit_length(), used + 1
            if other <= i:
                break
        order[i], order[other] = order[other], order[i]
    return order, used


def shuffled(kernels, n, draws):
    """Return the order that the kernel makes of 32-bit draws, and the last place left."""
    order, draws = np.arange(n), np.array(draws, np.uint32)
    run = kernels.entry("shuffle", SHUFFLE).function()
    last = run(order.ctypes.data, n - 1, draws.ctypes.data, len(draws))
    return order.tolist(), last


@pytest.mark.parametrize("n", [0, 1, 2, 511, 512, 513, 1000, 4099, 100_000])
@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_the_order_is_numpys(kernels, n, seed):
    expected = np.random.default_rng(seed).permutation(n)
    order = orders.permutation(kernels, np.random.default_rng(seed), n)
    assert order.dtype == expected.dtype
    np.testing.assert_array_equal(order, expected)


def test_this_numpy_draws_as_the_kernel_does(kernels):
    """Else every order would be NumPy's own, right but slow."""
    assert orders._is_numpys(kernels)


def test_draws_that_are_passed_over(kernels):
    draws = np.random.default_rng(3).integers(0, 2**32, 3000).tolist()
    # all bits set is above every place but those of which all bits are
    draws[::5] = [2**32 - 1] * len(draws[::5])
    expected, used = by_hand(1000, draws)
    assert used > 1500
    assert shuffled(kernels, 1000, draws) == (expected, 0)
    assert shuffled(kernels, 1000, draws[:used]) == (expected, 0)
    assert shuffled(kernels, 1000, draws[: used - 1])[1] > 0


def test_an_order_goes_on_with_more_draws(kernels, monkeypatch):
    monkeypatch.setattr(orders, "_pairs", lambda n: max(n // 3, 1))
    order = orders._shuffled(kernels, np.random.default_rng(9), 1001)
    np.testing.assert_array_equal(order, np.random.default_rng(9).permutation(1001))


def test_another_generator_is_asked_itself(kernels):
    made = [np.random.Generator(np.random.MT19937(4)) for _ in range(2)]
    order = orders.permutation(kernels, made[0], 1000)
    np.testing.assert_array_equal(order, made[1].permutation(1000))


def test_a_numpy_that_draws_in_another_way_is_asked_itself(kernels, monkeypatch):
    monkeypatch.setattr(orders, "_is_numpys", lambda kernels: False)
    monkeypatch.setattr(orders, "_shuffled", None)
    order = orders.permutation(kernels, np.random.default_rng(2), 1000)
    np.testing.assert_array_equal(order, np.random.default_rng(2).permutation(1000))


def test_engines_draw_the_order_of_a_pass(problems):
    objective, rows = problems.problem([5, 4, 3], "mse", 600, "float64")
    expected = stream(7, Purpose.SHUFFLE, 3).permutation(600)
    engine = AutomaticEngine(objective, optimizers.sgd, Resources(1))
    for _ in range(2):  # before the engine is chosen, and after
        np.testing.assert_array_equal(pass_order(7, 3, 600, engine), expected)
        engine.scores(objective.network.start(0, "float64").vector, rows.x)
    assert engine.name == "compiled"
    np.testing.assert_array_equal(pass_order(7, 3, 600), expected)
