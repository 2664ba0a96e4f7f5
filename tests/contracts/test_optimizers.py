"""Contract of optimizers: elementwise, pure, zero initial memory, decoupled decay."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import optimizers
from chainrule.foundation.arrays import namespace

XP = namespace(np.zeros(1))
RECORDS = [
    *(optimizers[name] for name in optimizers),
    optimizers.get("sgd", momentum=0.9),
    optimizers.get("sgd", momentum=0.9, nesterov=True),
    optimizers.get("rmsprop", weight_decay=0.1),
    optimizers.get("adam", averaging=0.9),
]
PARTS = [np.arange(6.0).reshape(2, 3) - 2.0, np.array([0.5, -0.5]), np.array([[3.0]])]


def run(record, p, gradients, rate=0.05):
    memory = ()
    for t, g in enumerate(gradients, start=1):
        p, *memory = record(p, g, *memory, rate=rate, t=t)
    return p, memory


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_one_flat_vector_equals_array_by_array(record):
    random = np.random.default_rng(4)
    gradients = [[random.normal(size=part.shape) for part in PARTS] for _ in range(5)]
    flat, slots = run(
        record,
        np.concatenate([part.ravel() for part in PARTS]),
        [np.concatenate([g.ravel() for g in step]) for step in gradients],
    )
    end = 0
    for number, part in enumerate(PARTS):
        alone, alone_slots = run(record, part, [step[number] for step in gradients])
        span = slice(end, end + part.size)
        np.testing.assert_array_equal(flat[span].reshape(part.shape), alone)
        for slot, alone_slot in zip(slots, alone_slots, strict=True):
            np.testing.assert_array_equal(slot[span].reshape(part.shape), alone_slot)
        end = span.stop


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_memory_starts_at_zero_one_array_per_slot(record):
    p = np.ones((2, 3), dtype=np.float32)
    memory = record.start(XP, p)
    assert len(memory) == len(record.memory) == len(record.slots) + (record.averaging > 0.0)
    for name, slot in zip(record.memory, memory, strict=True):
        assert slot.shape == p.shape
        assert slot.dtype == p.dtype
        np.testing.assert_array_equal(slot, p if name == "average" else 0.0)
        assert not np.shares_memory(slot, p)


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_inputs_are_not_changed_and_dtype_is_kept(record):
    for dtype in (np.float32, np.float64):
        p, g = np.ones(3, dtype=dtype), np.full(3, 0.5, dtype=dtype)
        memory = record.start(XP, p)
        before = [array.tobytes() for array in (p, g, *memory)]
        for array in (p, g, *memory):
            array.flags.writeable = False
        new, *slots = record(p, g, *memory)
        assert [array.tobytes() for array in (p, g, *memory)] == before
        assert new.dtype == dtype
        assert all(slot.dtype == dtype for slot in slots)
        assert not np.array_equal(new, p)


@pytest.mark.grid(2)
@pytest.mark.parametrize("record", RECORDS, ids=repr)
@given(g=st.floats(1e-3, 1e3), sign=st.sampled_from([-1.0, 1.0]))
def test_first_step_goes_against_the_gradient(record, g, sign):
    p, *_ = record([0.0], [sign * g], rate=0.01)
    assert np.sign(p[0]) == -sign


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_zero_gradient_and_no_decay_is_a_standstill(record):
    still = optimizers.get(record, weight_decay=0.0)
    p, memory = run(still, np.array([1.0, -2.0]), [np.zeros(2)] * 3)
    np.testing.assert_array_equal(p, [1.0, -2.0])
    for name, slot in zip(still.memory, memory, strict=True):
        np.testing.assert_array_equal(slot, [1.0, -2.0] if name == "average" else 0.0)


@pytest.mark.parametrize("name", optimizers)
def test_decay_shrinks_before_the_step_and_stays_out_of_the_memory(name):
    plain = optimizers.get(name, weight_decay=0.0)
    decayed = optimizers.get(name, weight_decay=0.2)
    p, g = np.array([1.0, -2.0]), np.array([0.3, 0.4])
    new, *memory = decayed(p, g, rate=0.1)
    expected, *expected_memory = plain(p * (1.0 - 0.1 * 0.2), g, rate=0.1)
    np.testing.assert_array_equal(new, expected)
    for slot, expected_slot in zip(memory, expected_memory, strict=True):
        np.testing.assert_array_equal(slot, expected_slot)


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_reaches_the_bottom_of_a_bowl(record):
    record = optimizers.get(record, weight_decay=0.0)
    p, memory = np.array([3.0, -2.0]), ()
    for t in range(1, 2001):
        p, *memory = record(p, 2.0 * p, *memory, rate=0.1 * (1.0 - t / 2001.0), t=t)
    assert np.abs(p).max() < 1e-3


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_own_rate_is_used_when_none_is_named(record):
    p, g = np.array([1.0]), np.array([0.5])
    np.testing.assert_array_equal(record(p, g)[0], record(p, g, rate=record.learning_rate)[0])
    assert record.learning_rate > 0.0


@given(g=st.floats(1e-4, 1e4), scale=st.floats(1e-2, 1e2))
def test_adam_does_not_see_the_scale_of_the_gradient(g, scale):
    adam = optimizers.get("adam", epsilon=1e-30)
    one, other = adam([0.0], [g], rate=0.1), adam([0.0], [g * scale], rate=0.1)
    assert one[0][0] == pytest.approx(-0.1, rel=1e-12)
    assert other[0][0] == pytest.approx(-0.1, rel=1e-12)


def test_nesterov_without_momentum_is_plain_descent():
    plain, ahead = optimizers["sgd"], optimizers.get("sgd", nesterov=True)
    gradients = [np.array([0.3]), np.array([-0.7])]
    one = run(plain, np.array([1.0]), gradients)[0]
    # momentum 0 looks no step ahead, but its last term is the plain step itself
    assert run(ahead, np.array([1.0]), gradients)[0] == pytest.approx(one, rel=1e-15)


@pytest.mark.parametrize("name", optimizers)
def test_the_average_is_the_weighted_mean_of_all_steps(name):
    random = np.random.default_rng(8)
    record = optimizers.get(name, averaging=0.7)
    p, memory, steps = random.normal(size=4), (), []
    for t in range(1, 13):
        p, *memory = record(p, random.normal(size=4), *memory, rate=0.1, t=t)
        steps.append(p)
        weights = 0.7 ** np.arange(t)[::-1]
        expected = weights @ np.array(steps) / weights.sum()
        np.testing.assert_allclose(memory[-1], expected, rtol=1e-13)


@pytest.mark.parametrize("name", optimizers)
def test_averaging_leaves_the_steps_as_they_are(name):
    random = np.random.default_rng(9)
    gradients = list(random.normal(size=(6, 4)))
    plain = run(optimizers[name], np.ones(4), gradients)
    averaged = run(optimizers.get(name, averaging=0.9), np.ones(4), gradients)
    np.testing.assert_array_equal(averaged[0], plain[0])
    for one, other in zip(averaged[1], plain[1], strict=False):
        np.testing.assert_array_equal(one, other)


CLIPPED = optimizers.get("sgd", clip_norm=2.0)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=5))
def test_a_long_gradient_is_shortened_and_keeps_its_direction(g):
    g = np.array(g)
    norm = np.linalg.norm(g)
    step = -CLIPPED(np.zeros_like(g), g, rate=1.0)[0]
    assert np.linalg.norm(step) <= 2.0 * (1.0 + 1e-12)
    np.testing.assert_allclose(step, g if norm <= 2.0 else g * (2.0 / norm), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_norm_of_huge_and_tiny_gradients_neither_overflows_nor_vanishes(dtype):
    largest = np.finfo(dtype).max
    g = np.array([largest, -largest, 0.0], dtype)
    step = CLIPPED(np.zeros(3, dtype), g, rate=1.0)[0]
    np.testing.assert_allclose(step, [-np.sqrt(2.0), np.sqrt(2.0), 0.0], rtol=1e-6)
    tiny = np.array([3.0, 4.0], dtype) * np.finfo(dtype).tiny
    short = optimizers.get("sgd", clip_norm=float(np.finfo(dtype).tiny))
    step = short(np.zeros(2, dtype), tiny, rate=1.0)[0]
    np.testing.assert_allclose(step / np.finfo(dtype).tiny, [-0.6, -0.8], rtol=1e-6)
    np.testing.assert_array_equal(CLIPPED(np.ones(2), np.zeros(2))[0], [1.0, 1.0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_clipping_does_not_hide_what_is_not_finite(bad):
    with np.errstate(invalid="ignore"):
        new = CLIPPED(np.zeros(2), np.array([bad, 1.0]))[0]
    assert not np.isfinite(new[0])


def test_decay_is_not_clipped():
    record = optimizers.get("sgd", clip_norm=1e-9, weight_decay=0.5)
    np.testing.assert_allclose(record([1.0, 2.0], [3.0, 4.0], rate=0.1)[0], [0.95, 1.9], rtol=1e-8)
