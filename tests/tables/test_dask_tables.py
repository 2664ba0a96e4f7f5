"""Tables of Dask: any columns, partition by partition, to the bits of the same table in files."""

import numpy as np
import pytest

from chainrule import TabularClassifier, TabularRegressor
from chainrule.foundation.errors import InputError

pd = pytest.importorskip("pandas")
dd = pytest.importorskip("dask.dataframe", reason="dask is in the extra 'dask'")
OPTIONS = {"options": {"max_iter": 3}, "random_state": 0, "encoding": "scale"}


@pytest.fixture(scope="module")
def table():
    drawn = np.random.default_rng(0)
    found = pd.DataFrame({"a": drawn.normal(size=400), "b": drawn.choice(["u", "v"], 400)})
    found["w"] = drawn.uniform(0.5, 2.0, size=400)
    found["t"] = np.where(found["a"] + (found["b"] == "u") > 0.5, "yes", "no")
    found.loc[[3, 70], "a"] = np.nan
    return found


def answers(model, table):
    return model.predict_proba(table[["a", "b"]]).tobytes()


@pytest.mark.slow
def test_partitions_train_as_a_file_does(table, tmp_path):
    path = tmp_path / "table.parquet"
    table.to_parquet(path, row_group_size=100, index=False)
    expected = answers(TabularClassifier(**OPTIONS).fit(path, "t", "w"), table)
    frame = dd.from_pandas(table, npartitions=4)
    named = TabularClassifier(**OPTIONS).fit(frame, "t", "w")
    assert named.feature_names_in_.tolist() == ["a", "b"]
    assert answers(named, table) == expected
    apart = TabularClassifier(**OPTIONS).fit(frame[["a", "b"]], frame["t"], frame["w"])
    assert answers(apart, table) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda f: (f, "u"), "y must be a column of X; got 'u'"),
        (lambda f: (f, f["t"]), "y must have another name than the columns of X; got 't'"),
        (lambda f: (f[["a"]].to_dask_array(), f["a"].to_dask_array()), "must be a dask.dataframe"),
        (lambda f: (f[["a"]], f["w"].repartition(npartitions=1)), "the same partitions"),
    ],
)
def test_what_is_no_table_is_refused(table, given, message):
    X, y = given(dd.from_pandas(table, npartitions=4))
    with pytest.raises(InputError, match=message):
        TabularRegressor(**OPTIONS).fit(X, y)


@pytest.mark.parametrize(("cell", "kind"), [("text", "String"), (0.5, "Float64")])
def test_partitions_of_other_columns_are_refused(table, cell, kind):
    import importlib

    delayed = importlib.import_module("dask").delayed
    parts = [delayed(table[:200].assign(a=1)), delayed(table[200:].assign(a=cell))]
    frame = dd.from_delayed(parts, meta=table.iloc[:0], verify_meta=False)
    with pytest.raises(InputError, match=f"partition 1 has 'a' as {kind}, not Int64"):
        TabularClassifier(**OPTIONS).fit(frame, "t", "w")
