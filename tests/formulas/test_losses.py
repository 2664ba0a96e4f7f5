"""Losses as plain functions of predictions, and the targets they take."""

import numpy as np
import pytest

from chainrule import losses

LIKE = np.zeros(1)


@pytest.mark.parametrize("name", [n for n in losses if n != "categorical_cross_entropy"])
def test_nothing_is_broadcast(name):
    p = np.full((60, 1), 0.5)
    for y in (np.ones(60), np.ones((1, 1)), np.ones((60, 2)), 1.0):
        with pytest.raises(ValueError, match="prediction and y must be of the same shape; got"):
            losses[name](p, y)


@pytest.mark.parametrize("name", losses)
def test_no_rows_is_an_error_and_not_nan(name):
    with pytest.raises(ValueError, match="prediction must be of at least one row; got"):
        losses[name](np.zeros((0, 2)), np.zeros((0, 2)))


@pytest.mark.parametrize(
    ("name", "p", "message"),
    [
        ("binary_cross_entropy", 1.5, r"prediction must be in \[0, 1\] for binary_cross_entropy"),
        ("binary_cross_entropy", -0.1, r"got -0.1. Pass predictions after the sigmoid, not score"),
        ("poisson", -2.0, r"prediction must be in \[0, inf\] for poisson; got -2.0. Pass .* expon"),
    ],
)
def test_scores_in_place_of_predictions_are_refused(name, p, message):
    with pytest.raises(ValueError, match=message):
        losses[name]([0.5, p], [1.0, 1.0])


@pytest.mark.parametrize(
    ("name", "y", "message"),
    [
        ("mse", np.nan, "y must be finite for mse; got nan. It stands in row 1"),
        ("mae", np.inf, "y must be finite for mae; got inf"),
        ("poisson", -1.0, "y must be finite and >= 0 for poisson; got -1.0. It stands in row 1"),
        ("binary_cross_entropy", 2.0, r"y must be in \[0, 1\] for binary_cross_entropy; got 2.0"),
        ("binary_cross_entropy", -0.5, r"y must be in \[0, 1\] for binary_cross_entropy; got -0."),
    ],
)
def test_targets_outside_the_domain_are_refused_with_their_row(name, y, message):
    with pytest.raises(ValueError, match=message):
        losses[name].encode([0.5, y, 0.5], 1, LIKE)
    with pytest.raises(ValueError, match=message):
        losses[name]([0.5, 0.5, 0.5], [0.5, y, 0.5])


class TestClassNumbers:
    record = losses["categorical_cross_entropy"]

    @pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "uint32", "int64"])
    def test_any_integer_dtype(self, dtype):
        y = np.array([2, 0, 1], dtype=dtype)
        np.testing.assert_array_equal(self.record.encode(y, 3, LIKE), np.eye(3)[[2, 0, 1]])

    @pytest.mark.parametrize("wrong", [3, -1])
    def test_out_of_range_is_refused_with_its_row(self, wrong):
        message = f"y must be a class number from 0 to 2; got {wrong}. Look at row 1."
        with pytest.raises(ValueError, match=message):
            self.record.encode([0, wrong, 1], 3, LIKE)
        with pytest.raises(ValueError, match=message):
            self.record(np.full((3, 3), 1 / 3), [0, wrong, 1])

    @pytest.mark.parametrize("y", [[0.0, 1.0], [True, False], ["a", "b"]])
    def test_floats_booleans_and_text_are_refused(self, y):
        with pytest.raises(ValueError, match="y must be integer class numbers 0 to 2, or rows of"):
            self.record.encode(np.array(y), 3, LIKE)

    def test_wrong_number_of_columns(self):
        with pytest.raises(ValueError, match=r"y must be of shape \(n, 3\), one column per output"):
            self.record.encode(np.ones((4, 2)), 3, LIKE)

    def test_number_of_rows(self):
        with pytest.raises(ValueError, match="must have the same number of rows; got 2 and 3"):
            self.record(np.full((2, 2), 0.5), [0, 1, 1])

    def test_integer_one_hot_and_soft_rows_agree(self):
        p = [[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]]
        assert self.record(p, [1, 0]) == self.record(p, [[0, 1, 0], [1, 0, 0]])
        soft = self.record(p, [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
        expected = -(0.5 * np.log(0.2) + 0.5 * np.log(0.5) + np.log(0.6)) / 2
        assert soft == pytest.approx(expected, rel=1e-15)


class TestWeights:
    def test_rule_is_one_and_the_same(self):
        """Sum of w l over sum of w; a row of weight 0 is absent, whatever stands in it."""
        assert losses.mae([4.0, 7.0], [5.0, 9.0], sample_weight=[0.0, 3.0]) == 2.0
        assert losses.mse([np.nan, 7.0], [5.0, 9.0], sample_weight=[0.0, 3.0]) == 4.0
        p, y = [[1.0, 2.0], [3.0, 5.0]], [[0.0, 0.0], [0.0, 0.0]]
        assert losses.mae(p, y, sample_weight=[3.0, 1.0]) == (3.0 * 1.5 + 4.0) / 4.0

    @pytest.mark.parametrize(
        ("weight", "message"),
        [
            ([-1.0, 1.0], "sample_weight must be finite and not negative; got -1.0. Look at row 0"),
            (
                [1.0, np.nan],
                "sample_weight must be finite and not negative; got nan. Look at row 1",
            ),
            ([0.0, 0.0], "sample_weight must be positive for some row; got zero for all"),
            ([1.0], r"sample_weight must be of shape \(2,\), one weight per row; got \(1,\)"),
            ([[1.0], [1.0]], r"sample_weight must be of shape \(2,\), one weight per row; got \(2"),
        ],
    )
    def test_impossible_weights_are_refused(self, weight, message):
        with pytest.raises(ValueError, match=message):
            losses.mse([1.0, 2.0], [0.0, 0.0], sample_weight=weight)


def test_columns_are_independent_labels():
    """Binary cross-entropy of several columns is multilabel: the mean of the columns' losses."""
    p, y = np.array([[0.2, 0.9], [0.6, 0.5]]), np.array([[0.0, 1.0], [1.0, 1.0]])
    columns = [losses.binary_cross_entropy(p[:, k], y[:, k]) for k in range(2)]
    assert losses.binary_cross_entropy(p, y) == pytest.approx(np.mean(columns), rel=1e-15)


def test_a_single_number_is_a_prediction_too():
    assert losses.mse(3.0, 1.0) == 4.0
    assert losses.mae(np.float32(3.0), 1) == 2.0


def test_two_dimensional_regression_targets_need_matching_columns():
    with pytest.raises(ValueError, match=r"y must be of shape \(n, 2\), .*; got \(3,\)"):
        losses.mse.encode([1.0, 2.0, 3.0], 2, LIKE)
    np.testing.assert_array_equal(losses.mse.encode([1, 2], 1, LIKE), [[1.0], [2.0]])
