"""Held-out rows: random ones, the last ones, or whole groups."""

import numpy as np
import pytest

from chainrule.training.splits import held_out_groups, held_out_rows, last_rows


@pytest.mark.parametrize(("n", "fraction"), [(10, 0.1), (10, 0.25), (100, 0.101), (3, 0.5)])
def test_split_is_a_partition_rounded_up(n, fraction):
    if n * fraction <= 1.0:
        fraction = 0.2
    train, held = held_out_rows(n, fraction, seed=3)
    assert sorted([*train, *held]) == list(range(n))
    assert len(held) == int(np.ceil(n * fraction))
    assert list(train) == sorted(train)
    assert list(held) == sorted(held)


def test_split_is_drawn_from_the_seed():
    one, same, other = (held_out_rows(50, 0.2, seed=seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_split_keeps_the_shares_of_the_classes():
    """Sorted labels too: each class is in both parts, with its share to one row."""
    labels = np.repeat(["a", "b", "c"], [60, 30, 10])
    _, held = held_out_rows(100, 0.2, seed=0, labels=labels)
    assert {name: int(np.sum(labels[held] == name)) for name in "abc"} == {"a": 12, "b": 6, "c": 2}


@pytest.mark.parametrize(
    ("n", "fraction", "labels", "message"),
    [
        (
            2,
            0.1,
            None,
            "validation_fraction must hold out at least 2 rows and leave 1; got 0.1 of 2",
        ),
        (1, 0.5, None, "validation_fraction must hold out at least 2 rows and leave 1"),
        (
            12,
            0.2,
            np.array([0] * 6 + [1] * 5 + [2]),
            "each class must have at least 2 rows .*class",
        ),
        (
            10,
            0.2,
            np.repeat(np.arange(5), 2),
            "must leave a row of each of 5 classes on both sides",
        ),
    ],
)
def test_splits_that_cannot_be_made(n, fraction, labels, message):
    with pytest.raises(ValueError, match=message):
        held_out_rows(n, fraction, seed=0, labels=labels)


def test_the_last_rows_are_those_of_the_end():
    kept, held = last_rows(10, 0.25)
    np.testing.assert_array_equal(kept, np.arange(7))
    np.testing.assert_array_equal(held, np.arange(7, 10))
    with pytest.raises(ValueError, match=r"hold out at least 2 rows and leave 1; got 0\.1 of 5"):
        last_rows(5, 0.1)


GENERATOR = np.random.default_rng(21)
GROUPS = GENERATOR.integers(0, 40, size=600)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.7])
def test_no_group_is_on_both_sides_and_the_share_is_about_right(seed, fraction):
    kept, held = held_out_groups(GROUPS, fraction, seed)
    np.testing.assert_array_equal(np.sort(np.r_[kept, held]), np.arange(600))
    assert not set(GROUPS[kept]) & set(GROUPS[held])
    largest = np.bincount(GROUPS).max()
    assert abs(len(held) - 600 * fraction) <= largest / 2


def test_groups_are_drawn_from_the_seed_and_may_be_texts():
    names = np.array([f"shop {group}" for group in GROUPS], dtype=object)
    for seed in range(3):
        held = held_out_groups(GROUPS, 0.2, seed)[1]
        np.testing.assert_array_equal(held, held_out_groups(GROUPS, 0.2, seed)[1])
        assert not set(names[held]) & set(np.delete(names, held))
    assert len({tuple(held_out_groups(names, 0.2, seed)[1]) for seed in range(5)}) > 1


def test_every_class_is_still_trained_on():
    """Class 2 lives in one group only, which is never held out."""
    labels = np.where(GROUPS == 7, 2, GROUPS % 2)
    for seed in range(40):
        kept, _ = held_out_groups(GROUPS, 0.3, seed, labels)
        assert set(labels[kept]) == {0, 1, 2}


def test_of_large_groups_the_smallest_is_held_out():
    groups = np.repeat(["a", "b", "c"], [50, 30, 40])
    kept, held = held_out_groups(groups, 0.1, seed=0)
    assert set(groups[held]) == {"b"}
    assert len(kept) == 90


@pytest.mark.parametrize(
    ("groups", "labels", "message"),
    [
        (np.zeros(60), None, "groups must name at least 2 groups; got only 0.0"),
        (np.arange(60) % 2, np.arange(60) % 2, "every class to train on; got 2 groups of 60 rows"),
    ],
)
def test_groups_that_cannot_be_divided(groups, labels, message):
    with pytest.raises(ValueError, match=message):
        held_out_groups(groups, 0.1, 0, labels)


@pytest.mark.parametrize("n", [10, 64, 1001])
def test_split_without_classes_is_scikit_learns(n):
    from sklearn.model_selection import train_test_split

    from chainrule.foundation.seeds import Purpose, stream

    seed = int(stream(4, Purpose.SPLIT).integers(2**31 - 1))
    train, held = train_test_split(np.arange(n), test_size=0.2, random_state=seed)
    found = held_out_rows(n, 0.2, seed=4)
    np.testing.assert_array_equal(found[0], np.sort(train))
    np.testing.assert_array_equal(found[1], np.sort(held))
