"""Ends of a fit of a table: Ctrl-C, callbacks, and a fit without rows held out."""

import numpy as np
import polars as pl
import pytest

from chainrule import TabularRegressor

RANDOM = np.random.default_rng(7)
FRAME = pl.DataFrame({"age": RANDOM.uniform(18, 80, 200), "town": RANDOM.choice(["A", "B"], 200)})
PRICE = FRAME["age"].to_numpy() + RANDOM.normal(size=200)
QUICK = {"n_folds": 3, "encoding": "scale", "random_state": 0, "options": {"max_iter": 15}}


def regressor(**options):
    return TabularRegressor(**QUICK | options)


def test_ctrl_c_keeps_networks_of_at_least_one_epoch():
    """In a bag, the networks begun; a callback ends training in the same way, without an error."""

    def ends(at, how):
        def called(epoch):
            if (epoch.member, epoch.number) == at:
                return how()
            return None

        return called

    def interrupt():
        raise KeyboardInterrupt

    cut = regressor(callbacks=ends((2, 4), interrupt), n_threads=1)
    with pytest.raises(KeyboardInterrupt):
        cut.fit(FRAME, PRICE)
    assert [one.estimator.n_iter_ for one in cut.members_] == [15, 4]
    assert np.isfinite(cut.predict(FRAME)).all()
    ended = regressor(callbacks=ends((2, 4), lambda: True), n_threads=1).fit(FRAME, PRICE)
    assert [one.estimator.n_iter_ for one in ended.members_] == [15, 4]
    np.testing.assert_array_equal(ended.predict(FRAME), cut.predict(FRAME))


def test_without_folds_one_network_trains_on_all_rows():
    model = regressor(n_folds=0).fit(FRAME, PRICE)
    assert [len(one.held) for one in model.members_] == [0]
    assert model.members_[0].estimator.validation_loss_curve_ is None
    assert np.isnan(model.oof_prediction_).all()
