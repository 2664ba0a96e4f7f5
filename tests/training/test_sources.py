"""Rows from a user's arrays, and their checks."""

import numpy as np
import pytest
import scipy.sparse

from chainrule import Dense, Network, Objective
from chainrule.foundation.errors import InputError
from chainrule.training.sources import check_finite, make_rows

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


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (("indices", 5, 5_000_000), r"columns 0 to 1; got 5000000\. Look at its indices"),
        (("indices", 0, -3), r"columns 0 to 1; got -3\. Look at its indices"),
        (("indptr", 2, 5_000_000), r"indptr rises from 0 to 12; got 5000000\. .* in indptr\[2\]"),
        (("indptr", -1, 5_000_000), r"indptr rises from 0 to 12; got 5000000\. .* in indptr\[6\]"),
        (("indptr", 0, -4), r"indptr rises from 0 to 12; got -4\. .* in indptr\[0\]"),
        (("indptr", 3, 1), r"indptr rises from 0 to 12; got 1\. .* in indptr\[3\]"),
    ],
)
@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csr_matrix])
def test_entries_outside_a_matrix_are_refused(kind, broken, words):
    x = kind(X + 1.0)
    name, place, number = broken
    getattr(x, name)[place] = number
    with pytest.raises(InputError, match=f"^x must be a CSR matrix.*{words}"):
        make_rows(OBJECTIVE, x, [0] * 6, like=LIKE)


def test_a_matrix_without_entries_is_sound():
    x = scipy.sparse.csr_array((6, 2))
    assert make_rows(OBJECTIVE, x, [0] * 6, like=LIKE).x is x


def test_columns_that_do_not_ascend_are_put_in_order_in_a_copy():
    x = scipy.sparse.csr_array(X + 1.0)[:, ::-1]
    assert not x.has_sorted_indices
    before = [part.tobytes() for part in (x.data, x.indices, x.indptr)]
    rows = make_rows(OBJECTIVE, x, [0] * 6, like=LIKE)
    assert rows.x.has_sorted_indices
    np.testing.assert_array_equal(rows.x.toarray(), x.toarray())
    assert [part.tobytes() for part in (x.data, x.indices, x.indptr)] == before


def test_the_least_whole_number_in_an_absent_row_is_taken_quietly():
    least = np.iinfo(np.int64).min  # its negative is no int64
    x = np.array([[0, 1], [least, 0], [1, 0]])
    rows = make_rows(OBJECTIVE, x, [0, 1, 2], [1.0, 0.0, 1.0], like=LIKE.astype(np.float32))
    assert rows.x.tolist() == [[0, 1], [0, 0], [1, 0]]
