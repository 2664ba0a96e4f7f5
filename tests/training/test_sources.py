"""Rows from people's arrays: checks at the surface, and the split that holds rows out."""

import numpy as np
import pytest
import scipy.sparse

from chainrule import Dense, Network, Objective
from chainrule.training.sources import check_finite, held_out_rows, make_rows

LIKE = np.zeros(1)
OBJECTIVE = Objective(Network(Dense(2, 3)), "categorical_cross_entropy")
X = np.arange(12.0).reshape(6, 2)


def test_inputs_are_neither_copied_nor_converted():
    x = X.astype(np.uint8)
    rows = make_rows(OBJECTIVE, x, [0, 1, 2, 0, 1, 2], like=LIKE)
    assert rows.x is x
    assert len(rows) == 6
    np.testing.assert_array_equal(rows.y, np.eye(3)[[0, 1, 2, 0, 1, 2]])
    batch, targets, weight = rows.take(np.array([4, 0]))
    assert batch.dtype == np.float64
    np.testing.assert_array_equal(batch, X[[4, 0]])
    np.testing.assert_array_equal(targets, np.eye(3)[[1, 0]])
    assert weight is None


def test_lists_become_arrays_and_columns_become_csr():
    assert make_rows(OBJECTIVE, X.tolist(), [0] * 6, like=LIKE).x.shape == (6, 2)
    rows = make_rows(OBJECTIVE, scipy.sparse.csc_array(X), [0] * 6, like=LIKE)
    assert rows.x.format == "csr"
    np.testing.assert_array_equal(rows.take(slice(1, 3))[0].toarray(), X[1:3])


def test_weights_are_scaled_to_mean_one():
    rows = make_rows(OBJECTIVE, X, [0] * 6, [1.0, 1.0, 4.0, 0.0, 0.0, 0.0], like=LIKE)
    np.testing.assert_allclose(rows.weight, [1.0, 1.0, 4.0, 0.0, 0.0, 0.0])
    rows = make_rows(OBJECTIVE, X, [0] * 6, np.full(6, 5.0), like=LIKE)
    np.testing.assert_allclose(rows.weight, np.ones(6))


def test_targets_take_the_dtype_of_the_parameters():
    rows = make_rows(OBJECTIVE, X, [0] * 6, np.ones(6), like=np.zeros(1, dtype=np.float32))
    assert rows.y.dtype == rows.weight.dtype == np.float32


def test_a_cell_is_named_by_row_and_column():
    x = X.copy()
    x[4, 1] = np.inf
    message = "x must be finite, without NaN and inf; got inf in row 4, column 1"
    with pytest.raises(ValueError, match=message + ", counted from 0"):
        make_rows(OBJECTIVE, x, [0] * 6, like=LIKE)
    with pytest.raises(ValueError, match=message + r" \('height'\), counted from 0"):
        make_rows(OBJECTIVE, x, [0] * 6, like=LIKE, columns=["width", "height"])
    with pytest.raises(ValueError, match=r"^X must be finite"):
        make_rows(OBJECTIVE, x, [0] * 6, like=LIKE, names=("X", "y"))


def test_a_stored_cell_of_a_sparse_matrix_is_named():
    x = scipy.sparse.csr_matrix(([1.0, np.nan], ([0, 3], [1, 0])), shape=(6, 2))
    with pytest.raises(ValueError, match="got nan in row 3, column 0"):
        check_finite(x, "x")
    check_finite(scipy.sparse.csr_matrix((6, 2)), "x")
    check_finite(np.array([[1, 2]]), "x")


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
