"""Each network of a bag knows the rows that it has not seen."""

import numpy as np
import polars as pl
import pytest

from chainrule import TabularClassifier, load

RANDOM = np.random.default_rng(4)
N = 200
FRAME = pl.DataFrame({"a": RANDOM.normal(size=N), "b": RANDOM.choice(["x", "y"], N)})
Y = np.where(FRAME["a"].to_numpy() > 0.3, "up", "down")


def fitted(**options):
    given = {"n_folds": 3, "encoding": "scale", "random_state": 0, "options": {"max_iter": 3}}
    return TabularClassifier(**given | options)


def test_every_row_is_unseen_by_one_network_which_answered_it():
    model = fitted().fit(FRAME, Y)
    assert sorted(np.concatenate([one.held for one in model.members_])) == list(range(N))
    for one in model.members_:
        alone = model.combined([(one, one.inputs(FRAME[one.held]))])
        np.testing.assert_array_equal(alone, model.oof_prediction_[one.held])


def test_rows_are_numbered_as_in_the_table_where_some_are_absent():
    weight = np.r_[np.zeros(40), np.ones(N - 40)]
    some, rest = fitted().fit(FRAME, Y, weight), fitted().fit(FRAME[40:], Y[40:])
    for one, two in zip(some.members_, rest.members_, strict=True):
        np.testing.assert_array_equal(one.held, two.held + 40)


@pytest.mark.parametrize("n_folds", [1, 3])
def test_files_keep_them(n_folds, tmp_path):
    model = fitted(n_folds=n_folds).fit(FRAME, Y)
    model.save(tmp_path / "model.chainrule")
    for one, two in zip(model.members_, load(tmp_path / "model.chainrule").members_, strict=True):
        assert len(one.held) > 0
        np.testing.assert_array_equal(one.held, two.held)


def test_networks_validated_on_rows_of_another_table_have_seen_all():
    model = fitted().fit(FRAME[:150], Y[:150], X_val=FRAME[150:], y_val=Y[150:])
    assert [len(one.held) for one in model.members_] == [0, 0, 0]
