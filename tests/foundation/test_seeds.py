"""Seeds: one integer, independent streams, and no touch of NumPy's global state."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.foundation.seeds import Purpose, as_seed, stream


@given(seed=st.integers(0, 2**31), counter=st.integers(0, 1000))
def test_streams_repeat_and_differ(seed, counter):
    one = stream(seed, Purpose.SHUFFLE, counter).integers(2**60, size=3)
    np.testing.assert_array_equal(
        one, stream(seed, Purpose.SHUFFLE, counter).integers(2**60, size=3)
    )
    others = [
        stream(seed + 1, Purpose.SHUFFLE, counter),
        stream(seed, Purpose.START, counter),
        stream(seed, Purpose.SHUFFLE, counter + 1),
    ]
    for other in others:
        assert not np.array_equal(one, other.integers(2**60, size=3))


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**32, 2**70])
def test_the_numbers_of_a_stream_are_its_seed(seed):
    """As NumPy takes them, so that a stream can be had without this package."""
    expected = np.random.default_rng([seed, 1, 3]).integers(2**60, size=3)
    np.testing.assert_array_equal(
        stream(seed, Purpose.SHUFFLE, 3).integers(2**60, size=3), expected
    )


def test_purposes_have_fixed_numbers():
    """A number that moves changes every seeded result."""
    assert [(p.name, int(p)) for p in Purpose] == [
        ("START", 0), ("SHUFFLE", 1), ("SPLIT", 2), ("DROPOUT", 3), ("SAMPLE", 4),
        ("MEMBER", 5), ("SEARCH", 6), ("BLOCKS", 7), ("SHARD", 8), ("SPOOL", 9),
    ]  # fmt: skip


def test_integers_stand_for_themselves():
    assert as_seed(7) == 7
    assert as_seed(np.int64(7)) == 7
    assert as_seed(0) == 0


def test_generators_give_their_next_number():
    for make in (np.random.RandomState, np.random.default_rng):
        assert as_seed(make(3)) == as_seed(make(3))
        generator = make(3)
        assert as_seed(generator) != as_seed(generator)


def test_none_draws_a_fresh_seed_and_leaves_the_global_state(global_random_state):
    before = global_random_state()
    seeds = {as_seed(None) for _ in range(20)}
    assert len(seeds) > 10
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert global_random_state() == before


@pytest.mark.parametrize("choice", [-1, 1.5, True, "seed", [1]])
def test_other_seeds_are_refused(choice):
    with pytest.raises(ValueError, match="random_state must be None, an integer of at least 0"):
        as_seed(choice)
