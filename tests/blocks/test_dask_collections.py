"""Collections of Dask: partitions are blocks, and what is cut otherwise is refused."""

import importlib
import pickle

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor
from chainrule.blocks.dask_collections import DaskSource, at_hand, is_collection
from chainrule.foundation.errors import InputError

pd = pytest.importorskip("pandas")
dd = pytest.importorskip("dask.dataframe", reason="dask is in the extra 'dask'")
da = pytest.importorskip("dask.array")
pytestmark = pytest.mark.filterwarnings("ignore:training stopped after max_iter")
OPTIONS = {"max_iter": 2, "random_state": 0, "tol": 0.0, "hidden_layer_sizes": 4}
COLUMNS = list("abc")


@pytest.fixture(scope="module")
def table():
    drawn = np.random.default_rng(0)
    found = pd.DataFrame(drawn.normal(size=(240, 3)), columns=COLUMNS)
    found["t"] = np.sin(found["a"]) + found["b"]
    found["w"] = drawn.uniform(0.5, 2.0, size=240)
    return found


@pytest.fixture(scope="module")
def frame(table):
    return dd.from_pandas(table, npartitions=4)


def bits(model):
    return model.parameters_.vector.tobytes(), model.loss_curve_


def test_collections_train_as_arrays_do(table, frame):
    X, y = table[COLUMNS].to_numpy(), table["t"].to_numpy()
    arrays = da.from_array(X, chunks=(100, 2)), da.from_array(y, chunks=70)
    expected = bits(MLPRegressor(**OPTIONS).fit(X, y))
    assert bits(MLPRegressor(**OPTIONS).fit(*arrays)) == expected
    model = MLPRegressor(**OPTIONS).fit(frame[[*COLUMNS, "t"]], "t")
    assert bits(model) == expected
    assert model.feature_names_in_.tolist() == COLUMNS
    assert bits(MLPRegressor(**OPTIONS).fit(frame[COLUMNS], frame["t"])) == expected


def test_weights_and_labels_are_columns_or_collections(table, frame):
    labels = table["t"].gt(0).map({True: "yes", False: "no"})
    expected = MLPClassifier(**OPTIONS).fit(
        table[COLUMNS], labels.to_numpy(), sample_weight=table["w"].to_numpy()
    )
    whole = frame[[*COLUMNS, "w"]].assign(label=dd.from_pandas(labels, npartitions=4))
    assert bits(MLPClassifier(**OPTIONS).fit(whole, "label", "w")) == bits(expected)
    apart = MLPClassifier(**OPTIONS).fit(frame[COLUMNS], whole["label"], frame["w"])
    assert bits(apart) == bits(expected)


def test_one_partition_is_computed_at_a_time_and_read_ahead_is_bounded(table):
    dask = importlib.import_module("dask")
    at_once, most = [], []

    def slice_of(start):
        at_once.append(start)
        most.append(len(at_once))
        return table[[*COLUMNS, "t"]].iloc[start : start + 20]

    class Counting(DaskSource):
        def load(self, i):
            found = super().load(i)
            at_once.clear()
            return found

    parts = [dask.delayed(slice_of)(start) for start in range(0, 240, 20)]
    frame = dd.from_delayed(parts, meta=table[[*COLUMNS, "t"]].iloc[:0])
    source = Counting(frame, "t")
    at_once.clear(), most.clear()
    with dask.config.set(scheduler="synchronous"):
        MLPRegressor(**OPTIONS).fit(source, memory="1kB")
    assert max(most) == 1


def test_rows_are_counted_where_dask_does_not_know_them(frame):
    kept = frame[frame["a"] > 0.0]
    assert sum(DaskSource(kept, "t").block_rows) == int((kept["a"] > 0.0).sum().compute())
    values = kept[COLUMNS].to_dask_array(), kept["t"].to_dask_array()
    assert DaskSource(*values).block_rows == DaskSource(kept, "t").block_rows
    none = frame[frame["a"] > 1e6]
    with pytest.raises(InputError, match="X must have at least one row; got none"):
        DaskSource(none, "t")


def test_a_source_that_is_sent_takes_the_partitions_it_is_given(frame):
    source = DaskSource(frame[[*COLUMNS, "t"]], "t")
    sent = pickle.loads(pickle.dumps(source))
    with pytest.raises(RuntimeError, match="partition 1 has not been sent here"):
        sent.load(1)
    with at_hand({1: source.partitions.load(1)}):
        assert np.array_equal(sent.load(1)[0], source.load(1)[0])


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (lambda f: (f, "u"), r"y must be a column of X; got 'u'\. Columns: a, b, c, t, w"),
        (lambda f: (f, None), "y must be a collection of Dask, as X is, or a column of it; got No"),
        (lambda f: (f.assign(q="x"), "t"), "column 'q' is of .*str"),
        (
            lambda f: (f[COLUMNS], f["t"].repartition(npartitions=2)),
            "X and y must have the same partitions; they have 4 and 2",
        ),
        (
            lambda f: (f[COLUMNS], f["t"][f["t"] > 0.0]),
            "the same rows in each partition; partition 0 has 60 and",
        ),
        (
            lambda f: (f[COLUMNS].to_dask_array(lengths=True), da.zeros(3)),
            "X and y must have the same rows; got 240 and 3",
        ),
        (lambda f: (da.zeros(3), da.zeros(3)), "X must be an array of two dimensions"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(frame, of, message):
    X, y = of(frame)
    with pytest.raises(InputError, match=message):
        MLPRegressor(**OPTIONS).fit(X, y)


def test_other_things_are_no_collections(table, frame):
    assert is_collection(frame)
    assert not any(map(is_collection, (table, table.to_numpy(), [[1.0]], "table.parquet")))
