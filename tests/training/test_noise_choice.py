"""The batch size of a fit: reproducible, within bounds, larger where rows disagree more."""

import numpy as np
import pytest

from chainrule import Network, Objective, optimizers
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.foundation.errors import InputError
from chainrule.training import noise_choice
from chainrule.training.noise_choice import noise_batch_size, noise_of_first_steps


def fit(noise, n=2000):
    random = np.random.default_rng(0)
    x = random.normal(size=(n, 3))
    y = x[:, :1] - x[:, 1:2] + noise * random.normal(size=(n, 1))
    network = Network.of_widths([3, 8, 1], "tanh")
    engine = ReferenceEngine(Objective(network, "mse"), optimizers.adam)
    return engine, Rows(x, y), network.start(0).vector


def test_rows_that_disagree_ask_for_larger_batches():
    few, _ = noise_batch_size(*fit(0.0), learning_rate=0.01)
    many, why = noise_batch_size(*fit(0.5), learning_rate=0.01)
    assert 32 <= few < many <= 1024
    assert f"batch size {many}: the noise scale is " in why
    assert "median on the first 300 steps" in why


def test_same_seed_same_size_and_nothing_moved():
    engine, rows, vector = fit(1.0)
    before = vector.tobytes()
    options = {"learning_rate": 0.01, "low": 2, "high": 4096}
    one, two = (noise_batch_size(engine, rows, vector, **options, seed=3) for _ in range(2))
    assert one == two
    assert vector.tobytes() == before


@pytest.mark.slow
def test_bounds_and_few_rows():
    assert noise_batch_size(*fit(3.0), learning_rate=0.01, high=64)[0] == 64
    assert noise_batch_size(*fit(0.0), learning_rate=0.01, low=512)[0] == 512
    size, why = noise_batch_size(*fit(1.0, n=20), learning_rate=0.01)
    assert (size, why) == (20, "batch size 20: all rows, which are fewer than 32")
    assert noise_batch_size(*fit(1.0, n=1), learning_rate=0.01)[0] == 1
    assert noise_batch_size(*fit(3.0, n=50), learning_rate=0.01)[0] == 32
    with pytest.raises(InputError, match="power of two between"):
        noise_batch_size(*fit(1.0), learning_rate=0.01, low=33, high=63)


def test_a_rate_that_diverges_falls_back_on_the_first_steps():
    engine, rows, vector = fit(1.0)
    plain = ReferenceEngine(Objective.with_strengths(engine.objective.network, "mse"),
                            optimizers.sgd)  # fmt: skip
    size, why = noise_batch_size(plain, rows, vector, learning_rate=1e6)
    assert 32 <= size <= 1024
    assert why.startswith(f"batch size {size}: ")


def test_five_places_of_300_steps():
    engine, rows, vector = fit(1.0)
    scales, steps = noise_of_first_steps(
        engine, rows, vector, learning_rate=0.01, batch_size=32, seed=0
    )
    assert (len(scales), steps) == (5, 300)


@pytest.mark.parametrize(("rows", "measured"), [(8192, 8192), (8193, 8192)])
def test_noise_is_measured_on_8192_rows(monkeypatch, rows, measured):
    seen, moments = [], noise_choice.moments
    monkeypatch.setattr(noise_choice, "moments",
                        lambda *args: seen.append(len(args[-1])) or moments(*args))  # fmt: skip
    noise_batch_size(*fit(1.0, n=rows), learning_rate=0.01)
    assert seen == [measured] * 5


@pytest.mark.parametrize(("scale", "size"), [(1e-3, 32), (1e6, 1024)])
def test_bounds_where_none_are_given(monkeypatch, scale, size):
    monkeypatch.setattr(noise_choice, "noise_of_first_steps", lambda *_, **__: ([scale], 300))
    found, why = noise_batch_size(*fit(1.0, n=5000), learning_rate=0.01)
    assert found == size
    assert why.endswith("powers of two from 32 to 1024 allowed")
