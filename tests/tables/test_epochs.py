"""The epoch that each network of a bag keeps, and what is kept until it is known."""

import numpy as np
import polars as pl
import pytest

from chainrule import TabularRegressor, load
from chainrule.estimators.base import best_epoch_of
from chainrule.tables import bags
from chainrule.tables.epochs import Course, Snapshots, chosen_epochs

RANDOM = np.random.default_rng(3)


def courses(values, epochs=None):
    return [Course(np.array(one), len(one), epochs or range(1, len(one) + 1)) for one in values]


def test_the_rows_of_a_network_have_no_say_in_its_epoch():
    values = RANDOM.random((5, 12))
    before = chosen_epochs(courses(values))
    values[2] = RANDOM.random(12)
    after = chosen_epochs(courses(values))
    assert after[2] == before[2]
    assert after != before


def test_a_few_rows_far_off_do_not_decide_for_all():
    falling = np.linspace(2.0, 1.0, 10)
    values = [falling, falling + 0.1, falling + 0.2, 1e6 * np.arange(1.0, 11.0), falling]
    assert chosen_epochs(courses(values)) == [10, 10, 10, 10, 10]


def test_networks_of_other_numbers_of_epochs_are_compared_at_the_same_share():
    short, long = np.abs(np.arange(1, 11) - 5.0), np.abs(np.arange(1, 21) - 10.0)
    assert chosen_epochs(courses([short, long, long])) == [5, 10, 10]


@pytest.mark.parametrize("values", [[[3.0, 1.0]], [[], []], [[np.nan] * 2] * 2])
def test_without_others_nothing_is_chosen(values):
    assert set(chosen_epochs(courses(values))) <= {None, 1}


def test_snapshots_stay_within_their_memory():
    kept = Snapshots(most=10 * 80)
    for epoch in range(1, 101):
        kept.add(epoch, np.full(10, float(epoch)))
    assert len(kept.vectors) <= 10
    assert list(kept.vectors) == list(range(16, 101, 16))
    assert all((vector == epoch).all() for epoch, vector in kept.vectors.items())


def test_a_network_answers_as_after_its_epoch(monkeypatch, tmp_path):
    X = pl.DataFrame({"x": RANDOM.normal(size=100)})
    y = X["x"].to_numpy() + RANDOM.normal(size=100)
    model = TabularRegressor(n_folds=3, random_state=0, options={"max_iter": 12}).fit(X, y)
    epochs = [best_epoch_of(one.estimator) for one in model.members_]
    losses = [one.held_out_loss for one in model.members_]
    for member, epoch, loss in zip(model.members_, epochs, losses, strict=True):
        assert loss == member.estimator.validation_loss_curve_[epoch - 1]
        found = np.mean((member.answers(member.inputs(X[member.held])) - y[member.held]) ** 2)
        assert found == pytest.approx(loss, rel=1e-4)
        assert not member.snapshots
    model.save(tmp_path / "bag.chainrule")
    again = load(tmp_path / "bag.chainrule")
    assert [best_epoch_of(one.estimator) for one in again.members_] == epochs
    monkeypatch.setattr(bags, "choose_epochs", lambda of_bag: None)
    own = TabularRegressor(n_folds=3, random_state=0, options={"max_iter": 12}).fit(X, y)
    assert min(one.held_out_loss for one in own.members_) <= min(losses)
    assert [best_epoch_of(one.estimator) for one in own.members_] != epochs
