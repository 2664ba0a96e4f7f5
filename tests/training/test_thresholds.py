"""Both sides of every threshold that ends or bounds a run."""

import math

import numpy as np
import pytest

from chainrule import Dense, Network, train
from chainrule.formulas.target_scale import Standardised
from chainrule.foundation import memory
from chainrule.foundation.errors import DivergenceError, InputError
from chainrule.training.curvature import descend
from chainrule.training.splits import held_out_groups, held_out_rows
from chainrule.training.stopping import Patience

LINE = Network(Dense(1, 1, bias=False))
OPTIONS = {"gradient_tolerance": 1e-8, "max_iterations": 60, "max_evaluations": 5000}


def two_batches(weight, x, y):
    """Return the error of one epoch of two rows, a batch each, that moves nothing; or None."""
    start = LINE.parameters(np.array([weight]))
    options = {"batch_size": 1, "shuffle": False, "epochs": 1, "learning_rate": 1e-300}
    try:
        list(train(LINE, [[x[0]], [x[1]]], y, parameters=start, optimizer="sgd", **options))
    except DivergenceError as error:
        return error
    return None


class TestDivergence:
    def test_a_million_times_the_first_loss(self):
        """The first batch has the loss 1, the second the square of its input."""
        assert two_batches(1.0, (0.0, 999.0), (1.0, 0.0)) is None
        error = two_batches(1.0, (0.0, 1001.0), (1.0, 0.0))
        assert (error.step, error.first_loss) == (2, 1.0)

    def test_a_first_loss_below_a_hundredth_of_no_answers_is_luck(self):
        """Scores of 0 have the loss 0.5; the second batch has 6000 on its own."""

        def of(first):
            weight = 1.0 - math.sqrt(first)
            return two_batches(weight, (1.0, math.sqrt(6000.0) / weight), (1.0, 0.0))

        assert of(0.0049) is None
        assert of(0.0051).first_loss == pytest.approx(0.0051)

    def test_a_tenth_of_the_rate_is_advised(self):
        error = DivergenceError(epoch=2, step=3, learning_rate=0.5, loss=9e9, first_loss=1.0)
        assert "Try a learning rate of 0.05 or less" in str(error)


class TestDescent:
    def test_ten_pairs_are_kept(self):
        slopes = np.linspace(1.0, 1e4, 30)
        search = descend(lambda p: (float(0.5 * slopes @ p**2), slopes * p), np.ones(30), **OPTIONS)
        assert [len(point.pairs) for point in search][:15] == [*range(1, 11), *[10] * 5]

    def test_a_search_looks_at_20_points(self):
        asked = []

        def question(point):
            """A slope down, and nothing lower anywhere."""
            asked.append(point)
            return (0.0 if len(asked) == 1 else 1.0), np.array([1.0])

        with pytest.raises(StopIteration) as end:
            next(descend(question, np.zeros(1), **OPTIONS))
        assert end.value.value == "no_improvement"
        assert len(asked) == 1 + 20


class TestSplits:
    def test_two_rows_are_held_out_at_least(self):
        assert len(held_out_rows(10, 0.2, seed=0)[1]) == 2
        with pytest.raises(InputError, match=r"got 0\.1 of 10 rows, which is 1\."):
            held_out_rows(10, 0.1, seed=0)

    def test_two_rows_of_a_class_are_enough(self):
        labels = np.array([0] * 8 + [1] * 2)
        kept, held = held_out_rows(10, 0.5, seed=0, labels=labels)
        assert set(labels[kept]) == set(labels[held]) == {0, 1}
        with pytest.raises(InputError, match="class 1 has 1"):
            held_out_rows(10, 0.5, seed=0, labels=np.array([0] * 9 + [1]))

    def test_two_rows_of_groups_are_held_out_at_least(self):
        assert len(held_out_groups(np.repeat(["a", "b"], 2), 0.5, seed=0)[1]) == 2
        with pytest.raises(InputError, match="at least 2 rows to hold out"):
            held_out_groups(np.array(["a", "b"] + ["c"] * 9), 0.15, seed=0, labels=[0, 1] + [2] * 9)

    def test_a_group_that_comes_no_nearer_is_not_taken(self):
        """Three groups of two rows, of which three are to be held out: one is as near as two."""
        for seed in range(5):
            assert len(held_out_groups(np.repeat(["a", "b", "c"], 2), 0.5, seed)[1]) == 2


def test_an_improvement_is_more_than_the_tolerance():
    patience = Patience(reference=1.0)
    patience.update(0.5, 1, tolerance=0.5)
    assert (patience.stale, patience.reference) == (1, 1.0)
    patience.update(0.49, 2, tolerance=0.5)
    assert (patience.stale, patience.reference) == (0, 0.49)


def test_parameters_that_fill_the_memory_are_not_refused(monkeypatch):
    monkeypatch.setattr(memory, "physical_bytes", lambda: 8000)
    memory.check_memory(200, copies=5, itemsize=8)
    with pytest.raises(MemoryError, match="201 parameters need"):
        memory.check_memory(201, copies=5, itemsize=8)


@pytest.mark.parametrize(("roundings", "spread"), [(60, 1.0), (70, None)])
def test_targets_that_differ_by_64_roundings_are_one_number(roundings, spread):
    """Beyond that the spread is theirs: half their distance."""
    far = 1.0 + 2.0 * roundings * np.finfo(np.float64).eps
    found = Standardised.of(np.array([[1.0], [far]])).spread
    assert found == pytest.approx((far - 1.0) / 2.0 if spread is None else spread, rel=0.05)
