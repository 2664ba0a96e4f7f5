"""Folds of tables by the workers of joblib's backend: the same bits, also in a search."""

import logging

import joblib
import numpy as np
import polars as pl
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score

from chainrule import TabularClassifier
from chainrule.foundation.joblib_workers import workers_of_joblib

FEW = {"max_iter": 3}


@pytest.fixture(scope="module")
def data():
    drawn = np.random.default_rng(0)
    frame = pl.DataFrame({"a": drawn.normal(size=300), "b": drawn.choice(["u", "v", "?"], 300)})
    y = np.where(frame["a"].to_numpy() + (frame["b"] == "u").to_numpy() > 0.3, "yes", "no")
    return frame, y


@pytest.fixture(scope="module")
def client():
    dask = pytest.importorskip("distributed", reason="distributed is in the extra 'dask'")
    with (
        dask.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
        ) as cluster,
        dask.Client(cluster) as client,
    ):
        yield client


def told(model, frame):
    """Return what must not depend on who trained the networks."""
    trials = [str(one.encoding) + repr(one.loss) for one in model.leaderboard_.trials]
    return (
        model.predict_proba(frame).tobytes(),
        model.notes_,
        trials,
        model.oof_prediction_.tobytes(),
    )


def test_threads_are_used_unless_a_backend_with_workers_is_chosen():
    assert workers_of_joblib() is None
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert workers_of_joblib() is None
    with joblib.parallel_config(backend="loky", n_jobs=1):
        assert workers_of_joblib() is None


@pytest.mark.slow
def test_processes_train_the_bits_of_threads(data):
    frame, y = data
    model = TabularClassifier(n_folds=3, random_state=0, options=FEW)
    here = told(model.fit(frame, y), frame)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert told(model.fit(frame, y), frame) == here


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_workers_of_dask_train_the_bits_of_threads(client, data):
    frame, y = data
    model = TabularClassifier(n_folds=3, random_state=0, options=FEW)
    here = told(model.fit(frame, y), frame)
    with joblib.parallel_config(backend="dask"):
        assert told(model.fit(frame, y), frame) == here


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_searches_of_scikit_learn_spread_over_dask(client, data):
    frame, y = data[0].to_pandas(), data[1]
    model = TabularClassifier("fast", random_state=0, options=FEW)
    search = GridSearchCV(model, {"encoding": ["scale", "quantiles"]}, cv=2, n_jobs=-1)
    here = search.fit(frame, y).cv_results_["mean_test_score"], cross_val_score(model, frame, y)
    with joblib.parallel_config(backend="dask"):
        there = search.fit(frame, y).cv_results_["mean_test_score"]
        again = cross_val_score(model, frame, y, n_jobs=-1)
    assert there.tolist() == here[0].tolist()
    assert again.tolist() == here[1].tolist()
